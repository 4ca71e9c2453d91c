"""What a model is here: tensors by name and, where the file has one, a graph of ONNX operators. All of it frozen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground import notebook
from playground.calls import BadUseError, Public, no_entry, public, public_class, public_part
from playground.errors import BadFileError, UnsupportedError, plural, shown, typed
from playground.model.other_names import (
    GRAPH_ATTRIBUTES,
    MODEL_ATTRIBUTES,
    NODE_ATTRIBUTES,
    ON_MODEL,
    TENSOR_ATTRIBUTES,
    VALUE_ATTRIBUTES,
)
from playground.model.replacing import new_values
from playground.named import Fixed
from playground.real_values import RealValues
from playground.units import size

REPLACE = "A model does not change. Make another one: model.with_tensors({'fc1.weight': array})"
"""What to do instead of changing a model."""

REPLACE_NODE = "A model does not change. Change the node in the ONNX file and load that"
"""What to do instead of changing a node."""

Dim = int | str | None
"""A known size, a symbolic name (``"batch"``), or unknown."""


@public_class(
    "load({'weight': array})['weight']",
    attributes=TENSOR_ATTRIBUTES,
    array="tensor.numpy()",
    refused={"__call__": "Use tensor.numpy()"},
)
@dataclass(frozen=True, slots=True)
class Tensor(RealValues, metaclass=Public):
    """A named constant whose values are read when asked for.

    Attributes:
        name: its name in the file.
        dtype: NumPy's name of the element type (``"float32"``), or the file's where NumPy has none (``"bfloat16"``).
        shape: sizes of the axes; ``()`` is a scalar.
        nbytes: bytes it takes in the file.
        read: returns the values, as an array of ``shape`` and ``dtype`` (bfloat16 comes as float32).
        quantized: whether ``dtype`` names how codes are stored (``"q4_k"``, ``"nf4"``). Then the values are the real
            numbers that they stand for, as float32.
        parts: what such a tensor is stored as, where that is several tensors: codes, scales and so on.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    read: Callable[[], NDArray[Any]] = field(repr=False, compare=False)
    quantized: bool = False
    parts: Mapping[str, Tensor] = field(default_factory=lambda: MappingProxyType({}), repr=False, compare=False)

    _ARRAY = "tensor.numpy()"

    def __ne__(self, other: object) -> bool:
        """As ``==``, which compares names, types and shapes."""
        return not self == other

    def __reduce__(self) -> tuple[Any, ...]:
        """The values themselves, for ``pickle`` and ``copy.deepcopy``: what reads them cannot be stored."""
        facts = (self.name, self.dtype, self.shape, self.nbytes)
        return _stored_tensor, (facts, self.numpy(), self.quantized, dict(self.parts))

    @property
    def real(self) -> bool:
        """Whether the values are real numbers: floats of any width, or codes that stand for some."""
        return self.quantized or "float" in self.dtype

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def numpy(self) -> NDArray[Any]:
        """The values.

        Raises:
            PlaygroundError: they cannot be read: the file is damaged, has changed or is gone, or they do not fit into
                memory.
        """
        with typed(
            BadFileError, "the values cannot be read", where=f"tensor {shown(self.name)}", hint="Open the file again"
        ):
            return self.read()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The values, for ``numpy.asarray`` and what calls it. Raises as :meth:`numpy`."""
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    @staticmethod
    def of(name: str, values: NDArray[Any]) -> Tensor:
        """A tensor that holds the given array (no copy); what is read from it cannot be changed."""
        values = np.asarray(values).view()
        values.flags.writeable = False
        return Tensor(name, values.dtype.name, tuple(values.shape), values.nbytes, lambda: values)


def _stored_tensor(
    facts: tuple[str, str, tuple[int, ...], int], values: NDArray[Any], quantized: bool, parts: Mapping[str, Tensor]
) -> Tensor:
    return Tensor(*facts, lambda: values, quantized, MappingProxyType(parts))


@public_part(VALUE_ATTRIBUTES)
@dataclass(frozen=True, slots=True)
class ValueInfo:
    """A graph input or output: name, dtype as in :class:`Tensor`, and shape (None: the file does not say)."""

    name: str
    dtype: str
    shape: tuple[Dim, ...] | None


_NO_ATTRIBUTES: Fixed[Any] = Fixed({}, "attribute", REPLACE_NODE)


@public_part(NODE_ATTRIBUTES, {"__getitem__": "Use node.attributes['axis'], node.inputs[0]"})
@dataclass(frozen=True, slots=True)
class Node:
    """One ONNX operator. An omitted optional input or output is the empty string, as in ONNX."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=lambda: _NO_ATTRIBUTES)
    """Attribute name -> int, float, str, bytes, list of these, NumPy array, or Graph."""
    domain: str = ""

    def __post_init__(self) -> None:
        """Hold attributes that cannot be changed: a graph that has been planned would not see it."""
        if not isinstance(self.attributes, Fixed):
            held = Fixed(self.attributes, "attribute", REPLACE_NODE) if self.attributes else _NO_ATTRIBUTES
            object.__setattr__(self, "attributes", held)

    @property
    def branches(self) -> tuple[Graph, ...]:
        """The graphs inside it: those of If, Loop and Scan."""
        # Asked of every node again and again: a list is faster than a generator, and most nodes need neither
        return tuple([held for held in self.attributes.values() if isinstance(held, Graph)]) if self.attributes else ()

    @property
    def reads(self) -> list[str]:
        """The names it reads, once for each time; those that its branches read from around them included."""
        names = [name for name in self.inputs if name]
        for branch in self.branches:
            names += branch.captured
        return names


