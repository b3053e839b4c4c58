"""A request's body becomes one example, or a refusal that says what was expected."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.requests import ClientDisconnect, Request

from gobhir.datasets import TooLarge, open_picture
from gobhir.deploy.about import Drawing, Picture, Text
from gobhir.deploy.inputs import prepared
from gobhir.deploy.opening import Slot
from gobhir.deploy.serve.limits import Limits, Refused
from gobhir.deploy.serve.model import Served
from gobhir.deploy.tokens import note
from gobhir.lang import Message, say

PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
JSON, FORM, PLAIN = "application/json", "multipart/form-data", "text/plain"

QUICK = 8192
"""Bytes that are decoded at once; more are left to a thread, so that others need not wait."""
ENOUGH = 2048
"""Pixels a side, about, to which a large JPEG is decoded: networks see fewer."""
LARGEST = float(np.finfo(np.float32).max)


def accepted(model: Served) -> tuple[str, ...]:
    """The media types that a model takes."""
    form = model.about.input if model.about else None
    if isinstance(form, (Drawing, Picture)):
        return (JSON, FORM, *PICTURES)
    return (JSON, PLAIN) if isinstance(form, Text) else (JSON,)


@dataclass(frozen=True)
class Example:
    """What one request brings. rows: an array for each input, without a batch axis where the
    model's file describes what goes in, else whole. note: what is to be said with the answer."""

    rows: list[np.ndarray]
    note: Message | None = None


async def received(request: Request, model: Served, limits: Limits) -> tuple[str, bytes]:
    """The media type of a request, and its body (of a form, the file in it). Refused for a type
    that the model does not take, and for a body that is too large, too slow, or not whole."""
    media, _, rest = request.headers.get("content-type", "").partition(";")
    media = media.strip().lower()
    known = accepted(model)
    if media not in known:
        told = say("deploy.refuse.media", want=", ".join(known), got=media[:60] or "-")
        raise Refused(415, "media", told)
    charset = rest.lower().partition("charset=")[2].strip(' "') if media in (JSON, PLAIN) else ""
    if charset.partition(";")[0].strip(' "') not in ("", "utf-8", "utf8", "us-ascii"):
        raise Refused(415, "media", say("deploy.refuse.charset", got=charset[:40]))
    body = await _read(request, limits)
    return media, await _from_form(request, body) if media == FORM else body


async def example(media: str, body: bytes, model: Served, limits: Limits) -> Example:
    """The example in what was received. Refused for anything else."""
    if media in (JSON, PLAIN) and len(body) <= QUICK:  # done sooner than a thread is found
        return _decoded(media, body, model, limits)
    return await asyncio.to_thread(_decoded, media, body, model, limits)


async def _read(request: Request, limits: Limits) -> bytes:
    """The whole body. Its length has to be said before, and kept to."""
    if "transfer-encoding" in request.headers or "content-length" not in request.headers:
        raise Refused(411, "length", say("deploy.refuse.length"))
    lengths = request.headers.getlist("content-length")
    if len(lengths) != 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        raise Refused(400, "length", say("deploy.refuse.length"))
    told = int(lengths[0]) if len(lengths[0]) < 16 else limits.max_body + 1
    if told > limits.max_body:
        most = say("deploy.refuse.body", most=limits.max_body, got=lengths[0][:20])
        raise Refused(413, "body", most, Connection="close")
    parts, size = [], 0
    try:
        async with asyncio.timeout(limits.timeout):
            async for part in request.stream():
                parts.append(part)
                size += len(part)
    except TimeoutError:
        told_slow = say("deploy.refuse.slow", seconds=limits.timeout)
        raise Refused(408, "slow", told_slow, Connection="close") from None
    except ClientDisconnect:
        raise Refused(400, "length", say("deploy.refuse.length")) from None
    if size != told:
        raise Refused(400, "length", say("deploy.refuse.length"))
    return b"".join(parts)


