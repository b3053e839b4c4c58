"""The network: its shapes, its size, and where its cells and its boxes are."""

from __future__ import annotations

import numpy as np
import torch

from gobhir.projects.detection.backbone import Backbone
from gobhir.projects.detection.head import BINS
from gobhir.projects.detection.network import (
    Decoded,
    Network,
    boxes_of,
    cells,
    distances,
)


def test_every_cell_answers_whatever_the_size() -> None:
    model = Network(3, Backbone((4, 4, 8, 8, 8)), 8).eval()
    with torch.no_grad():
        out = model(torch.rand(2, 3, 64, 96))
    places, steps = cells(64, 96)
    assert out.shape == (2, 8 * 12 + 4 * 6 + 2 * 3, 4 * BINS + 3) == (2, len(places), 67)
    # At first hardly anything is thought to be anywhere.
    assert out[..., 4 * BINS :].sigmoid().max() < 0.05


def test_a_cell_sees_what_lies_where_it_is() -> None:
    torch.manual_seed(0)
    model = Network(1, Backbone((4, 4, 8, 8, 8)), 8).eval()
    x = torch.rand(1, 3, 128, 128)
    changed = x.clone()
    changed[..., :8, 112:120] = 0
    with torch.no_grad():
        moved = (model(x) - model(changed)).abs().sum(2)[0]
    places, _ = cells(128, 128)
    finest = moved[:256]
    assert places[:256][finest.argmax()].sub(torch.tensor([116.0, 4.0])).abs().max() <= 16


def test_cells_are_counted_row_by_row_the_finest_first() -> None:
    places, steps = cells(32, 64)
    assert places[:3].tolist() == [[4, 4], [12, 4], [20, 4]]
    assert places[8].tolist() == [4, 12] and steps[8].item() == 8
    assert places[32].tolist() == [8, 8] and steps[32].item() == 16
    assert places[-1].tolist() == [48, 16] and steps[-1].item() == 32


def test_distances_are_means_and_boxes_lie_around_their_cells() -> None:
    likely = torch.full((1, 1, 4, BINS), -1e4)
    for side, (a, b) in enumerate([(1, 2), (0, 0), (3, 3), (4, 6)]):
        likely[0, 0, side, a] = likely[0, 0, side, b] = 0
    flat = likely.flatten(2)
    assert distances(flat)[0, 0].tolist() == [1.5, 0, 3, 5]
    found = boxes_of(flat, torch.tensor([[20.0, 12.0]]), torch.tensor([[8.0]]))
    assert found[0, 0].tolist() == [20 - 12, 12, 20 + 24, 12 + 40]


def test_it_begins_with_boxes_of_a_few_cells() -> None:
    far = distances(Network(1)(torch.rand(1, 3, 64, 64))[..., : 4 * BINS])
    assert far.min() > 2 and far.max() < 5


def test_decoded_is_the_same_in_boxes_and_shares() -> None:
    torch.manual_seed(0)
    model = Network(2, Backbone((4, 4, 8, 8, 8)), 8).eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        out = model(x)
        boxes, scores = Decoded(model, 64).eval()(x)
    likely = out[0, :, : 4 * BINS].reshape(-1, 4, BINS).softmax(2).numpy()
    far = likely @ np.arange(BINS)
    places, steps = (part.numpy() for part in cells(64, 64))
    assert np.allclose(boxes[0, :, :2], places - far[:, :2] * steps, atol=1e-3)
    assert np.allclose(boxes[0, :, 2:], places + far[:, 2:] * steps, atol=1e-3)
    assert np.allclose(scores, out[..., 4 * BINS :].sigmoid())
