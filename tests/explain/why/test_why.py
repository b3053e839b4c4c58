"""`why`, on any network: the terms are the sum that they say they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from gobhir import nn
from gobhir.engine import Tensor
from gobhir.explain.explanation import explained
from gobhir.explain.why.influence import inputs_of, pull, push
from gobhir.explain.why.terms import LISTED, of_gradient, of_value, one_hot
from gobhir.explain.why.trace import Place, Trace
from tests.explain.networks import NETWORKS, recorded


def drawn_place(trace: Trace, rng: np.random.Generator, leaves: bool = True) -> Place:
    """One number that has a gradient."""
    nodes = [n for n in trace.names if trace.gradient(n) is not None]
    nodes = [n for n in nodes if leaves or not isinstance(n, Tensor)]
    node = nodes[rng.integers(len(nodes))]
    return Place(node, tuple(int(rng.integers(n)) for n in np.shape(trace.value(node))))


@pytest.mark.parametrize("name", NETWORKS)
def test_push_and_pull_are_each_others_transposes(name: str) -> None:
    run = recorded(name)
    rng = np.random.default_rng(0)
    checked = 0
    for record in run.tape.records:
        if record.op.name == "part":
            continue
        for i, x in enumerate(inputs_of(record)):
            if not isinstance(x, Tensor) or not x.requires_grad or isinstance(x.array, tuple):
                continue
            v = rng.standard_normal(x.shape)
            moved = push(run.tape, record, i, v)
            several = isinstance(record.value, tuple)
            parts = moved if several else (moved,)
            d = tuple(rng.standard_normal(np.shape(p)) for p in parts)
            back = pull(run.tape, record, i, d if several else d[0])
            assert back is not None
            left = sum(float(np.sum(p * q)) for p, q in zip(parts, d, strict=True))
            assert left == pytest.approx(float(np.sum(v * back)), rel=1e-8, abs=1e-10), record.op
            checked += 1
    assert checked > 5


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(NETWORKS)), st.integers(0, 10_000))
def test_the_terms_add_up_to_the_gradient(name: str, seed: int) -> None:
    trace = Trace(recorded(name, seed % 7))
    place = drawn_place(trace, np.random.default_rng(seed))
    terms = of_gradient(trace, place)
    gradient = float(trace.gradient(place.node)[place.index])  # type: ignore[index]
    if place.node is trace.run.loss:
        assert terms.count == 0 and gradient == 1
        return
    assert terms.total == pytest.approx(gradient, rel=1e-9, abs=1e-9 * terms.size + 1e-300)
    listed = sum(t.product for t in terms.top)
    assert listed + terms.rest == pytest.approx(terms.total, abs=1e-9 * terms.size + 1e-300)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(NETWORKS)), st.integers(0, 10_000))
def test_the_listed_terms_are_the_largest_and_the_share_is_theirs(name: str, seed: int) -> None:
    trace = Trace(recorded(name, seed % 7))
    place = drawn_place(trace, np.random.default_rng(seed))
    values = trace.value(place.node)
    hot = one_hot(values.shape, place.index, values.dtype)
    every = []
    for record, i in trace.users.get(place.node, ()):
        if inputs_of(record)[i].requires_grad and record.edges[i] is not None:
            moved = push(trace.tape, record, i, hot)  # of all its numbers, not of this one alone
            parts = (
                {r: moved[r.settings["place"]] for r, _ in trace.users.get(record, ())}
                if (isinstance(moved, tuple))
                else {record: moved}
            )
            every += [m * g for r, m in parts.items() if (g := trace.gradient(r)) is not None]
    sizes = np.sort(np.abs(np.concatenate([np.ravel(e) for e in every] or [np.zeros(0)])))[::-1]
    terms = of_gradient(trace, place)
    assert [abs(t.product) for t in terms.top] == pytest.approx(
        sizes[: len(terms.top)], rel=1e-9, abs=1e-300
    )
    assert len(terms.top) == min(terms.count, LISTED)
    if sizes.sum():
        assert terms.share == pytest.approx(sizes[:LISTED].sum() / sizes.sum(), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(NETWORKS)), st.integers(0, 10_000))
def test_where_a_value_is_a_sum_its_terms_add_up_to_it(name: str, seed: int) -> None:
    trace = Trace(recorded(name, seed % 7))
    place = drawn_place(trace, np.random.default_rng(seed), leaves=False)
    terms = of_value(trace, place)
    if terms is not None:
        worth = float(trace.value(place.node)[place.index])
        assert terms.total == pytest.approx(worth, rel=1e-9, abs=1e-9 * terms.size)


def test_a_weighted_sums_value_always_has_terms() -> None:
    trace = Trace(recorded("plain"))
    terms = of_value(trace, trace_place(trace, "0[1, 2]"))
    assert terms is not None and terms.count == 3 and terms.extra is not None
    model, x = trace.run.model, trace.run.x
    products = model[0].weight.detach().numpy()[2] * x.numpy()[1]
    assert sorted(t.product for t in terms.top) == pytest.approx(sorted(products))
    assert terms.extra.value == pytest.approx(float(model[0].bias.detach().numpy()[2]))


def trace_place(trace: Trace, asked: str) -> Place:
    found = trace.find(asked)
    assert found.index is not None
    return Place(found.node, found.index)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_name_can_be_asked_in_both_languages(name: str) -> None:
    page = explained(recorded(name), folded=True)
    for asked in page.trace.of_name:
        told = page.why(asked)
        assert told.to_markdown("bn") and told.to_text("en")
    road = page.why(next(iter(page.run.parameters.values())))
    assert road.steps[-1].pieces[0].key == "rules.why.at_loss"


def test_the_road_of_a_gradient_goes_down_the_layers() -> None:
    page = explained(recorded("plain"), folded=True)
    layers = [s.layer for s in page.why("0.weight").steps]
    assert layers[0] == "0" and layers[-2:] == ["4", ""]
    assert layers[:-1] == sorted(layers[:-1])


def test_the_loss_is_shared_out_among_the_examples() -> None:
    run = recorded("plain")
    page = explained(run, folded=True).why("loss")
    table = page.steps[0].pieces[2]
    shares = {int(row[0].strip("`")): float(row[1].value) for row in table.rows}
    error = run.output.value - run.y.numpy()
    theirs = (error**2).sum(1) / error.size
    assert shares == {k: pytest.approx(theirs[k], rel=1e-3) for k in np.argsort(-theirs)[:4]}


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_a_change_is_worked_out_by_the_optimizers_rule(optimizer: str) -> None:
    gobhir.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1)).double()
    x, y = gobhir.randn(4, 3).double(), gobhir.randn(4, 1).double()
    made = getattr(gobhir.optim, optimizer)(model.parameters(), lr=0.1)
    page = gobhir.explain(model, x, y, nn.MSELoss(), made, mode="exact")
    update = page.trace.updates[model[0].weight]
    line = page.why("0.weight.change[1, 2]").steps[0].lines[-1]
    assert line.arrow and float(line.result) == pytest.approx(update.after["w"][1, 2], rel=2e-3)
    assert line.exact == update.after["w"][1, 2]


def test_without_an_optimizer_there_is_no_change_to_explain() -> None:
    page = gobhir.explain("4-4-1")
    assert page.why("0.weight.change[0, 0]").steps
    model = nn.Linear(2, 1)
    bare = gobhir.explain(model, gobhir.randn(1, 2), gobhir.randn(1, 1), nn.MSELoss())
    with pytest.raises(ValueError, match=r"optimizer") as trouble:
        bare.why("weight.change[0, 0]")
    assert "অপ্টিমাইজার" in trouble.value.args[0].text("bn")


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        ("layer9.0.conv1.weight[0]", KeyError, "layer1.0.conv1.weight"),
        ("conv[0]", KeyError, "conv1"),
        ("fc.weigth[0, 0]", KeyError, "fc.weight"),
        ("fc.weight[9, 0]", IndexError, "fc.weight[2, 0]"),
        ("fc.weight[0]", IndexError, "(3, 16)"),
        ("", KeyError, "conv1.weight"),
    ],
)
def test_what_is_not_there_is_told_with_what_is_near(asked: str, kind: type, words: str) -> None:
    page = explained(recorded("residual"), folded=True)
    with pytest.raises(kind) as trouble:
        page.why(asked)
    for lang in ("bn", "en"):
        assert words in trouble.value.args[0].text(lang)


def test_names_are_paths_of_the_model_and_ops_inside() -> None:
    names = set(Trace(recorded("residual")).of_name)
    assert {
        "loss",
        "x",
        "conv1",
        "layer2.0.shortcut",
        "layer1.0.add",
        "layer1.0.relu",
        "layer1.0",
    } <= names


class Once(gobhir.engine.Op):
    """x cubed, by code that works on arrays alone."""

    def forward(x):
        return x**3

    def vjp(d, out, x):
        return np.multiply(np.asarray(d, dtype=x.dtype), 3 * x * x)


class OnceLayer(nn.Module):
    def forward(self, z):
        return gobhir.engine.apply(Once, z)


@pytest.mark.parametrize("width", [3, 2000])
def test_an_op_that_is_not_ours_to_look_into(width: int) -> None:
    gobhir.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, width), OnceLayer(), nn.Linear(width, 1)).double()
    x, y = gobhir.randn(2, 2).double(), gobhir.randn(2, 1).double()
    page = gobhir.explain(model, x, y, nn.MSELoss(), folded=True)
    trace = page.trace
    place = Place(trace.of_name["0"], (1, 2))
    terms = of_gradient(trace, place)
    told = page.why("0.grad[1, 2]").to_text("en")
    if width == 3:  # few results: the op is asked for each
        gradient = trace.gradient(place.node)
        assert gradient is not None and terms.count == 1
        assert terms.total == pytest.approx(float(gradient[1, 2]))
        assert "cannot be looked into" not in told
    else:
        assert terms.count == 0 and "`once`" not in told and "cannot be looked into" in told


def test_a_mask_may_hold_what_is_infinite() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scores = nn.Linear(3, 4)
            self.mask = gobhir.tensor([0.0, float("-inf"), 0.0, 0.0])

        def forward(self, x):
            return (self.scores(x) + self.mask).softmax(-1)

    gobhir.manual_seed(0)
    page = gobhir.explain(
        Masked(), gobhir.randn(2, 3), gobhir.rand(2, 4), nn.MSELoss(), folded=True
    )
    assert page.trace.gradient(page.trace.of_name["scores.bias"])[1] == 0
    x = gobhir.tensor([[float("nan"), 0.0, 0.0]])
    with pytest.raises(ValueError, match="NaN"):
        gobhir.explain(Masked(), x, gobhir.rand(1, 4), nn.MSELoss())
