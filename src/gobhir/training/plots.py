"""Pictures of a run and of its measures, in Bangla and English. matplotlib is imported here only.

Each function draws into `ax` (by default a new figure's) and returns it: `.figure.savefig(...)`
keeps the picture, `matplotlib.pyplot.show()` shows it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir.lang import language, say, t
from gobhir.training.history import BESIDE, History, default_monitor, direction, title
from gobhir.training.metrics import base
from gobhir.training.metrics.classification import ConfusionMatrix
from gobhir.training.metrics.curves import ROC, PrecisionRecall, PrecisionRecallCurve, ROCCurve
from gobhir.training.metrics.regression import columns

# Okabe and Ito's colours, which colour-blind readers can tell apart:
# https://jfly.uni-koeln.de/color/
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_QUIET = "#7a7a7a"


@dataclass(frozen=True)
class _Speaker:
    """Says plot texts in the picture's language."""

    lang: str

    def __call__(self, text: str, /, **values: object) -> str:
        return t(f"training.plot.{text}", self.lang, **values)  # keys: training.plot.*


@contextmanager
def _style(lang: str | None) -> Iterator[_Speaker]:
    """The house's style, and who says the picture's texts."""
    from matplotlib import rc_context
    from matplotlib.rcsetup import cycler

    from gobhir.lang.fonts import FAMILY, families

    chosen = lang or language()
    known = families()
    if chosen == "bn" and FAMILY not in known:
        warnings.warn(t("training.plot.font", chosen), RuntimeWarning, stacklevel=4)
        chosen = "en"
    settings: Any = {
        "font.family": known,
        "font.size": 11,
        "axes.titlesize": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(linestyle=["-", "--", ":"]) * cycler(color=COLOURS),
        "grid.color": "#e6e6e6",
        "grid.linewidth": 0.8,
        "legend.edgecolor": "none",
        "lines.linewidth": 2.0,
    }

    with rc_context(settings):
        yield _Speaker(chosen)


def _axes(ax: Any, size: tuple[float, float] = (5.2, 4.4)) -> Any:
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=size, layout="compressed")[1]


