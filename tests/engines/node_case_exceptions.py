"""ONNX's node cases that ONNX Runtime passes and the interpreter does not: name -> reason.

``test_node_cases.py`` holds the list against what happens: a case that passes, or that ONNX Runtime does not pass, has
to be removed.
"""

EXCEPTIONS: dict[str, str] = dict.fromkeys(
    ("test_not_2d", "test_not_3d", "test_not_4d"), "of operator set 1: graphs are read from 7 on"
)
"""Those that are to stay."""
