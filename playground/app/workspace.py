"""What is open in the page: the settings, a model, its report. One place holds it, views watch it."""

from __future__ import annotations

from typing import Any

import param

from playground import gallery
from playground.analysis.accuracy import Evaluator, Score, evaluator_for
from playground.app.input_sizes import kept_sizes
from playground.app.links import asked, first_tensor_of, with_defaults
from playground.app.page_words import in_page
from playground.app.results import KEPT, MEASURED, NO_RESULTS, SEARCHED, Earlier, set_aside
from playground.app.steps import Place, Steps
from playground.errors import InvalidInputError, MissingError, PlaygroundError, one_of
from playground.host.sources import Source
from playground.model.graph import Model
from playground.opening import load
from playground.settings import FIELDS, Settings
from playground.tensor_view.picture import Picture, picture_of
from playground.tensor_view.subject import Subject, first_subject, subject_of

UPLOAD = "upload"

LISTED = ("digits-mlp", "digits-convnet")
"""Models of the gallery that are loaded from the start; the others are loaded when they are chosen."""


class Workspace(param.Parameterized):
    """State flows one way: ``change`` or ``open`` -> settings -> report -> views."""

    settings = param.ClassSelector(class_=Settings, default=Settings())
    model = param.ClassSelector(class_=Model, allow_None=True)
    report = param.ClassSelector(class_=Picture, allow_None=True)
    score = param.ClassSelector(class_=Score, allow_None=True, doc="With the tensor quantized; None if not measurable.")
    result = param.Parameter(doc="The last quantized model.")
    answer = param.Parameter(doc="What both models say to the input in the Run view.")
    continuation = param.Parameter(doc="How both models go on with the text in the Run view.")
    compared = param.Parameter(doc="Float and quantized model over the gallery's or the visitor's samples.")
    race = param.Parameter(doc="The last comparison of the engines.")
    ran = param.Parameter(doc="Both models on inputs of the visitor's, or on made-up ones: ran.Ran.")
    sensitivity = param.Parameter(doc="What each layer of the last quantized model does.")
    improvement = param.Parameter(doc="Remedies that were tried; kept while one of them is chosen.")
    curve = param.Parameter(doc="Answers of the last quantized model against the number of calibration samples.")
    mixed = param.Parameter(doc="Formats for each layer; kept while only formats change.")
    beside = param.Parameter(doc="The open model beside another file: file_comparison.Beside; None: nothing is.")
    suggestions = param.Parameter(doc="Sizes that the open model runs with where it leaves some open; None: not tried.")
    recipe = param.Parameter(
        doc="A recipe that was opened from a file, below what the controls say; None: there is none."
    )
    recipe_name = param.String(default="", doc="That file's name.")
    earlier = param.ClassSelector(
        class_=Earlier, allow_None=True, doc="Results with settings that are no longer chosen; None: there are none."
    )
    problem = param.String(default="", doc="One sentence about why the last change could not be shown.")

    def __init__(self, settings: Settings) -> None:
        """Open what the settings name. Raises PlaygroundError as :meth:`change`."""
        super().__init__(settings=settings)
        self._models: dict[str, Model] = {}
        self._evaluators: dict[str, Evaluator | None] = {}
        self._subject: Subject | None = None
        self._upload: Source | None = None
        self._opened: list[Source] = []
        self.steps = Steps()
        self._show(settings)
        self.steps.forget()

    @property
    def subject(self) -> Subject | None:
        """The tensor that is being looked at."""
        return self._subject

    @property
    def evaluator(self) -> Evaluator | None:
        """Measures the open model on its gallery data; None for a model without such data."""
        return self._evaluators.get(self.settings.model)

    def change(self, /, **changes: Any) -> None:
        """Change settings; an unusable change is refused as a whole and leaves everything as it was.

        Raises:
            PlaygroundError: what is wrong, and where.
        """
        wanted = self.settings.with_(**changes)
        if "sizes" not in changes and wanted.model != self.settings.model:
            wanted = wanted.with_(sizes=kept_sizes(self.model_named(wanted.model), wanted.sizes))
        if "tensor" not in changes and wanted.model != self.settings.model:
            wanted = wanted.with_(tensor=first_tensor_of(wanted.model))
        if (wanted.model, wanted.tensor) != (self.settings.model, self.settings.tensor):
            wanted = wanted.with_(**{name: changes.get(name) for name in ("lo", "hi", "zero_point", "channel")})
        if {"format", "symmetric", "narrow_range", "granularity", "convention"} & set(changes):
            wanted = wanted.with_(zero_point=None) if "zero_point" not in changes else wanted
        if {"granularity", "axis"} & set(changes):
            wanted = wanted.with_(channel=changes.get("channel"))
        if {"calibrator", "percentile", "calibrator_parameters"} & set(changes):
            wanted = wanted.with_(lo=changes.get("lo"), hi=changes.get("hi"))
        self._show(wanted)

    def required_model(self) -> Model:
        """The open model. Raises MissingError if there is none."""
        model: Model | None = self.model
        if model is None:
            raise MissingError("no model is open", where="model", hint="Open a model first")
        return model

    def open(self, source: Source) -> Model:
        """Open a file that the visitor chose, and show its largest tensor if it has one that can be shown.

        Raises:
            BadFileError, UnsupportedError, MissingError: the file cannot be used; what was open stays open.
        """
        model = load(source)
        tensor = {"tensor": "", "lo": None, "hi": None, "zero_point": None}
        sizes = kept_sizes(model, self.settings.sizes)
        self._put(source, model, self.settings.with_(model=UPLOAD, **tensor, sizes=sizes))
        self._opened.append(source)
        return model

    @property
    def upload_number(self) -> int:
        """Which of the files opened so far is the open one, counted from 0; -1: none was opened."""
        return next((n for n, source in enumerate(self._opened) if source is self._upload), -1)

    def _put(self, source: Source | None, model: Model, wanted: Settings, **recipe: Any) -> None:
        """Have another file as the opened one, and show it; the previous one stays if that fails."""
        was, previous = self.place, (self._upload, self._models.get(UPLOAD))
        self._upload, self._models[UPLOAD] = source, model
        try:
            self._show(wanted, fresh=True, was=was, **recipe)
        except Exception:
            self._upload = previous[0]
            if previous[1] is None:
                del self._models[UPLOAD]
            else:
                self._models[UPLOAD] = previous[1]
            raise

    @property
    def place(self) -> Place:
        """What undo comes back to."""
        return Place(self.settings, self._upload, self.recipe, self.recipe_name)

    def undo(self) -> None:
        """Take the last step back.

        Raises:
            PlaygroundError: there is none, or its file can no longer be read; everything stays as it was.
        """
        left = self.place
        self._return(self.steps.before())
        self.steps.went_back(left)

    def redo(self) -> None:
        """Do again what was undone last. Raises PlaygroundError as :meth:`undo`."""
        left = self.place
        self._return(self.steps.after())
        self.steps.went_on(left)

    def _return(self, place: Place) -> None:
        wanted = place.settings.with_(view=self.settings.view)
        recipe = {"recipe": place.recipe, "recipe_name": place.recipe_name, "noted": False}
        if wanted.model == UPLOAD and place.upload is not None and place.upload is not self._upload:
            self._put(place.upload, load(place.upload), wanted, **recipe)
        else:
            self._show(wanted, **recipe)

    def show(self, settings: Settings) -> tuple[str, ...]:
        """Show what a link asks for; what cannot be shown is left at its default, and a sentence says which and why."""
        try:
            self._show(asked(settings))
            return ()
        except PlaygroundError as error:
            refused = in_page(str(error))
        for wanted in with_defaults(settings):
            try:
                self._show(asked(wanted))
            except PlaygroundError:
                continue
            left_out = [name for name in FIELDS if getattr(wanted, name) != getattr(settings, name)]
            return (f"{refused.rstrip('.')}. Left out of the link: {', '.join(left_out)}.",)
        self._show(Settings(view=settings.view))
        return (refused,)

    def follow(self, recipe: Any, name: str, **changes: Any) -> None:
        """Put a recipe below what the controls say (None: take it away), and bring the controls in line with it.

        Raises:
            PlaygroundError: a change is invalid; everything stays as it was.
        """
        self._show(self.settings.with_(**changes), recipe=recipe, recipe_name=name)

    def reset(self) -> None:
        """Every setting as it was when the page was opened for the first time; an uploaded model stays loaded."""
        self._show(Settings(view=self.settings.view), recipe=None, recipe_name="")

    def shown(self, name: str) -> Any:
        """A result of the quantized model; while there is none, the earlier one's, if there was one."""
        return self.earlier.values[name] if self.is_before else getattr(self, name)

    @property
    def is_before(self) -> bool:
        """Whether what :meth:`shown` tells is from before the last change of the recipe."""
        return self.result is None and self.earlier is not None

    def other_samples(self) -> None:
        """The samples are others now: what was measured with those before is kept as such."""
        present = self._present(again=False)
        self.param.update(**set_aside(present, None, self.settings, self.recipe), mixed=None)

    def _present(self, *, again: bool = True) -> Earlier:
        return Earlier(self.settings, self.recipe, {name: getattr(self, name) for name in KEPT}, again)

    def is_open(self, key: str) -> bool:
        """Whether a model is loaded."""
        return key in self._models

    def is_listed(self, key: str) -> bool:
        """Whether the tensor picker offers a model of the gallery."""
        return key in LISTED or self.is_open(key)

    def model_named(self, key: str) -> Model:
        """A gallery model (opened on first use) or the uploaded one.

        Raises:
            MissingError, InvalidInputError: there is none of that name, or its file has not come.
        """
        if key == UPLOAD and key not in self._models:
            raise MissingError("the uploaded model is no longer open", where="model", hint="Open it again")
        if key not in self._models:
            if key not in gallery.entries():
                raise InvalidInputError(
                    f"{key!r} is not in the gallery", where="model", hint=one_of(key, gallery.entries())
                )
            self._models[key] = gallery.open_model(key)
        return self._models[key]

    def _subject_of(self, model: Model, name: str) -> tuple[Subject | None, str]:
        """The tensor to look at, if there is one, and a sentence about those that cannot be looked at."""
        known = self._subject
        if known is not None and model is self.model and known.name == name:
            return known, ""
        return (subject_of(model, name), "") if name else first_subject(model)

    def _show(
        self, wanted: Settings, *, fresh: bool = False, noted: bool = True, was: Place | None = None, **recipe: Any
    ) -> None:
        """Show what is wanted: all of it, or nothing changes.

        Args:
            wanted: the settings.
            fresh: whether the model is another one than that of the same name before.
            noted: whether it is a step that can be undone.
            was: where that step begins, if not at the present place.
            recipe: ``recipe`` and ``recipe_name``, those of a file, where they change.
        """
        was = was or self.place
        model = self.model_named(wanted.model)
        subject, problem = self._subject_of(model, wanted.tensor)
        wanted = wanted.with_(tensor=subject.name if subject is not None else "")
        report, x_hat = picture_of(subject, wanted) if subject is not None else (None, None)
        if fresh or wanted.model not in self._evaluators:
            self._evaluators[wanted.model] = evaluator_for(wanted.model, model)
        evaluator = self._evaluators[wanted.model]
        score = evaluator.with_weight(wanted.tensor, x_hat) if evaluator and x_hat is not None else None
        self._subject = subject
        changes = self._following(model, wanted, recipe)
        shown: dict[str, Any] = {"settings": wanted, "report": report, "score": score, "problem": problem}
        self.param.update(**changes, **recipe, **shown)
        if noted:
            self.steps.note(was, self.place)

    def _following(self, model: Model, wanted: Settings, recipe: dict[str, Any]) -> dict[str, Any]:
        """What becomes of the results when a model, settings and a recipe are chosen."""
        file = recipe.get("recipe", self.recipe)
        if model is not self.model:
            nothing = {**NO_RESULTS, **SEARCHED, "earlier": None, "beside": None}
            return {**nothing, "model": model, "suggestions": None}
        changes: dict[str, Any] = {}
        if wanted.answer != self.settings.answer:
            changes = {"compared": self._read_as(wanted.answer), **MEASURED}
        if wanted.recipe != self.settings.recipe or file is not self.recipe:
            changes |= set_aside(self._present(), self.earlier, wanted, file)
        if wanted.placement != self.settings.placement or file is not self.recipe:
            changes["mixed"] = None
        return changes

    def _read_as(self, choice: str) -> Any:
        """The comparison, its outputs read as another kind of answer; None if it has to be made anew.

        Raises:
            InvalidInputError: they cannot be read so.
        """
        return self.compared.read_as(choice) if self.compared is not None else None


def open_workspace(settings: Settings) -> tuple[Workspace, tuple[str, ...]]:
    """A workspace for the settings; where a link asks for what is not there, the default and a sentence about it."""
    try:
        return Workspace(asked(settings)), ()
    except PlaygroundError:
        workspace = Workspace(Settings(view=settings.view))
        return workspace, workspace.show(settings)
