"""What a story finds, and the course of the training in which it is looked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gobhir.lift.diary import Diary

FEW = 20
"""With fewer steps than this nothing is said that only many steps can show."""
LONG = 300
"""So many steps a loss may take before it has to move: recurrent networks, and sigmoid ones,
stand still for up to two hundred under plain SGD, and learn after that."""


@dataclass(frozen=True)
class Finding:
    """Something that happened. kind: which symptom; level: "problem", or "note" where it may well
    be on purpose; step: when it was first seen, counted from 1; layers: where."""

    kind: str
    level: str = "problem"
    step: int | None = None
    layers: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Course:
    """A diary, and what several symptoms want to know of it."""

    diary: Diary

    @cached_property
    def losses(self) -> np.ndarray:
        """The losses that were numbers."""
        losses = np.array(self.diary.losses)
        return losses[np.isfinite(losses)]

    @cached_property
    def blocks(self) -> np.ndarray:
        """Means of ten stretches of the loss, one after the other."""
        parts = np.array_split(self.losses, max(1, min(10, len(self.losses))))
        return np.array([part.mean() for part in parts if len(part)])

    @property
    def start(self) -> float:
        """The loss at first: over a twentieth of the steps, before much has been learned."""
        return float(self.losses[: max(1, len(self.losses) // 20)].mean())

    @property
    def learned(self) -> bool:
        """Whether the loss fell to a tenth of the very first (those after it may have leapt)."""
        return bool(len(self.losses) >= FEW and self.blocks[-1] < 0.1 * abs(self.losses[0]))

    @cached_property
    def thriving(self) -> bool:
        """Whether the loss fell to half of what it was at first, and of what the best constant
        answer costs."""
        if self.diary.birth is not None or len(self.losses) < FEW:
            return False
        bar = self.start if self.guess is None else min(self.start, self.guess)
        return bool(self.blocks[-1] < 0.5 * bar)

    @cached_property
    def weights(self) -> np.ndarray:
        """Which parameters are matrices of weights that learn, in the order of the layers."""
        order = self.diary.order
        found = [
            k for k, w in enumerate(self.diary.parameters) if w.weighs and w.given and w.pulled
        ]
        return np.array(sorted(found, key=lambda k: order.get(self._layer(k), k)), int)

    def _layer(self, k: int) -> str:
        return self.diary.parameters[k].layer

    def names(self, which: Any) -> tuple[str, ...]:
        return tuple(self.diary.parameters[k].name for k in which)

    def typical(self, table: np.ndarray) -> np.ndarray:
        """The middle over the second half of the watched steps, one a matrix of weights."""
        half = table[len(table) // 2 :, self.weights]
        return np.array([median(column) for column in half.T])

    @cached_property
    def ratios(self) -> np.ndarray:
        return self.diary.ratios()

    @cached_property
    def pulls(self) -> np.ndarray:
        return self.diary.pulls()

    @cached_property
    def stretches(self) -> list[np.ndarray]:
        """The middle of |gradient| / |weights| over the second half of the story; of a network that
        has learned nothing also over its first tenth: later, all its gradients are gone."""
        found = [np.nan_to_num(self.typical(self.pulls))]
        if len(self.losses) >= FEW and self.blocks[-1] > 0.9 * self.start:
            early = self.pulls[: max(3, len(self.pulls) // 10), self.weights]
            found.append(np.nan_to_num([median(column) for column in early.T]))
        return found

    @cached_property
    def flat(self) -> bool:
        """Whether the loss stood still from the start: no tenth of it was 2 % below the first, and
        the second half is no lower than the first beyond its own noise. (Healthy: the best tenth
        is at most 0.9 of the first.)"""
        losses = self.losses
        if len(losses) < LONG or self.start <= 0:
            return False
        first, second = np.array_split(losses, 2)
        noise = math.hypot(first.std() / len(first) ** 0.5, second.std() / len(second) ** 0.5)
        still = second.mean() > first.mean() - max(3 * noise, 0.005 * self.start)
        return bool(still and self.blocks[1:].min() > 0.98 * self.start)

    @property
    def guess(self) -> float | None:
        """What the best constant answer costs, where that is the whole loss."""
        guess = self.diary.guess
        if guess is None or guess.alone < 0.9 * len(self.diary.rows):
            return None
        return guess.cost()


def median(a: np.ndarray) -> float:
    a = a[np.isfinite(a)]
    return float(np.median(a)) if len(a) else 0.0


def named(layer: str) -> tuple[str, ...]:
    return (layer,) if layer else ()
