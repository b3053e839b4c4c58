"""The ratios as a picture: a panel a workload, a bar a peer, PyTorch's eager mode as the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def draw(results: dict[str, Any], to: Path) -> None:
    """Write a PNG. results: what run.py collects."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    found = results["workloads"]
    fig, panels = plt.subplots(len(found), 1, figsize=(8, 2.6 * len(found)), squeeze=False)
    for panel, (key, workload) in zip(panels[:, 0], found.items(), strict=True):
        rows = {n: p for n, p in workload["peers"].items() if "ratio" in p}
        names = sorted(rows, key=lambda n: rows[n]["ratio"], reverse=True)
        ratios = [rows[n]["ratio"] for n in names]
        low = [r - rows[n]["quartiles"][0] for n, r in zip(names, ratios, strict=True)]
        high = [rows[n]["quartiles"][1] - r for n, r in zip(names, ratios, strict=True)]
        colours = ["#d9480f" if n.startswith("gobhir") else "#adb5bd" for n in names]
        panel.barh(names, ratios, xerr=[low, high], color=colours, ecolor="#495057")
        panel.axvline(1, color="#495057", linewidth=1)
        panel.set_xscale("log")
        panel.set_title(f"{key}: {workload['what']}", fontsize=9, loc="left")
        panel.tick_params(labelsize=8)
    panels[-1, 0].set_xlabel("time of a step / PyTorch eager with 2 threads (lower is faster)")
    fig.tight_layout()
    fig.savefig(to, dpi=110)
    plt.close(fig)
