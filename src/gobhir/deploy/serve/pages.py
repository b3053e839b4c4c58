"""The web page to try the model, and the page of the API: one template each, no inline script."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from starlette.responses import Response

from gobhir.deploy.serve.answer import in_language
from gobhir.deploy.serve.body import PICTURES
from gobhir.deploy.serve.limits import Limits
from gobhir.deploy.serve.model import Served
from gobhir.deploy.serve.templates import Pages, texts

_PAGES = Pages(Path(__file__).parent / "page")
static = _PAGES.static


def page(model: Served, limits: Limits, lang: str) -> Response:
    """The page to try the model with a drawing, a picture, a sentence, numbers or arrays."""
    form = model.about.input if model.about else None
    title = in_language(model.about.title, lang) if model.about else ""
    settings = {
        "kind": form.kind if form else "arrays",
        "lang": lang,
        "names": list(getattr(form, "names", ())),
        "inputs": [s.name for s in model.inputs],
        "watched": bool(model.about) and len(model.outputs) > 1,
        "maxBody": limits.max_body,
        "accept": list(PICTURES),
        "texts": texts("deploy.page.", lang),
    }
    values = {
        "slots": [
            {"name": s.name, "shape": s.shape_text, "dtype": str(s.dtype)} for s in model.inputs
        ],
        "width": model.inputs[0].shape[-1] if model.inputs[0].shape else None,
        "limits": limits,
    }
    return _rendered("page.html", lang, title or model.path.name, settings, values)


def docs(model: Served, lang: str) -> Response:
    """The page that shows /openapi.json to people."""
    settings = {"lang": lang, "texts": texts("deploy.docs.", lang)}
    return _rendered("docs.html", lang, model.path.name, settings, {})


def _rendered(
    name: str, lang: str, title: str, settings: dict[str, Any], values: dict[str, Any]
) -> Response:
    # Not a dictionary, whose own names (get, clear) a template would find first.
    t = SimpleNamespace(**texts("deploy.page.", lang) | texts("deploy.docs.", lang))
    # keys: deploy.page.*, deploy.docs.*
    return _PAGES.rendered(name, lang, settings, **values, title=title, t=t)
