"""The network of a step as data for a picture: layer by layer what neurons hold and wires weigh,
what the loss says of each, and by which name `why` knows it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.engine import Record, Tensor
from gobhir.engine.op import Family
from gobhir.explain.explanation import Explanation

MOST_NEURONS = 64


def picture(page: Explanation) -> dict[str, Any] | None:
    """None where the network is no plain chain of weighted sums and activations, or too large.

    inputs: rows of x; layers: each with its parameters (`W` with a row a neuron, `b`), their
    gradients (`dW`, `db`), a row an example of `z`, of `a` behind the activation, and of what the
    loss says of `z` (`dz`); names: what `why` calls them, before [positions]; target, loss.
    rows: how many examples; 0 where the one example has no row of its own."""
    run, trace = page.run, page.trace
    if run.x is None or run.x.ndim > 2 or run.x.shape[-1] > MOST_NEURONS:
        return None
    layers: list[dict[str, Any]] = []
    before: Any = run.x
    for record in run.tape.records:
        if record.order > run.boundary:
            break
        inputs = record.inputs
        if not inputs or _home(inputs[0]) is not before or not isinstance(record.value, np.ndarray):
            return None
        known = [t in run.parameters for t in inputs[1:] if isinstance(t, Tensor)]
        if record.op.name == "linear" and known and all(known):
            if record.value.shape[-1] > MOST_NEURONS:
                return None
            layers.append(_layer(page, record))
        elif record.op.family is Family.ELEMENTWISE and len(inputs) == 1 and layers:
            layers[-1] |= {"activation": record.op.name, "a": _rows(record.value)}
            layers[-1]["names"]["a"] = trace.name(record)
        else:
            return None
        before = record
    if not layers or before is not run.output:
        return None
    return {
        "rows": run.x.shape[0] if run.x.ndim == 2 else 0,
        "inputs": _rows(trace.value(run.x)),
        "layers": layers,
        "chances": _chances(run.output.value) if run.loss.op.name == "cross_entropy_loss" else None,
        "target": None if run.y is None else _numbers(trace.value(run.y)),
        "loss": short(run.loss.value.item()),
    }


def _home(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return None
    return x if x._record is None else x._record


def _layer(page: Explanation, record: Record) -> dict[str, Any]:
    run, trace = page.run, page.trace
    weight, *bias = record.inputs[1:]
    held = {"W": weight, "b": bias[0] if bias else None}
    layer: dict[str, Any] = {"activation": "none", "names": {"z": trace.name(record)}}
    for letter, t in held.items():
        if isinstance(t, Tensor):
            layer["names"][letter] = run.parameters[t]
            layer[letter] = _numbers(trace.value(t))
            layer["d" + letter] = _numbers(trace.gradient(t))
    layer["z"] = _rows(record.value)
    layer["dz"] = _rows(trace.gradient(record))
    return layer


def _chances(z: np.ndarray) -> list[Any]:
    """What softmax makes of the last layer."""
    e = np.exp(z - z.max(-1, keepdims=True))
    return _rows(e / e.sum(-1, keepdims=True))


def _rows(array: np.ndarray | None) -> Any:
    return None if array is None else _numbers(np.atleast_2d(array))


def _numbers(array: np.ndarray | None) -> Any:
    if array is None:
        return None
    flat = [short(v) for v in np.ravel(array).tolist()]
    return np.array(flat, dtype=object).reshape(np.shape(array)).tolist()


def short(value: float) -> float | None:
    """Six significant digits: what a picture can show, and a message need carry. None for what
    JSON has no number for."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
