"""The formula of an op as a textbook prints it, for its card: x Wᵀ + b, ⌊x⌋, cases with a brace.

It reads the formula's Python straight: on a card there are no shapes and no numbers, which the
derivation's own notation (derivation/notation.py) goes by.
"""

from __future__ import annotations

import ast
import re

from gobhir.derivation.letters import FUNCTIONS, GREEK
from gobhir.derivation.text import Box, fenced, width
from gobhir.lang import t

# How tightly a piece holds together; it is put in brackets where its surroundings hold tighter.
SUM, NEGATIVE, PRODUCT, POWER, ATOM = range(5)

_RAISED = dict(zip("0123456789+−()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ", strict=True))
_LOWERED = dict(zip("0123456789t−", "₀₁₂₃₄₅₆₇₈₉ₜ₋", strict=True))
_NAMES = {**FUNCTIONS, "log": "ln", "sigmoid": "σ", "i0": "I₀", "i1": "I₁"}
_RELATIONS = {
    ast.Gt: (">", "≤"), ast.GtE: ("≥", "<"), ast.Lt: ("<", "≥"), ast.LtE: ("≤", ">"),
    ast.Eq: ("=", "≠"), ast.NotEq: ("≠", "="),
}  # fmt: skip
_FENCES = {"abs": "||", "floor": "⌊⌋", "ceil": "⌈⌉"}
MEAN = "x̄"
"""sum(x) / N within a longer formula."""

Piece = tuple[Box, int]


def equation(left: str, formula: str, lang: str, times: str = "·", d: str = "d") -> str:
    """`left` = the formula, over several lines where it has cases.

    times: what stands between factors that are not just letters; "⊙" between all of them.
    d: how the name d is written.
    """
    tree = _tree(formula)
    return str(Box((f"{symbol(left)} = ",)) + _Writer(lang, times, d, tree).write(tree))


def symbol(name: str) -> str:
    """A name as it is written: alpha is α, x1 is x₁."""
    front, sign, last = name.rpartition("∂")
    found = re.fullmatch(r"([A-Za-z])(?:_(?=t))?(\d+|t)", last)
    if found:
        last = found[1] + "".join(_LOWERED[c] for c in found[2])
    return front + sign + GREEK.get(last, last)


def function_symbol(name: str) -> str:
    """As `symbol`, for the functions too that a formula writes otherwise: digamma is ψ."""
    return {"lgamma": "Γ", "polygamma": "ψ⁽ⁿ⁾"}.get(name) or _NAMES.get(name) or symbol(name)


def words(formula: str) -> list[str]:
    """The names and functions that stand in the formula, in the order in which they come."""
    found = [n for n in ast.walk(_tree(formula)) if isinstance(n, ast.Name)]
    found.sort(key=lambda n: n.col_offset)
    return list(dict.fromkeys(n.id for n in found))


def _tree(formula: str) -> ast.expr:
    return ast.parse(formula, mode="eval").body


def _raised(text: str) -> str:
    return "".join(_RAISED[c] for c in text)


