"""Dataclasses to JSON and back, by the types that their fields have. Nothing is ever unpickled."""

from __future__ import annotations

import base64
import math
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from gobhir.evaluation import Estimate
from gobhir.lang import LANGUAGES, Message

T = TypeVar("T")


def plain(value: Any) -> Any:
    """What JSON can hold. NaN and infinity become null, bytes base64, sentences both languages."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Message):
        return {lang: value.text(lang) for lang in LANGUAGES}
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def typed(kind: type[T], content: Any) -> T:
    """The dataclass `kind` from what `plain` gave. TypeError, KeyError or AttributeError for
    anything else."""
    found: T = _typed(kind, content)
    return found


def _typed(kind: Any, content: Any) -> Any:
    origin, inside = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        unknown = set(content.keys()) - set(hints)
        if unknown:
            raise TypeError(", ".join(sorted(unknown)))
        values = {name: _typed(hints[name], one) for name, one in content.items()}
        return kind(**values)  # type: ignore[operator]
    if origin in (Union, UnionType):
        if content is None or Message in inside:
            return content
        (kind,) = (one for one in inside if one is not type(None))
        return _typed(kind, content)
    if origin is list:
        return [_typed(inside[0], one) for one in _are(list, content)]
    if origin is dict:
        return {name: _typed(inside[1], one) for name, one in _are(dict, content).items()}
    if kind is bytes:
        return base64.b64decode(_are(str, content), validate=True)
    if kind is float:
        return math.nan if content is None else _are((int, float), content)
    if kind is Any:
        measured = isinstance(content, dict) and "value" in content and "level" in content
        return _typed(Estimate, content) if measured else content
    return _are(kind, content)


def _are(kind: Any, content: Any) -> Any:
    if not isinstance(content, kind):
        raise TypeError(str(content)[:60])
    return content
