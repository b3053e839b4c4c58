"""Reverse-mode differentiation: the records of the tape, read from last to first.

Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 3; the behaviour (leaf
accumulation, retain_graph, create_graph) is PyTorch's autograd.
"""

from __future__ import annotations

import dis
from collections.abc import Iterable, Sequence
from functools import cache, partial
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np

from gobhir.engine.apply import Part, Parts, Pieces, apply
from gobhir.engine.hooks import AfterAccumulation
from gobhir.engine.ops.reductions import SumTo
from gobhir.engine.tape import Gradient, Record, enable_grad, no_grad, state
from gobhir.engine.tensor import Tensor
from gobhir.lang import Message, say


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add d(sum of tensors . grad_tensors)/d(leaf) to the `.grad` of every leaf that asked for it.

    tensors: results to differentiate, any shapes; grad_tensors: of the same shapes, None allowed
    for a scalar. RuntimeError when there is nothing to differentiate or the graph is used up.
    """
    results = [tensors] if isinstance(tensors, Tensor) else tensors
    if grad_tensors is None or isinstance(grad_tensors, Tensor):
        grad_tensors = [grad_tensors] * len(results)
    if isinstance(inputs, Tensor):
        inputs = [inputs]
    if state.before_backward is not None:
        state.before_backward(results)
    grad_tensors = _weighed(results, grad_tensors)
    wanted = None if inputs is None else {_edge(t): t for t in inputs}
    found = _pull(results, grad_tensors, retain_graph, create_graph, wanted)
    for leaf, gradient in found.values():
        old = leaf.grad
        if old is None:
            leaf.grad = gradient
        elif old.requires_grad or gradient.requires_grad:
            leaf.grad = old + gradient
        else:  # in the same memory, as whoever holds the old gradient expects
            old.array += gradient.array
            old._changed("backward")
        for hook in leaf._hooks or ():
            if isinstance(hook, AfterAccumulation):
                hook.call(leaf)


def clear(leaves: Iterable[Tensor], set_to_none: bool) -> None:
    """Take the gradients away, or fill them with zeros in their own memory."""
    for leaf in leaves:
        if set_to_none:
            leaf.grad = None
        elif leaf.grad is not None:
            if leaf.grad.requires_grad:  # backward(create_graph=True) left it
                leaf.grad = leaf.grad.detach()
            leaf.grad.zero_()


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    *,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients themselves, one for each input, leaving every `.grad` as it was.
    only_inputs is taken and ignored, as PyTorch does: nothing else gets a gradient.

    https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html
    """
    results = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wishes = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    given: Sequence[Tensor | None] = (
        [grad_outputs] * len(results)
        if grad_outputs is None or isinstance(grad_outputs, Tensor)
        else list(grad_outputs)
    )
    if not all(t.requires_grad for t in wishes):
        raise RuntimeError(say("errors.backward.input_no_grad"))
    if not create_graph:  # what is differentiated on is no part of a batch's gradient yet
        given = _weighed(results, given)
    keys = [_edge(t) for t in wishes]
    found = _pull(results, given, retain_graph, create_graph, dict(zip(keys, wishes, strict=True)))
    answers: list[Tensor | None] = []
    for t, key in zip(wishes, keys, strict=True):
        if key in found:
            answers.append(found[key][1])
        elif materialize_grads:
            answers.append(Tensor._wrap(np.zeros_like(t.array)))
        elif allow_unused:
            answers.append(None)
        else:
            raise RuntimeError(say("errors.backward.unused"))
    return tuple(answers)


def _pull(
    tensors: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
    wanted: dict[int, Tensor] | None,
) -> dict[int, tuple[Tensor, Tensor]]:
    """The gradients of the leaves, or of what is `wanted`, by the id of the leaf or record."""
    keep = create_graph if retain_graph is None else retain_graph
    pending: dict[Record, Any] = {}
    found: dict[int, tuple[Any, bool]] = {}
    leaves: dict[int, Tensor] = {}

    def arrive(edge: Record | Tensor, gradient: Any, shared: bool) -> None:
        if type(edge) is Record:
            old = pending.get(edge)
            pending[edge] = gradient if old is None else old + gradient
        elif wanted is None or id(edge) in wanted:
            key = id(edge)
            if key in found:
                gradient, shared = found[key][0] + gradient, False
            else:
                leaves[key] = edge  # type: ignore[assignment]
            found[key] = (gradient, shared)

    with enable_grad() if create_graph else no_grad(), np.errstate(all="ignore"):
        for t, given in zip(tensors, cotangents, strict=True):
            start = _seed(t, given)
            shared = given is not None
            arrive(t.grad_fn or t, start if create_graph else start.array, shared)
        records = _reachable(pending)
        through = records if wanted is None else _leading_to(wanted, records)
        for record in records:
            cotangent = pending.pop(record, None)
            here = wanted is not None and id(record) in wanted
            further = wanted is None or record in through
            if cotangent is None or not (here or further):
                continue
            if type(cotangent) is Pieces:
                cotangent = cotangent.whole()
            if further and record.spent:
                where = _where(record)
                raise RuntimeError(say("errors.backward.spent", op=record.op.name, where=where))
            cotangent = _heard(record, cotangent, create_graph)
            if here:
                found[id(record)] = (cotangent, True)
            if further:
                _pass_through(record, cotangent, create_graph, arrive)
        if not keep:
            _release(through)
        owners = leaves if wanted is None else wanted
        return {key: (owners[key], _finish(owners[key], *g)) for key, g in found.items()}


