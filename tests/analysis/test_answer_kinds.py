"""What outputs are read as; each kind's measures against scikit-learn, SciPy and references from the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy, spearmanr
from sklearn.metrics import accuracy_score, jaccard_score
from sklearn.metrics.pairwise import cosine_similarity

from playground.analysis.answer_kinds import Evidence, answer_kinds, read_outputs
from playground.analysis.answer_kinds._box_forms import box_form
from playground.analysis.answer_kinds.boxes import OVERLAP, THRESHOLD, overlaps
from playground.analysis.answer_kinds.sequences import decoded, edit_distance
from playground.analysis.outputs import AnswerReader, Measured, OutputTally
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Node, Tensor
from playground.operators import view_of
from tests.analysis.outputs import graph_with

N = 24
IMAGE = {"x": ("float32", (None, 3, 16, 16))}
IDS = {"ids": ("int64", (None, 9))}


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def normal(*shape: int) -> np.ndarray:
    return rng().normal(size=shape).astype(np.float32)


def noisy(x: np.ndarray, size: float = 0.3) -> np.ndarray:
    return (x + np.random.default_rng(6).normal(0, size, x.shape)).astype(np.float32)


def measured(graph: Graph, reference: dict, outputs: dict, choice: str = "auto", **options: bool) -> Measured:
    """In two batches, as an analysis does it."""
    tally = OutputTally(AnswerReader(view_of(graph), choice, **options))
    for part in (slice(0, 15), slice(15, None)):
        first, second = ({k: x[part] for k, x in held.items()} for held in (reference, outputs))
        tally.update(first, second, None, len(next(iter(first.values()))))
    return tally.measured()


def values_of(found: Measured) -> dict[str, float]:
    return {measure.name: measure.value for measure in found.measures}


def kind(graph: Graph, samples: int = N, **outputs: np.ndarray) -> str:
    return read_outputs(Evidence(view_of(graph), outputs, samples)).kind


def anchors(samples: int = N, places: int = 60, classes: int = 18, seed: int = 3) -> np.ndarray:
    """What a detector gives: (samples, 4 + classes, places); a few places see something, the others nothing."""
    made = np.random.default_rng(seed)
    centres = made.uniform(40, 600, (samples, 2, places))
    sizes = made.uniform(20, 80, (samples, 2, places))
    scores = made.uniform(0, 0.04, (samples, classes, places))
    for sample in range(samples):
        for place in made.choice(places, 5, replace=False):
            scores[sample, made.integers(classes), place] = made.uniform(0.4, 0.95)
    return np.concatenate([centres, sizes, scores], axis=1).astype(np.float32)


# ---------------------------------------------------------------- recognition


def detector_head() -> Graph:
    return graph_with(IMAGE, [Node("Concat", "join", ("b", "s"), ("y",), {"axis": 1})], y=(None, 22, 60))


RECOGNISED = {
    "logits": (graph_with(y=(None, 10)), {"y": normal(N, 10)}, "classes"),
    "many logits by name": (graph_with(logits=(None, 128)), {"logits": normal(N, 128)}, "classes"),
    "softmax over 128": (graph_with(y=(None, 128)), {"y": softmax(normal(N, 128), axis=1)}, "classes"),
    "one pixel": (graph_with(y=(None, 10, 1, 1)), {"y": normal(N, 10, 1, 1)}, "classes"),
    "one sigmoid": (
        graph_with(nodes=[Node("Sigmoid", "s", ("x",), ("y",))], y=(None, 1)),
        {"y": rng().uniform(0, 1, (N, 1)).astype(np.float32)},
        "classes",
    ),
    "one number": (graph_with(y=(None, 1)), {"y": normal(N, 1)}, "values"),
    "numbers of classes": (graph_with(y=(None,)), {"y": rng().integers(0, 9, N)}, "classes"),
    "features by size": (graph_with(y=(None, 256)), {"y": normal(N, 256)}, "embeddings"),
    "features by name": (graph_with(embedding=(None, 50)), {"embedding": normal(N, 50)}, "embeddings"),
    "features of length one": (
        graph_with(y=(None, 100)),
        {"y": normal(N, 100) / np.linalg.norm(normal(N, 100), axis=1, keepdims=True)},
        "embeddings",
    ),
    "pooled beside states": (
        graph_with(IDS, last_hidden_state=(None, 9, 64), pooler_output=(None, 64)),
        {"last_hidden_state": normal(N, 9, 64), "pooler_output": normal(N, 64)},
        "embeddings",
    ),
    "hidden states": (
        graph_with(IDS, last_hidden_state=(None, 9, 64)),
        {"last_hidden_state": normal(N, 9, 64)},
        "values",
    ),
    "scores of a picture": (graph_with(IMAGE, y=(None, 5, 16, 16)), {"y": normal(N, 5, 16, 16)}, "pixels"),
    "softmaxed picture, classes last": (
        graph_with(IMAGE, y=(None, 8, 8, 5)),
        {"y": softmax(normal(N, 8, 8, 5), axis=-1)},
        "pixels",
    ),
    "mask": (
        graph_with(IMAGE, [Node("Sigmoid", "s", ("x",), ("y",))], y=(None, 1, 16, 16)),
        {"y": rng().uniform(0, 1, (N, 1, 16, 16)).astype(np.float32)},
        "pixels",
    ),
    "a picture of the input's channels": (
        graph_with(IMAGE, y=(None, 3, 16, 16)),
        {"y": normal(N, 3, 16, 16)},
        "values",
    ),
    "feature maps": (graph_with(IMAGE, y=(None, 64, 4, 4)), {"y": normal(N, 64, 4, 4)}, "values"),
    "next tokens": (
        graph_with(
            IDS,
            [Node("Gather", "look up", ("table", "ids"), ("e",))],
            {"table": Tensor.of("table", np.zeros((64, 8), np.float32))},
            y=(None, 9, 64),
        ),
        {"y": normal(N, 9, 64)},
        "tokens",
    ),
    "kinds of words": (graph_with(IDS, y=(None, 9, 7)), {"y": normal(N, 9, 7)}, "tokens"),
    "places of a detector": (detector_head(), {"y": anchors()}, "boxes"),
    "places first, with objectness": (graph_with(IMAGE, y=(None, 60, 22)), {"y": anchors().swapaxes(1, 2)}, "boxes"),
    "boxes and scores apart": (
        graph_with(IMAGE, boxes=(None, 60, 4), scores=(None, 60, 18)),
        {"boxes": anchors()[:, :4].swapaxes(1, 2), "scores": anchors()[:, 4:].swapaxes(1, 2)},
        "boxes",
    ),
    "a row of numbers": (graph_with(y=(None, 2, 3, 4, 5)), {"y": normal(N, 2, 3, 4, 5)}, "values"),
}


@pytest.mark.parametrize("name", RECOGNISED)
def test_outputs_are_recognised(name: str) -> None:
    graph, outputs, wanted = RECOGNISED[name]
    assert kind(graph, **outputs) == wanted


@pytest.mark.parametrize("order", ["samples first", "steps first"])
def test_a_blank_makes_a_sequence(order: str) -> None:
    steps = with_blanks()
    given = steps if order == "samples first" else steps.swapaxes(0, 1)
    graph = graph_with(IMAGE, y=(None, None, 7))
    assert kind(graph, y=given) == "sequences"
    assert kind(graph, y=softmax(given, axis=-1)) == "sequences"


def test_every_kind_can_be_chosen_or_says_what_it_needs() -> None:
    evidence = Evidence(view_of(graph_with(IMAGE, y=(None, 22, 60))), {"y": anchors()}, N)
    for name in ("boxes", "sequences", "tokens", "embeddings", "values"):
        assert read_outputs(evidence, name).kind == name
    for name in ("pixels", "classes"):
        with pytest.raises(
            InvalidInputError, match=rf"cannot be read as {answer_kinds()[name].title}.* this one needs an output"
        ):
            read_outputs(evidence, name)
    with pytest.raises(InvalidInputError, match=r"'box' is not a kind of answer.*boxes"):
        read_outputs(evidence, "box")


# ---------------------------------------------------------------- measures


def test_classes_by_scikit_learn() -> None:
    x, y = normal(N, 10), noisy(normal(N, 10), 1.0)
    found = measured(graph_with(y=(None, 10)), {"y": x}, {"y": y})
    assert found.agreement == values_of(found)["Agreement"] == accuracy_score(x.argmax(axis=1), y.argmax(axis=1)) < 1
    assert found.distance == pytest.approx(entropy(softmax(x, axis=1), softmax(y, axis=1), axis=1).mean(), rel=1e-4)


@pytest.mark.parametrize("axis", [1, 3])
def test_pixels_by_scikit_learn(axis: int) -> None:
    x = normal(N, 5, 16, 16) + 2 * np.eye(5, dtype=np.float32)[rng().integers(0, 5, (N, 16, 16))].transpose(0, 3, 1, 2)
    x = np.moveaxis(x, 1, axis)
    y = noisy(x, 1.0)
    found = measured(graph_with(IMAGE, y=x.shape), {"y": x}, {"y": y}, "pixels")
    a, b = (z.argmax(axis=axis).reshape(-1) for z in (x, y))
    assert found.agreement == pytest.approx(accuracy_score(a, b))
    assert values_of(found)["Mean IoU"] == pytest.approx(jaccard_score(a, b, average="macro"))
    assert (found.noun, found.samples) == ("pixels", N * 256)


def test_a_mask_is_yes_above_one_half() -> None:
    x = rng().uniform(0, 1, (N, 1, 16, 16)).astype(np.float32)
    y = np.clip(noisy(x), 0, 1)
    graph = graph_with(IMAGE, [Node("Sigmoid", "s", ("x",), ("y",))], y=(None, 1, 16, 16))
    found = measured(graph, {"y": x}, {"y": y})
    a, b = (z.reshape(-1) > 0.5 for z in (x, y))
    assert found.agreement == pytest.approx((a == b).mean())
    assert values_of(found)["Mean IoU"] == pytest.approx(jaccard_score(a, b, average="macro"))


def with_blanks(samples: int = N, length: int = 20, classes: int = 7) -> np.ndarray:
    """Scores of steps, of which about half are blank (class 0)."""
    made = np.random.default_rng(8)
    tops = np.where(made.random((samples, length)) < 0.5, 0, made.integers(1, classes, (samples, length)))
    return (6 * np.eye(classes)[tops] + made.normal(size=(samples, length, classes))).astype(np.float32)


def ctc(tops: list[int], blank: int) -> list[int]:
    """CTC's greedy decoding, from the definition: merge what repeats, then drop blanks."""
    merged = [top for at, top in enumerate(tops) if at == 0 or tops[at - 1] != top]
    return [top for top in merged if top != blank]


