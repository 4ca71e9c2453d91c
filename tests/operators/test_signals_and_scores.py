"""Losses, norms, regions, spectra, words and functions of single values, against ONNX Runtime; and what is refused."""

from typing import Any

import numpy as np
import pytest

from playground.engines.interpreter import run_graph
from playground.errors import EngineError, PlaygroundError
from playground.model.graph import Graph, Node, Tensor, ValueInfo

RNG = np.random.default_rng(7)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def number(value: float, dtype: str = "int64") -> np.ndarray:
    return np.array(value, dtype)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("ignored", [None, 2, -100])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(6, 5), (2, 5, 3), (2, 5, 3, 4)], ids=str)
def test_losses(check: Any, normal: Any, reduction: str, ignored: int | None, weighted: bool, shape: Any) -> None:
    target = RNG.integers(0, 5, (shape[0], *shape[2:]))
    attributes: dict[str, Any] = {"reduction": reduction}
    if ignored is not None:
        target.reshape(-1)[::3] = ignored
        attributes["ignore_index"] = ignored
    weights = (RNG.uniform(0.5, 2, 5).astype(np.float32),) if weighted else ()
    scores = normal(*shape)
    check("NegativeLogLikelihoodLoss", scores, target, *weights, **attributes)
    check("SoftmaxCrossEntropyLoss", 9 * scores, target, *weights, outputs=2, rtol=1e-4, **attributes)


def test_losses_of_scores_that_overflow(check: Any) -> None:
    scores = np.float32([[300, -300, 0], [1e30, 0, 1]])
    check("SoftmaxCrossEntropyLoss", scores, ints(1, 0), reduction="none", outputs=2)


@pytest.mark.parametrize("op", ["L1", "L2", "LogSum", "LogSumExp", "Max", "Min", "Prod", "Sum", "SumSquare", "Mean"])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reductions(check: Any, normal: Any, op: str, keepdims: int) -> None:
    x = np.abs(normal(2, 3, 4)) if op == "LogSum" else normal(2, 3, 4)
    for axes in ([1], [-1, 0], [0, 1, 2]):
        check(f"Reduce{op}", x, ints(*axes), keepdims=keepdims, opset=18)
        if op != "Sum":
            check(f"Reduce{op}", x, axes=axes, keepdims=keepdims, opset=11)
    check(f"Reduce{op}", x, keepdims=keepdims, opset=18)
    # ONNX Runtime gives the input as it is, without the function of single values that ONNX asks for
    if op in ("Max", "Min", "Prod", "Sum", "Mean", "LogSumExp"):
        check(f"Reduce{op}", x, ints(), keepdims=keepdims, noop_with_empty_axes=1, opset=18)


def test_reductions_of_integers_and_extremes(check: Any) -> None:
    x = RNG.integers(-4, 5, (3, 4)).astype(np.int32)
    for op in ("L1", "Max", "Min", "Prod", "Sum", "SumSquare"):
        check(f"Reduce{op}", x, ints(1), opset=18)
    extremes = np.float32([[1e4, 1e4], [-1e4, -2e4], [-np.inf, -np.inf], [np.inf, 0]])
    check("ReduceLogSumExp", extremes, ints(1), opset=18)


@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_root_mean_squares(check: Any, normal: Any, axis: int, dtype: str) -> None:
    x = normal(2, 3, 4).astype(dtype)
    scale = normal(*x.shape[axis:]).astype(dtype)
    check("RMSNormalization", x, scale, axis=axis, epsilon=1e-3, opset=23, rtol=1e-5 if dtype == "float32" else 2e-3)


