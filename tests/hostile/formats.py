"""What the fuzzer feeds: for each format, seeds that are well formed, what is changed in them, and what reads them."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

import playground
from playground import gallery
from playground.analysis.inventory import inventory
from playground.app.calibration_upload import CalibrationUpload
from playground.app.workspace import Workspace
from playground.host.sources import BytesSource
from playground.model.onnx_proto import ModelProto
from playground.model.recipe import AlgorithmCall, Override, Recipe, Rule
from playground.model.recipe.imports import import_recipe
from playground.quantization import Scheme
from playground.settings import FIELDS, Settings, from_query
from tests.hostile.mutate import INTEGERS, mutated_bytes, mutated_json

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class Format:
    """One kind of thing that comes from outside.

    Attributes:
        make: an input, from a generator of random numbers.
        use: reads it; raises PlaygroundError where it refuses.
    """

    make: Callable[[random.Random], Any]
    use: Callable[[Any], Any]


def _use_model(data: bytes, name: str) -> None:
    """All that a reader promises: the tensors, their list, and the values of those that are not large."""
    model = playground.load(data, name)
    inventory(model)
    for tensor in list(model.tensors.values())[:20]:
        if tensor.nbytes < 10**6:
            tensor.numpy()


# ---- ONNX


@cache
def _onnx_seeds() -> list[bytes]:
    files = [path.read_bytes() for path in sorted(CASES.glob("*.onnx")) + sorted(CASES.glob("onnx*.bin"))]
    files += [path.read_bytes() for path in sorted(CASES.glob("oob*.bin"))]
    return [*files, with_everything().SerializeToString()]


def with_everything() -> Any:
    """A model with every part of ONNX that the reader knows: a function, branches, tensors of all kinds, open sizes."""
    model = ModelProto(ir_version=10)
    model.opset_import.add(domain="", version=17)
    model.opset_import.add(domain="local", version=1)
    model.metadata_props.add(key="author", value="someone")
    graph = model.graph
    graph.name = "g"
    graph.input.add(name="x").type.tensor_type.elem_type = 1
    graph.input[0].type.tensor_type.shape.dim.add(dim_param="batch")
    graph.input[0].type.tensor_type.shape.dim.add(dim_value=4)
    graph.input.add(name="list").type.sequence_type.elem_type.tensor_type.elem_type = 1
    graph.initializer.add(name="w", data_type=1, dims=[4, 2], raw_data=bytes(32))
    graph.initializer.add(name="large", data_type=1, dims=[40, 20], raw_data=bytes(3200))
    graph.initializer.add(name="floats", data_type=1, dims=[400], float_data=[0.5] * 400)
    graph.initializer.add(name="octets", data_type=3, dims=[1500], int32_data=[-1] * 1500)
    graph.initializer.add(name="counts", data_type=7, dims=[3], int64_data=[1, -1, 2**40])
    graph.initializer.add(name="nibbles", data_type=22, dims=[5], int32_data=[0x21, 0x43, 5])
    graph.initializer.add(name="texts", data_type=8, dims=[2], string_data=[b"a", b"bc"])
    graph.initializer.add(name="half", data_type=10, dims=[2], int32_data=[15360, 1])
    node = graph.node.add(op_type="MatMul", name="product", input=["x", "w"], output=["h"])
    node = graph.node.add(op_type="If", name="branch", input=["w"], output=["y"])
    for branch in ("then_branch", "else_branch"):
        attribute = node.attribute.add(name=branch, type=5)
        attribute.g.name = branch
        attribute.g.node.add(op_type="Relu", input=["h"], output=["t"])
        attribute.g.output.add(name="t")
    node = graph.node.add(op_type="Odd", domain="com.example", input=["h", ""], output=["z"])
    node.attribute.add(name="a", type=2, i=3)
    node.attribute.add(name="b", type=1, f=1.5)
    node.attribute.add(name="c", type=3, s=b"text")
    node.attribute.add(name="d", type=7, ints=[1, 2, 3])
    node.attribute.add(name="e", type=6, floats=[1.0])
    node.attribute.add(name="f", type=8, strings=[b"u"])
    node.attribute.add(name="g", type=4).t.CopyFrom(graph.initializer[0])
    node = graph.node.add(op_type="Constant", output=["k"])
    node.attribute.add(name="value", type=4).t.CopyFrom(graph.initializer[2])
    function = model.functions.add(name="f", domain="local", input=["a"], output=["b"], attribute=["slope"])
    function.opset_import.add(domain="", version=17)
    inner = function.node.add(op_type="LeakyRelu", input=["a"], output=["b"])
    inner.attribute.add(name="alpha", type=1, ref_attr_name="slope")
    node = graph.node.add(op_type="f", domain="local", name="call", input=["y"], output=["out"])
    node.attribute.add(name="slope", type=1, f=0.1)
    graph.output.add(name="out").type.tensor_type.elem_type = 1
    return model


def _make_onnx(rng: random.Random) -> bytes:
    data = rng.choice(_onnx_seeds())
    if rng.random() < 0.5:
        try:
            message = ModelProto.FromString(data)
        except Exception:
            return mutated_bytes(rng, data, _onnx_seeds())
        for _ in range(rng.choice((1, 1, 2, 4))):
            _mutate_message(rng, message)
        data = message.SerializePartialToString()
        if rng.random() < 0.7:
            return data
    return mutated_bytes(rng, data, _onnx_seeds())


def _mutate_message(rng: random.Random, message: Any) -> None:
    """One field somewhere in a protobuf message gets another value, or is gone, or is there many times."""
    while True:
        present = message.ListFields()
        if not present:
            return
        field, value = rng.choice(present)
        repeated = not hasattr(value, "ListFields") and hasattr(value, "append" if field.type != 11 else "add")
        inside = list(value) if repeated and field.type == 11 else [value] if field.type == 11 else []
        if inside and rng.random() < 0.9:
            message = rng.choice(inside)
            continue
        _mutate_field(rng, message, field, repeated)
        return


def _mutate_field(rng: random.Random, message: Any, field: Any, repeated: bool) -> None:
    values = {
        **dict.fromkeys((1, 2), (0.0, -1.0, 1e38, float("nan"), float("inf"))),
        **dict.fromkeys((3, 5, 14), tuple(n for n in (-1, -(2**31), *INTEGERS) if -(2**31) <= n < 2**31)),
        9: ("", "w", "x", "h", "é", "a" * 5000, "If", "Constant", "a/b/c/d"),
        12: (b"", b"\xff\xfe", bytes(40), b"a" * 5000),
    }.get(field.type)
    name = field.name
    if values is None or rng.random() < 0.1:
        message.ClearField(name)
    elif not repeated:
        value = rng.choice(values)
        setattr(message, name, value if field.type != 14 else rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9)))
    else:
        held = getattr(message, name)
        if held and rng.random() < 0.7:
            held[rng.randrange(len(held))] = rng.choice((*values, 2**62 if field.type == 3 else values[0]))
        else:
            held.extend([rng.choice(values)] * rng.choice((1, 2, 40)))


# ---- archives


def npy(header: bytes, data: bytes = b"", version: int = 1, size: int | None = None) -> bytes:
    """An .npy file with any header; ``size``: what it claims about the header."""
    size = len(header) if size is None else size
    prefix = struct.pack("<H", size % 65536) if version == 1 else struct.pack("<I", size % 2**32)
    return b"\x93NUMPY" + bytes((version % 256, 0)) + prefix + header + data


def _npz(arrays: Mapping[str, np.ndarray], compressed: bool = False) -> bytes:
    made = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(made, **arrays)
    return made.getvalue()


@cache
def _npz_seeds() -> list[bytes]:
    arrays = {
        "w": np.arange(12, dtype=np.float32).reshape(3, 4),
        "fortran": np.asfortranarray(np.ones((5, 3))),
        "bool": np.zeros(3, bool),
        "big": np.arange(3, dtype=">i4"),
        "scalar": np.float16(1),
        "none": np.zeros((0, 2**40)),
    }
    files = [path.read_bytes() for path in sorted(CASES.glob("*.npz")) + sorted(CASES.glob("npz*.bin"))]
    return [*files, _npz(arrays), _npz(arrays, True), _npz({"x": np.zeros(20_000, np.int8)}, True)]


_DESCR = (
    "'<f4'",
    "'<f4'",
    "'<f4'",
    "'|i1'",
    "'|O'",
    "'<U3'",
    "'>i8'",
    "'|V8'",
    "[('a', '<f4')]",
    "'<M8[s]'",
    "None",
    "'<f4', '<f4'",
    "3",
    "'<c8'",
)
_SHAPES = (
    "(3,)",
    "(3,)",
    "(1,)",
    "(4, 4)",
    "(0,)",
    "()",
    "(2**62,)",
    "(-1,)",
    "(3.5,)",
    "3",
    "(3,)*50",
    "(4611686018427387904, 4)",
    "None",
    "(True,)",
)


def _make_npz(rng: random.Random) -> bytes:
    if rng.random() < 0.6:
        return mutated_bytes(rng, rng.choice(_npz_seeds()), _npz_seeds())
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", rng.choice((0,) * 6 + (8,) * 6 + (12, 14))) as archive:
        warnings.simplefilter("ignore")
        # zipfile warns of names that stand twice
        for index in range(rng.choice((1, 1, 2, 5))):
            header = (
                f"{{'descr': {rng.choice(_DESCR)}, 'fortran_order': {rng.choice(('False', 'True', '1'))}, "
                f"'shape': {rng.choice(_SHAPES)}, }}"
            ).encode()
            if rng.random() < 0.3:
                header = mutated_bytes(rng, header)
            size = None if rng.random() < 0.9 else rng.choice(INTEGERS)
            content = npy(
                header, rng.randbytes(rng.choice((0, 3, 4, 12, 12, 64))), rng.choice((1,) * 8 + (2, 2, 3, 0)), size
            )
            name = rng.choice(
                (f"a{index}.npy",) * 8 + ("a.npy", "a\x00.npy", "é.npy", "../a.npy", "a" * 5000 + ".npy", "a")
            )
            archive.writestr(zipfile.ZipInfo(name), content, archive.compression)
    data = made.getvalue()
    return mutated_bytes(rng, data) if rng.random() < 0.3 else data


def safetensors(header: Any, data: bytes = b"", size: int | None = None) -> bytes:
    """A safetensors file with any header (a text or plain data); ``size``: what it claims about it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", (len(text) if size is None else size) % 2**64) + text + data


