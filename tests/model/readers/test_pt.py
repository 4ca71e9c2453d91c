import struct
from typing import Any

import numpy as np
import pytest

import playground
from playground.errors import PlaygroundError, UnsupportedError
from playground.host.sources import BytesSource
from playground.limits import MOST_PICKLE_STEPS
from playground.model.loading import READERS
from playground.model.readers._torch import read
from playground.model.readers.pt import LEGACY
from tests.hostile.guard import guarded
from tests.hostile.make_torch import Call, Named, Stored, checkpoint, pickled, storage, tensor

SIX = np.arange(6, dtype="<f4")
X = tensor(storage("0", 6), (2, 3), (3, 1))


def source(value: Any, **options: Any) -> BytesSource:
    return BytesSource(checkpoint(value, {"0": SIX.tobytes()}, **options), "w.pt")


def test_it_is_recognised_by_content_and_not_taken_for_an_npz() -> None:
    data = checkpoint({"x": X}, {"0": SIX.tobytes()})
    assert READERS["pt"].signature(data[:512])
    assert not READERS["npz"].signature(data[:512])
    assert playground.load(data).format == "pt"


def test_paths_are_names_and_plain_values_are_metadata() -> None:
    content = {
        "model": Call("collections.OrderedDict", ([("fc.weight", X), ("fc.bias", X)],)),
        "optimizer": {"state": {0: {"step": 3, "exp_avg": X}}, "groups": [{"lr": 0.5, "params": [0, 1]}]},
        "pair": (X, X),
        "epoch": 7,
        "name": "é",
        "done": True,
        "nothing": None,
        "raw": b"abc",
        "many": list(range(100)),
    }
    model = read(source(content))
    names = ["model.fc.weight", "model.fc.bias", "optimizer.state.0.exp_avg", "pair.0", "pair.1"]
    assert list(model.tensors) == names
    assert dict(model.metadata) == {
        "optimizer.state.0.step": "3",
        "optimizer.groups.0.lr": "0.5",
        "optimizer.groups.0.params": "[0, 1]",
        "epoch": "7",
        "name": "é",
        "done": "True",
        "nothing": "None",
        "raw": "3 bytes",
        "many": "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, and 84 more]",
    }


