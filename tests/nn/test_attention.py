"""Attention against PyTorch: masks of all kinds, several heads with all options."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import gobhir
from tests.engine.parity import check, numbers, same
from tests.nn.states import carried, refused_alike, same_gradients, same_start

SHAPES: dict[str, tuple[tuple, tuple, tuple, dict]] = {
    "four dimensions": ((2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5), {}),
    "more keys": ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 7), {"scale": 0.3}),
    "matrices": ((4, 5), (3, 5), (3, 2), {}),
    "causal": ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5), {"is_causal": True}),
    "shared heads": ((2, 4, 3, 5), (2, 2, 3, 5), (2, 2, 3, 5), {"enable_gqa": True}),
    "broadcast": ((2, 3, 4, 5), (1, 3, 4, 5), (1, 1, 4, 5), {}),
}


@pytest.fixture(autouse=True)
def in_pieces() -> Any:
    """PyTorch's kernels without second derivatives switched off, and its fast path too."""
    torch.backends.mha.set_fastpath_enabled(False)
    with sdpa_kernel(SDPBackend.MATH):
        yield
    torch.backends.mha.set_fastpath_enabled(True)


def attention(t: Any, mask: Any = None, **options: Any) -> Any:
    def f(q: Any, k: Any, v: Any, *added: Any) -> Any:
        seen = added[0] if added else None if mask is None else t.from_numpy(mask)
        return t.nn.functional.scaled_dot_product_attention(q, k, v, seen, **options)

    return f


@pytest.mark.parametrize("name", SHAPES)
def test_scaled_dot_product_attention(name: str) -> None:
    *shapes, options = SHAPES[name]
    inputs = [numbers(3 * i + 2, shape) for i, shape in enumerate(shapes)]
    check(attention(gobhir, **options), attention(torch, **options), inputs)


@pytest.mark.parametrize("name", ["four dimensions", "more keys", "matrices", "broadcast"])
def test_masks(name: str) -> None:
    *shapes, options = SHAPES[name]
    inputs = [numbers(3 * i + 2, shape) for i, shape in enumerate(shapes)]
    L, S = shapes[0][-2], shapes[1][-2]
    check(attention(gobhir, **options), attention(torch, **options), [*inputs, numbers(11, (L, S))])
    may_look = np.random.default_rng(0).random((L, S)) > 0.5
    may_look[:, 0] = True
    check(attention(gobhir, may_look, **options), attention(torch, may_look, **options), inputs)
    may_look[1] = False  # whoever may see nothing gets 0
    blind = attention(gobhir, may_look, **options), attention(torch, may_look, **options)
    check(*blind, inputs, second=False)


def test_large_scores_do_not_overflow() -> None:
    inputs = [100 * numbers(3 * i + 2, (2, 4, 5)) for i in range(3)]
    check(attention(gobhir), attention(torch), inputs, second=False)


def test_dropout_draws_pytorchs_numbers() -> None:
    q, k, v = (numbers(3 * i + 2, (2, 3, 4, 8), "float32") for i in range(3))
    results = []
    for t in (gobhir, torch):
        t.manual_seed(3)
        results.append(attention(t, dropout_p=0.5)(*map(t.from_numpy, (q, k, v))))
    same(*results)


def test_a_tape_shows_the_pieces() -> None:
    q = gobhir.rand(2, 3, 4)
    with gobhir.engine.Tape() as tape:
        shown = attention(gobhir)(q, q, q)
    assert [r.op.name for r in tape.records].count("softmax") == 1
    same(shown, torch.from_numpy(attention(gobhir)(q, q, q).numpy()))


E, N, L, S = 6, 2, 3, 4
OPTIONS: list[dict[str, Any]] = [
    {},
    {"bias": False, "batch_first": True},
    {"kdim": 3, "vdim": 5},
    {"add_bias_kv": True, "add_zero_attn": True},
    {"add_zero_attn": True, "batch_first": True, "kdim": 5},
]
ROWS = np.array([[0, 0, 0, 1], [0, 0, 0, 0]], bool)
ANY = np.random.default_rng(1).random((L, S)) > 0.7
ANY[:, 0] = False
MASKS: list[dict[str, np.ndarray]] = [
    {},
    {"attn_mask": ANY},
    {"key_padding_mask": ROWS},
    {"attn_mask": np.stack([ANY, ~ANY, ANY, ~ANY]) & (np.arange(S) > 0), "key_padding_mask": ROWS},
    {"attn_mask": numbers(14, (L, S)), "key_padding_mask": numbers(17, (N, S))},
]


