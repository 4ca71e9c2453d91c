"""The small net of tests/ptq with an average at its end, and the gallery's convolutional net with digits."""

import numpy as np
import pytest

from playground import gallery
from playground.model.graph import Model
from playground.model.recipe import Recipe
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.quantization import Scheme
from tests.ptq.nets import everything_data, everything_net

Data = dict[str, np.ndarray]


@pytest.fixture(scope="session")
def net() -> Model:
    """Conv, Relu, depthwise Conv, Add of a branch, AveragePool, Gemm, Softmax."""
    return everything_net("AveragePool")


@pytest.fixture(scope="session")
def net_data() -> Data:
    return everything_data()


@pytest.fixture(scope="session")
def net_quantized(net: Model, net_data: Data) -> QuantizedModel:
    return quantize_model(net, Recipe(weights=Scheme("int4", "channel")), net_data)


@pytest.fixture(scope="session")
def convnet() -> Model:
    return gallery.open_model("digits-convnet")


@pytest.fixture(scope="session")
def convnet_int4(convnet: Model) -> QuantizedModel:
    """Per tensor at 4 bits, where it breaks."""
    return quantize_model(convnet, Recipe(weights=Scheme("int4")), gallery.calibration("digits-convnet"))