def levenshtein(a: list[int], b: list[int]) -> int:
    """From the definition, by recursion over a table."""
    table = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            replaced = table[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, replaced)
    return table[len(a), len(b)]


def test_decoding_and_edits_by_their_definitions() -> None:
    made = np.random.default_rng(1)
    for _ in range(200):
        a, b = (made.integers(0, 4, made.integers(1, 12)) for _ in range(2))
        assert decoded(a, 0).tolist() == ctc(a.tolist(), 0)
        assert edit_distance(a, b) == levenshtein(a.tolist(), b.tolist())
    assert edit_distance([], [1, 2]) == edit_distance([1, 2], []) == 2


@pytest.mark.parametrize("steps_first", [False, True])
def test_sequences_by_a_plain_reference(steps_first: bool) -> None:
    x = with_blanks()
    y = noisy(x, 2.0)
    turned = [z.swapaxes(0, 1) if steps_first else z for z in (x, y)]
    graph = graph_with(IMAGE, y=(None, None, 7))
    tally = OutputTally(AnswerReader(view_of(graph)))
    tally.update({"y": turned[0]}, {"y": turned[1]}, None, N)
    found = tally.measured()
    texts = [[ctc(row.tolist(), 0) for row in z.argmax(axis=-1)] for z in (x, y)]
    same = np.mean([a == b for a, b in zip(*texts, strict=True)])
    errors = sum(levenshtein(a, b) for a, b in zip(*texts, strict=True)) / sum(map(len, texts[0]))
    assert found.kind == "sequences"
    assert values_of(found) == {"Same decoded sequence": same, "Character error rate": pytest.approx(errors)}
    assert 0 < same < 1