_SAFETENSORS: dict[str, Any] = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
    "c": {"dtype": "I64", "shape": [0, 5], "data_offsets": [32, 32]},
    "d": {"dtype": "U8", "shape": [], "data_offsets": [32, 33]},
}


def _make_safetensors(rng: random.Random) -> bytes:
    header: Any = _SAFETENSORS
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        header = mutated_json(rng, header)
    text = json.dumps(header).encode()
    if rng.random() < 0.2:
        text = mutated_bytes(rng, text)
    data = safetensors(text, bytes(33), None if rng.random() < 0.9 else rng.choice(INTEGERS))
    return mutated_bytes(rng, data) if rng.random() < 0.2 else data


# ---- texts

_TEXTS = [
    *(
        "NaN",
        "1e999",
        "-1e400",
        "Infinity",
        "inf",
        "0x10",
        "1_0",
        " 5",
        "+5",
        "",
        "9" * 400,
        "-",
        "1e-400",
        "٣",
        "5.",
        ".5",
    ),
    *("true", "TRUE", "perhaps", "int4", "int99", "channel", "minmax", "a.b=1", "gptq.damping=" + "9" * 400, "w=int4"),
    *("\x00", "é", "%", "%ff", "%ED%A0%80", "a" * 1001, "w=int4," * 3000, ",,,,", "a=b=c", "3.5e38", "70000", "-17"),
]