@public_part(
    GRAPH_ATTRIBUTES,
    {
        "__getitem__": "Use graph.initializers['fc1.weight'], or graph.nodes[0]",
        "__iter__": "Use graph.nodes",
        "__len__": "Use len(graph.nodes)",
    },
)
@dataclass(frozen=True, slots=True, weakref_slot=True)
class Graph:
    """Nodes in topological order, their constants, and what goes in and out (constants are not inputs)."""

    name: str
    inputs: tuple[ValueInfo, ...]
    outputs: tuple[ValueInfo, ...]
    nodes: tuple[Node, ...]
    initializers: Mapping[str, Tensor]
    opset: int
    other_opsets: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Hold constants that cannot be changed: a graph that has been planned would not see it."""
        if not isinstance(self.initializers, Fixed):
            object.__setattr__(self, "initializers", Fixed(self.initializers, "tensor", REPLACE))

    def __repr__(self) -> str:
        """Its name and how much there is, on one line."""
        counts = plural(len(self.nodes), "node"), plural(len(self.initializers), "tensor")
        ends = (f"{', '.join(value.name for value in values[:4])}" for values in (self.inputs, self.outputs))
        return f"Graph({self.name!r}, {', '.join(counts)}, {' -> '.join(ends)})"

    @property
    def captured(self) -> list[str]:
        """The names that its nodes and outputs read from around it, once for each time."""
        own = {*(value.name for value in self.inputs), *self.initializers}
        own.update(name for node in self.nodes for name in node.outputs)
        read = [name for node in self.nodes for name in node.reads] + [value.name for value in self.outputs]
        return [name for name in read if name not in own]

    def walk(self) -> Iterator[Node]:
        """Its nodes, those in branches behind the node that they are in."""
        for node in self.nodes:
            yield node
            for branch in node.branches:
                yield from branch.walk()

    def with_constants(self, arrays: Mapping[str, NDArray[Any]]) -> Graph:
        """A copy with some constants replaced, or added."""
        made = {name: Tensor.of(name, np.asarray(values, order="C")) for name, values in arrays.items()}
        return self.with_(initializers={**self.initializers, **made})

    def with_(self, **changes: Any) -> Graph:
        """A copy with some fields replaced."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class NoGraph:
    """Why a model has no graph, and what to do."""

    what: str = "the file has tensors but no graph"
    hint: str = "Use an ONNX model"


@dataclass(frozen=True, slots=True)
class About:
    """What an ONNX file says outside its graph, besides metadata; empty where it says nothing.

    Attributes:
        producer: name of the tool that wrote it.
        producer_version: its version.
        domain: a namespace, by a reversed domain name.
        version: of the model.
        text: what the model is, in words.
        graph_text: what its graph is, in words.
        graph_metadata: entries of the graph.
    """

    producer: str = ""
    producer_version: str = ""
    domain: str = ""
    version: int = 0
    text: str = ""
    graph_text: str = ""
    graph_metadata: Mapping[str, str] = field(default_factory=dict)


