"""Quantization after training: from a float model, a recipe and calibration data to a QDQ model and a report."""