def test_a_text_that_is_empty_everywhere_agrees_with_nothing() -> None:
    """The recogniser that reads no character: every step blank, 6.9 dB, and once called 100 %."""
    x = with_blanks()
    x[..., 0] += 20
    y = noisy(x, np.sqrt((x**2).mean() / 10**0.69))
    y[..., 0] += 40
    found = measured(graph_with(IMAGE, y=(None, 20, 7)), {"y": x}, {"y": y})
    assert found.kind == "sequences"
    assert found.agreement is None
    assert found.headline is None
    assert found.silent == "the float model's decoded sequence is empty for every sample"
    assert found.sqnr_db < 8


def test_tokens_count_positions() -> None:
    x = normal(N, 9, 7)
    y = noisy(x, 0.7)
    found = measured(graph_with(IDS, y=(None, 9, 7)), {"y": x}, {"y": y})
    assert found.agreement == accuracy_score(x.argmax(axis=2).reshape(-1), y.argmax(axis=2).reshape(-1))
    assert (found.noun, found.samples) == ("positions", N * 9)


def test_embeddings_by_scikit_learn_and_scipy() -> None:
    x = normal(N, 128)
    y = noisy(x, 0.5)
    found = values_of(measured(graph_with(y=(None, 128)), {"y": x}, {"y": y}))
    assert found["Cosine"] == pytest.approx(np.diag(cosine_similarity(x, y)).mean())
    tables = [cosine_similarity(z.astype(np.float64)) for z in (x, y)]
    others = ~np.eye(N, dtype=bool)
    rows = [table[others].reshape(N, N - 1) for table in tables]
    assert found["Same nearest neighbour"] == (rows[0].argmax(axis=1) == rows[1].argmax(axis=1)).mean() < 1
    wanted = np.mean([spearmanr(a, b).statistic for a, b in zip(*rows, strict=True)])
    assert found["Order of neighbours"] == pytest.approx(wanted)


