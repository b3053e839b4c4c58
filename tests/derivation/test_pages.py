"""The pages: Markdown, terminal, HTML, notebook; in both languages."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from gobhir.derivation import web
from gobhir.derivation.step import Derivation
from gobhir.lang import LANGUAGES, use_language
from tests.calculator import problems, redone
from tests.derivation.pages import small

BANGLA = re.compile(r"[\u0980-\u09ff]")


def test_markdown_piece_by_piece() -> None:
    page = small().to_markdown("en")
    assert page.startswith("# One training step of a 2-2-1 sigmoid network, worked by hand\n\n")
    assert "\n## 0. What we start with\n" in page
    assert "\n## 1. Forward: from input to answer\n" in page
    assert (
        "$$\nx = \\begin{bmatrix}0.5\\\\0.1\\end{bmatrix},\\qquad\n"
        "W^{(1)} = \\begin{bmatrix}0.2&-0.4\\\\0.7&0.3\\end{bmatrix},\\qquad\n"
        "b^{(1)} = \\begin{bmatrix}0.1\\\\-0.2\\end{bmatrix}\n$$\n"
    ) in page
    assert (
        "$$\n\\begin{aligned}\n"
        "z^{(1)}_{1} &= w^{(1)}_{11}x_{1} + w^{(1)}_{12}x_{2} + b^{(1)}_{1}\\\\\n"
        "&= 0.2(0.5) + (-0.4)(0.1) + 0.1 = 0.10 - 0.04 + 0.1 = 0.16\n"
        "\\end{aligned}\n$$\n\n"
        "*exact $0.15997$, off by $3\\times10^{-5}$*\n"
    ) in page
    assert "|  | neuron 1 | neuron 2 |\n| --- | ---: | ---: |\n" in page
    assert "| $z^{(1)}_{j}$ | $0.16$ | $0.18$ |\n" in page
    assert "*off by at most $1\\times10^{-6}$ from the exact values*" in page
    assert r"w^{(1)}_{21} \leftarrow w^{(1)}_{21} - \eta" in page
    assert "Read $w_{ji}$ as" in page


def test_the_small_page_is_right_by_hand() -> None:
    page = small().to_markdown("en")
    assert problems(page, "hand") == []
    assert redone(page) == 5


def test_formulas_and_numbers_are_the_same_in_both_languages() -> None:
    def displayed(lang: str) -> list[str]:
        return re.findall(r"\$\$.*?\$\$", small().to_markdown(lang), re.S)

    assert displayed("bn") == displayed("en")


def test_headings_and_counts_in_bangla_digits() -> None:
    page = small().to_markdown("bn")
    assert "## ০. " in page and "## ১. " in page
    assert "| নিউরন ১ | নিউরন ২ |" in page


def test_the_page_speaks_the_language_in_force() -> None:
    use_language("bn")
    try:
        assert small().to_markdown() == small().to_markdown("bn")
    finally:
        use_language(None)


def test_an_unknown_language_is_refused() -> None:
    for render in (small().to_markdown, small().to_text, small().to_html):
        with pytest.raises(ValueError, match="fr"):
            render("fr")


def test_exact_mode_marks_quietly_and_says_no_distances() -> None:
    page = small("exact").to_markdown("en")
    assert page.count("*last digit ±1*") == 1
    assert "off by" not in page
    assert "*শেষ অঙ্ক ±1*" in small("exact").to_markdown("bn")


def test_an_answer_with_one_section_needs_no_numbered_heading() -> None:
    d = small()
    one = Derivation(d.title, d.intro, d.sections[2:3], d.mode)
    assert "## " not in one.to_markdown("en")
    assert "<h2>" not in one.to_html("en")
    assert "Backward" not in one.to_text("en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_plain_text_has_no_latex_left(lang: str) -> None:
    page = small().to_text(lang)
    assert not re.search(r"[\\{}$]|\*\*", page)
    assert "W⁽¹⁾ = ⎡0.2  −0.4⎤" in page
    assert "= 0.2(0.5) + (−0.4)(0.1) + 0.1 = 0.10 − 0.04 + 0.1 = 0.16" in page
    assert "w⁽¹⁾₂₁ ← w⁽¹⁾₂₁ − η" in page


@pytest.mark.parametrize("width", [60, 88, 200])
def test_bangla_stands_in_no_column(width: int) -> None:
    """Terminals disagree on how wide Bangla is: it never comes before something aligned, and no
    line is drawn around it."""
    out = io.StringIO()
    small().show("bn", Console(file=out, width=width, force_terminal=True))
    page = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert not re.search(r"[│┃┌┐└┘╔╗╚╝┏┓┗┛━]", page)
    rows = [line.strip() for line in page.splitlines() if "নিউরন ১" in line and "0.16" in line]
    assert rows == ["0.16   নিউরন ১"]
    for line in page.splitlines():
        if re.search(r"[⎡⎢⎣╰]", line):
            assert not BANGLA.search(line)


def test_a_narrow_terminal_breaks_chains_at_equals_signs() -> None:
    out = io.StringIO()
    small().show("en", Console(file=out, width=50))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert "          = 0.2(0.5) + (−0.4)(0.1) + 0.1" in lines
    assert "          = 0.10 − 0.04 + 0.1 = 0.16" in lines


def test_a_terminal_has_colours_and_a_file_has_none() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=88)
    small().show("en", console)
    assert "\x1b[" in out.getvalue()
    assert "\x1b" not in small().to_text("en")


def test_rich_and_python_show_it() -> None:
    out = io.StringIO()
    Console(file=out, width=88).print(small())
    assert "2-2-1" in out.getvalue()
    assert repr(small()) == "<Derivation: 4 steps, hand mode>"


def test_a_notebook_gets_markdown_and_text() -> None:
    bundle = small()._repr_mimebundle_()
    assert set(bundle) == {"text/markdown", "text/plain"}
    assert bundle["text/markdown"] == small().to_markdown()


# -- HTML ------------------------------------------------------------------------------------------


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.math: list[str] = []
        self.typeset = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.typeset = tag == "span" and dict(attrs).get("class") == "math"
        if self.typeset:
            self.math.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.typeset = False

    def handle_data(self, data: str) -> None:
        if self.typeset:
            self.math[-1] += data


@pytest.mark.parametrize("lang", LANGUAGES)
def test_html_needs_nothing_from_outside(lang: str) -> None:
    page = small().to_html(lang)
    elements = Elements(page)
    assert elements.open == []
    assert ("html", {"lang": lang}) in elements.found
    for tag, attributes in elements.found:
        assert tag not in ("link", "img", "iframe", "object", "form", "base")
        assert not {"src", "href", "style"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
    urls = re.findall(r"url\(([^)]{1,30})", page)
    assert urls and all(url.startswith("data:font/woff2;base64,") for url in urls)
    assert "@import" not in page
    assert len(page) < 700_000


def test_html_lets_only_its_own_scripts_run() -> None:
    page = small().to_html("en")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy


def test_html_has_a_place_for_every_step() -> None:
    ids = {a["id"] for _, a in Elements(small().to_html("en")).found if "id" in a}
    assert ids == {s.id for s in small().steps}


def test_html_and_markdown_carry_the_same_formulas() -> None:
    def bare(tex: str) -> str:
        laid_out = (
            r"\\(displaystyle|mathopen|leftarrow|qquad|(begin|end){aligned})|[\s&={}$,]|\\[;,\\]"
        )
        return re.sub(laid_out, "", tex)

    marked = "".join(re.findall(r"\$\$(.*?)\$\$", small().to_markdown("en"), re.S))
    chains = [t for t in Elements(small().to_html("en")).math if t.startswith(r"\displaystyle")]
    assert bare("".join(chains)) == bare(marked)


def test_bangla_fonts_come_with_bangla_pages_only() -> None:
    assert "Noto Sans Bengali';" in small().to_html("bn")
    assert "Noto Sans Bengali';" not in small().to_html("en")


def test_formulas_keep_their_bangla_endings_on_the_line() -> None:
    assert re.search(
        r'<span class="one"><span class="math">[^<]*</span>-এর</span>', small().to_html("bn")
    )


def test_a_missing_bundle_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(web, "STATIC", tmp_path)
    with pytest.raises(FileNotFoundError, match="bundle.py"):
        small().to_html("en")
