"""Changed pictures: by the generator alone, within their range, and still the same thing."""

from __future__ import annotations

import torch

from gobhir.projects import Project
from gobhir.projects.images.augment import augmented, mixed, moved
from gobhir.projects.images.data import Batches, task


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_same_generator_gives_the_same_pictures() -> None:
    x = torch.rand(6, 3, 32, 32, generator=seeded(9))
    torch.manual_seed(5)
    one = augmented(x, seeded())
    assert torch.equal(one, augmented(x, seeded()))
    assert not torch.equal(one, augmented(x, seeded(1)))
    assert torch.initial_seed() == 5 and torch.equal(torch.rand(1), _first_after(5))


def _first_after(seed: int) -> torch.Tensor:
    return torch.rand(1, generator=seeded(seed))


def test_several_processes_draw_the_same_batches(shapes) -> None:
    """Each takes its share of them, so they have to be alike, whatever else it draws."""
    settings = Project("images").settings(data=str(shapes), size=32, mixup=0.2)
    todo = task(settings)
    drawn = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        drawn.append([part for pair in Batches(todo, "train", settings, True) for part in pair])
    assert Batches.alike
    assert all(torch.equal(one, two) for one, two in zip(*drawn, strict=True))


def test_shape_and_range_stay() -> None:
    x = torch.rand(50, 3, 24, 40, generator=seeded(9))
    out = augmented(x, seeded())
    assert out.shape == x.shape and out.min() >= 0 and out.max() <= 1
    assert moved(torch.full((4, 3, 16, 16), 0.3), seeded()).allclose(torch.tensor(0.3))


def test_pictures_are_mirrored_turned_and_cut_no_more_than_is_said() -> None:
    """A white left half stays on one side, and about half of the pictures have it on the right."""
    x = torch.zeros(200, 1, 32, 32)
    x[..., :16] = 1
    out = moved(x, seeded())
    left, right = out[..., :8].mean((1, 2, 3)), out[..., 24:].mean((1, 2, 3))
    assert ((left > 0.5) != (right > 0.5)).float().mean() > 0.95
    assert 0.35 < (right > left).float().mean() < 0.65


def test_mixup_mixes_classes_as_it_mixes_pictures() -> None:
    x = torch.eye(4).reshape(4, 1, 1, 4)  # picture k has its one pixel at place k
    y = torch.arange(4)
    pictures, shares = mixed(x, y, 4, 1.0, seeded(3))
    assert torch.allclose(pictures.reshape(4, 4), shares)
    assert torch.allclose(shares.sum(1), torch.ones(4))
    again = mixed(x, y, 4, 1.0, seeded(3))
    assert torch.equal(again[0], pictures)
