"""The tape computed once more by PyTorch, in float64: the independent check of every number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gobhir.engine import Record, Tape, Tensor
from gobhir.engine.apply import Part, Parts, Pieces
from gobhir.lift.torch_functions import functions

Node = Record | Tensor


@dataclass(eq=False)
class Replayed:
    """A step as PyTorch computes it. values: of each record; gradients: dL/d(value) of each record
    and leaf that has one. engines: records of ops that PyTorch does not have, which the engine
    computed again: of their own numbers this is no second opinion."""

    values: dict[Node, np.ndarray] = field(default_factory=dict)
    gradients: dict[Node, np.ndarray] = field(default_factory=dict)
    engines: set[Record] = field(default_factory=set)


def replayed(tape: Tape, loss: Record) -> Replayed:
    """All that the loss was made of, and its gradients by PyTorch's autograd, in float64."""
    import torch

    known = functions()
    out = Replayed()
    tensors: dict[Node, Any] = {}

    def tensor(x: Any) -> Any:
        if isinstance(x, (np.ndarray, np.generic)):
            return torch.as_tensor(x)
        if not isinstance(x, Tensor):
            return x
        key = x if x._record is None else x._record
        if key not in tensors:
            t = torch.from_numpy(np.array(tape.value(x)))
            t = t.double() if t.is_floating_point() else t
            tensors[key] = t.requires_grad_(x.requires_grad and t.is_floating_point())
        made = tensors[key]
        if x.requires_grad or not isinstance(made, torch.Tensor):
            return made
        return made.detach()  # it was computed under no_grad

    needed = _behind(loss)
    for record in tape.records:
        if record not in needed:
            continue
        inputs = [tensor(x) for x in record.inputs]
        made = _by_pytorch(known.get(record.op.name), record, inputs)
        if made is None:
            out.engines.add(record)
            made = _by_the_engine(record, inputs)
        tensors[record] = made
        if isinstance(made, torch.Tensor):
            out.values[record] = made.detach().numpy()
    whole = {n: t for n, t in tensors.items() if isinstance(t, torch.Tensor) and t.requires_grad}
    found = torch.autograd.grad(tensors[loss].reshape(()), [*whole.values()], allow_unused=True)
    out.gradients = {n: g.numpy() for n, g in zip(whole, found, strict=True) if g is not None}
    parts = (r for r in out.values if isinstance(r, Record) and r.op is Part)
    out.engines |= {r for r in parts if r.inputs[0]._record in out.engines}
    return out


def gradients(
    tape: Tape, loss: Record, leaves: Sequence[Tensor]
) -> dict[Tensor, np.ndarray] | None:
    """dL/d(leaf) for each of `leaves`; None when PyTorch does not have an op of the tape."""
    step = replayed(tape, loss)
    return None if step.engines else {t: step.gradients[t] for t in leaves}


def _by_pytorch(function: Any, record: Record, inputs: list[Any]) -> Any:
    """The op by PyTorch; None where it has none, or refuses these settings."""
    if function is None:
        return None
    try:
        made = function(*inputs, **record.settings)
        if str(getattr(made, "dtype", "")) == "torch.float32":  # of whole numbers alone
            made = function(*(_double(x) for x in inputs), **record.settings)
    except (IndexError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return None
    several = isinstance(record.value, tuple)
    pairs = zip(made, record.value, strict=False) if several else [(made, record.value)]
    return made if all(tuple(a.shape) == np.shape(b) for a, b in pairs) else None


def _double(x: Any) -> Any:
    return x.double() if hasattr(x, "double") else x


def _by_the_engine(record: Record, inputs: list[Any]) -> Any:
    """An op that PyTorch does not have, as a node of its graph."""
    import torch

    op, settings = record.op, record.settings

    def arrays(given: Any) -> list[Any]:
        return [x.detach().numpy() if isinstance(x, torch.Tensor) else x for x in given]

    class Engines(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *given: Any) -> Any:
            made = op.forward(*arrays(given), **settings)
            ctx.given, ctx.made = given, made
            several = made if isinstance(made, tuple) else (made,)
            results = tuple(torch.as_tensor(np.array(v)) for v in several)
            ctx.mark_non_differentiable(*(t for t in results if not t.is_floating_point()))
            return results if isinstance(made, tuple) else results[0]

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            parts = tuple(arrays(cotangents))
            d = Parts(parts) if isinstance(ctx.made, tuple) else parts[0]
            inputs = arrays(ctx.given)
            if op.vjps is not None:
                found = list(op.vjps(d, ctx.made, *inputs, **settings))
            else:
                pulls = [op.pullbacks.get(name) for name in op.inputs]
                pulls += [None] * (len(inputs) - len(pulls))
                found = [
                    p(d, ctx.made, *inputs, **settings) if p is not None and wanted else None
                    for p, wanted in zip(pulls, ctx.needs_input_grad, strict=False)
                ]
            return tuple(_fitted(g, x) for g, x in zip(found, ctx.given, strict=True))

    def _fitted(g: Any, x: Any) -> Any:
        if g is None or not isinstance(x, torch.Tensor):
            return None
        whole = g.whole() if isinstance(g, Pieces) else np.asarray(g)
        return torch.as_tensor(np.array(whole)).sum_to_size(x.shape)

    return Engines.apply(*inputs)


def _behind(loss: Record) -> set[Record]:
    """The records of which the loss was made."""
    todo, seen = [loss], {loss}
    while todo:
        for x in todo.pop().inputs:
            made = x._record if isinstance(x, Tensor) else None
            if made is not None and made not in seen:
                seen.add(made)
                todo.append(made)
    return seen
