"""QDQ graphs that grow operator by operator, compared with ONNX Runtime, and kernels with the reference.

ONNX Runtime runs the graph as it is written (no optimization), so the only difference is how its float operators round
before the last QuantizeLinear: that decides where a value lies halfway between two codes, and nowhere else.
"""

import numpy as np
import onnxruntime

from playground.engines import reference, wasm
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.opening import working

RANDOM = np.random.default_rng(11)


def floats(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


class Net:
    """A QDQ graph that grows: every float tensor ``x`` is quantized to ``x:q`` and read as ``x:r``."""

    def __init__(self, dtype, **inputs):
        self.dtype, self.inputs, self.nodes, self.constants = dtype, inputs, [], {}
        self.span = 255

    def fixed(self, name, values):
        self.constants[name] = np.asarray(values)
        return name

    def op(self, op, names, outputs="y", domain="", **attributes):
        made = tuple(outputs.split())
        self.nodes.append(Node(op, f"{op}:{made[0]}", tuple(names.split(" ")), made, attributes, domain))
        return self

    def pair(self, name, lo=-3.0, hi=3.0, like=None):
        """QuantizeLinear and DequantizeLinear of a tensor, with the scale of another one if that is named."""
        if like is None:
            scale = np.float32((hi - lo) / self.span)
            least = np.iinfo(self.dtype).min
            self.fixed(f"{name}:s", scale)
            self.fixed(f"{name}:z", np.array(np.clip(np.rint(least - lo / scale), least, least + 255), self.dtype))
        source = like or name
        self.op("QuantizeLinear", f"{name} {source}:s {source}:z", f"{name}:q")
        return self.op("DequantizeLinear", f"{name}:q {source}:s {source}:z", f"{name}:r")

    def codes(self, name, values, axis=None):
        """Constant int8 codes behind a DequantizeLinear: ``name:r``."""
        peak = (
            np.abs(values).max()
            if axis is None
            else np.abs(values).max(tuple(i for i in range(values.ndim) if i != axis))
        )
        scale = np.asarray(peak / 127, np.float32)
        shape = [-1 if i == axis else 1 for i in range(values.ndim)] if axis is not None else ()
        self.fixed(f"{name}:c", np.rint(values / scale.reshape(shape)).astype(np.int8))
        self.fixed(f"{name}:s", scale)
        self.fixed(f"{name}:z", np.zeros(scale.shape, np.int8))
        return self.op(
            "DequantizeLinear", f"{name}:c {name}:s {name}:z", f"{name}:r", **({} if axis is None else {"axis": axis})
        )

    def graph(self, *outputs, opset=17, opened=True):
        """The graph as it is opened, or as a file of this operator set has it."""
        kinds = {np.dtype(np.float32): "float32", np.dtype(np.int64): "int64"}
        fed = tuple(
            ValueInfo(n, kinds[x.dtype], (f"n{i}", *x.shape[1:])) for i, (n, x) in enumerate(self.inputs.items())
        )
        ends = tuple(ValueInfo(name, "float32", None) for name in outputs)
        held = {name: Tensor.of(name, values) for name, values in self.constants.items()}
        domains = {node.domain: 1 for node in self.nodes if node.domain}
        made = Graph("net", fed, ends, tuple(self.nodes), held, opset, domains)
        return working(made)[0] if opened else made


NEAR = 1e-4
"""In steps of a scale: what float32 makes of values of up to 255 steps, in another order of operations, stays below."""


def compared(net, *outputs, opset=17, steps=None, near=NEAR):
    """Plan, check the kinds of steps, compare kernels with the reference exactly and with ONNX Runtime within ties."""
    outputs = outputs or ("y:r",)
    compiled = wasm.plan(net.graph(*outputs, opset=opset), {name: x.shape for name, x in net.inputs.items()})
    if steps is not None:
        made = [type(step).__name__ for step in compiled.program.steps]
        assert [kind for kind in made if kind != "Quantize"] == steps.split()
    found, meant = compiled.run(net.inputs), reference.run(compiled.program, net.inputs)
    theirs = by_onnxruntime(net, outputs, opset)
    for name in outputs:
        np.testing.assert_array_equal(found[name], meant[name], err_msg=name)
        assert found[name].shape == theirs[name].shape
        if name.endswith(":r"):
            (scale,) = (node.inputs[1] for node in net.nodes if name in node.outputs)
            real = theirs.get(name.removesuffix(":r"))
            assert_equal_but_for_ties(found[name], theirs[name], real, net.constants[scale], near)
        else:
            np.testing.assert_allclose(found[name], theirs[name], rtol=0, atol=1e-5)
    return compiled


def by_onnxruntime(net, outputs, opset):
    """The outputs, and what each of them was before it was quantized, where the graph has that."""
    made = {name for node in net.nodes for name in node.outputs}
    before = [name.removesuffix(":r") for name in outputs]
    names = list(dict.fromkeys([*outputs, *(name for name in before if name in made)]))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(to_onnx(net.graph(*names, opset=opset, opened=False)), options)
    return dict(zip(names, session.run(names, net.inputs), strict=True))


def assert_equal_but_for_ties(ours, theirs, real, step, near=NEAR):
    """A code may differ by one where the real number lies halfway between two; without that number none may."""
    away = np.rint(np.abs(ours - theirs) / step)
    if real is None:
        assert not away.any()
        return
    from_tie = np.abs(real / step - np.floor(real / step) - 0.5)
    assert away.max() <= 1
    assert (from_tie[away > 0] < near).all()
