"""The same numbers in another order: dimensions exchanged, turned, moved on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gobhir.engine.arguments import Dims, Sizes
from gobhir.engine.functions.publish import alias, of_sizes, of_tensor
from gobhir.engine.functions.shapes import place, places, sizes_of, squeeze, unsqueeze
from gobhir.engine.inplace import refuse_leaf
from gobhir.engine.ops import shapes
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


@of_sizes
def permute(input: Any, *order: Any, dims: Any = None) -> Any:
    """Dimensions in another order: out.shape[i] = input.shape[dims[i]]. RuntimeError unless each
    appears once."""
    wished = sizes_of(order if dims is None else (dims,))
    if len(wished) != input.ndim:
        raise RuntimeError(say("errors.shape.permute", x=input.array.shape, dims=wished))
    return shapes.permute(input, dims=places(wished, input.ndim))


@of_tensor
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions exchanged."""
    n = input.ndim
    dim0, dim1 = place(dim0, n), place(dim1, n)
    order = list(range(n))
    if n:
        order[dim0], order[dim1] = dim1, dim0
    return shapes.permute(input, dims=tuple(order))


@of_tensor
def t(input: Any) -> Any:
    """Rows and columns exchanged; a vector stays as it is. RuntimeError above two dimensions."""
    if input.ndim > 2:
        raise RuntimeError(say("errors.shape.t", x=input.array.shape))
    return shapes.permute(input, dims=(1, 0) if input.ndim == 2 else tuple(range(input.ndim)))


@of_tensor
def movedim(input: Any, source: Dims, destination: Dims) -> Any:
    """Dimensions moved to other places (an int, or several); the others keep their order."""
    sources = (source,) if isinstance(source, int) else tuple(source)
    goals = (destination,) if isinstance(destination, int) else tuple(destination)
    if len(sources) != len(goals):
        raise RuntimeError(say("errors.shape.movedim", source=sources, destination=goals))
    for d in (*sources, *goals):
        place(d, input.ndim)
    here, there = places(sources, input.ndim), places(goals, input.ndim)
    if not input.ndim:
        return input
    order = [d for d in range(input.ndim) if d not in here]
    for to, d in sorted(zip(there, here, strict=True)):
        order.insert(to, d)
    return shapes.permute(input, dims=tuple(order))


alias("swapaxes", transpose)
alias("swapdims", transpose)
alias("moveaxis", movedim)


def _reversed(self: Any) -> Any:
    """All dimensions in reverse order; the transposed matrix where there are two."""
    return shapes.permute(self, dims=tuple(reversed(range(self.ndim))))


def _matrices_turned(self: Any) -> Any:
    """Each matrix transposed. RuntimeError for a vector."""
    if self.ndim == 1:
        raise RuntimeError(say("errors.shape.matrix_wanted", x=self.array.shape))
    return transpose(self, -2, -1) if self.ndim else self


def _hermitian(self: Any) -> Any:
    """The transposed matrix (conjugated, were it complex). RuntimeError unless two dimensions."""
    if self.ndim not in (0, 2):
        raise RuntimeError(say("errors.shape.matrix_wanted", x=self.array.shape))
    return _reversed(self)


@of_tensor
def adjoint(input: Any) -> Any:
    """Each matrix transposed (and, were it complex, conjugated). RuntimeError for a vector."""
    return _matrices_turned(input)


Tensor.T = property(_reversed)  # type: ignore[attr-defined]
Tensor.H = property(_hermitian)  # type: ignore[attr-defined]
Tensor.mT = property(_matrices_turned)  # type: ignore[attr-defined]
Tensor.mH = property(_matrices_turned)  # type: ignore[attr-defined]


def _in_place(name: str, f: Any) -> None:
    """Offer f, another look at the same memory, as `x.<name>`, by which x itself looks so."""

    def changed(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        refuse_leaf(self)
        before = Tensor._wrap(self.array, self.requires_grad)
        before._record, before._view = self.grad_fn, self._view
        before._changes = self._changes
        after = f(before, *args, **kwargs)
        self.array, self._record, self._view = after.array, after._record, after._view
        return self

    changed.__name__ = changed.__qualname__ = name
    changed.__doc__ = f"{name[:-1]}, in place."
    setattr(Tensor, name, changed)


for _name, _f in {
    "squeeze_": squeeze,
    "unsqueeze_": unsqueeze,
    "t_": t,
    "transpose_": transpose,
    "swapaxes_": transpose,
    "swapdims_": transpose,
}.items():
    _in_place(_name, _f)


@of_sizes
def flip(input: Any, *order: Any, dims: Any = None) -> Any:
    """The order along each of these dimensions reversed (a copy)."""
    wished = sizes_of(order if dims is None else (dims,))
    found = places(wished, input.ndim)
    return shapes.flip(input, dims=found if input.ndim else ())


@of_tensor
def fliplr(input: Any) -> Any:
    """Columns in reverse order. RuntimeError below two dimensions."""
    if input.ndim < 2:
        raise RuntimeError(say("errors.shape.matrix_wanted", x=input.array.shape))
    return shapes.flip(input, dims=(1,))


@of_tensor
def flipud(input: Any) -> Any:
    """Rows in reverse order. RuntimeError for a tensor without dimensions."""
    if input.ndim < 1:
        raise RuntimeError(say("errors.shape.vector_wanted", x=input.array.shape))
    return shapes.flip(input, dims=(0,))


@of_tensor
def roll(input: Any, shifts: Dims, dims: Dims = None) -> Any:
    """Moved on by `shifts` along `dims`; what leaves at the end comes in at the beginning. Without
    dims the numbers move as one long row."""
    steps: Sequence[int] = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    along = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if len(steps) != (len(along) or 1):
        raise RuntimeError(say("errors.shape.roll", shifts=tuple(steps), dims=along))
    if not along:
        row = shapes.reshape(input, shape=(input.array.size,))
        moved = shapes.roll(row, shifts=tuple(steps), dims=(0,))
        return shapes.reshape(moved, shape=input.array.shape)
    if not input.ndim:
        raise IndexError(say("errors.shape.dim_of_number", dim=along[0]))
    found = tuple(place(d, input.ndim) for d in along)
    return shapes.roll(input, shifts=tuple(steps), dims=found)


@of_tensor
def rot90(input: Any, k: int = 1, dims: Sizes = (0, 1)) -> Any:
    """Turned k times by 90 degrees in the plane of two dimensions, from the first to the second."""
    if len(dims) != 2 or input.ndim < 2:
        raise RuntimeError(say("errors.shape.rot90", x=input.array.shape, dims=tuple(dims)))
    first, second = places(dims, input.ndim)
    turned = transpose(input, first, second)
    return {
        0: lambda: input.clone(),
        1: lambda: shapes.flip(turned, dims=(first,)),
        2: lambda: shapes.flip(input, dims=(first, second)),
        3: lambda: shapes.flip(turned, dims=(second,)),
    }[k % 4]()
