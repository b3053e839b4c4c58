"""Numbers chosen by their places: reading at an index, adding at an index, writing at an index.

All of PyTorch's gathering and scattering is made of these three: `gather` along a dimension reads
at the places that `along` works out, its gradient adds there, `scatter` writes there.
"""

import math

import numpy as np

from gobhir.engine.apply import Pieces, apply, function
from gobhir.engine.drawing import marked
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.choosing import where
from gobhir.lang import say


class GetItem(Op):
    """x[index], with all of NumPy's kinds of index."""

    family = Family.GATHER
    formula = "x[index]"
    local = "1"
    shape_only = True
    example = ([np.array([10.0, 20.0, 30.0])], {"index": (np.array([2, 0, 2]),)})

    def forward(x, *, index):
        if type(index) is Flat:
            return x.reshape(-1).take(index.places)
        try:
            found = x[index]
        except IndexError:
            explain_index(x.shape, index)
            raise
        if isinstance(found, np.ndarray):
            return found
        # With "..." at its end the index of a single number gives a view of x, too.
        return x[(*index, ...) if isinstance(index, tuple) else (index, ...)]

    def vjp(d, out, x, *, index):
        if isinstance(d, np.ndarray) and is_view(index):
            return Pieces(x, index, d)
        return add_at(d, index=index, shape=x.shape)


class AddAt(Op):
    """Zeros of `shape` with x added at `index`: what GetItem does, backwards. A place that the
    index names several times receives the sum."""

    family = Family.GATHER
    formula = "add_at(x)"
    local = "1"
    shape_only = True
    example = ([np.array([1.0, 2.0, 4.0])], {"index": (np.array([2, 0, 2]),), "shape": (3,)})

    def forward(x, *, index, shape):
        out = np.zeros(shape, x.dtype)
        if type(index) is Flat or any(map(may_repeat, parts_of(index))):
            # On flat memory ufunc.at has a fast loop; in several dimensions it is ten times slower.
            np.add.at(out.reshape(-1), flat_places(index, shape), x.reshape(-1))
        else:
            out[index] = x
        return out

    def vjp(d, out, x, *, index, shape):
        return getitem(d, index=index)


class SetItem(Op):
    """x with v at `index`. v broadcasts to x[index]."""

    family = Family.GATHER
    formula = "v if at_index else x"
    local = {"x": "0 if at_index else 1", "v": "1 if at_index else 0"}
    shape_only = True
    example = ([np.array([10.0, 20.0, 30.0]), np.array([1.0, 2.0])], {"index": (slice(1, None),)})

    def forward(x, v, *, index):
        out = np.array(x, order="C" if type(index) is Flat else "K")
        try:
            if type(index) is Flat:
                out.reshape(-1)[index.places] = v
            else:
                out[index] = v
        except ValueError:
            got, want = v.shape, x[index].shape
            message = say("errors.tensor.inplace_shape", got=got, want=want)
            raise RuntimeError(message) from None
        except IndexError:
            explain_index(x.shape, index)
            raise
        return out

    def vjp_x(d, out, x, v, *, index):
        return set_item(d, np.zeros((), d.dtype), index=index)

    def vjp_v(d, out, x, v, *, index):
        d = getitem(d, index=index)
        return d.reshape((1,) * (v.ndim - d.ndim) + d.shape) if v.ndim > d.ndim else d


class ViewScatter(Op):
    """x with v in the place that `looks`, ops that only look at x, show."""

    family = Family.GATHER
    formula = "v if in_view else x"
    local = {"x": "0 if in_view else 1", "v": "1 if in_view else 0"}
    shape_only = True
    example = (
        [np.array([10.0, 20.0, 30.0]), np.array([1.0, 2.0])],
        {"looks": ((GetItem, {"index": (slice(1, None),)}),)},
    )

    def forward(x, v, *, looks):
        out = np.array(x)  # x may be one of NumPy's numbers, which have no memory to write in
        _look(out, looks)[...] = v
        return out

    def vjp_x(d, out, x, v, *, looks):
        return view_scatter(d, np.zeros((), d.dtype), looks=looks)

    def vjp_v(d, out, x, v, *, looks):
        return _look(d, looks)


