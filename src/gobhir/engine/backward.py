"""Reverse-mode differentiation: the records of the tape, read from last to first.

Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3; the behaviour (leaf
accumulation, retain_graph, create_graph) is PyTorch's autograd.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gobhir.engine.apply import apply
from gobhir.engine.ops.reductions import SumTo
from gobhir.engine.tape import Gradient, Record, enable_grad, no_grad, state
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def backward(
    tensors: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | None = None,
) -> None:
    """Add d(sum of tensors . cotangents)/d(leaf) to the `.grad` of every leaf that asked for it.

    tensors: results to differentiate, any shapes; cotangents: of the same shapes, None allowed
    for a scalar. RuntimeError when there is nothing to differentiate or the graph is used up.
    """
    wanted = None if inputs is None else {id(t): t for t in inputs}
    found = _pull(tensors, cotangents, retain_graph, create_graph, wanted)
    for leaf, gradient in found.values():
        leaf.grad = gradient if leaf.grad is None else leaf.grad + gradient


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients themselves, one for each input, leaving every `.grad` as it was.

    https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html
    """
    results = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wishes = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    given = (
        [grad_outputs] * len(results)
        if grad_outputs is None or isinstance(grad_outputs, Tensor)
        else list(grad_outputs)
    )
    found = _pull(results, given, retain_graph, create_graph, {id(t): t for t in wishes})
    answers = []
    for t in wishes:
        if id(t) not in found and not allow_unused:
            raise RuntimeError(say("errors.backward.unused"))
        answers.append(found[id(t)][1] if id(t) in found else None)
    return tuple(answers)


def _pull(
    tensors: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
    wanted: dict[int, Tensor] | None,
) -> dict[int, tuple[Tensor, Tensor]]:
    keep = create_graph if retain_graph is None else retain_graph
    pending: dict[Record, Any] = {}
    found: dict[int, tuple[Tensor, Any]] = {}

    def arrive(t: Tensor, gradient: Any) -> None:
        if t._record is not None and t.requires_grad:
            old = pending.get(t._record)
            pending[t._record] = gradient if old is None else old + gradient
        if (wanted is None and t.is_leaf) or (wanted is not None and id(t) in wanted):
            old = found.get(id(t))
            found[id(t)] = (t, gradient if old is None else old[1] + gradient)

    with enable_grad() if create_graph else no_grad(), np.errstate(all="ignore"):
        for t, given in zip(tensors, cotangents, strict=True):
            start = _seed(t, given)
            arrive(t, start if create_graph else start.array)
        for record in _reachable(pending):
            cotangent = pending.pop(record, None)
            if cotangent is None:
                continue
            _pass_through(record, cotangent, create_graph, arrive)
        if not keep:
            _release(tensors)
    return {key: (leaf, _finish(leaf, g, create_graph)) for key, (leaf, g) in found.items()}


def _seed(t: Tensor, given: Tensor | None) -> Tensor:
    if not t.requires_grad:
        raise RuntimeError(say("errors.backward.no_grad"))
    if given is None:
        if t.array.size != 1:
            raise RuntimeError(say("errors.backward.not_scalar", shape=tuple(t.shape)))
        return Tensor._wrap(np.ones_like(t.array))
    if given.shape != t.shape:
        raise RuntimeError(
            say("errors.backward.seed_shape", got=tuple(given.shape), want=tuple(t.shape))
        )
    return given


def _reachable(start: dict[Record, Any]) -> list[Record]:
    """Every record that a gradient can reach, latest first. An op runs after all that it needs,
    so the order of running, reversed, is an order in which every gradient is complete."""
    todo = list(start)
    seen = set(todo)
    while todo:
        for x in todo.pop().inputs:
            record = x._record if isinstance(x, Tensor) and x.requires_grad else None
            if record is not None and record not in seen:
                seen.add(record)
                todo.append(record)
    return sorted(seen, key=lambda r: -r.order)


def _pass_through(record: Record, cotangent: Any, create_graph: bool, arrive: Any) -> None:
    if record.spent:
        raise RuntimeError(say("errors.backward.spent", op=record.op.name))
    tensors = [x for x in record.inputs if isinstance(x, Tensor)]
    if any(t._version[0] != v for t, v in zip(tensors, record.versions, strict=True)):
        raise RuntimeError(say("errors.backward.modified", op=record.op.name))
    for hook in record.hooks or ():
        cotangent = _hooked(hook, cotangent, create_graph)
    if record.retained is not None:
        record.retained(cotangent)
    if create_graph:
        value: Any = Tensor._wrap(record.value, True)
        value._record = record
        inputs = record.inputs
    else:
        value = record.value
        inputs = tuple(x.array if isinstance(x, Tensor) else x for x in record.inputs)
    grads: list[Any] = []
    for name, given, x in zip(record.op.inputs, record.inputs, inputs, strict=False):
        pullback = record.op.pullbacks.get(name)
        if pullback is None or not (isinstance(given, Tensor) and given.requires_grad):
            grads.append(None)
            continue
        g = pullback(cotangent, value, *inputs, **record.settings)
        if g.shape != x.shape:
            g = apply(SumTo, g, shape=x.shape)
        if g.dtype != x.dtype:
            g = g.to(x.dtype) if isinstance(g, Tensor) else g.astype(x.dtype)
        grads.append(g)
    if state.tape is not None:
        plain = (g.array if isinstance(g, Tensor) else g for g in grads)
        raw = cotangent.array if isinstance(cotangent, Tensor) else cotangent
        state.tape.record(Gradient(record, raw, tuple(plain)))
    for given, g in zip(record.inputs, grads, strict=False):
        if g is not None:
            arrive(given, g)


def _hooked(hook: Any, cotangent: Any, create_graph: bool) -> Any:
    shown = cotangent if create_graph else Tensor._wrap(cotangent)
    answer = hook(shown)
    if answer is None:
        return cotangent
    return answer if create_graph else answer.array


def _finish(leaf: Tensor, gradient: Any, create_graph: bool) -> Tensor:
    out = gradient if isinstance(gradient, Tensor) else Tensor._wrap(np.asarray(gradient))
    if leaf._record is None:
        for hook in leaf._hooks or ():
            answer = hook(out)
            out = out if answer is None else answer
    if not create_graph and out.array.base is None and out.array.flags.owndata:
        return Tensor._wrap(out.array)
    # A gradient must not share memory with another one or with a value of the graph: an
    # optimizer or clip_grad_norm_ writes into it.
    return out if create_graph else Tensor._wrap(out.array.copy())


def _release(tensors: Sequence[Tensor]) -> None:
    """Mark the graph as used, and let go of it unless a tape still reads it."""
    for record in _reachable({t._record: None for t in tensors if t._record is not None}):
        record.spent = True
        if state.tape is None:
            record.inputs = ()
            record.versions = ()
