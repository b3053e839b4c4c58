"""Pruning beside PyTorch's: masks, hooks, states, and several methods one after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.prune

import gobhir
import gobhir.nn.utils.prune


def layer(t: Any) -> Any:
    out = t.nn.Conv2d(3, 4, 3).double()
    values = np.random.default_rng(0).normal(size=(4, 3, 3, 3))
    out.load_state_dict({"weight": t.tensor(values), "bias": t.arange(4).double()})
    return out


def scores(t: Any) -> Any:
    return t.tensor(np.random.default_rng(1).normal(size=(4, 3, 3, 3)))


METHODS: dict[str, Any] = {
    "identity": lambda p, m, t: p.identity(m, "weight"),
    "l1, count": lambda p, m, t: p.l1_unstructured(m, "weight", 20),
    "l1, share": lambda p, m, t: p.l1_unstructured(m, "weight", 0.3),
    "l1, none": lambda p, m, t: p.l1_unstructured(m, "bias", 0),
    "l1, scores": lambda p, m, t: p.l1_unstructured(m, "weight", 0.5, scores(t)),
    "random": lambda p, m, t: p.random_unstructured(m, "weight", 0.4),
    "ln": lambda p, m, t: p.ln_structured(m, "weight", 0.5, n=2, dim=0),
    "ln, inf": lambda p, m, t: p.ln_structured(m, "weight", 1, n=float("inf"), dim=-3),
    "random slices": lambda p, m, t: p.random_structured(m, "weight", 2, dim=1),
    "mask": lambda p, m, t: p.custom_from_mask(m, "bias", t.tensor([1, 0, 1, 0])),
}


@pytest.mark.parametrize("first", METHODS)
@pytest.mark.parametrize("then", [None, "l1, share", "ln", "mask"])
def test_masks(first: str, then: str | None) -> None:
    told = []
    for t in (gobhir, torch):
        p, m = t.nn.utils.prune, layer(t)
        t.manual_seed(5)
        for name in (first, then):
            if name is not None:
                assert METHODS[name](p, m, t) is m
        assert p.is_pruned(m) and p.is_pruned(t.nn.Sequential(m))
        out = m(t.ones(1, 3, 3, 3).double())
        out.sum().backward()
        state = m.state_dict()
        told.append([sorted(state), out, *(state[k] for k in sorted(state))])
        told[-1] += [q.grad for _, q in sorted(m.named_parameters())]
        for name in {n.removesuffix("_mask") for n in state if n.endswith("_mask")}:
            before = getattr(m, name).detach().numpy().copy()
            assert p.remove(m, name) is m
            np.testing.assert_array_equal(getattr(m, name).detach().numpy(), before)
        assert not p.is_pruned(m) and sorted(m.state_dict()) == ["bias", "weight"]
    assert told[0][0] == told[1][0]
    for got, want in zip(told[0][1:], told[1][1:], strict=True):
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-12)


def test_globally() -> None:
    told = []
    for t in (gobhir, torch):
        p = t.nn.utils.prune
        a, b = layer(t), layer(t)
        p.l1_unstructured(a, "weight", 0.2)
        pairs = [(a, "weight"), (b, "weight"), (b, "bias")]
        p.global_unstructured(pairs, pruning_method=p.L1Unstructured, amount=0.4)
        told.append([a.weight_mask, b.weight_mask, b.bias_mask])
        with pytest.raises(TypeError):
            p.global_unstructured(pairs, pruning_method=p.LnStructured, amount=0.4, n=2)
    for got, want in zip(*told, strict=True):
        np.testing.assert_array_equal(got.numpy(), want.numpy())


def test_training_leaves_what_is_pruned_at_zero() -> None:
    for t in (gobhir, torch):
        m = t.nn.utils.prune.l1_unstructured(t.nn.Linear(5, 3), "weight", 6)
        optimizer = t.optim.SGD(m.parameters(), lr=0.1)
        gone = m.weight_mask.numpy() == 0
        for _ in range(3):
            optimizer.zero_grad()
            (m(t.ones(2, 5)) ** 2).sum().backward()
            optimizer.step()
        m(t.ones(1, 5))
        assert gone.sum() == 6 and not m.weight.detach().numpy()[gone].any()


def test_a_method_of_ones_own() -> None:
    told = []
    for t in (gobhir, torch):
        p = t.nn.utils.prune

        class EverySecond(p.BasePruningMethod):  # type: ignore[misc, name-defined]
            PRUNING_TYPE = "unstructured"

            def compute_mask(self, t: Any, default_mask: Any) -> Any:
                mask = default_mask.clone()
                mask.view(-1)[::2] = 0
                return mask

        m = layer(t)
        EverySecond.apply(m, "bias")
        told.append(m.bias.detach().numpy())
        told.append(EverySecond().prune(t.ones(4)).numpy())
    for got, want in zip(told[:2], told[2:], strict=True):
        np.testing.assert_array_equal(got, want)


REFUSED: dict[str, tuple[type[Exception], Any]] = {
    "negative": (ValueError, lambda p, m, t: p.l1_unstructured(m, "weight", -1)),
    "share": (ValueError, lambda p, m, t: p.l1_unstructured(m, "weight", 1.5)),
    "too many": (ValueError, lambda p, m, t: p.l1_unstructured(m, "bias", 5)),
    "words": (TypeError, lambda p, m, t: p.l1_unstructured(m, "bias", "half")),
    "slices of a vector": (ValueError, lambda p, m, t: p.ln_structured(m, "bias", 1, n=1, dim=0)),
    "no such slices": (IndexError, lambda p, m, t: p.ln_structured(m, "weight", 1, n=1, dim=4)),
    "not pruned": (ValueError, lambda p, m, t: p.remove(m, "weight")),
    "scores": (AssertionError, lambda p, m, t: p.l1_unstructured(m, "weight", 1, t.ones(2))),
    "mask": (AssertionError, lambda p, m, t: p.custom_from_mask(m, "weight", t.ones(2))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    kind, call = REFUSED[name]
    for t in (gobhir, torch):
        m = layer(t)
        with pytest.raises(kind):
            call(t.nn.utils.prune, m, t)
        assert sorted(m.state_dict()) == ["bias", "weight"]
