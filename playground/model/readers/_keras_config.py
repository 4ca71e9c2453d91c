"""What a Keras model says of its layers: a net of layers and of what each is called with. Nothing in it is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from playground.errors import DAMAGED, BadFileError, UnsupportedError, shown
from playground.limits import MOST_JSON_DEPTH

_OURS = ("keras.layers", "keras.src.layers", "keras.models", "keras.src.models", "keras.src.engine", "tf_keras.")
"""Where Keras's own layers and models come from; its functions have the same names."""

_PROGRAMS = ("Lambda", "__lambda__")

_NETS = ("Functional", "Model", "Sequential")

Ref = tuple[str, int, int]
"""A layer, which of its calls, which of the results."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer.

    Attributes:
        kind: its class (``"Dense"``).
        name: its name, which no other layer of the net has.
        config: what its class is made with.
        calls: what it is called with, each time.
        inner: its layers, if it is a model itself.
        fault: why its calls are not understood; empty if they are.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    calls: tuple[tuple[Ref, ...], ...]
    inner: Net | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Net:
    """Layers, and between which results the net is."""

    name: str
    layers: tuple[Layer, ...]
    inputs: tuple[Ref, ...]
    outputs: tuple[Ref, ...]
    sequential: bool


def refuse_programs(config: Any) -> None:
    """Refuse a configuration with Python code in it (UnsupportedError)."""
    waiting = [config]
    while waiting:
        held = waiting.pop()
        if isinstance(held, dict):
            if held.get("class_name") in _PROGRAMS:
                raise UnsupportedError(
                    "the model has a Lambda layer, which is a program",
                    hint="Save its weights alone, with model.save_weights('m.weights.h5')",
                )
            waiting += held.values()
        elif isinstance(held, list):
            waiting += held


def net_of(described: Any) -> Net:
    """The net of a model's configuration.

    Raises:
        UnsupportedError: it is a class of its own. BadFileError: it contradicts itself.
    """
    kind, config = _kind(described), described.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    if kind not in _NETS or not isinstance(layers, list):
        raise UnsupportedError(f"the model is a class of its own, {shown(kind)}")
    name = str(config.get("name") or kind.lower()) if isinstance(config, dict) else kind.lower()
    if kind == "Sequential":
        return _chain(name, layers, config if isinstance(config, dict) else {})
    made = tuple(_layer(each, str(each["name"]), _calls(each)) for each in layers)
    if len({layer.name for layer in made}) != len(made):
        raise BadFileError("two layers have the same name", hint=DAMAGED)
    return _counted(Net(name, made, _refs(config["input_layers"]), _refs(config["output_layers"]), False), layers)


def _counted(net: Net, described: list[Any]) -> Net:
    """The net with all calls counted from 0: Keras has a first one of models that are layers, in which they are made.

    Keras 2 counts it everywhere, Keras 3 only in the results of the whole net, and only for nets that are not chains.
    """
    old = any(isinstance(call, list) for layer in described for call in layer.get("inbound_nodes") or ())
    inner = {layer.name: layer.inner for layer in net.layers if layer.inner is not None}

    def shifted(refs: tuple[Ref, ...], also_chains: bool) -> tuple[Ref, ...]:
        models = {name for name, held in inner.items() if also_chains or not held.sequential}
        return tuple((name, call - (name in models and call > 0), at) for name, call, at in refs)

    layers = net.layers
    if old and inner:
        layers = tuple(replace(each, calls=tuple(shifted(refs, True) for refs in each.calls)) for each in layers)
    return replace(net, layers=layers, outputs=shifted(net.outputs, old))


def _kind(described: Any) -> str:
    """The class; with where it comes from, if that is not Keras."""
    kind, module = str(described["class_name"]), described.get("module")
    custom = described.get("registered_name")
    if isinstance(custom, str) and ">" in custom:
        return custom
    if module in (None, "keras") or str(module).startswith(_OURS):
        return kind
    return f"{module}.{kind}"


def _layer(described: Any, name: str, calls: tuple[tuple[tuple[Ref, ...], ...], str]) -> Layer:
    kind, config = _kind(described), described.get("config")
    inner = net_of(described) if kind in _NETS else None
    if not isinstance(config, dict) and inner is None:
        raise BadFileError(f"the layer {shown(name)} has no configuration", hint=DAMAGED)
    return Layer(kind, name, config if isinstance(config, dict) else {}, calls[0], inner, calls[1])


def _chain(name: str, layers: list[Any], config: Mapping[str, Any]) -> Net:
    """Layers one behind the other. Old files have the shape of the input in the first one."""
    made: list[Layer] = []
    for each in layers:
        held = each["config"]
        own = str(held.get("name") or f"layer_{len(made)}") if isinstance(held, dict) else f"layer_{len(made)}"
        shape = held.get("batch_input_shape") if isinstance(held, dict) else None
        if not made and _kind(each) != "InputLayer":
            shape = shape or config.get("build_input_shape")
            made.append(Layer("InputLayer", f"{own}_input", {"batch_shape": shape, "dtype": "float32"}, ((),)))
        before: tuple[Ref, ...] = ((made[-1].name, 0, 0),) if made else ()
        made.append(_layer(each, own, ((before,), "")))
    if len(made) < 2:
        raise UnsupportedError("the model has no layers")
    return Net(name, tuple(made), ((made[0].name, 0, 0),), ((made[-1].name, 0, 0),), True)


def _calls(described: Any) -> tuple[tuple[tuple[Ref, ...], ...], str]:
    """What a layer is called with, each time, and what of it is not understood."""
    if described["class_name"] == "InputLayer":
        return ((),), ""
    found, fault = [], ""
    for call in described["inbound_nodes"]:
        args, named = (call["args"], call["kwargs"]) if isinstance(call, dict) else (call, _named(call))
        refs = _refs(args)
        if any(value not in (None, False) for value in named.values()) or len(refs) < _given(args):
            fault = "it is called with more than results of layers"
        found.append(refs)
    return tuple(found), fault


def _named(call: Any) -> dict[str, Any]:
    """Named arguments of a call, as Keras 2 has them: behind each tensor."""
    return {key: value for ref in call if isinstance(ref, list) and len(ref) == 4 for key, value in ref[3].items()}


def _given(args: Any) -> int:
    """How many arguments there are, those in lists included."""
    return sum(1 for _ in _leaves(args))


def _refs(held: Any) -> tuple[Ref, ...]:
    """Results of layers in an argument, however it is nested."""
    return tuple(leaf for leaf in _leaves(held) if isinstance(leaf, tuple))


def _leaves(held: Any, depth: int = 0) -> Iterator[Any]:
    if depth > MOST_JSON_DEPTH:
        raise BadFileError("arguments are nested too deep", hint=DAMAGED)
    if isinstance(held, dict) and "class_name" in held:
        history = held["config"].get("keras_history") if held["class_name"] == "__keras_tensor__" else None
        yield (str(history[0]), int(history[1]), int(history[2])) if history else held
    elif isinstance(held, list) and len(held) >= 3 and isinstance(held[0], str) and isinstance(held[1], int):
        yield held[0], held[1], int(held[2])
    elif isinstance(held, list | dict):
        for each in held.values() if isinstance(held, dict) else held:
            yield from _leaves(each, depth + 1)
    else:
        yield held
