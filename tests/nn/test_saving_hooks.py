"""What runs around state_dict and load_state_dict, here and in PyTorch alike."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import gobhir

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])


def network(t: Any) -> Any:
    return t.nn.Sequential(t.nn.Linear(2, 2), t.nn.Linear(2, 1))


@BOTH
def test_hooks_see_and_change_what_is_saved(t: Any) -> None:
    seen = []
    model = network(t)
    model[0].register_state_dict_pre_hook(lambda m, prefix, keep: seen.append((prefix, keep)))

    def rename(module: Any, state: Any, prefix: str, metadata: Any) -> None:
        state[prefix + "w"] = state.pop(prefix + "weight")

    handle = model[1].register_state_dict_post_hook(rename)
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.bias", "1.w"]
    assert seen == [("0.", False)]
    handle.remove()
    assert list(model.state_dict())[2:] == ["1.weight", "1.bias"]


@BOTH
def test_an_old_name_is_loaded_under_the_new(t: Any) -> None:
    model, other = network(t), network(t)
    state = dict(other.state_dict())
    state["1.w"] = state.pop("1.weight")
    with pytest.raises(RuntimeError):
        model.load_state_dict(state)

    def rename(module: Any, state: Any, prefix: str, *others: Any) -> None:
        state[prefix + "weight"] = state.pop(prefix + "w")

    model[1].register_load_state_dict_pre_hook(rename)
    model.load_state_dict(state)
    assert "1.w" in state  # the caller's own dictionary stays as it is
    assert (model[1].weight == other[1].weight).all()


@BOTH
def test_a_hook_may_forgive_missing_keys_or_complain(t: Any) -> None:
    model = network(t)
    handle = model.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    assert not any(model.load_state_dict({}))
    handle.remove()

    def complain(
        module: Any, state: Any, prefix: str, meta: Any, strict: bool, *lists: Any
    ) -> None:
        lists[2].append("not like this")

    model.register_load_state_dict_pre_hook(complain)
    with pytest.raises(RuntimeError, match="not like this"):
        model.load_state_dict(network(t).state_dict())


@BOTH
def test_extra_state_is_saved_and_taken_back(t: Any) -> None:
    class Counting(t.nn.Linear):  # type: ignore[misc, name-defined]
        seen = 0

        def get_extra_state(self) -> Any:
            return {"seen": self.seen}

        def set_extra_state(self, state: Any) -> None:
            self.seen = state["seen"]

    model, other = t.nn.Sequential(Counting(2, 1)), t.nn.Sequential(Counting(2, 1))
    model[0].seen = 7
    state = model.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0._extra_state"]
    other.load_state_dict(state)
    assert other[0].seen == 7
    del state["0._extra_state"]
    with pytest.raises(RuntimeError, match="_extra_state"):
        other.load_state_dict(state)
    with pytest.raises(RuntimeError):
        t.nn.Linear(1, 1).get_extra_state()


@BOTH
def test_buffers_by_assignment(t: Any) -> None:
    class Holding(t.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.kept = t.nn.Buffer(t.ones(2))
            self.passing = t.nn.Buffer(t.ones(3), persistent=False)

    module = Holding()
    assert [name for name, _ in module.named_buffers()] == ["kept", "passing"]
    assert list(module.state_dict()) == ["kept"]
    assert not list(module.parameters()) and not module.kept.requires_grad


@BOTH
def test_new_memory(t: Any) -> None:
    model = network(t).double()
    out = model.to_empty(device="cpu")
    assert out is model and model[0].weight.shape == (2, 2)
    assert model[0].weight.dtype == t.float64
