"""Folders of pictures: what is read, and what is refused, by its name."""

from __future__ import annotations

import shutil
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gobhir.datasets import read_picture
from gobhir.projects import Project
from gobhir.projects.images.data import task
from gobhir.projects.images.folders import read_folder, shown


def test_every_picture_of_every_class(shapes) -> None:
    found = read_folder(shapes, 32)
    assert found.classes == ["square", "গোল"]
    assert found.pixels.shape == (80, 3, 32, 32) and found.pixels.dtype == np.uint8
    assert np.bincount(found.labels).tolist() == [40, 40]
    reds = found.pixels[:, 0].astype(int).mean((1, 2)) - found.pixels[:, 2].mean((1, 2))
    assert (reds[found.labels == 1] > 0).all() and (reds[found.labels == 0] < 0).all()


def test_upright_and_in_colour_whatever_the_file_holds(shapes) -> None:
    """Turned by the camera, palette, transparent, CMYK, 16 bits, grey: all are read."""
    folder = shapes / "square"
    picture = Image.new("RGB", (60, 40), (10, 20, 30))
    picture.paste((250, 20, 30), (0, 0, 30, 40))  # its left half is red
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was upside down: red belongs on the right
    picture.save(folder / "turned.jpg", exif=exif, quality=95)
    picture.quantize(8).save(folder / "palette.png")
    picture.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    picture.convert("L").save(folder / "grey.webp")
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(folder / "clear.png")
    Image.fromarray(np.full((40, 40), 65535, np.uint16)).save(folder / "sixteen.png")
    assert len(read_folder(shapes, 32)) == 86

    def seen(name: str) -> np.ndarray:
        return shown(read_picture(folder / name), 32).astype(int)

    turned, palette = seen("turned.jpg"), seen("palette.png")
    assert turned[0, :, 24:].mean() > 200 > 60 > turned[0, :, :8].mean()
    assert palette[0, :, :8].mean() > 200 > 60 > palette[0, :, 24:].mean()
    assert abs(seen("cmyk.jpg") - palette).mean() < 12
    assert seen("clear.png").min() == 255  # what is transparent lies on white paper
    assert seen("sixteen.png").min() >= 254


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: shutil.rmtree(f), "no folder"),
        (lambda f: [shutil.rmtree(p) for p in f.iterdir()], "no class folders"),
        (lambda f: shutil.rmtree(f / "square"), "one class folder only, 'গোল'"),
        (lambda f: [p.unlink() for p in list((f / "গোল").iterdir())[1:]], r"গোল \(1\)"),
        (lambda f: (f / "empty").mkdir(), r"empty \(0\)"),
    ],
)
def test_folders_with_nothing_to_learn(shapes, make, words) -> None:
    make(shapes)
    with pytest.raises(ValueError, match=words):
        read_folder(shapes, 32)


def bomb(width: int, height: int) -> bytes:
    """A PNG file of a few bytes whose head announces many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    file = b"\x89PNG\r\n\x1a\n"
    for kind, content in chunks:
        file += struct.pack(">I", len(content)) + kind + content
        file += struct.pack(">I", zlib.crc32(kind + content))
    return file


def test_files_that_are_no_pictures_are_all_named(shapes) -> None:
    (shapes / "square" / "text.jpg").write_text("I am no picture")
    (shapes / "square" / "large.png").write_bytes(bomb(40_000, 25_000))
    whole = (shapes / "square" / "00.jpg").read_bytes()
    (shapes / "গোল" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (shapes / "গোল" / "empty.webp").write_bytes(b"")
    with pytest.raises(ValueError) as refused:
        read_folder(shapes, 32)
    for name in (
        "(4)",
        "square/text.jpg",
        "square/large.png",
        "গোল/half.jpg",
        "গোল/empty.webp",
    ):
        assert name in str(refused.value)


def test_what_is_left_out_is_said(shapes) -> None:
    (shapes / "square" / "notes.txt").write_text("hello")
    (shapes / "square" / "IMG_1.HEIC").write_text("")
    (shapes / "square" / ".DS_Store").write_text("")
    shutil.copy(shapes / "square" / "00.jpg", shapes / "গোল" / "copy.jpg")
    with pytest.warns(UserWarning) as told:
        found = read_folder(shapes, 32)
    said = " ".join(str(one.message) for one in told)
    assert "square/notes.txt" in said and "IMG_1.HEIC" in said and "as JPEG" in said
    assert ".DS_Store" not in said
    assert "square/00.jpg and গোল/copy.jpg" in said and len(found) == 81


def test_copies_stay_on_one_side(shapes) -> None:
    for k in range(30):
        shutil.copy(shapes / "square" / "01.png", shapes / "square" / f"copy{k}.png")
    todo = task(Project("images").settings(data=str(shapes), size=32))
    sides = [set(todo.pictures.groups[rows]) for rows in (todo.train, todo.validation, todo.test)]
    assert not (sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2])
    assert sum(len(rows) for rows in (todo.train, todo.validation, todo.test)) == 110


def test_sizes_that_no_network_takes(shapes) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        task(Project("images").settings(data=str(shapes), size=50))
