"""Layers whose results are forgotten after the forward pass and computed again for backward().

A network of n layers keeps what each of them made until backward() needs it. Cut into about
sqrt(n) parts, it keeps only what goes into each part, and in backward() the inside of one part at
a time, for one more forward pass.
Source: Chen, Xu, Zhang and Guestrin, Training Deep Nets with Sublinear Memory Cost (2016);
behaviour: https://docs.pytorch.org/docs/stable/checkpoint.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import attrgetter
from typing import Any

from gobhir.engine import Record, Tensor
from gobhir.engine.backward import modified
from gobhir.engine.random import fork_rng, get_rng_state, set_rng_state
from gobhir.engine.tape import enable_grad, no_grad, state
from gobhir.lang import say, warn

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential"]


class CheckpointError(RuntimeError):
    """Computed again, a part did something else than the first time."""


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), of whose inside nothing is kept for backward(), which computes it
    again, with the same random numbers unless preserve_rng_state=False.

    use_reentrant: True is PyTorch's older way, which takes no named arguments and gives no gradient
    where none of `args` requires one; otherwise it does the same here, and False is what to write.
    context_fn: gives two contexts, for the first time and for the others. determinism_check:
    "none" does not compare shapes and dtypes of the two. debug and early_stop change nothing.
    CheckpointError where function does something else the second time, RuntimeError where an
    argument was changed in place meanwhile. Nothing is forgotten while a Tape or gobhir.compile
    records.
    """
    if use_reentrant is None:
        warn(say("errors.checkpoint.reentrant"))
        use_reentrant = True
    if use_reentrant and kwargs:
        raise ValueError(say("errors.checkpoint.named", names=", ".join(kwargs)))
    first, again = (nullcontext(), nullcontext()) if context_fn is None else context_fn()
    if use_reentrant and not any(isinstance(x, Tensor) and x.requires_grad for x in args):
        if state.grad_enabled:
            warn(say("errors.checkpoint.no_grad"))
        with no_grad(), first:
            return function(*args, **kwargs)
    if not state.grad_enabled or state.tape is not None or state.recorder is not None:
        with first:
            return function(*args, **kwargs)
    part = _Part(function, args, kwargs, again, determinism_check == "default")
    if preserve_rng_state:
        part.random = get_rng_state()
    with first:
        result = function(*args, **kwargs)
    part.forget(result)
    return result


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """The functions (or the layers of a Sequential) one after another, in `segments` parts of equal
    length; each but the last goes through checkpoint()."""
    layers = list(functions)
    size = len(layers) // segments

    def run(begin: int, end: int) -> Callable[[Any], Any]:
        def part(x: Any) -> Any:
            for layer in layers[begin:end]:
                x = layer(x)
            return x

        return part

    cuts = range(0, size * (segments - 1), size)
    options = {"use_reentrant": use_reentrant, "preserve_rng_state": preserve_rng_state}
    for begin in cuts:
        input = checkpoint(run(begin, begin + size), input, **options)  # type: ignore[arg-type]
    return run(size * (segments - 1), len(layers))(input)


class _Part:
    """A function and what it was called with, in place of what it computed."""

    def __init__(
        self,
        function: Any,
        args: Any,
        kwargs: Any,
        context: AbstractContextManager[Any],
        same: bool,
    ):
        self.function, self.args, self.kwargs = function, args, kwargs
        self.context, self.same = context, same
        self.random: Any = None
        self.since = _now()
        self.versions = [(t, t._version) for t in _tensors((args, kwargs))]
        self.made: list[Any] = []
        """What each op inside gave: the op, and the shapes and dtypes."""
        self.fresh: list[Record | None] = []
        """The ops of the second time, as far as backward() has not come to them."""

    def forget(self, result: Any) -> None:
        records = _inside(result, self.since)
        self.made = [_kind(r) for r in records]
        leaves = {e for r in records for e in r.edges if isinstance(e, Tensor)}
        self.versions += [(leaf, leaf._version) for leaf in leaves]
        for place, record in enumerate(records):
            record.inputs = _Forgotten(self, place)
            record.value, record.settings, record.versions = None, {}, ()

    def take(self, place: int) -> Record:
        """Number `place` of the ops, from the second time."""
        if not self.fresh or self.fresh[place] is None:
            self._run_again()
        found, self.fresh[place] = self.fresh[place], None
        assert found is not None
        return found

    def _run_again(self) -> None:
        for t, then in self.versions:
            if t._version != then:
                raise modified("checkpoint", t._changes[1])
        since = _now()
        with _away(), fork_rng(), enable_grad(), self.context:
            if self.random is not None:
                set_rng_state(self.random)
            result = self.function(*self.args, **self.kwargs)
        records = _inside(result, since)
        kinds = [_kind(r) for r in records]
        if len(kinds) != len(self.made) or (self.same and kinds != self.made):
            raise CheckpointError(say("errors.checkpoint.different"))
        self.fresh = list(records)


class _Forgotten:
    """Stands for the inputs of an op: number `place` of a part."""

    def __init__(self, part: _Part, place: int):
        self.part, self.place = part, place

    def again(self, record: Record) -> Record:
        """The op with all that its pullback needs, its gradients going where those of `record` do.
        Only backward() asks, and it keeps nothing of it."""
        fresh = self.part.take(self.place)
        if type(fresh.inputs) is not tuple:  # a part inside this one
            fresh = fresh.inputs.again(fresh)
        made = (fresh.op, fresh.inputs, fresh.settings, fresh.value)
        return Record(*made, record.edges, fresh.versions, record.scope)


def _now() -> int:
    """A number that every op run from now on has after it."""
    return Record(None, (), {}, None, (), ()).order  # type: ignore[arg-type]


def _kind(record: Record) -> Any:
    several = record.value if isinstance(record.value, tuple) else (record.value,)
    return record.op, [None if v is None else (v.shape, v.dtype) for v in several]


def _inside(result: Any, since: int) -> list[Record]:
    """The ops from which the result was computed, in order, that ran after number `since`."""
    todo = [r for t in _tensors(result) if (r := t.grad_fn) is not None and r.order > since]
    seen = set(todo)
    while todo:
        for edge in todo.pop().edges:
            if type(edge) is Record and edge.order > since and edge not in seen:
                seen.add(edge)
                todo.append(edge)
    return sorted(seen, key=attrgetter("order"))


def _tensors(x: Any) -> Iterator[Tensor]:
    """All tensors in lists, tuples and dictionaries."""
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, (list, tuple, dict)):
        for inner in x.values() if isinstance(x, dict) else x:
            yield from _tensors(inner)


@contextmanager
def _away() -> Iterator[None]:
    """What is computed again does not stand on the tape a second time."""
    tape, state.tape = state.tape, None
    try:
        yield
    finally:
        state.tape = tape
