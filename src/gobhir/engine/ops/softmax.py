"""Numbers brought onto a common scale along one dimension: softmax and its logarithm."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.elementary import exp
from gobhir.engine.ops.reductions import sum


class Softmax(Op):
    """p_i = e^z_i / sum_j e^z_j along `dim`: positive, summing to 1.
    z, p: (..., n, ...), `dim` the place of n.

    The largest z is subtracted first; it cancels, and nothing overflows.
    """

    family = Family.NORMALISATION
    formula = "exp(z) / sum(exp(z))"
    back = {"z": "p * (d - sum(d * p))"}
    result = "p"
    accepts = "f"

    def forward(z, *, dim):
        p = _below_largest(z, dim)
        np.exp(p, out=p)
        return np.divide(p, p.sum(axis=dim, keepdims=True), out=p)

    def vjp(dp, p, z, *, dim):
        return p * (dp - sum(dp * p, dim=dim, keepdim=True))


class LogSoftmax(Op):
    """log of softmax along `dim`, computed without losing small probabilities.
    z, s: (..., n, ...), `dim` the place of n."""

    family = Family.NORMALISATION
    formula = "z - log(sum(exp(z)))"
    back = {"z": "d - exp(s) * sum(d)"}
    result = "s"
    accepts = "f"

    def forward(z, *, dim):
        s = _below_largest(z, dim)
        return np.subtract(s, np.log(np.exp(s).sum(axis=dim, keepdims=True)), out=s)

    def vjp(ds, s, z, *, dim):
        return ds - exp(s) * sum(ds, dim=dim, keepdim=True)


def _below_largest(z, dim):
    """z less its largest number along `dim`, in new memory, where the rest is worked out, too."""
    top = z.max(axis=dim, keepdims=True, initial=-np.inf)
    return np.subtract(z, top, out=np.empty(z.shape, z.dtype))


softmax = function(Softmax)
log_softmax = function(LogSoftmax)
