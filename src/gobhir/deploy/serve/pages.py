"""The web page to try the model, and the page of the API: one template each, no inline script."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from starlette.responses import HTMLResponse, Response

from gobhir.deploy.serve.answer import in_language
from gobhir.deploy.serve.body import PICTURES
from gobhir.deploy.serve.limits import Limits
from gobhir.deploy.serve.model import Served
from gobhir.lang import LANGUAGES, catalogue

_HERE = Path(__file__).parent / "page"
_FONTS = Path(__file__).parents[2] / "static" / "fonts"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
}
_NAMES = {"bn": "বাংলা", "en": "English"}


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
        "texts": _texts("deploy.page.", lang),
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
    settings = {"lang": lang, "texts": _texts("deploy.docs.", lang)}
    return _rendered("docs.html", lang, model.path.name, settings, {})


def static(name: str) -> Response | None:
    """A file of the pages, or None where there is none of that name."""
    path = _files().get(name)
    if path is None:
        return None
    return Response(
        path.read_bytes(), headers={"cache-control": "no-cache"}, media_type=_TYPES[path.suffix]
    )


@cache
def _files() -> dict[str, Path]:
    found = {p.name: p for p in _HERE.iterdir() if p.suffix in (".css", ".js")}
    fonts = (p for p in _FONTS.glob("*") if p.suffix in _TYPES)  # built with the front end
    return found | {f"fonts/{p.name}": p for p in fonts}


@cache
def _texts(prefix: str, lang: str) -> dict[str, str]:
    """What a page's script says. keys: deploy.page.*, deploy.docs.*"""
    known = catalogue(lang).items()
    return {k.removeprefix(prefix): v for k, v in known if k.startswith(prefix)}


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def _rendered(
    name: str, lang: str, title: str, settings: dict[str, Any], values: dict[str, Any]
) -> Response:
    # In a script tag "</" would end it.
    data = json.dumps(settings, ensure_ascii=False).replace("<", "\\u003c")
    html = _templates().get_template(name)
    languages = [(code, _NAMES.get(code, code)) for code in LANGUAGES]
    # Not a dictionary, whose own names (get, clear) a template would find first.
    t = SimpleNamespace(**_texts("deploy.page.", lang) | _texts("deploy.docs.", lang))
    text = html.render(
        **values, lang=lang, title=title, data=data, t=t, languages=languages, s=settings
    )
    return HTMLResponse(text, headers={"content-language": lang, "vary": "accept-language"})
