"""GGUF, the files of ggml and llama.cpp: metadata, then tensors in ggml's block formats."""

from __future__ import annotations

from playground.model.readers._reader import Reader, later

READER = Reader("gguf", (".gguf",), lambda head: head[:4] == b"GGUF", later("_gguf"))
