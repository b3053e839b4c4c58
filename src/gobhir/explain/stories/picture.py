"""A story as one picture: the loss on top, then maps with layers down and steps across.
matplotlib is imported when something is drawn."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np

from gobhir.explain.stories.findings import Course, Finding
from gobhir.lang import check_language, t
from gobhir.lift.diary import Diary

COLUMNS = 400
"""So many columns at most; more steps share one, by their middle value."""
LAYERS = 40
"""So many rows of a map at most; of more layers evenly spread ones are drawn."""
LIMITS = {"gradient": (-5, 2), "update": (-6, 0)}
"""Powers of ten at the ends of the colours."""


def as_svg(diary: Diary, found: list[Finding], lang: str) -> str:
    """The picture as SVG, its letters as outlines, to stand in a page."""
    out = io.StringIO()
    draw(diary, found, lang).savefig(out, format="svg", metadata={"Date": None})
    svg = out.getvalue()
    return re.sub(r'(?<=<svg )(.*?)width="[^"]*"', r"\1", svg[svg.index("<svg") :], count=1)


def draw(diary: Diary, found: list[Finding], lang: str) -> Any:
    """The picture, as matplotlib's Figure."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from gobhir.lang.fonts import FAMILY, families

    check_language(lang)
    known = families()
    lang = lang if FAMILY in known else "en"

    def speak(text: str) -> str:
        return t(f"story.{text}", lang)  # keys: story.*

    course = Course(diary)
    maps = _maps(course)
    heights = [2.0, *(0.5 + 0.24 * len(rows) for _, rows, _ in maps)]
    settings: Any = {"font.family": known, "font.size": 10, "svg.fonttype": "path"}
    with rc_context(settings):
        size = (9, sum(heights) + 0.9 + 0.35 * len(heights))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)
        _loss(axes[0, 0], course, found, speak)
        for ax, (what, rows, values) in zip(axes[1:, 0], maps, strict=True):
            _map(figure, ax, course, what, rows, values, speak)
        axes[-1, 0].set_xlabel(speak("plot.step"))
        axes[-1, 0].xaxis.set_major_locator(MaxNLocator(integer=True))
        # Drawn once while the fonts are set: a figure that is saved later keeps its layout.
        figure.canvas.draw()
    return figure


def _loss(ax: Any, c: Course, found: list[Finding], speak: Any) -> None:
    losses = np.array(c.diary.losses)
    steps = np.arange(1, len(losses) + 1)
    dense = len(losses) > 200
    ax.plot(
        steps, losses, color="#0072B2", linewidth=0.5 if dense else 1.5, alpha=0.5 if dense else 1
    )
    if dense:
        parts = np.array_split(np.arange(len(losses)), 100)
        with np.errstate(all="ignore"):
            middles = [np.median(losses[p][np.isfinite(losses[p])]) for p in parts if len(p)]
        ax.plot([p.mean() + 1 for p in parts if len(p)], middles, color="#0072B2", linewidth=1.8)
    fine = losses[np.isfinite(losses)]
    if len(fine) and fine.min() > 0 and fine.max() > 20 * fine.min():
        ax.set_yscale("log")
    ax.set_title(speak("plot.loss"), loc="left", fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    titles: dict[int, list[str]] = {}
    firsts = {f.kind: f for f in reversed(found) if f.step is not None and f.level == "problem"}
    for f in reversed(firsts.values()):
        titles.setdefault(f.step or 0, []).append(speak(f"{f.kind}.title"))
    low, high = 1, max(2, len(losses) + (c.diary.birth is not None))
    for k, (step, names) in enumerate(sorted(titles.items())):
        ax.axvline(step, color="#D55E00", linewidth=1, linestyle="--")
        right = step > 0.6 * high
        ax.annotate(
            ", ".join(names),
            (step, 0.97 - 0.15 * (k % 5)),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if right else 4, 0),
            textcoords="offset points",
            ha="right" if right else "left",
            va="top",
            color="#A04000",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
        )
    ax.set_xlim(low - 0.5, high + 0.5)


def _maps(c: Course) -> list[tuple[str, list[str], np.ndarray]]:
    """(what, names of the rows, values (rows, watched steps))."""
    diary = c.diary
    out = []
    if diary.rows and len(c.weights):
        some = _some(len(c.weights))
        names = [diary.parameters[k].name for k in c.weights[some]]
        for what, table in (("gradient", c.pulls), ("update", c.ratios)):
            with np.errstate(all="ignore"):
                out.append((what, names, np.log10(table[:, c.weights[some]].T)))
    units = [u for u in diary.units.values() if u.shares]
    units = [units[k] for k in _some(len(units))]
    if diary.rows and units:
        steps = [row.step for row in diary.rows]
        values = np.array([[u.shares.get(s, np.nan) for s in steps] for u in units])
        out.append(("units", [f"{u.layer} {u.op}".strip() for u in units], _carried(values)))
    return out


def _some(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, LAYERS)).astype(int))


def _carried(values: np.ndarray) -> np.ndarray:
    """What is measured now and then holds until it is measured again."""
    seen = np.where(np.isfinite(values), np.arange(values.shape[1]), 0)
    return np.take_along_axis(values, np.maximum.accumulate(seen, axis=1), axis=1)


def _map(
    figure: Any, ax: Any, c: Course, what: str, rows: list[str], values: np.ndarray, speak: Any
) -> None:
    steps = np.array([row.step + 1 for row in c.diary.rows])
    if len(steps) > COLUMNS:
        parts = np.array_split(np.arange(len(steps)), COLUMNS)
        with np.errstate(all="ignore"):
            values = np.stack([np.median(values[:, p], axis=1) for p in parts], 1)
        steps = np.array([steps[p[0]] for p in parts])
    edges = np.append(steps, steps[-1] + max(1, c.diary.stride)) - 0.5
    low, high = LIMITS.get(what, (0, 1))
    image = ax.pcolormesh(
        edges,
        np.arange(len(rows) + 1) - 0.5,
        np.ma.masked_invalid(np.clip(values, low, high)),
        vmin=low,
        vmax=high,
        cmap={"gradient": "viridis", "update": "PuOr_r", "units": "Greys"}[what],
        rasterized=True,
    )
    ax.set_facecolor("#f4dddd")  # where there is nothing, or nothing that is a number
    ax.set_yticks(range(len(rows)), rows, fontsize=8, family="DejaVu Sans")
    ax.invert_yaxis()
    ax.set_title(speak(f"plot.{what}"), loc="left", fontsize=10)
    bar = figure.colorbar(image, ax=ax, pad=0.01, fraction=0.03, aspect=max(4, 2 * len(rows)))
    if what == "units":
        bar.set_ticks([0, 0.5, 1], labels=["0", "", "1"])
        return
    ticks = [low, -3, high] if what == "update" else [low, (low + high) // 2, high]
    bar.set_ticks(ticks, labels=[f"1e{k}" for k in ticks])
    if what == "update":
        ax.set_title(speak("plot.usual"), loc="right", fontsize=8, color="#555555")