def _edge(t: Tensor) -> int:
    """What the gradient of t is known by: its record, or itself where it is a leaf."""
    return id(t.grad_fn or t)


def _weighed(
    tensors: Sequence[Tensor], cotangents: Sequence[Tensor | None]
) -> Sequence[Tensor | None]:
    """The cotangents; where only a part of a batch is at work (`gobhir.compile` with threads=2),
    by how much that part counts."""
    share = 1.0 if state.recorder is None else state.recorder.share
    if share == 1.0:
        return cotangents
    return [_seed(t, g) * share for t, g in zip(tensors, cotangents, strict=True)]


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
        for edge in todo.pop().edges:
            if type(edge) is Record and edge not in seen:
                seen.add(edge)
                todo.append(edge)
    return sorted(seen, key=_order, reverse=True)


def _leading_to(wanted: dict[int, Tensor], records: list[Record]) -> dict[Record, None]:
    """Those records, latest first as they come, through which a gradient gets to the wanted."""
    found: dict[Record, None] = {}
    for record in reversed(records):
        if any(id(e) in wanted or (type(e) is Record and e in found) for e in record.edges):
            found[record] = None
    return found


_order = attrgetter("order")


def _heard(record: Record, cotangent: Any, create_graph: bool) -> Any:
    """The gradient after the hooks on the record's result have seen (or replaced) it."""
    for hook in record.hooks or ():
        cotangent = _hooked(hook, cotangent, create_graph)
    if record.retained is not None:
        record.retained(cotangent)
    return cotangent


def _pass_through(record: Record, cotangent: Any, create_graph: bool, arrive: Any) -> None:
    if type(record.inputs) is not tuple:
        record = record.inputs.again(record)
    for now, then in record.versions:
        if now[0] != then:
            _refuse_if_needed(record)
            break
    op, edges = record.op, record.edges
    if create_graph:
        value, inputs = _with_history(record), record.inputs
    else:
        value = record.value
        inputs = tuple([x.array if isinstance(x, Tensor) else x for x in record.inputs])
    if type(cotangent) is Parts:
        cotangent = _completed(cotangent, record.value, create_graph)
    if state.tape is not None and state.tape.sparing:
        edges = [e if type(e) is Record else None for e in edges]
    grads = _pulled(record, cotangent, value, inputs, edges)
    if state.watch is not None or state.tape is not None:
        grads = [g.whole() if type(g) is Pieces else g for g in grads]
    if state.watch is not None:
        state.watch(op, tuple(grads), (cotangent, value, *inputs), partial(_where, record))
    if op is not Part:
        grads = [None if g is None else _fitted(g, x) for g, x in zip(grads, inputs, strict=False)]
    if state.tape is not None:
        state.tape.record(Gradient(record, _raw(cotangent), tuple(_raw(g) for g in grads)))
    for edge, g in zip(edges, grads, strict=False):
        if g is not None:
            # On a tape the Gradient keeps g too.
            arrive(edge, g, g is cotangent or state.tape is not None)


def _pulled(record: Record, cotangent: Any, value: Any, inputs: Any, edges: Any) -> list[Any]:
    """What the op's pullbacks make of the cotangent, for each input that has an edge."""
    op = record.op
    if op.vjps is not None:
        grads = op.vjps(cotangent, value, *inputs, **record.settings)
        return [None if e is None else g for g, e in zip(grads, edges, strict=True)]
    found: list[Any] = []
    for name, edge in zip(op.inputs, edges, strict=False):
        pullback = None if edge is None else op.pullbacks.get(name)
        if pullback is None:
            found.append(None)
        else:
            found.append(pullback(cotangent, value, *inputs, **record.settings))
    return found


