"""The card of an op: what it computes, its gradient, a worked example, and where it stands.

All of it comes from the op itself; the example is found by trying inputs until the op accepts
one, unless the op brings its own (`Op.example`).
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import gobhir
from gobhir.derivation.expression import Expr, Function, Name, Sym
from gobhir.derivation.formula import read
from gobhir.derivation.text import Box, box
from gobhir.engine import OPS, Op
from gobhir.engine.apply import Parts
from gobhir.lang import check_language, language, say, t

# keys: rules.family.*

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Example:
    """Inputs and settings that the op takes, what it makes of them, and the gradients of the
    inputs for a gradient `cotangent` of the (first) result."""

    inputs: tuple[Any, ...]
    settings: dict[str, Any]
    value: Any
    cotangent: np.ndarray | None
    grads: dict[str, np.ndarray]


@dataclass(frozen=True)
class Card:
    """What is to be known about one op."""

    op: type[Op]
    example: Example | None

    def to_text(self, lang: str | None = None) -> str:
        """The card for a terminal, in `lang` (default: the language in force)."""
        lang = language() if lang is None else check_language(lang)
        op = self.op
        blocks = [
            f"{op.name}\n{'=' * len(op.name)}",
            t(f"rules.family.{op.family.value}", lang, op=op.name, shape="…")
            if op.family.value != "opaque"
            else "",
            _indented(_equation(op.result, op.formula), *self._gates()),
            self._gradient(lang),
            self._settings(lang),
            self._worked(lang),
            self._code(lang),
        ]
        return "\n\n".join(block for block in blocks if block)

    def _gates(self) -> list[str]:
        """The formulas of what the op's own formula is written in, where it says them."""
        gates: dict[str, str] = getattr(self.op, "gates", {})
        return [_equation(name, formula) for name, formula in gates.items()]

    def _gradient(self, lang: str) -> str:
        op = self.op
        if not op.pullbacks:
            return t("rules.card.no_gradient", lang)
        lines = []
        for name in op.pullbacks:
            if local := op.local_of(name):
                lines.append(_equation(f"∂{op.result}/∂{name}", local))
        if not lines:
            return t("rules.card.gradient_in_code", lang)
        return f"{t('rules.card.gradient', lang)}\n{_indented(*lines)}"

    def _settings(self, lang: str) -> str:
        if not self.op.settings:
            return ""
        named = (
            name if value is inspect.Parameter.empty else f"{name}={value!r}"
            for name, value in self.op.settings.items()
        )
        return f"{t('rules.card.settings', lang)} {', '.join(named)}"

    def _worked(self, lang: str) -> str:
        if self.example is None:
            return ""
        e, op = self.example, self.op
        names = _input_names(op, len(e.inputs))
        rows = [(name, x) for name, x in zip(names, e.inputs, strict=True) if x is not None]
        rows += list(e.settings.items())
        values = e.value if isinstance(e.value, tuple) else (e.value,)
        values = values[: len(values) - op.memos]
        several = len(values) > 1
        rows += [(f"{op.result}[{i}]" if several else op.result, v) for i, v in enumerate(values)]
        if e.cotangent is not None:
            rows.append((f"∂L/∂{op.result}" + ("[0]" if several else ""), e.cotangent))
            rows += [(f"∂L/∂{name}", g) for name, g in e.grads.items()]
        wide = max(len(name) for name, _ in rows)
        lines = []
        for name, value in rows:
            first, *more = _number_lines(value)
            lines.append(f"{name:<{wide}} = {first}")
            lines += [" " * (wide + 3) + line for line in more]
        return f"{t('rules.card.example', lang)}\n{_indented(*lines)}"

    def _code(self, lang: str) -> str:
        file = Path(inspect.getsourcefile(self.op) or "")
        line = inspect.getsourcelines(self.op)[1]
        room = Path(gobhir.__file__).parent
        shown = file.relative_to(room.parent) if file.is_relative_to(room) else file
        source = textwrap.dedent(inspect.getsource(self.op)).rstrip()
        where = t("rules.card.place", lang, file=shown.as_posix(), line=line)
        return f"{where}\n{_indented(*source.splitlines())}"


def card(name: str) -> Card:
    """The card of the op called `name` ("sigmoid", "cross_entropy_loss"). ValueError with the
    names that come near it for an unknown one."""
    found = OPS.get(name) or OPS.get(f"{name}_loss")
    if found is None:
        near = get_close_matches(name, OPS, n=5, cutoff=0.5)
        raise ValueError(say("errors.op.unknown", name=name, near=", ".join(near) or "sigmoid"))
    return Card(found, example(found))


def example(op: type[Op]) -> Example | None:
    """A small example of the op, worked; None where no inputs were found that it takes."""
    for inputs, settings in _candidates(op):
        with np.errstate(all="ignore"):
            try:
                return _work(op, inputs, settings)
            except Exception:  # this one does not fit: try the next
                continue
    return None


