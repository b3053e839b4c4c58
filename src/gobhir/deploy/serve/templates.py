"""Pages of a service on this machine: templates with the texts of a language, and the styles and
scripts beside them; no inline script, nothing from elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse, Response

from gobhir.lang import LANGUAGES, catalogue

LOOK = Path(__file__).parent / "page" / "page.css"
"""The look of the house's services."""
_FONTS = Path(__file__).parents[2] / "static" / "fonts"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
}
_NAMES = {"bn": "বাংলা", "en": "English"}


@dataclass(frozen=True)
class Pages:
    """folder: templates (.html), styles and scripts."""

    folder: Path

    def rendered(
        self, name: str, lang: str, settings: dict[str, Any], /, **values: Any
    ) -> Response:
        """The template of that name. settings: what its script knows, and the template as `s`."""
        # In a script tag "</" would end it.
        data = json.dumps(settings, ensure_ascii=False).replace("<", "\\u003c")
        languages = [(code, _NAMES.get(code, code)) for code in LANGUAGES]
        values |= {"lang": lang, "data": data, "languages": languages, "s": settings}
        text = self._templates.get_template(name).render(**values)
        return HTMLResponse(text, headers={"content-language": lang, "vary": "accept-language"})

    def static(self, name: str) -> Response | None:
        """A file of the pages, or None where there is none of that name."""
        path = self._files.get(name)
        if path is None:
            return None
        head = {"cache-control": "no-cache"}
        return Response(path.read_bytes(), headers=head, media_type=_TYPES[path.suffix])

    @cached_property
    def _files(self) -> dict[str, Path]:
        found = {p.name: p for p in self.folder.iterdir() if p.suffix in (".css", ".js")}
        fonts = (p for p in _FONTS.glob("*") if p.suffix in _TYPES)  # built with the front end
        return {LOOK.name: LOOK} | found | {f"fonts/{p.name}": p for p in fonts}

    @cached_property
    def _templates(self) -> Any:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        loader = FileSystemLoader(self.folder)
        return Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )


@cache
def texts(prefix: str, lang: str) -> dict[str, str]:
    """What the catalogue says under a prefix, without it."""
    known = catalogue(lang).items()
    return {k.removeprefix(prefix): v for k, v in known if k.startswith(prefix)}
