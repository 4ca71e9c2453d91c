"""Which array of a Keras file is which weight of which layer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from playground.model.graph import Tensor
from playground.model.readers._hdf5 import Hdf5
from playground.model.readers._keras_config import Layer, Net

Weights = Mapping[str, Tensor]
"""A layer's weights by what they are to it (``"kernel"``)."""

Path = tuple[str, ...]
"""Names of a layer and of the models around it."""

_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""Where an archive has a model's layers; the second one in Keras 2."""

_KERNEL = ("kernel", "bias")
_ROLES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("Dense", "EinsumDense"), _KERNEL),
    **{f"{kind}{rank}": _KERNEL for rank in ("1D", "2D", "3D") for kind in ("Conv", "DepthwiseConv")},
    **{f"Conv{rank}Transpose": _KERNEL for rank in ("1D", "2D", "3D")},
    **{f"SeparableConv{rank}": ("depthwise_kernel", "pointwise_kernel", "bias") for rank in ("1D", "2D")},
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "Embedding": ("embeddings",),
    "LayerNormalization": ("gamma", "beta"),
    "PReLU": ("alpha",),
}
"""What a class has, in the order in which Keras numbers it."""

_SWITCHES = {"bias": ("use_bias", "bias_axes"), "gamma": ("scale",), "beta": ("center",)}
"""What has to be set for a layer to have a weight."""


def mode_of(config: Mapping[str, Any]) -> str:
    """How Keras has quantized a layer: ``"int8"``, ``"int4"``; empty if it has not."""
    policy = config.get("dtype")
    if isinstance(policy, dict):
        held = policy.get("config") or {}
        policy = held.get("mode") or held.get("name")
    mode, _, source = str(policy).partition("_from_")
    # behind a slash stands the size of the groups
    mode = mode.partition("/")[0]
    return mode if source or mode in ("int8", "int4", "float8", "gptq", "awq") else ""


def roles_of(layer: Layer) -> list[str]:
    """What a layer's weights are, in order."""
    roles = []
    for role in _ROLES.get(layer.kind, ()):
        switches = [layer.config.get(name, True) for name in _SWITCHES.get(role, ()) if name in layer.config]
        roles += [role] if all(switches) else []
    if mode_of(layer.config) in ("int8", "int4"):
        first = _ROLES[layer.kind][0] if layer.kind in _ROLES else "kernel"
        roles += [f"{first}_scale", f"{first}_zero", "g_idx"]
    return roles


def of_archive(file: Hdf5, net: Net) -> Iterator[tuple[Path, Weights]]:
    """The weights of each layer, by its path: an archive numbers them."""
    return _of_container(file, net, _folders(file), (), "")


def _of_container(
    file: Hdf5, net: Net, folders: Mapping[str, Mapping[str, str]], path: Path, place: str
) -> Iterator[tuple[Path, Weights]]:
    container = place + next((name for name in _CONTAINERS if place + name in file.groups), _CONTAINERS[0])
    named = folders.get(container, {})
    used: dict[str, int] = {}
    for layer in net.layers:
        if layer.kind == "InputLayer" and net.sequential:
            continue
        kind = _snake(layer.kind.rpartition(".")[2].rpartition(">")[2])
        number = used[kind] = used.get(kind, -1) + 1
        folder = named.get(layer.name) or (f"{kind}_{number}" if number else kind)
        inside = f"{container}/{folder}"
        if layer.inner is not None:
            yield from _of_container(file, layer.inner, folders, (*path, layer.name), f"{inside}/")
            continue
        arrays = [file.arrays[name] for name in _numbered(file, f"{inside}/vars")]
        roles = roles_of(layer)
        roles += [str(number) for number in range(len(roles), len(arrays))]
        yield (*path, layer.name), dict(zip(roles, arrays, strict=False))


def _folders(file: Hdf5) -> dict[str, dict[str, str]]:
    """Folders of layers by where they are and the layers' names, which Keras 3.9 and later tell."""
    found: dict[str, dict[str, str]] = {}
    for group in file.groups:
        layer, _, end = group.rpartition("/")
        container, _, folder = layer.rpartition("/")
        if end == "vars":
            name = file.attributes(group).get("name")
            if isinstance(name, str):
                found.setdefault(container, {})[name] = folder
    return found


def _numbered(file: Hdf5, group: str) -> Iterator[str]:
    number = 0
    while f"{group}/{number}" in file.arrays:
        yield f"{group}/{number}"
        number += 1


def _snake(kind: str) -> str:
    """A class's name as Keras names folders after it."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def of_legacy(file: Hdf5, net: Net | None) -> Iterator[tuple[Path, Weights]]:
    """The weights of each layer, by its path: HDF5 alone has them under their names."""
    top = "model_weights" if "model_weights" in file.groups else ""
    inner = {layer.name: layer.inner for layer in net.layers} if net else {}
    for group in _texts(file, top, "layer_names"):
        place = f"{top}/{group}" if top else group
        if place not in file.groups:
            continue
        held = [(name, file.arrays[f"{place}/{name}"]) for name in _texts(file, place, "weight_names")]
        net_inside = inner.get(group)
        if net_inside is not None:
            yield from _of_layers_inside(net_inside, (group,), _by_layer(held))
        else:
            yield (group,), {_role(name): tensor for name, tensor in held}


def _of_layers_inside(net: Net, path: Path, held: Mapping[str, dict[str, Tensor]]) -> Iterator[tuple[Path, Weights]]:
    for layer in net.layers:
        if layer.inner is not None:
            yield from _of_layers_inside(layer.inner, (*path, layer.name), held)
        else:
            yield (*path, layer.name), held.get(layer.name, {})


def _by_layer(held: Iterable[tuple[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """Weights of a model inside by their layers: these stand before the last part of a weight's name."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in held:
        found.setdefault("".join(name.split("/")[-2:-1]), {})[_role(name)] = tensor
    return found


def _role(name: str) -> str:
    return name.rpartition("/")[2].partition(":")[0]


def _texts(file: Hdf5, group: str, name: str) -> list[str]:
    """A list of texts; a long one is in several attributes."""
    attributes = file.attributes(group)
    parts = [attributes[name]] if name in attributes else []
    while f"{name}{len(parts)}" in attributes:
        parts.append(attributes[f"{name}{len(parts)}"])
    return [str(text) for part in parts for text in part or ()]
