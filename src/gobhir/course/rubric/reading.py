"""How the rules read a text: its lines without markup, its formulas, codes, links and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it.token import Token

from gobhir.course.markdown import MATH, bound_in_formula, box_kind, fill_formula, parse
from gobhir.course.rubric.finding import PLACE

ASCII_DIGITS = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")


@dataclass(frozen=True)
class Line:
    """A heading, paragraph, list item or table cell as plain text; formulas are PLACE.

    `kind` is p, h1 ... h6, li, th, td; `line` counts from 0 at the text's first line.
    """

    kind: str
    text: str
    line: int
    picture: str | None = None


@dataclass
class Contents:
    """What both languages of a pair have to share."""

    formulas: list[str] = field(default_factory=list)
    inline: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    fences: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    shape: list[str] = field(default_factory=list)


def lines_of(text: str, offset: int = 0) -> Iterator[Line]:
    """Every line of prose, boxes too; code fences and display formulas are left out."""
    kinds: list[str] = []
    for token in parse(text):
        line = offset + (token.map[0] if token.map else 0)
        if token.nesting == 1:
            kinds.append(token.tag)
        elif token.nesting == -1:
            kinds.pop()
        elif token.type == "inline":
            kind = next((k for k in reversed(kinds) if k != "p"), "p")
            pictures = [c.content for c in token.children or [] if c.type == "image"]
            yield Line(kind, _plain(token), line, pictures[0] if pictures else None)
        elif token.type == "fence" and box_kind(token):
            yield from lines_of(token.content, line + 1)


def _plain(token: Token) -> str:
    parts = []
    for child in token.children or []:
        if child.type == "text":
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type in MATH or child.type in ("myst_role", "code_inline"):
            parts.append(PLACE)
    return "".join(parts)


def table_rows(text: str) -> int:
    """How many rows the text's tables have, heads not counted."""
    tokens = parse(text)
    heads = sum(t.type == "thead_open" for t in tokens)
    return sum(t.type == "tr_open" for t in tokens) - heads


def first_column(text: str) -> list[tuple[int, list[str]]]:
    """(line, cells) of every body row of the text's tables, cells as written."""
    found = []
    for token in parse(text):
        if token.type == "tr_open" and token.map:
            row = text.splitlines()[token.map[0]].strip().strip("|")
            found.append((token.map[0], [cell.strip() for cell in row.split("|")]))
    return found


def formulas_of(text: str) -> list[tuple[int, str, bool]]:
    """(line, TeX, is it displayed) of every formula, in order."""
    found = []
    for token in parse(text):
        if token.type == "math_block":
            found.append((token.map[0] if token.map else 0, token.content.strip(), True))
        for child in token.children or []:
            if child.type in MATH:
                line = token.map[0] if token.map else 0
                found.append((line, child.content.strip(), child.type != "math_inline"))
    return found


def bare(tex: str) -> str:
    """A formula as it is compared: no words, no blanks."""
    return re.sub(r"\s+", "", re.sub(r"\\(text|mbox)\{[^{}]*\}", "", tex))


def contents(text: str) -> Contents:
    """Formulas, codes, links, bound expressions, numbers and shape of a text."""
    found = Contents()
    for _, tex, displayed in formulas_of(text):
        found.bound.update(expression for _, _, expression in bound_in_formula(tex))
        if displayed:
            found.formulas.append(bare(tex))
        else:
            found.inline.add(bare(tex))
    for token in parse(text):
        if token.type in ("heading_open", "list_item_open", "tr_open", "blockquote_open"):
            found.shape.append(token.tag)
        elif token.type == "fence" and (kind := box_kind(token)):
            inner = contents(token.content)
            found.shape += [kind, *inner.shape]
            found.formulas += inner.formulas
            found.links += inner.links
            for name in ("inline", "codes", "bound"):
                getattr(found, name).update(getattr(inner, name))
        elif token.type == "fence":
            found.fences.append(token.content)
        for child in token.children or []:
            if child.type == "code_inline":
                found.codes.add(child.content)
            elif child.type == "myst_role":
                found.bound.add(child.content.strip())
            elif child.type == "link_open":
                found.links.append(str(child.attrs["href"]))
    for line in lines_of(text):
        plain = line.text.translate(ASCII_DIGITS)
        found.numbers.update(
            n for n in re.findall(r"\d+(?:\.\d+)?", plain) if float(n) >= 10 or "." in n
        )
    found.links.sort()
    return found


def typed_numbers(text: str) -> Iterator[tuple[int, str]]:
    """(line, number) of every number with a decimal point or a % sign that is typed, not bound."""
    for line, tex, _ in formulas_of(text):
        yield from ((line, n) for n in _decimals(fill_formula(tex, lambda _: " ")))
    for line_ in lines_of(text):
        yield from ((line_.line, n) for n in _decimals(line_.text.translate(ASCII_DIGITS)))


def _decimals(text: str) -> list[str]:
    found = re.findall(r"(?<![\w.])(\d+\.\d+|\d+(?=\s*\\?%))", text)
    return [str(number) for number in found]
