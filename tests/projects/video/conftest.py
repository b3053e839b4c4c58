"""A folder of films that are drawn here."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.projects.video.staged import EACH, film


@pytest.fixture(autouse=True)
def one_thread():
    """Such small networks gain nothing by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """EACH films that tremble and EACH that do not; one class has a Bangla name."""
    draw, folder = np.random.default_rng(0), tmp_path_factory.mktemp("films")
    for name in ("fight", "শান্ত"):
        for k in range(EACH):
            film(folder / name / f"{k}.mp4", draw, trembles=name == "fight")
    return folder
