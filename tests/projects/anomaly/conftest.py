from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Such small networks gain nothing by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small():
    """Settings with which it learns in a second."""
    return {
        "width": 64,
        "height": 48,
        "side": 16,
        "code": 6,
        "rate": 10.0,
        "fps": 10.0,
        "smooth": 0.5,
        "pause": 0.3,
        "epochs": 3,
        "lr": 0.003,
        "alarms": 30.0,
    }
