"""From a quantized graph and concrete input shapes to an integer program."""
