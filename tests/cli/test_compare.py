"""``playground compare``."""

import numpy as np

from tests.hostile.make_gguf import gguf, info


def test_two_files_of_different_kinds(playground_cli, tmp_path):
    x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(2, 32)
    np.savez(tmp_path / "a.npz", **{"model.w": x, "only": x})
    scales = (np.abs(x).max(axis=1, keepdims=True) / 127).astype("<f2")
    codes = np.rint(x / scales.astype(np.float32)).astype(np.int8)
    data = np.concatenate([scales.view(np.uint8), codes.view(np.uint8)], axis=1).tobytes()
    (tmp_path / "b.gguf").write_bytes(gguf([], [info("w", (2, 32), 8, 0)], data))
    given = ("compare", tmp_path / "a.npz", tmp_path / "b.gguf", "--rename", r"^model\.=")
    found = playground_cli(*given, "--json").json
    (pair,) = found["pairs"]
    assert (pair["name"], pair["other"], pair["dtypes"], pair["bytes"]) == (
        "model.w",
        "w",
        ["float32", "q8_0"],
        [256, 68],
    )
    assert 40 < pair["sqnr_db"] < 60
    assert (found["missing"], found["added"]) == (["only"], [])
    assert (found["a"]["format"], found["b"]["format"]) == ("npz", "gguf")
    text = playground_cli(*given).out
    assert "in both    1 tensor, 256 B → 68 B; 0 equal" in text
    assert "in A only  only" in text
    assert "float32 → q8_0" in text


def test_the_same_file_twice(playground_cli):
    found = playground_cli("compare", "gallery:digits-mlp", "gallery:digits-mlp", "--json").json
    assert {pair["max_error"] for pair in found["pairs"]} == {0}
    assert found["pairs"][0]["sqnr_db"] is None
    assert "equal" in playground_cli("compare", "gallery:digits-mlp", "gallery:digits-mlp").out


def test_files_with_nothing_in_common(playground_cli, tmp_path):
    np.save(tmp_path / "a.npy", np.ones(3))
    ran = playground_cli("compare", tmp_path / "a.npy", "gallery:digits-mlp")
    assert ran.code == 2
    assert "no tensor of a.npy is in" in ran.err