def test_values_by_output() -> None:
    x = {"a": normal(N, 2, 3, 4, 5), "b": 1000 * normal(N, 2, 3, 4)}
    y = {"a": noisy(x["a"], 0.5), "b": noisy(x["b"], 1.0)}
    found = measured(graph_with(a=(None, 2, 3, 4, 5), b=(None, 2, 3, 4)), x, y)
    errors = {name: ((y[name] - x[name]) ** 2).sum() / (x[name].astype(np.float64) ** 2).sum() for name in x}
    for name, error in errors.items():
        assert values_of(found)[f"SQNR of {name}"] == pytest.approx(-10 * np.log10(error), abs=1e-3)
    assert found.measures[0].name == "SQNR of a"
    assert found.distance == found.relative_error == pytest.approx(np.mean(list(errors.values())))


# ---------------------------------------------------------------- boxes


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Of two boxes as corners, from the definition."""
    width, height = (max(0.0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def found_boxes(columns: np.ndarray) -> list[tuple[float, int, np.ndarray]]:
    """The boxes that one sample's places give: threshold, then non-maximum suppression, one by one."""
    boxes = []
    for x, y, w, h, *scores in columns.T.astype(np.float64):
        if max(scores) >= THRESHOLD:
            boxes.append((max(scores), int(np.argmax(scores)), np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])))
    kept: list[tuple[float, int, np.ndarray]] = []
    for box in sorted(boxes, key=lambda box: -box[0]):
        if not any(box[1] == other[1] and iou(box[2], other[2]) >= OVERLAP for other in kept):
            kept.append(box)
    return kept


def f1(reference: np.ndarray, outputs: np.ndarray) -> float:
    hits = total = 0
    for a, b in zip(reference, outputs, strict=True):
        first, second = found_boxes(a), found_boxes(b)
        total += len(first) + len(second)
        for _, label, box in first:
            fitting = [other for other in second if other[1] == label and iou(box, other[2]) >= OVERLAP]
            if fitting:
                best = max(fitting, key=lambda other: iou(box, other[2]))
                second = [other for other in second if other is not best]
                hits += 1
    return 2 * hits / total


