"""Formulas as they stand beside the ops, "a * (1 - a)", read into expressions.

The notation is Python's; the functions are those of `expression.Function`, and `sum(...)`, which
goes along the op's own dimension.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache

from gobhir.derivation.expression import (
    Cases,
    Expr,
    Fraction,
    Function,
    Labelled,
    Negative,
    Num,
    Power,
    Product,
    Sum,
    number,
    total,
)
from gobhir.derivation.places import Spread

_RELATIONS = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
}


@cache
def _tree(formula: str) -> ast.expr:
    return ast.parse(formula, mode="eval").body


def read(
    formula: str, names: Mapping[str, Expr], summed: Callable[[Expr], Expr] | None = None
) -> Expr:
    """The formula over these operands. summed: what `sum(...)` makes of its argument.

    KeyError for a name that is not among `names`; ValueError for a notation that formulas
    do not use.
    """

    def go(n: ast.expr) -> Expr:
        match n:
            case ast.Constant(value=int() | float() as v):
                return number(v)
            case ast.Name(id="pi") if "pi" not in names:
                return Function("pi", ())
            case ast.Name(id=name):
                return names[name]
            case ast.UnaryOp(op=ast.USub(), operand=x):
                return negative(go(x))
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
            case ast.Call(func=ast.Name(id="sum"), args=[x]) if summed is not None:
                return summed(go(x))
            case ast.Call(func=ast.Name(id=name), args=args):
                return Function(name, tuple(go(x) for x in args))
            case ast.IfExp(test=test, body=a, orelse=b) if (
                known := _settled(test, names)
            ) is not None:
                return go(a if known is True else b if known is False else _if(known, a, b))
            case ast.IfExp(
                test=ast.Compare(left=left, ops=[op], comparators=[right]), body=a, orelse=b
            ):
                return Cases(_RELATIONS[type(op)], go(left), go(right), go(a), go(b))
        raise ValueError(f"not a formula: {formula!r} at {ast.dump(n)}")

    return go(_tree(formula))


def _settled(test: ast.expr, names: Mapping[str, Expr]) -> bool | ast.expr | None:
    """A test of settings, `full and y > 1`, with the settings put in: True, False, or what is left
    to ask of the numbers. None where no setting is asked for."""
    match test:
        case ast.Name(id=name):
            return bool(_constant(names[name]))
        case ast.BoolOp(op=ast.And(), values=[ast.Name(id=name), rest]):
            return rest if _constant(names[name]) else False
    return None


def _if(test: ast.expr, a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.IfExp(test=test, body=a, orelse=b)


def negative(e: Expr) -> Expr:
    """-e; a number takes the sign into itself, and two signs cancel."""
    if isinstance(e, Num) and e.constant and not e.shape:
        return number(-e.value)
    return e.body if isinstance(e, Negative) else Negative(e)


def product(factors: tuple[Expr, ...]) -> Expr:
    """Their product, nested products flattened."""
    flat: list[Expr] = []
    for f in factors:
        flat.extend(f.terms if isinstance(f, Product) else [f])
    return flat[0] if len(flat) == 1 else Product(tuple(flat))


def tidy(e: Expr) -> Expr:
    """The formula with its own constants worked out: 0.5 * 2 * u**1 becomes u.

    Only constants of formulas are touched, never a number from the data.
    """
    e = e.rebuild(tuple(tidy(c) for c in e.children)) if e.children else e
    match e:
        case Negative(body=Num(constant=True)):
            return negative(e.body)
        case Negative(body=Negative(body=inner)):
            return inner
        case Product():
            return _tidy_product(e)
        case Sum():
            return _tidy_sum(e)
        case Power(right=Num(constant=True, value=v)) if v == 1:
            return e.left
        case Power(right=Num(constant=True, value=v)) if v == 0:
            return number(1)
        case Fraction(right=Num(constant=True, value=v)) if v == 1:
            return e.left
        case Fraction(left=Num(constant=True, value=a), right=Num(constant=True, value=b)):
            return number(a / b) if b and a % b == 0 else e
    return e


def _constant(e: Expr) -> Decimal | None:
    return e.value if isinstance(e, Num) and e.constant and not e.shape else None


def _tidy_product(e: Product) -> Expr:
    constant = Decimal(1)
    below: list[Expr] = []
    rest: list[Expr] = []
    sign = 1
    for f in product(e.terms).children if not isinstance(product(e.terms), Num) else e.terms:
        if isinstance(f, Negative):
            sign, f = -sign, f.body
        value = _constant(f.body if isinstance(f, Spread) else f)  # one number for all elements
        if value is not None:
            constant *= value
        elif isinstance(f, Fraction) and _constant(f.left) is not None:
            constant *= f.left.value  # type: ignore[attr-defined]  # a constant, as just seen
            below.append(f.right)
        else:
            rest.append(f)
    if constant == 0:
        return number(0)
    if constant < 0:
        constant, sign = -constant, -sign
    for b in list(below):
        value = _constant(b)
        if value and constant % value == 0:
            constant /= value
            below.remove(b)
        elif value and value % constant == 0 and constant != 1:
            below[below.index(b)] = number(value / constant)
            constant = Decimal(1)
    if constant != 1 or (not rest and not below):
        rest.insert(0, number(constant))
    out = product(tuple(rest)) if rest else number(1)
    if below:
        out = Fraction(out, product(tuple(below)))
    out = negative(out) if sign < 0 else out
    return out if out.shape == e.shape else Spread(out, e.shape)


def _tidy_sum(e: Sum) -> Expr:
    constant = Decimal(0)
    rest: list[Expr] = []
    for t in e.terms:
        value = _constant(t)
        if value is None:
            rest.append(t)
        else:
            constant += value
    if constant != 0 or not rest:
        at = next((i for i, t in enumerate(e.terms) if _constant(t) is not None), len(rest))
        rest.insert(min(at, len(rest)), number(constant))
    return total(rest)


def labelled(e: Expr, label: Expr) -> Expr:
    """e with a brace under it, unless it is its own name."""
    return e if isinstance(e, Labelled) else Labelled(e, label)
