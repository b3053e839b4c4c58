"""PyTorch's distributions check their arguments, as they do for a program that starts with them."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def arguments_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.compile turns the checks off for the whole process; another test may have used it."""
    monkeypatch.setattr(torch.distributions.Distribution, "_validate_args", True)
