"""Graphs of outputs alone, for what is read from outputs: each is the copy of an input."""

from playground.model.graph import Graph, Node, ValueInfo


def graph_with(inputs=None, nodes=(), constants=None, **outputs) -> Graph:
    """A graph with outputs of these shapes.

    Args:
        inputs: name -> (element type, shape); one float32 input of any shape when left out.
        nodes: those that make outputs; what none makes is made of an input of its own.
        constants: name -> tensor.
        outputs: name -> shape.
    """
    made = {name for node in nodes for name in node.outputs}
    given = inputs or {"x": ("float32", None)}
    dtype = next(iter(given.values()))[0]
    sources = {name: (dtype, shape) for name, shape in outputs.items() if name not in made}
    values = [ValueInfo(name, *about) for name, about in given.items()]
    values += [ValueInfo(f"{name}_in", *about) for name, about in sources.items()]
    copies = [Node("Identity", name, (f"{name}_in",), (name,)) for name in sources]
    ends = tuple(ValueInfo(name, "float32", shape) for name, shape in outputs.items())
    return Graph("outputs", tuple(values), ends, (*nodes, *copies), constants or {}, 17)
