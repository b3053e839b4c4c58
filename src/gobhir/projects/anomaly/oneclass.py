"""One-class experiments: learn pictures of one kind, and tell all other kinds from it.

The protocol of L. Ruff et al. (2018), Deep One-Class Classification: for each class a model that
has seen only that class of the training set; the whole test set, where the other classes are what
is unusual; the AUC of each.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from gobhir import datasets
from gobhir.lang import say, t
from gobhir.projects import learning
from gobhir.projects.anomaly.auc import auc
from gobhir.projects.anomaly.network import Autoencoder
from gobhir.projects.anomaly.settings import Settings
from gobhir.projects.parts import Table, Words

DATA = "fashion_mnist"
EPOCHS, BATCH, CODE = 10, 64, 32
NEIGHBOURS = 5
METHODS = ("autoencoder", "pca", "neighbours", "mean")


def one_class(settings: Settings, most: int = 0) -> Table:
    """The AUC of each class against the rest, by each of METHODS. most: so many pictures of a class
    are learned from (0: all)."""
    data = datasets.load(DATA)
    train, test = data.splits == "train", data.splits == "test"
    images, labels = data.images.astype(np.float32) / 255, data.labels
    if images.shape[1] % 4 or images.shape[1] != images.shape[2]:
        raise ValueError(say("anomaly.bad.pictures", shape=images.shape[1:]))
    rows, areas = [], []
    for k in range(len(data.card.classes)):
        known = images[train & (labels == k)]
        known = known[:most] if most else known
        found = scores(known, images[test], settings)
        estimates = [auc(found[name], labels[test] != k) for name in METHODS]
        areas.append([one.value for one in estimates])
        name = {lang: data.classes(lang)[k] for lang in ("bn", "en")}
        rows.append([name, *estimates])
        print(t("anomaly.one_class.done", name=data.classes()[k], auc=f"{areas[-1][0]:.3f}"))
    rows.append([say("anomaly.one_class.all"), *(f"{a:.3f}" for a in np.mean(areas, 0))])
    head: list[Words] = [say("anomaly.one_class.kind")]
    head += [say(f"anomaly.one_class.{name}") for name in METHODS]
    # keys: anomaly.one_class.autoencoder, anomaly.one_class.pca, anomaly.one_class.neighbours
    # keys: anomaly.one_class.mean
    about = say("anomaly.one_class.about", data=DATA, known=len(known), test=int(test.sum()))
    return Table(say("anomaly.one_class.title"), head, rows, about)


def scores(known: np.ndarray, asked: np.ndarray, settings: Settings) -> dict[str, np.ndarray]:
    """How unusual each of `asked` (m, side, side) is to what has seen only `known` (n, side, side),
    by each of METHODS: (m,) each."""
    flat, far = (x.reshape(len(x), -1) for x in (known, asked))
    return {
        "autoencoder": drawn_badly(known, asked, settings),
        "pca": off_the_plane(flat, far, CODE),
        "neighbours": far_from_neighbours(flat, far, NEIGHBOURS),
        "mean": np.square(far - flat.mean(0)).mean(1),
    }


def drawn_badly(known: np.ndarray, asked: np.ndarray, settings: Settings) -> np.ndarray:
    """The error of an autoencoder that has learned the known pictures."""
    torch.manual_seed(settings.seed)
    model = Autoencoder(1, known.shape[1], CODE)
    how = replace(settings, epochs=EPOCHS, batch_size=BATCH, patience=0)
    x = torch.from_numpy(known[:, None])
    learning.learn(how, model, (x, x), "mse", progress=False)
    model.cpu().eval()
    with torch.no_grad():
        parts = [model.errors(part[:, None]) for part in torch.from_numpy(asked).split(500)]
    return torch.cat(parts).numpy().astype(float)


def off_the_plane(known: np.ndarray, asked: np.ndarray, axes: int) -> np.ndarray:
    """The mean squared distance from the plane of the known points' first principal axes: what PCA,
    squeezing as much as the autoencoder, draws wrongly. (n, d), (m, d) -> (m,)."""
    middle = known.mean(0)
    _, vectors = np.linalg.eigh(np.cov(known.T.astype(float)))
    first = vectors[:, -axes:].astype(known.dtype)
    rest = asked - middle
    return np.asarray(np.square(rest - rest @ first @ first.T).mean(1), float)


def far_from_neighbours(known: np.ndarray, asked: np.ndarray, k: int) -> np.ndarray:
    """The mean distance to the k nearest known points: (n, d), (m, d) -> (m,)."""
    own = np.square(known).sum(1)
    found = []
    for start in range(0, len(asked), 500):
        x = asked[start : start + 500]
        square = np.square(x).sum(1)[:, None] - 2 * x @ known.T + own
        nearest = np.partition(square, k - 1, axis=1)[:, :k]
        found.append(np.sqrt(np.maximum(nearest, 0)).mean(1))
    return np.concatenate(found).astype(float)