def moved(places: np.ndarray, size: float = 6.0) -> np.ndarray:
    """Boxes moved by a few pixels, scores changed a little."""
    made = np.random.default_rng(11)
    y = places.copy()
    y[:, :4] += made.normal(0, size, y[:, :4].shape)
    y[:, 4:] = np.clip(y[:, 4:] + made.normal(0, 0.03, y[:, 4:].shape), 0, 1)
    y[:, 2:4] = np.maximum(y[:, 2:4], 1)
    return y


@pytest.mark.parametrize("form", ["classes first", "places first with objectness", "apart", "finished"])
def test_boxes_by_a_plain_reference(form: str) -> None:
    x = anchors()
    y = moved(x)
    wanted = f1(x, y)
    assert 0.3 < wanted < 0.97
    graph, outputs = _form(form)
    assert values_of(measured(graph, outputs(x), outputs(y)))["Boxes found by both (F1)"] == pytest.approx(wanted)


def _form(form: str):
    if form == "classes first":
        return graph_with(IMAGE, y=(None, 22, 60)), lambda x: {"y": x}
    if form == "places first with objectness":
        ones = np.ones((N, 1, 60), np.float32)
        both = lambda x: np.concatenate([x[:, :4], ones, x[:, 4:]], axis=1).swapaxes(1, 2)  # noqa: E731
        return graph_with(IMAGE, y=(None, 60, 23)), lambda x: {"y": both(x)}
    if form == "apart":
        graph = graph_with(IMAGE, boxes=(None, 60, 4), scores=(None, 60, 18))
        return graph, lambda x: {"boxes": x[:, :4].swapaxes(1, 2), "scores": x[:, 4:].swapaxes(1, 2)}

    def finished(x: np.ndarray) -> dict[str, np.ndarray]:
        corners = np.concatenate([x[:, :2] - x[:, 2:4] / 2, x[:, :2] + x[:, 2:4] / 2], axis=1)
        scores, labels = x[:, 4:].max(axis=1, keepdims=True), x[:, 4:].argmax(axis=1)[:, np.newaxis]
        return {"y": np.concatenate([corners, scores, labels], axis=1).swapaxes(1, 2).astype(np.float32)}

    return graph_with(IMAGE, y=(None, 60, 6)), finished


@pytest.mark.filterwarnings("error")
def test_boxes_without_area_overlap_nothing() -> None:
    """Points, lines and boxes whose corners are turned round; no division by nothing is tried."""
    box = [0, 0, 4, 4]
    flat = np.float64([[1, 1, 1, 1], [1, 1, 3, 1], [1, 1, 1, 3], [3, 3, 1, 1]])
    assert not overlaps(flat, np.float64([*flat, box])).any()
    assert overlaps(np.float64([box]), np.float64([box, [0, 0, 4, 2], [4, 0, 8, 4]])).tolist() == [[1, 0.5, 0]]


@pytest.mark.parametrize("flat", [(), (0, 2), (1, 3), (0, 1, 2, 3)], ids=["none", "width", "height", "both"])
def test_corners_are_recognised_though_a_box_has_no_area(flat: tuple[int, ...]) -> None:
    boxes = np.float32([[100 + 20 * n, 100, 110 + 20 * n, 110] for n in range(12)])
    for axis in flat:
        boxes[0, axis] = 100
    scores = np.full((12, 3), 0.01, np.float32)
    scores[:, 1] = 0.9
    x = np.concatenate([boxes, scores], axis=1)[np.newaxis].repeat(N, 0)
    form = box_form(Evidence(view_of(graph_with(IMAGE, y=(None, 12, 7))), {"y": x}, N), chosen=True)
    assert form is not None
    np.testing.assert_array_equal(form.boxes({"y": x})[0].corners, boxes)


