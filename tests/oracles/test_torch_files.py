"""Checkpoints that PyTorch writes, against what PyTorch has in memory."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import playground
from playground.errors import UnsupportedError
from playground.model.loading import READERS

torch = pytest.importorskip("torch")


class Net(torch.nn.Module):
    """Two layers that share a weight, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)
        self.second.weight = self.first.weight
        self.norm = torch.nn.BatchNorm1d(8)

    def forward(self, x: Any) -> Any:
        return self.norm(self.second(self.first(x)))


def saved(tmp_path: Path, value: Any, **options: Any) -> Path:
    path = tmp_path / "w.pt"
    torch.save(value, path, **options)
    assert READERS["pt"].signature(path.read_bytes()[:512])
    return path


def check(found: Any, expected: Any) -> None:
    assert found.shape == tuple(expected.shape)
    values = expected.detach()
    if values.dtype == torch.bfloat16 or (values.dtype.itemsize == 1 and values.dtype.is_floating_point):
        values = values.float()
    np.testing.assert_array_equal(found.numpy(), values.resolve_conj().numpy())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_training_checkpoint(protocol: int, tmp_path: Path) -> None:
    net = Net()
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(4, 8)).sum().backward()
    optimizer.step()
    content = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "shape": torch.Size((1, 2))}
    model = playground.load(saved(tmp_path, content, pickle_protocol=protocol))
    for name, values in net.state_dict().items():
        check(model.tensors[f"model.{name}"], values)
    for index, state in optimizer.state_dict()["state"].items():
        for name, values in state.items():
            check(model.tensors[f"optimizer.state.{index}.{name}"], values)
    assert len(model.tensors) == len(net.state_dict()) + 3 * len(list(net.parameters()))
    assert (model.metadata["epoch"], model.metadata["shape"]) == ("3", "[1, 2]")
    assert model.metadata["optimizer.param_groups.0.lr"] == "0.001"


def test_views_and_shared_storages(tmp_path: Path) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    views = {
        "base": base,
        "turned": base.t(),
        "row": base[2],
        "column": base[:, 1],
        "steps": base[1::2, ::3],
        "expanded": base[0:1].expand(5, 6),
        "swapped": base.reshape(2, 2, 6).permute(2, 0, 1),
        "scalar": base[3, 5],
        "none": base[:0],
    }
    model = playground.load(saved(tmp_path, views))
    for name, values in views.items():
        check(model.tensors[name], values)
    assert (tmp_path / "w.pt").stat().st_size < 5000


TYPES = (
    *("float64", "float32", "float16", "bfloat16", "bool", "complex64", "uint8", "int8", "int16", "int32", "int64"),
    *("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"),
)


@pytest.mark.parametrize("name", TYPES)
def test_element_types(name: str, tmp_path: Path) -> None:
    values = torch.tensor([[0, 1, 2], [3, 0, 5]], dtype=torch.float32).to(getattr(torch, name))
    found = playground.load(saved(tmp_path, {"w": values, "t": values.t()})).tensors
    assert found["w"].dtype == name
    assert found["w"].nbytes == values.numel() * values.element_size()
    check(found["w"], values)
    check(found["t"], values.t())


def test_parameters_and_attributes(tmp_path: Path) -> None:
    parameter = torch.nn.Parameter(torch.randn(3))
    parameter.note = "kept"
    content = OrderedDict(p=parameter, nested=[{"a": torch.ones(2)}, (torch.zeros(1), 5)], device=torch.device("cpu"))
    model = playground.load(saved(tmp_path, content))
    assert list(model.tensors) == ["p", "nested.0.a", "nested.1.0"]
    check(model.tensors["p"], parameter)
    assert dict(model.metadata) == {"nested.1.1": "5", "device": "cpu"}


def test_quantized_tensors(tmp_path: Path) -> None:
    values = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    one = torch.quantize_per_tensor(values, 0.05, 3, torch.quint8)
    scales, points = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0, 1, -2, 3])
    rows = torch.quantize_per_channel(values, scales, points, 0, torch.qint8)
    tensors = playground.load(saved(tmp_path, {"one": one, "rows": rows})).tensors
    for name, expected in (("one", one), ("rows", rows)):
        assert tensors[name].quantized
        np.testing.assert_array_equal(tensors[name].parts["codes"].numpy(), expected.int_repr().numpy())
        np.testing.assert_allclose(tensors[name].numpy(), expected.dequantize().numpy(), rtol=1e-6)


def test_what_is_refused_says_how_to_save_it(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"Net'?, which is not data.*state_dict"):
        playground.load(saved(tmp_path, Net()))
    old = tmp_path / "old.pth"
    torch.save({"w": torch.ones(2)}, old, _use_new_zipfile_serialization=False)
    with pytest.raises(UnsupportedError, match=r"before PyTorch 1\.6"):
        playground.load(old)
    torch.save(torch.load(old, map_location="cpu", weights_only=True), old)
    assert list(playground.load(old).tensors) == ["w"]
    script = tmp_path / "script.pt"
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(script))
    with pytest.raises(UnsupportedError, match="TorchScript"):
        playground.load(script)
    torch.save(torch.jit.load(str(script)).state_dict(), script)
    assert list(playground.load(script).tensors) == ["weight", "bias"]
