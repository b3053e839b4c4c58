"""The JSON Schema (draft 2020-12) of a derivation, made from the classes themselves.

It is published as derivation.schema.json beside this file. After a change to the classes:
`python -m gobhir.derivation.schema > src/gobhir/derivation/derivation.schema.json`
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np

from gobhir.derivation.data import (
    DTYPES,
    FORMAT,
    SPOKEN,
    VERSION,
    functional,
    hints,
    kind_of,
    kinds,
)
from gobhir.derivation.expression import Expr, Leaf

STRING = {"type": "string"}
SPEECH: dict[str, dict[str, Any]] = {
    "text": {"description": "The sentence in `lang`, as Markdown with LaTeX.", **STRING},
    "notes": {"type": "array", "items": STRING},
    "cells": {"type": "array", "items": {"type": "array", "items": STRING}},
    "latex": {
        "type": "object",
        "properties": {"left": STRING, "stages": {"type": "array", "items": STRING}},
        "required": ["stages"],
        "additionalProperties": False,
    },
}


def schema() -> dict[str, Any]:
    """The schema of what `to_json` writes."""
    defs = {kind: _of_class(cls) for kind, cls in sorted(kinds().items())}
    defs.update(_common())
    whole = defs.pop("derivation")
    envelope = {
        "format": {"const": FORMAT},
        "version": {"const": VERSION},
        "lang": {"description": "The language of all text, notes and cells.", **STRING},
    }
    whole["properties"] = {**envelope, **whole["properties"]}
    whole["required"] = ["format", "version", *whole["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{FORMAT.replace('.', ':')}:{VERSION}",
        "title": "A worked training step, as data",
        **whole,
        "$defs": defs,
    }


def _of_class(cls: type) -> dict[str, Any]:
    kind = kind_of(cls)
    properties: dict[str, Any] = {"kind": {"const": kind}}
    for name, hint in hints(cls).items():
        leaf = name == "value" and issubclass(cls, Leaf)
        properties[name] = _ref("number") if leaf else _of_hint(hint)
    properties.update({name: SPEECH[name] for name in SPOKEN.get(kind, ())})
    needed = [f.name for f in dataclasses.fields(cls) if not _has_default(f)]
    return {
        "description": " ".join((inspect.getdoc(cls) or "").split()),
        "type": "object",
        "properties": properties,
        "required": ["kind", *needed],
        "additionalProperties": False,
    }


def _has_default(f: dataclasses.Field[Any]) -> bool:
    return f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _of_hint(hint: Any) -> dict[str, Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        kept = [_of_hint(a) for a in args if not functional(a)]
        return {"anyOf": kept} if len(kept) > 1 else kept[0]
    if origin is tuple and args[-1] is not Ellipsis:
        items = [_of_hint(a) for a in args]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "items": False}
    if origin is tuple:
        return {"type": "array", "items": _of_hint(args[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of_hint(args[1])}
    if hint is float:
        return {"anyOf": [{"type": "number"}, _ref("special")]}
    simple = {str: "string", int: "integer", bool: "boolean", NoneType: "null"}
    if hint in simple:
        return {"type": simple[hint]}
    return _ref({Any: "value", np.ndarray: "array", Expr: "expression"}.get(hint) or kind_of(hint))


def _common() -> dict[str, Any]:
    """What is no class of ours: numbers, arrays, and fields that hold several kinds."""
    plain: list[dict[str, Any]] = [{"type": ["null", "boolean", "number", "string"]}]
    several = {"type": "array", "items": _ref("value")}
    expressions = [kind for kind, cls in sorted(kinds().items()) if issubclass(cls, Expr)]
    spoken = [_ref(kind) for kind in ("say", "count", "name", "decimal", "special", "array")]
    decimal = {"description": "A decimal number with its digits.", "type": "string"}
    return {
        "number": {"anyOf": [decimal, {"type": "number"}, _ref("special"), _ref("array")]},
        "decimal": _tagged("decimal", {"value": decimal}),
        "special": _tagged("float", {"value": {"enum": ["nan", "inf", "-inf"]}}),
        "array": _tagged(
            "array",
            {
                "dtype": {"enum": ["decimal", *DTYPES]},
                "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                "values": {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
            },
        ),
        "expression": {"anyOf": [_ref(kind) for kind in expressions]},
        "value": {"anyOf": [*plain, *spoken, _ref("expression"), several]},
    }


def _tagged(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"kind": {"const": kind}, **properties},
        "required": ["kind", *properties],
        "additionalProperties": False,
    }


def text() -> str:
    """The published file."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    print(text(), end="")
