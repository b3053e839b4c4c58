"""Pictures in both languages: every letter is drawn, every text fits, and says what it should."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from gobhir.lang import fonts
from gobhir.training import History, metrics, plots

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 80)
SCORES = RNG.normal(size=(80, 3)) + 2 * np.eye(3)[Y]
RUN = History(
    [
        {"epoch": i + 1, "loss": 1 / (i + 1), "val_loss": abs(i - 3) + 0.1, "accuracy": i / 9,
         "val_accuracy": i / 10, "mine": 1.0, "lr": 0.1, "seconds": 1.0}
        for i in range(9)
    ]
)  # fmt: skip
NAMES = ["বিড়াল", "cat", "রিকশাওয়ালা"]

PICTURES: dict[str, Callable[[str], Any]] = {
    "history": lambda lang: RUN.plot(lang=lang)[0],
    "confusion": lambda lang: plots.confusion(
        metrics.confusion_matrix(SCORES, Y), NAMES, lang=lang
    ),
    "shares": lambda lang: plots.confusion(
        metrics.confusion_matrix(SCORES, Y), normalize=True, lang=lang
    ),
    "roc": lambda lang: plots.roc((SCORES[:, 1] - SCORES[:, 0], Y == 1), lang=lang),
    "roc of several": lambda lang: plots.roc((SCORES, Y), NAMES, lang=lang),
    "precision and recall": lambda lang: plots.precision_recall((SCORES[:, 1], Y == 1), lang=lang),
    "of several": lambda lang: plots.precision_recall((SCORES, Y), lang=lang),
    "predictions": lambda lang: plots.predictions(SCORES[:, 0], Y, lang=lang),
}


@pytest.fixture(autouse=True)
def paper() -> Iterator[None]:
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


def drawn(figure: Any) -> np.ndarray:
    """The picture's pixels; a letter that no font has is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    return np.array(figure.canvas.buffer_rgba())


def texts(figure: Any) -> list[Any]:
    found = figure.findobj(matplotlib.text.Text)
    return [one for one in found if one.get_visible() and one.get_text().strip()]


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["bn", "en"])
@pytest.mark.parametrize("picture", PICTURES)
def test_pictures(picture: str, lang: str) -> None:
    figure = PICTURES[picture](lang).figure
    assert len(np.unique(drawn(figure))) > 10
    said = [one.get_text() for one in texts(figure)]
    bangla = [s for s in said if any("\u0980" <= c <= "\u09ff" for c in s) and s not in NAMES]
    assert bool([s for s in bangla if s.split(":")[0] not in NAMES]) == (lang == "bn")
    assert not any("$" in s for s in said), "labels that mix Bangla and $math$ break"
    needed, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    edge = 0.02  # inches
    assert min(needed.x0, needed.y0) > -edge, "a label is cut off at the left or below"
    assert needed.x1 < width + edge and needed.y1 < height + edge, "or at the right or above"


def test_what_the_pictures_show() -> None:
    loss, accuracy, mine = RUN.plot(lang="en")
    assert [line.get_label() for line in loss.lines][:2] == ["training", "validation"]
    assert loss.lines[1].get_ydata().tolist() == RUN["val_loss"]
    assert loss.lines[2].get_label() == "best epoch: 4" and len(accuracy.lines) == 2
    assert (loss.get_title(), mine.get_title()) == ("loss", "mine")
    (only,) = RUN.plot(names=["accuracy"], lang="en")
    assert only.get_title() == "accuracy"

    one = metrics.ConfusionMatrix()
    one.update([2, 2, 5], [2, 5, 5])
    ax = plots.confusion(one, lang="en")
    assert [t.get_text() for t in ax.texts] == ["1", "0", "1", "1"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["2", "5"]

    metric = metrics.ROC()
    metric.update(SCORES, Y)
    ax = plots.roc(metric, lang="en")
    assert len(ax.lines) == 4 and ax.lines[0].get_label().startswith("0: ")
    assert plots.roc((SCORES, Y), ax=ax) is ax and len(ax.lines) == 8
    digits = plots.roc((RNG.normal(size=(40, 10)), np.arange(40) % 10), lang="en").lines[:10]
    assert len({(line.get_color(), line.get_linestyle()) for line in digits}) == 10
    p, y = [1.0, 2.0, 3.0], [1.0, 2.5, 3.5]
    points = plots.predictions(p, y, lang="en").collections[0].get_offsets()
    assert np.asarray(points).tolist() == [[1.0, 1.0], [2.5, 2.0], [3.5, 3.0]]


def test_a_confusion_matrix_has_as_many_rows_as_columns() -> None:
    for one in (SCORES, np.arange(3)):
        with pytest.raises(ValueError, match=r"metrics\.confusion_matrix"):
            plots.confusion(one)


def without_bangla(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A machine on which no Bangla font is installed."""
    from matplotlib import font_manager

    known = [f for f in font_manager.fontManager.ttflist if f.name != fonts.FAMILY]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", known)
    monkeypatch.setattr(matplotlib, "get_cachedir", lambda: str(folder))
    fonts.families.cache_clear()
    font_manager._get_font.cache_clear()  # type: ignore[attr-defined]


def test_the_shipped_font_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_bangla(monkeypatch, tmp_path)
    try:
        ax = PICTURES["roc"]("bn")
        drawn(ax.figure)  # where a letter is missing this is an error
        assert "\u09b9" in ax.get_xlabel()
        assert fonts.FAMILY in fonts.families()
        assert len(list(tmp_path.glob("*.ttf"))) == 2, "unpacked from what the package ships"
    finally:
        fonts.families.cache_clear()


def test_without_any_font_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_bangla(monkeypatch, tmp_path)
    monkeypatch.setattr(fonts, "SHIPPED", tmp_path)
    try:
        with pytest.warns(RuntimeWarning, match="Noto Sans Bengali"):
            ax = PICTURES["roc"]("bn")
        assert ax.get_xlabel() == "false positive rate"
    finally:
        fonts.families.cache_clear()
