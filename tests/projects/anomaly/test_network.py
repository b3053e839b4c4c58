"""The autoencoder, and a camera's squares, against the same by hand."""

from __future__ import annotations

import numpy as np
import torch

from gobhir.projects.anomaly.footage import pairs
from gobhir.projects.anomaly.network import CONTRAST, Autoencoder, Camera, patches


def test_squares_are_cut_row_by_row() -> None:
    x = torch.arange(2 * 3 * 8 * 12.0).reshape(2, 3, 8, 12)
    found = patches(x, 4)
    assert found.shape == (2 * 2 * 3, 3, 4, 4)
    torch.testing.assert_close(found[0], x[0, :, :4, :4])
    torch.testing.assert_close(found[4], x[0, :, 4:, 4:8])
    torch.testing.assert_close(found[-1], x[1, :, 4:, 8:])


def test_a_picture_goes_through_few_numbers_and_comes_out_in_its_size() -> None:
    model = Autoencoder(2, 16, 5)
    x = torch.randn(3, 2, 16, 16)
    assert model.encoder(x).shape == (3, 5) and model(x).shape == x.shape
    errors = model.errors(x)
    expected = [float(((model(one[None]) - one) ** 2).mean().detach()) for one in x]
    np.testing.assert_allclose(errors.detach(), expected, rtol=1e-5)


def test_a_score_is_the_logarithm_of_how_many_times_worse_than_usual() -> None:
    torch.manual_seed(0)
    empty = torch.rand(16, 24)
    camera = Camera(Autoencoder(2, 8, 3), 8, empty)
    greys = np.random.default_rng(0).integers(0, 256, (4, 16, 24)).astype(np.uint8)
    both = torch.from_numpy(pairs(greys))
    assert both.shape == (3, 2, 16, 24)
    now, before = greys[2] / 255, greys[1] / 255
    seen = camera.seen(both)[1].numpy()
    np.testing.assert_allclose(seen[0], CONTRAST * (now - empty.numpy()), atol=1e-5)
    np.testing.assert_allclose(seen[1], CONTRAST * (now - before), atol=1e-5)
    with torch.no_grad():
        errors = camera.errors(both)
        camera.get_used(errors[0])
        scores = camera(both)
    assert scores.shape == (3, 2, 3)
    assert float(scores[0].abs().max()) < 1e-6  # exactly as usual
    noise = errors[0].median()
    expected = torch.log((errors[2] + noise) / (errors[0] + noise))
    torch.testing.assert_close(scores[2], expected)
