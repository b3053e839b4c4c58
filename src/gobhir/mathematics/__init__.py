"""The mathematics behind deep learning, worked out by hand, from scratch: every function gives a
page (`.show("bn")`, `.save("page.html")`) with the `.result` for programs.
Stands on derivation and lang; everything above may import it.
Start reading in board.py, then elimination.py beside the page of `inverse([[2, 1], [5, 3]])`.
"""

from gobhir.mathematics.board import SUBJECTS, Worked
from gobhir.mathematics.chances import (
    bayes,
    bernoulli,
    binomial,
    expectation,
    exponential,
    normal,
    poisson,
    uniform,
)
from gobhir.mathematics.derivatives import chain, derivative, gradient, hessian, jacobian
from gobhir.mathematics.elimination import determinant, inverse, rank, solve
from gobhir.mathematics.integrals import integrate, monte_carlo
from gobhir.mathematics.likelihood import (
    central_limit,
    cross_entropy,
    entropy,
    kl,
    large_numbers,
    likelihood_bernoulli,
    likelihood_normal,
)
from gobhir.mathematics.limits import limit, numerical_derivative, taylor
from gobhir.mathematics.orthogonal import qr
from gobhir.mathematics.products import dot, least_squares, matmul, norms, project
from gobhir.mathematics.singular import svd
from gobhir.mathematics.spectrum import eigen, power_iteration, qr_iteration
from gobhir.mathematics.statistics import (
    covariance,
    mean,
    standardize,
    variance,
    why_sample,
    z_score,
)

__all__ = [
    "SUBJECTS",
    "Worked",
    "bayes",
    "bernoulli",
    "binomial",
    "central_limit",
    "chain",
    "covariance",
    "cross_entropy",
    "derivative",
    "determinant",
    "dot",
    "eigen",
    "entropy",
    "expectation",
    "exponential",
    "gradient",
    "hessian",
    "integrate",
    "inverse",
    "jacobian",
    "kl",
    "large_numbers",
    "least_squares",
    "likelihood_bernoulli",
    "likelihood_normal",
    "limit",
    "matmul",
    "mean",
    "monte_carlo",
    "normal",
    "norms",
    "numerical_derivative",
    "poisson",
    "power_iteration",
    "project",
    "qr",
    "qr_iteration",
    "rank",
    "solve",
    "standardize",
    "svd",
    "taylor",
    "uniform",
    "variance",
    "why_sample",
    "z_score",
]
