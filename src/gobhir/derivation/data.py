"""A derivation as JSON, there and back: the classes of step.py and expression.py, field by field.

Every object says its `kind` (the class: "line", "sum", "mat_mul"); a field that has its default
value is left out. Numbers that stand on a page are decimals in strings, because their digits count
("0.10" is not "0.1"). schema.py has the same classes as a JSON Schema.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from gobhir.derivation import arrays, expression, places, signs, step
from gobhir.derivation.expression import Leaf
from gobhir.derivation.markdown import MarkdownPage
from gobhir.derivation.rounding import decimal, objects
from gobhir.derivation.sentence import heading, notes, value
from gobhir.derivation.step import Derivation, Line, Say, Section, Table
from gobhir.lang import say

BASES = (expression.Nary, expression.Unary, expression.Pair, arrays.Along)
"""Classes that only others are made of."""
ON_DEMAND = (arrays.LongSum, places.Each)
"""What is made on demand: a sum that is written as a Sum, and trees that are written one by one."""
FORMAT, VERSION = "gobhir.derivation", 1
SPOKEN = {
    "say": ("text",),
    "section": ("text",),
    "line": ("latex", "notes"),
    "table": ("cells", "notes"),
}
"""What the objects say besides, where a language was asked for: Markdown and LaTeX to show."""
DTYPES = {"float": float, "int": int, "bool": bool}


def kind_of(cls: type) -> str:
    """MatMul is "mat_mul"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()


@cache
def kinds() -> dict[str, type]:
    """All classes that a derivation is made of, by kind."""
    named = [c for room in (step, expression, arrays, places, signs) for c in vars(room).values()]
    classes = [c for c in named if isinstance(c, type) and dataclasses.is_dataclass(c)]
    return {kind_of(c): c for c in classes if c not in (*BASES, *ON_DEMAND)}


@cache
def hints(cls: type) -> dict[str, Any]:
    """Its fields and what they may hold."""
    known = get_type_hints(cls)
    return {f.name: known[f.name] for f in dataclasses.fields(cls) if f.metadata.get("data", True)}


@cache
def _defaults(cls: type) -> dict[str, Any]:
    out = {}
    for f in dataclasses.fields(cls):
        if f.default is not dataclasses.MISSING:
            out[f.name] = f.default
        elif f.default_factory is not dataclasses.MISSING:
            out[f.name] = f.default_factory()
    return out


# -- there ---------------------------------------------------------------------------------------


def to_json(d: Derivation, lang: str | None = None) -> str:
    """The derivation as JSON text. lang: say the sentences besides, in "bn" or "en"."""
    speak = None if lang is None else _speaker(d, lang)
    language = {} if lang is None else {"lang": lang}
    whole = {"format": FORMAT, "version": VERSION, **language, **_object(d, Derivation, speak)}
    return json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


Speaker = Callable[[Any], dict[str, Any]]


def _speaker(d: Derivation, lang: str) -> Speaker:
    """What an object says besides in this language."""
    page = MarkdownPage(d, lang)
    numbers = {id(s): n for n, s in enumerate(d.sections)}

    def speak(v: Any) -> dict[str, Any]:
        match v:
            case Say():
                return {"text": page.say(v)}
            case Section():
                return {"text": heading(v.phase, numbers[id(v)], lang, page.inline)}
            case Line():
                left = {} if v.left is None else {"left": page.tex(v.left)}
                formula = {**left, "stages": [page.tex(e) for e in v.stages]}
                return {"latex": formula, "notes": notes(v, d.mode, lang, page.inline)}
            case Table():
                rows = (v.head, *v.rows)
                cells = [[value(cell, lang, page.inline) for cell in row] for row in rows]
                return {"cells": cells, "notes": notes(v, d.mode, lang, page.inline)}
        return {}

    return speak


def _object(v: Any, cls: type, speak: Speaker | None) -> dict[str, Any]:
    usual = _defaults(cls)
    out: dict[str, Any] = {"kind": kind_of(cls)}
    for name in hints(cls):
        inside = getattr(v, name)
        if name in usual and _same(inside, usual[name]):
            continue
        plain = name == "value" and issubclass(cls, Leaf) and isinstance(inside, Decimal)
        out[name] = str(inside) if plain else _plain(inside, speak)
    if speak is not None:
        out.update(speak(v))
    return out


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and not isinstance(a, np.ndarray) and bool(a == b)


def _plain(v: Any, speak: Speaker | None) -> Any:
    match v:
        case None | bool() | str() | int():
            return v
        case float() if math.isfinite(v):
            return v
        case float():
            return {"kind": "float", "value": str(v)}
        case Decimal():
            return {"kind": "decimal", "value": str(v)}
        case np.generic():
            return _plain(float(decimal(v)) if v.dtype.kind == "f" else v.item(), speak)
        case np.ndarray():
            return _array(v)
        case tuple() | list():
            return [_plain(x, speak) for x in v]
        case dict():
            return {str(k): _plain(x, speak) for k, x in v.items()}
    if callable(v):
        return _plain(v(), speak)
    cls = next((c for c in type(v).__mro__ if kinds().get(kind_of(c)) is c), None)
    return str(v) if cls is None else _object(v, cls, speak)  # a sentence would say str(v) too


def _array(v: np.ndarray) -> dict[str, Any]:
    flat = v.ravel()
    values: list[Any]
    if v.dtype == object:
        dtype, values = "decimal", [str(x) for x in flat]
    elif v.dtype == np.float64 and np.isfinite(v).all():
        dtype, values = "float", flat.tolist()
    elif v.dtype.kind == "f":
        dtype = "float"
        values = [float(decimal(x)) if np.isfinite(x) else str(x) for x in flat]
    else:
        dtype, values = "bool" if v.dtype.kind == "b" else "int", flat.tolist()
    return {"kind": "array", "dtype": dtype, "shape": list(v.shape), "values": values}


