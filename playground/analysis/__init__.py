"""What quantization does to a model as a whole."""
