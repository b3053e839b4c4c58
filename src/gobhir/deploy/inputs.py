"""What comes in becomes what the network was trained on: one example, as a file's description says.
Projects evaluate with the same functions by which the service prepares what it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gobhir.deploy.about import About, Drawing, Input, Numbers, Picture, Text
from gobhir.deploy.drawing import drawn
from gobhir.deploy.opening import Slot
from gobhir.deploy.tokens import numbers
from gobhir.lang import say

if TYPE_CHECKING:
    from PIL.Image import Image

LARGE = 1024
"""Pixels a side of a photographed drawing; a larger one is made smaller before it is looked at."""


def prepared(form: Input, value: Any) -> np.ndarray:
    """One example without the batch axis: float32, for a text int64.

    value: a picture (Pillow's, or an array as for `drawn`) for a Drawing or a Picture, a str for a
    Text, a row of numbers or {name: number} for Numbers. ValueError for what does not fit.
    """
    if isinstance(form, Drawing):
        if hasattr(value, "thumbnail") and max(value.size) > LARGE:
            value = value.copy()
            value.thumbnail((LARGE, LARGE))
        grey = (drawn(value, form.size, form.box) - form.mean) / form.std
        return np.repeat(grey[None], form.channels, 0).astype(np.float32)
    if isinstance(form, Picture):
        return _cut(form, value)
    if isinstance(form, Text):
        return numbers(value, form)
    return _row(form, value)


def blank(form: Input, width: int | None = None) -> np.ndarray:
    """An example with nothing on it: for seeing whether a model takes what its file describes.
    width: how many numbers the model wants, where the description gives no names."""
    if isinstance(form, (Drawing, Picture)):
        return prepared(form, np.zeros((8, 8), np.uint8))
    if isinstance(form, Text):
        return prepared(form, "")
    return prepared(form, [0.0] * (len(form.names) or len(form.mean) or width or 1))


def misfit(
    about: About, inputs: Sequence[Slot], run: Callable[[list[np.ndarray]], Sequence[np.ndarray]]
) -> str:
    """What of a model's description does not fit its network, which has `inputs` and gives its
    outputs by `run`: a blank example goes through it. "" where all fits."""
    assert about.input is not None
    try:
        row = blank(about.input, inputs[0].shape[-1])[None]
        if len(inputs) != 1 or not inputs[0].takes(row):
            return ", ".join(f"{slot.shape_text} {slot.dtype}" for slot in inputs)
        found = run([row])[0]
    except Exception as trouble:  # whatever a network says of what it cannot take
        return (str(trouble).splitlines() or [type(trouble).__name__])[0][:200]
    if len(found) != 1:
        return f"{found.shape}"
    counts = {len(names) for names in about.labels.values()}
    if about.task == "classification" and counts:
        (want,) = counts
        if want != found.size and not (want == 2 and found.size == 1):
            return f"{want} / {found.size}"
    return ""


def _cut(form: Picture, value: Any) -> np.ndarray:
    from PIL import Image

    picture: Image.Image = value if isinstance(value, Image.Image) else _pictured(value)
    picture = picture.convert("L" if form.channels == 1 else "RGB")
    shorter = form.resize or max(form.height, form.width)
    scale = shorter / min(picture.size)
    w, h = (max(shorter, round(n * scale)) for n in picture.size)
    left, top = (w - form.width) // 2, (h - form.height) // 2
    # Only what is kept is computed: a strip of a thousand to one would else become huge.
    box = (left / w * picture.width, top / h * picture.height)
    end = (
        (left + form.width) / w * picture.width,
        (top + form.height) / h * picture.height,
    )
    small = picture.resize((form.width, form.height), Image.Resampling.BILINEAR, box=(*box, *end))
    x = np.asarray(small, np.float32) / 255
    x = 1 - x if form.invert else x
    x = x[None] if form.channels == 1 else x.transpose(2, 0, 1)
    mean, std = (
        np.asarray(v[: form.channels], np.float32)[:, None, None] for v in (form.mean, form.std)
    )
    return np.ascontiguousarray((x - mean) / std)


def _pictured(value: Any) -> Image:
    from PIL import Image

    array = np.asarray(value)
    if array.dtype.kind == "f":
        array = np.rint(array * 255)
    return Image.fromarray(np.clip(array, 0, 255).astype(np.uint8))


def _row(form: Numbers, value: Any) -> np.ndarray:
    if isinstance(value, dict):
        missing = [n for n in form.names if n not in value]
        extra = [str(n)[:40] for n in value if n not in form.names]
        if missing or extra:
            names = {"missing": ", ".join(missing) or "-", "extra": ", ".join(extra[:9]) or "-"}
            raise ValueError(say("deploy.input.names", **names))
        value = [value[n] for n in form.names]
    count = len(form.names) or len(form.mean)
    row: np.ndarray = np.asarray(value, np.float32)
    if row.ndim != 1 or (count and len(row) != count):
        raise ValueError(say("deploy.input.count", want=count or "n", got=tuple(row.shape)))
    if form.mean:
        row = row - np.asarray(form.mean, np.float32)
    if form.std:
        row = row / np.asarray(form.std, np.float32)
    return row
