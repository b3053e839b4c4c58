"""The rules of differentiation, each by its name: what a tree's derivative is, and by which rules.

`derive` keeps a list of the rules that it used, innermost first; derivatives.py writes them down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from math import gcd

from gobhir.derivation.expression import (
    Cases,
    Expr,
    Fraction,
    Function,
    Negative,
    Num,
    Power,
    Product,
    Sum,
    Sym,
    number,
    total,
)
from gobhir.derivation.formula import negative, product, read, tidy
from gobhir.mathematics.functions import depends, source

SLOPES = {
    "exp": "exp(u)",
    "log": "1 / u",
    "sqrt": "1 / (2 * sqrt(u))",
    "sin": "cos(u)",
    "cos": "-sin(u)",
    "tan": "1 / cos(u)**2",
    "asin": "1 / sqrt(1 - u**2)",
    "acos": "-1 / sqrt(1 - u**2)",
    "atan": "1 / (1 + u**2)",
    "tanh": "1 - tanh(u)**2",
    "sigmoid": "sigmoid(u) * (1 - sigmoid(u))",
    "abs": "sign(u)",
    "sign": "0",
    "max": "1 if u > 0 else 0",
}
"""The derivative of each function of u by u; max(0, u) is ReLU."""
CORNERS = ("abs", "max", "sign")
"""Functions that have no derivative where what they are of is 0."""


@dataclass(frozen=True)
class Used:
    """A rule that was used: on which tree, with which parts, and what came out before and after
    it was tidied. key: maths.rule.<key>."""

    key: str
    of: Expr
    parts: dict[str, Expr]
    raw: Expr
    result: Expr


@dataclass
class Rules:
    """Derives by one letter and remembers how."""

    by: str
    used: list[Used] = field(default_factory=list)

    def derive(self, e: Expr) -> Expr:
        """The derivative, tidied."""
        if not depends(e, self.by):
            return number(0)
        if isinstance(e, Sym):
            return number(1)
        key, parts, raw = self._rule(e)
        result = simplified(raw)
        if source(e) not in (source(u.of) for u in self.used):
            self.used.append(Used(key, e, parts, raw, result))
        return result

    def _rule(self, e: Expr) -> tuple[str, dict[str, Expr], Expr]:
        d: Callable[[Expr], Expr] = self.derive
        match e:
            case Negative(body=u):
                return "factor", {"c": number(-1)}, negative(d(u))
            case Sum():
                return "sum", {}, total([d(t) for t in e.terms])
            case Product():
                return self._product(e)
            case Fraction(left=u, right=v) if not depends(v, self.by):
                return "factor", {"c": Fraction(number(1), v)}, Fraction(d(u), v)
            case Fraction(left=c, right=v) if not depends(c, self.by):
                fixed = isinstance(v, Power) and isinstance(v.right, Num)
                u, n = (v.left, v.right) if fixed else (v, number(1))  # type: ignore[attr-defined]
                below = Power(u, number(n.value + 1))
                parts = {"u": u, "du": d(u), "n": n}
                return "reciprocal", parts, negative(Fraction(product((c, n, parts["du"])), below))
            case Fraction(left=u, right=v):
                du, dv = d(u), d(v)
                above = total((product((du, v)), negative(product((u, dv)))))
                parts = {"u": u, "v": v, "du": du, "dv": dv}
                return "quotient", parts, Fraction(above, Power(v, number(2)))
            case Power(left=u, right=n) if not depends(n, self.by):
                return self._outer("power", u, product((n, Power(u, _less(n)))), {"n": n})
            case Power(left=a, right=u) if not depends(a, self.by):
                return self._outer("base", u, product((e, Function("log", (a,)))), {"a": a})
            case Power(left=u, right=v):
                du, dv = d(u), d(v)
                inner = total((product((dv, Function("log", (u,)))), product((v, Fraction(du, u)))))
                parts = {"u": u, "v": v, "du": du, "dv": dv}
                return "tower", parts, product((e, inner))
            case Cases():
                pieces = d(e.then), d(e.otherwise)
                return "pieces", {}, Cases(e.relation, e.left, e.right, *pieces)
            case Function():
                u = e.arguments[-1]
                slope = read(SLOPES[e.name], {"u": u})
                return self._outer(e.name, u, slope, {})
        raise TypeError(f"no rule for {type(e).__name__}")

    def _product(self, e: Product) -> tuple[str, dict[str, Expr], Expr]:
        fixed = [t for t in e.terms if not depends(t, self.by)]
        moving = [t for t in e.terms if depends(t, self.by)]
        if fixed:
            c, u = product(tuple(fixed)), product(tuple(moving))
            return "factor", {"c": c}, product((c, self.derive(u)))
        u, v = moving[0], product(tuple(moving[1:]))
        du, dv = self.derive(u), self.derive(v)
        parts = {"u": u, "v": v, "du": du, "dv": dv}
        return "product", parts, total((product((du, v)), product((u, dv))))

    def _outer(
        self, key: str, u: Expr, slope: Expr, parts: dict[str, Expr]
    ) -> tuple[str, dict[str, Expr], Expr]:
        """A function of u: its own rule where u is the letter itself, else the chain rule."""
        if isinstance(u, Sym):
            return key, parts, slope
        du = self.derive(u)
        return "chain", {"u": u, "du": du, "outer": simplified(slope)}, product((slope, du))


def _less(n: Expr) -> Expr:
    return number(n.value - 1) if isinstance(n, Num) else total((n, number(-1)))


def derivative(e: Expr, by: str) -> Expr:
    """The derivative alone."""
    return Rules(by).derive(e)


def simplified(e: Expr) -> Expr:
    """Numbers multiplied out, zeros and ones gone, powers of one thing together."""
    before = ""
    while (text := source(e)) != before:
        before, e = text, _gathered(tidy(e))
    return e


def _gathered(e: Expr) -> Expr:
    """Products with powers of the same thing as one power, sums with like terms as one."""
    if not e.children:
        return e
    e = e.rebuild(tuple(_gathered(c) for c in e.children))
    if isinstance(e, Cases) and source(e.then) == source(e.otherwise):
        return e.then
    if isinstance(e, Fraction) and isinstance(e.left, Num) and e.left.value == 0:
        return number(0)
    if isinstance(e, Fraction) and isinstance(e.left, Num) and e.left.value < 0:
        return Negative(Fraction(number(-e.left.value), e.right))
    if isinstance(e, Fraction) and isinstance(e.left, Negative):
        return Negative(Fraction(e.left.body, e.right))
    if isinstance(e, Power) and isinstance(e.left, Num) and isinstance(e.right, Num):
        return _whole_power(e)
    if isinstance(e, Product):
        return _powers(e)
    if isinstance(e, Sum):
        return _terms(e)
    return _cancelled(e) if isinstance(e, Fraction) else e


def _cancelled(e: Fraction) -> Expr:
    """Above and below without the factors that both have."""
    above, below = (
        list(side.terms) if isinstance(side, Product) else [side] for side in e.children
    )
    for t in tuple(above):
        same = next((b for b in below if source(b) == source(t)), None)
        if same is not None:
            above.remove(t)
            below.remove(same)
    numbers = [side[0].value if side and isinstance(side[0], Num) else 1 for side in (above, below)]
    if all(n == int(n) and n != 0 for n in numbers) and (shared := gcd(*map(int, numbers))) > 1:
        above[0], below[0] = (number(int(n) // shared) for n in numbers)
    left, right = (product(tuple(side)) if side else number(1) for side in (above, below))
    return left if isinstance(right, Num) and right.value == 1 else Fraction(left, right)


def _whole_power(e: Power) -> Expr:
    a, n = e.left.value, e.right.value  # type: ignore[attr-defined]  # numbers, as just seen
    whole = n == n.to_integral_value() and 0 <= n <= 20
    return number(a**n) if whole else e


def _powers(e: Product) -> Expr:
    found: dict[str, tuple[Expr, Decimal]] = {}
    for t in e.terms:
        fixed = isinstance(t, Power) and isinstance(t.right, Num)
        base, n = (t.left, t.right.value) if fixed else (t, Decimal(1))  # type: ignore[attr-defined]
        known = found.get(source(base), (base, Decimal(0)))
        # Numbers stay apart: 2 times 2**x is better left.
        found[source(base)] = (base, known[1] + n)
    return product(tuple(b if n == 1 else Power(b, number(n)) for b, n in found.values()))


def _terms(e: Sum) -> Expr:
    found: dict[str, tuple[Expr, Decimal]] = {}
    for t in e.terms:
        sign, body = (Decimal(-1), t.body) if isinstance(t, Negative) else (Decimal(1), t)
        count = sign
        if isinstance(body, Product) and isinstance(body.terms[0], Num):
            count, body = sign * body.terms[0].value, product(body.terms[1:])
        elif isinstance(body, Num):
            count, body = sign * body.value, number(1)
        known = found.get(source(body), (body, Decimal(0)))
        found[source(body)] = (body, known[1] + count)
    return total([_times(c, b) for b, c in found.values() if c != 0])


def _times(count: Decimal, body: Expr) -> Expr:
    if isinstance(body, Num):
        return number(count * body.value)
    positive = body if abs(count) == 1 else product((number(abs(count)), body))
    return negative(positive) if count < 0 else positive
