"""Writes ``tests/model/readers/keras_nets.zip``: small files of Keras and of h5py, with Keras's answers.

The oracles' environment has both (``python build.py test --oracles`` makes it):

    .venv/bin/python -m tools.keras_nets

Files of Keras 2 come from the package tf_keras, which needs TensorFlow: in an environment that has both,

    python -m tools.keras_nets old

Weights are drawn, the same ones each time. ``NAME.npz`` has a sample (``x0``, ``x1`` ...) and the answers (``y0`` ...)
of a net, or the arrays of a file of h5py.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARCHIVE = Path(__file__).parents[1] / "tests" / "model" / "readers" / "keras_nets.zip"

Arrays = Mapping[str, NDArray[Any]]

X = np.random.default_rng(3).normal(size=(20, 13)).astype(np.float32)
HELD: Arrays = {
    **{"gzip": X, "shuffle": X.astype(np.float64), "checksum": (100 * X).astype(np.int16)},
    "swapped": X.astype(">f4"),
}
"""What is in one of h5py's files."""


def images(k: Any) -> Any:
    """Convolutions of three kinds, normalization, pools, two branches that are joined twice, a dense layer."""
    x = k.Input((9, 8, 3), name="image")
    y = k.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(x)
    y = k.layers.BatchNormalization(name="norm")(y)
    y = k.layers.SeparableConv2D(6, 3, name="separable")(y)
    y = k.layers.DepthwiseConv2D(3, padding="same", name="depthwise")(y)
    y = k.layers.ReLU(max_value=6.0, name="relu")(y)
    a = k.layers.MaxPooling2D(2, name="largest")(y)
    b = k.layers.AveragePooling2D(2, name="mean")(y)
    y = k.layers.Concatenate(name="both")([k.layers.Add(name="sum")([a, b]), a])
    return k.Model(
        x, k.layers.Dense(5, activation="softmax", name="answer")(k.layers.Flatten(name="flat")(y)), name="images"
    )


def rows(k: Any) -> Any:
    """A table of rows, a product by the names of axes, a dense layer."""
    einsum = k.layers.EinsumDense("abc,cd->abd", output_shape=(4, 7), bias_axes="d", activation="tanh", name="mix")
    return k.Sequential(
        [
            k.Input((4,), dtype="int32", name="numbers"),
            k.layers.Embedding(11, 6, name="table"),
            einsum,
            k.layers.Flatten(name="flat"),
            k.layers.Dense(3, name="answer"),
        ],
        name="rows",
    )


def nested(k: Any) -> Any:
    """A layer that is called twice, and models that are layers."""
    inner = k.Sequential(
        [k.Input((5,)), k.layers.Dense(4, activation="relu", name="in"), k.layers.Dense(5, name="out")]
    )
    given = k.Input((5,))
    two = k.Model(given, [k.layers.Dense(3, name="left")(given), k.layers.Dense(5, name="right")(given)], name="two")
    shared = k.layers.Dense(5, name="shared")
    x, y = k.Input((5,), name="x"), k.Input((5,), name="y")
    joined = k.layers.Add(name="joined")([shared(x), shared(inner(shared(y)))])
    left, right = two(joined)
    return k.Model([x, y], [left, k.layers.Add(name="last")([right, inner(right)])], name="nested")


def recurrent(k: Any) -> Any:
    """A layer that has no counterpart."""
    return k.Sequential([k.Input((4, 3)), k.layers.LSTM(2, name="memory"), k.layers.Dense(2, name="answer")])


def program(k: Any) -> Any:
    """A layer that is Python code."""
    return k.Sequential([k.Input((4,)), k.layers.Lambda(lambda x: x + 1), k.layers.Dense(2)])


NETS: Mapping[str, Callable[[Any], Any]] = {"images": images, "rows": rows, "nested": nested}
OTHERS: Mapping[str, Callable[[Any], Any]] = {"recurrent": recurrent, "program": program}


def drawn(model: Any) -> Any:
    """The model with weights that are not those of its start."""
    rng = np.random.default_rng(17)
    values = []
    for weight in model.get_weights():
        value = rng.normal(0, 0.4, weight.shape).astype(weight.dtype)
        values.append(np.abs(value) + 0.5 if weight.ndim == 1 else value)
    model.set_weights(values)
    return model


def answers(model: Any) -> dict[str, NDArray[Any]]:
    """A sample for each input, and what the model answers."""
    rng = np.random.default_rng(5)
    given = [
        rng.integers(0, 11, (2, *value.shape[1:])).astype(np.int32)
        if "int" in str(value.dtype)
        else rng.normal(size=(2, *value.shape[1:])).astype(np.float32)
        for value in model.inputs
    ]
    results = model.predict(given if len(given) > 1 else given[0], verbose=0)
    results = results if isinstance(results, list) else [results]
    return {f"{kind}{at}": value for kind, held in (("x", given), ("y", results)) for at, value in enumerate(held)}


