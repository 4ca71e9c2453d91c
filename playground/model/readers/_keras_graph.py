"""A net of Keras as a graph: layers in the order in which their inputs are there, models inside models included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playground.errors import DAMAGED, BadFileError, UnsupportedError, cut, plural, typed
from playground.limits import MOST_NODES
from playground.model.element_types import BY_NAME
from playground.model.graph import Graph, ValueInfo
from playground.model.readers import _keras_images, _keras_layers, _keras_moves
from playground.model.readers._keras_builder import Builder, Value
from playground.model.readers._keras_config import Layer, Net, Ref
from playground.model.readers._keras_weights import Path, Weights, mode_of

OPSET = 19
"""Has all operators in the forms that are written here; Gelu asks for 20 when it is opened."""

_CONVERTERS = {**_keras_layers.CONVERTERS, **_keras_images.CONVERTERS, **_keras_moves.CONVERTERS}

_CONTRADICTION = "Save the model again: this layer contradicts itself"
_MOST_OF_A_NAME = 80


def reasons_against(net: Net) -> list[str]:
    """Why a net has no graph here, a phrase for each: layers that have no counterpart, with how often they occur."""
    counts: dict[str, int] = {}
    for layer in _layers(net):
        mode = mode_of(layer.config)
        if layer.inner is None and layer.kind not in (*_CONVERTERS, "InputLayer"):
            what = f"of class {cut(layer.kind, _MOST_OF_A_NAME)}"
        elif mode not in ("", "int8"):
            what = f"in {cut(mode, _MOST_OF_A_NAME)}"
        elif layer.fault:
            what = f"of which {layer.fault}"
        else:
            continue
        counts[what] = counts.get(what, 0) + 1
    return [f"{plural(count, 'layer')} {what}" for what, count in counts.items()]


def _layers(net: Net) -> Iterator[Layer]:
    for layer in net.layers:
        if layer.inner is not None:
            yield from _layers(layer.inner)
        else:
            yield layer


def graph_of(net: Net, weights: Mapping[Path, Weights], version: int, where: str) -> tuple[Graph, list[str]]:
    """The graph, and what is not as in Keras.

    Raises:
        UnsupportedError: a layer has a form that has no counterpart here. BadFileError: the net contradicts itself.
    """
    names = [ref[0] for ref in net.inputs]
    b = Builder(names, weights, version)
    given, infos = [], []
    by_name = {layer.name: layer for layer in net.layers}
    for name in names:
        info = _input_info(by_name.get(name), name, where)
        infos.append(info)
        given.append(Value(info.shape or (), info.name, real="float" in info.dtype))
    if len(set(names)) != len(names):
        raise BadFileError("an input occurs twice", where=where, hint=DAMAGED)
    results = _run(b, net, given, (), where)
    return _finished(b, net, infos, results), list(dict.fromkeys(b.notes))


def _input_info(layer: Layer | None, name: str, where: str) -> ValueInfo:
    """An input, as its layer says."""
    config: Mapping[str, Any] = layer.config if layer is not None else {}
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    dtype = config.get("dtype", "float32")
    if isinstance(dtype, dict):
        dtype = dtype["config"]["name"]
    if not isinstance(shape, list) or not all(
        size is None or (type(size) is int and 0 < size < 2**31) for size in shape
    ):
        raise UnsupportedError(f"the input {name!r:.80} does not say its shape")
    if dtype not in BY_NAME or dtype in ("bool", "complex64", "complex128"):
        raise UnsupportedError(f"the input {name!r:.80} is of type {dtype!r:.40}")
    # Keras computes in float32 what comes in wider or narrower
    return ValueInfo(name, "float32" if "float" in dtype else dtype, tuple(shape))


class _Calls:
    """Calls of a net's layers, each as soon as its inputs are there."""

    def __init__(self, net: Net) -> None:
        """Wait for the inputs of the net."""
        self._missing: dict[tuple[int, int], set[Ref]] = {}
        self._waiting: dict[Ref, list[tuple[int, int]]] = {}
        self._ready: list[tuple[int, int]] = []
        given = {ref[:2] for ref in net.inputs}
        for place, layer in enumerate(net.layers):
            for number, refs in enumerate(layer.calls):
                if (layer.name, number) in given:
                    continue
                self._missing[place, number] = set(refs)
                for ref in set(refs):
                    self._waiting.setdefault(ref, []).append((place, number))
                if not refs:
                    self._ready.append((place, number))

    def made(self, ref: Ref) -> None:
        """State that a result is there."""
        for call in reversed(self._waiting.pop(ref, ())):
            self._missing[call].discard(ref)
            if not self._missing[call]:
                self._ready.append(call)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The places of layers, and which of their calls."""
        while self._ready:
            yield self._ready.pop()


def _run(b: Builder, net: Net, given: Sequence[Value], path: Path, where: str) -> list[Value]:
    """The results of a net for some inputs."""
    known: dict[Ref, Value] = dict(zip(net.inputs, given, strict=True))
    calls = _Calls(net)
    for ref in reversed(net.inputs):
        calls.made(ref)
    for place, number in calls:
        layer = net.layers[place]
        inputs = [known[ref] for ref in layer.calls[number]]
        for at, result in enumerate(_called(b, layer, inputs, (*path, layer.name), where)):
            known[layer.name, number, at] = result
            calls.made((layer.name, number, at))
    if any(ref not in known for ref in net.outputs):
        raise BadFileError("nothing makes an output of the model", where=where, hint=DAMAGED)
    return [known[ref] for ref in net.outputs]


def _called(b: Builder, layer: Layer, inputs: list[Value], path: Path, where: str) -> list[Value]:
    if layer.inner is not None:
        if len(inputs) != len(layer.inner.inputs):
            raise BadFileError(f"{plural(len(inputs), 'input')} of a model", where="/".join(path), hint=DAMAGED)
        return _run(b, layer.inner, inputs, path, where)
    if not inputs:
        raise BadFileError("the layer is called without an input", where=f"{where}: {'/'.join(path)}", hint=DAMAGED)
    at = f"{where}: layer {cut('/'.join(path), _MOST_OF_A_NAME)}"
    if len(b.nodes) > MOST_NODES:
        raise BadFileError("the model has too many layers", where=where, hint=f"Use at most {MOST_NODES} operators")
    with typed(BadFileError, "the configuration is not that of its class", where=at, hint=_CONTRADICTION):
        b.start(layer, path)
        try:
            return [_CONVERTERS[layer.kind](b, inputs)]
        except UnsupportedError as error:
            name = cut("/".join(path), _MOST_OF_A_NAME)
            raise UnsupportedError(f"layer {name} ({layer.kind}: {error.what})") from error


def _finished(b: Builder, net: Net, inputs: list[ValueInfo], results: list[Value]) -> Graph:
    """The graph, its results named after the layers that make them."""
    taken = {info.name for info in inputs} | set(b.constants)
    outputs, renamed = [], dict[str, str]()
    for ref, value in zip(net.outputs, results, strict=True):
        b.start(Layer("", ref[0], {}, ()), (ref[0],))
        name = b.plain(value)
        if name in taken or name in renamed:
            name = b.emit("Identity", [name])
        renamed[name] = b.names.take(ref[0])
        outputs.append(ValueInfo(renamed[name], "float32", value.shape))
    return Graph(net.name, tuple(inputs), tuple(outputs), b.renamed(renamed), b.constants, OPSET)