def test_a_tensor_alone_is_named_like_the_file() -> None:
    assert list(read(source(X)).tensors) == ["w"]


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((2, 3), (3, 1), 0), ((3, 2), (1, 3), 0), ((2,), (3,), 1), ((), (), 5), ((4, 2), (0, 1), 2), ((0, 9), (7, 7), 3)],
)
def test_views_are_those_of_the_storage(shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> None:
    found = read(source({"x": tensor(storage("0", 6), shape, strides, offset)})).tensors["x"].numpy()
    bytes_between = [4 * stride for stride in strides]
    expected = np.lib.stride_tricks.as_strided(SIX[offset:], shape, bytes_between)
    np.testing.assert_array_equal(found, expected)


def test_only_what_a_view_touches_is_read() -> None:
    reads = []

    class Watched(BytesSource):
        def read(self, offset: int, size: int) -> bytes:
            reads.append(size)
            return super().read(offset, size)

    data = checkpoint({"x": tensor(storage("0", 10**6), (10,), (1,), 10**5)}, {"0": bytes(4 * 10**6)})
    held = read(Watched(data, "w.pt")).tensors["x"]
    assert held.numpy().shape == (10,)
    assert max(reads) < 10**4


def test_bfloat16_and_typed_views_of_untyped_storages() -> None:
    brain = struct.pack("<HH", 0x3FC0, 0xC000)
    untyped = storage("1", 4, "torch.storage.UntypedStorage")
    hooks = Call("collections.OrderedDict")
    rebuilt = (untyped, 0, (4,), (1,), False, hooks, Named("torch.float8_e4m3fn"))
    content = {
        "brain": tensor(storage("0", 2, "torch.BFloat16Storage"), (2,), (1,)),
        "small": Call("torch._utils._rebuild_tensor_v3", rebuilt),
    }
    data = checkpoint(content, {"0": brain, "1": bytes((0x38, 0xB8, 0x00, 0x7E))})
    tensors = read(BytesSource(data, "w.pt")).tensors
    assert (tensors["brain"].dtype, tensors["small"].dtype) == ("bfloat16", "float8_e4m3fn")
    assert tensors["brain"].numpy().tolist() == [1.5, -2]
    assert tensors["small"].numpy().tolist() == [1, -1, 0, 448]


def test_quantized_tensors_are_what_their_codes_stand_for() -> None:
    codes = storage("0", 6, "torch.QInt8Storage")
    rest = (False, Call("collections.OrderedDict"))
    one = Call(
        "torch._utils._rebuild_qtensor", (codes, 0, (2, 3), (3, 1), (Named("torch.per_tensor_affine"), 0.5, 1), *rest)
    )
    scales = tensor(storage("1", 2, "torch.DoubleStorage"), (2,), (1,))
    points = tensor(storage("2", 2, "torch.LongStorage"), (2,), (1,))
    by_row = (Named("torch.per_channel_affine"), scales, points, 0)
    two = Call("torch._utils._rebuild_qtensor", (codes, 0, (2, 3), (3, 1), by_row, *rest))
    storages = {
        "0": struct.pack("6b", -2, 0, 1, 2, 3, 4),
        "1": struct.pack("<2d", 1, 0.25),
        "2": struct.pack("<2q", 0, 2),
    }
    tensors = read(BytesSource(checkpoint({"one": one, "two": two}, storages), "w.pt")).tensors
    assert tensors["one"].numpy().tolist() == [[-1.5, -0.5, 0], [0.5, 1, 1.5]]
    assert tensors["two"].numpy().tolist() == [[-2, 0, 1], [0, 0.25, 0.5]]
    assert (tensors["two"].dtype, tensors["two"].quantized, tensors["two"].nbytes) == ("qint8", True, 6 + 16 + 16)
    assert list(tensors["two"].parts) == ["codes", "scale", "zero_point"]


NOT_DATA = "which is not data: nothing of it is run"


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "builtins.exec",
        "__main__.Net",
        "torch.load",
        "subprocess.Popen",
        "builtins.getattr",
    ],
)
def test_nothing_in_a_pickle_runs(name: str) -> None:
    with pytest.raises(UnsupportedError, match=NOT_DATA):
        read(source({"x": Call(name, ("touch /tmp/run",))}))


def test_an_object_with_a_reduce_of_its_own_is_refused() -> None:
    """As Python's own pickle writes it, in each of its protocols."""
    import pickle

    class Evil:
        def __reduce__(self) -> Any:
            return (pytest.fail, ("a pickle was executed",))

    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(UnsupportedError, match=NOT_DATA):
            read(source(pickle.dumps({"a": Evil()}, protocol)))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_data_of_pythons_own_pickle(protocol: int) -> None:
    import pickle

    content = {
        "a": 1,
        "b": [2**70, -3, 1.5, "é" * 300, b"x" * 300, None, True],
        "c": ({"d": 256}, (1, 2, 3, 4)),
        "e": {1, 2},
    }
    found = read(source(pickle.dumps(content, protocol))).metadata
    assert found["c.0.d"] == "256"
    assert found["c.1"] == "[1, 2, 3, 4]"
    assert sorted(found["e"]) == sorted("[1, 2]")
    assert found["b"].startswith("[1180591620717411303424, -3, 1.5, é")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"", "ends too early"),
        (b"\x80\x02}q", "pickle"),
        (b"\x80\x02.", "a value is missing"),
        (b"\x80\x02t.", "a mark is missing"),
        (b"\x80\x02(0.", "a value is missing"),
        (b"\x80\x02Na.", "a list is missing"),
        (b"\x80\x02h\x05.", "nothing is remembered as 5"),
        (b"I1\n.", "the instruction b'I'"),
        (b"\x80\x02NN\x81.", "something that is not a function is called"),
        (b"\x80\x02](NNu.", "a dict is missing"),
        (b"\x80\x02}(Nu.", "a value is missing"),
        (b"\x80\x02})Ns.", "a key of a dict is of type tuple"),
        ({"x": Stored(3)}, "a storage is not described as one"),
        ({"x": Stored(("storage", Named("torch.float32"), "0", "cpu", 6))}, "torch.float32 is not a storage"),
        ({"x": tensor(storage("0", 7), (2, 3), (3, 1))}, "the storage has 24 bytes, and the pickle says 28"),
        ({"x": tensor(storage("9", 6), (2, 3), (3, 1))}, "the archive has no 'w/data/9'"),
        ({"x": tensor(storage("0", 6), (2, 3), (3, 2))}, "the tensor is not inside its storage"),
        ({"x": tensor(storage("0", 6), (2, 3), (3, 1), 1)}, "the tensor is not inside its storage"),
        ({"x": tensor(storage("0", 6), (2, 3), (-3, 1), 3)}, "a tensor is not described as one"),
        ({"x": tensor(storage("0", 6), (2, 3), (1,))}, "a tensor is not described as one"),
        ({"x": tensor(storage("0", 6), (2**40,), (0,))}, "repeats elements up to 4398046511104 bytes"),
        ({"x": tensor(storage("0", 6), (2**62, 2**62), (0, 0))}, "repeats elements"),
        ({"x": {"y": X}, "x.y": X}, "two entries have the name 'x.y'"),
    ],
)
def test_refuses(value: Any, message: str) -> None:
    with pytest.raises(PlaygroundError) as error:
        read(source(value))
    assert message in str(error.value)
    assert len(str(error.value)) < 500