def in_heads(layer: Any, t: Any, masks: dict, **options: Any) -> Any:
    def f(*given: Any) -> Any:
        query, key, value = given if len(given) == 3 else (given[0],) * 3
        named = {k: t.from_numpy(m) for k, m in masks.items()}
        out, shares = layer(query, key, value, **named, **options)
        return (out,) if shares is None else (out, shares)

    return f


def pair(options: dict) -> tuple[Any, Any]:
    mine, theirs = same_start(lambda nn: nn.MultiheadAttention(E, 2, **options))
    mine, theirs = mine.double(), theirs.double()
    for p in theirs.parameters():
        p.data += 0.1
    carried(mine, theirs)
    return mine, theirs


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("masks", MASKS)
def test_heads(options: dict, masks: dict) -> None:
    mine, theirs = pair(options)
    sizes = [E, options.get("kdim", E), options.get("vdim", E)]
    shapes = [(L, N, sizes[0]), (S, N, sizes[1]), (S, N, sizes[2])]
    inputs = [numbers(3 * i + 2, shape) for i, shape in enumerate(shapes)]
    if options.get("batch_first"):
        inputs = [x.swapaxes(0, 1).copy() for x in inputs]
    for need, average in ((True, True), (True, False), (False, True)):
        asked = {"need_weights": need, "average_attn_weights": average}
        functions = [in_heads(m, t, masks, **asked) for m, t in ((mine, gobhir), (theirs, torch))]
        check(*functions, inputs, second=need == average)


