"""Several tensors made one: end to end, or on top of each other."""

from itertools import accumulate

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.ops.shapes import Rearrangement
from gobhir.lang import say


class Cat(Rearrangement):
    """Tensors end to end along `dim`; all other sizes are equal."""

    formula = "cat(tensors)"
    promotes = True
    example = ([[1.0, 2.0], [3.0, 4.0, 5.0]], {})

    def forward(*tensors, dim=0):
        try:
            return np.concatenate(tensors, axis=dim)
        except ValueError:
            shapes = [t.shape for t in tensors]
            raise RuntimeError(say("errors.shape.cat", shapes=shapes, dim=dim)) from None

    def vjps(d, out, *tensors, dim):
        ends = list(accumulate(t.shape[dim] for t in tensors))
        lead = (slice(None),) * dim
        return [d[(*lead, slice(a, b))] for a, b in zip([0, *ends], ends, strict=False)]


class Stack(Rearrangement):
    """Tensors of one shape on top of each other, along a new dimension `dim`."""

    formula = "stack(tensors)"
    promotes = True
    example = ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], {})

    def forward(*tensors, dim=0):
        try:
            return np.stack(tensors, axis=dim)
        except ValueError:
            shapes = [t.shape for t in tensors]
            raise RuntimeError(say("errors.shape.stack", shapes=shapes)) from None

    def vjps(d, out, *tensors, dim):
        lead = (slice(None),) * dim
        return [d[(*lead, i)] for i in range(len(tensors))]


cat = function(Cat)
stack = function(Stack)