async def _from_form(request: Request, body: bytes) -> bytes:
    """The one file of a form, its field called `file`."""
    from starlette.datastructures import UploadFile
    from starlette.formparsers import MultiPartException, MultiPartParser

    async def again() -> Any:
        yield body

    try:
        parser = MultiPartParser(
            request.headers, again(), max_files=1, max_fields=4, max_part_size=4096
        )
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError, AssertionError):
        raise Refused(400, "form", say("deploy.refuse.form")) from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile) or set(form) != {"file"}:
            raise Refused(422, "form", say("deploy.refuse.form"))
        return await file.read()
    finally:
        await form.close()


def _decoded(media: str, body: bytes, model: Served, limits: Limits) -> Example:
    form = model.about.input if model.about else None
    if media in PICTURES or media == FORM:
        assert form is not None
        return Example([_prepared(form, picture(body, limits))])
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(400, "utf8", say("deploy.refuse.utf8")) from None
    if media == PLAIN:
        return _sentence(form, text, limits)
    content = _json(text, limits)
    if form is None:
        return Example(_arrays(content, model.inputs, limits))
    key = {"drawing": "pixels", "picture": "pixels", "text": "text"}.get(form.kind, "numbers")
    value = _only(content, key)
    if isinstance(form, Text):
        if not isinstance(value, str):
            raise _wrong(say("deploy.input.text", got=_kind(value)))
        return _sentence(form, value, limits)
    if isinstance(form, (Drawing, Picture)):
        pixels = _numbers(value, "pixels", limits)
        height, width = (*pixels.shape, 0, 0)[:2]
        flat = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
        if not flat or min(height, width) < 1:
            raise _wrong(say("deploy.input.pixels", got=pixels.shape))
        if pixels.min() < 0 or pixels.max() > 255 or (pixels % 1).any():
            raise _wrong(say("deploy.input.brightness"))
        if max(height, width) > limits.max_side:
            raise _too_large(f"{width} x {height}", limits)
        return Example([_prepared(form, pixels.astype(np.uint8))])
    if isinstance(value, dict):
        unfit = [
            k for k, v in value.items() if isinstance(v, bool) or not isinstance(v, (int, float))
        ]
        if unfit:
            raise _wrong(
                say("deploy.input.numbers", name=unfit[0][:60], got=_kind(value[unfit[0]]))
            )
        row: Any = {k: float(_numbers(v, k, limits)) for k, v in value.items()}
    else:
        row = _numbers(value, "numbers", limits)
    array = _prepared(form, row)
    want = model.inputs[0].shape[1:]
    if len(want) != 1 or want[0] not in (None, len(array)):
        raise _wrong(say("deploy.input.count", want=want[0] if want else 0, got=array.shape))
    return Example([array])


def _sentence(form: Any, text: str, limits: Limits) -> Example:
    return Example([_prepared(form, _short(text, limits))], note(text, form))


def _prepared(form: Any, value: Any) -> np.ndarray:
    try:
        return prepared(form, value)
    except ValueError as trouble:
        if trouble.args and isinstance(trouble.args[0], Message):
            raise _wrong(trouble.args[0]) from None
        raise


def picture(body: bytes, limits: Limits) -> Any:
    """A picture from its file. Its size is looked at before a pixel is decoded."""
    formats = tuple(PICTURES.values())
    side, most = limits.max_side, limits.max_pixels
    try:
        return open_picture(body, most=most, side=side, formats=formats, enough=ENOUGH)
    except TooLarge as trouble:
        raise _too_large(trouble.size or f"> {most}", limits) from None
    except ValueError:
        raise _wrong(say("deploy.input.picture", known="PNG, JPEG, WebP")) from None


def _too_large(got: str, limits: Limits) -> Refused:
    most = {"side": limits.max_side, "pixels": limits.max_pixels}
    return Refused(413, "picture", say("deploy.refuse.picture", got=got, **most))


