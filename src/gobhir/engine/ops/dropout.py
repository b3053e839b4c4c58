"""Dropout: numbers left out at random while a network learns.

Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting (2014);
alpha dropout: Klambauer et al., Self-normalizing neural networks (2017).
"""

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op


class Dropout(Op):
    """x with some numbers put to 0, the others made larger to keep the mean. x: any shape.

    noise: 0 for what is left out, 1 / (1 - p) for what stays; shapes broadcast.
    """

    family = Family.ELEMENTWISE
    formula = "x * noise"
    local = {"x": "noise"}
    example = ([[0.5, -1.2, 2.0], [2.0, 0.0, 2.0]], {})

    def forward(x, noise):
        return x * noise

    def vjp_x(d, out, x, noise):
        return d * noise


class AlphaDropout(Op):
    """Some numbers of x put to the value that SELU saturates at, then all scaled and shifted so
    that mean and variance stay. noise: `scale` for what stays, 0 for the rest; shift is added."""

    family = Family.ELEMENTWISE
    formula = "x * noise + shift"
    local = {"x": "noise"}
    example = ([[0.5, -1.2, 2.0], [0.8864, 0.0, 0.8864], [0.7792, -0.7792, 0.7792]], {})

    def forward(x, noise, shift):
        return x * noise + shift

    def vjp_x(d, out, x, noise, shift):
        return d * noise


dropout = function(Dropout)
alpha_dropout = function(AlphaDropout)
