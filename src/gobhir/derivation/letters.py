"""How names and numbers are spelt, whatever the dialect: Greek letters, hats, powers of ten."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "eta": "η",
    "theta": "θ", "lambda": "λ", "mu": "μ", "nu": "ν", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "phi": "ϕ", "pi": "π", "omega": "ω",
    "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Sigma": "Σ", "Omega": "Ω",
    "nabla": "∇",
}  # fmt: skip

FUNCTIONS = {
    "relu": "ReLU", "leaky_relu": "LeakyReLU",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan",
    "prod": "Π", "zeta": "ζ", "i0": "I₀", "i1": "I₁", "gammainc": "P",
    "lgamma": "lnΓ", "digamma": "ψ", "polygamma": "ψ",
}  # fmt: skip
"""Functions that are written otherwise than they are called."""

WORDS = ("new", "old")
"""Words in an index that speak the page's language."""
# keys: page.word.*


@dataclass(frozen=True)
class Letters:
    """A name's base, taken apart: beta1_hat is the letter beta with a hat and index 1."""

    stem: str
    hat: bool
    digits: str


@cache
def letters(base: str) -> Letters:
    """yhat, m_hat, beta1, W, running_mean, ... A word that is no letter stays whole."""
    hat = base.endswith("hat") and len(base) > 3
    stem = base.removesuffix("hat").rstrip("_") if hat else base
    found = re.fullmatch(r"([A-Za-z]+?)_?(\d+)", stem)
    name, digits = (found[1], found[2]) if found else (stem, "")
    if len(name) == 1 or name in GREEK:
        return Letters(name, hat, digits)
    return Letters(base, False, "")


_SMALL, _LARGE = Decimal("1e-4"), Decimal("1e6")


def plain_number(x: Decimal) -> tuple[str, int | None]:
    """Digits, and the power of ten where 0.00012 or 1200000 would be hard to read."""
    if x != 0 and not (_SMALL <= abs(x) < _LARGE):
        exponent = x.adjusted()
        return format(x.scaleb(-exponent), "f"), exponent
    return format(x, "f"), None
