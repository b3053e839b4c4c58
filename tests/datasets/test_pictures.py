"""read_picture: what a picture shows, or why it is none."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gobhir.datasets.readers.pictures import TooLarge, open_picture, read_picture
from gobhir.lang import LANGUAGES

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def encoded(picture: Any, format: str = "PNG", **settings: Any) -> bytes:
    data = io.BytesIO()
    picture.save(data, format, **settings)
    return data.getvalue()


def refused(source: Any, key: str, **wishes: Any) -> None:
    with pytest.raises(ValueError) as caught:
        read_picture(source, **wishes)
    assert caught.value.args[0].key == key
    assert all(caught.value.args[0].text(lang) for lang in LANGUAGES)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_colours(format: str, tmp_path: Path) -> None:
    how = {"lossless": True} if format == "WEBP" else {}
    data = encoded(Image.fromarray(COLOURS), format, **how)
    (tmp_path / "picture").write_bytes(data)
    assert np.array_equal(read_picture(data), COLOURS)
    assert np.array_equal(read_picture(tmp_path / "picture"), COLOURS)
    assert read_picture(data, "L").shape == (6, 9)


def test_jpeg_and_turned_cameras() -> None:
    smooth = np.repeat(np.linspace(0, 255, 32).astype(np.uint8)[:, None, None], 3, 2)
    smooth = np.broadcast_to(smooth, (32, 16, 3))
    upright = read_picture(encoded(Image.fromarray(smooth), "JPEG", quality=95))
    assert np.abs(upright.astype(int) - smooth).max() < 8
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    turned = encoded(Image.fromarray(np.rot90(smooth)), "JPEG", quality=95, exif=exif)
    assert np.abs(read_picture(turned).astype(int) - smooth).max() < 8


def test_what_is_transparent_lies_on_white_paper() -> None:
    rgba = np.dstack([COLOURS, np.full((6, 9), 255, np.uint8)])
    rgba[0, 0] = 0
    seen = read_picture(encoded(Image.fromarray(rgba)))
    assert seen[0, 0].tolist() == [255] * 3 and np.array_equal(seen[1:], COLOURS[1:])


def test_sixteen_bits() -> None:
    deep = np.array([[0, 257, 65535]], np.uint16)
    assert read_picture(encoded(Image.fromarray(deep)), "L").tolist() == [[0, 1, 255]]


@pytest.mark.parametrize("data", [b"", b"hello", b"<svg/>", b"%PDF-1.4", b"PK\x03\x04"])
def test_no_picture(data: bytes) -> None:
    refused(data, "datasets.picture.none")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_half_a_picture(format: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), format)
    refused(data[: len(data) // 2], "datasets.picture.broken")


def png_head(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says how large it is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"x" * 100))


@pytest.mark.filterwarnings("error")
def test_a_billion_pixels() -> None:
    refused(png_head(40_000, 25_000), "datasets.picture.bomb")
    refused(png_head(10_000, 10_000), "datasets.picture.large")
    refused(encoded(Image.fromarray(COLOURS)), "datasets.picture.large", most=53)
    assert read_picture(encoded(Image.fromarray(COLOURS)), most=54).shape == COLOURS.shape


def test_limits_of_a_service() -> None:
    wide = encoded(Image.new("RGB", (900, 8)), "JPEG")
    with pytest.raises(TooLarge) as caught:
        open_picture(wide, side=800)
    assert caught.value.size == "900 x 8"
    assert open_picture(wide, side=900).size == (900, 8)
    assert open_picture(encoded(Image.new("RGB", (64, 64)), "JPEG"), enough=8).size == (8, 8)
    with pytest.raises(ValueError, match="Read are: PNG, JPEG"):
        open_picture(encoded(Image.new("RGB", (8, 8)), "GIF"), formats=("PNG", "JPEG"))


def test_files_and_modes(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.png", tmp_path):
        with pytest.raises(FileNotFoundError, match=str(path)):
            read_picture(path)
    refused(b"", "datasets.picture.mode", mode="CMYK")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_mangled(format: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(Image.fromarray(COLOURS), format))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture = read_picture(bytes(whole))
    except ValueError as error:
        assert error.args[0].key.startswith("datasets.picture.")
    else:
        assert picture.ndim == 3 and picture.dtype == np.uint8
