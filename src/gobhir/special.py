"""Special functions under the names of torch.special; most are the functions of the same name at
the top. https://docs.pytorch.org/docs/stable/special.html
"""

from __future__ import annotations

import math

from gobhir.engine import Tensor
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.functions.elementwise import zeta as _zeta
from gobhir.engine.functions.publish import of_one, of_two, takes_out
from gobhir.engine.ops import bessel, elementary
from gobhir.engine.ops import special as _ops

digamma = psi = FUNCTIONS["digamma"]
erf = FUNCTIONS["erf"]
erfc = FUNCTIONS["erfc"]
erfcx = of_one(_ops.erfcx)
erfinv = FUNCTIONS["erfinv"]
exp2 = FUNCTIONS["exp2"]
expit = FUNCTIONS["sigmoid"]
expm1 = FUNCTIONS["expm1"]
gammainc = FUNCTIONS["igamma"]
gammaincc = FUNCTIONS["igammac"]
gammaln = FUNCTIONS["lgamma"]
i0 = FUNCTIONS["i0"]
i0e = of_one(bessel.i0e)
i1 = of_one(bessel.i1)
i1e = of_one(bessel.i1e)
log1p = FUNCTIONS["log1p"]
log_ndtr = of_one(_ops.log_ndtr)
log_softmax = FUNCTIONS["log_softmax"]
logit = FUNCTIONS["logit"]
logsumexp = FUNCTIONS["logsumexp"]
multigammaln = FUNCTIONS["mvlgamma"]
ndtri = of_one(_ops.ndtri)
polygamma = FUNCTIONS["polygamma"]
round = FUNCTIONS["round"]
sinc = FUNCTIONS["sinc"]
softmax = FUNCTIONS["softmax"]
xlog1py = of_two(elementary.xlog1py, "either")
xlogy = FUNCTIONS["xlogy"]
zeta = _zeta


@takes_out
def entr(input: Tensor) -> Tensor:
    """-x log(x), what an outcome of probability x adds to the entropy: 0 at 0, -inf below."""
    inside = xlogy(input, input)
    return FUNCTIONS["where"](FUNCTIONS["lt"](input, 0), -math.inf, -inside)


@takes_out
def ndtr(input: Tensor) -> Tensor:
    """The share of a normal distribution that lies below x."""
    return 0.5 * erfc(input * -math.sqrt(0.5))
