"""PyTorch's `torch.distributions`: numbers drawn from a distribution, and how likely numbers are.
Stands on engine/, nn/functional and lang/; nothing inside the house imports it.
Start reading in distribution.py: what every distribution offers; then normal.py.
"""

from gobhir.distributions.categorical import Bernoulli, Categorical
from gobhir.distributions.continuous import Exponential, Laplace, Uniform
from gobhir.distributions.distribution import Distribution, Independent
from gobhir.distributions.kl import kl_divergence, register_kl
from gobhir.distributions.multinomial import Multinomial
from gobhir.distributions.normal import MultivariateNormal, Normal

__all__ = [
    "Bernoulli",
    "Categorical",
    "Distribution",
    "Exponential",
    "Independent",
    "Laplace",
    "Multinomial",
    "MultivariateNormal",
    "Normal",
    "Uniform",
    "kl_divergence",
    "register_kl",
]
