"""Pictures of strangers, through Pillow: nothing is unpacked before its size is known."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from gobhir.lang import Message, say

if TYPE_CHECKING:
    from PIL import Image

PIXELS = 40_000_000
"""The most that a picture may have: a good camera's, and 120 MB in memory."""
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
MODES = ("RGB", "L")


class TooLarge(ValueError):
    """A picture of more pixels than are read. `size`: "40000 x 30000", or "" where its head alone
    was enough to refuse it."""

    def __init__(self, message: Message, size: str = ""):
        super().__init__(message)
        self.size = size


def read_picture(
    source: str | Path | bytes, mode: str = "RGB", most: int = PIXELS, name: str = ""
) -> np.ndarray:
    """A picture as (H, W, 3) or, with mode "L", (H, W) bytes; turned upright as its camera says.

    source: a file, or its bytes (then `name` is what messages call it). most: pixels.
    ValueError: it is no picture, is cut off, or is too large.
    """
    return np.asarray(open_picture(source, mode, most, name=name))


def open_picture(
    source: str | Path | bytes,
    mode: str = "RGB",
    most: int = PIXELS,
    *,
    side: int = 0,
    formats: tuple[str, ...] = FORMATS,
    enough: int = 0,
    name: str = "",
) -> Image.Image:
    """As `read_picture`, but Pillow's picture.

    side: the most pixels a side (0: any number). enough: so many pixels a side will do: a larger
    JPEG is decoded at a half, a quarter or an eighth of its size (0: all are wanted).
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    name = name or ("?" if isinstance(source, bytes) else str(source))
    if mode not in MODES:
        raise ValueError(say("datasets.picture.mode", mode=mode, known=", ".join(MODES)))
    try:
        with _open(source) as file, warnings.catch_warnings():
            # Pillow warns of what is large to it; what is too large is refused here.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=formats) as picture:
                width, height = picture.size
                if width * height > most or max(width, height) > (side or math.inf):
                    told = {"width": width, "height": height, "most": most // 1_000_000}
                    large = say("datasets.picture.large", name=name, **told)
                    raise TooLarge(large, f"{width} x {height}")
                if enough:
                    picture.draft(None, (enough, enough))
                return _flat(ImageOps.exif_transpose(picture), mode)
    except TooLarge:
        raise
    except UnidentifiedImageError as error:
        known = ", ".join(formats)
        raise ValueError(say("datasets.picture.none", name=name, known=known)) from error
    except Image.DecompressionBombError as error:  # by its head already
        large = say("datasets.picture.bomb", name=name, most=most // 1_000_000)
        raise TooLarge(large) from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        reason = error.strerror
        raise FileNotFoundError(say("datasets.no_file", path=name, reason=reason)) from error
    except Exception as error:  # whatever a broken file makes Pillow raise: there are many
        raise ValueError(say("datasets.picture.broken", name=name, reason=error)) from error


def _open(source: str | Path | bytes) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")


def _flat(picture: Any, mode: str) -> Any:
    """In `mode`, and what is transparent on white paper."""
    from PIL import Image

    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    elif picture.mode.startswith("I") or picture.mode == "F":
        # Sixteen bits a pixel: Pillow would cut them off at 255.
        values = np.asarray(picture, np.float64)
        top = 65535 if values.max(initial=0) > 255 else 255
        picture = Image.fromarray((values.clip(0, top) * (255 / top)).round().astype(np.uint8))
    return picture.convert(mode)
