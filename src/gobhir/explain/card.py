"""The card of an op: what it computes, its gradient, a worked example, and where it stands.

All of it comes from the op itself; the example is found by trying inputs until the op accepts
one, unless the op brings its own (`Op.example`).
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import gobhir
from gobhir.engine import OPS, Family, Op
from gobhir.engine.apply import Parts
from gobhir.explain.textbook import MEAN, equation, symbol, words
from gobhir.lang import catalogue, check_language, language, say, t

# keys: rules.kind.*, rules.op.*, rules.symbol.*

WIDTH = 88
Arrays = tuple[np.ndarray, ...]


_DONE_BY = {
    "view": "reshape", "flatten": "reshape", "unflatten": "reshape", "squeeze": "reshape",
    "unsqueeze": "reshape", "transpose": "permute", "t": "permute", "swapaxes": "permute",
    "movedim": "permute", "broadcastto": "expand", "concat": "cat", "pad": "constant_pad",
    "mm": "mat_mul", "bmm": "mat_mul", "mv": "mat_mul", "dot": "mat_mul", "square": "pow",
    "gather": "get_item", "indexselect": "get_item", "maskedfill": "where",
    "lstm": "lstm_layer", "lstmcell": "lstm_step", "gru": "gru_layer", "grucell": "gru_step",
    "rnn": "rnn_layer", "rnncell": "rnn_step", "scaleddotproductattention": "attention",
    "interpolate": "resample", "upsample": "resample", "einsum": "mat_mul", "relu6": "hardtanh",
    "binarycrossentropy": "bce_loss", "binarycrossentropywithlogits": "bce_with_logits_loss",
}  # fmt: skip
"""What PyTorch has as functions of their own, and the op that does their work here."""
_SHAPE = re.compile(r"(\w+(?:, \w+)*): (\((?:[^()]|\([^()]*\))*\))")
"""In a docstring: "x, y: (N, C, ...)"."""


@dataclass(frozen=True)
class Example:
    """Inputs and settings that the op takes, what it makes of them, and the gradients of the
    inputs for a gradient `cotangent` of result number `of`."""

    inputs: tuple[Any, ...]
    settings: dict[str, Any]
    value: Any
    cotangent: np.ndarray | None
    grads: dict[str, np.ndarray]
    of: int = 0


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
            _wrapped(t(sentence(op), lang)),
            _indented(*self._formulas(lang)) + self._symbols(lang),
            self._gradient(lang),
            self._settings(lang),
            self._shapes(lang),
            self._worked(lang),
            self._code(lang),
        ]
        return "\n\n".join(block for block in blocks if block)

    def _equation(self, left: str, formula: str, lang: str) -> str:
        times = "⊙" if self.op.family is Family.RECURRENT else "·"
        return equation(left, formula, lang, times)

    def _formulas(self, lang: str) -> list[str]:
        """The op's formula, and those of what it is written in, where the op says them."""
        gates: dict[str, str] = getattr(self.op, "gates", {})
        left = ", ".join(map(symbol, self.op.results)) if _is_whole(self.op) else self.op.result
        pairs = [(left, self.op.formula), *gates.items()]
        return [self._equation(name, formula, lang) for name, formula in pairs]

    def _symbols(self, lang: str) -> str:
        """What the words of the formulas mean that are neither inputs nor settings."""
        op = self.op
        formulas = [op.formula, *filter(None, map(op.local_of, op.pullbacks))]
        told = catalogue(lang)
        named = dict.fromkeys(word for f in formulas for word in words(f))
        lines = [
            f"{symbol(word)}: {t(key, lang)}"
            for word in named
            if (key := f"rules.symbol.{word}") in told
            and word not in (*op.inputs, *op.settings, op.result, *getattr(op, "gates", {}))
        ]
        if any(MEAN in self._equation("", f, lang) for f in formulas):
            lines.append(f"{MEAN}: {t('rules.symbol.x_mean', lang)}")
        return f"\n\n{_indented(*lines)}" if lines else ""

    def _gradient(self, lang: str) -> str:
        op = self.op
        if not op.pullbacks:
            return t("rules.card.no_gradient", lang)
        lines = []
        for name in op.pullbacks:
            if local := op.local_of(name):
                lines.append(self._equation(f"∂{_result_names(op, 1)[0]}/∂{name}", local, lang))
        whole = [
            equation(f"∂L/∂{name}", formula, lang, d=f"∂L/∂{op.result}")
            for name, formula in op.back.items()
        ]
        if whole:
            return f"{t('rules.card.back', lang)}\n{_indented(*whole)}"
        if not lines:
            return _wrapped(t("rules.card.gradient_in_code", lang))
        alone = op.family in (Family.ELEMENTWISE, Family.LOSS)
        told = t("rules.card.gradient" if alone else "rules.card.gradient_summed", lang)
        told = f"{_wrapped(told)}\n{_indented(*lines)}"
        if missing := [name for name in op.pullbacks if not op.local_of(name)]:
            rest = t("rules.card.rest_in_code", lang, inputs=", ".join(missing))
            told += f"\n{_wrapped(rest)}"
        if "reduction" in op.settings:
            told += f"\n\n{_wrapped(t('rules.card.reduction', lang))}"
        return told

    def _settings(self, lang: str) -> str:
        if not self.op.settings:
            return ""
        named = (
            name if value is inspect.Parameter.empty else f"{name}={value!r}"
            for name, value in self.op.settings.items()
        )
        return f"{t('rules.card.settings', lang)} {', '.join(named)}"

    def _shapes(self, lang: str) -> str:
        """In letters where docstrings, the op's or its kind's, give all of them, else those of the
        example."""
        if self.op.family is Family.ELEMENTWISE:
            several = len(self.op.inputs) > 1
            return t("rules.card.shapes_together" if several else "rules.card.shape_kept", lang)
        if self.example is None:
            return ""
        said = {
            name: shape
            for kind in self.op.__mro__
            for names, shape in _SHAPE.findall(" ".join((kind.__doc__ or "").split()))
            for name in names.split(", ")
        }
        sides = self._named_inputs(), self._named_results()
        if not all(name in said for side in sides for name in side):
            said = {name: str(np.shape(x)) for side in sides for name, x in side.items()}
        given, made = (", ".join(f"{name} {said[name]}" for name in side) for side in sides)
        return _wrapped(f"{t('rules.card.shapes', lang)} {given} → {made}")

    def _named_inputs(self) -> dict[str, Any]:
        assert self.example is not None
        inputs = self.example.inputs
        names = _input_names(self.op, len(inputs))
        return {n: x for n, x in zip(names, inputs, strict=True) if x is not None}

    def _named_results(self) -> dict[str, Any]:
        assert self.example is not None
        value = self.example.value
        values = value if isinstance(value, tuple) else (value,)
        values = values[: len(values) - self.op.memos]
        return dict(zip(_result_names(self.op, len(values)), values, strict=True))

    def _worked(self, lang: str) -> str:
        if self.example is None:
            return ""
        e, op, results = self.example, self.op, self._named_results()
        rows = list(self._named_inputs().items())
        rows += [(name, _setting(value)) for name, value in e.settings.items()]
        rows += results.items()
        if e.cotangent is not None:
            rows.append((f"∂L/∂{list(results)[e.of]}", e.cotangent))
            rows += [(f"∂L/∂{name}", g) for name, g in e.grads.items()]
        if op.family is Family.LOSS:
            rows = [row for row in rows if row[0] != "∂L/∂L"]
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
        root = next((r for r in (Path.cwd(), room.parent) if file.is_relative_to(r)), None)
        shown = file if root is None else file.relative_to(root)
        source = textwrap.dedent(inspect.getsource(self.op)).rstrip()
        where = t("rules.card.place", lang, file=shown.as_posix(), line=line)
        return f"{where}\n{_indented(*source.splitlines())}"


