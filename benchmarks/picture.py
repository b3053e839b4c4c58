"""The ratios as a picture: a panel a workload, a bar a peer, PyTorch's eager mode as the line."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Any

OURS, OTHERS, LINE, TEXT = "#d9480f", "#ced4da", "#343a40", "#212529"


def draw(results: dict[str, Any], to: Path) -> None:
    """Write a PNG. results: what run.py collects."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    panels = {
        f"{key}: {w['what']}": {n: p for n, p in w["peers"].items() if "ratio" in p}
        for key, w in results["workloads"].items()
    }
    if ways := results.get("digits", {}).get("ways"):
        panels["reading handwritten digits, from the first weight to 97 % right"] = ways
    panels = {title: rows for title, rows in panels.items() if rows}
    if not panels:  # every round was disturbed, or the reference failed
        panels = {"nothing was measured": {}}
    heights = [len(rows) + 2 for rows in panels.values()]
    fig, axes = plt.subplots(
        len(panels),
        1,
        figsize=(9, 0.25 * sum(heights) + 0.5),
        squeeze=False,
        height_ratios=heights,
        layout="constrained",
    )
    for axis, (title, rows) in zip(axes[:, 0], panels.items(), strict=True):
        _panel(axis, title, rows)
    axes[-1, 0].set_xlabel(
        "time / PyTorch eager with 2 threads, logarithmic: a shorter bar is faster;\n"
        "thin line: the middle half of the rounds",
        fontsize=8,
        color=TEXT,
    )
    fig.savefig(to, dpi=130)
    plt.close(fig)


def _panel(axis: Any, title: str, rows: dict[str, Any]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_title(fill(title, 64), fontsize=9.5, loc="left", color=TEXT, fontweight="bold")
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0, labelsize=8.5)
    axis.tick_params(axis="x", labelsize=7.5, colors=LINE)
    if not rows:
        return
    names = sorted(rows, key=lambda n: rows[n]["ratio"], reverse=True)
    start = min(0.5, min(rows[n]["quartiles"][0] for n in names) / 1.6)
    end = max(2.0, max(rows[n]["quartiles"][1] for n in names))
    for y, name in enumerate(names):
        ratio, (low, high) = rows[name]["ratio"], rows[name]["quartiles"]
        ours = name.startswith("gobhir")
        axis.barh(y, ratio - start, left=start, height=0.72, color=OURS if ours else OTHERS)
        axis.plot([low, high], [y, y], color=LINE, linewidth=1, solid_capstyle="butt")
        axis.annotate(
            f"{ratio:.3f}" if ratio < 0.1 else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}",
            (max(ratio, high), y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            fontweight="bold" if ours else "normal",
            color=OURS if ours else TEXT,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )
    axis.axvline(1, color=LINE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axis.set_xscale("log")
    axis.set_xlim(start, end * (end / start) ** 0.1)  # room for the last number
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.set_yticks(range(len(names)), names)
    for label in axis.get_yticklabels():
        if label.get_text().startswith("gobhir"):
            label.set(color=OURS, fontweight="bold")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_locator(NullLocator())
