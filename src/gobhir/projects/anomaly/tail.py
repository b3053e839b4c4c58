"""How many false alarms an hour a threshold gives: the tail of the scores of normal footage.

An alarm is a run of scores at or above the threshold; runs with less than a pause between them are
one. Above a high score `base` the peaks of such runs follow a generalised Pareto distribution, so
that also thresholds can be chosen that the footage has hardly or never reached.

S. Coles, An Introduction to Statistical Modeling of Extreme Values (2001), chapters 4 and 5.3;
J. R. M. Hosking, J. R. Wallis (1987), Technometrics 29(3), 339-349.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gobhir.evaluation import Estimate
from gobhir.lang import say

SHARES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999)
"""Alarms are counted with thresholds below which such shares of all scores lie; the tail begins at
the highest of them that has MANY peaks above it, or else where there are most."""
LEAST, SHAPED, MANY = 2, 20, 50
"""So many peaks are needed at least; from so many on, their own shape is believed."""
SHAPES = (0.0, 0.5)
"""A tail that ends somewhere (a shape below 0) is never believed: it would promise silence."""
AT_WISH = 0.8
"""What `Tail.value` is at the threshold that is wished for: cctv's usual limit."""


@dataclass(frozen=True)
class Alarm:
    """Scores number first to last (included), and the highest of them, number `top`."""

    first: int
    last: int
    top: int
    peak: float


@dataclass(frozen=True)
class Tail:
    """base: where the tail begins; rate: alarms an hour with a threshold there; scale, shape: of
    the generalised Pareto distribution of what peaks have above it; peaks: how many there
    were. scores, rates: thresholds below the base, rising, and the alarms an hour that were counted
    with them."""

    base: float
    rate: float
    scale: float
    shape: float
    peaks: int = 0
    scores: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    @classmethod
    def fit(cls, scores: Sequence[np.ndarray], rate: float, quiet: int) -> Tail:
        """From smoothed scores of normal footage, a row for each piece of it; rate: scores a
        second; quiet: as for `alarms`. ValueError for too little footage."""
        every = np.concatenate([np.empty(0), *scores])
        levels = np.quantile(every, SHARES).tolist() if len(every) else [0.0]
        counted = [
            [one.peak for row in scores for one in alarms(row, level, quiet)] for level in levels
        ]
        numbers = [len(peaks) for peaks in counted]
        enough_peaks(max(numbers), len(every), rate)
        enough = min(MANY, max(numbers))
        begin = max(k for k, number in enumerate(numbers) if number >= enough)
        base, peaks = levels[begin], counted[begin]
        above = np.sort(np.array(peaks)) - base
        mean = max(float(above.mean()), 1e-6)
        shape = 0.0
        if len(above) >= SHAPED:
            n = len(above)
            weighted = float((above * np.arange(n - 1, -1, -1) / (n - 1)).mean())
            if mean > 2 * weighted:
                shape = float(np.clip(2 - mean / (mean - 2 * weighted), *SHAPES))
        hours = len(every) / rate / 3600
        rates = [len(peaks) / hours for peaks in counted[: begin + 1]]
        # Of a low threshold runs melt together: fewer alarms, but not fewer with a higher one.
        rates = np.maximum.accumulate(rates[::-1])[::-1].tolist()
        scale = mean * (1 - shape)
        return cls(base, rates[-1], scale, shape, len(peaks), levels[:begin], rates[:-1])

    def per_hour(self, score: float) -> float:
        """How many false alarms an hour a threshold of `score` would give. Below the lowest that
        was counted with it only goes on rising: it is no rate there."""
        low, most = [*self.scores, self.base][0], [*self.rates, self.rate][0]
        if score < low:
            return most * math.exp(min((low - score) / self.scale, 700.0))
        if score < self.base:
            known = np.log([*self.rates, self.rate])
            return math.exp(float(np.interp(score, [*self.scores, self.base], known)))
        above = (score - self.base) / self.scale
        if self.shape == 0:
            return self.rate * math.exp(-above)
        return float(self.rate * (1 + self.shape * above) ** (-1 / self.shape))

    def threshold(self, per_hour: float) -> float:
        """The score that gives so many false alarms an hour; the lowest that was counted with,
        where more are wished for than it gives."""
        if per_hour > self.rate:
            known = np.log([self.rate, *self.rates[::-1]])
            return float(np.interp(math.log(per_hour), known, [self.base, *self.scores[::-1]]))
        ratio = self.rate / per_hour
        if self.shape == 0:
            return self.base + self.scale * math.log(ratio)
        return self.base + self.scale / self.shape * (ratio**self.shape - 1)

    def value(self, score: float, per_hour: float) -> float:
        """The score as a number from 0 to 1: AT_WISH (0.8) where a threshold would give `per_hour`
        false alarms an hour; 0.5 where it would give four times as many, 0.95 a fifth."""
        odds = AT_WISH / (1 - AT_WISH)
        return 1 / (1 + self.per_hour(score) / (odds * per_hour))


def alarms(scores: np.ndarray, threshold: float, quiet: int) -> list[Alarm]:
    """The runs of scores (n,) at or above the threshold; those with at most `quiet` lower scores
    between them are one."""
    (high,) = np.nonzero(scores >= threshold)
    if not len(high):
        return []
    found = []
    for run in np.split(high, np.flatnonzero(np.diff(high) > quiet + 1) + 1):
        top = int(run[scores[run].argmax()])
        found.append(Alarm(int(run[0]), int(run[-1]), top, float(scores[top])))
    return found


def enough_peaks(peaks: int, scores: int, rate: float) -> None:
    """ValueError where so many peaks, in so many scores, are too few for a tail."""
    if peaks < LEAST:
        said = {"seconds": round(scores / rate), "peaks": peaks, "least": LEAST}
        raise ValueError(say("anomaly.bad.short", **said))


def most_peaks(counts: Sequence[int], quiet: int) -> int:
    """How many alarms pieces of so many scores can have at most, however the scores turn out."""
    return sum(-(-count // (quiet + 2)) for count in counts)


def smoothed(scores: np.ndarray, window: int) -> np.ndarray:
    """The mean of each score and those before it, `window` together (fewer at the beginning):
    (n,) -> (n,)."""
    total = np.concatenate([[0.0], np.cumsum(scores, dtype=float)])
    ends = np.arange(1, len(scores) + 1)
    starts = np.maximum(ends - window, 0)
    return (total[ends] - total[starts]) / (ends - starts)


def poisson(count: int, hours: float, n: int = 0, level: float = 0.95) -> Estimate:
    """count / hours with the exact interval of a Poisson count (Garwood 1936). n: how many frames
    were looked at in these hours."""
    from scipy.stats import chi2

    rest = (1 - level) / 2
    low = float(chi2.ppf(rest, 2 * count)) / 2 if count else 0.0
    high = float(chi2.ppf(1 - rest, 2 * count + 2)) / 2
    return Estimate(count / hours, low / hours, high / hours, n, level, "poisson")
