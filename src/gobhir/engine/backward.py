"""Reverse-mode differentiation: the records of the tape, read from last to first.

Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3; the behaviour (leaf
accumulation, retain_graph, create_graph) is PyTorch's autograd.
"""

from __future__ import annotations

import dis
from collections.abc import Sequence
from typing import Any

import numpy as np

from gobhir.engine.apply import apply
from gobhir.engine.op import Family
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
    found: dict[int, tuple[Tensor, Any, bool]] = {}

    def arrive(t: Tensor, gradient: Any, shared: bool) -> None:
        if t._record is not None and t.requires_grad:
            old = pending.get(t._record)
            pending[t._record] = gradient if old is None else old + gradient
        if (wanted is None and t.is_leaf) or (wanted is not None and id(t) in wanted):
            if id(t) in found:
                gradient, shared = found[id(t)][1] + gradient, False
            found[id(t)] = (t, gradient, shared)

    with enable_grad() if create_graph else no_grad(), np.errstate(all="ignore"):
        for t, given in zip(tensors, cotangents, strict=True):
            start = _seed(t, given)
            arrive(t, start if create_graph else start.array, given is not None)
        for record in _reachable(pending):
            cotangent = pending.pop(record, None)
            if cotangent is None:
                continue
            _pass_through(record, cotangent, create_graph, arrive)
        if not keep:
            _release(tensors)
        return {key: (t, _finish(t, g, shared)) for key, (t, g, shared) in found.items()}


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
    if any(now[0] != then for now, then in record.versions):
        _refuse_if_needed(record)
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
            # On a tape the Gradient keeps g too.
            arrive(given, g, g is cotangent or state.tape is not None)


def _refuse_if_needed(record: Record) -> None:
    """Something was changed in place since the op ran: RuntimeError if a pullback reads it.
    Rearrangements and reductions read shapes only."""
    if record.op.family in (Family.REARRANGEMENT, Family.GATHER, Family.REDUCTION):
        return
    tensors = [i for i, x in enumerate(record.inputs) if isinstance(x, Tensor)]
    # A pullback takes the gradient, the result, the inputs.
    places = [*(i + 2 for i in tensors), 1]
    changed = [
        place for place, (now, then) in zip(places, record.versions, strict=True) if now[0] != then
    ]
    for i in tensors:
        pullback = record.op.pullbacks.get(record.op.inputs[i])
        if pullback and record.inputs[i].requires_grad:
            for place in changed:
                if _reads(pullback, place):
                    raise RuntimeError(say("errors.backward.modified", op=record.op.name))


def _reads(pullback: Any, place: int) -> bool:
    """Whether the function makes use of its parameter at this place."""
    name = pullback.__code__.co_varnames[place]
    loads = (i for i in dis.get_instructions(pullback) if i.opname.startswith("LOAD_"))
    return any(name in i.argval if isinstance(i.argval, tuple) else name == i.argval for i in loads)


def _hooked(hook: Any, cotangent: Any, create_graph: bool) -> Any:
    shown = cotangent if create_graph else Tensor._wrap(cotangent)
    answer = hook(shown)
    if answer is None:
        return cotangent
    return answer if create_graph else answer.array


def _finish(t: Tensor, gradient: Any, shared: bool) -> Tensor:
    """The gradient as a Tensor that owns its memory: an optimizer or clip_grad_norm_ writes into
    it, and must not write into another gradient or a value of the graph by that."""
    if isinstance(gradient, Tensor):
        out = gradient.clone() if shared else gradient
    else:
        array = np.asarray(gradient)
        out = Tensor._wrap(array.copy() if shared or array.base is not None else array)
    if t._record is None:
        for hook in t._hooks or ():
            answer = hook(out)
            out = out if answer is None else answer
    return out


def _release(tensors: Sequence[Tensor]) -> None:
    """Mark the graph as used, and let go of it unless a tape still reads it."""
    for record in _reachable({t._record: None for t in tensors if t._record is not None}):
        record.spent = True
        if state.tape is None:
            record.inputs = ()
            record.versions = ()