def test_what_is_no_checkpoint_says_how_to_save_it() -> None:
    with pytest.raises(UnsupportedError, match=r"TorchScript archive.*torch.jit.load"):
        read(source({"x": X}, **{"code/__torch__.py": b"def forward"}))
    with pytest.raises(UnsupportedError, match=r"before PyTorch 1.6. Save it again, with torch.save\(torch.load"):
        playground.load(LEGACY + pickled({}), "old.pth")
    with pytest.raises(UnsupportedError, match="not little-endian"):
        read(source({"x": X}, byteorder=b"big"))
    with pytest.raises(UnsupportedError, match="is compressed"):
        read(source({"x": X}, method=8))
    with pytest.raises(UnsupportedError, match=r"no data\.pkl"):
        read(BytesSource(checkpoint({}, {}).replace(b"data.pkl", b"data.pkx"), "w.pt"))


def bomb(levels: int) -> bytes:
    """Lists of two references to the list before: of few bytes, and with endless entries."""
    return b"\x80\x02]q\x00" + b"](h\x00h\x00eq\x00" * levels


@pytest.mark.slow
@pytest.mark.parametrize(
    "value",
    [
        b"\x80\x02" + b"]" * (MOST_PICKLE_STEPS + 5),
        b"\x80\x02" + b"\x8f" * (MOST_PICKLE_STEPS - 5) + b".",
        bomb(200) + b".",
        # a function that is called with them, again and again
        bomb(20) + b"0" + b"ccollections\nOrderedDict\nh\x00\x85R0" * 1000 + b"}.",
        b"\x80\x02](" + b"N" * 300_000 + b"eq\x000" + b"cbuiltins\nset\nh\x00\x85R0" * 100_000 + b"}.",
        b"\x80\x02N" + b"\x85" * 500_000 + b".",
        b"\x80\x02N" + b"\x85" * 500_000 + b"q\x000}h\x00Ns.",
        b"\x80\x02Nr\xff\xff\xff\xff.",
        # one long name, one long list of texts, and many references to what is below
        pickled({"k" * 1000: {"m" * 1000: X}})[:-1] + b"q\x010](" + b"h\x01" * 100_000 + b"e.",
        pickled(["x" * 1000] * 16)[:-1] + b"q\x010](" + b"h\x01" * 100_000 + b"e.",
        # a memory of endless places would be filled
        b"\x80\x02B\xff\xff\xff\x7f.",
    ],
    ids=range(11),
)
def test_little_that_means_much_costs_little(value: bytes) -> None:
    held = source(value)
    outcome = guarded(lambda: read(held))
    assert outcome.fine, outcome
    assert outcome.megabytes < 160
