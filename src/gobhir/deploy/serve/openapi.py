"""The service, described for programs: OpenAPI 3.1, made from the model and the limits."""

from __future__ import annotations

from typing import Any

from gobhir.deploy.about import Text
from gobhir.deploy.opening import Slot
from gobhir.deploy.serve.body import FORM, JSON, LARGEST, PICTURES, PLAIN, accepted
from gobhir.deploy.serve.limits import Limits
from gobhir.deploy.serve.model import Served
from gobhir.lang import t
from gobhir.version import __version__

_FILE = {"type": "string", "format": "binary"}
_STATUSES = {400: "bad", 403: "foreign", 408: "slow", 411: "length", 413: "large", 415: "media"}
_STATUSES |= {421: "host", 422: "input", 500: "failed", 503: "busy", 504: "late"}


def description(model: Served, limits: Limits, lang: str) -> dict[str, Any]:
    """The whole description, with its sentences in `lang`."""
    error = _object({"error": _object({"code": _type("string"), "message": _type("string")})})
    refusals = {
        str(status): {
            "description": t(f"deploy.api.{word}", lang),
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, word in _STATUSES.items()
    }  # keys: deploy.api.*
    foreign = {k: refusals[k] for k in ("403", "421")}
    states = _object({"status": _type("string"), "ready": _type("boolean")})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gobhir",
            "version": __version__,
            "description": t("deploy.api.about", lang, file=model.path.name),
        },
        "paths": {
            "/predict": {
                "post": {
                    "operationId": "predict",
                    "summary": t("deploy.api.predict", lang),
                    "parameters": [_activations(lang)] if model.about else [],
                    "requestBody": {"required": True, "content": _bodies(model, limits)},
                    "responses": {
                        "200": _ok(t("deploy.api.answer", lang), _answer(model, lang)),
                        **refusals,
                    },
                }
            },
            "/health": {
                "get": {
                    "operationId": "health",
                    "summary": t("deploy.api.health", lang),
                    "responses": {
                        "200": _ok(t("deploy.api.ready", lang), states),
                        "503": _ok(t("deploy.api.stopping", lang), states),
                        **foreign,
                    },
                }
            },
            "/metrics": {
                "get": {
                    "operationId": "metrics",
                    "summary": t("deploy.api.metrics", lang),
                    "responses": {
                        "200": {
                            "description": "Prometheus",
                            "content": {"text/plain": {"schema": _type("string")}},
                        },
                        **foreign,
                    },
                }
            },
        },
        "components": {"schemas": {"Error": error}},
    }


def _type(name: str, **more: Any) -> dict[str, Any]:
    return {"type": name, **more}


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    found = _type("object", properties=properties, additionalProperties=False)
    return {**found, "required": required} if required else found


def _ok(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": schema}}}


def _activations(lang: str) -> dict[str, Any]:
    return {
        "name": "activations",
        "in": "query",
        "description": t("deploy.api.activations", lang),
        "schema": _type("integer", enum=[0, 1], default=0),
    }


def _bodies(model: Served, limits: Limits) -> dict[str, Any]:
    form = model.about.input if model.about else None
    bodies: dict[str, Any] = {}
    for media in accepted(model):
        if media == JSON:
            bodies[media] = {"schema": _json(model, limits)}
        elif media == FORM:
            bodies[media] = {"schema": _object({"file": _FILE})}
        elif media in PICTURES:
            bodies[media] = {"schema": _FILE}
        elif media == PLAIN and isinstance(form, Text):
            bodies[media] = {"schema": _type("string", maxLength=limits.max_text)}
    return bodies


def _json(model: Served, limits: Limits) -> dict[str, Any]:
    form = model.about.input if model.about else None
    if form is None:
        slots = {s.name: _array(s) for s in model.inputs}
        return _object({"inputs": _object(slots)})
    if form.kind == "text":
        return _object({"text": _type("string", maxLength=limits.max_text)})
    if form.kind in ("drawing", "picture"):
        pixel = _type("integer", minimum=0, maximum=255)
        row = _type("array", items=pixel, minItems=1, maxItems=limits.max_side)
        rows = _type("array", items=row, minItems=1, maxItems=limits.max_side)
        colour = _type("array", items=pixel, minItems=3, maxItems=3)
        colours = _type("array", items=_type("array", items=colour, minItems=1), minItems=1)
        return _object({"pixels": {"anyOf": [rows, colours]}})
    width = model.inputs[0].shape[-1]
    size = {} if width is None else {"minItems": width, "maxItems": width}
    number = _type("number", minimum=-LARGEST, maximum=LARGEST)
    ways: list[dict[str, Any]] = [_type("array", items=number, **(size or {"minItems": 1}))]
    names = getattr(form, "names", ())
    if names:
        ways.append(_object(dict.fromkeys(names, number)))
    return _object({"numbers": {"anyOf": ways}})


def _array(slot: Slot) -> dict[str, Any]:
    schema = _type("number", minimum=-LARGEST, maximum=LARGEST)
    if slot.dtype.kind in "iu":
        schema = _type("integer")
    for n in reversed(slot.shape):
        size = {"minItems": 1} if n is None else {"minItems": n, "maxItems": n}
        schema = _type("array", items=schema, **size)
    return schema


def _answer(model: Served, lang: str) -> dict[str, Any]:
    number: dict[str, Any] = {"type": ["number", "null"]}
    whole = _type("array", items=_type("integer"))
    timing = {"batch": _type("integer"), "milliseconds": _type("number")}
    if model.about is None:
        output = _object({"shape": whole, "values": _type("array", items=number)})
        return _object({"outputs": _type("object", additionalProperties=output), **timing})
    maps = _type("array", items=_type("array", items=whole))
    layer = _object({"shape": whole, "low": number, "high": number, "maps": maps})
    label = {"label": _type("string")}
    if model.about.task == "classification":
        one = _object({"index": _type("integer"), **label, "probability": number})
        said = {"classes": _type("array", items=one)}
    else:
        said = {"values": _type("array", items=_object({**label, "value": number}))}
    more = {"activations": _type("object", additionalProperties=layer)}
    if isinstance(model.about.input, Text):
        more["note"] = _type("string", description=t("deploy.api.note", lang))
    return _object({"task": _type("string"), **said, **more, **timing}, *more)
