from playground import gallery as gallery
from playground.api import calibrators as calibrators
from playground.api import conventions as conventions
from playground.api import formats as formats
from playground.api import quantize as quantize
from playground.engines.run import run as run
from playground.errors import PlaygroundError as PlaygroundError
from playground.metrics import compare as compare
from playground.model.graph import Model as Model
from playground.model.recipe import Recipe as Recipe
from playground.opening import load as load
from playground.ptq.pipeline import QuantizedModel as QuantizedModel
from playground.ptq.pipeline import quantize_model as quantize_model
from playground.ptq.report import Report as Report
from playground.quantization import QParams as QParams
from playground.quantization import QTensor as QTensor
from playground.quantization import Range as Range
from playground.quantization import Scheme as Scheme
from playground.quantization import choose_qparams as choose_qparams
from playground.quantization import dequantize as dequantize

__version__: str
__all__: list[str]
