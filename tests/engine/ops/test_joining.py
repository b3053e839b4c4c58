"""Joining and parting beside PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import gobhir
from tests.engine.ops.programs import alike, drawn, refused

JOINED = {
    "t.cat([x, y])": ((2, 3), (4, 3)),
    "t.cat((x, y, x), dim=-1)": ((2, 3), (2, 1)),
    "t.cat([x, t.ones(0), y], 1)": ((2, 3), (2, 0)),
    "t.concat([x, y], axis=0)": ((2,), (0,)),
    "t.stack([x, y, x])": ((2, 3), (2, 3)),
    "t.stack((x, y), -1)": ((), ()),
    "t.hstack([x, y])": ((2,), (3,)),
    "t.hstack((x, y)) ": ((2, 1), (2, 3)),
    "t.vstack([x, y])": ((3,), (2, 3)),
    "t.dstack([x, y])": ((2, 3), (2, 3)),
    "t.column_stack([x, y])": ((2,), (2, 3)),
    "t.row_stack([x, y])": ((3,), (3,)),
    "t.block_diag(x, y)": ((2, 3), (2,)),
    "t.meshgrid(x, y, indexing='ij')": ((2,), (3,)),
    "t.meshgrid(x, y, indexing='xy')": ((2,), (3,)),
    "t.cartesian_prod(x, y)": ((2,), (3,)),
    "t.combinations(x, 3)": ((5,),),
    "t.combinations(x, with_replacement=True)": ((3,),),
    "x.split(2)": ((5, 2),),
    "x.split([1, 0, 4], dim=-1)": ((2, 5),),
    "x.chunk(3, 1)": ((2, 5),),
    "x.chunk(4)": ((5,),),
    "x.tensor_split(3)": ((7, 2),),
    "x.tensor_split((1, 9, 3), dim=1)": ((2, 5),),
    "x.hsplit(2)": ((3, 4),),
    "x.vsplit([1])": ((3, 4),),
    "x.dsplit(2)": ((1, 2, 4),),
    "x.unbind(1)": ((2, 3),),
}


@pytest.mark.parametrize("code", JOINED)
def test_joined_and_parted(code: str) -> None:
    alike(code, *drawn(*JOINED[code]))


@pytest.mark.parametrize("kinds", [("float32", "float64"), ("int64", "float32"), ("bool", "uint8")])
def test_dtypes_are_promoted(kinds: tuple[str, str]) -> None:
    x, y = (np.ones((2, 2)).astype(k) for k in kinds)
    for code in ("t.cat([x, y])", "t.stack([x, y])", "t.hstack([x, y[0:1, 0:1].expand(2, 1)])"):
        alike(code, x, y)


REFUSED = {
    "t.cat([])": (),
    "t.stack([])": (),
    "t.cat(x)": ((2, 3),),
    "t.cat([x, [1]])": ((2, 3),),
    "t.cat([x, y])": ((2, 3), (3, 2)),
    "t.cat([x, x], 2)": ((2, 3),),
    "t.cat([x, y]) ": ((), ()),
    "t.stack([x, y]) ": ((2,), (3,)),
    "t.stack([x, x], 3)": ((2,),),
    "t.meshgrid(x, indexing='no')": ((2,),),
    "t.meshgrid(x, y)": ((2,), (2, 2)),
    "t.combinations(x)": ((2, 2),),
    "x.split([1, 1])": ((5,),),
    "x.split(0)": ((5,),),
    "x.chunk(0)": ((5,),),
    "x.chunk(2)": ((),),
    "x.unbind()": ((),),
    "x.hsplit(2)": ((5,),),
    "x.vsplit(2)": ((4,),),
    "x.tensor_split(0)": ((4,),),
}


@pytest.mark.parametrize("code", REFUSED)
def test_refused(code: str) -> None:
    refused(code, *drawn(*REFUSED[code]))


def test_parts_are_views() -> None:
    x = gobhir.zeros(4, 2)
    first, second = x.chunk(2)
    first.fill_(1.0)
    x.unbind(1)[1][3] = 5.0
    assert x.tolist() == [[1, 1], [1, 1], [0, 0], [0, 5]] and second.tolist() == [[0, 0], [0, 5]]
