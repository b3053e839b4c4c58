"""The calls of a small network, written out number by number as plain Python.

Every array element is known by its address in the memory of the recorded run. A call on arrays
becomes one expression an element: elementwise functions as they are, a matrix product as a sum of
products, a reduction as a sum. What comes out twice is computed once; what is used once stands
where it is used. The result is the fastest way to run a network of some tens of parameters, and
it is the derivation: the lines of a step as one would work them out by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gobhir.engine.compile.program import Program
from gobhir.engine.compile.recorder import Call

LONGEST = 1500
"""So many operations at most: beyond, arrays are faster."""


class CannotUnroll(Exception):
    """A call for which there is no expression in plain Python, or too many of them."""


class Number:
    """One number of the step: `op` of other numbers, a constant, or a variable from outside."""

    __slots__ = ("args", "name", "op", "phase", "uses", "value")

    def __init__(self, op: str, args: tuple[Number, ...] = (), value: Any = None, name: str = ""):
        self.op, self.args, self.value, self.name = op, args, value, name
        self.uses = 0
        self.phase = ""


_TEXT = {
    # op: (how it is written, how tightly it binds)
    "add": ("{} + {}", 3),
    "subtract": ("{} - {}", 3),
    "multiply": ("{} * {}", 4),
    "divide": ("{} / {}", 4),
    "negative": ("-{}", 5),
    "square": ("{0} * {0}", 4),
    "greater": ("{} > {}", 2),
    "greater_equal": ("{} >= {}", 2),
    "less": ("{} < {}", 2),
    "less_equal": ("{} <= {}", 2),
    "equal": ("{} == {}", 2),
    "not_equal": ("{} != {}", 2),
    "logical_and": ("{} and {}", 1),
    "logical_or": ("{} or {}", 1),
    "logical_not": ("not {}", 1),
    "where": ("{1} if {0} else {2}", 0),
    # Written so that a NaN stays one.
    "relu": ("0.0 if {0} <= 0.0 else {0}", 0),
    "maximum": ("{0} if {0} > {1} or {0} != {0} else {1}", 0),
    "minimum": ("{0} if {0} < {1} or {0} != {0} else {1}", 0),
    "sign": ("({0} > 0.0) - ({0} < 0.0)", 3),
    "power": ("{} ** {}", 6),
    "float": ("float({})", 9),
    **{name: (name + "({})", 9) for name in ("tanh", "exp", "log", "sqrt", "log1p", "sin", "cos")},
    "absolute": ("abs({})", 9),
}
FUNCTIONS = ("tanh", "exp", "log", "sqrt", "log1p", "sin", "cos")
"""Of Python's module math."""
_TWICE = {"square", "relu", "maximum", "minimum", "sign"}
"""An operand that is written more than once has to have a name."""
_ALIKE = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "invert": "logical_not"}


