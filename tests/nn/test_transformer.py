"""The Transformer and its layers against PyTorch, with masks, and without."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import gobhir
from tests.engine.parity import check, numbers, same
from tests.nn.states import carried, refused_alike, same_gradients, same_start

pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor:UserWarning")

N, S, T, E = 2, 4, 3, 6
PADDING = np.array([[0, 0, 0, 1], [0, 0, 0, 0]], bool)
CAUSAL = np.triu(np.full((T, T), -np.inf), 1)


@pytest.fixture(autouse=True)
def in_pieces() -> Any:
    torch.backends.mha.set_fastpath_enabled(False)
    with sdpa_kernel(SDPBackend.MATH):
        yield
    torch.backends.mha.set_fastpath_enabled(True)


def sides(make: Any) -> tuple[Any, Any]:
    mine, theirs = same_start(make)
    mine, theirs = mine.double(), theirs.double()
    carried(mine, theirs)
    return mine, theirs


def masked(layer: Any, t: Any, masks: dict) -> Any:
    def f(*x: Any) -> Any:
        named = {k: t.from_numpy(m) if isinstance(m, np.ndarray) else m for k, m in masks.items()}
        return layer(*x, **named)

    return f


OPTIONS: list[dict[str, Any]] = [
    {},
    {"norm_first": True, "batch_first": True},
    {"activation": "gelu", "bias": False},
]


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS)
def test_layers(options: dict) -> None:
    first = options.get("batch_first")
    src, memory = numbers(2, (N, S, E)), numbers(5, (N, T, E))
    if not first:
        src, memory = src.swapaxes(0, 1).copy(), memory.swapaxes(0, 1).copy()
    settings = {"dropout": 0.0, **options}
    for name, x in (("Encoder", [src]), ("Decoder", [src, memory])):
        mine, theirs = sides(
            lambda nn, n=name: getattr(nn, f"Transformer{n}Layer")(E, 2, 8, **settings)
        )
        check(mine, theirs, x)
        key = "src_key_padding_mask" if name == "Encoder" else "tgt_key_padding_mask"
        masks = {key: PADDING}
        check(masked(mine, gobhir, masks), masked(theirs, torch, masks), x, second=False)
        for layer, t in ((mine, gobhir), (theirs, torch)):
            (layer(*map(t.from_numpy, x)) ** 3).sum().backward()
        same_gradients(mine, theirs)


MASKS: list[dict[str, Any]] = [
    {},
    {"tgt_mask": CAUSAL},
    {"tgt_mask": CAUSAL, "tgt_is_causal": True, "src_key_padding_mask": PADDING},
    {"tgt_mask": np.isneginf(CAUSAL), "memory_key_padding_mask": PADDING},
]


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS)
def test_transformer(options: dict) -> None:
    first = options.get("batch_first")
    src, tgt = numbers(2, (N, S, E)), numbers(5, (N, T, E))
    if not first:
        src, tgt = src.swapaxes(0, 1).copy(), tgt.swapaxes(0, 1).copy()
    mine, theirs = sides(lambda nn: nn.Transformer(E, 2, 1, 1, 8, dropout=0.0, **options))
    for masks in MASKS:
        functions = masked(mine, gobhir, masks), masked(theirs, torch, masks)
        check(*functions, [src, tgt], second=False)
    row = [src[0], tgt[0]] if first else [src[:, 0], tgt[:, 0]]
    check(mine, theirs, row, second=False)


def test_several_layers_start_alike() -> None:
    mine, theirs = (None, None)
    for t in (gobhir, torch):
        t.manual_seed(7)
        layer = t.nn.TransformerEncoderLayer(E, 2, 8, dropout=0.0, batch_first=True)
        mine, theirs = theirs, t.nn.TransformerEncoder(layer, 3, t.nn.LayerNorm(E))
    x = numbers(2, (N, S, E), "float32")
    assert list(mine.state_dict()) == list(theirs.state_dict())
    same(mine(gobhir.from_numpy(x)), theirs(torch.from_numpy(x)), 1e-5)
    causal = gobhir.nn.Transformer.generate_square_subsequent_mask(S)
    same(causal, torch.nn.Transformer.generate_square_subsequent_mask(S))
    same(
        mine(gobhir.from_numpy(x), mask=causal),
        theirs(torch.from_numpy(x), mask=torch.from_numpy(causal.numpy())),
        1e-5,
    )


def test_dropout_draws_pytorchs_numbers() -> None:
    mine, theirs = same_start(lambda nn: nn.TransformerEncoderLayer(E, 2, 8, 0.4))
    x = numbers(2, (S, N, E), "float32")
    results = []
    for layer, t in ((mine, gobhir), (theirs, torch)):
        t.manual_seed(4)
        results.append(layer(t.from_numpy(x)))
    same(*results, 1e-5)


def test_an_activation_of_ones_own() -> None:
    layer = gobhir.nn.TransformerEncoderLayer(E, 2, 8, activation=gobhir.tanh)
    assert layer(gobhir.rand(S, N, E)).shape == (S, N, E)


def transformer(t: Any) -> Any:
    return t.nn.Transformer(E, 2, 1, 1, 8)


REFUSED: dict[str, Any] = {
    "activation": lambda t: t.nn.TransformerEncoderLayer(E, 2, activation="tanh"),
    "batches": lambda t: transformer(t)(t.zeros(S, 2, E), t.zeros(T, 3, E)),
    "features": lambda t: transformer(t)(t.zeros(S, 2, E), t.zeros(T, 2, E + 1)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    refused_alike(REFUSED[name])