def _make_query(rng: random.Random) -> str:
    pairs = []
    for _ in range(rng.choice((1, 2, 3, 8, 300))):
        name = rng.choice((*FIELDS, "v", "theme", "lo", "hi", "zero_point"))
        field, text = FIELDS.get(name), rng.choice(_TEXTS)
        if field is not None and field.kind == "choice" and rng.random() < 0.6:
            text = rng.choice(field.choices())
        if name == "v" and rng.random() < 0.9:
            text = "1"
        pairs.append(f"{name}={quote(text) if rng.random() < 0.8 else text}")
    query = "?" + "&".join(pairs)
    return mutated_bytes(rng, query.encode()).decode(errors="replace") if rng.random() < 0.3 else query


def _use_query(query: str) -> None:
    settings, notes = from_query(query)
    assert Settings().with_(**{name: getattr(settings, name) for name in FIELDS}) == settings
    assert len(notes) <= 10
    assert all(len(note) < 3000 for note in notes)
    json.dumps(settings.as_dict(), allow_nan=False)


@cache
def _recipe_seeds() -> list[Any]:
    own = Recipe(
        rules=(Rule("conv*", Scheme("int4", "channel")), Rule("*", None, "Conv", (None, 1, 3, 3))),
        overrides=(Override("w", scale=(0.5,), zero_point=(3,)), Override("x", range=(-1.0, 2.0))),
        algorithms=(AlgorithmCall("gptq", (("damping", 0.1),)),),
        operators=("Conv", "MatMul"),
    )
    config = {"num_bits": 8, "symmetric": True, "granularity": "CHANNELWISE", "dtype": "INT"}
    edge = [
        {
            "regex": regex,
            "operation": operation,
            "algorithm_key": "min_max_uniform_quantize",
            "op_config": {
                "weight_tensor_config": config,
                "activation_tensor_config": config,
                "compute_precision": "INTEGER",
            },
        }
        for regex, operation in ((".*", "*"), ("^conv|fc[12]$", "CONV_2D"), ("a.b", "FULLY_CONNECTED"))
    ]
    ort = {
        "w": [{"quant_type": "QInt8", "scale": 0.5, "zero_point": 1}],
        "v": [{"quant_type": "QUInt8", "axis": 0, "scale": 1.0, "zero_point": 0}, {"scale": 2.0, "zero_point": 3}],
        "x": [{"rmin": -1.0, "rmax": 1.0}],
    }
    return [
        own.as_dict(),
        {"version": 1, "rules": [{"pattern": "*", "scheme": None}]},
        edge,
        ort,
        {"TensorQuantOverrides": ort},
    ]