def _json(text: str, limits: Limits) -> Any:
    def constant(name: str) -> Any:
        raise ValueError(name)

    try:
        content = json.loads(text, parse_constant=constant)
    except RecursionError:
        raise _wrong(say("deploy.input.deep", most=limits.max_depth)) from None
    except ValueError as trouble:
        where = getattr(trouble, "pos", 0)
        raise Refused(400, "json", say("deploy.refuse.json", place=where)) from None
    if _deeper(content, limits.max_depth):
        raise _wrong(say("deploy.input.deep", most=limits.max_depth))
    return content


def _deeper(content: Any, most: int) -> bool:
    """Whether lists and objects lie inside one another more than `most` times."""
    level = [content]
    for _ in range(most + 1):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, (dict, list)):
                parts = one.values() if isinstance(one, dict) else one
                inner.extend(p for p in parts if isinstance(p, (dict, list)))
        if not inner:
            return False
        level = inner
    return True


def _only(content: Any, key: str) -> Any:
    """The value of an object that has this entry and no other."""
    if not isinstance(content, dict) or set(content) != {key}:
        got = ", ".join(content)[:80] if isinstance(content, dict) else _kind(content)
        raise _wrong(say("deploy.input.keys", want=key, got=got or "-"))
    return content[key]


def _numbers(value: Any, name: str, limits: Limits) -> np.ndarray:
    """Nested lists of finite numbers as an array, all rows equally long."""
    if isinstance(value, (str, bool, dict)) or value is None:
        raise _wrong(say("deploy.input.numbers", name=name, got=_kind(value)))
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "iuf" or _has_booleans(value):
            raise ValueError
    except (ValueError, OverflowError):
        raise _wrong(say("deploy.input.numbers", name=name, got=_kind(value))) from None
    if array.size > limits.max_numbers:
        most = say("deploy.input.many", most=limits.max_numbers, got=array.size)
        raise Refused(413, "numbers", most)
    array = array.astype(np.float64)
    if not np.isfinite(array).all() or np.abs(array).max(initial=0) > LARGEST:
        raise _wrong(say("deploy.input.finite", name=name))
    return array


def _has_booleans(value: Any) -> bool:
    """NumPy takes true for 1."""
    if isinstance(value, list):
        return any(type(v) is bool or (type(v) is list and _has_booleans(v)) for v in value)
    return False


def _arrays(content: Any, slots: tuple[Slot, ...], limits: Limits) -> list[np.ndarray]:
    """Named inputs of a model that does not describe itself, with all of their axes."""
    given = _only(content, "inputs")
    names = [s.name for s in slots]
    if not isinstance(given, dict) or set(given) != set(names):
        got = ", ".join(given)[:80] if isinstance(given, dict) else _kind(given)
        raise _wrong(say("deploy.input.keys", want=", ".join(names), got=got or "-"))
    found = []
    for slot in slots:
        array = _numbers(given[slot.name], slot.name, limits)
        fits = len(array.shape) == len(slot.shape) and all(
            want in (None, n) for want, n in zip(slot.shape, array.shape, strict=True)
        )
        if not fits or not array.size:
            want = slot.shape_text
            raise _wrong(say("deploy.input.shape", name=slot.name, want=want, got=array.shape))
        if slot.dtype.kind in "iub":
            low, high = (0, 1) if slot.dtype.kind == "b" else _range(slot.dtype)
            if (array % 1).any() or array.min() < low or array.max() > high:
                raise _wrong(say("deploy.input.whole", name=slot.name, low=low, high=high))
        found.append(array.astype(slot.dtype))
    return found


def _range(dtype: np.dtype) -> tuple[int, int]:
    info = np.iinfo(dtype)
    # Beyond 2^53 a JSON number is no longer exact.
    return max(int(info.min), -(2**53)), min(int(info.max), 2**53)


def _short(text: str, limits: Limits) -> str:
    if len(text) > limits.max_text:
        raise _wrong(say("deploy.input.long", most=limits.max_text, got=len(text)))
    return text


def _kind(value: Any) -> str:
    """What JSON calls it."""
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")


def _wrong(message: Message) -> Refused:
    return Refused(422, "input", message)
