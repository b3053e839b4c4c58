"""Functions made of functions: from f, the function that gives its gradient, or its Jacobian.

    slope = grad(lambda x: (x**3).sum())
    slope(gobhir.ones(2))                   # 3, 3
    grad(grad(gobhir.sin))(gobhir.tensor(1.0))

Arguments may be dictionaries, lists and tuples of tensors: the gradient has the same form.
Behaviour: https://docs.pytorch.org/docs/stable/func.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine import grad as gradients
from gobhir.engine.absent import missing
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.tape import Record, enable_grad
from gobhir.lang import say
from gobhir.nn.module import Module
from gobhir.nn.utils import stateless

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "vjp",
]

Numbers = int | tuple[int, ...]


def grad(
    func: Callable[..., Any], argnums: Numbers = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that gives d func / d (argument number argnums, or several), where func gives
    one number. has_aux: func gives (number, anything), and so does this."""
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def slope(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return slope


def grad_and_value(
    func: Callable[..., Any], argnums: Numbers = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The function that gives (gradient, value); see grad. RuntimeError where func gives anything
    but one number."""

    @wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        with enable_grad():
            args, chosen = _tracking(args, argnums)
            value = func(*args, **kwargs)
            out, aux = value if has_aux else (value, None)
            if not isinstance(out, Tensor) or out.ndim:
                got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
                raise RuntimeError(say("errors.functional.single", shape=got))
            xs = _leaves(chosen)
            further = _watched([out], xs)
            found = iter(_pulled([out], xs, None, further))
        value = (out, aux) if has_aux else out
        return _mapped(lambda x: next(found), chosen), value if further else _cut(value)

    return both


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(func(*primals), pull), and what else func gave with has_aux: pull(v) is a tuple of v @
    Jacobian for each of the primals."""
    with enable_grad():
        args, chosen = _tracking(primals, tuple(range(len(primals))))
        value = func(*args)
    value, aux = value if has_aux else (value, None)
    outs, xs = _leaves(value), _leaves(chosen)
    further = _watched(outs, xs)

    def pull(*vectors: Any) -> Any:
        given = _leaves(vectors)
        if [v.shape for v in given] != [out.shape for out in outs]:
            shapes = {"got": [v.shape for v in given], "want": [out.shape for out in outs]}
            raise RuntimeError(say("errors.functional.vector_shape", **shapes))
        watched = further or any(v.requires_grad for v in given)
        found = iter(_pulled(outs, xs, given, watched, retain=True))
        return _mapped(lambda x: next(found), chosen)

    shown = value if further else _cut(value)
    return (shown, pull, _cut(aux)) if has_aux else (shown, pull)


def jvp(
    func: Callable[..., Any],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """(func(*primals), Jacobian @ tangents), and what else func gave with has_aux: how the results
    move when the primals move along the tangents."""
    with enable_grad():
        args, chosen = _tracking(primals, tuple(range(len(primals))))
        value = func(*args)
        value, aux = value if has_aux else (value, None)
        outs, xs, along = _leaves(value), _leaves(chosen), _leaves(tangents)
        if [x.shape for x in xs] != [v.shape for v in along]:
            shapes = {"got": [v.shape for v in along], "want": [x.shape for x in xs]}
            raise RuntimeError(say("errors.functional.vector_shape", **shapes))
        further = _watched(outs, xs) or any(v.requires_grad for v in along)
        # v @ Jacobian is linear in v, so its own gradient to v is the Jacobian.
        vs = [Tensor._wrap(np.zeros_like(out.array), True) for out in outs]
        pulled = _pulled(outs, xs, vs, True)
        moved = iter(_pulled(pulled, vs, along, further))
    motion = _mapped(lambda x: next(moved), value)
    shown = value if further else _cut(value)
    return (shown, motion, _cut(aux)) if has_aux else (shown, motion)


def jacrev(
    func: Callable[..., Any],
    argnums: Numbers = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """The function that gives all derivatives: for a result of shape s and an argument of shape t
    a tensor of shape s + t. chunk_size is taken and changes nothing."""

    @wraps(func)
    def table(*args: Any, **kwargs: Any) -> Any:
        with enable_grad():
            args, chosen = _tracking(args, argnums)
            value = func(*args, **kwargs)
            value, aux = value if has_aux else (value, None)
            xs = _leaves(chosen)
            further = _watched(_leaves(value), xs)

            def derivatives(out: Tensor) -> Any:
                rows = []
                for place in range(out.array.size):
                    one = np.zeros(out.shape, out.dtype)
                    one.reshape(-1)[place] = 1
                    above = [Tensor._wrap(one)]
                    rows.append(_pulled([out], xs, above, further, retain=True))
                columns = zip(*rows, strict=True) if rows else [()] * len(xs)
                found = iter([_stacked(c, out, x) for c, x in zip(columns, xs, strict=True)])
                return _mapped(lambda x: next(found), chosen)

            answer = _mapped(derivatives, value)
        return (answer, _cut(aux)) if has_aux else answer

    return table


def jacfwd(
    func: Callable[..., Any],
    argnums: Numbers = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """As jacrev: the same numbers, and here found in the same way. (PyTorch goes forward.)"""
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func: Callable[..., Any], argnums: Numbers = 0) -> Callable[..., Any]:
    """The function that gives all second derivatives."""
    return jacfwd(jacrev(func, argnums), argnums)


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) computed with these tensors, by path, in one dictionary or several;
    see nn.utils.stateless."""
    given = parameter_and_buffer_dicts
    several = [given] if isinstance(given, Mapping) else given
    tensors = {name: tensor for some in several for name, tensor in some.items()}
    options = {"tie_weights": tie_weights, "strict": strict}
    return stateless.functional_call(module, tensors, args, kwargs, **options)


def _tracking(args: tuple[Any, ...], argnums: Numbers) -> tuple[tuple[Any, ...], Any]:
    """The arguments, and those of them that are chosen, with tensors of their own in these: what
    surrounds the call may differentiate it as well. RuntimeError where there is no such number."""
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise RuntimeError(say("errors.functional.argnums", number=n, count=len(args)))

    def own(t: Tensor) -> Tensor:
        return t.clone() if t.requires_grad else t.detach().requires_grad_()

    new = {n % len(args): _mapped(own, args[n]) for n in numbers}
    given = tuple(new.get(i, x) for i, x in enumerate(args))
    chosen = tuple(given[n] for n in numbers)
    return given, chosen[0] if isinstance(argnums, int) else chosen


def _watched(outs: list[Tensor], xs: list[Tensor]) -> bool:
    """Whether anything but the xs will want to know how the results came about."""
    if any(x.grad_fn is not None for x in xs):
        return True
    own = {id(x) for x in xs}
    todo: list[Any] = [out.grad_fn or out for out in outs if out.requires_grad]
    seen: set[Any] = set()
    while todo:
        edge = todo.pop()
        if isinstance(edge, Record):
            todo += [e for e in edge.edges if e is not None and e not in seen]
            seen.update(edge.edges)
        elif id(edge) not in own:
            return True
    return False


def _pulled(
    outs: list[Tensor], xs: list[Tensor], above: Any, create: bool, retain: bool = False
) -> list[Tensor]:
    """The gradients of the xs, zeros where nothing depends on them."""
    places = [i for i, out in enumerate(outs) if out.requires_grad]
    if not places:
        return [Tensor._wrap(np.zeros_like(x.array)) for x in xs]
    given = None if above is None else [above[i] for i in places]
    options: Any = {"create_graph": create, "retain_graph": retain or create}
    wanted = [outs[i] for i in places]
    return [*gradients(wanted, xs, given, **options, materialize_grads=True)]  # type: ignore


def _stacked(column: Any, out: Tensor, x: Tensor) -> Tensor:
    if not column:
        return Tensor._wrap(np.zeros((*out.shape, *x.shape), x.dtype))
    return FUNCTIONS["stack"](list(column)).reshape((*out.shape, *x.shape))


def _mapped(f: Callable[[Tensor], Any], x: Any) -> Any:
    """x with f of each tensor in the tensor's place. RuntimeError for what is no tensor."""
    if isinstance(x, (tuple, list)):
        parts = [_mapped(f, v) for v in x]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    if isinstance(x, Mapping):
        return {k: _mapped(f, v) for k, v in x.items()}
    if not isinstance(x, Tensor):
        raise RuntimeError(say("errors.tensor.wanted", type=type(x).__name__))
    return f(x)


def _leaves(x: Any) -> list[Tensor]:
    found: list[Tensor] = []
    _mapped(found.append, x)
    return found


def _cut(x: Any) -> Any:
    """x with its tensors outside of autograd."""
    if isinstance(x, Tensor):
        return x.detach()
    if isinstance(x, Mapping):
        return {k: _cut(v) for k, v in x.items()}
    if type(x) in (tuple, list):
        return type(x)(_cut(v) for v in x)
    return x


def __getattr__(name: str) -> Any:
    raise missing(__name__, name)
