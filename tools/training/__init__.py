"""Scripts that trained the gallery's models. They need PyTorch (``requirements/oracles.txt``) and are run by hand."""
