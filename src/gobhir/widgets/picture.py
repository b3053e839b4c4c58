"""What every moving picture is in a notebook, in a page without a kernel, and standing still."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from gobhir.lang import LANGUAGES, catalogue, check_language, language, say

MODULES = Path(__file__).resolve().parent.parent / "static" / "widgets"


class Picture(anywidget.AnyWidget):
    """An anywidget module by NAME, its words in both languages, and a still picture."""

    NAME: ClassVar[str]
    WORDS: ClassVar[tuple[str, ...]]
    """Prefixes of the catalogue: the page gets all below them."""
    STATE: ClassVar[tuple[str, ...]] = ()
    """The traits that a page gets besides those of every picture."""

    lang = traitlets.Unicode().tag(sync=True)
    strings = traitlets.Dict(read_only=True).tag(sync=True)
    address = traitlets.Unicode("").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self.set_trait("strings", {lang: self._words(lang) for lang in LANGUAGES})
        super().__init__(**{"lang": language(), **traits})

    @classmethod
    def _words(cls, lang: str) -> dict[str, str]:
        """{"button.next": ...}: all that the picture says."""
        return {
            key.removeprefix(prefix): sentence
            for prefix in cls.WORDS
            for key, sentence in catalogue(lang).items()
            if key.startswith(prefix)
        }

    @property
    def _esm(self) -> str:
        module = MODULES / f"{self.NAME}.js"
        if module.exists():
            return module.read_text(encoding="utf-8")
        sorry = json.dumps(str(say("widgets.state.bundle", file=module.name)))
        return f"export default {{ render({{ el }}) {{ el.textContent = {sorry} }} }}"

    @traitlets.validate("lang")
    def _check_lang(self, proposal: dict[str, Any]) -> str:
        try:
            return check_language(proposal["value"])
        except ValueError as error:
            raise traitlets.TraitError(*error.args) from None

    def page_state(self, lang: str) -> dict[str, Any]:
        """What a page without a kernel hands to the picture (its `data-state`)."""
        state = {name: getattr(self, name) for name in (*self.STATE, "strings")}
        return {**state, "lang": check_language(lang), "address": self.address or self.NAME}

    def fallback_svg(self, lang: str | None = None) -> str:
        """The picture standing still, as a file of its own: for print, for pages without
        JavaScript, for notebooks that are only looked at."""
        return self._still(self.lang if lang is None else check_language(lang))

    def _still(self, lang: str) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, "image/svg+xml": self.fallback_svg()}, metadata
