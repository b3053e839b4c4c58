"""PyTorch's `torch.distributions`: numbers drawn from a distribution, and how likely numbers are.
Stands on engine/, autograd, nn/functional and lang/; nothing inside the house imports it.
Start reading in distribution.py: what every distribution offers; then normal.py.
"""

from gobhir.distributions import constraints, transforms
from gobhir.distributions.bounded import ContinuousBernoulli, Kumaraswamy, VonMises
from gobhir.distributions.categorical import Bernoulli, Categorical
from gobhir.distributions.continuous import Exponential, Laplace, Uniform
from gobhir.distributions.counts import (
    Binomial,
    Geometric,
    NegativeBinomial,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
)
from gobhir.distributions.distribution import Distribution, Independent, together
from gobhir.distributions.event_transforms import (
    CumulativeDistributionTransform,
    ReshapeTransform,
    StickBreakingTransform,
)
from gobhir.distributions.gamma import (
    Beta,
    Chi2,
    Dirichlet,
    FisherSnedecor,
    Gamma,
    InverseGamma,
    StudentT,
)
from gobhir.distributions.kl import kl_divergence, register_kl
from gobhir.distributions.mixture import (
    MixtureSameFamily,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
)
from gobhir.distributions.multinomial import Multinomial
from gobhir.distributions.normal import MultivariateNormal, Normal
from gobhir.distributions.transformed import (
    Cauchy,
    Gumbel,
    HalfCauchy,
    HalfNormal,
    LogisticNormal,
    LogNormal,
    Pareto,
    TransformedDistribution,
    Weibull,
)
from gobhir.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    IndependentTransform,
    PowerTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    TanhTransform,
    Transform,
    identity_transform,
)
from gobhir.engine.op import WORDS
from gobhir.engine.paths import offer

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Cauchy",
    "Chi2",
    "ContinuousBernoulli",
    "Dirichlet",
    "Distribution",
    "Exponential",
    "FisherSnedecor",
    "Gamma",
    "Geometric",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Independent",
    "InverseGamma",
    "Kumaraswamy",
    "Laplace",
    "LogNormal",
    "LogisticNormal",
    "MixtureSameFamily",
    "Multinomial",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "Pareto",
    "Poisson",
    "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
    "StudentT",
    "TransformedDistribution",
    "Uniform",
    "VonMises",
    "Weibull",
    "constraints",
    "kl_divergence",
    "register_kl",
    "transforms",
    "AbsTransform",
    "AffineTransform",
    "ComposeTransform",
    "CumulativeDistributionTransform",
    "ExpTransform",
    "IndependentTransform",
    "PowerTransform",
    "ReshapeTransform",
    "SigmoidTransform",
    "SoftmaxTransform",
    "SoftplusTransform",
    "StickBreakingTransform",
    "TanhTransform",
    "Transform",
    "identity_transform",
]

_PATHS = {
    "FisherSnedecor": "fishersnedecor",
    "OneHotCategoricalStraightThrough": "one_hot_categorical",
    "RelaxedOneHotCategorical": "relaxed_categorical",
    "StudentT": "studentT",
}
"""In which file PyTorch keeps a class, where that is not its name in small letters."""

for _name, _class in [(n, c) for n, c in vars().items() if n in __all__ and isinstance(c, type)]:
    _path = _PATHS.get(_name) or WORDS.sub("_", _name).lower()
    _path = "transforms" if issubclass(_class, Transform) else _path
    if _class.__module__ != f"{__name__}.{_path}":
        offer(__name__, _path, {_name: _class})
offer(__name__, "utils", {"broadcast_all": together})
