"""How often each of several outcomes came, when it was drawn several times."""

from __future__ import annotations

import math
from typing import Any

from gobhir.distributions.categorical import OfOutcomes
from gobhir.engine import Tensor
from gobhir.engine.creation import ones_like, zeros
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.tape import no_grad


class Multinomial(OfOutcomes):
    """Counts of the outcomes of `total_count` draws; probs and logits as Categorical takes them.
    A sample has one count for each outcome: batch_shape + (outcomes,), of the dtype of probs."""

    def __init__(
        self,
        total_count: int = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.total_count = total_count
        super().__init__(probs, logits, validate_args)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0).all(-1) & (value.sum(-1) <= self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            drawn = self._one.sample((self.total_count, *sample_shape)).movedim(0, -1)
            counts = zeros(self._extended_shape(sample_shape), dtype=self.probs.dtype)
            return counts.scatter_add_(-1, drawn, ones_like(drawn, dtype=counts.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        logits, value = FUNCTIONS["broadcast_tensors"](self.logits, value)
        never = value.eq(0) & logits.eq(-math.inf)
        terms = value * logits.masked_fill(never, 0)
        orders = (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1)
        return orders + terms.sum(-1)