def card(name: str) -> Card:
    """The card of the op called `name`, in PyTorch's spelling too ("sigmoid", "matmul", "conv2d",
    "nn.MSELoss"). ValueError with the names that come near it for an unknown one."""
    named = {_bare(known): op for known, op in OPS.items()}
    found = named.get(_bare(name)) or OPS.get(_DONE_BY.get(_bare(name), ""))
    if found is None:
        near = get_close_matches(name, OPS, n=5, cutoff=0.5)
        raise ValueError(say("errors.op.unknown", name=name, near=", ".join(near) or "sigmoid"))
    return Card(found, example(found))


def sentence(op: type[Op]) -> str:
    """The key of what the op does, in words: its own sentence, or that of its kind."""
    own = f"rules.op.{op.name}"
    if own in catalogue("en"):
        return own
    several = op.family is Family.ELEMENTWISE and len(op.inputs) > 1
    return "rules.kind.together" if several else f"rules.kind.{op.family.value}"


def _bare(name: str) -> str:
    """A name without what PyTorch's spellings differ in: conv2d, nn.Conv2d and conv are one."""
    word = name.lower().rpartition(".")[2].replace("_", "")
    return re.sub("(?<=.)[123]d$", "", word.removesuffix("loss") or word)


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
    out = values if isinstance(value, tuple) else first
    for of, part in enumerate(values):
        if part.dtype.kind == "f":  # the first result that a gradient comes through
            cotangent = np.resize(np.array([1.0, -0.5, 2.0, 0.25]), part.shape)
            grads = _grads(op, inputs, arrays, options, out, of, cotangent)
            if any(g.any() for g in grads.values()):
                return Example(inputs, settings, out, cotangent, grads, of)
    cotangent = np.resize(np.array([1.0, -0.5, 2.0, 0.25]), first.shape)
    grads = _grads(op, inputs, arrays, options, out, 0, cotangent)
    return Example(inputs, settings, out, cotangent, grads)


