"""The LaTeX document: its structure always, and compiled where a LuaLaTeX is at hand."""

from __future__ import annotations

import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gobhir
from gobhir.derivation.expression import Name, Num, Sum, Sym
from gobhir.derivation.step import Derivation, Fold, Line, Piece, Say, Section, Step, Table
from gobhir.derivation.tex import escaped, marked_up
from gobhir.examples import network
from gobhir.lang import LANGUAGES
from tests.derivation.pages import small

NASTY = r"a_b & 50% #1 {x} ~ ^ \end{document} <p> |"


def body(document: str) -> str:
    (inside,) = re.findall(r"\\begin{document}(.*)\\end{document}", document, re.S)
    return inside


def faults(tex: str) -> list[str]:
    """What is not balanced, or would be taken for a command."""
    found = []
    stack: list[str] = []
    opening = "{"
    for token in re.findall(r"\\(?:begin|end){\w+}|\\[A-Za-z]+\*?|\\.|[{}$&#%~^_]", tex, re.S):
        environment = re.match(r"\\(begin|end){(\w+)}", token)
        if environment and environment[1] == "begin":
            stack.append(environment[2])
        elif token == r"\formula":
            opening = r"\formula"
            continue
        elif token == r"\keep":
            continue
        elif token == "{":
            stack.append(opening)
        elif environment or token == "}" or (token == "$" and stack[-1:] == ["$"]):
            closed = stack.pop() if stack else ""
            if closed not in ([environment[2]] if environment else ["{", r"\formula", "$"]):
                found.append(f"{token} closes {closed!r}")
        elif token == "$":
            stack.append("$")
        elif token == "&" and stack[-1:] not in (["grid"], ["aligned"], ["bmatrix"], ["cases"]):
            found.append("& outside of a table")
        elif token in ("#", "%", "~"):
            found.append(token)
        elif token in ("^", "_") and not {"$", r"\formula"} & set(stack):
            found.append(f"{token} in text")
        opening = "{"
    return found + stack


def single(*pieces: Piece) -> Derivation:
    step = Step("forward.0", "sum", "forward", "sum", "fc", {}, pieces)
    return Derivation(Say("rules.title.plain"), (), (Section("forward", (step,)),), "hand")


def hard() -> Derivation:
    """A page of what a page can hold: names with special signs, folds within folds, a matrix that
    is too wide, a chain and a table that are too long for a page."""
    rows_of_8 = [[Decimal(f"{i}23456.{j}23456") for j in range(8)] for i in range(1, 3)]
    wide = Num(np.array(rows_of_8, object))
    terms = tuple(Num(Decimal(f"0.{k:04d}")) for k in range(1, 900))
    shown = Say("rules.opaque.shown", {"op": NASTY, "shapes": NASTY, "out": '"tall" sizes'})
    rows = tuple((Sym(Name("z", 1, (k,)), Decimal(0)), Num(Decimal(k))) for k in range(80))
    inner = Fold(Say("rules.title.loss"), (Line(Name("s"), (Sum(terms), Num(Decimal("40.46")))),))
    deepest = Fold(Say("rules.title.after"), (Fold(Say("rules.title.update"), (shown,)),))
    return single(
        shown,
        Line(Name("W", "encoder.layers.0.self_attn"), (wide,)),
        Fold(Say("rules.title.forward"), (Say("rules.backward.define"), inner, deepest)),
        Table((None, Say("rules.title.plain")), rows),
    )


def pages() -> dict[str, Derivation]:
    e = network("3-2-2", "leaky_relu", "cross_entropy", "adam", batch=2)
    step = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")
    return {"small": small(), "exact": small("exact"), "a batch": step, "hard": hard()}


PAGES = pages()
EVERY = [(name, lang) for name in PAGES for lang in LANGUAGES]


@pytest.mark.parametrize(("name", "lang"), EVERY)
def test_all_that_opens_is_closed(name: str, lang: str) -> None:
    tex = PAGES[name].to_latex(lang)
    assert "<<" not in tex
    assert faults(body(tex)) == []


@given(st.text())
def test_plain_text_holds_no_commands(text: str) -> None:
    written = escaped(text)
    assert faults(written) == []
    assert "$" not in re.sub(r"\\\$|\$[^$]+\$", "", written)


def test_sentences() -> None:
    assert marked_up("**a** *b* `c_d` $w_1$ & ½") == (
        r"\textbf{a} \emph{b} \texttt{c\_d} $w_1$ \& $\tfrac12$"
    )
    assert marked_up("$W$-এর $b$-টা, $c$ - $d$") == (
        r"$W$\nobreakdash-এর $b$\nobreakdash-টা, $c$ - $d$"
    )
    assert escaped('say "yes" ("no")') == "say \u201cyes\u201d (\u201cno\u201d)"
    assert marked_up("`nn.Linear`") == r"\texttt{nn.\allowbreak{}Linear}"


def test_a_note_stays_with_its_formula_and_a_formula_with_its_sentence() -> None:
    tex = body(small().to_latex("en"))
    display = r"\\(?:formula|display)"
    notes = re.findall(rf"{display}(\[\\keep\])?{{(?:(?!{display}).)*\\note{{", tex, re.S)
    assert notes == [r"[\keep]"] * 3
    assert not re.search(rf"[^}}\n]\n\n{display}", tex)


def test_formulas_are_those_of_the_markdown_page() -> None:
    def bare(tex: str) -> str:
        return re.sub(r"[\s&]|\\\\|\\(?:begin|end){aligned}|,?\\qquad", "", tex)

    chains = re.findall(r"\$\$(.*?)\$\$", small().to_markdown("en"), re.S)
    displays = body(small().to_latex("en"))
    for chain in chains:
        for part in re.split(r"\\qquad", chain):
            assert bare(part).strip(",") in bare(displays)


# -- compiled ------------------------------------------------------------------------------------


def compiled(tex: str, folder: Path) -> tuple[int, str]:
    """The exit code and the log."""
    if shutil.which("lualatex") is None:
        pytest.skip("No LuaLaTeX was found, so no document was compiled")
    (folder / "page.tex").write_text(tex, encoding="utf-8")
    run = subprocess.run(
        ["lualatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=folder,
        capture_output=True,
        timeout=600,
    )
    return run.returncode, (folder / "page.log").read_text(encoding="utf-8", errors="replace")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lang"), EVERY)
def test_lualatex_compiles_it(tmp_path: Path, name: str, lang: str) -> None:
    code, log = compiled(PAGES[name].to_latex(lang), tmp_path)
    assert code == 0, log[-2000:]
    assert "Missing character" not in log
    assert "Overfull \\hbox" not in log and "Overfull \\vbox" not in log
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_a_bangla_font(tmp_path: Path, lang: str) -> None:
    """An English page needs none; a Bangla page says what to install."""
    tex = re.sub(r"\\trybangla{.*}\n", "", PAGES["small"].to_latex(lang))
    code, log = compiled(tex, tmp_path)
    assert (code == 0) == (lang == "en")
    assert ("fonts-noto-core" in log) == (lang == "bn")
