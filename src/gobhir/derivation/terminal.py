"""A derivation for a terminal: plain Unicode, coloured by role where there is colour.

Bangla never stands inside columns, because terminals disagree on how wide its letters are; in a
table it comes last on the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text as RichText

from gobhir.derivation.expression import Expr, Name
from gobhir.derivation.layout import Chain, Link, chain, packed
from gobhir.derivation.page import Page
from gobhir.derivation.sentence import Span, spans
from gobhir.derivation.step import Derivation, Fold, Line, Say, Section, Table
from gobhir.derivation.text import Box, Text, plain, text, width

MEASURE = 88
"""Characters in a line of prose or a row of mathematics, where the terminal is that wide."""
INDENT = 4
SIGNS = {"=": "= ", "<-": "← ", "": "", "...": "   "}
_MADE = "\ue000", "\ue001"  # around mathematics that is already Unicode
_STYLES = {"strong": "bold", "emphasis": "italic", "code": "cyan", "formula": "magenta"}
PHASES = {
    "start": "white",
    "layers": "blue",
    "forward": "blue",
    "loss": "yellow",
    "backward": "red",
    "update": "green",
    "after": "cyan",
}


def renderable(d: Derivation, lang: str | None = None, width: int = MEASURE) -> Group:
    """The page as something that rich prints."""
    return Group(*_Page(d, lang, min(width, MEASURE)).blocks())


def show(d: Derivation, lang: str | None = None, console: Console | None = None) -> None:
    """Print the page."""
    console = Console() if console is None else console
    console.print(renderable(d, lang, console.width), width=console.width)


def plain_page(d: Derivation, lang: str | None = None, width: int = MEASURE) -> str:
    """The page as text without colours."""
    console = Console(
        width=width,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        console.print(renderable(d, lang, width))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


class _Page(Page[Any]):
    def __init__(self, d: Derivation, lang: str | None, width: int):
        super().__init__(d, lang)
        self.width = width

    def inline(self, e: Expr | Name) -> str:
        return f"{_MADE[0]}{text(e, self.lang)}{_MADE[1]}"

    def title(self, markdown: str) -> RichText:
        return RichText(self.flat(markdown), style="bold")

    def heading(self, section: Section, markdown: str) -> RichText:
        style = f"bold {PHASES.get(section.phase, 'white')}"
        return RichText(f"\n{self.flat(markdown)}", style=style)

    def givens(self, lines: tuple[Line, ...]) -> Iterator[Padding]:
        for row in packed([chain(line, Text(self.lang)) for line in lines], self.width - INDENT):
            yield self.indented(_mathematics(_beside([_drawn(c, [c.links])[0] for c in row])))

    def note(self, markdown: str) -> Padding:
        return self.indented(RichText(self.flat(markdown), style="dim"), above=0)

    def fold(self, fold: Fold, markdown: str, inside: Any, depth: int = 0) -> Iterator[Padding]:
        """The heading, and those of the folds inside; what they hold stays closed."""
        out = RichText(overflow="fold")
        self._append(out, spans(markdown), "")
        yield Padding(out, (0, 0, 0, INDENT // 2 * depth), expand=False)
        for inner in fold.folds:
            yield from self.fold(inner, self.say(inner.heading), None, depth + 1)

    def indented(self, body: RichText, above: int = 1) -> Padding:
        return Padding(body, (above, 0, 0, INDENT), expand=False)

    def prose(self, markdown: str) -> Padding:
        out = RichText(overflow="fold")
        self._append(out, spans(markdown), "")
        return Padding(out, (1, 0, 0, 0), expand=False)

    def _append(self, out: RichText, parts: tuple[Span, ...], style: str) -> None:
        for part in parts:
            own = f"{style} {_STYLES.get(part.kind, '')}".strip()
            if part.inside:
                self._append(out, part.inside, own)
            else:
                shown = plain(part.text) if part.kind == "formula" else _unmarked(part.text)
                out.append(shown, own)

    def flat(self, markdown: str) -> str:
        out = RichText()
        self._append(out, spans(markdown), "")
        return out.plain

    def line(self, line: Line) -> Padding:
        room = self.width - INDENT
        c = chain(line, Text(self.lang), room)
        rows = _drawn(c, c.rows(room))
        return self.indented(_mathematics("\n".join(str(row) for row in rows)))

    def table(self, head: list[str], rows: list[list[str]], table: Table) -> Padding:
        """Columns of mathematics only. Where the head is in words, columns become lines and the
        words come last."""
        grid = [[self.flat(cell) for cell in row] for row in ([head] if any(head) else []) + rows]
        worded = [isinstance(c, Say) for c in table.head[1:]]
        if any(worded):
            grid = [list(column) for column in zip(*grid, strict=True)]
        if any(worded) or any(isinstance(row[0], Say) for row in table.rows):
            grid = [[*row[1:], row[0]] for row in grid]
            columns = len(grid[0]) - 1
        else:
            columns = len(grid[0])
        widths = [max(width(row[j]) for row in grid) for j in range(columns)]
        lines = []
        for row in grid:
            cells = [" " * (widths[j] - width(row[j])) + row[j] for j in range(columns)]
            lines.append("   ".join([*cells, *row[columns:]]).rstrip())
        return self.indented(RichText("\n".join(lines), no_wrap=True, overflow="ignore"))


def _drawn(c: Chain[Box], rows: Sequence[Sequence[Link[Box]]]) -> list[Box]:
    """The rows of a chain under one another, equals signs aligned."""
    left = Box(("",)) if c.left is None else c.left + " "
    out = []
    for k, row in enumerate(rows):
        drawn = left if k == 0 else Box((" " * left.width,))
        for j, link in enumerate(row):
            drawn = drawn + (" " if j else "") + SIGNS[link.sign] + link.ink
        out.append(drawn)
    return out


def _beside(boxes: list[Box]) -> str:
    whole = boxes[0]
    for b in boxes[1:]:
        whole = whole + "    " + b
    return str(whole)


def _mathematics(drawn: str) -> RichText:
    out = RichText(drawn, no_wrap=True, overflow="ignore")
    out.highlight_regex(r"∂L/∂[^\s·)=]+|[δΔ][⁽⁾⁰-⁹₀-₉,]*", "red")
    return out


def _unmarked(text: str) -> str:
    return text.replace(_MADE[0], "").replace(_MADE[1], "")