def _make_recipe(rng: random.Random) -> bytes:
    value = rng.choice(_recipe_seeds())
    for _ in range(rng.choice((1, 1, 2, 5))):
        value = mutated_json(rng, value)
    text = json.dumps(value).encode()
    return mutated_bytes(rng, text) if rng.random() < 0.2 else text


def _use_recipe(text: bytes) -> None:
    recipe = import_recipe(text)
    assert Recipe.from_json(recipe.to_json()) == recipe
    for name in ("w", "conv1.weight", "x" * 300):
        recipe.scheme_for(name, "node", op="Conv", shape=(3, 1, 3, 3))


# ---- calibration data


@cache
def _workspace() -> Workspace:
    """A page with a model that reads images and knows ten classes."""
    return Workspace(Settings(model="digits-convnet", tensor=gallery.entries()["digits-convnet"].tensor))


def _make_calibration(rng: random.Random) -> Any:
    if rng.random() < 0.4:
        return _make_images(rng)
    rows = rng.choice((0, 1, 2, 5))
    shape = rng.choice((*((rows, 1, 8, 8),) * 5, (rows, 64), (rows, 1, 8, 7), (), (rows,), (1, 8, 8)))
    dtype = rng.choice((*("<f4",) * 8, "<f8", "|u1", "|b1", "<i8", ">f4", "<c8", "<f2"))
    with np.errstate(all="ignore"):
        values = np.random.default_rng(rng.randrange(2**32)).normal(size=shape).astype(dtype)
    if values.size and values.dtype.kind == "f" and rng.random() < 0.2:
        values.reshape(-1)[0] = rng.choice((np.nan, np.inf))
    arrays = {rng.choice((*(_workspace_input(),) * 9, "y", "labels")): values}
    if rng.random() < 0.6:
        high = rng.choice((10, 11, 256, 2**63 - 1))
        labels = np.random.default_rng(rng.randrange(2**32)).integers(
            rng.choice((0, 0, -1)), high, rng.choice((rows, 3))
        )
        with np.errstate(all="ignore"):
            arrays["labels"] = labels.astype(rng.choice(("<i8", "|u1", "<u8", "<f4", "|b1", "<i4")))
        if rng.random() < 0.1:
            arrays["labels"] = np.full(rows, 2**64 - 1, np.uint64)
    data = _npz(arrays, rng.random() < 0.3)
    return ("npz", mutated_bytes(rng, data) if rng.random() < 0.3 else data)


@cache
def _workspace_input() -> str:
    model = _workspace().model
    assert model is not None
    assert model.graph is not None
    return model.graph.inputs[0].name


_CHOICES: Sequence[Any] = (
    "",
    None,
    "8",
    "0",
    "-3",
    "1e9",
    "NaN",
    8,
    2**40,
    1e400,
    "NHWC",
    "NCHW",
    "crop",
    "0.5 0.5",
    "0",
    [],
    {},
)


def _make_images(rng: random.Random) -> Any:
    height, width = rng.choice(
        (*((8, 8), (1, 1), (3, 200)) * 3, (0, 8), (-1, 8), (2**40, 2**40), ("8", 8), (True, 8), (None, 8))
    )
    names = ("height", "width", "layout", "resize", "scale", "mean", "std", "other")
    choices: Any = {rng.choice(names): rng.choice(_CHOICES) for _ in range(rng.choice((0, 0, 1, 3)))}
    if rng.random() < 0.05:
        choices = rng.choice(_CHOICES)
    content = {"index": rng.choice((0,) * 9 + (1, -1, "0")), "total": rng.choice((1,) * 6 + (2, 10**9, None))}
    content |= {"height": height, "width": width, "choices": choices}
    whole = isinstance(height, int) and isinstance(width, int) and 0 < height * width < 10**6
    return ("image", content, rng.randbytes(4 * height * width if whole and rng.random() < 0.9 else rng.randrange(99)))


def _use_calibration(given: Any) -> None:
    data = CalibrationUpload(_workspace())
    if given[0] == "npz":
        data.use_npz(BytesSource(given[1], "samples.npz"))
    else:
        data.add_image(given[1], BytesSource(given[2], "image.png"))


FORMATS: Mapping[str, Format] = {
    "onnx": Format(_make_onnx, lambda data: _use_model(data, "model.onnx")),
    "npz": Format(_make_npz, lambda data: _use_model(data, "arrays.npz")),
    "safetensors": Format(_make_safetensors, lambda data: _use_model(data, "model.safetensors")),
    "queries": Format(_make_query, _use_query),
    "recipes": Format(_make_recipe, _use_recipe),
    "calibration": Format(_make_calibration, _use_calibration),
}
