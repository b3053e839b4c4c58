"""Functions of one number, and choosing between two."""

from __future__ import annotations

from gobhir.engine.functions.publish import binary, unary
from gobhir.engine.ops import activations, elementary

exp = unary(elementary.exp)
log = unary(elementary.log)
sqrt = unary(elementary.sqrt)
sign = unary(elementary.sign)
sigmoid = unary(activations.sigmoid)
tanh = unary(activations.tanh)
relu = unary(activations.relu)
maximum = binary(elementary.maximum, inplace=False)
minimum = binary(elementary.minimum, inplace=False)