def _work(op: type[Op], inputs: tuple[Any, ...], settings: dict[str, Any]) -> Example:
    options = op.defaults | settings
    arrays = tuple(x.copy() if isinstance(x, np.ndarray) else x for x in inputs)
    value = op.forward(*arrays, **options)
    values = tuple(np.asarray(v) for v in (value if isinstance(value, tuple) else (value,)))
    _check_finite(values)
    first = values[0]
    if not op.pullbacks or first.dtype.kind != "f":
        shown = values if isinstance(value, tuple) else first
        return Example(inputs, settings, shown, None, {})
    cotangent = np.resize(np.array([1.0, -0.5, 2.0, 0.25]), first.shape)
    d: Any = cotangent
    if isinstance(value, tuple):
        d = Parts((cotangent, *(np.zeros_like(v, np.float64) for v in values[1:])))
    out = values if isinstance(value, tuple) else first
    grads: dict[str, np.ndarray] = {}
    named = _input_names(op, len(inputs))
    if op.vjps is not None:
        every = op.vjps(d, out, *arrays, **options)
        grads = {n: g for n, g in zip(named, every, strict=False) if g is not None}
    else:
        for n, x in zip(named, inputs, strict=False):
            if n in op.pullbacks and isinstance(x, np.ndarray) and x.dtype.kind == "f":
                grads[n] = op.pullbacks[n](d, out, *arrays, **options)
    fitted = {}
    for n, x in zip(named, inputs, strict=False):
        if n in grads and isinstance(x, np.ndarray):
            g = np.asarray(grads[n])
            fitted[n] = g if g.shape == x.shape else OPS["sum_to"].forward(g, shape=x.shape)
    _check_finite(tuple(fitted.values()))
    return Example(inputs, settings, out, cotangent, fitted)


def _check_finite(values: Arrays) -> None:
    for v in values:
        if v.dtype.kind == "f" and not np.isfinite(v).all():
            raise ValueError("not finite")


_ANY = np.array([0.5, -1.2, 2.0]), np.array([1.5, 0.4, -0.7]), np.array([-0.3, 0.8, 1.1])
_ABOVE = np.array([0.5, 1.2, 2.0]), np.array([1.5, 0.4, 0.7]), np.array([0.3, 0.8, 1.1])
_WITHIN = np.array([0.2, 0.5, 0.9]), np.array([0.7, 0.4, 0.1]), np.array([0.3, 0.8, 0.6])
_WHOLE = np.array([1, 2, 0]), np.array([2, 1, 1]), np.array([0, 1, 1])
_SQUARE = tuple(np.array(m) for m in ([[2.0, 1.0], [1.0, 3.0]], [[1.0, 0.5], [0.2, 2.0]]))
_SETTINGS: dict[str, tuple[Any, ...]] = {
    "dim": (0, -1),
    "dims": ((1, 0), (0,)),
    "shape": ((3, 1), (4,), (2, 2, 2), (2, 3)),
    "index": ((1,),),
    "dtype": (np.dtype("float32"),),
    "place": (0,),
    "p": (2.0,),
}


def _candidates(op: type[Op]) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    if op.example is not None:
        given, settings = op.example
        yield tuple(np.asarray(x) if isinstance(x, list) else x for x in given), settings
        return
    needed = [n for n in op.settings if n not in op.defaults]
    choices = [_SETTINGS.get(n, (1, 0.5)) for n in needed]
    count = len(op.inputs)
    pools: list[tuple[np.ndarray, ...]] = [_ANY, _ABOVE, _WITHIN, _SQUARE, _WHOLE]
    for pool in pools:
        inputs = tuple(pool[i % len(pool)] for i in range(count))
        mixed = (_WHOLE[0] > 0, *inputs[1:])
        for chosen in product(*choices):
            settings = dict(zip(needed, chosen, strict=True))
            yield inputs, settings
            if count > 1:
                yield mixed, settings


def _input_names(op: type[Op], count: int) -> tuple[str, ...]:
    return op.inputs if len(op.inputs) >= count else tuple(f"x{i + 1}" for i in range(count))


def _equation(left: str, formula: str) -> str:
    """The formula as it is written by hand; as it stands in the code where it is no plain one."""
    words = {n.id for n in ast.walk(ast.parse(formula)) if isinstance(n, ast.Name)}
    names: dict[str, Expr] = {w: Sym(Name(w), None) for w in words}
    try:
        drawn = box(read(formula, names, summed=lambda e: Function("sum", (e,))))
    except (ValueError, KeyError, AttributeError, TypeError):
        return f"{left} = {formula}"
    return str(Box((f"{left} = ",)) + drawn)


def _number_lines(value: Any) -> list[str]:
    if not isinstance(value, np.ndarray):
        return [str(value)]
    rounded = np.where(value == 0, 0, value) if value.dtype.kind == "f" else value
    how: dict[str, Any] = {"precision": 4, "suppress_small": True, "separator": ", "}
    return np.array2string(rounded, **how).splitlines()


def _indented(*lines: str) -> str:
    return "\n".join("    " + part for line in lines for part in line.split("\n"))
