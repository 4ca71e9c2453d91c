"""The command line in this process, and models that others made."""

import json

import onnx
import pytest
from onnxruntime import quantization

from playground import gallery
from playground.cli import main


class Ran:
    """Exit code and what was printed."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def playground_cli(capsys):
    """Runs ``playground ARGUMENTS``."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run


class _Digits(quantization.CalibrationDataReader):
    def __init__(self):
        self._batches = iter([gallery.calibration("digits-convnet")])

    def get_next(self):
        return next(self._batches, None)


@pytest.fixture(scope="session")
def int8_by_onnxruntime(tmp_path_factory):
    """The conv net as ONNX Runtime's own tool quantizes it."""
    folder = tmp_path_factory.mktemp("int8")
    source, target = folder / "float.onnx", folder / "int8.onnx"
    source.write_bytes(gallery.model_bytes("digits-convnet"))
    quantization.quantize_static(source, target, _Digits(), per_channel=True)
    return target


@pytest.fixture
def float_file(tmp_path):
    """The conv net as a file."""
    path = tmp_path / "convnet.onnx"
    path.write_bytes(gallery.model_bytes("digits-convnet"))
    return path


@pytest.fixture
def edited(tmp_path):
    """Writes the conv net after a change to its proto."""

    def write(change, name="edited.onnx"):
        model = onnx.load_from_string(gallery.model_bytes("digits-convnet"))
        change(model)
        path = tmp_path / name
        path.write_bytes(model.SerializeToString())
        return path

    return write
