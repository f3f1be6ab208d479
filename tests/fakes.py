"""Small files of the layouts that published datasets have, written by the tests themselves."""

import gzip
import hashlib
import io
import pathlib

import numpy as np
from PIL import Image

from cdae_jax.data import mnist


def png(array, kind="PNG"):
    """The bytes of a picture [H, W] or [H, W, C] uint8."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


def bar(width, angle):
    """An anti-aliased bar of known width in pixels, 28 x 28."""
    y, x = np.mgrid[: 28 * 8, : 28 * 8] / 8 + 1 / 16 - 14
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    inside = np.hypot(along - np.clip(along, -8, 8), across) < width / 2
    return np.rint(inside.reshape(28, 8, 28, 8).mean((1, 3)) * 200).astype(np.uint8)


def fake_mnist(folder: pathlib.Path, monkeypatch, num=40):
    """IDX files of drawn bars, with their checksums in place of MNIST's."""
    checksums = {}
    for name in mnist.CHECKSUMS:
        if "images" in name:
            rows = np.stack([bar(2 + i % 3, i / 10) for i in range(num)])
            content = bytes(16) + rows.tobytes()
        else:
            content = bytes(8) + (np.arange(num) % 10).astype(np.uint8).tobytes()
        checksums[name] = hashlib.md5(content).hexdigest()
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(mnist, "CHECKSUMS", checksums)


def published_circuit(folder, num=12, **changes):
    """Files of the published layout: pairs of encoded pictures of one grey level each."""

    def encode(level, kind):
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (level, level, level)).save(file, kind)
        return file.getvalue()

    for name, first in (("train-0", 0), ("train-1", 100), ("test", 200)):
        kind = "PNG" if name == "train-1" else "JPEG"
        arrays = {
            "imgs": np.array([[encode(first + i, kind), encode(255, kind)] for i in range(num)]),
            "original_latents": (first + np.arange(num * 8).reshape(num, 2, 4)).astype(np.float32) / 1000,
        }
        np.savez(folder / f"{name}.npz", **arrays | changes)
