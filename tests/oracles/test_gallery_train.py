"""The gallery's training script: what it exports answers as PyTorch does; its pieces do what they say."""

import numpy as np
import onnxruntime
import pytest

from playground import gallery

torch = pytest.importorskip("torch")

from tools.training import digits as train  # noqa: E402 (it imports torch)


def small_net():
    torch.manual_seed(3)
    net = train.named(
        **train.conv("first", 1, 4, kernel=3),
        **train.conv("depthwise", 4, 4, kernel=3, groups=4),
        pool=torch.nn.MaxPool2d(2),
        mean=torch.nn.AdaptiveAvgPool2d(1),
        flatten=torch.nn.Flatten(),
        fc=torch.nn.Linear(4, 10),
    )
    net(torch.rand(64, 1, 8, 8))  # gives the normalisations statistics that are not 0 and 1
    return net.eval()


def test_split_is_the_committed_one():
    _, held_out, calibration = train.split_digits()
    np.testing.assert_array_equal(gallery.to_input(held_out[0]), gallery.digits().images)
    np.testing.assert_array_equal(held_out[1], gallery.digits().labels)
    np.testing.assert_array_equal(gallery.to_input(calibration[0]), gallery.calibration("digits-mlp")["image"])


def test_folded_and_exported_net_answers_as_the_trained_one():
    net, images = small_net(), gallery.digits().images[:16]
    with torch.no_grad():
        wanted = net(torch.from_numpy(images)).numpy()
    session = onnxruntime.InferenceSession(train.to_onnx("small", train.fold_batch_norm(net)))
    np.testing.assert_allclose(session.run(["logits"], {"image": images})[0], wanted, rtol=1e-4, atol=1e-5)


def test_a_layer_without_operator_is_refused():
    with pytest.raises(TypeError, match="no ONNX operator"):
        train.operator_of(torch.nn.GELU())


def test_shift_moves_by_at_most_a_pixel_and_fills_with_background():
    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, 4, 4] = 1
    seen = set()
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        moved = train.shift_by_a_pixel(image, generator)
        assert moved.sum() == 1
        seen.add(tuple(moved[0, 0].nonzero()[0].tolist()))
    assert seen == {(row, column) for row in (3, 4, 5) for column in (3, 4, 5)}


def test_fit_learns():
    torch.manual_seed(0)
    digits = tuple(part[:256] for part in train.split_digits()[0])
    net = train.named(flatten=torch.nn.Flatten(), fc=torch.nn.Linear(64, 10))
    images = gallery.to_input(digits[0])
    train.fit(net, torch.optim.Adam(net.parameters(), lr=1e-2), images, digits[1], epochs=20, seed=0)
    with torch.no_grad():
        answers = net(torch.from_numpy(images)).argmax(dim=1).numpy()
    assert (answers == digits[1]).mean() > 0.9
    assert not net.training
