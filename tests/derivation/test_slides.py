"""What stands on which slide, and what the speaker is told."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import gobhir
from gobhir.derivation import web
from gobhir.derivation.step import Derivation
from gobhir.examples import network
from gobhir.lang import LANGUAGES
from tests.derivation.pages import small
from tests.derivation.test_pages import Elements
from tests.derivation.test_tex import hard


@cache
def pages() -> dict[str, Derivation]:
    e = network("4-4-1")
    whole = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")
    return {"whole": whole, "why": whole.why("0.weight[1, 2]"), "small": small(), "hard": hard()}


NAMES = ["whole", "why", "small", "hard"]


def body(document: str) -> str:
    return document[document.index('<div class="slides">') : document.index('<button class="talk"')]


def slides(document: str) -> list[str]:
    """The innermost sections."""
    return re.findall(r"<section data-phase.*?</section>", body(document), re.S)


def seen(slide: str) -> str:
    return slide.split('<aside class="notes">')[0]


def notes(slide: str, lang: str) -> str:
    (said,) = re.findall(rf'<div lang="{lang}">(.*?)</div>', slide.split("<aside")[1], re.S)
    return str(said)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_on_the_page_is_on_the_slides(name: str, lang: str) -> None:
    def formulas(page: str) -> list[str]:
        shown = Elements(page.replace("math fragment", "math")).math
        return [tex for tex in shown if tex.startswith(r"\displaystyle")]

    d = pages()[name]
    deck = d.to_slides(lang)
    shown = d.to_html(lang).partition("<template")[0]
    page = re.sub(r' data-(asks|why)="[^"]*"', "", shown)
    assert formulas("".join(map(seen, slides(deck)))) == formulas(shown)
    said = re.findall(r"<p>(.*?)</p>", page)
    told = "".join(notes(slide, lang) for slide in slides(deck))
    assert said and all(sentence in told for sentence in said)


@pytest.mark.parametrize("name", NAMES)
def test_one_idea_a_slide(name: str) -> None:
    for slide in slides(pages()[name].to_slides("en")):
        assert seen(slide).count('class="chain') + seen(slide).count('class="table"') <= 1
        headed = re.search(r"<h[23]", seen(slide))
        assert not headed or "chain" not in seen(slide)


@pytest.mark.parametrize("name", NAMES)
def test_the_speaker_is_told_in_both_languages(name: str) -> None:
    decks = {lang: slides(pages()[name].to_slides(lang)) for lang in LANGUAGES}
    for bn, en in zip(decks["bn"], decks["en"], strict=False):
        for lang in LANGUAGES:
            assert re.sub(r"<.*?>", "", notes(bn, lang)).strip()
        assert re.search("[ঀ-৿]", notes(en, "bn"))
        assert not re.search("[ঀ-৿]", notes(en, "en"))
    first = [[notes(deck[0], lang) for lang in LANGUAGES] for deck in decks.values()]
    assert first[0] == first[1]


def test_further_stages_wait_for_the_speaker() -> None:
    (neuron,) = (s for s in slides(small().to_slides("en")) if "0.10 - 0.04" in s)
    maths = re.findall(r'<span class="(math[^"]*)">(.displaystyle[^<]*)', seen(neuron))
    assert [kind for kind, _ in maths] == ["math", "math", *["math fragment"] * 3]
    assert maths[-1][1].endswith("0.16")
    givens = slides(small().to_slides("en"))[2]
    assert 'class="chain givens"' in givens and "fragment" not in givens


def test_a_remark_on_a_formula_stands_under_it_and_waits() -> None:
    negative = next(s for s in slides(pages()["whole"].to_slides("en")) if "Negative:" in s)
    assert re.search(r'class="chain".*<p class="fragment">Negative:', seen(negative), re.S)


def test_folds_are_stacks_and_what_follows_is_not_in_them() -> None:
    deck = body(hard().to_slides("en"))
    (stack,) = re.findall(r"<section>\n(.*?)\n</section>(?=\n<section|\n</div>)", deck, re.S)
    inside = slides(f'<div class="slides">{stack}<button class="talk"')
    assert "<h3>Forward" in seen(inside[0])
    assert len(inside) == 7
    deepest = seen(inside[-1])
    crumb = re.findall(r'<p class="crumb">(.*?)</p>', deepest)[0]
    above = re.findall(r"<span>(.*?)</span>", crumb)
    assert [re.match(r"\w+", part)[0] for part in above] == ["Forward", "Did", "Update"]  # type: ignore[index]
    assert '<div class="table">' not in stack and '<div class="table">' in deck


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_slides_need_nothing_from_outside(lang: str) -> None:
    page = small().to_slides(lang)
    elements = Elements(page)
    assert elements.open == []
    for tag, attributes in elements.found:
        assert tag not in ("link", "img", "iframe", "object", "form", "base")
        assert not {"src", "href", "style"} & set(attributes)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
    assert "Noto Sans Bengali';" in page  # the notes are in both languages
    assert len(page) < 1_000_000


def test_a_missing_bundle_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(web, "STATIC", tmp_path)
    with pytest.raises(FileNotFoundError, match="bundle.py"):
        small().to_slides("en")
