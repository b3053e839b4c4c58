"""The memory under tensors, the numbers in it one by one, and what is a view of what."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import gobhir

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])


@BOTH
@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_views_share_one_storage(t: Any) -> None:
    points = t.tensor([[4.0, 1.0], [5.0, 3.0], [2.0, 1.0]])
    turned, second = points.t(), points[1]
    memory = points.storage()
    assert list(memory) == turned.storage().tolist() == [4.0, 1.0, 5.0, 3.0, 2.0, 1.0]
    assert memory.data_ptr() == turned.storage().data_ptr() == points.untyped_storage().data_ptr()
    assert (len(memory), memory.size(), memory.nbytes(), memory.element_size()) == (6, 6, 24, 4)
    assert len(points.untyped_storage()) == 24
    memory[second.storage_offset()] = 9.0
    assert points[1].tolist() == second.tolist() == [9.0, 3.0] and memory[-1] == 1.0
    assert repr(memory).endswith(f"dtype={points.dtype}, device=cpu) of size 6]")
    with pytest.raises(IndexError):
        memory[6]


@BOTH
def test_what_is_a_view_of_what(t: Any) -> None:
    x = t.arange(6.0)
    rows = x.view(2, 3)
    assert rows._base is x and rows[0]._base is x and rows._is_view()
    assert x._base is None and not x._is_view() and not (x + 1)._is_view()


@BOTH
def test_python_for_every_number(t: Any) -> None:
    x = t.tensor([[1.0, -2.0], [3.0, -4.0]]).t()
    assert x.apply_(lambda v: v * v) is x and x.tolist() == [[1.0, 9.0], [4.0, 16.0]]
    x.map_(t.tensor([10, 20]).float(), lambda a, b: a + b)
    assert x.tolist() == [[11.0, 29.0], [14.0, 36.0]]
    with pytest.raises((RuntimeError, TypeError)):
        x.requires_grad_().apply_(abs)
