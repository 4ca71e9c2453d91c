"""Calls that somebody types who has tensors of PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import playground
from playground import gallery
from playground.errors import PlaygroundError

torch = pytest.importorskip("torch")

X = torch.linspace(-1, 1, 64).reshape(8, 8)


def test_tensors_and_their_dtypes_are_taken() -> None:
    q = playground.quantize(X.numpy(), "int8")
    for given in (X, X.requires_grad_(), torch.nn.Parameter(X.detach())):
        assert (playground.quantize(given, "int8") == q).all()
    assert playground.quantize(X, torch.int8).scheme == q.scheme
    assert playground.quantize(X.bfloat16()).shape == (8, 8)
    assert playground.compare(X, q)["sqnr_db"] > 30
    images = gallery.digits().images[:4]
    model = gallery.open_model("digits-mlp")
    np.testing.assert_array_equal(
        playground.run(model, torch.tensor(images))["logits"], playground.run(model, images)["logits"]
    )
    assert playground.quantize_model(model, calibration=torch.tensor(images)).report.calibration_samples == 4
    assert playground.load(torch.nn.Linear(3, 4).state_dict())["weight"].shape == (4, 3)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (lambda: playground.quantize(X, torch.qint8), "'int8'"),
        (lambda: playground.quantize(X, torch.float8_e4m3fn), "'fp8_e4m3'"),
        (lambda: playground.quantize(X, torch.float16), "'fp16'"),
        (lambda: playground.quantize(X.detach().to_sparse()), "numpy.asarray"),
        (lambda: playground.load(torch.nn.Linear(3, 4)), "state_dict()"),
        (lambda: playground.quantize_model(torch.nn.Linear(3, 4)), "torch.onnx.export"),
    ],
)
def test_what_is_not_taken_is_said_with_what_is(typed, shown: str) -> None:
    with pytest.raises(PlaygroundError) as caught:
        typed()
    assert shown in str(caught.value)
