"""Padding with a constant. Padding with a tensor's own numbers is indexing: see nn/functional."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.ops.shapes import Rearrangement
from gobhir.lang import say


class ConstantPad(Rearrangement):
    """x with pad[i] = (before, after) more places along dimension i, all of them `value`; negative
    numbers cut places off."""

    formula = "constant_pad(x)"
    example = ([np.arange(1.0, 4.0)], {"pad": ((1, 2),), "value": 0.5})

    def forward(x, *, pad, value=0.0):
        shape = tuple(n + before + after for n, (before, after) in zip(x.shape, pad, strict=True))
        if min(shape, default=0) < 0:
            raise RuntimeError(say("errors.pad.negative", x=x.shape, shape=shape))
        kept, place = [], []
        for n, (before, after) in zip(x.shape, pad, strict=True):
            kept.append(slice(max(-before, 0), n - max(-after, 0)))
            place.append(slice(max(before, 0), max(before, 0) + n + min(before, 0) + min(after, 0)))
        out = np.full(shape, value, x.dtype) if value else np.zeros(shape, x.dtype)
        out[tuple(place)] = x[tuple(kept)]
        return out

    def vjp(d, out, x, *, pad, value):
        return constant_pad(d, pad=tuple((-before, -after) for before, after in pad))


constant_pad = function(ConstantPad)
