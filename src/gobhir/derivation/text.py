"""Expressions in plain Unicode, for a terminal: w⁽¹⁾₂₃, ∂L/∂w, and matrices over several lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from unicodedata import combining, normalize

from gobhir.derivation.expression import Expr, Name, without_labels
from gobhir.derivation.letters import FUNCTIONS, GREEK, WORDS, letters
from gobhir.derivation.notation import Notation
from gobhir.lang import t

_SUPER = dict(zip("0123456789+-−=()nt⟨⟩ᵀ", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿᵗ⟨⟩ᵀ", strict=True))
_SUB = dict(zip("0123456789aeijklmnoprstuvx,+-'", "₀₁₂₃₄₅₆₇₈₉ₐₑᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ,₊₋′", strict=True))
_RELATIONS = {">": ">", ">=": "≥", "<": "<", "<=": "≤", "==": "=", "!=": "≠"}
_FUNCTIONS = {**FUNCTIONS, "log": "ln", "sigmoid": "σ", "sqrt": "√"}


def width(text: str) -> int:
    """Columns on a terminal: a combining mark takes none."""
    return len(text) if text.isascii() else len(text) - sum(map(bool, map(combining, text)))


@dataclass(frozen=True)
class Box:
    """A picture of text: lines of one width, one of which is the line it stands on."""

    lines: tuple[str, ...]
    base: int = 0

    @property
    def width(self) -> int:
        return width(self.lines[0])

    @property
    def height(self) -> int:
        return len(self.lines)

    def __add__(self, other: Box | str) -> Box:
        if isinstance(other, str):
            other = Box((other,))
        if len(self.lines) == 1 == len(other.lines):
            return Box((self.lines[0] + other.lines[0],))
        above = max(self.base, other.base)
        below = max(self.height - self.base, other.height - other.base)
        pairs = zip(self.grown(above, below).lines, other.grown(above, below).lines, strict=True)
        return Box(tuple(a + b for a, b in pairs), above)

    def grown(self, above: int, below: int) -> Box:
        """The same with `above` lines over its own and `below` lines from its own down."""
        blank = " " * self.width
        up = (blank,) * (above - self.base)
        return Box((*up, *self.lines, *(blank,) * (below - self.height + self.base)), above)

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)


def text(e: Expr | Name, lang: str | None = None) -> str:
    """The expression in Unicode; a matrix takes several lines."""
    return str(box(e, lang))


def box(e: Expr | Name, lang: str | None = None) -> Box:
    """The expression as a picture of text, to stand beside others."""
    return Text(lang).write(e)


def measure(e: Expr | Name) -> int:
    """About how many characters wide it is, in any dialect."""
    return Text().write(e).width


class Text(Notation[Box]):
    """The Unicode dialect."""

    minus, dot, hadamard, thin = "−", "·", "⊙", " "
    flat_fractions = True

    def __init__(self, lang: str | None = None):
        self.lang = lang

    def text(self, text: str) -> Box:
        return Box((text,))

    def brackets(self, inside: Box) -> Box:
        return fenced(inside, "()")

    def name(self, name: Name) -> Box:
        return Box((self._name(name),))

    def _name(self, name: Name) -> str:
        if name.base == "dots":
            return "⋯"
        own = Name(name.base, name.layer, name.index, name.element)
        if name.partial:
            return f"∂L/∂{self._name(own)}"
        if name.by is not None:
            return f"∂{self._name(own)}/∂{self._name(name.by)}"
        base = letters(name.base)
        out = GREEK.get(base.stem, base.stem).replace("'", "′")
        if base.hat:
            out = normalize("NFC", out + "\u0302")
        if name.layer is not None:
            mark = str(name.layer)  # a layer in brackets, a time ⟨3⟩ in its own
            out += raised(mark if "⟨" in mark else f"({mark})")
        index = (*([int(base.digits)] if base.digits else []), *name.index)
        if not index:
            return out
        close = all(len(str(i)) == 1 for i in index)
        words = [t(f"page.word.{i}", self.lang) if i in WORDS else str(i) for i in index]
        return out + lowered(("" if close else ",").join(words))

    def digits(self, digits: str, exponent: int | None) -> Box:
        return Box((digits if exponent is None else f"{digits}×10{raised(str(exponent))}",))

    def special(self, value: Decimal) -> Box:
        return Box(("NaN" if value.is_nan() else "∞",))

    def matrix(self, rows: list[list[Box]], bar: int | None = None) -> Box:
        widths = [max(row[j].width for row in rows) for j in range(len(rows[0]))]
        lines: list[str] = []
        for row in rows:
            line = Box(("",))
            for j, (cell, w) in enumerate(zip(row, widths, strict=True)):
                between = " │ " if j == bar else "  " if j else ""
                line = line + between + (" " * (w - cell.width)) + cell
            lines.extend(line.lines)
        return fenced(Box(tuple(lines), (len(lines) - 1) // 2), "[]")

    def folded(self, across: bool, down: bool) -> Box:
        return Box(("⋱" if across and down else "⋯" if across else "⋮",))

    def stacked(self, rows: list[Box]) -> Box:
        lines = [line for row in rows for line in row.lines]
        longest = max(width(line) for line in lines)
        padded = tuple(line + " " * (longest - width(line)) for line in lines)
        return Box(padded, (len(lines) - 1) // 2)

    def width(self, e: Expr) -> int:
        return measure(e)

    def fraction(self, above: Box, below: Box) -> Box:
        return above + "/" + below

    def power(self, base: Box, exponent: Box) -> Box:
        inside = str(exponent)
        if all(c in _SUPER for c in inside) and len(inside) < 3:
            return base + raised(inside)
        simple = re.fullmatch(r"[A-Za-z0-9.]+", inside)
        return base + "^" + (exponent if simple else self.brackets(exponent))

    def transposed(self, base: Box) -> Box:
        return base + "ᵀ"

    def function(self, name: str, arguments: list[Box]) -> Box:
        inside = arguments[0]
        for argument in arguments[1:]:
            inside = inside + ", " + argument
        if name in _FENCES:
            return fenced(inside, _FENCES[name])
        return Box((_FUNCTIONS.get(name, name).replace("'", "′"),)) + self.brackets(inside)

    def cases(self, rows: list[tuple[Box, Box]]) -> Box:
        wide = max(value.width for value, _ in rows)
        lines: list[str] = []
        for value, when in rows:
            row = value + (" " * (wide - value.width + 3)) + when
            lines.extend(row.lines)
        longest = max(width(line) for line in lines)
        lines = [line + " " * (longest - width(line)) for line in lines]
        marks = ["⎨"] * len(lines)
        marks[0], marks[-1] = "⎧", "⎩"
        pairs = zip(marks, lines, strict=True)
        return Box(tuple(f"{m} {line}" for m, line in pairs), (len(lines) - 1) // 2)

    def relation(self, left: Box, relation: str, right: Box) -> Box:
        return left + f" {_RELATIONS[relation]} " + right

    def brace(self, body: Box, label: Box) -> Box:
        wide = max(body.width, label.width, 3)
        left = (wide - 3) // 2
        mark = "╰" + "─" * left + "┬" + "─" * (wide - 3 - left) + "╯"
        rows = (*_centred(body, wide), mark, *_centred(label, wide))
        return Box(rows, body.base)

    def summed(self, letter: str, count: int, body: Box) -> Box:
        return Box((f"Σ{lowered(letter)} " if letter else "Σ ",)) + body

    def operator(self, sign: str, letter: Name, bounds: list[Box], body: Box) -> Box:
        by = self.name(letter)
        if sign == "lim":
            return Box(("lim[",)) + by + " → " + bounds[0] + "] " + body
        if sign == "int":
            limits = Box(("[",)) + bounds[0] + ", " + bounds[1] + "]" if bounds else Box(("",))
            return Box(("∫",)) + limits + " " + body + " d" + by
        d = "∂" if sign == "partial" else "d"
        return Box((f"{d}/{d}",)) + by + " " + body

    def operation(self, label: str, body: Box) -> Box:
        return Box((label,)) + self.brackets(body)

    def label(self, e: Expr) -> Box:
        return self.write(without_labels(e))


def raised(word: str) -> str:
    """As superscript; what has no small form stays at its height."""
    if all(c in _SUPER for c in word):
        return "".join(_SUPER[c] for c in word)
    if word.startswith("("):
        return f"[{word[1:-1]}]"
    return f"^({word})" if " " in word else f"^{word}"


def lowered(word: str) -> str:
    """As subscript; what has no small form comes after an underscore."""
    if all(c in _SUB for c in word):
        return "".join(_SUB[c] for c in word)
    return f"_{word}"


_FENCES = {"abs": "||", "norm": "‖‖"}
_TALL = {
    "()": ("⎛⎜⎝", "⎞⎟⎠"), "[]": ("⎡⎢⎣", "⎤⎥⎦"), "||": ("│││", "│││"), "‖‖": ("║║║", "║║║"),
    "⌊⌋": ("││⌊", "││⌋"), "⌈⌉": ("⌈││", "⌉││"),
}  # fmt: skip


def fenced(inside: Box, fence: str) -> Box:
    """Brackets, such as "()", as tall as what they hold."""
    n = inside.height
    if n == 1:
        return Box((fence[0],)) + inside + fence[1]
    sides = [[side[0], *side[1] * (n - 2), side[2]] for side in _TALL[fence]]
    rows = zip(sides[0], inside.lines, sides[1], strict=True)
    return Box(tuple(f"{a}{line}{b}" for a, line, b in rows), inside.base)


def _centred(b: Box, wide: int) -> tuple[str, ...]:
    before = (wide - b.width) // 2
    after = wide - b.width - before
    return tuple(" " * before + line + " " * after for line in b.lines)


# -- formulas that stand in a sentence -----------------------------------------------------------

_COMMANDS = {
    "odot": "⊙", "cdot": "·", "times": "×", "partial": "∂", "sum": "Σ", "approx": "≈", "le": "≤",
    "ge": "≥", "ne": "≠", "leftarrow": "←", "to": "→", "ln": "ln", "infty": "∞", "nabla": "∇",
    "top": "ᵀ", "pm": "±", "in": "∈", "cdots": "⋯", "lVert": "‖", "rVert": "‖", "quad": "  ",
    "max": "max", "min": "min", "tanh": "tanh", "lvert": "|", "rvert": "|", "prime": "′",
}  # fmt: skip
_WORDED = ("ln", "max", "min", "tanh")
_IGNORED = ("left", "right", "displaystyle", "limits", "bigl", "bigr")


def plain(tex: str) -> str:
    """A short LaTeX formula of a sentence, such as `\\partial L/\\partial z`, in Unicode."""
    return _Reader(tex).all().strip()


class _Reader:
    """Reads simple LaTeX from left to right."""

    def __init__(self, tex: str):
        self.tokens = re.findall(r"\\[A-Za-z]+\s*|\\.|[{}^_]|\s+|.", tex)

    def all(self, until: str = "") -> str:
        out = ""
        while self.tokens and self.tokens[0] != until:
            out = self._add(out)
        if until and self.tokens:
            self.tokens.pop(0)
        return out

    def _add(self, out: str) -> str:
        token = self.tokens.pop(0)
        if token == "^":
            return out + raised(self._argument())
        if token == "_":
            return out + lowered(self._argument())
        if token == "'":
            return out + "′"
        if token == "-":
            return out + "−"
        self.tokens.insert(0, token)
        return out + self._argument()

    def _argument(self) -> str:
        if not self.tokens:
            return ""
        token = self.tokens.pop(0)
        if token == "{":
            return self.all("}")
        if not token.startswith("\\"):
            return token
        return self._command(token[1:].rstrip() or token[1:])

    def _command(self, name: str) -> str:
        if name in ("frac", "tfrac", "dfrac"):
            above, below = self._argument(), self._argument()
            return {"1/2": "½"}.get(f"{above}/{below}") or f"{_safe(above)}/{_safe(below)}"
        if name == "hat":
            return normalize("NFC", self._argument() + "\u0302")
        if name == "sqrt":
            return "√" + _safe(self._argument())
        if name in ("text", "mathrm", "operatorname", "mathbf"):
            return self._argument()
        if name in _IGNORED or name in "!":
            return ""
        if name in ",;: ":
            return " "
        if name in _WORDED and self.tokens and self.tokens[0][0].isalnum():
            return f"{name} "  # ln p, not lnp
        return GREEK.get(name) or _COMMANDS.get(name) or name


def _safe(part: str) -> str:
    return part if re.fullmatch(r"[\ŵ.∂]+", part) else f"({part})"