def _grads(
    op: type[Op],
    inputs: tuple[Any, ...],
    arrays: tuple[Any, ...],
    options: dict[str, Any],
    out: Any,
    of: int,
    cotangent: np.ndarray,
) -> dict[str, np.ndarray]:
    """The inputs' gradients where only result number `of` has one."""
    d: Any = cotangent
    if isinstance(out, tuple):
        d = Parts(cotangent if i == of else np.zeros_like(v, float) for i, v in enumerate(out))
    grads: dict[str, Any] = {}
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
    return fitted


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
    return (
        op.inputs[:count] if len(op.inputs) >= count else tuple(f"x{i + 1}" for i in range(count))
    )


def _result_names(op: type[Op], count: int) -> list[str]:
    if count == 1:
        return [op.results[0] if _is_whole(op) else op.result]
    return [*op.results, *(f"{op.result}[{i}]" for i in range(len(op.results), count))]


def _is_whole(op: type[Op]) -> bool:
    """Whether the formula is that of all results together, as svd(A) is."""
    return bool(op.results) and op.formula.startswith((f"{op.name}(", "(sign"))


def _setting(value: Any) -> Any:
    """A setting of the example as one would type it."""
    if isinstance(value, slice):
        return ":".join("" if n is None else str(n) for n in (value.start, value.stop))
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    if isinstance(value, type) and issubclass(value, Op):
        return value.name
    if isinstance(value, dict):
        return ", ".join(f"{k}={_setting(v)}" for k, v in value.items())
    if isinstance(value, tuple):
        parts = [str(_setting(v)) for v in value]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    return value


def _number_lines(value: Any) -> list[str]:
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return [", ".join(map(str, value))]
    if not isinstance(value, np.ndarray):
        return [str(value)]
    # Rounded before it is printed: what is all but 0 should not show as -0.
    shown = np.round(value, 4) + 0.0 if value.dtype.kind == "f" else value
    how: dict[str, Any] = {"precision": 4, "suppress_small": True, "separator": ", "}
    return [line for line in np.array2string(shown, **how).splitlines() if line.strip()]


def _wrapped(told: str) -> str:
    return textwrap.fill(told, WIDTH)


def _indented(*lines: str) -> str:
    return "\n".join("    " + part for line in lines for part in line.split("\n"))
