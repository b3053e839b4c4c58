"""Expressions in LaTeX, for KaTeX and MathJax alike.

`latex(expr)` is a formula of its own; `latex(expr, inline=True)` one inside a sentence, where a
derivative is written dL/dw on one line.
"""

from __future__ import annotations

import re
from decimal import Decimal

from gobhir.derivation.expression import Expr, Name, without_labels
from gobhir.derivation.letters import FUNCTIONS, GREEK, WORDS, letters
from gobhir.derivation.notation import Notation
from gobhir.derivation.text import measure
from gobhir.lang import t

_RELATIONS = {">": ">", ">=": r"\ge", "<": "<", "<=": r"\le", "==": "=", "!=": r"\ne"}
_FUNCTIONS = {
    "log": r"\ln", "tanh": r"\tanh", "max": r"\max", "min": r"\min", "sigmoid": r"\sigma",
    "sin": r"\sin", "cos": r"\cos", "tan": r"\tan",
    "asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan",
    "lgamma": r"\ln\Gamma", "digamma": r"\psi", "prod": r"\prod",
    "zeta": r"\zeta", "i0": "I_0", "i1": "I_1", "gammainc": "P",
    "polygamma": r"\psi",
}  # fmt: skip
_TALL = (r"\frac", r"\begin", r"\underbrace", r"\sum", r"\left", "^{(", r"\partial", r"\top")


def latex(e: Expr | Name, lang: str | None = None, inline: bool = False) -> str:
    """The formula, without dollar signs. lang: of the few words in it, as in w_new."""
    return Latex(lang, inline).write(e)


