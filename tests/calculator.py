"""A patient reader with a pocket calculator: redoes every equation of a page from its printed
digits, and knows nothing else of the program that made the page.

`problems(page)` of a Markdown page gives what does not come out. In hand mode each written number
must be what the calculator shows for the part that it replaces, rounded to four significant
digits; in exact mode, rounded to the digits that are written, and the lines for which that fails
must be exactly the marked ones. In hand mode, too, a number that is put in for a name must be the
one that was printed for that name before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

from tests.latex import Node, Unreadable, has_names, is_array, nodes, read, split

PRECISE, DISPLAY = Context(prec=50, traps=[]), Context(prec=32, traps=[])

# -- arithmetic ------------------------------------------------------------------------------------


def four_digits(x: Decimal) -> Decimal:
    """x as a pupil writes it down: four significant digits, halves away from zero."""
    if not x.is_finite() or x == 0 or len(x.as_tuple().digits) <= 4:
        return x
    return x.quantize(Decimal(1).scaleb(x.adjusted() - 3), ROUND_HALF_UP)


def value(e: Node) -> Decimal:
    """What a calculator with very many digits makes of it, some of which it keeps to itself."""
    with localcontext(PRECISE):
        return DISPLAY.plus(_value(e))


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
    "cos": lambda x: Decimal(math.cos(x)),
    "pi": lambda: Decimal(math.pi),
    "floor": lambda x: Decimal(math.floor(x)),
    "abs": abs,
    "max": max,
    "min": min,
    "sign": lambda x: Decimal((x > 0) - (x < 0)),
}


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
    """Whether x, rounded to the digits that are written, is what is written. The zeros at the end
    of 10040 may be digits, or only keep the place of some."""
    if not (written.is_finite() and x.is_finite()):
        return str(written) == str(x)
    last: int = written.as_tuple().exponent  # type: ignore[assignment]  # finite, as just seen
    ends = range(last, max(written.normalize().as_tuple().exponent, last) + 1)  # type: ignore[type-var]
    with localcontext(PRECISE):
        return x == written or any(
            x.quantize(Decimal((0, (1,), end)), ROUND_HALF_UP) == written
            for end in (ends if last >= 0 else [last])
        )


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


def _added_up(e: Node) -> Node:
    """A sum sign before matrices adds their rows; the sums stand in a column."""
    if folded(e) or (size := shape(e)) is None:
        return e
    columns = ([at(e, i, j) for i in range(size[0])] for j in range(size[1]))
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
    return out + (Notes().read(page) if mode == "hand" else [])


# -- what is carried from line to line -------------------------------------------------------------


class Notes:
    """What the reader has noted down: which number was printed for which name. A number that is
    put in for a name later has to be that one."""

    def __init__(self) -> None:
        self.known: dict[str, Decimal] = {}
        self.compared = 0

    def read(self, page: str) -> list[str]:
        wrong = []
        for block in re.split(r"\n\n", page):
            if block.startswith("|"):
                self.note_table(block)
            for equation in equations(block):
                stages = [read(stage) for stage in equation.stages]
                for before, after in zip(stages, stages[1:], strict=False):
                    if has_names(before) and not has_names(after):
                        wrong += [f"{w}\n    in {equation}" for w in self.put_in(before, after)]
                # The whole road at one go may differ in its last digit from going step by step.
                road = any("underbrace{" in s and not has_names(read(s)) for s in equation.stages)
                if stages[0].kind == "name" and not has_names(stages[-1]) and not road:
                    self.note(stages[0].what, stages[-1])
        return wrong

    def note(self, name: str, value: Node) -> None:
        if value.kind == "number":
            self.known[name] = value.what
        for key, cell in elements(name, value):
            if cell.kind == "number":
                self.known[key] = cell.what

    def note_table(self, block: str) -> None:
        """| $z_j$ | $0.40$ | ...: the columns count j; or, by their heads, the time t."""
        head, _, *rows = block.splitlines()
        times = re.findall(r"\d+", head)
        for row in rows:
            label, *cells = (re.findall(r"\$(.*?)\$", cell) for cell in row.split("|")[1:-1])
            if not label:
                continue  # the layers' table: no numbers of the calculation
            upright = re.sub(r"(\\partial L)/(.*)", r"\\frac{\1}{\2}", label[0])
            name = read(upright).what
            if (any_time := r"\langlet\rangle") in name:
                for t, cell in zip(times, cells, strict=True):
                    key = name.replace(any_time, rf"\langle{t}\rangle")
                    self.known |= {key: read(cell[0]).what} if cell else {}
            elif name.endswith("j"):
                for k, cell in enumerate(cells, 1):
                    self.known[name[:-1] + str(k)] = read(cell[0]).what

    def put_in(self, names: Node, numbers: Node) -> Iterator[str]:
        """Compares the names of one stage with the numbers of the next, from left to right."""
        a, b = list(leaves(names)), list(leaves(numbers))
        constants = [(x, y) for x, y in zip(a, b, strict=False) if x.kind == "number"]
        if len(a) != len(b) or any(x != y for x, y in constants):
            return  # not the same formula with numbers put in: the result of it, or one case of it
        for x, y in zip(a, b, strict=True):
            name = x.parts[0].what if x.parts else x.what
            if name is None:  # turned twice: no name of its own
                continue
            sign = -1 if x.kind == "negative" and y.kind == "number" else 1
            turned = transpose(y) if x.what == "transpose" else y
            for key, cell in [(name, y)] if y.kind == "number" else elements(name, turned):
                if cell.kind == "number" and key in self.known:
                    self.compared += 1
                    if sign * self.known[key] != cell.what:
                        yield f"{key} was {self.known[key]}, and is put in as {cell.what}"


_SMALL = {"\\Delta": "\\delta", **{c: c.lower() for c in "WXZAUPY"}}


def elements(name: str, value: Node) -> Iterator[tuple[str, Node]]:
    """The elements of a printed matrix, under their own names: W has w_11, w_12, ..."""
    if value.kind != "matrix" or folded(value):
        return
    start = name.rfind("/d") + 2 if "/d" in name else 0
    base = re.match(r"\\[A-Za-z]+|.", name[start:])
    assert base is not None
    small = name[:start] + _SMALL.get(base[0], base[0]) + name[start + base.end() :]
    for i, row in enumerate(value.parts, 1):
        for j, cell in enumerate(row.parts, 1):
            counted = [k for k, n in ((i, len(value.parts)), (j, len(row.parts))) if n > 1]
            if counted:
                yield small + "_" + ("," if max(counted) > 9 else "").join(map(str, counted)), cell


def transpose(e: Node) -> Node:
    return Node(
        "matrix", tuple(Node("row", c) for c in zip(*(r.parts for r in e.parts), strict=True))
    )


def leaves(e: Node) -> Iterator[Node]:
    """Names (with a minus, or transposed), numbers and matrices, from left to right."""
    alone = e.kind == "negative" and e.parts[0].kind == "name"
    if e.kind in ("name", "number", "matrix", "dots") or e.what == "transpose" or alone:
        yield e
    elif e.kind == "negative" and is_array(e) and e.parts[0].parts[0].kind == "number":
        scalar, *others = e.parts[0].parts  # -0.084 [ ... ]: the minus belongs to the number
        yield from (Node("number", what=-scalar.what), *others)
    else:
        for p in e.parts:
            yield from leaves(p)
