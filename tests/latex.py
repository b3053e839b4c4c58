"""LaTeX as it is printed on a page, read back into trees. It knows nothing of the program that made
the page: what a person would not understand, it does not either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Node:
    """kind: number, name, sum, negative, product, matmul, fraction, power, function, matrix,
    cases, total (a sum sign), dots. what: the number, the name of a name or function."""

    kind: str
    parts: tuple[Node, ...] = ()
    what: Any = None


class Unreadable(ValueError):
    """LaTeX that no reader of the page would understand either."""


_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.S)
_AIR = {r"\,", r"\;", r"\:", r"\!", r"\quad", r"\qquad", r"\displaystyle", r"\thinspace",
        r"\negthinspace"}  # fmt: skip
_FUNCTIONS = {r"\ln": "log", r"\sigma": "sigmoid", r"\tanh": "tanh", r"\max": "max", r"\min": "min",
              r"\cos": "cos"}  # fmt: skip
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
        if token in (r"\frac", r"\dfrac"):
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
        if token == r"\pi":
            self.take()
            return Node("function", (), "pi")
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
        if above.peek() == below.peek() == r"\partial":
            return Node("name", what=f"{above.name().what}/{below.name().what}")
        return Node("fraction", (above.whole(), below.whole()))

    def environment(self) -> Node:
        self.take(r"\begin")
        kind = "".join(self.group().left)
        if kind == "aligned":
            return self.rows_of_one_sum()
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

    def rows_of_one_sum(self) -> Node:
        depth, inside = 1, []
        while depth:
            token = self.take()
            depth += (token == r"\begin") - (token == r"\end")
            if depth and not (depth == 1 and token in ("&", r"\\")):
                inside.append(token)
        self.group()
        return Reader(inside).whole()

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
            return Node("name", what="d" + self.name().what)
        if token in (r"\hat", r"\mathrm", r"\text"):
            base = token + "".join(self.group().left)
        elif token in _GREEK or re.fullmatch(r"[A-Za-z]", token):
            base = token
        else:
            raise Unreadable(f"what is {token!r} before {''.join(self.left[:20])!r}?")
        while self.peek() in ("_", "^"):
            over = self.peek(2) == "(" or r"\langle" in (
                self.peek(2),
                self.peek(3),
            )  # a layer, a time
            if self.peek() == "^" and not (self.peek(1) == "{" and over):
                break
            base += self.take() + "".join(self.group().left)
        return Node("name", what=base)


def negative(e: Node) -> Node:
    return Node("number", what=-e.what) if e.kind == "number" else Node("negative", (e,))


def nodes(e: Node) -> Iterator[Node]:
    yield e
    for p in e.parts:
        yield from nodes(p)


def has_names(e: Node) -> bool:
    return any(n.kind in ("name", "cases") for n in nodes(e))


def is_array(e: Node) -> bool:
    return any(n.kind == "matrix" for n in nodes(e))


def split(tex: str) -> Iterator[str]:
    """A chain at its equals signs and arrows."""
    body = tex.removeprefix("\\begin{aligned}\n").removesuffix("\n\\end{aligned}")
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


@lru_cache(4096)
def read(tex: str) -> Node:
    """One formula; a page is read several times, for one thing and another."""
    return Reader(tex.replace("{}", "")).whole()