# -- and back ------------------------------------------------------------------------------------


def from_json(text: str | bytes | dict[str, Any]) -> Derivation:
    """The derivation that was written: JSON text, or what a JSON reader made of it. ValueError
    names the place where it is not what it should be."""
    try:
        data = json.loads(text) if isinstance(text, (str, bytes)) else text
    except (ValueError, RecursionError) as error:
        raise ValueError(say("page.json.no_json", detail=str(error))) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(say("page.json.no_derivation", format=FORMAT))
    if data.get("version") != VERSION:
        raise ValueError(say("page.json.version", found=data.get("version"), known=VERSION))
    data = {k: v for k, v in data.items() if k not in ("format", "version", "lang")}
    try:
        whole = _read(data, "$")
    except RecursionError:
        raise ValueError(say("page.json.deep")) from None
    if not isinstance(whole, Derivation):
        raise _wrong("$.kind", "derivation")
    return whole


def _wrong(path: str, expected: str) -> ValueError:
    return ValueError(say("page.json.wrong", path=path, expected=expected))


def _read(data: Any, path: str) -> Any:
    if isinstance(data, list):
        return tuple(_read(x, f"{path}[{i}]") for i, x in enumerate(data))
    if not isinstance(data, dict):
        return data
    kind = data.get("kind")
    if kind is None:
        return {k: _read(x, f"{path}.{k}") for k, x in data.items()}
    if kind == "decimal":
        return _decimal(data.get("value"), f"{path}.value")
    if kind == "float" and data.get("value") in ("nan", "inf", "-inf"):
        return float(data["value"])
    if kind == "array":
        return _read_array(data, path)
    cls = kinds().get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise _wrong(f"{path}.kind", ", ".join(sorted(kinds())))
    return _read_object(data, cls, path)


def _read_object(data: dict[str, Any], cls: type, path: str) -> Any:
    fields, usual = hints(cls), _defaults(cls)
    given = data.keys() - {"kind", *SPOKEN.get(kind_of(cls), ())}
    missing = [name for name in fields if name not in given and name not in usual]
    if missing or given - fields.keys():
        raise _wrong(path, ", ".join(fields))
    values = {}
    for name in fields:
        if name not in given:
            continue
        place = f"{path}.{name}"
        if name == "value" and issubclass(cls, Leaf):
            values[name] = _number(data[name], place)
            continue
        inside = data[name]
        # A table of names, such as operands, may well have one that is called "kind".
        mapping = get_origin(fields[name]) is dict and isinstance(inside, dict)
        values[name] = (
            {k: _read(x, f"{place}.{k}") for k, x in inside.items()}
            if mapping
            else _read(inside, place)
        )
        if not fits(values[name], fields[name]):
            raise _wrong(place, spelt(fields[name]))
    return cls(**values)


def _number(data: Any, path: str) -> Any:
    """What a leaf holds: a decimal, a machine number, or an array."""
    if isinstance(data, str):
        return _decimal(data, path)
    number = _read(data, path)
    if isinstance(number, bool) or not isinstance(number, (int, float, np.ndarray)):
        raise _wrong(path, "decimal, number, array")
    return number


def _decimal(text: Any, path: str) -> Decimal:
    try:
        return Decimal(text) if isinstance(text, str) else _fail(path)
    except InvalidOperation:
        return _fail(path)


def _fail(path: str) -> Decimal:
    raise _wrong(path, "decimal")


def _read_array(data: dict[str, Any], path: str) -> np.ndarray:
    shape, values, dtype = data.get("shape"), data.get("values"), data.get("dtype")
    counted = isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape)
    if not counted or not isinstance(values, list) or len(values) != math.prod(shape or ()):
        raise _wrong(path, "dtype, shape, values")
    if dtype == "decimal":
        out: np.ndarray = objects([_decimal(x, path) for x in values], tuple(shape or ()))
        return out
    try:
        return np.array(values, DTYPES[str(dtype)]).reshape(shape)
    except (KeyError, ValueError, TypeError, OverflowError):
        raise _wrong(path, f"decimal, {', '.join(DTYPES)}") from None


def functional(hint: Any) -> bool:
    """Whether a field may hold a function that makes its value; it is called before writing."""
    return get_origin(hint) is Callable


def fits(v: Any, hint: Any) -> bool:
    """Whether a value is what a field's annotation asks for."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(fits(v, a) for a in args)
    if origin is tuple:
        each = args[:1] * len(v) if args[-1] is Ellipsis and isinstance(v, tuple) else args
        return isinstance(v, tuple) and len(v) == len(each) and all(map(fits, v, each))
    if functional(hint):
        return False
    if origin is dict:
        return isinstance(v, dict) and all(fits(x, args[1]) for x in v.values())
    if hint in (int, float):
        return isinstance(v, (int, hint)) and not isinstance(v, bool)
    return isinstance(v, hint)


def spelt(hint: Any) -> str:
    """An annotation as an error names it."""
    if get_origin(hint) is tuple:
        return f"[{', '.join('...' if a is Ellipsis else spelt(a) for a in get_args(hint))}]"
    if get_origin(hint) in (Union, UnionType):
        return ", ".join(
            spelt(a) for a in get_args(hint) if a is not NoneType and not functional(a)
        )
    return {str: "string", Any: "value", np.ndarray: "array"}.get(hint) or kind_of(hint)
