"""The normal curve with its 68-95-99.7 bands; mean and variance of five numbers as squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.distributions import Normal
from gobhir.engine.creation import tensor
from gobhir.widgets.moving import Choice, Knob, Moving
from gobhir.widgets.scene import (
    Scene,
    along,
    area,
    dots,
    graph,
    handle,
    line,
    plot,
    scene,
    text,
    word,
)

# keys: pictures.normal.*
MARKS = (40.0, 55.0, 60.0, 65.0, 80.0)
NAMES = tuple(f"x{k + 1}" for k in range(len(MARKS)))


class NormalCurve(Moving):
    """NormalCurve(mean=60, sd=10, k=1): the share between mean - k sd and mean + k sd.

    mean: 30 to 90; sd: 2 to 20; k: 0 to 3.5. NormalCurve(on="data", x1=40, ..., x5=80): the
    variance of five numbers (0 to 100) as the mean of squares, by population and by sample.
    """

    NAME = "normal"
    KNOBS = (
        Choice("on", ("curve", "data"), "curve"),
        Knob("k", 0, 3.5, 0.1, 1, plays=150, only=("on", "curve")),
        Knob("mean", 30, 90, 1, 60, only=("on", "curve")),
        Knob("sd", 2, 20, 0.5, 10, only=("on", "curve")),
        *(
            Knob(name, 0, 100, 1, value, kind="field", only=("on", "data"), label=f"x{sub}")
            for name, value, sub in zip(NAMES, MARKS, "₁₂₃₄₅", strict=True)
        ),
    )

    def draw(self, state: dict[str, Any]) -> Scene:
        if state["on"] == "data":
            return _data(np.array([state[name] for name in NAMES]))
        return _curve(state["mean"], state["sd"], state["k"])


def _curve(mean: float, sd: float, k: float) -> Scene:
    normal = Normal(tensor(np.array(mean)), tensor(np.array(sd)))

    def height(x: Any) -> np.ndarray:
        return normal.log_prob(tensor(np.asarray(x, float))).exp().numpy()

    low, high = mean - k * sd, mean + k * sd
    below, above = normal.cdf(tensor(np.array([low, high]))).tolist()
    share, peak = above - below, float(height(mean))

    def between(low: float, high: float) -> np.ndarray:
        x = along((low, high), 60)
        return np.concatenate([[(low, 0)], np.stack([x, height(x)], 1), [(high, 0)]])

    named = any(abs(k - whole) < 1e-9 for whole in (1, 2, 3))
    edges = [(n, mean + n * sd) for n in range(-3, 4)]
    return scene(
        word("say.named" if named else "say.share", k=k, percent=100 * share, low=low, high=high),
        [
            plot(
                (0, 120),
                (0, 1.5 * peak),
                [
                    area("third deep", between(low, high)),
                    graph("main", (0, 120), height, 240),
                    *(
                        line(
                            "soft thin dashed" if n else "main thin",
                            [(x, 0), (x, float(height(x)))],
                        )
                        for n, x in edges
                    ),
                    text((mean, peak), [100 * share, "%"], "third strong", shift=(0, -28)),
                ],
                across=["x"],
                up=[word("density")],
                handles=[handle((mean, peak), "mean", None)],
            )
        ],
        [
            ["μ − kσ = ", mean, " − ", k, " × ", sd, " = ", low],
            ["μ + kσ = ", mean, " + ", k, " × ", sd, " = ", high],
            [word("between"), ": ", share, " = ", 100 * share, "%"],
        ],
    )


def _data(values: np.ndarray) -> Scene:
    given = tensor(values)
    mean = given.mean().item()
    squares = ((given - mean) ** 2).tolist()
    total = sum(squares)
    variance, sample = given.var(correction=0).item(), given.var(correction=1).item()
    sd, sample_sd = given.std(correction=0).item(), given.std(correction=1).item()

    def square(x: float) -> list[tuple[float, float]]:
        side = abs(x - mean)
        return [(mean, 0), (x, 0), (x, side), (mean, side)]

    def plus(numbers: list[float]) -> list[Any]:
        return [[" + " if k else "", number] for k, number in enumerate(numbers)]

    right = mean < 50
    label = [word("mean"), " ", mean]
    shift, side = (6, "start") if right else (-6, "end")
    return scene(
        word("say.data", mean=mean, all=variance, sample=sample, sd=sd),
        [
            plot(
                (0, 100),
                (-6, 64),
                [
                    *(area("second", square(x)) for x in values),
                    *(line("second thin", [*square(x), (mean, 0)]) for x in values),
                    line("main", [(mean, -6), (mean, 64)]),
                    dots("ink", [(x, 0) for x in values], 6),
                    text((mean, 60), label, "main strong", side, (shift, 0)),
                ],
                ratio=0.7,
                across=["x"],
                up=[word("squares")],
                handles=[handle((x, 0), name, None) for x, name in zip(values, NAMES, strict=True)],
            )
        ],
        [
            ["μ = (", plus(values.tolist()), ") / 5 = ", mean],
            ["Σ(x − μ)² = ", plus(squares), " = ", total],
            [word("population"), ": σ² = ", total, " / 5 = ", variance, ",  σ = ", sd],
            [word("sample"), ": s² = ", total, " / 4 = ", sample, ",  s = ", sample_sd],
        ],
    )
