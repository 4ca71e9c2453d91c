"""What runs a graph: a float interpreter, integer programs in NumPy and in WebAssembly, and ONNX Runtime."""
