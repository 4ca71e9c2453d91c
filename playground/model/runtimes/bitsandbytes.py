"""bitsandbytes: weights of linear layers, dequantized on the fly."""

from playground.model.runtimes._runtime import Runtime

RUNTIME = Runtime(
    id="bitsandbytes",
    name="bitsandbytes",
    summary="4-bit codebooks in blocks, or int8 a row, for the linear layers of PyTorch models.",
    source="bitsandbytes 0.50: functional.quantize_4bit, int8_vectorwise_quant",
    file="safetensors",
    activations=("weight_only",),
    weight_formats=("nf4", "bnb_fp4", "int8"),
    granularities=("block", "channel"),
    symmetric_weights=True,
    block_sizes=(32, 64, 128, 256, 512, 1024, 2048, 4096),
    ranks=(2,),
    reasons={
        "activations": "it computes in float",
        "ranks": "it replaces linear layers only",
        "block_sizes": "its kernels are compiled for these",
    },
)
