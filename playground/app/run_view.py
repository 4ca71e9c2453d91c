"""The Run view: the float answer next to the quantized answer, and the engines side by side."""

from __future__ import annotations

from collections.abc import Sequence

from bokeh.layouts import column
from bokeh.models import ColumnDataSource, FactorRange, Range1d, UIElement

from playground import gallery
from playground.analysis.race import ORT_FLOAT, ORT_INT8, OURS, Race
from playground.app.gallery_files import gallery_samples, reads_text
from playground.app.workspace import Workspace
from playground.render import html
from playground.render.numbers import digits, grouped
from playground.render.paired import paired_bars
from playground.render.style import plain_figure
from playground.settings import Settings

CLASSES = tuple(str(digit) for digit in range(10))
CHOOSE = "Choose a sample or draw a digit. The model is quantized with the Model view's settings, then both models run."
GIVE = (
    "Choose an .npz file with an array for each input, or images. "
    "The model is quantized with the Model view's settings, then both models run."
)
WORDS = (
    "Choose an .npz file with an array for each input, or images if the model reads these. "
    "What both models say and how far the outputs are apart is shown here."
)
KEY = html.legend(("float", "float model"), ("quant", "quantized model"))
TEXT = "Type a text. The model is quantized with the Model view's settings, then both models continue the text."
UNRACED = "Compare the engines: our int8 kernels, ONNX Runtime Web on the quantized file and on the float model."
NOTHING = (0.0,) * len(CLASSES)


class AnswersPlot:
    """Probabilities of the ten digits, float beside quantized."""

    def __init__(self) -> None:
        """An empty plot."""
        self.figure = plain_figure(
            "answers-plot", height=260, description="Probability of each digit, float beside quantized",
            x_range=FactorRange(*CLASSES), y_range=Range1d(0, 1.02),
        )  # fmt: skip
        self.source = ColumnDataSource({"digit": CLASSES, "float": NOTHING, "quantized": NOTHING}, name="answers")
        paired_bars(self.figure, self.source, "digit", ("float", "quantized"))

    def show(self, floats: Sequence[float], quantized: Sequence[float]) -> None:
        """Show two distributions over the digits."""
        self.source.data = {"digit": CLASSES, "float": list(floats), "quantized": list(quantized)}


class RunView:
    """Answers, agreement and timings of the open model."""

    def __init__(self, workspace: Workspace) -> None:
        """Build everything and watch ``workspace``."""
        self.workspace = workspace
        self._settings = ""
        self.plot = AnswersPlot()
        self.numbers, self.heading, self.engines = (html.block(f"run-{n}") for n in ("numbers", "answers", "engines"))
        followed = ["model", "result", "answer", "race", "ran", "compared", "continuation", "earlier"]
        workspace.param.watch(lambda *_: self.show(), followed)
        workspace.param.watch(lambda *_: self._show_settings(), "settings")
        self.show()

    def roots(self) -> dict[str, UIElement]:
        """Slot name -> what goes there."""
        return {
            "numbers": self.numbers,
            "answers": column(self.heading, self.plot.figure, sizing_mode="stretch_width", spacing=6),
            "engines": self.engines,
        }

    def show(self) -> None:
        """Bring everything in line with the workspace."""
        self._show_numbers()
        self._show_answer()
        race = self.workspace.shown("race")
        self.engines.text = self._marked(_race_table(race)) if race else html.title("Engines") + html.note(UNRACED)

    def _marked(self, text: str) -> str:
        """What is from before the last change says so."""
        return html.before(text) if self.workspace.is_before else text

    def _show_settings(self) -> None:
        """The numbers, if what is said of the settings is another sentence now."""
        if which_settings(self.workspace.settings) != self._settings:
            self._show_numbers()

    def _show_numbers(self) -> None:
        self._settings = which_settings(self.workspace.settings)
        graph = self.workspace.model is not None and self.workspace.model.graph is not None
        told = html.part(html.note(self._settings)) if self._settings and graph else ""
        self.numbers.text = self._numbers() + told

    def _numbers(self) -> str:
        compared, ran = self.workspace.shown("compared"), self.workspace.shown("ran")
        if compared is None and ran is not None:
            number = html.Number("Largest difference", digits(ran.largest), f"{ran.about}.")
            return self._marked(html.cards([number]))
        if compared is None:
            text = CHOOSE if self._reads_digits() else GIVE
            text = TEXT if reads_text(self.workspace.settings.model) else text
            return html.cards([html.Number("Float beside quantized", "—", text)])
        key = self.workspace.settings.model
        from playground.render.compared import all_numbers, read_as  # no first view needs it

        noun = gallery.entry(key).data.noun if key in gallery.entries() else compared.quantized.noun
        cards = html.cards(all_numbers(compared, f"on {grouped(compared.count)} {noun}"))
        return self._marked(cards + html.part(html.note(read_as(compared.quantized))))

    def _reads_digits(self) -> bool:
        return gallery_samples(self.workspace.settings.model) == "digits"

    def _show_answer(self) -> None:
        answer, digits_read = self.workspace.shown("answer"), self._reads_digits()
        self.plot.figure.visible = digits_read
        if reads_text(self.workspace.settings.model):
            self.heading.text = self._continuation()
            return
        if not digits_read:
            self.heading.text = html.title("Answers") + self._ran()
            return
        if answer is None:
            self.plot.show(NOTHING, NOTHING)
            self.heading.text = html.title("Answers") + KEY
            return
        self.plot.show(answer.original, answer.quantized)
        self.heading.text = self._marked(html.title(answer.sentence) + KEY)

    def _ran(self) -> str:
        """How far each output of the quantized model is from the float one's."""
        ran = self.workspace.shown("ran")
        return html.note(WORDS) if ran is None else self._marked(html.note(ran.sentence) + ran.table)

    def _continuation(self) -> str:
        """How both models continue the text."""
        found = self.workspace.shown("continuation")
        if found is None:
            return html.title("The next characters") + html.note(TEXT)
        from playground.render.prompt import likely_table, side_by_side  # no first view needs it

        original, quantized = found.original, found.quantized
        return self._marked(
            html.title("The next characters", found.sentence)
            + side_by_side(found.read, original.text, quantized.text)
            + html.part(html.note("The most probable next characters"))
            + likely_table(original.first, quantized.first)
        )


def which_settings(settings: Settings) -> str:
    """That the Model view's settings hold here, where the Tensor view has others; else empty."""
    model, tensor = (settings.weights, settings.weights_granularity), (settings.format, settings.granularity)
    if model == tensor:
        return ""
    used, other = (f"{form}, a scale for each {part}" for form, part in (model, tensor))
    return f"The quantized model has the Model view's settings ({used}), not the Tensor view's ({other})."


def _race_table(race: Race) -> str:
    from playground.render.engines import engines_table  # no first view needs it

    return engines_table(race) + _profile(race)


def _profile(race: Race) -> str:
    """Which steps take our kernels' time, and why."""
    if race.profile is None:
        return ""
    from playground.render import profile as told  # no first view needs it

    sentences = told.sentences(race.profile, *map(race.seconds, (ORT_INT8, ORT_FLOAT, OURS)))
    table = html.table(told.HEAD, told.rows(race.profile))
    return html.part(html.title("Time by step", "our kernels")) + html.bullets(sentences) + table
