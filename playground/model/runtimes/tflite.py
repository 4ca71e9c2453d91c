"""TensorFlow Lite, now LiteRT."""

from playground.model.runtimes._runtime import Runtime

RUNTIME = Runtime(
    id="tflite",
    name="TensorFlow Lite",
    summary="int8 kernels with symmetric weights; 4-bit weights in some operators.",
    source="LiteRT 8-bit quantization specification (ai.google.dev/edge/litert/models/quantization_spec)",
    file="tflite",
    activations=("static", "dynamic", "weight_only"),
    weight_formats=("int8", "int4"),
    granularities=("tensor", "channel"),
    activation_formats=("int8",),
    dynamic_weight_formats={"Conv": ("int8",), "MatMul": ("int8",), "Gemm": ("int8",)},
    symmetric_weights=True,
    result_parameters={
        **{"Sigmoid": (1 / 256, -128), "Softmax": (1 / 256, -128), "LogSoftmax": (16 / 256, 127), "Tanh": (1 / 128, 0)},
    },
    output_channels=True,
    reasons={
        "weight_formats": "its kernels multiply signed codes",
        "dynamic_weight_formats": "codes of floats are made for weights of 8 bits",
        "activation_formats": "unsigned ones belong to its old, deprecated scheme",
        "symmetric_weights": "its kernels spare the products with the weights' zero-point",
        "output_channels": "its kernels have a scale for each output channel",
    },
)
