"""The same numbers, arranged otherwise: reshape, transpose, expand, index, cast."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.lang import say


class Rearrangement(Op, abstract=True):
    family = Family.REARRANGEMENT
    local = "1"
    shape_only = True


class Reshape(Rearrangement):
    """The same numbers in row-major order under another shape; one -1 is worked out."""

    formula = "reshape(x)"

    def forward(x, *, shape):
        try:
            return x.reshape(shape)
        except ValueError:
            raise RuntimeError(say("errors.shape.reshape", x=x.shape, shape=shape)) from None

    def vjp(d, out, x, *, shape):
        return d.reshape(x.shape)


class Permute(Rearrangement):
    """Dimensions in another order: out.shape[i] = x.shape[dims[i]]."""

    formula = "permute(x)"

    def forward(x, *, dims):
        return np.transpose(x, dims)

    def vjp(d, out, x, *, dims):
        back = tuple(int(i) for i in np.argsort([i % x.ndim for i in dims]))
        return permute(d, dims=back)


class Expand(Rearrangement):
    """Repeat along dimensions of size 1 (and new leading ones) up to `shape`."""

    formula = "expand(x)"

    def forward(x, *, shape):
        try:
            return np.broadcast_to(x, shape)
        except ValueError:
            raise RuntimeError(say("errors.shape.expand", x=x.shape, shape=shape)) from None

    def vjp(d, out, x, *, shape):
        return d  # backward sums it down to x's shape, as for every op that broadcasts


class GetItem(Op):
    """x[index], with all of NumPy's kinds of index."""

    family = Family.GATHER
    formula = "x[index]"
    local = "1"
    shape_only = True

    def forward(x, *, index):
        try:
            found = x[index]
            if isinstance(found, np.ndarray):
                return found
            # With "..." at its end the index of a single number gives a view of x, too.
            return x[(*index, ...) if isinstance(index, tuple) else (index, ...)]
        except IndexError as trouble:
            raise IndexError(
                say("errors.index.range", shape=x.shape, detail=str(trouble))
            ) from None

    def vjp(d, out, x, *, index):
        return scatter(d, index=index, shape=x.shape)


class Scatter(Op):
    """Zeros of `shape` with x added at `index`: what GetItem does, backwards."""

    family = Family.GATHER
    formula = "scatter(x)"
    local = "1"
    shape_only = True

    def forward(x, *, index, shape):
        out = np.zeros(shape, x.dtype)
        np.add.at(out, index, x)
        return out

    def vjp(d, out, x, *, index, shape):
        return d[index]


class Cast(Rearrangement):
    """The same numbers in another dtype."""

    formula = "x"

    def forward(x, *, dtype):
        return x.astype(dtype)

    def vjp(d, out, x, *, dtype):
        return cast(d, dtype=x.dtype)


class Clone(Rearrangement):
    """A copy, through which the gradient passes."""

    formula = "x"

    def forward(x):
        return x.copy()

    def vjp(d, out, x):
        return d


reshape = function(Reshape)
permute = function(Permute)
expand = function(Expand)
getitem = function(GetItem, "getitem")
scatter = function(Scatter)
cast = function(Cast)
clone = function(Clone)


def plain_index(index):
    """The index with Tensors replaced by their arrays."""
    if isinstance(index, tuple):
        return tuple(plain_index(i) for i in index)
    return getattr(index, "array", index) if hasattr(index, "requires_grad") else index
