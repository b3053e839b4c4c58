"""The dashboard's pages, and their texts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from starlette.responses import Response

from gobhir.deploy.serve.templates import Pages, texts

_PAGES = Pages(Path(__file__).parent / "files")
"""Its look is that of the house's services; files/cctv.css has only what is our own."""
static = _PAGES.static


def page(name: str, lang: str, inside: bool, **settings: Any) -> Response:
    """One page. inside: whether its reader was let in, and sees the way to the others; settings:
    what its script and its template know."""
    settings = {"lang": lang, "texts": texts("dashboard.page.", lang), **settings}
    # Not dictionaries, whose own names (get, clear) a template would find first.
    known = {"t": "page", "p": "privacy", "l": "login"}
    said = {k: SimpleNamespace(**texts(f"dashboard.{v}.", lang)) for k, v in known.items()}
    # keys: dashboard.page.*, dashboard.privacy.*, dashboard.login.*
    return _PAGES.rendered(f"{name}.html", lang, settings, **said, name=name, inside=inside)