class Latex(Notation[str]):
    """The LaTeX dialect."""

    minus, dot, hadamard, thin = "-", r"\cdot", r"\odot", r"\,"

    def __init__(self, lang: str | None = None, inline: bool = False):
        self.lang = lang
        self.inline = self.flat_fractions = inline

    def text(self, text: str) -> str:
        return text

    def brackets(self, inside: str) -> str:
        if any(mark in inside for mark in _TALL):
            return rf"\left({inside}\right)"
        return f"({inside})"

    def beside(self, left: str, between: str, right: str) -> str:
        if not between and re.search(r"\\[A-Za-z]+$", left) and right[:1].isalpha():
            between = " "  # \eta v, not \etav
        return left + between + right

    def name(self, name: Name) -> str:
        if name.base == "dots":
            return r"\cdots"
        if name.partial:
            loss, own = r"\partial L", rf"\partial {self.name(_plain(name))}"
            return f"{loss}/{own}" if self.inline else rf"\frac{{{loss}}}{{{own}}}"
        if name.by is not None:
            above, below = rf"\partial {self.name(_plain(name))}", rf"\partial {self.name(name.by)}"
            return f"{above}/{below}" if self.inline else rf"\frac{{{above}}}{{{below}}}"
        base = letters(name.base)
        out = self._stem(base.stem)
        if base.hat:
            out = rf"\hat{{{out}}}" if out.startswith("\\") else rf"\hat {out}"
        if name.layer is not None:
            out += f"^{{{_over(name.layer)}}}"
        index = (*([int(base.digits)] if base.digits else []), *name.index)
        return out + (f"_{{{self._index(index)}}}" if index else "")

    def _stem(self, stem: str) -> str:
        if stem in GREEK:
            return "\\" + stem
        return _word(stem)

    def _index(self, index: tuple[int | str, ...]) -> str:
        marks = [self._mark(i) for i in index]
        close = all(len(str(i)) == 1 for i in index)
        return ("" if close else ",").join(marks)

    def _mark(self, i: int | str) -> str:
        if isinstance(i, str) and len(i) > 1 and i.isalpha():
            word = t(f"page.word.{i}", self.lang) if i in WORDS else i
            return rf"\text{{{_escaped(word)}}}"
        return str(i)

    def digits(self, digits: str, exponent: int | None) -> str:
        return digits if exponent is None else rf"{digits}\times10^{{{exponent}}}"

    def special(self, value: Decimal) -> str:
        return r"\text{NaN}" if value.is_nan() else r"\infty"

    def matrix(self, rows: list[list[str]], bar: int | None = None) -> str:
        tall = any(r"\frac" in cell for row in rows for cell in row)
        body = (r"\\[4pt]" if tall else r"\\").join("&".join(row) for row in rows)
        if bar is not None:
            columns = "r" * bar + "|" + "r" * (len(rows[0]) - bar)
            return rf"\left[\begin{{array}}{{{columns}}}{body}\end{{array}}\right]"
        return rf"\begin{{bmatrix}}{body}\end{{bmatrix}}"

    def folded(self, across: bool, down: bool) -> str:
        return r"\ddots" if across and down else r"\cdots" if across else r"\vdots"

    def stacked(self, rows: list[str]) -> str:
        body = r"\\".join(f"&{row.strip()}" for row in rows)
        return rf"\begin{{aligned}}{body}\end{{aligned}}"

    def width(self, e: Expr) -> int:
        return measure(e)

    def fraction(self, above: str, below: str) -> str:
        if self.inline:
            return f"{above}/{below}"
        # What is a fraction inside a fraction keeps its size.
        above, below = (part.replace(r"\frac", r"\dfrac") for part in (above, below))
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def transposed(self, base: str) -> str:
        return rf"{{{base}}}^{{\top}}" if "^{" in base else rf"{base}^{{\top}}"

    def function(self, name: str, arguments: list[str]) -> str:
        if name == "sqrt":
            return rf"\sqrt{{{arguments[0]}}}"
        if name == "abs":
            return rf"\left\lvert {arguments[0]}\right\rvert"
        if name == "norm":
            return rf"\left\lVert {arguments[0]}\right\rVert"
        head = _FUNCTIONS.get(name) or _called(FUNCTIONS.get(name, name))
        inside = Latex.brackets(self, ", ".join(arguments))
        return f"{head}{inside}" if inside.startswith("(") else rf"{head}\!{inside}"

    def cases(self, rows: list[tuple[str, str]]) -> str:
        body = r"\\".join(f"{value} & {when}" for value, when in rows)
        return rf"\begin{{cases}}{body}\end{{cases}}"

    def relation(self, left: str, relation: str, right: str) -> str:
        return f"{left} {_RELATIONS[relation]} {right}"

    def brace(self, body: str, label: str) -> str:
        return rf"\underbrace{{{body}}}_{{{label}}}"

    def summed(self, letter: str, count: int, body: str) -> str:
        limits = f"_{{{letter}=1}}^{{{count}}}" if letter else ""
        return rf"\sum{limits} {body}"

    def operator(self, sign: str, letter: Name, bounds: list[str], body: str) -> str:
        by = self.name(letter)
        if sign == "lim":
            return rf"\lim_{{{by}\to {bounds[0]}}} {body}"
        if sign == "int":
            limits = rf"_{{{bounds[0]}}}^{{{bounds[1]}}}" if bounds else ""
            return rf"\int{limits} {body}\,d{by}"
        d = r"\partial" if sign == "partial" else "d"
        ratio = f"{d}/{d} {by}" if self.inline else rf"\frac{{{d}}}{{{d} {by}}}"
        return rf"{ratio}{body}" if body.startswith(("(", r"\left(")) else rf"{ratio}\,{body}"

    def operation(self, label: str, body: str) -> str:
        return rf"\operatorname{{{_escaped(label)}}}\!\left({body}\right)"

    def label(self, e: Expr) -> str:
        return Latex(self.lang, inline=True).write(without_labels(e))


def _over(mark: int | str) -> str:
    if "⟨" not in str(mark):
        return f"({_word(str(mark))})"
    return str(mark).replace("⟨", r"\langle ").replace("⟩", r"\rangle")


def _plain(name: Name) -> Name:
    return Name(name.base, name.layer, name.index, name.element)


def _called(name: str) -> str:
    """A function's name: f and f' as they are, words upright."""
    return name if len(name.rstrip("'")) == 1 else rf"\operatorname{{{_escaped(name)}}}"


def _word(word: str) -> str:
    return word if len(word.rstrip("'")) == 1 or word.isdigit() else rf"\mathrm{{{_escaped(word)}}}"


def _escaped(word: str) -> str:
    return "".join("\\" + c if c in "_#$%&{}" else c for c in word if c not in "\\^~")
