"""A patient reader with a pocket calculator: takes the printed LaTeX of a page, and redoes every
equation from the printed digits. It knows nothing of the program that made the page.

`problems(page)` of a Markdown page gives what does not come out. In hand mode each written number
must be what the calculator shows for the part that it replaces, rounded to four significant
digits; in exact mode, rounded to the digits that are written, and the lines for which that fails
must be exactly the marked ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

PRECISE = Context(prec=40)


@dataclass(frozen=True)
class Node:
    """kind: number, name, sum, negative, product, matmul, fraction, power, function, matrix,
    cases, total (a sum sign), dots. what: the number, the name of a name or function."""

    kind: str
    parts: tuple[Node, ...] = ()
    what: Any = None


class Unreadable(ValueError):
    """LaTeX that no reader of the page would understand either."""


# -- reading ---------------------------------------------------------------------------------------

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.S)
_AIR = {r"\,", r"\;", r"\:", r"\!", r"\quad", r"\qquad", r"\displaystyle", r"\thinspace",
        r"\negthinspace"}  # fmt: skip
_FUNCTIONS = {r"\ln": "log", r"\sigma": "sigmoid", r"\tanh": "tanh", r"\max": "max", r"\min": "min"}
_GREEK = {r"\delta", r"\Delta", r"\eta", r"\mu", r"\epsilon", r"\beta", r"\lambda", r"\tau",
          r"\alpha", r"\gamma", r"\rho", r"\theta", r"\sigma"}  # fmt: skip


def tokens(tex: str) -> list[str]:
    return [t for t in _TOKEN.findall(tex) if not t.isspace() and t not in _AIR]


class Reader:
    def __init__(self, tex: str | list[str]):
        self.left = tokens(tex) if isinstance(tex, str) else list(tex)

    def peek(self, k: int = 0) -> str:
        return self.left[k] if k < len(self.left) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token != expected):
            raise Unreadable(f"{expected or 'more'} expected before {''.join(self.left[:20])!r}")
        return self.left.pop(0)

    def group(self) -> Reader:
        """What stands between a pair of braces, or the next single mark."""
        if self.peek() != "{":
            return Reader([self.take()])
        self.take("{")
        depth, inside = 1, []
        while True:
            token = self.take()
            depth += (token == "{") - (token == "}")
            if depth == 0:
                return Reader(inside)
            inside.append(token)

    def whole(self) -> Node:
        out = self.sum()
        if self.left:
            raise Unreadable(f"left over: {''.join(self.left)!r}")
        return out

    def sum(self) -> Node:
        terms = [self.signed()]
        while self.peek() in ("+", "-"):
            terms.append(self.signed())
        return terms[0] if len(terms) == 1 else Node("sum", tuple(terms))

    def signed(self) -> Node:
        sign = self.take() if self.peek() in ("+", "-") else "+"
        term = self.term()
        return negative(term) if sign == "-" else term

    def term(self) -> Node:
        groups = [self.beside()]
        while self.peek() in (r"\cdot", r"\odot"):
            self.take()
            groups.append(self.beside())
        return groups[0] if len(groups) == 1 else Node("product", tuple(groups))

    def beside(self) -> Node:
        """Factors that stand side by side."""
        factors = [self.factor()]
        while self.begins_a_factor():
            factors.append(self.factor())
        if len(factors) == 1:
            return factors[0]
        if any(f.kind == "name" for f in factors):
            return Node("product", tuple(factors))
        if sum(is_array(f) for f in factors) > 1:
            out = factors[0]
            for f in factors[1:]:
                kind = "matmul" if is_array(out) and is_array(f) else "product"
                out = Node(kind, (out, f))
            return out
        return Node("product", tuple(factors))

    def begins_a_factor(self) -> bool:
        token = self.peek()
        return token not in (
            "", "+", "-", ")", "}", "&", ",", "=", r"\cdot", r"\odot", r"\right", r"\\", r"\end",
            r"\rvert", ">", "<", r"\le", r"\ge", r"\ne",
        )  # fmt: skip

    def factor(self) -> Node:
        base = self.atom()
        while self.peek() == "^":
            self.take()
            exponent = self.group()
            if exponent.left == [r"\top"]:
                base = Node("function", (base,), "transpose")
            else:
                base = Node("power", (base, exponent.whole()))
        return base

    def atom(self) -> Node:
        token = self.peek()
        if re.fullmatch(r"\d+(\.\d+)?", token):
            return self.number()
        if token == "e" and self.peek(1) == "^":
            self.take()
            self.take("^")
            return Node("function", (self.group().whole(),), "exp")
        if token in ("(", r"\left"):
            return self.bracketed()
        if token == "{":
            return self.group().whole()
        if token == r"\frac":
            return self.fraction()
        if token == r"\sqrt":
            self.take()
            return Node("function", (self.group().whole(),), "sqrt")
        if token == r"\underbrace":
            self.take()
            body = self.group().whole()
            self.take("_")
            self.group()
            return body
        if token == r"\begin":
            return self.environment()
        if token == r"\sum":
            return self.total()
        if token in (r"\cdots", r"\vdots", r"\ddots"):
            self.take()
            return Node("dots")
        if token == r"\infty":
            self.take()
            return Node("number", what=Decimal("Infinity"))
        if token in _FUNCTIONS and self.peek(1) in ("(", r"\left"):
            return Node("function", self.arguments(self.take()), _FUNCTIONS[token])
        if token == r"\operatorname":
            self.take()
            word = "".join(self.group().left)
            return Node("function", self.arguments(word), word)
        return self.name()

    def number(self) -> Node:
        digits = Decimal(self.take())
        if self.peek() == r"\times":
            self.take()
            self.take("10")
            self.take("^")
            digits = digits.scaleb(int("".join(self.group().left)))
        return Node("number", what=digits)

    def bracketed(self) -> Node:
        if self.peek() == r"\left":
            self.take()
            if self.peek() == r"\lvert":
                self.take()
                inside = self.sum()
                self.take(r"\right")
                self.take(r"\rvert")
                return Node("function", (inside,), "abs")
        self.take("(")
        inside = self.sum()
        if self.peek() == r"\right":
            self.take()
        self.take(")")
        return inside

    def arguments(self, _: str) -> tuple[Node, ...]:
        if self.peek() == r"\left":
            self.take()
        self.take("(")
        out = [self.sum()]
        while self.peek() == ",":
            self.take()
            out.append(self.sum())
        if self.peek() == r"\right":
            self.take()
        self.take(")")
        return tuple(out)

    def fraction(self) -> Node:
        self.take()
        above, below = self.group(), self.group()
        if r"\partial" in above.left:
            return Node("name", what="d" + "".join(above.left) + "/" + "".join(below.left))
        return Node("fraction", (above.whole(), below.whole()))

    def environment(self) -> Node:
        self.take(r"\begin")
        kind = "".join(self.group().left)
        rows: list[list[Node]] = [[]]
        while self.peek() != r"\end":
            if self.peek() == "&":
                self.take()
            elif self.peek() == r"\\":
                self.take()
                rows.append([])
            else:
                cell = self.sum()
                if self.peek() in (">", "<", r"\le", r"\ge", r"\ne", "="):
                    cell = Node("relation", (cell,), self.take())
                    self.sum()
                rows[-1].append(cell)
        self.take(r"\end")
        self.group()
        if kind == "cases":
            return Node("cases", tuple(row[0] for row in rows))
        return Node("matrix", tuple(Node("row", tuple(row)) for row in rows))

    def total(self) -> Node:
        self.take(r"\sum")
        indexed = False
        while self.peek() in ("_", "^"):
            self.take()
            self.group()
            indexed = True
        return Node("total", (self.term(),), indexed)

    def name(self) -> Node:
        token = self.take()
        if token == r"\partial":
            return Node("name", what="partial" + self.name().what)
        if token in (r"\hat", r"\mathrm", r"\text"):
            base = token + "".join(self.group().left)
        elif token in _GREEK or re.fullmatch(r"[A-Za-z]", token):
            base = token
        else:
            raise Unreadable(f"what is {token!r} before {''.join(self.left[:20])!r}?")
        while self.peek() in ("_", "^"):
            if self.peek() == "^" and not (self.peek(1) == "{" and self.peek(2) == "("):
                break
            base += self.take() + "".join(self.group().left)
        return Node("name", what=base)


def negative(e: Node) -> Node:
    return Node("number", what=-e.what) if e.kind == "number" else Node("negative", (e,))


# -- arithmetic ------------------------------------------------------------------------------------


def four_digits(x: Decimal) -> Decimal:
    """x as a pupil writes it down: four significant digits, halves away from zero."""
    if not x.is_finite() or x == 0 or len(x.as_tuple().digits) <= 4:
        return x
    return x.quantize(Decimal(1).scaleb(x.adjusted() - 3), ROUND_HALF_UP)


def value(e: Node) -> Decimal:
    """What a calculator with very many digits makes of it."""
    with localcontext(PRECISE):
        return _value(e)


def _value(e: Node) -> Decimal:
    parts = [_value(p) for p in e.parts] if e.kind != "matrix" else []
    match e.kind:
        case "number":
            return e.what
        case "sum":
            return sum(parts, Decimal(0))
        case "negative":
            return -parts[0]
        case "product":
            out = Decimal(1)
            for p in parts:
                out *= p
            return out
        case "fraction":
            if parts[1] == 0:
                return Decimal("NaN") if parts[0] == 0 else parts[0] * Decimal("Infinity")
            return parts[0] / parts[1]
        case "power":
            return parts[0] ** parts[1]
        case "function":
            return _FUNCTION[e.what](*parts)
    raise Unreadable(f"no value for {e.kind} {e.what!r}")


def _sigmoid(x: Decimal) -> Decimal:
    return 1 / (1 + (-x).exp())


_FUNCTION: dict[str, Callable[..., Decimal]] = {
    "exp": lambda x: x.exp(),
    "log": lambda x: x.ln(),
    "sqrt": lambda x: x.sqrt(),
    "sigmoid": _sigmoid,
    "tanh": lambda x: 2 * _sigmoid(2 * x) - 1,
    "abs": abs,
    "max": max,
    "min": min,
    "sign": lambda x: Decimal((x > 0) - (x < 0)),
}


def nodes(e: Node) -> Iterator[Node]:
    yield e
    for p in e.parts:
        yield from nodes(p)


def has_names(e: Node) -> bool:
    return any(n.kind in ("name", "cases") for n in nodes(e))


def is_array(e: Node) -> bool:
    return any(n.kind == "matrix" for n in nodes(e))


# By hand, a matrix line hides each element's own small calculation. What is typed at once is what
# fits on one line of a calculator: a row of numbers added, or multiplied (with squares and
# quotients of two numbers among them), a quotient of two such rows, a function of such a row.


def _simple(e: Node) -> bool:
    pair = e.kind in ("power", "fraction") and all(p.kind == "number" for p in e.parts)
    return e.kind == "number" or pair


def _row(e: Node) -> bool:
    if e.kind == "sum":
        return all(p.kind == "number" for p in e.parts)
    return _simple(e) or (e.kind == "product" and all(_simple(p) for p in e.parts))


def _at_once(e: Node) -> bool:
    if e.kind == "function":
        return all(_row(p) or (p.kind == "negative" and _row(p.parts[0])) for p in e.parts)
    if e.kind == "fraction":
        return all(_row(p) for p in e.parts)
    if e.kind == "negative":
        return _row(e.parts[0]) or _at_once(e.parts[0])
    return _row(e)


def by_hand(e: Node) -> Decimal:
    """The value of one element, each small calculation rounded to four digits."""
    while e.kind != "number":
        e = _step(e)
    return four_digits(e.what)


def _step(e: Node) -> Node:
    if e.kind == "number":
        return e
    if _at_once(e):
        return Node("number", what=four_digits(value(e)))
    parts = (p if e.kind == "fraction" and _row(p) else _step(p) for p in e.parts)
    return Node(e.kind, tuple(parts), e.what)


# -- matrices --------------------------------------------------------------------------------------


def shape(e: Node) -> tuple[int, int] | None:
    """Rows and columns; None for a number."""
    if e.kind == "matrix":
        return len(e.parts), len(e.parts[0].parts)
    if not is_array(e):
        return None
    if e.kind == "matmul":
        (rows, _), (_, columns) = shape(e.parts[0]), shape(e.parts[1])  # type: ignore[misc]
        return rows, columns
    found = [s for s in map(shape, e.parts) if s is not None]
    return max(s[0] for s in found), max(s[1] for s in found)


def at(e: Node, i: int, j: int) -> Node:
    """The calculation of one element."""
    if e.kind == "matrix":
        row = e.parts[i if len(e.parts) > 1 else 0]
        return row.parts[j if len(row.parts) > 1 else 0]
    if not is_array(e):
        return e
    if e.kind == "matmul":
        a, b = e.parts
        inner = shape(a)[1]  # type: ignore[index]
        products = [Node("product", (at(a, i, k), at(b, k, j))) for k in range(inner)]
        return products[0] if inner == 1 else Node("sum", tuple(products))
    return Node(e.kind, tuple(at(p, i, j) for p in e.parts), e.what)


def folded(e: Node) -> bool:
    return any(n.kind == "dots" for n in nodes(e))


# -- redoing a chain -------------------------------------------------------------------------------


def rounded_as(written: Decimal, x: Decimal) -> bool:
    """Whether x, rounded to the digits that are written, is what is written."""
    if not (written.is_finite() and x.is_finite()):
        return str(written) == str(x)
    places = Decimal((0, (1,), written.as_tuple().exponent))  # type: ignore[arg-type]
    with localcontext(PRECISE):
        return x == written or x.quantize(places, ROUND_HALF_UP) == written


def redo(before: Node, after: Node, mode: str) -> Iterator[str]:
    """What is wrong with `before = after`, both without names."""
    if after.kind == "number" and not is_array(before):
        x = value(before)
        fine = four_digits(x) == after.what if mode == "hand" else rounded_as(after.what, x)
        if not fine and before != after:
            yield f"{shown(before)} is {x:.10g}, not {after.what}"
    elif after.kind == "matrix":
        yield from redo_matrix(before, after, mode)
    elif after.kind == "number":
        yield from redo_matrix(before, Node("matrix", (Node("row", (after,)),)), mode)
    elif before.kind == after.kind and len(before.parts) == len(after.parts):
        if before.what != after.what:
            yield f"{before.what} became {after.what}"
        for a, b in zip(before.parts, after.parts, strict=True):
            yield from redo(a, b, mode)
    else:
        yield f"{shown(before)} cannot have become {shown(after)}"


def redo_matrix(before: Node, after: Node, mode: str) -> Iterator[str]:
    if before.kind == "total":
        before = _added_up(before.parts[0])
    if folded(before) and before.kind != "matrix":
        return  # what the dots hide cannot be redone
    size = shape(before)
    if size is not None and size != shape(after):
        yield f"{size} became {shape(after)}"
        return
    for i, row in enumerate(after.parts):
        for j, cell in enumerate(row.parts):
            one = at(before, i, j)
            if cell.kind == "dots" or one.kind == "dots":
                if cell.kind != one.kind:
                    yield f"dots at {i}, {j} on one side only"
            elif mode == "hand":
                if by_hand(one) != cell.what:
                    yield f"at {i}, {j}: {shown(one)} is {by_hand(one)} by hand, not {cell.what}"
            elif not rounded_as(cell.what, value(one)):
                yield f"at {i}, {j}: {shown(one)} is {value(one):.10g}, not {cell.what}"


def _added_up(matrix: Node) -> Node:
    """A sum sign before a matrix adds its rows; the sums stand in a column."""
    columns = zip(*(row.parts for row in matrix.parts), strict=True)
    return Node("matrix", tuple(Node("row", (Node("sum", tuple(c)),)) for c in columns))


def shown(e: Node) -> str:
    """A node for a message."""
    if e.kind in ("number", "name"):
        return str(e.what)
    return f"{e.what or e.kind}({', '.join(map(shown, e.parts))})"


# -- pages -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Equation:
    """A chain of a page as it is printed; note: the small remark after it."""

    stages: tuple[str, ...]
    note: str

    def __str__(self) -> str:
        return " = ".join(self.stages)


def equations(page: str) -> list[Equation]:
    """All display formulas of a Markdown page."""
    found = re.finditer(r"^\$\$\n(.*?)\n\$\$(?:\n\n\*([^\n]*)\*$)?", page, re.S | re.M)
    beside = [(one, m[2] or "") for m in found for one in m[1].split(",\\qquad\n")]
    return [Equation(tuple(split(one)), note) for one, note in beside]


def split(tex: str) -> Iterator[str]:
    """A chain at its equals signs and arrows."""
    body = tex.replace(r"\begin{aligned}", "").replace(r"\end{aligned}", "")
    depth, stage = 0, ""
    for token in _TOKEN.findall(body):
        depth += (token in ("{", r"\begin")) - (token in ("}", r"\end"))
        if depth == 0 and token in ("&", r"\\", r"\quad"):
            stage += " "
        elif depth == 0 and token in ("=", r"\leftarrow"):
            yield stage.strip()
            stage = ""
        else:
            stage += token
    yield stage.replace("{}", "").strip()


def read(tex: str) -> Node:
    return Reader(tex.replace("{}", "")).whole()


def check(equation: Equation, mode: str) -> list[str]:
    """What does not come out on this line."""
    stages = [read(stage) for stage in equation.stages]
    wrong = []
    for before, after in zip(stages, stages[1:], strict=False):
        if not has_names(before) and not has_names(after):
            wrong += redo(before, after, mode)
    return wrong


def redone(page: str) -> int:
    """How many equals signs of the page stand between numbers."""
    count = 0
    for equation in equations(page):
        stages = [read(stage) for stage in equation.stages]
        pairs = zip(stages, stages[1:], strict=False)
        count += sum(not has_names(a) and not has_names(b) for a, b in pairs)
    return count


def problems(page: str, mode: str, mark: str = "last digit ±1") -> list[str]:
    """All that is wrong with the arithmetic of a page."""
    out = []
    for equation in equations(page):
        wrong = check(equation, mode)
        marked = mode == "exact" and mark in equation.note
        if wrong and not marked:
            out += [f"{w}\n    in {equation}" for w in wrong]
        if marked and not wrong:
            out.append(f"marked, but it does come out: {equation}")
    return out
