"""An op of the learner's own: forward and backward as two static methods.

    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, d):
            (x,) = ctx.saved_tensors
            return d * 3 * x**2

    y = Cube.apply(x)

Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.Function
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ClassVar

import numpy as np

from gobhir.engine import Family, Op, Record, Tensor
from gobhir.engine.apply import Part
from gobhir.engine.backward import modified
from gobhir.engine.tape import no_grad, state
from gobhir.lang import say


class Context:
    """What forward leaves for backward: saved tensors, and any attribute of its own."""

    def __init__(self, needs: tuple[bool, ...]):
        self.needs_input_grad = needs
        self._saved: tuple[tuple[Tensor | None, int], ...] = ()
        self._constant: set[int] = set()
        self._dirty: set[int] = set()
        self._zeros = True
        self._unpack: Callable[[Any], Tensor] | None = None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep these tensors; a later change of one of them in place is noticed."""
        self._saved = tuple((t, 0 if t is None else t._version) for t in tensors)

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """The tensors as they were saved. RuntimeError when one was changed in place since."""
        unpack = self._unpack
        if unpack is not None:
            return tuple(None if t is None else unpack(t) for t, _ in self._saved)
        for t, then in self._saved:
            if t is not None and t._version != then:
                raise modified("save_for_backward", t._changes[1])
        return tuple(t for t, _ in self._saved)

    def pack(self, pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor]) -> None:
        """Put the saved tensors away until they are asked for: `graph.saved_tensors_hooks`."""
        self._saved = tuple((None if t is None else pack(t), 0) for t, _ in self._saved)
        self._unpack = unpack

    def mark_non_differentiable(self, *results: Tensor) -> None:
        """These results of forward have no gradient."""
        self._constant |= {id(t) for t in results}

    def mark_dirty(self, *inputs: Tensor) -> None:
        """These inputs were changed in place by forward, and are returned by it."""
        self._dirty |= {id(t) for t in inputs}

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (True) or None for a result that nothing came back to."""
        self._zeros = value


FunctionCtx = Context


class Function:
    """Base of ops of one's own. Subclasses give `forward(ctx, *inputs)` (or `forward(*inputs)`
    and `setup_context(ctx, inputs, output)`) and `backward(ctx, *gradients)`, which returns one
    gradient for each input, None where there is none."""

    _op: ClassVar[type[Op]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._op = _op_of(cls)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The result, from Tensors and any other arguments."""
        raise NotImplementedError(say("errors.function.forward"))

    def __call__(self, *inputs: Any) -> Any:
        """RuntimeError: the old way of using a Function."""
        raise RuntimeError(say("errors.function.called", function=type(self).__name__))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """What is to be kept in ctx, where forward does not take it."""
        raise NotImplementedError(say("errors.function.forward"))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """What dL/d(results) says about dL/d(inputs)."""
        raise NotImplementedError(say("errors.function.backward"))

    @classmethod
    def apply(cls, *inputs: Any) -> Any:
        """Run forward, and remember how for backward()."""
        needs = tuple(isinstance(x, Tensor) and x.requires_grad for x in inputs)
        ctx = Context(needs)
        answer = cls._run(ctx, inputs)
        wanted = any(needs) and state.grad_enabled
        if not wanted and state.tape is None:
            return answer
        several = isinstance(answer, tuple)
        results = answer if several else (answer,)
        results = tuple(_fresh(r, inputs, ctx) for r in results)
        edges = [x.grad_fn or x if n else None for x, n in zip(inputs, needs, strict=True)]
        scope = () if state.tape is None else state.tape.scope
        arrays = tuple(r.array if isinstance(r, Tensor) else r for r in results)
        record = Record(cls._op, inputs, {"ctx": ctx}, arrays, edges, (), scope)
        if not several:
            record.value = arrays[0]
        _note(record)
        bundle = Tensor._wrap(arrays, wanted)  # type: ignore[arg-type]
        bundle._record = record
        for i, r in enumerate(results):
            if not isinstance(r, Tensor):
                continue
            r.requires_grad = wanted and id(r) not in ctx._constant and r.dtype.kind in "fc"
            if several:
                r._record = Record(Part, (bundle,), {"place": i}, r.array, [record], (), scope)
                _note(r._record)
            else:
                r._record = record
        return results if several else results[0]

    @classmethod
    def _run(cls, ctx: Context, inputs: tuple[Any, ...]) -> Any:
        with _off_tape(), no_grad():
            return cls._forward(ctx, inputs)

    @classmethod
    def _forward(cls, ctx: Context, inputs: tuple[Any, ...]) -> Any:
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *inputs)
        answer = cls.forward(*inputs)
        cls.setup_context(ctx, inputs, answer)
        return answer


