"""ONNX's node cases that ONNX Runtime passes and the interpreter does not: name -> reason.

``test_node_cases.py`` holds the list against what happens: a case that passes, or that ONNX Runtime does not pass, has
to be removed.
"""

EXCEPTIONS: dict[str, str] = {}
"""Those that are to stay."""
