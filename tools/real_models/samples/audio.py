"""Feeds of the models that hear: chunks with the state carried, spectra, embeddings of the package's own front end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tools.real_models.samples import Feed, Maker, generator
from tools.real_models.samples.speech import decibels, degraded, mel, melody, spectrum, voice

RATE = 16000
_CHUNKS = 24
"""Chunks of one recording, after which another one starts with states of zeros."""


_VOICES, _VOICE_S = 6, 5.0
_EXCHANGES, _NOISY, _NOISE = 1500, 4, 0.5


def session(path: Path) -> onnxruntime.InferenceSession:
    """A model in native ONNX Runtime, without its remarks about unused constants."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def carried(
    file: str, sizes: tuple[int, int], states: dict[str, tuple[int, ...]], carriers: dict[str, str], rate: str = ""
) -> Maker:
    """Chunks of recordings: the float model's states of one chunk go into the next; zeros come first.

    Args:
        file: the float model, below the package's folder.
        sizes: samples a chunk, and from chunk to chunk: those in which two overlap are the model's context.
        states: state -> shape.
        carriers: state -> the output that is the next one.
        rate: the input that takes the rate, if there is one.
    """

    chunk, hop = sizes

    def make(count: int, seed: int, folder: Path) -> list[Feed]:
        rng, model = generator(seed), session(folder / file)
        feeds: list[Feed] = []
        while len(feeds) < count:
            recording = voice(rng, (hop * _CHUNKS + chunk) / RATE)
            held = {name: np.zeros(shape, np.float32) for name, shape in states.items()}
            for at in range(_CHUNKS):
                feed: Feed = {"input": recording[None, at * hop : at * hop + chunk], **held}
                feed |= {rate: np.array(RATE, np.int64)} if rate else {}
                feeds.append(feed)
                found = dict(zip((o.name for o in model.get_outputs()), model.run(None, feed), strict=True))
                held = {name: found[output] for name, output in carriers.items()}
        # Spread over all recordings, the first chunks with their zeros included
        return feeds[:: max(1, len(feeds) // count)][:count]

    return make


def recordings(chunks: int) -> Maker:
    """Whole recordings as rows of 64 samples of context and 512 new ones, states of zeros."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        rng = generator(seed)
        state = np.zeros((1, 1, 128), np.float32)
        feeds = []
        for _ in range(count):
            sound = np.pad(voice(rng, chunks * 512 / RATE), (64, 0))
            rows = np.lib.stride_tricks.sliding_window_view(sound, 576)[::512]
            feeds.append({"input": np.ascontiguousarray(rows), "h": state, "c": state})
        return feeds

    return make


def signals(name: str, seconds: float) -> Maker:
    """Speech as it comes off a line: [1, samples]."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        rng = generator(seed)
        return [{name: degraded(rng, voice(rng, seconds))[None]} for _ in range(count)]

    return make


def melodies(name: str, samples: int, rate: int) -> Maker:
    """Music: [1, samples, 1]."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        rng = generator(seed)
        return [{name: melody(rng, samples / rate + 0.01, rate)[None, :samples, None]} for _ in range(count)]

    return make


def levels(name: str, frames: int, bands: int, window: int) -> Maker:
    """Spectra in decibels as DNSMOS takes them: [1, frames, bands], mel if there are fewer bands."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        rng = generator(seed)
        return [{name: _levels(degraded(rng, voice(rng, 9.02)), frames, bands, window)[None]} for _ in range(count)]

    return make


def _levels(signal: NDArray[Any], frames: int, bands: int, window: int) -> NDArray[Any]:
    power = spectrum(signal, window, 160)[:frames]
    banded = power if bands == power.shape[1] else mel(power, RATE, bands)
    level = decibels(banded)
    scaled: NDArray[Any] = (level - level.max() + 40) / 40
    return scaled.astype(np.float32)


def degraded_spectra(frames: int) -> Maker:
    """PLCMOS: log power [1, 1, frames, 257] and a rater, of whom there is one."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        rng = generator(seed)
        rater = generator(0).normal(0, 1, (1, 64)).astype(np.float32)
        feeds = []
        for _ in range(count):
            power = spectrum(degraded(rng, voice(rng, frames / 100 + 0.05)), 512, 160)[:frames]
            level = np.log10(np.maximum(power, 1e-8)).astype(np.float32)
            feeds.append({"degraded_audio": level[None, None], "rater_embed": rater})
        return feeds

    return make


def echoes(frames: int, state: int) -> Maker:
    """AECMOS: mel levels of the far end, the microphone and the result [1, 3, frames, 160], a state of zeros."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        rng = generator(seed)
        feeds = []
        for _ in range(count):
            far, near = (voice(rng, frames / 62 + 0.1) for _ in range(2))
            microphone = near + np.float32(rng.uniform(0, 0.5)) * far
            three = [far, microphone, degraded(rng, microphone)]
            level = [decibels(mel(spectrum(sound, 512, 256)[:frames], RATE, 160)) for sound in three]
            values = ((np.stack(level) + 40) / 40).astype(np.float32)
            feeds.append({"input": values[None], "h0": np.zeros((4, 1, state), np.float32)})
        return feeds

    return make


def mel_images(file: str) -> Maker:
    """What openWakeWord's mel model makes of speech, 76 frames: [1, 76, 32, 1]."""

    def make(count: int, seed: int, folder: Path) -> list[Feed]:
        rng, front = generator(seed), session(folder / file)
        return [{"input_1": _mel_image(front, voice(rng, 1.0))[None, -76:, :, None]} for _ in range(count)]

    return make


def _mel_image(front: onnxruntime.InferenceSession, signal: NDArray[Any]) -> NDArray[Any]:
    # The front end takes 16-bit values as floats, and its output is scaled
    found = front.run(None, {"input": signal[None] * np.float32(32767)})[0]
    scaled: NDArray[Any] = found.squeeze((0, 1)) / np.float32(10) + np.float32(2)
    return scaled


def wake_words(file: str, name: str, steps: int) -> Maker:
    """Embeddings of speech, [1, steps, 96], of which the float model takes every second for its word.

    What is made up never says the word, and answers of 0.000001 tell nothing. In every second feed steps are exchanged
    for those of other moments while the model's answer rises: to this feed with noise on it, since an answer that
    stands on the weights' last digits would be lost to any rounding.
    """

    def make(count: int, seed: int, folder: Path) -> list[Feed]:
        rng = generator(seed)
        moments = _embeddings(rng, folder)
        model = session(folder / file)
        starts = rng.integers(0, len(moments) - steps, count)
        feeds = [{name: moments[None, at : at + steps].copy()} for at in starts]
        for feed in feeds[1::2]:
            _raise_answer(rng, model, feed[name], moments)
        return feeds

    return make


def _embeddings(rng: np.random.Generator, folder: Path) -> NDArray[Any]:
    """Of a few recordings, one every 80 ms: [moments, 96]."""
    front, model = (session(folder / "models" / f"{part}.onnx") for part in ("melspectrogram", "embedding_model"))
    found = []
    for _ in range(_VOICES):
        image = _mel_image(front, voice(rng, _VOICE_S))
        windows = np.lib.stride_tricks.sliding_window_view(image, 76, axis=0)[::8].transpose(0, 2, 1)[..., None]
        found.append(model.run(None, {"input_1": np.ascontiguousarray(windows)})[0].reshape(-1, 96))
    return np.concatenate(found)


def _raise_answer(
    rng: np.random.Generator, model: onnxruntime.InferenceSession, steps: NDArray[Any], moments: NDArray[Any]
) -> None:
    (given,) = model.get_inputs()
    spread = moments.std(axis=0)
    noise = (rng.normal(0, _NOISE, (_NOISY, *steps.shape)) * spread).astype(np.float32)
    best, goal = -np.inf, rng.uniform(0.1, 0.9)
    for _ in range(_EXCHANGES):
        at, chosen = int(rng.integers(steps.shape[1])), int(rng.integers(len(moments)))
        before = steps[0, at].copy()
        steps[0, at] = moments[chosen]
        # Of several answers the first is that there is no word
        answers = [model.run(None, {given.name: steps + part})[0].ravel() for part in noise]
        answer = float(np.mean([found[1 if found.size > 1 else 0 :].max() for found in answers]))
        if answer < best:
            steps[0, at] = before
        best = max(best, answer)
        if best > goal:
            return
