"""The same parameters on both sides: PyTorch's layer into Gobhir's, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import gobhir
from tests.engine.parity import same


def carried(mine: Any, theirs: Any) -> None:
    """Load PyTorch's state into ours and ours into PyTorch's: the same keys, in the same order,
    the same numbers."""
    mine.load_state_dict(
        {k: gobhir.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()}
    )
    state = mine.state_dict()
    assert list(state) == list(theirs.state_dict())
    theirs.load_state_dict({k: torch.from_numpy(v.numpy().copy()) for k, v in state.items()})
    for k, v in theirs.state_dict().items():
        np.testing.assert_array_equal(state[k].numpy(), v.numpy())


def same_start(make: Any) -> tuple[Any, Any]:
    """The same layer on both sides from the same seed: it prints alike and starts from the very
    same numbers."""
    gobhir.manual_seed(5)
    torch.manual_seed(5)
    mine, theirs = make(gobhir.nn), make(torch.nn)
    assert repr(mine) == repr(theirs)
    for (k, a), (name, b) in zip(
        mine.state_dict().items(), theirs.state_dict().items(), strict=True
    ):
        assert k == name
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    return mine, theirs


def same_gradients(mine: Any, theirs: Any) -> None:
    """After backward() on both: the gradients of all parameters."""
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        same(a.grad, b.grad)


def refused_alike(call: Any) -> None:
    """Both refuse, with the same type of error, ours in two languages."""
    import pytest

    with pytest.raises(Exception) as theirs:
        call(torch)
    with pytest.raises(Exception) as mine:
        call(gobhir)
    assert issubclass(theirs.type, mine.type)
    message = mine.value.args[0]
    assert message.text("bn") != message.text("en")
