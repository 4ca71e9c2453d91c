"""Whole .gguf files, and every type in them, against gguf-py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import playground
from playground import Recipe, Scheme
from playground.host.sources import BytesSource
from playground.model.readers._gguf import TYPES, read
from playground.model.runtimes import runtime
from playground.ptq.without_graph import quantize_tensors
from playground.quantization import QTensor
from tests.hostile.make_gguf import BLOCKS, info
from tests.hostile.make_gguf import gguf as file_of

gguf = pytest.importorskip("gguf")

KNOWN = {int(kind): kind.name.lower() for kind in gguf.GGMLQuantizationType}
DECODED = [int(kind) for kind in gguf.quants._type_traits]
BLOCK_COUNT = 4000


def test_all_types_of_the_package_are_known() -> None:
    ours = {n: name.replace("bfloat", "bf").replace("float", "f").replace("int", "i") for n, name in TYPES.items()}
    assert KNOWN.items() <= ours.items()
    assert {int(kind): size for kind, size in gguf.GGML_QUANT_SIZES.items()}.items() <= BLOCKS.items()


@pytest.mark.parametrize("number", DECODED, ids=[KNOWN[number] for number in DECODED])
def test_any_blocks_are_decoded_bit_for_bit(number: int) -> None:
    """Random bytes: all codes, all grids, NaN and infinite scales among them."""
    kind = gguf.GGMLQuantizationType(number)
    values, nbytes = gguf.GGML_QUANT_SIZES[kind]
    data = np.random.default_rng(number).integers(0, 256, (BLOCK_COUNT // 8, 8 * nbytes), dtype=np.uint8)
    with np.errstate(invalid="ignore", over="ignore"):
        expected = gguf.quants.dequantize(data, kind)
    source = BytesSource(file_of([], [info("w", (BLOCK_COUNT // 8, 8 * values), number, 0)], data.tobytes()), "w.gguf")
    found = read(source).tensors["w"].numpy()
    assert found.shape == expected.shape
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(found), ~numbers)
    # zeros keep their signs
    np.testing.assert_array_equal(found[numbers].view(np.uint32), expected[numbers].view(np.uint32))


def write(path: Path, **options: int) -> dict[str, np.ndarray]:
    """A file of all that gguf-py can write, with metadata; gives what it was made of."""
    rng = np.random.default_rng(5)
    arrays = {name: rng.normal(0, 1, (6, 512)).astype(np.float32) for name in ("f32", "f16", "q4_0", "q8_0", "tq1_0")}
    writer = gguf.GGUFWriter(path, "llama", **options)
    writer.add_name("a model")
    writer.add_token_list(["<unk>", "é", *(f"t{i}" for i in range(1000))])
    writer.add_float32("eps", 0.5)
    writer.add_array("numbers", [1, 2, 3])
    for name, values in arrays.items():
        kind = gguf.GGMLQuantizationType[name.upper()]
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.add_tensor("int", np.arange(5, dtype=np.int32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return arrays


def test_a_file_that_the_package_writes(tmp_path: Path) -> None:
    path = tmp_path / "w.gguf"
    write(path)
    model, told = playground.load(path), gguf.GGUFReader(path)
    assert list(model.tensors) == [tensor.name for tensor in told.tensors]
    for tensor in told.tensors:
        ours = model.tensors[tensor.name]
        assert ours.shape == tuple(int(n) for n in tensor.shape[::-1])
        assert ours.nbytes == tensor.n_bytes
        whole = tensor.tensor_type.name.startswith("I")
        expected = tensor.data if whole else gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        np.testing.assert_array_equal(ours.numpy(), expected)
    fields = {key: field.contents() for key, field in told.fields.items() if not key.startswith("GGUF.")}
    assert set(model.metadata) == set(fields)
    assert model.metadata["general.name"] == fields["general.name"] == "a model"
    assert model.metadata["tokenizer.ggml.tokens"].startswith("[<unk>, é, t0, ")
    assert model.metadata["numbers"] == str(fields["numbers"])
    assert not model.notes


def test_files_that_the_package_splits(tmp_path: Path) -> None:
    write(tmp_path / "w.gguf", split_max_tensors=2)
    paths = sorted(tmp_path.glob("*.gguf"))
    assert len(paths) == 3
    model = playground.load(paths[0])
    assert set(model.tensors) == {"f32", "f16", "q4_0", "q8_0", "tq1_0", "int"}
    assert model.metadata["general.name"] == "a model"
    paths[1].unlink()
    assert paths[1].name in playground.load(paths[0]).notes[0]


def written(name: str, tmp_path: Path) -> tuple[dict[str, np.ndarray], dict[str, QTensor], gguf.GGUFReader]:
    """Tensors, the same quantized, and the file that we make of them as the package reads it."""
    rng = np.random.default_rng(11)
    arrays = {
        "a.weight": rng.normal(0, 1, (9, 512)),
        "b.weight": rng.laplace(0, 3, (3, 5, 256)),
        "c.bias": rng.random(7),
    }
    arrays = {key: values.astype(np.float32) for key, values in arrays.items()}
    recipe = Recipe(weights=Scheme(name), runtime="gguf", activations="weight_only")
    made = quantize_tensors(playground.load(arrays, "m"), recipe)
    made.save(tmp_path / "q.gguf")
    return arrays, dict(made.quantized), gguf.GGUFReader(tmp_path / "q.gguf")


@pytest.mark.parametrize("name", runtime("gguf").weight_formats)
def test_what_we_write_is_read_by_the_package(name: str, tmp_path: Path) -> None:
    arrays, quantized, told = written(name, tmp_path)
    assert [tensor.name for tensor in told.tensors] == list(arrays)
    for tensor in told.tensors:
        held = quantized.get(tensor.name)
        assert tuple(int(n) for n in tensor.shape[::-1]) == arrays[tensor.name].shape
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        np.testing.assert_array_equal(values, arrays[tensor.name] if held is None else held.dequantize())
    kinds = {"fp16": "F16"}
    assert [tensor.tensor_type.name for tensor in told.tensors] == [kinds.get(name, name.upper())] * 2 + ["F32"]
    kind = gguf.LlamaFileType(told.fields["general.file_type"].contents())
    assert kinds.get(name, name.upper()) in kind.name


@pytest.mark.parametrize("name", ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "bf16"])
def test_the_blocks_are_those_that_the_package_makes(name: str, tmp_path: Path) -> None:
    arrays, quantized, told = written(name, tmp_path)
    for tensor in told.tensors:
        if tensor.name in quantized:
            expected = gguf.quants.quantize(arrays[tensor.name], tensor.tensor_type)
            np.testing.assert_array_equal(tensor.data.reshape(-1), expected.reshape(-1))
