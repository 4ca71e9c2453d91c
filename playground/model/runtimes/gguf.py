"""GGUF: the files of llama.cpp and what builds on ggml."""

from playground.model.runtimes._runtime import Runtime
from playground.number_formats import FORMATS, BlockFormat

_GGML = tuple(name for name, made in FORMATS.items() if isinstance(made, BlockFormat) and made.procedure is not None)

RUNTIME = Runtime(
    id="gguf",
    name="GGUF",
    summary="Weights in ggml's block formats; activations are quantized by its kernels, or stay in float.",
    source="ggml: ggml-quants.h, and gguf-py's constants",
    file="gguf",
    activations=("weight_only",),
    weight_formats=(*_GGML, "mxfp4", "fp16", "bf16"),
    granularities=("block", "tensor"),
    ranks=(2, 3),
    reasons={
        "activations": "its file has no place for ranges of activations",
        "weight_formats": "its blocks have layouts of their own",
        "block_sizes": "ggml has no partial blocks",
        "ranks": "other tensors are stored as float",
    },
)