def saved(model: Any, ending: str) -> bytes:
    """The bytes of a model's file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"m{ending}"
        (model.save_weights if ending == ".weights.h5" else model.save)(path)
        return path.read_bytes()


def of_keras() -> dict[str, bytes | Arrays]:
    """Files of Keras 3: nets, quantized ones, and what has no graph."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    made: dict[str, bytes | Arrays] = {}
    for name, build in NETS.items():
        model = drawn(build(keras))
        made |= {f"{name}{ending}": saved(model, ending) for ending in (".keras", ".h5")} | {name: answers(model)}
    made["images.weights.h5"] = saved(drawn(images(keras)), ".weights.h5")
    for name, build in OTHERS.items():
        made[f"{name}.keras"] = saved(build(keras), ".keras")
    for mode in ("int8", "int4"):
        model = drawn(rows(keras))
        kept = {"/".join(weight.path.split("/")[-2:]): weight.numpy() for weight in model.weights}
        model.quantize(mode)
        made |= {
            f"{mode}.keras": saved(model, ".keras"),
            f"{mode}.h5": saved(model, ".h5"),
            mode: kept | answers(model),
        }
    half = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, dtype="bfloat16", name="answer")])
    made["bfloat16.keras"] = saved(drawn(half), ".keras")
    return made


def of_keras_2() -> dict[str, bytes | Arrays]:
    """Files of Keras 2."""
    import tf_keras

    made: dict[str, bytes | Arrays] = {}
    for name in ("images", "nested"):
        model = drawn(NETS[name](tf_keras))
        made |= {f"{name}2{ending}": saved(model, ending) for ending in (".keras", ".h5")} | {
            f"{name}2": answers(model)
        }
    return made


def layouts(file: Any) -> None:
    """Values together and in chunks, by each filter."""
    packed: dict[str, dict[str, Any]] = {
        "gzip": {"compression": "gzip"},
        "shuffle": {"compression": "gzip", "shuffle": True},
        "checksum": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    }
    for name, values in HELD.items():
        file.create_dataset(name, data=values, **({"chunks": (7, 5), **packed[name]} if name in packed else {}))


def many(file: Any) -> None:
    """A group of many arrays, with many attributes."""
    group = file.create_group("g")
    for number in range(40):
        group.attrs[f"attribute {number}"] = number
        group[f"{number:02}"] = np.full(number, number, np.float16)
    file.attrs["text"] = "é" * 1000


def virtual(file: Any) -> None:
    """An array whose values are another file's."""
    import h5py

    layout = h5py.VirtualLayout(X.shape, "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", X.shape)
    file.create_virtual_dataset("x", layout)


def shared(file: Any) -> None:
    """An array of a named type."""
    file["type"] = np.dtype("f4")
    file.create_dataset("x", data=X, dtype=file["type"])


def linked(file: Any) -> None:
    """An array with two names."""
    file["x"] = X
    file["y"] = file["x"]


def of_h5py() -> dict[str, bytes | Arrays]:
    """Files of h5py: layouts, filters, kinds of groups, and what is refused."""
    import h5py

    kinds: dict[str, Callable[[Any], Any]] = {
        "layouts": layouts,
        "many": many,
        "many.latest": many,
        "virtual": virtual,
        "shared": shared,
        "linked": linked,
        "elsewhere": lambda file: file.__setitem__("x", h5py.ExternalLink("other.h5", "x")),
        "by_name": lambda file: file.__setitem__("x", h5py.SoftLink("/y")),
        "values_elsewhere": lambda file: file.create_dataset("x", X.shape, "f4", external="other.bin"),
        "lzf": lambda file: file.create_dataset("x", data=X, compression="lzf"),
        "unwritten": lambda file: file.create_dataset("x", X.shape, "f4"),
        "text": lambda file: file.__setitem__("x", ["a", "b"]),
    }
    made: dict[str, bytes | Arrays] = {}
    made["layouts"] = HELD
    for name, write in kinds.items():
        with io.BytesIO() as target:
            with h5py.File(target, "w", libver="latest" if name.endswith(".latest") else "earliest") as file:
                write(file)
            made[f"{name}.h5"] = target.getvalue()
    return made


def main() -> None:
    """Write the files of one environment; those of the other stay."""
    made = of_keras_2() if sys.argv[1:] == ["old"] else {**of_keras(), **of_h5py()}
    files: dict[str, bytes] = {}
    for name, content in made.items():
        if isinstance(content, bytes):
            files[name] = content
        else:
            with io.BytesIO() as target:
                np.savez(target, allow_pickle=False, **dict(content))
                files[f"{name}.npz"] = target.getvalue()
    if ARCHIVE.exists():
        with zipfile.ZipFile(ARCHIVE) as archive:
            files = {name: archive.read(name) for name in archive.namelist()} | files
    with zipfile.ZipFile(ARCHIVE, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    print(f"{ARCHIVE}: {len(files)} files, {ARCHIVE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
