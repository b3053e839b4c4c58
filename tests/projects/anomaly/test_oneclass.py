"""One class against the rest: each method, and the area, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from gobhir import datasets
from gobhir.datasets import Dataset
from gobhir.evaluation import Estimate
from gobhir.projects import Project
from gobhir.projects.anomaly import oneclass
from gobhir.projects.anomaly.auc import auc, to_all


def test_the_area_is_scikit_learns_and_its_interval_holds_it() -> None:
    draw = np.random.default_rng(0)
    unusual = draw.random(400) < 0.3
    scores = np.round(draw.normal(size=400) + unusual, 1)  # with ties
    found = auc(scores, unusual)
    assert found.value == pytest.approx(roc_auc_score(unusual, scores))
    assert found.low < found.value < found.high
    clips = np.arange(400) // 40
    grouped = auc(scores, unusual, clips)
    assert grouped.value == pytest.approx(found.value) and grouped.groups == 10
    assert auc(scores, unusual, np.zeros(400)).low is None


def test_frames_that_were_not_looked_at_have_the_last_score() -> None:
    found = to_all(np.array([1.0, 2, 3]), np.array([0, 2, 4, 6]), 8)
    assert found.tolist() == [1, 1, 1, 1, 2, 2, 3, 3]


def test_principal_axes_and_neighbours_are_scikit_learns() -> None:
    draw = np.random.default_rng(0)
    known, asked = (draw.normal(size=(n, 20)) * np.arange(1, 21) for n in (300, 50))
    fitted = PCA(4).fit(known)
    drawn = fitted.inverse_transform(fitted.transform(asked))
    expected = ((asked - drawn) ** 2).mean(1)
    np.testing.assert_allclose(oneclass.off_the_plane(known, asked, 4), expected)
    expected = NearestNeighbors(n_neighbors=5).fit(known).kneighbors(asked)[0].mean(1)
    np.testing.assert_allclose(oneclass.far_from_neighbours(known, asked, 5), expected)


def test_each_class_is_told_from_the_rest(monkeypatch, capsys) -> None:
    """Two easy classes, drawn here: bars that stand and bars that lie."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 30, (240, 12, 12)).astype(np.uint8)
    labels = np.arange(240) % 2
    for picture, kind in zip(images, labels, strict=True):
        at = draw.integers(1, 9)
        (picture if kind else picture.T)[at : at + 3] = 220
    card = next(e for e in datasets.catalogue().values() if e.name == "fashion_mnist")
    object.__setattr__(two := type(card)(**vars(card)), "classes", card.classes[:2])
    splits = np.where(np.arange(240) < 160, "train", "test")
    contents = {"images": images, "labels": labels, "splits": splits}
    found = Dataset(two, None, {}, True, contents)
    monkeypatch.setattr(datasets, "load", lambda name: found)
    monkeypatch.setattr(oneclass, "EPOCHS", 30)
    table = oneclass.one_class(Project("anomaly").settings(lr=0.003))
    assert len(table.rows) == 3 and len(table.head) == 5
    for row in table.rows[:2]:
        assert all(isinstance(cell, Estimate) and cell.value > 0.8 for cell in row[1:4])
    assert float(table.rows[2][1]) == pytest.approx(
        np.mean([row[1].value for row in table.rows[:2]]), abs=1e-3
    )
    assert "AUC" in capsys.readouterr().out
