"""ONNX operators in NumPy: one module a group, each with a tuple ``OPS``; the float interpreter finds them."""
