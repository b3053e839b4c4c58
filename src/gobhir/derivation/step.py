"""What a derivation is made of: data in no language. Sentences are keys; the catalogues speak.

Derivation
  sections: start, forward, loss, backward, update, after
    steps: one op in one phase (or one check)
      pieces, in reading order: Say (a sentence), Line (a chain of equal expressions), Table,
      Fold (pieces of its own, closed until they are opened)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from gobhir.derivation.expression import Expr, Name, Num

PHASES = ("start", "layers", "forward", "loss", "backward", "update", "after")


@dataclass(frozen=True)
class Say:
    """A sentence: catalogue key and the values to put in. A value may be an Expr or a Name (set
    as inline mathematics), `Count` (written in the language's digits), text, or another Say."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Count:
    """A number that counts things in a sentence: Bangla digits on a Bangla page."""

    value: int


@dataclass(frozen=True, eq=False)
class Line:
    """left = stage = stage = ... = result. Numbers have the digits they are printed with.

    left: the quantity that is computed, or None for a bare formula. stages: the symbolic form
    first, then the numbers put in, the result last. arrow: an update (left becomes ...). error:
    largest distance of the result from the reference value, absolute; None where nothing was
    rounded or computed. marked: in exact mode, a calculator may differ by one
    in the last digit. note: a sentence at the end of the line.
    """

    left: Name | Expr | None
    stages: tuple[Expr, ...]
    error: float | None = None
    exact: Any = None
    marked: bool = False
    arrow: bool = False
    note: Say | None = None

    @property
    def result(self) -> Any:
        """The number (or array of Decimals) at the end; None for a bare formula."""
        last = self.stages[-1]
        return last.value if isinstance(last, Num) else None


@dataclass(frozen=True, eq=False)
class Table:
    """head: the cells of the first row; rows: a label and the cells. A cell is a Say, an Expr, a
    Name or None. error as in Line."""

    head: tuple[Any, ...]
    rows: tuple[tuple[Any, ...], ...]
    error: float | None = None


@dataclass(frozen=True, eq=False)
class Fold:
    """Pieces that stay closed until somebody opens them; folds may hold folds. A page that can
    be opened shows the heading first; a terminal shows the headings alone, as an outline."""

    heading: Say
    pieces: tuple[Piece, ...]

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The folds directly inside."""
        return tuple(p for p in self.pieces if isinstance(p, Fold))


Piece = Say | Line | Table | Fold


@dataclass(frozen=True, eq=False)
class Step:
    """One thing that happened: an op (or an optimizer's rule) in one phase, explained by `rule`.

    id: stable within a derivation, such as "forward.0" or "backward.2.weight". layer: the
    module's path in the model ("0", "encoder.fc1"), "" outside of any. operands: name -> shape.
    """

    id: str
    rule: str
    phase: str
    op: str
    layer: str
    operands: dict[str, tuple[int, ...]]
    pieces: tuple[Piece, ...]

    @property
    def named(self) -> bool:
        """Whether its layer has a name of its own; Sequential only numbers its layers."""
        return any(c.isalpha() for c in self.layer)

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(p for p in self.pieces if isinstance(p, Line))

    @property
    def symbolic(self) -> Expr | None:
        """The first line with names."""
        return self.lines[0].stages[0] if self.lines else None

    @property
    def result(self) -> Any:
        """What the last line comes to."""
        return self.lines[-1].result if self.lines else None

    @property
    def error(self) -> float | None:
        """The largest distance from the reference on any line or table of this step."""
        return max(_errors(self.pieces), default=None)


def _errors(pieces: Sequence[Piece]) -> Iterator[float]:
    for p in pieces:
        if isinstance(p, Fold):
            yield from _errors(p.pieces)
        elif not isinstance(p, Say) and p.error is not None:
            yield p.error


def _audited(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    out: list[Piece] = []
    for p in pieces:
        if isinstance(p, Fold):
            out.append(replace(p, pieces=_audited(p.pieces)))
        elif isinstance(p, Line) and p.error is not None and p.note is None:
            out.append(replace(p, note=Say("page.drift.reference", {"off": f"{p.error:.1g}"})))
        else:
            out.append(p)
    return tuple(out)


def _closed(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    return tuple(replace(p, pieces=_closed(p.folds)) if isinstance(p, Fold) else p for p in pieces)


@dataclass(frozen=True, eq=False)
class Section:
    """A phase of the training step; its heading is `rules.title.<phase>` in the catalogues. On
    other pages the phase is the heading's whole key, with its dots."""

    phase: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Derivation:
    """A worked training step (or the answer to one `why`). Look at it with `show`, keep it with
    `save`; `to_text`, `to_html`, `to_slides` and the like give what a file would hold."""

    title: Say
    intro: tuple[Say, ...]
    sections: tuple[Section, ...]
    mode: str

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(s for section in self.sections for s in section.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def asked(self, what: Name | str) -> str | None:
        """By which question `why` is asked about this name on the page ("0.weight[1, 2]"; without
        a position for a whole array), or whether these words are such a question. None where
        there is nobody to ask."""
        return None

    def answer(self, question: str) -> Derivation | None:
        """What is said when this question is clicked: one layer of `why`. None where there is
        nobody to ask."""
        return None

    @property
    def carries(self) -> int:
        """So many bytes of answers a saved page takes along."""
        return 0

    # -- its faces; each renderer is imported when it is asked for -------------------------------

    def to_text(self, lang: str | None = None) -> str:
        """The page in plain Unicode. lang: "bn" or "en", by default the language in force."""
        from gobhir.derivation.terminal import plain_page

        return plain_page(self, lang)

    def to_markdown(self, lang: str | None = None) -> str:
        """The page as Markdown with LaTeX, for GitHub and Jupyter."""
        from gobhir.derivation.markdown import markdown

        return markdown(self, lang)

    def to_latex(self, lang: str | None = None) -> str:
        """The page as a complete LaTeX document; LuaLaTeX, which shapes Bangla, compiles it."""
        from gobhir.derivation.tex import tex

        return tex(self, lang)

    def to_html(self, lang: str | None = None) -> str:
        """The page as one self-contained HTML document: no network is needed to read it."""
        from gobhir.derivation.html import html

        return html(self, lang)

    def to_slides(self, lang: str | None = None) -> str:
        """The page as slides (reveal.js) in one self-contained HTML document, with notes for the
        speaker in every language."""
        from gobhir.derivation.slides import slides

        return slides(self, lang)

    def to_pdf(self, lang: str | None = None) -> bytes:
        """The page on A4 paper, as a PDF file, printed by the Chromium or Chrome of this machine.
        FileNotFoundError where there is none."""
        from gobhir.derivation.chromium import print_to_pdf
        from gobhir.derivation.html import paper

        return print_to_pdf(paper(self, lang))

    def to_json(self, lang: str | None = None) -> str:
        """The derivation as data (derivation.schema.json says how); with a language also the
        sentences, notes and formulas as Markdown and LaTeX."""
        from gobhir.derivation.data import to_json

        return to_json(self, lang)

    @staticmethod
    def from_json(text: str | bytes | dict[str, Any]) -> Derivation:
        """The same derivation again from what `to_json` wrote. ValueError says what is wrong."""
        from gobhir.derivation.data import from_json

        return from_json(text)

    def show(self, lang: str | None = None, console: Any = None, *, errors: bool = False) -> None:
        """Print the page, in colour where the terminal (or this rich.console.Console) has it.
        errors: say beside each line how far it is from the reference."""
        from gobhir.derivation.terminal import show

        show(self.with_errors() if errors else self, lang, console)

    def with_errors(self) -> Derivation:
        """The same page, with the distance from the reference beside each line that has one."""
        return self._with(_audited)

    def closed(self) -> Derivation:
        """The same page with nothing in its folds but the folds inside them: an outline."""
        return self._with(_closed)

    def _with(self, change: Callable[[Sequence[Piece]], tuple[Piece, ...]]) -> Derivation:
        sections = tuple(
            replace(s, steps=tuple(replace(k, pieces=change(k.pieces)) for k in s.steps))
            for s in self.sections
        )
        return Derivation(self.title, self.intro, sections, self.mode)

    def save(self, path: Any, lang: str | None = None) -> None:
        """Write the page to a file; the end of its name says how: .html, .slides.html, .pdf, .tex,
        .md, .txt or .json.

        The file is there in full or not at all. ValueError for another suffix, OSError with a
        clear message where it cannot be written, or where a PDF finds no browser to print it.
        """
        from gobhir.derivation.saving import save

        save(self, path, lang)

    def __rich__(self) -> Any:
        from gobhir.derivation.terminal import renderable

        return renderable(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.steps)} steps, {self.mode} mode>"

    live: ClassVar[Callable[[Derivation], dict[str, Any] | None] | None] = None
    """How a notebook shows a page that can be asked: known, and set, further up (widgets)."""

    def plain_bundle(self, lang: str | None = None) -> dict[str, str]:
        """Notebooks typeset Markdown themselves, offline too; a bare prompt takes the text. Of
        what is folded they show the headings, as an outline."""
        markdown = self.closed().to_markdown(lang)
        return {"text/markdown": markdown, "text/plain": self.to_text(lang)}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        live = type(self).live
        shown = live(self) if live is not None and self.carries else None
        return self.plain_bundle() if shown is None else shown
