"""The card of an op: what it computes, its gradient, a worked example, and where it stands.

All of it comes from the op itself. Start reading at `card`; the example is example.py's.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

import gobhir
from gobhir.engine import OPS, Family, Op
from gobhir.explain.cards.example import Example, example, input_names
from gobhir.explain.cards.textbook import MEAN, equation, function_symbol, symbol, words
from gobhir.lang import catalogue, check_language, language, say, t

# keys: rules.kind.*, rules.op.*, rules.symbol.*

WIDTH = 88

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
class Card:
    """What is to be known about one op."""

    op: type[Op]
    example: Example | None

    def to_text(self, lang: str | None = None, width: int = WIDTH) -> str:
        """The card for a terminal of `width` columns, in `lang` (default: the language in force).
        Sentences are wrapped; formulas, numbers and code keep their lines."""
        lang = language() if lang is None else check_language(lang)
        op = self.op
        blocks = [
            f"{op.name}\n{'=' * len(op.name)}",
            t(sentence(op), lang),
            _indented(*self._formulas(lang)) + self._symbols(lang),
            self._gradient(lang),
            self._settings(lang),
            self._shapes(lang),
            self._worked(lang),
            self._code(lang),
        ]
        lines = "\n\n".join(block for block in blocks if block).split("\n")
        return "\n".join(line if line[:1] in ("", " ") else _wrapped(line, width) for line in lines)

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
            f"{function_symbol(word)}: {t(key, lang)}"
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
            return t("rules.card.gradient_in_code", lang)
        alone = op.family in (Family.ELEMENTWISE, Family.LOSS)
        told = t("rules.card.gradient" if alone else "rules.card.gradient_summed", lang)
        told = f"{told}\n{_indented(*lines)}"
        if missing := [name for name in op.pullbacks if not op.local_of(name)]:
            told += "\n" + t("rules.card.rest_in_code", lang, inputs=", ".join(missing))
        if "reduction" in op.settings:
            told += "\n\n" + t("rules.card.reduction", lang)
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
        key = "rules.card.shapes"
        if not all(name in said for side in sides for name in side):
            key = "rules.card.shapes_here"
            said = {name: str(np.shape(x)) for side in sides for name, x in side.items()}
        given, made = (", ".join(f"{name} {said[name]}" for name in side) for side in sides)
        return f"{t(key, lang)} {given} → {made}"

    def _named_inputs(self) -> dict[str, Any]:
        assert self.example is not None
        inputs = self.example.inputs
        names = input_names(self.op, len(inputs))
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
        e, results = self.example, self._named_results()
        rows = list(self._named_inputs().items())
        rows += [(name, _setting(value)) for name, value in e.settings.items()]
        rows += results.items()
        if e.cotangent is not None:
            a_loss = self.op.family is Family.LOSS
            top = "∂L" if a_loss or "L" not in results else "∂loss"  # L is a matrix of cholesky
            if not a_loss:
                rows.append((f"{top}/∂{list(results)[e.of]}", e.cotangent))
            rows += [(f"{top}/∂{name}", g) for name, g in e.grads.items()]
        wide = max(len(name) for name, _ in rows)
        lines = []
        for name, value in rows:
            first, *more = _number_lines(value)
            lines.append(f"{name:<{wide}} = {first}")
            lines += [" " * (wide + 3) + line for line in more]
        return f"{t('rules.card.example', lang)}\n{_indented(*lines)}"

    def _code(self, lang: str) -> str:
        source = textwrap.dedent(inspect.getsource(self.op)).rstrip()
        where = t("rules.card.place", lang, **_place(self.op))
        return f"{where}\n{_indented(*source.splitlines())}"


def card(name: str) -> Card:
    """The card of the op called `name`, in PyTorch's spelling too ("sigmoid", "matmul", "conv2d",
    "nn.MSELoss", "clip"). ValueError for what is no op: where it is written, if Gobhir has it,
    else the names that come near."""
    bare = _bare(name)
    named = {_bare(known): op for known, op in OPS.items()}
    found = named.get(bare) or OPS.get(_DONE_BY.get(bare, ""))
    if found is None:
        called, f = _function(name)
        found = OPS.get(getattr(f, "__name__", ""))
        if found is None and called:
            raise ValueError(say("errors.op.composed", name=name, called=called, **_place(f)))
    if found is None:
        near = ", ".join(get_close_matches(name.lower(), OPS, n=5, cutoff=0.6))
        key = "errors.op.misspelt" if near else "errors.op.unknown"
        raise ValueError(say(key, name=name, **({"near": near} if near else {})))
    return Card(found, example(found))


def _function(name: str) -> tuple[str, Any]:
    """What Gobhir has under this name, and what that is called; ("", None) for nothing."""
    last = name.lower().rpartition(".")[2]
    for prefix, home in {
        "gobhir": gobhir,
        "gobhir.nn.functional": gobhir.nn.functional,
        "gobhir.nn": gobhir.nn,
        "Tensor": gobhir.Tensor,
        "gobhir.linalg": gobhir.linalg,
        "gobhir.optim": gobhir.optim,
    }.items():
        for known, f in vars(home).items():
            if known.lower() == last and inspect.isroutine(f) | inspect.isclass(f):
                f = inspect.unwrap(f)
                if f.__module__.startswith("gobhir."):
                    return f"{prefix}.{known}", f
    return "", None


def _place(thing: Any) -> dict[str, Any]:
    """The file in which a function or class stands, as seen from here, and the line."""
    file = Path(inspect.getsourcefile(thing) or "")
    roots = Path.cwd(), Path(gobhir.__file__).parent.parent
    root = next((r for r in roots if file.is_relative_to(r)), None)
    shown = file if root is None else file.relative_to(root)
    return {"file": shown.as_posix(), "line": inspect.getsourcelines(thing)[1]}


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
        return [", ".join("0" if part is None else str(part) for part in value)]
    if not isinstance(value, np.ndarray):
        return [str(value)]
    # Rounded before it is printed: what is all but 0 should not show as -0.
    shown = np.round(value, 4) + 0.0 if value.dtype.kind == "f" else value
    how: dict[str, Any] = {"precision": 4, "suppress_small": True, "separator": ", "}
    return [line for line in np.array2string(shown, **how).splitlines() if line.strip()]


def _wrapped(told: str, width: int) -> str:
    return textwrap.fill(told, width, break_long_words=False)


def _indented(*lines: str) -> str:
    return "\n".join("    " + part for line in lines for part in line.split("\n"))
