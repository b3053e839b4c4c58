"""Padding and packing against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import check, numbers, same
from tests.nn.states import refused_alike

SEQUENCES = [numbers(2, (3, 2)), numbers(5, (1, 2)), numbers(8, (4, 2))]
mine, theirs = gobhir.nn.utils.rnn, torch.nn.utils.rnn


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_pad_sequence(first: bool, side: str) -> None:
    def padded(tool: Any) -> Any:
        return lambda *given: tool.pad_sequence(list(given), first, -1.5, side)

    check(padded(mine), padded(theirs), SEQUENCES)
    check(padded(mine), padded(theirs), [s[:, 0] for s in SEQUENCES])


@pytest.mark.parametrize("first", [False, True])
def test_unpad_sequence(first: bool) -> None:
    given = [gobhir.from_numpy(s) for s in SEQUENCES]
    lengths = gobhir.tensor([len(s) for s in given])
    for a, b in zip(
        mine.unpad_sequence(mine.pad_sequence(given, first), lengths, first), given, strict=True
    ):
        assert a.tolist() == b.tolist()


def test_pack_sequence_there_and_back() -> None:
    packed = mine.pack_sequence([gobhir.from_numpy(s) for s in SEQUENCES], enforce_sorted=False)
    want = theirs.pack_sequence([torch.from_numpy(s) for s in SEQUENCES], enforce_sorted=False)
    for a, b in zip(packed, want, strict=True):
        same(a, b)
    for a, b in zip(mine.unpack_sequence(packed), SEQUENCES, strict=True):
        np.testing.assert_array_equal(a.numpy(), b)
    assert packed.float().data.dtype == np.float32
    assert packed.double().batch_sizes.tolist() == want.batch_sizes.tolist()


def test_invert_permutation() -> None:
    order = np.array([2, 0, 3, 1])
    same(
        mine.invert_permutation(gobhir.tensor(order)),
        theirs.invert_permutation(torch.tensor(order)),
    )
    assert mine.invert_permutation(None) is None


def tool(t: Any) -> Any:
    return t.nn.utils.rnn


REFUSED: dict[str, Any] = {
    "no sequences": lambda t: tool(t).pad_sequence([]),
    "not several": lambda t: tool(t).pad_sequence(3),
    "shapes": lambda t: tool(t).pad_sequence([t.zeros(2, 3), t.zeros(2, 4)]),
    "side": lambda t: tool(t).pad_sequence([t.zeros(2)], padding_side="up"),
    "lengths": lambda t: tool(t).pack_padded_sequence(t.zeros(3, 2, 1), [3]),
    "length 0": lambda t: tool(t).pack_padded_sequence(t.zeros(3, 2, 1), [3, 0]),
    "unsorted": lambda t: tool(t).pack_padded_sequence(t.zeros(3, 2, 1), [1, 3]),
    "total": lambda t: tool(t).pad_packed_sequence(
        tool(t).pack_sequence([t.zeros(3)]), total_length=2
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    refused_alike(REFUSED[name])


def test_a_sequence_longer_than_its_steps_is_refused() -> None:
    with pytest.raises(RuntimeError, match="4"):
        mine.pack_padded_sequence(gobhir.zeros(3, 2, 1), [4, 1])
