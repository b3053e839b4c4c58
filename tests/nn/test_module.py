"""Module and the containers: what they find, print, save, refuse, and how they name a layer."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir import nn

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])


def shared_network(t: Any) -> Any:
    """A network of several kinds of parts, one of them used twice."""

    class Block(t.nn.Module):
        def __init__(self, n: int):
            super().__init__()
            self.inner = t.nn.Linear(n, n, bias=False)
            self.scale = t.nn.Parameter(t.ones(n))
            self.register_buffer("count", t.zeros(1))
            self.register_buffer("passing", t.zeros(1), persistent=False)
            self.register_parameter("nothing", None)
            self.plain = 3

        def forward(self, x: Any) -> Any:
            return self.inner(x) * self.scale

    class Network(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = Block(2)
            self.again = self.first
            self.list = t.nn.ModuleList([t.nn.Linear(2, 2), t.nn.ReLU()])
            self.names = t.nn.ModuleDict({"tanh": t.nn.Tanh(), "out": t.nn.Linear(2, 1)})

        def forward(self, x: Any) -> Any:
            x = self.again(self.first(x))
            for module in self.list:
                x = module(x)
            return self.names["out"](self.names["tanh"](x))

    t.manual_seed(4)
    return Network()


def both_networks() -> tuple[Any, Any]:
    return shared_network(gobhir), shared_network(torch)


def test_what_is_found_inside() -> None:
    mine, theirs = both_networks()
    for question in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert [k for k, _ in getattr(mine, question)()] == [
            k for k, _ in getattr(theirs, question)()
        ]
    assert list(mine.state_dict()) == list(theirs.state_dict())
    for recurse in (True, False):
        got, want = (len(list(m.first.parameters(recurse))) for m in (mine, theirs))
        assert got == want
    x = np.array([[0.5, -1.0]], np.float32)
    got, want = mine(gobhir.tensor(x)).item(), theirs(torch.tensor(x)).item()
    assert got == pytest.approx(want, rel=1e-5)


def layers(t: Any) -> list[Any]:
    n = t.nn
    return [
        n.Linear(3, 2),
        n.Linear(3, 2, bias=False),
        n.Sequential(),
        n.Sequential(n.Linear(1, 2), n.Sequential(n.ReLU(), n.LeakyReLU(0.2)), n.Softmax(dim=1)),
        n.Sequential(OrderedDict(a=n.Identity(), b=n.LogSoftmax(dim=-1))),
        n.ReLU(inplace=True),
        n.Flatten(),
        n.Softmax(),
        n.MSELoss(),
        n.BCELoss(),
        n.CrossEntropyLoss(label_smoothing=0.1),
        n.ModuleDict({"x": n.Tanh()}),
        n.ModuleList([n.ReLU(), *(n.Sequential(n.Linear(2, 2), n.Tanh()) for _ in range(3))]),
        n.ModuleList(),
        n.ModuleList([n.ReLU(), None, None]),
        n.ModuleDict({"x": None}),
        shared_network(t).first,
    ]


@pytest.mark.parametrize("i", range(len(layers(gobhir))))
def test_prints_as_pytorch(i: int) -> None:
    assert repr(layers(gobhir)[i]) == repr(layers(torch)[i])


@BOTH
def test_sequential_as_a_list(t: Any) -> None:
    n = t.nn
    model = n.Sequential(n.Linear(1, 2), n.ReLU(), n.Linear(2, 3))
    assert len(model) == 3 and isinstance(model[1], n.ReLU) and model[-1] is model[2]
    assert [type(m).__name__ for m in model[:2]] == ["Linear", "ReLU"]
    model[1] = n.Tanh()
    model.append(n.Sigmoid())
    assert [type(m).__name__ for m in model] == ["Linear", "Tanh", "Linear", "Sigmoid"]
    del model[1]
    assert [name for name, _ in model.named_children()] == ["0", "1", "2"]
    with pytest.raises(IndexError):
        model[3]
    with pytest.raises(TypeError):
        n.Sequential(3)


@BOTH
def test_module_list_and_dict(t: Any) -> None:
    n = t.nn
    some = n.ModuleList([n.ReLU()])
    some.append(n.Tanh())
    some.extend([n.Sigmoid()])
    some.insert(0, n.Identity())
    assert [type(m).__name__ for m in some] == ["Identity", "ReLU", "Tanh", "Sigmoid"]
    assert len(some[1:3]) == 2 and isinstance(some[-1], n.Sigmoid)
    del some[0]
    some[0] = n.Linear(1, 1)
    assert [name for name, _ in some.named_parameters()] == ["0.weight", "0.bias"]
    named = n.ModuleDict({"a": n.ReLU()})
    named["b"] = n.Linear(1, 1)
    named.update({"c": n.Tanh()})
    assert list(named) == list(named.keys()) == ["a", "b", "c"] and "b" in named
    assert isinstance(named.pop("c"), n.Tanh) and len(named) == 2
    assert [k for k, _ in named.items()] == ["a", "b"] and len(list(named.values())) == 2
    del named["a"]
    named.clear()
    assert len(named) == 0


@BOTH
def test_none_keeps_a_place_in_a_list(t: Any) -> None:
    some = t.nn.ModuleList([t.nn.Linear(1, 1), None]).append(None)
    some.train().double().zero_grad()
    some[1] = t.nn.ReLU()
    assert some[2] is None and [name for name, _ in some.named_modules()] == ["", "0", "1"]


@BOTH
@pytest.mark.parametrize("kind, adds", [("ModuleList", "extend"), ("ModuleDict", "update")])
def test_an_empty_list_of_ones_own_adds_nothing(t: Any, kind: str, adds: str) -> None:
    """A subclass may need in what it overrides what its own __init__ sets afterwards."""

    def not_yet(self: Any, given: Any) -> None:
        raise AssertionError

    assert len(type("Own", (getattr(t.nn, kind),), {adds: not_yet})()) == 0


@BOTH
def test_training_and_evaluation(t: Any) -> None:
    model = shared_network(t)
    assert model.training and model.first.inner.training
    assert model.eval() is model and not model.first.inner.training
    assert model.train().first.inner.training
    with pytest.raises(ValueError):
        model.train("yes")


@BOTH
def test_dtype_gradients_and_apply(t: Any) -> None:
    model = shared_network(t)
    seen = []
    model.apply(lambda m: seen.append(type(m).__name__))
    assert seen[-1] == "Network" and seen[0] == "Linear"
    assert {p.dtype for p in model.double().parameters()} == {t.float64}
    assert model.first.count.dtype == t.float64
    model(t.ones(1, 2, dtype=t.float64)).sum().backward()
    model.to(t.float32)
    assert model.first.scale.grad.dtype == t.float32
    assert {p.dtype for p in model.to("cpu").to(dtype=t.float64).float().parameters()} == {
        t.float32
    }
    kept = model.first.scale.grad
    model.zero_grad(set_to_none=False)
    assert model.first.scale.grad is kept and kept.tolist() == [0.0, 0.0]
    model.zero_grad()
    assert model.first.scale.grad is None
    model.requires_grad_(False)
    assert not any(p.requires_grad for p in model.parameters())
    with pytest.raises(TypeError):
        model.to(t.int64)


@BOTH
def test_state_dict_round_trip(t: Any) -> None:
    model, other = shared_network(t), shared_network(t)
    with t.no_grad():
        for p in model.parameters():
            p.add_(1)
    assert str(other.load_state_dict(model.state_dict())) == "<All keys matched successfully>"
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert t.equal(a, b) and a is not b
    found = other.load_state_dict({"first.scale": t.zeros(2), "odd": t.ones(1)}, strict=False)
    assert found.unexpected_keys == ["odd"] and "first.inner.weight" in found.missing_keys
    assert other.first.scale.tolist() == [0.0, 0.0]
    with pytest.raises(RuntimeError, match=r"first\.scale"):
        other.load_state_dict({**model.state_dict(), "first.scale": t.zeros(3)})
    with pytest.raises(RuntimeError, match="odd"):
        other.load_state_dict({**model.state_dict(), "odd": t.zeros(3)})


def test_weights_come_from_pytorch_and_go_back() -> None:
    mine, theirs = both_networks()
    with torch.no_grad():
        for p in theirs.parameters():
            p.mul_(2)
    mine.load_state_dict(theirs.state_dict())
    x = np.array([[0.5, -1.0]], np.float32)
    want = theirs(torch.tensor(x)).item()
    assert mine(gobhir.tensor(x)).item() == pytest.approx(want, rel=1e-5)
    theirs.load_state_dict({k: torch.tensor(v.numpy() * 0) for k, v in mine.state_dict().items()})
    assert theirs(torch.tensor(x)).item() == 0


@BOTH
def test_hooks(t: Any) -> None:
    layer = t.nn.ReLU()
    seen: list[Any] = []
    before = layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    after = layer.register_forward_hook(lambda m, args, out: out * 10)
    layer.register_forward_hook(lambda m, args, out: seen.append(out.tolist()))
    assert layer(t.tensor([1.0, -3.0])).tolist() == [20.0, 0.0]
    assert seen == [[20.0, 0.0]]
    before.remove()
    after.remove()
    assert layer(t.tensor([1.0, -3.0])).tolist() == [1.0, 0.0]


@BOTH
def test_attributes(t: Any) -> None:
    model = shared_network(t)
    assert model.get_submodule("first.inner") is model.first.inner
    for path in ("first.outer", "nowhere"):
        with pytest.raises(AttributeError):
            model.get_submodule(path)
    with pytest.raises(AttributeError):
        model.absent  # noqa: B018
    assert not hasattr(model, "absent") and "first" in dir(model)
    with pytest.raises(TypeError):
        model.first.scale = t.ones(2)  # a tensor, not a Parameter
    with pytest.raises(TypeError):
        model.first.count = "three"
    with pytest.raises(TypeError):
        model.first.register_parameter("x", t.ones(1))
    with pytest.raises(TypeError):
        model.first.register_buffer("x", 3)
    with pytest.raises(KeyError):
        model.first.register_buffer("a.b", t.ones(1))
    model.first.count = t.ones(1)
    assert model.state_dict()["first.count"].tolist() == [1.0]
    model.first.scale = None
    assert "first.scale" not in model.state_dict()
    del model.first.scale
    model.first.inner = t.nn.Identity()
    assert [k for k, _ in model.first.named_parameters()] == []
    with pytest.raises(TypeError):
        model.first.inner = 3
    model.first.inner = None
    assert model.first.inner is None and not list(model.first.children())
    del model.first.inner
    assert not hasattr(model.first, "inner")


@BOTH
def test_forgotten_things(t: Any) -> None:
    class NoSuper(t.nn.Module):
        def __init__(self) -> None:
            self.layer = t.nn.Linear(1, 1)

    class NoForward(t.nn.Module):
        pass

    with pytest.raises(AttributeError):
        NoSuper()
    with pytest.raises(NotImplementedError):
        NoForward()(1)


@BOTH
def test_deepcopy_is_independent(t: Any) -> None:
    model = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.Tanh())
    twin = copy.deepcopy(model)
    with t.no_grad():
        twin[0].weight.zero_()
    assert model[0].weight.abs().sum().item() > 0
    assert [p.requires_grad for p in twin.parameters()] == [True, True]


def test_an_error_names_the_layer() -> None:
    gobhir.use_language("en")
    try:
        model = nn.Sequential(
            nn.Linear(4, 3), nn.Sequential(nn.ReLU(), nn.Linear(4, 1)), nn.Sigmoid()
        )
        with pytest.raises(RuntimeError) as caught:
            model(gobhir.zeros(2, 4))
        text = str(caught.value)
        assert "'1.1'" in text and "Linear(in_features=4, out_features=1, bias=True)" in text
        assert "(2, [3])" in text and "(1, [4])" in text
        assert "'1.1'" in caught.value.args[0].text("bn")
        assert caught.value.args[0].text("bn") != text
        with pytest.raises(RuntimeError) as caught:
            model[0](gobhir.zeros(2, 4, dtype=gobhir.float64))
        assert "float64" in str(caught.value) and "in_features=4, out_features=3" in str(
            caught.value
        )
    finally:
        gobhir.use_language(None)


def test_an_error_names_the_loss() -> None:
    with pytest.raises(RuntimeError) as caught:
        nn.BCELoss()(gobhir.tensor([2.0]), gobhir.tensor([1.0]))
    assert "BCELoss()" in caught.value.args[0].text("en")


def test_the_tape_knows_the_modules() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh()))
    with gobhir.engine.Tape() as tape:
        model(gobhir.zeros(1, 2))
    assert [r.scope for r in tape.records] == [(model, model[0]), (model, model[1], model[1][0])]


@pytest.mark.parametrize("name", ["Sigmoid", "Tanh", "ReLU", "LeakyReLU", "Identity", "Flatten"])
def test_layers_without_weights(name: str) -> None:
    x = np.linspace(-2, 2, 12).reshape(2, 3, 2).astype(np.float32)
    got, want = getattr(nn, name)()(gobhir.tensor(x)), getattr(torch.nn, name)()(torch.tensor(x))
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 2), (2, 3, 1, 2)])
def test_softmax_guesses_a_dimension_and_says_so(name: str, shape: tuple) -> None:
    x = np.linspace(-2, 2, int(np.prod(shape))).reshape(shape)
    with pytest.warns(UserWarning):
        got = getattr(nn, name)()(gobhir.tensor(x))
    with pytest.warns(UserWarning):
        want = getattr(torch.nn, name)()(torch.tensor(x))
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)


def test_one_hot() -> None:
    labels = np.array([[0, 2], [1, 0]])
    for classes in (-1, 5):
        got = nn.functional.one_hot(gobhir.tensor(labels), classes)
        want = torch.nn.functional.one_hot(torch.tensor(labels), classes)
        np.testing.assert_array_equal(got.numpy(), want.numpy())
    for wrong in (gobhir.tensor([-1]), gobhir.tensor([0.5])):
        with pytest.raises(RuntimeError):
            nn.functional.one_hot(wrong)
    with pytest.raises(RuntimeError):
        nn.functional.one_hot(gobhir.tensor([3]), 2)


@BOTH
def test_lists_and_dictionaries_of_parameters(t: Any) -> None:
    plist = t.nn.ParameterList([t.ones(2), t.nn.Parameter(t.zeros(1))])
    plist.append(t.ones(3))
    plist[0] = t.zeros(2)
    plist += [t.ones(1)]
    assert [p.numel() for p in plist] == [2, 1, 3, 1] and len(plist[1:3]) == 2
    assert [name for name, _ in plist.named_parameters()] == ["0", "1", "2", "3"]
    assert plist[-1].item() == 1.0 and all(p.requires_grad for p in plist)
    with pytest.raises(IndexError):
        plist[4]
    pdict = t.nn.ParameterDict({"a": t.ones(2), "b": t.nn.Parameter(t.zeros(1))})
    pdict["c"] = t.ones(3)
    del pdict["a"]
    assert list(pdict.keys()) == ["b", "c"] and "a" not in pdict and len(pdict) == 2
    assert pdict.get("a") is None and pdict.pop("b").numel() == 1
    assert [name for name, _ in pdict.named_parameters()] == ["c"]
    more = pdict | {"d": t.ones(1)}
    more |= {"e": t.zeros(1)}
    assert list(more.copy()) == ["c", "d", "e"] and more["c"] is pdict["c"]
    assert more.setdefault("d", 7) is more["d"] and more.popitem()[0] == "e"
    lines = repr(t.nn.ParameterDict({"a": t.ones(2, 3)})).replace("torch.", "gobhir.")
    assert lines == ("ParameterDict(  (a): Parameter containing: [gobhir.FloatTensor of size 2x3])")
    more.clear()
    with pytest.raises(KeyError):
        more.popitem()


@BOTH
def test_changing_a_sequence(t: Any) -> None:
    kinds = [t.nn.ReLU, t.nn.Tanh, t.nn.Sigmoid]
    model = t.nn.Sequential(*(kind() for kind in kinds))
    model.insert(1, t.nn.Identity())
    assert isinstance(model.pop(0), t.nn.ReLU)
    both = model + t.nn.Sequential(t.nn.Flatten())
    assert [type(m).__name__ for m in both] == ["Identity", "Tanh", "Sigmoid", "Flatten"]
    assert len(both * 2) == 8 and (both * 2)[4] is both[0]
    with pytest.raises(ValueError):
        both * 0
    del both[1:3]
    assert list(both.state_dict()) == [] and [n for n, _ in both.named_children()] == ["0", "1"]
    listed = t.nn.ModuleList([t.nn.ReLU()]) + [t.nn.Tanh()]
    assert isinstance(listed.pop(-1), t.nn.Tanh) and len(listed) == 1


@BOTH
def test_by_path(t: Any) -> None:
    model = t.nn.Sequential(t.nn.Linear(2, 3), t.nn.Sequential(t.nn.Linear(3, 1)))
    assert model.get_parameter("1.0.bias").shape == (1,)
    model.set_submodule("1.0", t.nn.Linear(3, 5))
    assert model.get_parameter("1.0.bias").shape == (5,)
    model.register_buffer("count", t.zeros(1))
    assert model.get_buffer("count").item() == 0.0
    for call in (model.get_parameter, model.get_buffer, model.get_submodule):
        with pytest.raises(AttributeError):
            call("1.7")


@BOTH
def test_shared_modules_by_all_their_names(t: Any) -> None:
    shared = t.nn.Linear(2, 2)
    model = t.nn.Sequential(shared, shared)
    assert len(list(model.named_parameters())) == 2
    names = [n for n, _ in model.named_parameters(remove_duplicate=False)]
    assert names == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert list(model.state_dict()) == names


@BOTH
def test_state_dict_options(t: Any) -> None:
    model = t.nn.Linear(2, 1)
    assert model.state_dict(keep_vars=True)["weight"] is model.weight
    into: dict[str, Any] = {}
    model.state_dict(destination=into, prefix="fc.")
    assert list(into) == ["fc.weight", "fc.bias"]
    values = {"weight": t.ones(1, 2, dtype=t.float64), "bias": t.zeros(1, dtype=t.float64)}
    model.load_state_dict(values)
    assert model.weight.dtype == t.float32 and model.weight.tolist() == [[1.0, 1.0]]
    model.load_state_dict(values, assign=True)
    assert model.weight.dtype == t.float64
    with pytest.raises(TypeError):
        model.load_state_dict([1, 2])
    with pytest.raises(TypeError):
        t.nn.Module(3)
