"""ONNX Runtime as an oracle for products of int8: exact on every processor.

On x86 without VNNI its fast products of int8 weights overflow 16 bits: its answers are not what the operators say.
"""

from __future__ import annotations

from typing import Any

import onnxruntime

PLAIN = onnxruntime.InferenceSession

SETTING = "session.x64quantprecision"


class ExactSession(PLAIN):  # type: ignore[misc]
    """A session whose products do not overflow, unless its options say otherwise."""

    def __init__(self, model: Any, sess_options: Any = None, *args: Any, **kwargs: Any) -> None:
        """As of ONNX Runtime's."""
        options = onnxruntime.SessionOptions() if sess_options is None else sess_options
        try:
            options.get_session_config_entry(SETTING)
        except RuntimeError:
            options.add_session_config_entry(SETTING, "1")
        super().__init__(model, options, *args, **kwargs)


def use() -> None:
    """Let all tests of this process have such sessions."""
    onnxruntime.InferenceSession = ExactSession