def _look(x, looks):
    for op, settings in looks:
        x = apply(op, x, **settings)
    return x


class ScatterReduce(Op):
    """Each place of x that `index` names holds the product, mean, largest or smallest of the
    numbers of v that were sent there (and of its own, with include_self).

    x: any shape; v: the shape of x[index]. On a tie amax and amin share the gradient evenly.
    """

    family = Family.GATHER
    formula = "reduce(v, at_index, x)"
    example = (
        [np.array([1.0, 5.0]), np.array([2.0, 4.0, 3.0])],
        {"index": (np.array([0, 1, 0]),), "reduce": "amax"},
    )

    def forward(x, v, *, index, reduce, include_self=True):
        out = x.copy()
        flat, places, sent = out.reshape(-1), flat_places(index, x.shape), v.reshape(-1)
        if not include_self:
            flat[places] = _start(reduce, x.dtype)
        if reduce != "mean":
            _REDUCE[reduce].at(flat, places, sent)
            return out
        np.add.at(flat, places, sent)
        count = _count(x, v, index, include_self)
        return out / count if x.dtype.kind == "f" else out // count

    def vjp_x(d, out, x, v, *, index, reduce, include_self):
        if not include_self:
            return set_item(d, np.zeros((), d.dtype), index=index)
        if reduce == "mean":
            return d / _count(x, v, index, include_self)
        if reduce == "prod":
            ones = np.ones(x.shape, x.dtype)
            return d * scatter_reduce(ones, v, index=index, reduce=reduce, include_self=True)
        return d * (x == out) / _ties(out, x, v, index, include_self)

    def vjp_v(d, out, x, v, *, index, reduce, include_self):
        if reduce == "mean":
            return getitem(d / _count(x, v, index, include_self), index=index)
        if reduce == "prod":
            return getitem(d, index=index) * _product_of_others(x, v, out, index, include_self)
        shared = d / _ties(out, x, v, index, include_self)
        return getitem(shared, index=index) * (v == getitem(out, index=index))


