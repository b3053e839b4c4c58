"""A derivation's page in a notebook: click a number, and Python answers where it comes from."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from gobhir.derivation.html import fragment, reply
from gobhir.derivation.step import Derivation
from gobhir.derivation.web import asset, katex_style, own, spoken_style
from gobhir.lang import Message, check_language, language


class Page(anywidget.AnyWidget):
    """The page of an explanation (or of a `why`), alive: Page(gobhir.explain(model, x, y, loss)).

    lang: "bn" or "en", by default the language in force. In a notebook the explanation itself,
    alone on the last line of a cell, is shown so; where no kernel is alive, in a notebook that is
    only looked at, its plain page stands in the output as before.
    """

    html = traitlets.Unicode(read_only=True).tag(sync=True)
    style = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self, page: Derivation, lang: str | None = None, **traits: Any) -> None:
        self.page = page
        self.lang = language() if lang is None else check_language(lang)
        self.set_trait("html", fragment(page, self.lang))
        self.set_trait("style", _style(self.lang))
        super().__init__(**traits)
        self.on_msg(self._asked)

    @property
    def _esm(self) -> str:
        return _module()

    def _asked(self, _: Any, message: Any, __: Any) -> None:
        """A question of the page: {"id": 1, "ask": "0[0, 3]"}."""
        self.send({"id": message.get("id"), **self.answer(str(message.get("ask", "")))})

    def answer(self, question: str) -> dict[str, str]:
        """{"html": ...}, or {"trouble": ...} in the page's language."""
        try:
            return {"html": reply(self.page, question, self.lang)}
        except (ValueError, LookupError) as error:
            said = error.args[0] if error.args else ""
            return {"trouble": said.text(self.lang) if isinstance(said, Message) else str(said)}

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, **self.page.plain_bundle(self.lang)}, metadata


def shown(page: Derivation) -> dict[str, Any] | None:
    """How a notebook shows this page alive; None where there is no notebook to show it in."""
    from IPython import get_ipython

    if getattr(get_ipython(), "kernel", None) is None:
        return None
    try:
        bundle = Page(page)._repr_mimebundle_()
    except FileNotFoundError:  # the front end has not been bundled: the plain page needs none
        return None
    return None if bundle is None else bundle[0]


def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


@cache
def _style(lang: str) -> str:
    return "".join([katex_style(), spoken_style(lang), own("steps.css"), _file("page.css")])


@cache
def _module() -> str:
    """KaTeX, which must not take a page's `define` or `exports` for its own; the part that lets
    numbers be asked; the widget."""
    katex = asset("katex/katex.min.js").decode()
    wrapped = (
        "const carried = { exports: {} };\n"
        f"(function (module, exports, define) {{ {katex}\n}})(carried, carried.exports);\n"
        "globalThis.katex ??= carried.exports;\n"
    )
    asking = own("asking.js").replace("export function", "function")
    return "\n".join([wrapped, asking, _file("page.js")])
