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


def published_celeba(folder, num=84, form=".txt"):
    """Faces that are black but for 150 pixels at the centre, the i-th 2 i there, with attributes that are -1 in every
    few. The last 20 are of the test, 10 before them of the validation. As published, or, with form ".csv", as on
    Kaggle, the folder twice in itself. Returns the folder of the faces."""
    names = [f"{i + 1:06d}.jpg" for i in range(num)]
    columns = {"Eyeglasses": 3, "Smiling": 2, "Young": 2, "Male": 5, "No_Beard": 7, "Bald": 11}
    table = [["image_id", *columns]]
    table += [[name, *(1 if i % every else -1 for every in columns.values())] for i, name in enumerate(names)]
    parts = [["image_id", "partition"]]
    parts += [[name, 2 if i >= num - 20 else 1 if i >= num - 30 else 0] for i, name in enumerate(names)]
    if form == ".csv":
        lines = {"list_attr_celeba": table, "list_eval_partition": parts}
        texts = {stem: "\n".join(",".join(map(str, row)) for row in rows) for stem, rows in lines.items()}
    else:
        rows = [f"{name}  {'  '.join(map(str, row))}" for name, *row in table[1:]]
        texts = {
            "list_attr_celeba": "\n".join([str(num), " ".join(columns) + " ", *rows]),
            "list_eval_partition": "\n".join(f"{name} {part}" for name, part in parts[1:]),
        }
    for stem, text in texts.items():
        (folder / f"{stem}{form}").write_text(text + "\n")
    faces = folder / ("img_align_celeba/img_align_celeba" if form == ".csv" else "img_align_celeba")
    faces.mkdir(parents=True)
    for i, name in enumerate(names):
        face = np.zeros((218, 178, 3), np.uint8)
        face[34:184, 14:164] = 2 * i
        Image.fromarray(face).save(faces / name, quality=95)
    return faces


def published_chamber(folder, num=60, experiments=("reference", "red", "blue"), size="100"):
    """Experiments of the light tunnel as they are downloaded: images of one colour, which is what the light was set to,
    named as in the table, whose rows are in another order than the files. Returns the folder of the dataset."""
    for seed, experiment in enumerate(experiments):
        at = folder / "lt_camera_v1" / f"scm_4_{experiment}"
        (at / f"images_{size}").mkdir(parents=True)
        colours = np.random.default_rng(seed).integers(256, size=(num, 3))
        lines = ["timestamp,config,counter,flag,intervention,red,green,blue,pol_1,pol_2,ir_3,image_file"]
        for i, (red, green, blue) in reversed(list(enumerate(colours))):
            name = f"{i}_iso_500.0.jpg"
            Image.new("RGB", (100, 100), (red, green, blue)).save(at / f"images_{size}" / name, "PNG")
            lines.append(f"17.{i},camera,{i},0,1,{red},{green},{blue},0.0,0.0,{red + green + blue},{name}")
        (at / f"{at.name}.csv").write_text("\n".join(lines) + "\n")
    return folder / "lt_camera_v1"


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