@pytest.mark.parametrize("axes", [[0, 2, 3], [1], [-1, 2]], ids=str)
def test_mean_and_variance(check: Any, normal: Any, axes: list[int]) -> None:
    check("MeanVarianceNormalization", normal(2, 3, 4, 5), axes=axes, rtol=1e-4)


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("turned", [0, 4])
@pytest.mark.parametrize("places", [False, True])
@pytest.mark.parametrize("rank", [3, 4])
def test_turned_pairs(check: Any, normal: Any, interleaved: int, turned: int, places: bool, rank: int) -> None:
    pairs = (turned or 8) // 2
    x = normal(2, 3, 5, 8) if rank == 4 else normal(2, 5, 24)
    tables = (normal(9, pairs), normal(9, pairs)) if places else (normal(2, 5, pairs), normal(2, 5, pairs))
    more = (RNG.integers(0, 9, (2, 5)),) if places else ()
    attributes = {"interleaved": interleaved, "rotary_embedding_dim": turned, "num_heads": 3}
    check("RotaryEmbedding", x, *tables, *more, opset=23, **attributes)


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("half", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("ratio", [0, 1, 2])
def test_regions(check: Any, normal: Any, mode: str, half: str, ratio: int) -> None:
    low = RNG.uniform(-3, 12, (6, 2))
    regions = np.concatenate([low, low + RNG.uniform(0.1, 12, (6, 2))], 1).astype(np.float32)
    attributes = {"mode": mode, "sampling_ratio": ratio, "output_height": 3, "output_width": 4, "spatial_scale": 0.8}
    batches = RNG.integers(0, 2, 6)
    x = normal(2, 3, 10, 12)
    check("RoiAlign", x, regions, batches, coordinate_transformation_mode=half, rtol=1e-4, **attributes)
    if half == "output_half_pixel":
        check("RoiAlign", x, regions, batches, opset=10, rtol=1e-4, **attributes)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("length", [None, 6, 12])
def test_fourier_transforms(check: Any, normal: Any, parts: int, length: int | None) -> None:
    more = () if length is None else (number(length),)
    x = normal(2, 9, 3, parts)
    for attributes in ({}, {"axis": 2}, {"onesided": 1} if parts == 1 else {"inverse": 1}):
        check("DFT", x, *more, opset=17, atol=1e-4, **attributes)
    check("DFT", x, more[0] if more else None, number(1), opset=20, atol=1e-4)


@pytest.mark.parametrize("onesided", [0, 1])
def test_transforms_of_pieces(check: Any, normal: Any, onesided: int) -> None:
    signal, window = normal(2, 50, 1), normal(16)
    given = {"onesided": onesided, "atol": 1e-4}
    check("STFT", signal, number(5), window, number(16), **given)
    check("STFT", signal, number(7), None, number(16), **given)
    check("STFT", signal, number(7), window, **given)


@pytest.mark.parametrize("edges", [(0.0, 8192.0), (40.0, 4000.0), (300.0, 301.0)], ids=str)
@pytest.mark.parametrize("bins", [1, 8, 40])
def test_filters_of_the_mel_scale(check: Any, edges: tuple[float, float], bins: int) -> None:
    low, high = (number(edge, "float32") for edge in edges)
    check("MelWeightMatrix", number(bins), number(512), number(16384), low, high)


@pytest.mark.parametrize("mode", ["TF", "IDF", "TFIDF"])
@pytest.mark.parametrize("lengths", [(1, 1), (2, 2), (1, 2), (2, 3)], ids=str)
@pytest.mark.parametrize("skip", [0, 1, 5])
def test_runs_of_words(check: Any, mode: str, lengths: tuple[int, int], skip: int) -> None:
    pool = [2, 3, 5, 4, 5, 6, 7, 8, 6, 7, 2, 3, 5]
    given: dict[str, Any] = {"min_gram_length": lengths[0], "max_gram_length": lengths[1], "max_skip_count": skip}
    given |= {"ngram_counts": [0, 4, 10], "ngram_indexes": [0, 1, 2, 3, 4, 5, 6, 7], "pool_int64s": pool}
    words = RNG.integers(2, 9, (3, 14)).astype(np.int32)
    check("TfIdfVectorizer", words, mode=mode, weights=[1.0, 2, 3, 4, 5, 6, 7, 8], **given)
    check("TfIdfVectorizer", words[0], mode=mode, **given)
    check("TfIdfVectorizer", words, mode=mode, **given | {"ngram_indexes": [7, 9, 0, 3, 2, 5, 1, 6]})


def test_functions_of_single_values(check: Any, normal: Any) -> None:
    x = 4 * normal(3, 50)
    for op in ("Selu", "Softsign", "Sinh", "Tan", "ThresholdedRelu", "Shrink"):
        check(op, x, rtol=1e-4)
    check("Mish", x, opset=18)
    check("Mish", 100 * x, opset=18)
    check("Swish", 100 * x, opset=24, alpha=0.7)
    check("Selu", x, alpha=2.0, gamma=0.5)
    check("ThresholdedRelu", x, alpha=2.5)
    check("Shrink", x, bias=0.5, lambd=1.5)
    check("Mean", normal(3, 4), normal(4), normal(3, 1))
    check("Dropout", x, number(0, "float32"), np.array(True), constants={2})


@pytest.mark.parametrize("mode", ["linear", "circular"])
def test_caches(check: Any, normal: Any, mode: str) -> None:
    starts = ints(5, 2) if mode == "circular" else ints(3, 0)
    check("TensorScatter", normal(2, 3, 6, 4), normal(2, 3, 3, 4), starts, mode=mode, opset=24)
    check("TensorScatter", normal(2, 6, 4), normal(2, 2, 4), axis=1, mode=mode, opset=24)


X = np.ones((2, 3, 4), np.float32)
SIGNAL = np.ones((1, 20, 1), np.float32)
MEL = (number(8), number(16), number(8000), number(0, "float32"), number(4000, "float32"))
ALIGNED = (np.ones((1, 1, 4, 4), np.float32), np.float32([[0, 0, 2, 2]]), ints(0))
WORDS = {
    **{"min_gram_length": 1, "max_gram_length": 1, "max_skip_count": 0, "mode": "TF"},
    **{"ngram_counts": [0], "ngram_indexes": [0, 1], "pool_int64s": [1, 2]},
}
TABLE = np.ones((5, 2), np.float32)
HEADS = np.ones((1, 2, 3, 4), np.float32)

REFUSED: list[tuple[str, tuple[np.ndarray, ...], dict[str, Any]]] = [
    ("NegativeLogLikelihoodLoss", (X, np.full((2, 4), 3)), {}),
    ("NegativeLogLikelihoodLoss", (X, np.full((2, 4), -1)), {}),
    ("NegativeLogLikelihoodLoss", (X, np.full((2, 3), 0)), {}),
    ("NegativeLogLikelihoodLoss", (X, np.zeros((2, 4), np.int64), np.ones(2, np.float32)), {}),
    ("SoftmaxCrossEntropyLoss", (X[0, 0], ints(0)), {}),
    ("ReduceL2", (X, ints(3)), {}),
    ("ReduceProd", (X, ints(1, 1)), {}),
    ("RMSNormalization", (X, np.ones(4, np.float32)), {"axis": 3}),
    ("RotaryEmbedding", (HEADS, TABLE, TABLE, np.full((1, 3), 5)), {}),
    ("RotaryEmbedding", (HEADS, TABLE, TABLE, np.full((1, 3), -1)), {}),
    ("RotaryEmbedding", (HEADS, TABLE, TABLE), {}),
    ("RotaryEmbedding", (HEADS, TABLE, TABLE, np.full((1, 3), 1)), {"rotary_embedding_dim": 3}),
    ("RotaryEmbedding", (HEADS, TABLE, TABLE, np.full((1, 3), 1)), {"rotary_embedding_dim": 8}),
    ("RotaryEmbedding", (X, TABLE, TABLE, np.full((2, 3), 1)), {}),
    ("RotaryEmbedding", (X, TABLE, TABLE, np.full((2, 3), 1)), {"num_heads": 3}),
    ("RoiAlign", (*ALIGNED[:2], ints(1)), {}),
    ("RoiAlign", (*ALIGNED[:2], ints(-1)), {}),
    ("RoiAlign", (*ALIGNED[:2], ints(0, 0)), {}),
    ("RoiAlign", (ALIGNED[0], np.float32([[0, 0, np.nan, 2]]), ints(0)), {}),
    ("RoiAlign", (ALIGNED[0], np.float32([[0, 0, 1e30, 2]]), ints(0)), {}),
    ("RoiAlign", ALIGNED, {"sampling_ratio": 2**20}),
    ("RoiAlign", ALIGNED, {"output_height": 2**20, "output_width": 2**20}),
    ("DFT", (X, number(0)), {}),
    ("DFT", (X, number(2**40)), {}),
    ("DFT", (SIGNAL, number(5), number(2)), {}),
    ("DFT", (SIGNAL, number(5), number(4)), {}),
    ("DFT", (np.ones(2, np.float32),), {}),
    ("DFT", (X,), {}),
    ("DFT", (X[..., :3],), {}),
    ("DFT", (X[..., :0],), {}),
    ("STFT", (SIGNAL, number(0)), {}),
    ("STFT", (SIGNAL, number(3), np.ones(21, np.float32)), {}),
    ("STFT", (SIGNAL, number(3), np.ones(4, np.float32), number(5)), {}),
    ("STFT", (np.ones((1, 20, 2), np.float32), number(3)), {"onesided": 1}),
    ("STFT", (X, number(1)), {}),
    ("STFT", (X, number(1)), {"onesided": 0}),
    ("STFT", (SIGNAL[..., :0], number(1)), {"onesided": 0}),
    ("MelWeightMatrix", (number(0), *MEL[1:]), {}),
    ("MelWeightMatrix", (number(2**40), *MEL[1:]), {}),
    ("MelWeightMatrix", (*MEL[:4], number(9000, "float32")), {}),
    ("MelWeightMatrix", (*MEL[:4], number(np.nan, "float32")), {}),
    ("MelWeightMatrix", MEL, {"output_datatype": 8}),
    ("TfIdfVectorizer", (X.astype(np.int64),), WORDS),
    ("TfIdfVectorizer", (ints(1),), WORDS | {"ngram_indexes": [0]}),
    ("TfIdfVectorizer", (ints(1),), WORDS | {"ngram_indexes": [0, 2**31 - 1]}),
    ("TfIdfVectorizer", (ints(1),), WORDS | {"ngram_counts": [3]}),
    ("TfIdfVectorizer", (ints(1),), WORDS | {"weights": [1.0]}),
    ("TfIdfVectorizer", (ints(1),), WORDS | {"pool_strings": [b"a"]}),
    ("TensorScatter", (X, X[:, :1], ints(3, 0)), {}),
    ("TensorScatter", (X, X[:, :1], ints(-1, 0)), {}),
    ("TensorScatter", (X, X[:, :1], ints(0)), {}),
    ("TensorScatter", (X, X), {"axis": 0}),
    ("TensorScatter", (X[:, :1], X), {}),
    ("MeanVarianceNormalization", (X,), {"axes": [3]}),
    ("SwiGLU", (X, X[:1]), {}),
    ("Dropout", (X, number(0.5, "float32"), np.array(True)), {}),
]


@pytest.mark.parametrize(("op", "inputs", "given"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_is_refused(op: str, inputs: tuple[np.ndarray, ...], given: dict[str, Any]) -> None:
    names = [f"c{place}" for place in range(len(inputs))]
    tensors = {name: Tensor.of(name, array) for name, array in zip(names, inputs, strict=True)}
    graph = Graph("g", (), (ValueInfo("y", "", None),), (Node(op, "n", tuple(names), ("y",), given),), tensors, 24)
    with pytest.raises(PlaygroundError, match="node 'n'") as caught:
        run_graph(graph, {})
    # What is foreseen has a kind of its own; the interpreter's net is for what is not
    assert not isinstance(caught.value, EngineError)
