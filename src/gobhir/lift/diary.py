"""What was seen of a training, step by step: numbers, and no judgement.

lift's listeners write it; explain's symptoms, picture and story read it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ROWS = 2000
"""So many watched steps are kept; when they are full, every other one is let go."""


@dataclass(eq=False)
class Watched:
    """A parameter, and whether anything ever happened to it. size: how many numbers it holds."""

    name: str
    layer: str
    kind: str
    """The class of its layer."""
    shape: tuple[int, ...]
    given: bool
    """Whether the optimizer has it."""
    wanted: bool = False
    """Whether it ever asked for a gradient,"""
    reached: bool = False
    """one ever came,"""
    pulled: bool = False
    """it was ever other than zero,"""
    moved: bool = False
    """and a step ever changed it."""

    @property
    def weighs(self) -> bool:
        """Whether it is a matrix that inputs are multiplied with: what ratios are read from.
        Biases start at zero, and of an embedding a step touches some rows only."""
        return len(self.shape) > 1 and not self.kind.startswith("Embedding")


@dataclass(eq=False)
class Units:
    """The units behind one activation function, or one gate of a recurrent layer.

    layer: what computed them; op: the function, or the gate. last: where units can be silent
    (ReLU), the step in which each was last heard. shares: by step, how large a share was
    silent over the batch, or stood where the function is flat. final: the model's own output.
    """

    layer: str
    op: str
    count: int
    shares: dict[int, float] = field(default_factory=dict)
    last: np.ndarray | None = None
    final: bool = False
    gate: bool = False


@dataclass(frozen=True)
class Seen:
    """One op of a step that was kept in full: what came out of it."""

    op: str
    layer: str
    shape: tuple[int, ...]
    low: float
    high: float
    mean: float
    strange: int
    """How many of its numbers are NaN or infinite."""


@dataclass(frozen=True)
class Birth:
    """Where the first NaN (or infinite loss) was seen. phase: "data", "weights", "forward",
    "overflow", "backward" or "unseen". source: the op before it that became infinite, if any."""

    step: int
    phase: str
    op: str = ""
    layer: str = ""
    source: str = ""
    inputs: tuple[tuple[float, float], ...] = ()
    """Smallest and largest number of what the op was given."""
    at: tuple[int, ...] = ()
    """Where in its result the first NaN stands, counted from 0,"""
    given: tuple[float, ...] = ()
    """and what it was given there, where it works number by number."""


@dataclass(eq=False)
class Row:
    """One watched step. Norms, one a parameter: of its gradient (NaN where none came), of itself
    before the step, of what the step changed."""

    step: int
    lr: float
    gradient: np.ndarray
    weight: np.ndarray
    update: np.ndarray


@dataclass(eq=False)
class Guess:
    """The targets of a loss, summed up: what the best answer that ignores the input would cost."""

    loss: str
    counts: np.ndarray
    squares: np.ndarray
    total: float = 0.0
    alone: int = 0
    """Steps in which this was the whole loss."""

    def cost(self) -> float | None:
        """Cross-entropy: the entropy of the classes; squared error: the variance."""
        if not self.total:
            return None
        p = self.counts / self.total
        if self.loss == "mse":
            return float(np.mean(self.squares / self.total - p**2))
        with np.errstate(all="ignore"):
            both = [p] if self.loss == "classes" else [p, 1 - p]
            bits = [np.where(q > 0, -q * np.log(q), 0.0) for q in both]
        return float(bits[0].sum() if self.loss == "classes" else (bits[0] + bits[1]).mean())


@dataclass(eq=False)
class Diary:
    """All that was seen. losses: one a step, NaN where none was seen; stride: every how-many-th
    step is watched."""

    parameters: list[Watched]
    stride: int = 1
    losses: list[float] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    units: dict[str, Units] = field(default_factory=dict)
    order: dict[str, int] = field(default_factory=dict)
    """Layers with parameters, numbered in the order in which they were first called."""
    birth: Birth | None = None
    records: dict[int, list[Seen]] = field(default_factory=dict)
    """Steps in which something happened, op by op."""
    guess: Guess | None = None
    counts: Counter[str] = field(default_factory=Counter)
    """How often each was seen: backward; stale, one that added to used gradients; train_steps,
    eval_steps; checks_in_train, runs_in_train: forwards without autograd, and rows of them, by a
    model in training mode; losses_heard, of them broadcast and softmaxed."""
    details: dict[str, Any] = field(default_factory=dict)
    interrupted: str = ""
    """The exception that broke training off."""

    @property
    def steps(self) -> int:
        return len(self.losses)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        if len(self.rows) > ROWS:
            del self.rows[1::2]
            self.stride *= 2
            for units in self.units.values():
                for step in [s for s in units.shares if s % self.stride]:
                    del units.shares[step]

    def table(self, what: str) -> np.ndarray:
        """A quantity of all watched steps: (steps, parameters)."""
        rows = [getattr(row, what) for row in self.rows]
        return np.array(rows).reshape(len(rows), len(self.parameters))

    def ratios(self) -> np.ndarray:
        """|change| / |weights|, (steps, parameters); NaN where nothing was there to change."""
        weight, update = self.table("weight"), self.table("update")
        with np.errstate(all="ignore"):
            return np.where(weight > 0, update / weight, np.nan)

    def pulls(self) -> np.ndarray:
        """|gradient| / |weights|, (steps, parameters): free of how large a layer is."""
        weight, gradient = self.table("weight"), self.table("gradient")
        with np.errstate(all="ignore"):
            return np.where(weight > 0, gradient / weight, np.nan)