@contextmanager
def _off_tape() -> Iterator[None]:
    """The op stands on the tape as a whole, not what it is made of."""
    tape, state.tape = state.tape, None
    try:
        yield
    finally:
        state.tape = tape


def _note(record: Record) -> None:
    if state.tape is not None:
        state.tape.record(record)


def _fresh(result: Any, inputs: tuple[Any, ...], ctx: Context) -> Any:
    """An input that forward passes on unchanged becomes a tensor of its own."""
    same = any(result is x for x in inputs)
    if not isinstance(result, Tensor) or (not same and result.is_leaf):
        return result
    if id(result) in ctx._dirty:
        return result
    return Tensor._wrap(result.array)


def _op_of(function: type[Function]) -> type[Op]:
    """What the engine knows about the learner's op."""

    class Own(Op, abstract=True):
        family = Family.OPAQUE
        inputs = ()
        settings: ClassVar[dict[str, Any]] = {"ctx": None}
        defaults: ClassVar[dict[str, Any]] = {}
        pullbacks: ClassVar[dict[str, Callable[..., Any]]] = {}
        shape_only = True  # saved tensors watch over themselves

        def forward(*arrays: Any, ctx: Any) -> Any:
            tensors = (Tensor._wrap(a) if isinstance(a, np.ndarray) else a for a in arrays)
            answer = function._run(Context(ctx.needs_input_grad), tuple(tensors))
            if isinstance(answer, tuple):
                return tuple(r.array for r in answer)
            return answer.array

        def vjps(d: Any, out: Any, *inputs: Any, ctx: Any) -> Any:
            arrived = d if isinstance(d, tuple) else (d,)
            arrays = not any(isinstance(g, Tensor) for g in arrived)
            given = [Tensor._wrap(g) if isinstance(g, np.ndarray) else g for g in arrived]
            with _off_tape():
                answer = function.backward(ctx, *given)
            answers = list(answer) if isinstance(answer, tuple) else [answer]
            while len(answers) > len(inputs) and answers[-1] is None:
                answers.pop()
            if len(answers) != len(inputs):
                message = say(
                    "errors.function.count",
                    function=function.__name__,
                    got=len(answers),
                    want=len(inputs),
                )
                raise RuntimeError(message)
            checked = [_checked(g, x, function) for g, x in zip(answers, inputs, strict=True)]
            return tuple(g.array if arrays and g is not None else g for g in checked)

    Own.name = Own.__name__ = function.__name__
    return Own


def _checked(g: Any, x: Any, function: type[Function]) -> Any:
    """The gradient of one input. RuntimeError when it has another shape than the input."""
    if g is None or not hasattr(x, "shape"):
        return None
    if not isinstance(g, Tensor):
        raise TypeError(
            say("errors.function.type", function=function.__name__, type=type(g).__name__)
        )
    try:
        fits = np.broadcast_shapes(g.shape, x.shape) == g.shape
    except ValueError:
        fits = False
    if not fits:
        shapes = {"got": tuple(g.shape), "want": tuple(x.shape)}
        raise RuntimeError(say("errors.function.shape", function=function.__name__, **shapes))
    return g


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """A backward that cannot itself be differentiated: RuntimeError where that is tried, after
    backward(create_graph=True)."""

    @wraps(backward)
    def wrapped(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            answer = backward(ctx, *grads)
        asked = [g for g in grads if isinstance(g, Tensor) and g.requires_grad]
        if not asked or not state.grad_enabled:
            return answer
        several = isinstance(answer, tuple)
        ends = [
            _End.apply(g, asked[0]) if isinstance(g, Tensor) else g
            for g in (answer if several else (answer,))
        ]
        return tuple(ends) if several else ends[0]

    return wrapped


class _End(Function):
    """A number as it is, whose gradient nobody knows."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, asked: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(say("errors.function.once"))