def history(
    run: History, names: Sequence[str] | None = None, *, lang: str | None = None
) -> np.ndarray:
    """The curves of loss and metrics over the epochs, each column beside its validation's; the
    best epoch is marked. Returns the axes, one a column.

    names: which columns (default: all but lr and seconds). KeyError for one that is not there,
    IndexError when no epoch has ended.
    """
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    wished = names or [name for name in run.last if name not in BESIDE]
    chosen = list(dict.fromkeys(name.removeprefix("val_") for name in wished))
    with _style(lang) as speak:
        wide = min(len(chosen), 3)
        high = -(-len(chosen) // wide)
        size = (4.6 * wide, 3.5 * high)
        figure, grid = pyplot.subplots(
            high, wide, figsize=size, layout="constrained", squeeze=False
        )
        for ax, name in zip(grid.flat, chosen, strict=False):
            for column, part in ((name, "training"), (f"val_{name}", "validation")):
                if column == name or column in run.names:
                    few = "o" if len(run) <= 20 else ""
                    label = speak(part)
                    ax.plot(run["epoch"], run[column], marker=few, markersize=4, label=label)
            _mark_best(ax, run, f"val_{name}" if f"val_{name}" in run.names else name, speak)
            ax.set_title(title(name, speak.lang))
            ax.set_xlabel(speak("epoch"))
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            ax.legend()
        for ax in grid.flat[len(chosen) :]:
            ax.set_axis_off()
    return grid.ravel()[: len(chosen)]


def _mark_best(ax: Any, run: History, column: str, speak: _Speaker) -> None:
    if column != default_monitor(run.last) or len(run) < 2:
        return
    best = run.best(column, "min" if direction(column, "auto") > 0 else "max")
    label = speak("best", epoch=int(best["epoch"]))
    ax.axvline(best["epoch"], color=_QUIET, linewidth=1, linestyle=":", label=label)


def confusion(
    matrix: Any,
    labels: Sequence[Any] | None = None,
    *,
    normalize: bool = False,
    ax: Any = None,
    lang: str | None = None,
) -> Any:
    """A confusion matrix as a picture: the darker a cell, the larger its share of its row.

    matrix: counts, or a ConfusionMatrix. labels: the classes' names. normalize: shares in the
    cells instead of counts. ValueError where it has not as many columns as rows.
    """
    if isinstance(matrix, ConfusionMatrix):
        labels = matrix.labels.tolist() if labels is None else labels
        matrix = matrix.counts()
    counts = np.asarray(matrix)
    if counts.ndim != 2 or len(counts) != len(counts.T):
        raise ValueError(say("errors.training.not_square", shape=counts.shape))
    n = len(counts)
    sums = counts.sum(1, keepdims=True)
    shares = counts / np.where(sums == 0, 1, sums)
    names = [str(label) for label in (range(n) if labels is None else labels)]
    side = max(3.8, 0.52 * n + 1.8)
    with _style(lang) as speak:
        ax = _axes(ax, (side + 0.9, side))
        image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        ax.figure.colorbar(image, ax=ax, label=speak("share"), fraction=0.046, pad=0.03)
        turned = n * max(map(len, names)) > 40
        ax.set_xticks(
            range(n),
            names,
            rotation=40 if turned else 0,
            ha="right" if turned else "center",
            rotation_mode="anchor",
        )
        ax.set_yticks(range(n), names)
        ax.set_xlabel(speak("given_class"))
        ax.set_ylabel(speak("true_class"))
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        for i, j in np.ndindex(*counts.shape):
            if n > 20 and not counts[i, j]:
                continue
            text = f"{shares[i, j]:.2f}" if normalize else str(counts[i, j])
            colour = "white" if shares[i, j] > 0.55 else "#222222"
            small = 8 if n > 12 or len(text) > 4 else 10
            ax.text(j, i, text, ha="center", va="center", color=colour, fontsize=small)
    return ax


def roc(
    curve: Any, labels: Sequence[Any] | None = None, *, ax: Any = None, lang: str | None = None
) -> Any:
    """The ROC curve of a classifier, with the diagonal that guessing would give.

    curve: an ROCCurve, a list with one a class, a ROC metric, or (output, target).
    """
    curves = _curves(curve, ROC, ROCCurve)
    with _style(lang) as speak:
        ax = _axes(ax)
        for i, one in enumerate(curves):
            name = _curve_name(i, len(curves), one.auc, "area", labels, speak)
            ax.plot(one.fpr, one.tpr, label=name, clip_on=False)
        ax.plot([0, 1], [0, 1], color=_QUIET, linewidth=1, linestyle="--", label=speak("guessing"))
        _unit_square(ax, speak("fpr"), speak("tpr"))
        several = speak("areas") if len(curves) > 1 else None
        ax.legend(loc="lower right", title=several)
    return ax


def precision_recall(
    curve: Any, labels: Sequence[Any] | None = None, *, ax: Any = None, lang: str | None = None
) -> Any:
    """The precision-recall curve of a classifier.

    curve: a PrecisionRecallCurve, a list with one a class, a PrecisionRecall metric, or
    (output, target).
    """
    curves = _curves(curve, PrecisionRecall, PrecisionRecallCurve)
    with _style(lang) as speak:
        ax = _axes(ax)
        for i, one in enumerate(curves):
            area = one.average_precision
            name = _curve_name(i, len(curves), area, "average", labels, speak)
            ax.step(one.recall, one.precision, where="post", label=name, clip_on=False)
        _unit_square(ax, speak("recall"), speak("precision"))
        several = speak("averages") if len(curves) > 1 else None
        ax.legend(loc="lower left", title=several)
    return ax


def _curves(given: Any, metric: Any, curve: Any) -> list[Any]:
    if isinstance(given, metric):
        given = given.compute()
    elif isinstance(given, tuple) and not isinstance(given, curve):
        given = metric()(*given)
    return given if isinstance(given, list) else [given]


def _curve_name(
    i: int, count: int, area: float, key: str, labels: Sequence[Any] | None, speak: _Speaker
) -> str:
    if count == 1 and labels is None:
        return speak(key, value=f"{area:.3f}")
    return speak("class_area", name=i if labels is None else labels[i], value=f"{area:.3f}")


def _unit_square(ax: Any, x: str, y: str) -> None:
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.03), xlabel=x, ylabel=y, aspect="equal")


def predictions(output: Any, target: Any, *, ax: Any = None, lang: str | None = None) -> Any:
    """Predicted beside true numbers: the nearer to the diagonal, the better."""
    p, y = columns(base.as_array(output), base.as_array(target))
    with _style(lang) as speak:
        ax = _axes(ax, (4.8, 4.6))
        few = len(y) <= 500
        for column in range(y.shape[1]):
            ax.scatter(
                y[:, column],
                p[:, column],
                s=22 if few else 8,
                alpha=0.7 if few else 0.35,
                linewidths=0,
                zorder=2,
            )
        low, high = min(p.min(), y.min()), max(p.max(), y.max())
        edge = 0.04 * (high - low) or 1.0
        ends = [low - edge, high + edge]
        style = {"color": _QUIET, "linewidth": 1, "linestyle": "--", "zorder": 1}
        ax.plot(ends, ends, label=speak("perfect"), **style)
        ax.set(xlim=ends, ylim=ends, aspect="equal")
        ax.set_xlabel(speak("true_value"))
        ax.set_ylabel(speak("predicted"))
        ax.legend(loc="upper left")
    return ax
