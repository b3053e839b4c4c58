"""The ops: each in one place, with forward, gradient, formula and local derivative side by side.
Imported by engine, nn and explain. An op never knows a language or a page.
Start reading in activations.py: Sigmoid is the shortest complete one.
"""

from gobhir.engine.ops import (
    activations,
    arithmetic,
    attention,
    convolution,
    cross_entropy,
    diagonals,
    elementary,
    indexing,
    joining,
    linear,
    losses,
    normalisation,
    pooling,
    recurrent,
    recurrent_layers,
    reductions,
    scans,
    resampling,
    shapes,
    sorting,
    windows,
)

__all__ = [
    "activations",
    "arithmetic",
    "attention",
    "convolution",
    "cross_entropy",
    "diagonals",
    "elementary",
    "indexing",
    "joining",
    "linear",
    "losses",
    "normalisation",
    "pooling",
    "recurrent",
    "recurrent_layers",
    "reductions",
    "scans",
    "resampling",
    "shapes",
    "sorting",
    "windows",
]
