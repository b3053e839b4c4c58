"""Functions as one types them, "x**2*sin(3*x)": read into a tree, written back as text, and worked
out in floats."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from gobhir.derivation.expression import (
    Cases,
    Expr,
    Fraction,
    Function,
    Name,
    Negative,
    Num,
    Power,
    Product,
    Sum,
    Sym,
    number,
    total,
    transform,
)
from gobhir.derivation.formula import negative, product
from gobhir.derivation.letters import GREEK
from gobhir.lang import say
from gobhir.mathematics.numbers import Number

KNOWN: tuple[str, ...] = (
    "exp",
    "ln",
    "log",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "tanh",
    "sigmoid",
)
KNOWN += ("relu", "abs", "sign")
"""Functions that may be typed; log is the natural one, as in Python."""
_LATIN = str.maketrans("০১২৩৪৫৬৭৮৯−×·÷", "0123456789-**/")


def parse(text: Any, name: str = "f") -> Expr:
    """The tree of what was typed. ValueError that marks the place which cannot be read."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return number(text)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(say("errors.maths.no_function", name=name, found=repr(text)))
    typed = text.strip().translate(_LATIN)
    try:
        tree = ast.parse(typed.replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise _unreadable(typed, _stumble(typed, error)) from None
    return _Reader(typed).read(tree)


def _stumble(typed: str, error: Exception) -> int:
    """Where reading stumbles: at a bracket without its partner, else after the longest beginning
    that can be read."""
    if isinstance(error, SyntaxError) and "closed" in error.msg:
        return _before(typed, (error.offset or 1) - 1)
    for end in range(len(typed) - 1, 0, -1):
        try:
            ast.parse(typed[:end].replace("^", "**"), mode="eval")
            return end
        except (SyntaxError, ValueError):
            continue
    return 0


def _before(typed: str, place: int) -> int:
    """A place in the text with ** for ^, back in what was typed."""
    widened = 0
    for i, c in enumerate(typed):
        if widened >= place:
            return i
        widened += 2 if c == "^" else 1
    return max(len(typed) - 1, 0)


def _unreadable(typed: str, place: int) -> ValueError:
    mark = " " * place + "^"
    return ValueError(say("errors.maths.unreadable", text=typed, mark=mark))


class _Reader:
    """Python's tree, turned into ours."""

    def __init__(self, typed: str):
        self.typed = typed

    def read(self, n: ast.expr) -> Expr:
        go = self.read
        match n:
            case ast.Constant(value=int() | float() as v) if not isinstance(v, bool):
                return number(v)
            case ast.Name(id="pi"):
                return Function("pi", ())
            case ast.Name(id="e"):
                return Function("exp", (number(1),))
            case ast.Name(id=name) if name in GREEK or len(name.rstrip("0123456789")) == 1:
                return Sym(Name(name), number(0).value)
            case ast.UnaryOp(op=ast.USub(), operand=x):
                return negative(go(x))
            case ast.UnaryOp(op=ast.UAdd(), operand=x):
                return go(x)
            case ast.BinOp(left=a, op=ast.Add(), right=b):
                return total((go(a), go(b)))
            case ast.BinOp(left=a, op=ast.Sub(), right=b):
                return total((go(a), negative(go(b))))
            case ast.BinOp(left=a, op=ast.Mult(), right=b):
                return product((go(a), go(b)))
            case ast.BinOp(left=a, op=ast.Div(), right=b):
                return Fraction(go(a), go(b))
            case ast.BinOp(left=a, op=ast.Pow(), right=b):
                return Power(go(a), go(b))
            case ast.Call(func=ast.Name(id=name), args=[x], keywords=[]) if name in KNOWN:
                if name == "relu":
                    return Function("max", (number(0), go(x)))
                return Function({"ln": "log"}.get(name, name), (go(x),))
        place = _before(self.typed, n.col_offset)
        if isinstance(n, (ast.Call, ast.Name)):
            called = ast.unparse(n.func if isinstance(n, ast.Call) else n)
            mark = " " * place + "^"
            known = ", ".join(KNOWN)
            told = {"text": self.typed, "mark": mark, "found": called, "known": known}
            raise ValueError(say("errors.maths.unknown_word", **told))
        raise _unreadable(self.typed, place)


def variables(*trees: Expr) -> list[str]:
    """The letters in them, in alphabetical order."""
    return sorted({n.name.base for e in trees for n in e.walk() if isinstance(n, Sym)})


def depends(e: Expr, by: str) -> bool:
    return by in variables(e)


def put(e: Expr, values: Mapping[str, Number | Expr]) -> Expr:
    """The tree with values behind its letters, or with other trees in their places."""

    def change(n: Expr) -> Expr | None:
        if not isinstance(n, Sym) or n.name.base not in values:
            return None
        new = values[n.name.base]
        return new if isinstance(new, Expr) else Sym(n.name, new)

    return transform(e, change)


def value(e: Expr, at: Mapping[str, Any]) -> Any:
    """The function's value in floats, of a number or of an array of them; no warning where it has
    none, but NaN or an infinity."""
    with np.errstate(all="ignore"):
        return _value(e, at)


def _value(e: Expr, at: Mapping[str, Any]) -> Any:
    if isinstance(e, Sym):
        return at[e.name.base]
    if isinstance(e, Num):
        return float(e.value)
    return e.combined(*(np.asarray(_value(c, at), float) for c in e.children))


def source(e: Expr) -> str:
    """The function as one types it."""
    return _source(e)[0]


def _source(e: Expr) -> tuple[str, int]:
    """Text, and how tightly it holds together: 0 sum, 1 product, 2 power, 3 alone."""

    def inside(part: Expr, least: int) -> str:
        text, holds = _source(part)
        return text if holds >= least else f"({text})"

    match e:
        case Num():
            text = format(e.value, "f")
            return text, 0 if e.value < 0 else 3
        case Sym():
            return e.name.base, 3
        case Function(name="pi"):
            return "pi", 3
        case Function(name="max"):
            return f"relu({source(e.arguments[1])})", 3
        case Function():
            return f"{e.name}({source(e.arguments[0])})", 3
        case Negative():
            return f"-{inside(e.body, 1)}", 0
        case Sum():
            first, *rest = e.terms
            text = inside(first, 0)
            for t in rest:
                if isinstance(t, Num) and t.value < 0:
                    t = Negative(number(-t.value))
                minus = isinstance(t, Negative)
                body = t.body if isinstance(t, Negative) else t
                text += f" {'-' if minus else '+'} {inside(body, 1)}"
            return text, 0
        case Product():
            return "*".join(inside(t, 2) for t in e.terms), 1
        case Fraction():
            return f"{inside(e.left, 2)}/{inside(e.right, 2)}", 1
        case Power():
            return f"{inside(e.left, 3)}**{inside(e.right, 3)}", 2
        case Cases():
            test = f"{source(e.left)} {e.relation} {source(e.right)}"
            return f"({source(e.then)} if {test} else {source(e.otherwise)})", 3
    raise TypeError(f"no text for {type(e).__name__}")
