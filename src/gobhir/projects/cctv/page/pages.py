"""The dashboard's pages: templates with the texts of a language, no inline script, nothing from
elsewhere."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from starlette.responses import HTMLResponse, Response

from gobhir.lang import LANGUAGES, catalogue

_HERE = Path(__file__).parent / "files"
_HOUSE = Path(__file__).parents[3]
_LOOK = _HOUSE / "deploy" / "serve" / "page" / "page.css"
"""The look of the house's services; files/cctv.css has only what is our own."""
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
}
_NAMES = {"bn": "বাংলা", "en": "English"}


def page(name: str, lang: str, inside: bool, **settings: Any) -> Response:
    """One page. inside: whether its reader was let in, and sees the way to the others; settings:
    what its script and its template know."""
    settings = {"lang": lang, "texts": _texts("dashboard.page.", lang), **settings}
    # In a script tag "</" would end it.
    data = json.dumps(settings, ensure_ascii=False).replace("<", "\\u003c")
    # Not dictionaries, whose own names (get, clear) a template would find first.
    known = {"t": "page", "p": "privacy", "l": "login"}
    texts = {k: SimpleNamespace(**_texts(f"dashboard.{v}.", lang)) for k, v in known.items()}
    html = _templates().get_template(f"{name}.html")
    languages = [(code, _NAMES.get(code, code)) for code in LANGUAGES]
    text = html.render(
        **texts, name=name, lang=lang, inside=inside, data=data, s=settings, languages=languages
    )
    return HTMLResponse(text, headers={"content-language": lang, "vary": "accept-language"})


def static(name: str) -> Response | None:
    """A file of the pages, or None where there is none of that name."""
    path = _files().get(name)
    if path is None:
        return None
    head = {"cache-control": "no-cache"}
    return Response(path.read_bytes(), headers=head, media_type=_TYPES[path.suffix])


@cache
def _files() -> dict[str, Path]:
    found = {p.name: p for p in _HERE.iterdir() if p.suffix in (".css", ".js")}
    fonts = (p for p in (_HOUSE / "static" / "fonts").glob("*") if p.suffix in _TYPES)
    return found | {"page.css": _LOOK} | {f"fonts/{p.name}": p for p in fonts}


@cache
def _texts(prefix: str, lang: str) -> dict[str, str]:
    """What a page says. keys: dashboard.page.*, dashboard.privacy.*, dashboard.login.*"""
    known = catalogue(lang).items()
    return {k.removeprefix(prefix): v for k, v in known if k.startswith(prefix)}


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
