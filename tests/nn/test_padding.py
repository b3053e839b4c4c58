"""Padding beside PyTorch, as a function and as layers."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.ops.programs import alike, drawn, refused


@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple),
    pad=st.lists(st.integers(-1, 3), max_size=8),
    value=st.sampled_from([None, 1.5]),
)
@settings(max_examples=12)
def test_constant(shape: tuple, pad: list, value: float | None) -> None:
    pad = pad[: len(pad) // 2 * 2][: 2 * len(shape)]
    code = f"t.nn.functional.pad(x, {pad}, value={value})"
    sizes = [n + a + b for n, a, b in zip(shape[::-1], pad[::2], pad[1::2], strict=False)]
    if min(sizes, default=1) < 0:
        refused(code, *drawn(shape))
    else:
        alike(code, *drawn(shape))


PADDED = {
    "reflect": [((2, 4), (3, 2)), ((2, 3, 4), (1, 0, 2, 2)), ((2, 2, 3, 3), (2, 1, 0, 1, 1, 1))],
    "replicate": [((2, 1), (3, 2)), ((2, 3, 4), (1, 0, 5, 2)), ((2, 2, 3, 3), (2, 1, 0, 1, 1, 1))],
    "circular": [
        ((2, 4), (4, 2)),
        ((2, 3, 4), (1, 0, 2, -1)),
        ((1, 2, 2, 3, 3), (2, 1, 0, 1, 1, 1)),
    ],
}


@pytest.mark.parametrize("mode", PADDED)
def test_with_its_own_numbers(mode: str) -> None:
    for shape, pad in PADDED[mode]:
        alike(f"t.nn.functional.pad(x, {pad}, mode={mode!r})", *drawn(shape))


@pytest.mark.parametrize("kind", ["Constant", "Zero", "Reflection", "Replication", "Circular"])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_layers(kind: str, dims: int) -> None:
    for padding in (1, tuple(range(2 * dims))[::-1] if kind == "Zero" else (1, 0) * dims):
        made = f"t.nn.{kind}Pad{dims}d({padding}{', 2.5' if kind == 'Constant' else ''})"
        for batch in ((), (2,)):
            alike(f"{made}(x)", *drawn((*batch, 2, *(3,) * dims)))
        assert repr(eval(made, {"t": gobhir})) == repr(eval(made, {"t": torch}))


@pytest.mark.parametrize(
    ("code", "shape"),
    [
        ("t.nn.functional.pad(x, (1,))", (2, 3)),
        ("t.nn.functional.pad(x, (1, 1, 1, 1))", (3,)),
        ("t.nn.functional.pad(x, (-2, -2))", (3,)),
        ("t.nn.functional.pad(x, (1, 1), mode='mirror')", (2, 3)),
        ("t.nn.functional.pad(x, (1, 1), mode='reflect')", (3,)),
        ("t.nn.functional.pad(x, (3, 1), mode='reflect')", (2, 3)),
        ("t.nn.functional.pad(x, (4, 1), mode='circular')", (2, 3)),
        ("t.nn.functional.pad(x, (1, 1), mode='reflect', value=2.0)", (2, 3)),
        ("t.nn.CircularPad2d(1)(x)", (3, 3)),
    ],
)
def test_refused(code: str, shape: tuple) -> None:
    refused(code, *drawn(shape))