@public_class(
    "load('model.onnx')",
    attributes=MODEL_ATTRIBUTES,
    on_class=ON_MODEL,
    refused={
        "__call__": "Use playground.run(model, {'image': array})",
        "__setitem__": REPLACE,
        "__delitem__": "A model does not change. Make one without a graph: load({'fc1.weight': model['fc1.weight']})",
        "__or__": REPLACE,
    },
)
@dataclass(frozen=True, slots=True)
class Model(Mapping[str, Tensor], metaclass=Public):
    """What a reader returns: the file's format id, its name, all its tensors, and the graph if it has one.

    It is a mapping of its tensors too: ``model["fc1.weight"]``, ``len(model)``, ``for name in model``.
    """

    format: str
    name: str
    tensors: Mapping[str, Tensor]
    graph: Graph | None = None
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
    """Sentences about what the reader saw but did not use, and what was changed when the file was opened."""
    no_graph: NoGraph = NoGraph()
    """Why there is no graph, if there is none."""
    about: About = About()
    """What goes with the graph into files that are written."""
    changes: tuple[str, ...] = ()
    """What was changed when the file was opened; ``notes`` have these sentences too."""
    file_bytes: int = 0
    """Size of the file that it was read from, with the tensors in files beside it; 0: it was made in memory."""
    stored_metadata: Mapping[str, Callable[[], bytes]] = field(
        default_factory=lambda: MappingProxyType({}), repr=False, compare=False
    )
    """Key -> the bytes of its type and value, read when asked for; of ``.gguf`` files, whose lists are cut above."""

    def __post_init__(self) -> None:
        """Let the error for a tensor that is missing name those that there are."""
        if not isinstance(self.tensors, Fixed):
            object.__setattr__(self, "tensors", Fixed(self.tensors, "tensor", REPLACE))

    def __getitem__(self, name: str) -> Tensor:
        """A tensor by its name (MissingKeyError)."""
        if not isinstance(name, str):
            raise no_entry(name, self.tensors, "tensor")
        return self.tensors[name]

    def __iter__(self) -> Iterator[str]:
        """The names of its tensors."""
        return iter(self.tensors)

    def __reversed__(self) -> Iterator[str]:
        """The names of its tensors, the last one first."""
        return reversed(dict(self.tensors))

    def __len__(self) -> int:
        """How many tensors it has."""
        return len(self.tensors)

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        """Raise BadUseError: NumPy would make an array of the names."""
        hint = "Use one of its tensors: model['fc1.weight'].numpy()"
        raise BadUseError("a model is not an array", where=self.name, hint=hint)

    @public("model.with_tensors({'fc1.weight': array})")
    def with_tensors(self, arrays: Mapping[str, ArrayLike]) -> Model:
        """A copy with other values in some tensors, with which its graph computes.

        Args:
            arrays: name of a tensor -> its new values, of the same shape; they are stored in the tensor's type.

        Raises:
            MissingKeyError: there is no such tensor.
            InvalidInputError: the values have another shape, or are not numbers.
            UnsupportedError: the tensor is stored as codes, or in a type that NumPy does not have.
        """
        made = new_values(self.tensors, arrays)
        graph = None if self.graph is None else self.graph.with_constants(made)
        tensors = {**self.tensors, **{name: Tensor.of(name, values) for name, values in made.items()}}
        return replace(self, tensors=tensors, graph=graph)

    def __hash__(self) -> int:
        """Of what equal models have in common, so that a model can be a key."""
        return hash((self.format, self.name, tuple(self.tensors)))

    def __bool__(self) -> bool:
        """True, also without tensors."""
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        """Its fields with the values of its tensors, for ``pickle`` and ``copy.deepcopy``."""
        held = {each.name: getattr(self, each.name) for each in fields(self)}
        stored = {key: read() for key, read in self.stored_metadata.items()}
        return _stored_model, ({**held, "metadata": dict(self.metadata), "stored_metadata": stored},)

    def __repr__(self) -> str:
        """Name, format and how much there is, on one line."""
        nodes = "no graph" if self.graph is None else plural(len(self.graph.nodes), "node")
        return f"Model({self.name!r}, {self.format}, {plural(len(self.tensors), 'tensor')}, {self._size}, {nodes})"

    @property
    def _size(self) -> str:
        return size(sum(tensor.nbytes for tensor in self.tensors.values()))

    def _repr_html_(self) -> str:
        """What a notebook shows: the facts, and the largest tensors."""
        largest = sorted(self.tensors.values(), key=lambda tensor: -tensor.nbytes)
        facts: list[tuple[str, object]] = [("format", self.format), ("tensors", f"{len(largest)}, {self._size}")]
        if self.graph is not None:
            counts = Counter(node.op for node in self.graph.nodes)
            facts.append(("operators", ", ".join(f"{count} {op}" for op, count in counts.most_common(8))))
            for name, values in (("inputs", self.graph.inputs), ("outputs", self.graph.outputs)):
                facts.append((name, ", ".join(value.name for value in values)))
        rows = [(t.name, t.dtype, " × ".join(map(str, t.shape)), size(t.nbytes)) for t in largest]
        drawn = notebook.bars([float(tensor.nbytes) for tensor in largest[:64]], "bytes of the largest tensors")
        return notebook.card(
            f"Model {self.name}", facts, drawn, notebook.table(("tensor", "type", "shape", "size"), rows)
        )

    def required_graph(self) -> Graph:
        """The graph.

        Raises:
            UnsupportedError: there is none.
        """
        if self.graph is None:
            raise UnsupportedError(self.no_graph.what, where=self.name, hint=self.no_graph.hint)
        return self.graph


def _stored_model(held: dict[str, Any]) -> Model:
    stored = {key: partial(bytes, data) for key, data in held.pop("stored_metadata").items()}
    metadata = MappingProxyType(held.pop("metadata"))
    return Model(**held, metadata=metadata, stored_metadata=MappingProxyType(stored))