class _Writer:
    """Walks a formula's tree. `piece` gives a part and how tightly it holds together."""

    def __init__(self, lang: str, times: str, d: str, root: ast.expr):
        self.lang, self.times, self.d, self.root = lang, times, d, root

    def write(self, e: ast.expr, least: int = SUM) -> Box:
        box, holds = self.piece(e)
        return fenced(box, "()") if holds < least else box

    def piece(self, e: ast.expr) -> Piece:
        match e:
            case ast.Constant(value=v):
                return Box((str(v),)), ATOM
            case ast.Name(id="d") if self.d != "d":
                return Box((self.d,)), POWER
            case ast.Name(id=name):
                return Box((symbol(name),)), ATOM
            case ast.Attribute(value=a, attr="T"):
                return self.write(a, ATOM) + "ᵀ", POWER
            case ast.BinOp() if e is not self.root and ast.unparse(e) == "sum(x) / N":
                return Box((MEAN,)), ATOM
            case ast.UnaryOp(op=ast.USub(), operand=a):
                return Box(("−",)) + self._tall(a, NEGATIVE), NEGATIVE
            case ast.BinOp(op=ast.Mult() | ast.Div() | ast.MatMult()) if (
                rest := _positive(e)
            ) is not None:
                return Box(("−",)) + self.write(rest, PRODUCT), NEGATIVE
            case ast.BinOp(left=a, op=ast.Add() | ast.Sub() as op, right=b):
                sign, least = (" + ", NEGATIVE) if isinstance(op, ast.Add) else (" − ", PRODUCT)
                return self._tall(a, SUM) + sign + self._tall(b, least), SUM
            case ast.BinOp(op=ast.Mult()):
                return self._product(_factors(e)), PRODUCT
            case ast.BinOp(left=a, op=ast.MatMult(), right=b):
                return self._tall(a, PRODUCT) + " " + self._tall(b, POWER), PRODUCT
            case ast.BinOp(left=a, op=ast.Div(), right=b):
                least = NEGATIVE if _is_sum(a) else PRODUCT
                return self._tall(a, least) + "/" + self._tall(b, POWER), PRODUCT
            case ast.BinOp(left=a, op=ast.Pow(), right=b):
                return self._power(self._tall(a, ATOM), b), POWER
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, args)
            case ast.Subscript(value=a, slice=index):
                return self._at(a, index), ATOM
            case ast.Tuple(elts=parts):
                return fenced(self._listed(parts), "()"), ATOM
            case ast.Compare(left=a, ops=[op], comparators=[b]):
                return self.write(a) + f" {_RELATIONS[type(op)][0]} " + self.write(b), SUM
            case ast.BoolOp(values=parts):
                return self._listed(parts), SUM
            case ast.IfExp():
                return self._cases(e), SUM
        raise ValueError(f"not a formula: {ast.unparse(e)}")

    def _tall(self, e: ast.expr, least: int) -> Box:
        """With brackets also around cases, so that one sees where they end."""
        box, holds = self.piece(e)
        return fenced(box, "()") if holds < least or isinstance(e, ast.IfExp) else box

    def _listed(self, parts: list[ast.expr]) -> Box:
        out = self.write(parts[0])
        for part in parts[1:]:
            out = out + ", " + self.write(part)
        return out

    def _product(self, factors: list[ast.expr]) -> Box:
        """Letters side by side; a dot between all where a word or a second number stands, and a
        circle between matrices, which side by side would be multiplied as matrices."""
        close = (
            self.d == "d"
            and all(map(_short, factors))
            and not any(map(_begins_with_digit, factors[1:]))
        )
        matrices = all(isinstance(f, ast.Name) and f.id.isupper() for f in factors)
        times = "⊙" if matrices else self.times
        between = "" if close and times == "·" else f" {times} "
        out = self._tall(factors[0], POWER)
        for f in factors[1:]:
            out = out + between + self._tall(f, POWER)
        return out

    def _power(self, base: Box, exponent: ast.expr) -> Box:
        small = self.write(exponent)
        text = str(small)
        if all(c in _RAISED for c in text) and len(text) < 3:
            return base + _raised(text)
        plain = isinstance(exponent, ast.Name | ast.Constant)
        return base + "^" + (small if plain else fenced(small, "()"))

    def _call(self, name: str, args: list[ast.expr]) -> Piece:
        first = args[0]
        if name == "exp":
            return self._power(Box(("e",)), first), POWER
        if name in _FENCES:
            return fenced(self.write(first), _FENCES[name]), ATOM
        if name == "sqrt":
            return Box(("√",)) + self.write(first, ATOM), ATOM
        if name == "sum":
            return Box(("Σ ",)) + self._tall(first, PRODUCT), NEGATIVE
        if name == "inv":
            return self.write(first, ATOM) + "⁻¹", POWER
        if name == "lgamma":
            return Box(("ln |Γ(",)) + self.write(first) + ")|", ATOM
        if name == "polygamma":
            order = _raised("(" + str(self.write(first)).replace(" ", "") + ")")
            return Box((f"ψ{order}",)) + fenced(self.write(args[1]), "()"), ATOM
        return Box((_NAMES.get(name, name),)) + fenced(self._listed(args), "()"), ATOM

    def _at(self, a: ast.expr, index: ast.expr) -> Box:
        where = str(self.write(index)).replace(" ", "")
        if where.startswith("t"):
            return self.write(a, ATOM) + "".join(_LOWERED[c] for c in where)
        return self.write(a, ATOM) + fenced(self.write(index), "[]")

    def _cases(self, e: ast.IfExp) -> Box:
        """A brace with a row for each case; the last says `otherwise` unless its opposite is
        plain."""
        rows: list[tuple[Box, Box]] = []
        rest: ast.expr = e
        while isinstance(rest, ast.IfExp):
            rows.append((self.write(rest.body), self._when(rest.test)))
            last, rest = rest.test, rest.orelse
        plain = len(rows) == 1 and isinstance(last, ast.Compare)
        otherwise = self._when(last, 1) if plain else Box((t("rules.card.otherwise", self.lang),))
        rows.append((self.write(rest), otherwise))
        wide = max(value.width for value, _ in rows)
        lines: list[str] = []
        for value, when in rows:
            lines += (value + " " * (wide - value.width + 3) + when).lines
        longest = max(map(width, lines))
        lines = [line + " " * (longest - width(line)) for line in lines]
        marks = ["⎧", *["⎨"] * (len(lines) - 2), "⎩"]
        pairs = zip(marks, lines, strict=True)
        return Box(tuple(f"{m} {line}" for m, line in pairs), (len(lines) - 1) // 2)

    def _when(self, test: ast.expr, opposite: int = 0) -> Box:
        if isinstance(test, ast.Compare):
            relation = _RELATIONS[type(test.ops[0])][opposite]
            return self.write(test.left) + f" {relation} " + self.write(test.comparators[0])
        return self.write(test)


def _factors(e: ast.expr) -> list[ast.expr]:
    """a * b * c as a, b, c."""
    if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Mult):
        return [*_factors(e.left), *_factors(e.right)]
    return [e]


def _positive(e: ast.expr) -> ast.expr | None:
    """-a * b / c, or -A @ B, without its sign; None where it begins with none."""
    if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.USub):
        return e.operand
    if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Mult | ast.Div | ast.MatMult):
        left = _positive(e.left)
        return None if left is None else ast.BinOp(left, e.op, e.right)
    return None


def _is_sum(e: ast.expr) -> bool:
    return isinstance(e, ast.Call) and ast.unparse(e.func) == "sum"


def _begins_with_digit(e: ast.expr) -> bool:
    first = e.left if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Pow) else e
    return isinstance(first, ast.Constant)


def _short(e: ast.expr) -> bool:
    """Whether it may stand beside its neighbour without a dot: a letter, a number, brackets."""
    match e:
        case ast.Name(id=name):
            return len(symbol(name).rstrip("₀₁₂₃₄₅₆₇₈₉")) == 1
        case ast.BinOp(left=a, op=ast.Pow()):
            return _short(a)
        case ast.BinOp(op=op):
            return isinstance(op, ast.Add | ast.Sub)
        case ast.Subscript(slice=index):
            return ast.unparse(index).startswith("t")
        case ast.Call(func=ast.Name(id=name)):
            return name in _FENCES
    return isinstance(e, ast.Constant)
