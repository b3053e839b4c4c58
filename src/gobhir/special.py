"""Special functions under the names of torch.special; most are the functions of the same name at
the top. https://docs.pytorch.org/docs/stable/special.html
"""

from __future__ import annotations

import math

from gobhir.engine import Tensor
from gobhir.engine.functions import FUNCTIONS

digamma = psi = FUNCTIONS["digamma"]
erf = FUNCTIONS["erf"]
erfc = FUNCTIONS["erfc"]
erfinv = FUNCTIONS["erfinv"]
exp2 = FUNCTIONS["exp2"]
expit = FUNCTIONS["sigmoid"]
expm1 = FUNCTIONS["expm1"]
gammaln = FUNCTIONS["lgamma"]
log1p = FUNCTIONS["log1p"]
log_softmax = FUNCTIONS["log_softmax"]
logit = FUNCTIONS["logit"]
logsumexp = FUNCTIONS["logsumexp"]
polygamma = FUNCTIONS["polygamma"]
round = FUNCTIONS["round"]
sinc = FUNCTIONS["sinc"]
softmax = FUNCTIONS["softmax"]
xlogy = FUNCTIONS["xlogy"]


def entr(input: Tensor) -> Tensor:
    """-x log(x), what an outcome of probability x adds to the entropy: 0 at 0, -inf below."""
    inside = xlogy(input, input)
    return FUNCTIONS["where"](FUNCTIONS["lt"](input, 0), -math.inf, -inside)


def ndtr(input: Tensor) -> Tensor:
    """The share of a normal distribution that lies below x."""
    return 0.5 * erfc(input * -math.sqrt(0.5))
