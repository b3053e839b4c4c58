"""Pages in a lesson's cells, as the studio's page asks them of the kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import gobhir
from gobhir.derivation.html import reply
from gobhir.derivation.step import Derivation
from gobhir.explain.explanation import Explanation
from gobhir.lang import LANGUAGES, t
from gobhir.studio import live


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Explanation]:
    monkeypatch.setattr(Derivation, "live", Derivation.live)
    monkeypatch.setattr(live, "_pages", {})
    live.start()
    yield gobhir.explain("4-4-1", mode="exact", reference="differences")


def asked(shown: dict[str, Any], ask: str, lang: str = "en") -> dict[str, Any]:
    request = {"page": shown[live.MIME]["page"], "ask": ask, "lang": lang}
    found: dict[str, Any] = live.answer(json.dumps(request))
    return found


def test_a_page_is_shown_with_a_name_by_which_it_is_asked(page: Explanation) -> None:
    shown = page._repr_mimebundle_()
    assert set(shown) == {live.MIME, "text/markdown", "text/plain"}
    assert " data-asks=" in shown[live.MIME]["html"]
    for lang in LANGUAGES:
        answer = asked(shown, "0.weight[1, 2]", lang)
        assert (
            answer == {"html": reply(page, "0.weight[1, 2]", lang)} and "0.01288" in answer["html"]
        )
    assert asked(page.why("loss")._repr_mimebundle_(), "1[0]")["html"] == reply(page, "1[0]", "en")


def test_what_cannot_be_answered_is_said_in_both_languages(page: Explanation) -> None:
    shown = page._repr_mimebundle_()
    assert set(asked(shown, "nobody[0]")["message"]) == set(LANGUAGES)
    live._pages.clear()
    gone = asked(shown, "loss")["message"]
    assert gone == {lang: t("studio.run.page_gone", lang) for lang in LANGUAGES}


def test_only_the_last_pages_are_kept(page: Explanation) -> None:
    first, *_ = [live.shown(page) for _ in range(live.KEPT + 1)]
    assert "message" in asked(first, "loss") and len(live._pages) == live.KEPT
