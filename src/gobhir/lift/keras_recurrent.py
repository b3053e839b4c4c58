"""Keras's recurrent layers and cells, by the engine's steps: weights turned, masked places left as
they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gobhir
from gobhir.engine.ops.written import BENDS
from gobhir.lift.keras_entries import activation, layer, refuse
from gobhir.lift.step_kinds import Kind, gru, lstm, plain, step
from gobhir.nn import functional as F

_CELL = "units activation dropout recurrent_dropout dropout_mask_count"
_RECURRENT = " ".join(f"{word}=cell.{word}" for word in _CELL.split())
_RECURRENT += " return_sequences return_state go_backwards zero_output_for_mask stateful"
_WEIGHTS = "kernel=cell.kernel recurrent_kernel=cell.recurrent_kernel bias=cell.bias"

Read = Callable[[Any, Any, Any, Any], tuple[Kind, tuple[Any, ...]]]
"""Of the settings and the weights: the kind of step, and its weights."""


def _bend(function: Any) -> str:
    name = activation(function).replace("_", "")
    refuse(name not in BENDS)
    return name


def _lstm(at: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> tuple[Kind, tuple[Any, ...]]:
    kind = lstm(bend=_bend(at.activation), gate=_bend(at.recurrent_activation))
    return kind, (kernel.T, recurrent_kernel.T, bias, None)


def _gru(at: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> tuple[Kind, tuple[Any, ...]]:
    bends = {"bend": _bend(at.activation), "gate": _bend(at.recurrent_activation)}
    biases = (bias, None) if bias is None or bias.dim() == 1 else (bias[0], bias[1])
    kind = gru(**bends, reset_first=not at.reset_after)
    return kind, (kernel.T, recurrent_kernel.T, *biases)


def _plain(at: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> tuple[Kind, tuple[Any, ...]]:
    return plain(bend=_bend(at.activation)), (kernel.T, recurrent_kernel.T, bias, None)


def _left_out(at: Any, kind: Kind, x: Any, training: Any) -> tuple[Any, Kind, list[Any]]:
    """x of all times, the kind of step, and what x and h are multiplied by in it: chosen once for
    all times. Where all gates have the same, x is thinned before the steps."""
    rates = {"x": at.dropout if training else 0, "h": at.recurrent_dropout if training else 0}
    apart = bool(at.dropout_mask_count)
    if rates["x"] and not apart:
        x = F.dropout(x, float(rates.pop("x")), True)
    dropped = "".join(word for word, rate in rates.items() if rate)
    kind = replace(kind, dropped=dropped, apart=apart and bool(dropped))
    sizes = {"x": x.shape[-1], "h": at.units}
    ones = {word: gobhir.ones(x.shape[0], sizes[word], dtype=x.dtype) for word in dropped}
    made = (F.dropout(ones[name[2]], float(rates[name[2]]), True) for name in kind.left_out)
    return x, kind, list(made)


def _through_time(read: Read, states: int) -> Callable[..., Any]:
    def run(
        at: Any, x: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None,
        initial_state: Any = None, mask: Any = None, training: Any = None, **_: Any,
    ) -> Any:  # fmt: skip
        refuse(bool(at.stateful))
        kind, weights = read(at, kernel, recurrent_kernel, bias)
        x, kind, left_out = _left_out(at, kind, x, training)
        if initial_state is None:
            now = tuple(gobhir.zeros(x.shape[0], at.units, dtype=x.dtype) for _ in range(states))
        else:
            several = isinstance(initial_state, (list, tuple))
            now = tuple(initial_state) if several else (initial_state,)
        if mask is not None:
            kind, mask = replace(kind, masked=True), mask.to(x.dtype)
        shown = []
        for t in reversed(range(x.shape[1])) if at.go_backwards else range(x.shape[1]):
            here = [] if mask is None else [mask[:, t : t + 1]]
            now = step(kind)(x[:, t], *now, *weights, *here, *left_out)
            shown.append(now[0])
        out = gobhir.stack(shown, 1) if at.return_sequences else shown[-1]
        if mask is not None and at.zero_output_for_mask:
            seen = gobhir.flip(mask, (1,)) if at.go_backwards else mask
            out = out * (seen.unsqueeze(-1) if at.return_sequences else seen[:, -1:])
        return (out, *now) if at.return_state else out

    return run


def _one_step(read: Read) -> Callable[..., Any]:
    def run(
        at: Any, x: Any, states: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None,
        training: Any = None, **_: Any,
    ) -> Any:  # fmt: skip
        refuse(bool(training and (at.dropout or at.recurrent_dropout)))
        kind, weights = read(at, kernel, recurrent_kernel, bias)
        now = states if isinstance(states, (list, tuple)) else [states]
        new = step(kind)(x, *now, *weights)
        return (new[0], *new)

    return run


for _name, _read, _count, _more in (
    ("LSTM", _lstm, 2, " recurrent_activation"),
    ("GRU", _gru, 1, " recurrent_activation reset_after"),
    ("SimpleRNN", _plain, 1, ""),
):
    _inside = " ".join(f"{word}=cell.{word}" for word in _more.split())
    layer(_name, weights=_WEIGHTS, settings=f"{_RECURRENT} {_inside}")(_through_time(_read, _count))
    layer(f"{_name}Cell", weights="kernel recurrent_kernel bias", settings=_CELL + _more)(
        _one_step(_read)
    )