class Unrolled:
    """Numbers by address, and how they came to be."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.at: dict[int, Number] = {}
        self.known: dict[Any, Number] = {}
        self.order: list[Number] = []
        self.phase = "forward"

    # -- numbers ----

    def variable(self, name: str) -> Number:
        return Number("variable", name=name)

    def constant(self, value: Any) -> Number:
        key = ("constant", type(value), repr(value))
        if key not in self.known:
            self.known[key] = Number("constant", value=value)
        return self.known[key]

    def of(self, op: str, *args: Number) -> Number:
        """The number `op` gives; none is made where a simpler one is equal to it."""
        simple = _simpler(op, args)
        if simple is not None:
            return simple
        key = (op, *map(id, args))
        if key not in self.known:
            if op in _TEXT and all(a.op == "constant" for a in args):
                return self.constant(_worked_out(op, args))
            made = self.known[key] = Number(op, args)
            made.phase = self.phase
            self.order.append(made)
            if len(self.order) > LONGEST:
                raise CannotUnroll
        return self.known[key]

    def read(self, array: Any) -> np.ndarray:
        """The numbers of an array, in an array of the same shape."""
        if not isinstance(array, np.ndarray):
            value = array.item() if isinstance(array, np.generic) else array
            if not isinstance(value, (bool, int, float)):
                raise CannotUnroll
            return _objects([self.constant(float(value) if type(value) is int else value)], ())
        found = []
        constant = self.program.base(array).kind == "constant"
        for address, value in zip(addresses(array).flat, array.flat, strict=True):
            if address not in self.at:
                if not constant:
                    raise CannotUnroll
                self.at[address] = self.constant(_shortest(value))
            found.append(self.at[address])
        return _objects(found, array.shape)

    def write(self, array: np.ndarray, numbers: np.ndarray) -> None:
        numbers = np.broadcast_to(numbers, array.shape)
        for address, number in zip(addresses(array).flat, numbers.flat, strict=True):
            self.at[address] = number

    # -- calls ----

    def carry_out(self, call: Call) -> None:
        how, f = call.how, call.f
        extra = call.kwargs.keys() - {"casting", "subok", "dtype"}
        if how == "copy":
            self._convert(self.read(call.args[0]), call.args[0], call.outs[0])
        elif how == "ufunc" and f is np.matmul and not extra:
            self.write(call.outs[0], self._product(*(self.read(a) for a in call.args)))
        elif how == "ufunc" and len(call.outs) == 1 and not extra:
            self.write(call.outs[0], self._each(f.__name__, call))
        elif how == "method" and call.f[1] == "reduce":
            self._reduce(call)
        elif how == "opaque" and f is np.where and not extra:
            self.write(call.outs[0], self._broadcast("where", call.args, call.outs[0].shape))
        elif how == "opaque" and f is np.dot and all(np.ndim(a) == 2 for a in call.args):
            self.write(call.outs[0], self._product(*(self.read(a) for a in call.args)))
        else:
            raise CannotUnroll

    def _convert(self, numbers: np.ndarray, source: Any, target: np.ndarray) -> None:
        kind = getattr(source, "dtype", target.dtype).kind
        if target.dtype.kind != kind and target.dtype.kind != "f":
            raise CannotUnroll
        if kind == "b" and target.dtype.kind == "f":
            numbers = _objects([self.of("float", n) for n in numbers.flat], numbers.shape)
        self.write(target, numbers)

    def _each(self, name: str, call: Call) -> np.ndarray:
        name = _ALIKE.get(name, name)
        out = call.outs[0]
        if name == "divide" or name in _TEXT:
            if name.startswith("logical") and out.dtype != bool:
                raise CannotUnroll
            if name == "maximum" and type(call.args[1]) in (int, float) and not call.args[1]:
                return self._broadcast("relu", call.args[:1], out.shape)
            return self._broadcast(name, call.args, out.shape)
        raise CannotUnroll

    def _broadcast(self, op: str, args: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
        sides = [np.broadcast_to(self.read(a), shape) for a in args]
        each = zip(*(s.flat for s in sides), strict=True)
        return _objects([self.of(op, *these) for these in each], shape)

    def _product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if a.ndim != 2 or b.ndim != 2:
            raise CannotUnroll
        rows = [[self._sum(map(self._times, row, column)) for column in b.T] for row in a]
        return _objects([n for row in rows for n in row], (a.shape[0], b.shape[1]))

    def _times(self, a: Number, b: Number) -> Number:
        return self.of("multiply", a, b)

    def _sum(self, numbers: Iterable[Number]) -> Number:
        total = None
        for n in numbers:
            total = n if total is None else self.of("add", total, n)
        return self.constant(0.0) if total is None else total

    def _reduce(self, call: Call) -> None:
        ufunc = call.f[0]
        extra = call.kwargs.keys() - {"axis", "keepdims", "dtype", "where"}
        if extra or call.kwargs.get("where", True) is not True or len(call.args) != 1:
            raise CannotUnroll
        source, out = call.args[0], call.outs[0]
        numbers = self.read(source)
        axis = call.kwargs.get("axis", 0)
        every = tuple(range(source.ndim)) if axis is None else axis
        gone = tuple(a % source.ndim for a in (every if isinstance(every, tuple) else (every,)))
        left = tuple(i for i in range(source.ndim) if i not in gone)
        rows = numbers.transpose(left + gone).reshape(out.size, -1)
        if ufunc is np.add and source.dtype.kind == "f":
            results = [self._sum(row) for row in rows]
        elif ufunc in (np.maximum, np.minimum) and rows.shape[1] == 1:
            results = [row[0] for row in rows]
        else:
            raise CannotUnroll
        self.write(out, _objects(results, out.shape))


def addresses(array: np.ndarray) -> np.ndarray:
    """Where in memory each element lies."""
    out = np.full(array.shape, array.__array_interface__["data"][0])
    for axis, (size, stride) in enumerate(zip(array.shape, array.strides, strict=True)):
        along = [1] * array.ndim
        along[axis] = size
        out = out + (np.arange(size) * stride).reshape(along)
    return out


def _objects(numbers: Sequence[Number], shape: tuple[int, ...]) -> np.ndarray:
    out = np.empty(len(numbers), object)
    out[:] = numbers
    return out.reshape(shape)


def _shortest(value: Any) -> Any:
    """The Python number with the fewest digits that is this one in its own precision."""
    return float(str(value)) if value.dtype.kind == "f" else value.item()


def _is(n: Number, value: float) -> bool:
    return n.op == "constant" and type(n.value) is float and n.value == value


def _simpler(op: str, args: tuple[Number, ...]) -> Number | None:
    if op == "multiply":
        a, b = args
        return b if _is(a, 1.0) else a if _is(b, 1.0) else None
    if op == "divide" and _is(args[1], 1.0):
        return args[0]
    if op == "add":
        a, b = args
        return b if _is(a, 0.0) else a if _is(b, 0.0) else None
    if op == "subtract" and _is(args[1], 0.0):
        return args[0]
    if op == "negative" and args[0].op == "negative":
        return args[0].args[0]
    return None


def _worked_out(op: str, args: tuple[Number, ...]) -> Any:
    import math

    names = {name: getattr(math, name) for name in FUNCTIONS}
    try:
        return eval(_TEXT[op][0].format(*(repr(a.value) for a in args)), names)
    except (ArithmeticError, ValueError):
        raise CannotUnroll from None


# -- numbers as lines of Python ------------------------------------------------------------------


def lines_of(numbers: Unrolled, wanted: Iterable[Number]) -> list[tuple[str, str]]:
    """(phase, line) for all that `wanted` needs, in the order of computing. Afterwards every
    wanted number has a name or is a constant."""
    needed: set[int] = set()
    todo = list(wanted)
    for n in todo:
        n.uses += 2
    while todo:
        n = todo.pop()
        if id(n) in needed:
            continue
        needed.add(id(n))
        for a in n.args:
            a.uses += 2 if n.op in _TWICE else 1
            todo.append(a)
    lines = []
    count = 0
    for n in numbers.order:
        if id(n) in needed and (n.name or n.uses > 1):
            text = _text(n)[0]
            if not n.name:
                count += 1
                n.name = f"t{count}"
            lines.append((n.phase, f"{n.name} = {text}"))
    return lines


def _text(n: Number) -> tuple[str, int]:
    """How the number is written out, and how tightly that binds."""
    how, binding = _TEXT[n.op]
    parts = []
    for i, a in enumerate(n.args):
        text, tight = written(a)
        loose = tight < binding or (tight == binding and (i > 0 or binding in (0, 2, 6)))
        plus = n.op in ("add", "multiply") and a.op == n.op and tight == binding and i == 0
        parts.append(f"({text})" if loose and not plus and binding < 9 else text)
    return how.format(*parts), binding


def written(n: Number) -> tuple[str, int]:
    """The number where it is used: its name, its value, or its own expression."""
    if n.op == "constant":
        return repr(n.value), 9 if not str(n.value).startswith("-") else 5
    return (n.name, 9) if n.name else _text(n)