_REDUCE = {"prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def _start(reduce, dtype):
    """What changes nothing when it is reduced with other numbers."""
    if reduce in ("mean", "prod"):
        return 0 if reduce == "mean" else 1
    if dtype.kind == "f":
        return -np.inf if reduce == "amax" else np.inf
    if dtype.kind == "b":
        return reduce == "amin"
    return np.iinfo(dtype).min if reduce == "amax" else np.iinfo(dtype).max


def _count(x, v, index, include_self):
    """How many numbers meet in each place (1 where none do)."""
    count = AddAt.forward(np.ones(v.shape, x.dtype), index=index, shape=x.shape)
    return count + 1 if include_self else np.maximum(count, 1)


def _ties(out, x, v, index, include_self):
    """How many of the numbers that meet in a place are the one that won."""
    won = plain(v == getitem(out, index=index)).astype(out.dtype)
    ties = AddAt.forward(won, index=index, shape=x.shape)
    return np.maximum(ties + plain(x == out) if include_self else ties, 1)


def _product_of_others(x, v, out, index, include_self):
    """For each number of v, the product of all others that meet it, zeros among them or not."""
    zero = v == 0
    zeros = AddAt.forward(plain(zero).astype(np.int64), index=index, shape=x.shape)
    zeros = GetItem.forward(zeros, index=index)
    without = where(zero, 1.0, v)
    product = scatter_reduce(x, without, index=index, reduce="prod", include_self=include_self)
    alone = where(zeros > 1, 0.0, getitem(product, index=index))
    return where(zero, alone, getitem(out, index=index) / without)


# -- places --------------------------------------------------------------------------------------


class Flat:
    """An index that names places of a tensor's row-major memory, all of which there are."""

    __slots__ = ("places",)

    def __init__(self, places):
        self.places = places


def along(index, dim, shape):
    """The places that `index`, one number of 0 to n - 1 a place, names along `dim` of a tensor of
    this shape."""
    steps = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    places = index if steps[dim] == 1 else index * steps[dim]
    for i, n in enumerate(index.shape):
        if i != dim and n > 1:
            places = places + (np.arange(n) * steps[i]).reshape(n, *(1,) * (index.ndim - 1 - i))
    return Flat(places)


def parts_of(index):
    return index if isinstance(index, tuple) else (index,)


def outside(index, count):
    """Where whole numbers, negative ones too, are none of 0 to count - 1: without its sign, -1 is
    a very large number."""
    return index.view(f"u{index.itemsize}") >= count


def is_view(index):
    """Whether x[index] lies in x's own memory, each place of it once: no array is in the index."""
    parts = parts_of(index)
    return all(type(p) in _PLAIN for p in parts)


_PLAIN = (int, slice, type(None), type(...))


def may_repeat(part):
    """Whether this part of an index can name a place twice: whole numbers in an array can."""
    return isinstance(part, list) or (isinstance(part, np.ndarray) and part.dtype != bool)


def flat_places(index, shape):
    """Where the places of x[index] lie in x's row-major memory, for x of this shape."""
    if type(index) is Flat:
        return index.places.reshape(-1)
    *before, last = parts = parts_of(index)
    used = sum(map(dims_of, parts))
    if all(map(may_repeat, parts)):
        places = 0
        for part, n in zip(parts, shape, strict=False):
            places = places * n + _positive(part, n)
    elif may_repeat(last) and all(type(p) is slice and p == slice(None) for p in before):
        n, last = shape[len(before)], np.asarray(last)
        lead = np.arange(math.prod(shape[: len(before)])).reshape((-1,) + (1,) * last.ndim)
        places = lead * n + _positive(last, n)
    else:
        every = np.empty(shape[:used], np.intp)
        every.reshape(-1)[...] = np.arange(every.size)
        places = every[index]
    # What the index does not mention lies in one piece behind each place that it names.
    rest = math.prod(shape[used:])
    if rest > 1:
        places = places[..., None] * rest + np.arange(rest)
    return places.reshape(-1) if rest else np.zeros(0, np.intp)


def _positive(part, n):
    part = np.asarray(part, np.intp)
    return np.where(part < 0, part + n, part)


def dims_of(part):
    """How many dimensions of x this part of an index stands for."""
    if part is None or part is ...:
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


def plain(x):
    """The array in x, if it is a Tensor."""
    return x.array if hasattr(x, "requires_grad") else x


def explain_index(shape, index):
    """IndexError that says which part of the index does not fit `shape`, if one does not."""
    parts = [p for p in parts_of(index) if p is not None]
    count = sum(map(dims_of, parts))
    if count > len(shape):
        raise IndexError(say("errors.index.too_many", count=count, ndim=len(shape), shape=shape))
    dim, arrays = 0, []
    for part in parts:
        if part is ...:
            dim += len(shape) - count
            continue
        if not isinstance(part, slice):
            part = np.asarray(part)
            covered = shape[dim : dim + part.ndim]
            if part.dtype == bool and part.ndim and part.shape != covered:
                raise IndexError(
                    say("errors.index.mask", mask=part.shape, want=covered, shape=shape, dim=dim)
                )
            n = shape[dim] if dim < len(shape) else 0
            if part.dtype != bool:
                _refuse_outside(part, n, dim, shape)
            arrays.append(part.nonzero()[0] if part.dtype == bool else part)
        dim += dims_of(part)
    try:
        np.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise IndexError(say("errors.index.clash", shapes=shapes)) from None


def _refuse_outside(part, n, dim, shape):
    far = part[(part < -n) | (part >= n)]
    if far.size:
        where = marked(shape, dim)
        raise IndexError(
            say("errors.index.range", index=int(far.flat[0]), dim=dim, size=n, shape=where)
        )


getitem = function(GetItem, "getitem")
add_at = function(AddAt)
set_item = function(SetItem)
view_scatter = function(ViewScatter)
scatter_reduce = function(ScatterReduce)
