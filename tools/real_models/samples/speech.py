"""Sounds like speech and music, and what front ends make of them.

A voice is a sum of harmonics whose pitch glides, under formants that move and syllables that come and go, with hiss
between them and noise below.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[Any]


def voice(rng: np.random.Generator, seconds: float, rate: int = 16000) -> Signal:
    """Speech-like float32 in -1 .. 1, with pauses and a noise floor."""
    count = int(seconds * rate)
    pitch = rng.uniform(85, 240) * 2 ** (0.25 * _slow(rng, count, rate, 2))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    formants = [f * 2 ** (0.4 * _slow(rng, count, rate, 4)) for f in (550, 1500, 2600, 3600)]
    # Loudness changes slowly: it is worked out every 5 ms only
    moments = np.arange(0, count, rate // 200)
    signal = np.zeros(count)
    for k in range(1, min(40, int(rate / 2 / 300))):
        tone = k * pitch[moments]
        peaks = [np.exp(-(((tone - f[moments]) / (90 + 0.08 * f[moments])) ** 2)) for f in formants]
        loud = (sum(peak / (1 + n) for n, peak in enumerate(peaks)) + 0.02 / k) * (tone < rate / 2)
        signal += np.interp(np.arange(count), moments, loud) * np.sin(k * phase)
    syllables = np.clip(1.6 * _slow(rng, count, rate, rng.uniform(3, 6)) + 0.3, 0, 1)
    phrases = np.clip(4 * _slow(rng, count, rate, 0.7) + 1.5, 0, 1)
    hiss = np.diff(rng.normal(0, 1, count + 1)) * np.clip(2 * _slow(rng, count, rate, 5) - 0.8, 0, 1)
    signal = (signal * syllables + 0.3 * hiss) * phrases
    signal *= rng.uniform(0.1, 0.6) / max(np.abs(signal).max(), 1e-3)
    hum = 0.3 * np.sin(2 * np.pi * 100 / rate * np.arange(count))
    noisy: Signal = signal + 10 ** rng.uniform(-4, -2) * (rng.normal(0, 1, count) + hum)
    return np.clip(noisy, -1, 1).astype(np.float32)


def melody(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Notes of the tempered scale that begin hard, fade and overlap."""
    count = int(seconds * rate)
    signal = np.zeros(count)
    for _ in range(int(seconds * 5)):
        start, length = int(rng.integers(0, count)), int(rng.uniform(0.15, 1.0) * rate)
        time = np.arange(min(length, count - start)) / rate
        pitch = 440 * 2 ** (int(rng.integers(-24, 20)) / 12)
        tones = [np.sin(2 * np.pi * k * pitch * time) * rng.uniform(0.3, 1) / k**1.3 for k in range(1, 9)]
        signal[start : start + len(time)] += sum(tones) * np.exp(-time * rng.uniform(1, 6))
    signal *= rng.uniform(0.2, 0.9) / max(np.abs(signal).max(), 1e-3)
    return (signal + rng.normal(0, 0.002, count)).astype(np.float32)


def degraded(rng: np.random.Generator, signal: Signal, rate: int = 16000) -> Signal:
    """What a bad line makes of a signal: lost packets, an echo, clipping, noise."""
    out = np.array(signal)
    if rng.random() < 0.6:
        packet = rate // 50
        for at in range(0, len(out), packet):
            if rng.random() < 0.08:
                out[at : at + packet] = 0
    if rng.random() < 0.5:
        delay = int(rng.uniform(0.05, 0.25) * rate)
        out[delay:] += np.float32(rng.uniform(0.1, 0.5)) * signal[:-delay]
    out += rng.normal(0, 10 ** rng.uniform(-4, -1.5), len(out)).astype(np.float32)
    clipped: Signal = np.clip(out, -0.8, 0.8)
    return clipped.astype(np.float32)


def spectrum(signal: Signal, window: int, hop: int) -> Signal:
    """Power of each frame and frequency: [frames, window // 2 + 1]."""
    padded = np.pad(signal, window // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    power: Signal = np.abs(np.fft.rfft(frames * np.hanning(window), axis=1)) ** 2
    return power


def mel(power: Signal, rate: int, bands: int) -> Signal:
    """Power in bands of equal width on the mel scale: [frames, bands]."""
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + rate / 1400), bands + 2) / 2595) - 1)
    frequencies = np.linspace(0, rate / 2, power.shape[1])
    up = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    banded: Signal = power @ np.clip(np.minimum(up, down), 0, None).T
    return banded


def decibels(power: Signal) -> Signal:
    """10 log10, down to 80 dB below the loudest."""
    level = 10 * np.log10(np.maximum(power, 1e-10))
    floor: Signal = np.maximum(level, level.max() - 80)
    return floor


def _slow(rng: np.random.Generator, count: int, rate: int, hertz: float) -> Signal:
    """A random curve about -1 .. 1 that turns this many times a second."""
    points = max(4, int(count / rate * 2 * hertz) + 2)
    return np.interp(np.linspace(0, points - 1, count), np.arange(points), rng.uniform(-1, 1, points))