def test_a_detector_is_not_told_that_every_answer_changed() -> None:
    """1 x 22 x 2100 at 37.8 dB was once told "Agreement 0.0 %, 88 answers changed on 88 samples"."""
    x = anchors(88, 2100)
    noise = np.sqrt((x.astype(np.float64) ** 2).mean() / 10**3.78)
    y = x.copy()
    y[:, :4] += np.random.default_rng(2).normal(0, noise * np.sqrt(22 / 4), y[:, :4].shape)
    found = measured(detector_head(), {"y": x}, {"y": y})
    assert found.sqnr_db == pytest.approx(37.8, abs=0.2)
    assert (found.kind, found.agreement) == ("boxes", None)
    assert found.headline is not None
    assert found.headline.value > 0.9
    assert found.distance < 0.5


def test_the_continuous_form_follows_the_noise() -> None:
    x = anchors()
    distances = [
        measured(graph_with(IMAGE, y=(None, 22, 60)), {"y": x}, {"y": moved(x, size)}).distance
        for size in (0.5, 2.0, 6.0, 20.0)
    ]
    assert 0 < distances[0] < distances[1] < distances[2] < distances[3] < 1
    assert measured(graph_with(IMAGE, y=(None, 22, 60)), {"y": x}, {"y": x}).distance == pytest.approx(0, abs=1e-9)


def test_scores_that_are_all_zero_lose_every_box() -> None:
    x = anchors()
    y = x.copy()
    y[:, 4:] = 0
    found = measured(graph_with(IMAGE, y=(None, 22, 60)), {"y": x}, {"y": y})
    assert found.sqnr_db > 40
    assert values_of(found)["Boxes found by both (F1)"] == 0
    assert found.distance == 1


def test_the_class_of_nothing_is_no_box() -> None:
    """Scores that add up to one, most of it in the last class."""
    made = np.random.default_rng(4)
    boxes = anchors()[:, :4].swapaxes(1, 2)
    logits = made.normal(0, 0.3, (N, 60, 6)).astype(np.float32)
    logits[..., 5] += 5
    logits[:, :3, 2] += 12
    graph = graph_with(IMAGE, pred_boxes=(None, 60, 4), logits=(None, 60, 6))
    outputs = {"pred_boxes": boxes, "logits": logits}
    found = measured(graph, outputs, outputs)
    assert found.kind == "boxes"
    assert found.samples <= 3 * N
    assert values_of(found)["Boxes found by both (F1)"] == 1


# ---------------------------------------------------------------- no information


def test_few_samples_made_up_inputs_and_one_class_say_so() -> None:
    graph, x = graph_with(y=(None, 5)), normal(N, 5)
    for reference, options, why in (
        (x[:4], {}, "4 samples are too few"),
        (x, {"generated": True}, "the inputs are made up"),
        (x + np.float32([0, 0, 50, 0, 0]), {}, "the float model gives class 2 for every one of 24 samples"),
    ):
        tally = OutputTally(AnswerReader(view_of(graph), **options))
        tally.update({"y": reference}, {"y": noisy(reference)}, None, len(reference))
        found = tally.measured()
        assert (found.agreement, found.headline) == (None, None)
        assert found.silent.startswith(why)
        assert found.distance > 0  # layers can be ranked all the same


def test_a_detector_that_sees_nothing_says_so() -> None:
    x = anchors()
    x[:, 4:] *= 0.1
    found = measured(graph_with(IMAGE, y=(None, 22, 60)), {"y": x}, {"y": moved(x)})
    assert found.silent == f"the float model finds no box with a score of {THRESHOLD} or more"


def test_two_numbers_that_seem_to_contradict_each_other_are_explained() -> None:
    x = 10 * np.eye(5, dtype=np.float32)[np.arange(N) % 5]
    found = measured(graph_with(y=(None, 5)), {"y": x}, {"y": noisy(x, 1.5)})
    assert found.agreement == 1
    assert found.explained.startswith(
        f"The answers stay the same at {found.sqnr_db:.1f} dB: the top score leads by 10 on"
    )
    near = np.tile(np.float32([100, 100.01]), (N, 1))
    near[::2] = near[::2, ::-1]
    found = measured(graph_with(y=(None, 2)), {"y": near}, {"y": near[:, ::-1].copy()})
    assert found.agreement == 0
    assert found.explained.startswith("The answers change at 80.0 dB: the top score leads by only 0.01 on average")