def received(record: Record, cotangent: Any, inputs: list[Any], i: int) -> np.ndarray | None:
    """What input i of an op that a tape has recorded receives once more, when dL/d(its result) is
    this; None where that is nothing. inputs: all of them, as arrays."""
    edges = [e if k == i else None for k, e in enumerate(record.edges)]
    cotangent = Parts(cotangent) if isinstance(cotangent, tuple) else cotangent
    with no_grad(), np.errstate(all="ignore"):
        g = _pulled(record, cotangent, record.value, inputs, edges)[i]
        g = g.whole() if type(g) is Pieces else g
        return None if g is None else np.asarray(_fitted(g, inputs[i]))


def _fitted(g: Any, x: Any) -> Any:
    """The gradient in the shape and dtype of x: what broadcasting stretched is summed back."""
    if g.shape != x.shape:
        g = apply(SumTo, g, shape=x.shape)
    if g.dtype != x.dtype:
        g = g.to(x.dtype) if isinstance(g, Tensor) else g.astype(x.dtype)
    return g


def _with_history(record: Record) -> Any:
    """The record's result as a Tensor, or a tuple of them, that knows where it came from."""
    value = Tensor._wrap(record.value, True)
    value._record = record
    if type(record.value) is not tuple:
        return value
    return tuple(apply(Part, value, place=i) for i in range(len(record.value)))


def _completed(cotangent: Parts, values: tuple[np.ndarray, ...], create_graph: bool) -> Any:
    """Zeros where no gradient came back for a result."""

    def zeros(v: np.ndarray) -> Any:
        array = np.broadcast_to(np.zeros((), v.dtype), v.shape)  # takes no memory
        return Tensor._wrap(array) if create_graph else array

    return Parts(zeros(v) if g is None else g for g, v in zip(cotangent, values, strict=True))


def _raw(g: Any) -> Any:
    if isinstance(g, tuple):
        return tuple(_raw(part) for part in g)
    return g.array if isinstance(g, Tensor) else g


def _refuse_if_needed(record: Record) -> None:
    """Something was changed in place since the op ran: RuntimeError if a pullback reads it."""
    op = record.op
    tensors = [i for i, x in enumerate(record.inputs) if isinstance(x, Tensor)]
    # A pullback takes the gradient, the result, the inputs.
    places = [*(i + 2 for i in tensors), 1]
    for place, (now, then) in zip(places, record.versions, strict=True):
        if now[0] == then or (op.shape_only and place > 1):
            continue
        for i in tensors:
            name = op.inputs[i] if i < len(op.inputs) else ""
            pullback = op.pullbacks.get(name)
            if record.edges[i] is not None and pullback and reads(pullback, place):
                raise modified(op.name, now[1], _where(record))


def _where(record: Record) -> Message:
    """In which line, and in which layer, the op ran; how to find out, where that is not known."""
    op = record.op.name
    place, modules = getattr(record, "ran", (None, ()))
    if place is None:
        return say("errors.backward.line_unknown", op=op)
    at = {"op": op, "line": place.line, "file": place.file, "code": place.code}
    if not modules:
        return say("errors.backward.line", **at)
    first, *more = repr(modules[0]).split("\n")
    path = ".".join(outer._way_to(inner) for inner, outer in reversed([*pairwise(modules)]))
    layer = (f"'{path}', " if path else "") + (f"{first}...)" if more else first)
    return say("errors.backward.line_in_layer", layer=layer, **at)


def modified(op: str, by: str, where: Message | str = "") -> RuntimeError:
    """The error that says what changed a tensor in place, and in which line if that is known."""
    place = getattr(by, "place", None)
    change: Message | str = by or "in_place"
    if place is not None:
        at = {"line": place.line, "file": place.file, "code": place.code}
        change = say("errors.backward.changed", op=by, **at)
    return RuntimeError(say("errors.backward.modified", op=op, by=change, where=where))


@cache
def reads(pullback: Any, place: int) -> bool:
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
        array = gradient.whole() if type(gradient) is Pieces else np.asarray(gradient)
        out = Tensor._wrap(array.copy() if shared or array.base is not None else array)
    if t._record is None:
        for hook in t._hooks or ():
            answer = None if isinstance(hook, AfterAccumulation) else hook(out)
            out = out if answer is None else answer
    return out


def _release(records: Iterable[Record]) -> None:
    """Mark this part of the graph as used, and let go of it unless a tape still reads it."""
    for record in records:
        record.spent = True
        if state.tape is None:
            record.inputs = record.edges = record.versions = ()
            record.settings = {}  # where an op of the learner's own keeps what it saved
