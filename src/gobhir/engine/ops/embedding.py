"""Rows of a table: each whole number stands for one row of weights."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.indexing import AddAt, Flat, outside, plain
from gobhir.lang import say


class Embedding(Op):
    """out = W[x]: row x of the table for every x. x: (...), whole numbers; W: (rows, features),
    out: (..., features).

    The row `padding_idx` gets no gradient. scale_grad_by_freq: a row's gradient is divided by how
    often the row was asked for. max_norm: the length to which longer rows have been cut already;
    the op leaves that to the function around it.
    """

    family = Family.GATHER
    formula = "W[x]"
    local = {"W": "1"}
    shape_only = True
    example = ([np.array([2, 0, 2]), np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])], {})

    def forward(x, W, *, padding_idx=None, scale_grad_by_freq=False, max_norm=None):
        if W.ndim != 2:
            raise RuntimeError(say("errors.embedding.table", shape=W.shape))
        if x.dtype not in (np.int64, np.int32):
            raise RuntimeError(say("errors.embedding.dtype", dtype=x.dtype))
        wrong = outside(x, len(W))
        if wrong.any():
            index, rows = x[wrong].flat[0], len(W)
            raise IndexError(say("errors.embedding.index", index=index, rows=rows, last=rows - 1))
        return np.take(W, x, axis=0)

    def vjp_W(d, out, x, W, *, padding_idx, scale_grad_by_freq, max_norm):
        at = plain(x)
        if scale_grad_by_freq:
            often = np.bincount(at.reshape(-1), minlength=W.shape[0])
            d = d / often[at][..., None].astype(d.dtype)
        if padding_idx is not None:
            d = d * (at != padding_idx)[..., None].astype(d.dtype)
        return add_rows(d, at, rows=W.shape[0])


class AddRows(Op):
    """Zeros (rows, features) with each row of v added to the row that x names: what Embedding
    does, backwards. v: (..., features), x: (...), whole numbers; out: (rows, features)."""

    family = Family.GATHER
    formula = "add_rows(v)"
    local = {"v": "1"}
    shape_only = True
    example = ([np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([2, 0, 2])], {"rows": 3})

    def forward(v, x, *, rows):
        places = x.reshape(-1)
        flat = v.reshape(len(places), v.shape[-1])
        if rows * 12 > len(places):  # few lookups a row: cheaper than sorting
            width = v.shape[-1]
            at = places[:, None] * width + np.arange(width)
            return AddAt.forward(flat, index=Flat(at), shape=(rows, width))
        # Rows for the same place lie side by side after sorting, and are added up in one go.
        order = np.argsort(places, kind="stable")
        ordered = np.take(places, order)
        starts = np.searchsorted(ordered, np.arange(rows + 1))
        sorted_rows = np.empty((len(flat) + 1, v.shape[-1]), v.dtype)
        np.take(flat, order, axis=0, out=sorted_rows[:-1])
        sorted_rows[-1] = 0
        out = np.add.reduceat(sorted_rows, starts[:-1], axis=0)
        out[starts[:-1] == starts[1:]] = 0  # reduceat gives a row to places that have none
        return out

    def vjp_v(d, out, v, x, *, rows):
        return embedding(x, d)


embedding = function(Embedding)
add_rows = function(AddRows)