@pytest.mark.parametrize("need", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_attention_to_itself(need: bool, first: bool) -> None:
    mine, theirs = pair({"batch_first": first})
    x, memory = numbers(2, (4, 3, E)), numbers(5, (4, 3, E))
    sides = [in_heads(m, t, {}, need_weights=need) for m, t in ((mine, gobhir), (theirs, torch))]
    check(*sides, [x])
    check(*sides, [x[0]], second=False)
    other = [lambda q, k, f=f: f(q, k, k) for f in sides]
    check(*other, [x, memory], second=False)
    for f, t in zip(sides, (gobhir, torch), strict=True):
        (f(t.from_numpy(x))[0] ** 3).sum().backward()
    same_gradients(mine, theirs)


def test_the_causal_hint() -> None:
    mine, theirs = pair({})
    mask = np.triu(np.full((4, 4), -np.inf), 1)
    x = numbers(2, (4, 3, E))
    for need in (True, False):
        options = {"need_weights": need, "is_causal": True}
        sides = [
            in_heads(m, t, {"attn_mask": mask}, **options)
            for m, t in ((mine, gobhir), (theirs, torch))
        ]
        check(*sides, [x], second=False)


@pytest.mark.parametrize("static", [0, 1])
def test_keys_and_values_computed_before(static: int) -> None:
    weights = [numbers(20 + 3 * i, s) for i, s in enumerate([(3 * E, E), (3 * E,), (E, E), (E,)])]
    known = numbers(31, (N * 2, S, E // 2))

    def f(t: Any) -> Any:
        def call(x: Any, memory: Any, known: Any) -> Any:
            w, b, out_w, out_b = map(t.from_numpy, weights)
            names = {"static_k": known} if static else {"static_v": known}
            function = t.nn.functional.multi_head_attention_forward
            args = (x, memory, memory, E, 2, w, b, None, None, False, 0.0, out_w, out_b)
            return function(*args, **names)

        return call

    check(f(gobhir), f(torch), [numbers(2, (L, N, E)), numbers(5, (S, N, E)), known], second=False)


def q(t: Any, *shape: int) -> Any:
    return t.zeros(*shape)


def sdpa(t: Any, *given: Any, **options: Any) -> Any:
    return t.nn.functional.scaled_dot_product_attention(*given, **options)


def heads(t: Any, *shapes: tuple, **options: Any) -> Any:
    return t.nn.MultiheadAttention(E, 2)(*(t.zeros(*s) for s in shapes), **options)


X3 = ((4, 2, E),) * 3
REFUSED: dict[str, Any] = {
    "vectors": lambda t: sdpa(t, q(t, 3), q(t, 3), q(t, 3)),
    "dtypes": lambda t: sdpa(t, q(t, 2, 3), q(t, 2, 3).double(), q(t, 2, 3)),
    "whole numbers": lambda t: sdpa(t, *[t.zeros(2, 3, dtype=t.int64)] * 3),
    "features": lambda t: sdpa(t, q(t, 2, 3), q(t, 2, 4), q(t, 2, 3)),
    "mask dtype": lambda t: sdpa(t, *[q(t, 2, 3)] * 3, t.zeros(2, 2, dtype=t.int64)),
    "mask shape": lambda t: sdpa(t, *[q(t, 2, 3)] * 3, t.zeros(3, 2)),
    "mask of more": lambda t: sdpa(t, *[q(t, 2, 3)] * 3, t.zeros(5, 2, 2)),
    "batches": lambda t: sdpa(t, q(t, 2, 2, 3), q(t, 3, 2, 3), q(t, 3, 2, 3)),
    "heads to share": lambda t: sdpa(
        t, q(t, 1, 8, 2, 3), q(t, 1, 3, 2, 3), q(t, 1, 3, 2, 3), enable_gqa=True
    ),
    "dims": lambda t: heads(t, *[(1, 2, 3, E)] * 3),
    "mixed dims": lambda t: heads(t, (4, 2, E), (4, E), (4, E)),
    "key and value": lambda t: heads(t, (4, 2, E), (4, 2, E), (3, 2, E)),
    "width": lambda t: heads(t, *[(4, 2, 5)] * 3),
    "mask of whole numbers": lambda t: heads(t, *X3, attn_mask=t.zeros(4, 4, dtype=t.int64)),
    "mask size": lambda t: heads(t, *X3, attn_mask=t.zeros(4, 3)),
    "mask of heads": lambda t: heads(t, *X3, attn_mask=t.zeros(3, 4, 4)),
    "mask dims": lambda t: heads(t, *X3, attn_mask=t.zeros(4)),
    "padding size": lambda t: heads(t, *X3, key_padding_mask=t.zeros(2, 3)),
    "padding dims": lambda t: heads(t, *X3, key_padding_mask=t.zeros(4)),
    "causal without a mask": lambda t: heads(t, *X3, is_causal=True),
    "heads": lambda t: t.nn.MultiheadAttention(6, 4),
    "no heads": lambda t: t.nn.MultiheadAttention(6, 0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    refused_alike(REFUSED[name])


def test_masks_of_two_kinds_are_warned_about() -> None:
    layer = gobhir.nn.MultiheadAttention(E, 2)
    x = gobhir.zeros(4, 2, E)
    padding = gobhir.zeros(2, 4, dtype=gobhir.bool)
    with pytest.warns(UserWarning, match="key_padding_mask"):
        layer(x, x, x, padding, attn_mask=gobhir.zeros(4, 4))


@pytest.mark.parametrize(("first", "need"), list(product([True, False], repeat=2)))
def test_dropout_of_the_shares(first: bool, need: bool) -> None:
    mine, theirs = same_start(lambda nn: nn.MultiheadAttention(E, 2, 0.5, batch_first=first))
    x = numbers(2, (4, 3, E), "float32")
    results = []
    for layer, t in ((mine, gobhir), (theirs, torch)):
        t.manual_seed(4)
        given = t.from_numpy(x)
        results.append(layer(given, given, given, need_weights=need)[0])
    same(*results)


@pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
def test_the_way_of_computing_attention_may_be_named(t: Any) -> None:
    from importlib import import_module

    home = import_module(f"{t.__name__}.nn.attention")
    q = t.arange(12.0).reshape(1, 4, 3) / 10
    plain = t.nn.functional.scaled_dot_product_attention(q, q, q)
    for ways in (home.SDPBackend.MATH, [home.SDPBackend.MATH, home.SDPBackend.FLASH_ATTENTION]):
        with home.sdpa_kernel(ways):
            t.testing.assert_close(t.nn.functional.scaled_dot_product_attention(q, q, q), plain)
    with pytest.raises((TypeError, AssertionError)), home.sdpa_kernel("math"):
        pass
