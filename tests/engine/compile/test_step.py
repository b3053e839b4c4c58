"""A compiled step does what the step itself does, whatever happens in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn, optim
from gobhir.engine.compile import compile
from tests.engine.compile.steps import (
    MODELS,
    OPTIMIZERS,
    close,
    examples,
    made,
    replayed,
    same_state,
)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("model", MODELS)
def test_every_step_ends_in_the_same_state(model: str, optimizer: str, batch: int) -> None:
    mine, theirs = made(model, optimizer), made(model, optimizer)
    step = compile(mine[0])
    for k in range(9):
        x, y = examples(batch, seed=k)
        a, b = step(x, y), theirs[0](x, y)
        assert a.shape == b.shape and a.dtype == b.dtype
        assert a.item() == pytest.approx(b.item(), rel=1e-4, abs=1e-7)
        if k % 3:  # not looking is a case of its own
            same_state(mine, theirs, 1e-4 if k > 5 else 1e-5)
    assert replayed(step)


@pytest.mark.parametrize("model", ["4-4-1", "wide"])
def test_other_batches_are_recorded_anew_and_come_back(model: str) -> None:
    mine, theirs = made(model, "adam"), made(model, "adam")
    step = compile(mine[0])
    for k, batch in enumerate([2] * 5 + [3] * 5 + [2, 3, 2, 3, 5]):
        x, y = examples(batch, seed=k)
        step(x, y)
        theirs[0](x, y)
    same_state(mine, theirs, 1e-4)
    assert len(step._cases) == 3


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("model", ["4-4-1", "wide"])
def test_what_is_changed_by_hand_counts(model: str, optimizer: str) -> None:
    mine, theirs = made(model, optimizer), made(model, optimizer)
    step = compile(mine[0])
    start = {k: v.clone() for k, v in theirs[1].state_dict().items()}
    saved = None
    for k in range(16):
        for net, updates in (mine[1:], theirs[1:]):
            first = next(iter(net.parameters()))
            if k == 5:
                with gobhir.no_grad():
                    first[0, 0] = 0.25
                    first.mul_(0.5)
            if k == 6:
                updates.param_groups[0]["lr"] *= 0.5
            if k == 7:
                net.load_state_dict(start)
            if k == 9:
                first.data = gobhir.ones(*first.shape)
            if k == 10:
                net.eval()
            if k == 11:
                net.train()
            if k == 12:
                updates.zero_grad()
        if k == 8:
            saved = (theirs[1].state_dict(), theirs[2].state_dict())
            for updates in (mine[2], theirs[2]):
                updates.load_state_dict(saved[1])
        x, y = examples(2, seed=k)
        step(x, y)
        theirs[0](x, y)
        same_state(mine, theirs, 1e-4)
    assert replayed(step)


@pytest.mark.parametrize("model", ["4-4-1", "wide"])
def test_steps_as_written_in_between(model: str) -> None:
    mine, theirs = made(model, "adam"), made(model, "adam")
    step = compile(mine[0])
    for k in range(12):
        x, y = examples(2, seed=k)
        (mine[0] if k % 5 == 4 else step)(x, y)
        theirs[0](x, y)
        with gobhir.no_grad():
            assert mine[1](x).numpy() == pytest.approx(theirs[1](x).numpy(), rel=1e-3, abs=1e-5)
    same_state(mine, theirs, 1e-4)


def test_a_small_network_takes_the_short_way_unless_somebody_looks() -> None:
    step, net, _ = made("4-4-1")
    compiled = compile(step)
    x, y = examples()
    for _ in range(6):
        compiled(x, y)
    keeper = compiled._keeper
    assert compiled._quick is not None and not keeper.seen and not keeper.current
    weight = net[0].weight.detach()
    assert keeper.seen and keeper.current
    compiled(x, y)
    assert keeper.seen  # somebody still holds the weight
    del weight
    compiled(x, y)
    compiled(x, y)
    assert not keeper.seen and not keeper.current


def test_views_that_somebody_keeps_stay_true() -> None:
    for model in ("4-4-1", "wide"):
        mine, theirs = made(model), made(model)
        step = compile(mine[0])
        weight = next(iter(mine[1].parameters())).detach().numpy()
        entries = mine[1].state_dict()
        for k in range(6):
            x, y = examples(1, seed=k)
            step(x, y)
            theirs[0](x, y)
            want = next(iter(theirs[1].parameters())).detach().numpy()
            assert weight == pytest.approx(want, rel=1e-4, abs=1e-6)
            assert entries["0.weight"].numpy() == pytest.approx(want, rel=1e-4, abs=1e-6)
            weight[0, 0] = 0.125
            with gobhir.no_grad():
                next(iter(theirs[1].parameters()))[0, 0] = 0.125
        same_state(mine, theirs, 1e-4)


def test_results_and_gradients_of_one_step_are_not_overwritten_by_the_next() -> None:
    for model in ("4-4-1", "wide"):
        mine, theirs = made(model), made(model)
        step = compile(mine[0])
        losses = [[f(*examples(1, k)) for k in range(8)] for f in (step, theirs[0])]
        assert [t.item() for t in losses[0]] == pytest.approx([t.item() for t in losses[1]], 1e-4)


@pytest.mark.parametrize("model", ["4-4-1", "wide"])
def test_gradients_add_up_where_nobody_zeroes_them(model: str) -> None:
    steps = []
    for _ in range(2):
        gobhir.manual_seed(0)
        net = MODELS[model]()
        updates = optim.SGD(net.parameters(), lr=0.1)

        def backward(x: Any, y: Any, net: Any = net) -> Any:
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            return loss

        steps.append((backward, net, updates))
    mine, theirs = steps
    step = compile(mine[0])
    for k in range(12):
        x, y = examples(2, seed=k)
        step(x, y)
        theirs[0](x, y)
        if k % 4 == 3:
            for _, _, updates in steps:
                updates.step()
                updates.zero_grad()
        same_state(mine, theirs)


def test_a_number_that_is_only_returned_is_read_anew() -> None:
    for returned in ("item", "float", "float of item", "tuple"):
        made_step, net, updates = made("wide")

        def step(x: Any, y: Any, how: str = returned, made_step: Any = made_step) -> Any:
            loss = made_step(x, y)
            if how == "item":
                return loss.item()
            if how == "float":
                return float(loss)
            if how == "float of item":
                return float(loss.item())
            return loss.item(), loss

        compiled = compile(step)
        other = made("wide")[0]
        for k in range(6):
            a, b = compiled(*examples(2, k)), other(*examples(2, k))
            if returned == "tuple":
                assert a[1].item() == pytest.approx(b.item(), rel=1e-5)
                a = a[0]
            assert type(a) is float and a == pytest.approx(b.item(), rel=1e-5)
        assert replayed(compiled)


KEPT: list[Any] = []
SCALE = 1.0


def _python_number(loss: Any) -> Any:
    return loss.item() * 2


def _branch(loss: Any) -> Any:
    return loss * 2 if float(loss) > 0.1 else loss


def _kept(loss: Any) -> Any:
    KEPT.append(loss.detach())
    return loss


def _kept_number(loss: Any) -> Any:
    KEPT.append(loss.item())
    return loss


def _text(loss: Any) -> Any:
    return loss if f"{loss:.3f}" else loss * 2


def _list(loss: Any) -> Any:
    return gobhir.tensor(loss.detach().reshape(1).tolist())


@pytest.mark.parametrize("what", [_python_number, _branch, _kept, _kept_number, _text, _list])
def test_what_cannot_be_replayed_runs_as_written_and_says_why(what: Any, capsys: Any) -> None:
    KEPT.clear()
    step, other = made("wide"), made("wide")
    compiled = compile(lambda x, y: what(step[0](x, y)), verbose=True)
    for k in range(5):
        a, b = compiled(*examples(2, k)), what(other[0](*examples(2, k)))
        assert float(a) == pytest.approx(float(b), rel=1e-5)
    same_state(step, other)
    assert compiled.reason is not None and not replayed(compiled)
    assert len(KEPT) in (0, 10)
    assert capsys.readouterr().out.count(compiled.reason.text("en")) <= 1


def test_reasons_come_in_both_languages(capsys: Any) -> None:
    for lang in ("bn", "en"):
        gobhir.use_language(lang)
        try:
            step = made("wide")[0]
            compiled = compile(lambda x, y, step=step: _python_number(step(x, y)), verbose=True)
            for k in range(3):
                compiled(*examples(2, k))
            assert compiled.reason.text(lang) in capsys.readouterr().out
        finally:
            gobhir.use_language(None)


def test_a_branch_on_values_is_followed() -> None:
    def body(net: Any, updates: Any, x: Any, y: Any) -> Any:
        updates.zero_grad()
        out = net(x)
        loss = nn.functional.mse_loss(out, y)
        if x.sum() > 0:
            loss = loss * 3
        loss.backward()
        updates.step()
        return loss

    mine, theirs = made("wide"), made("wide")
    compiled = compile(lambda x, y: body(mine[1], mine[2], x, y))
    rng = np.random.default_rng(0)
    for k in range(20):
        sign = -1.0 if k in (7, 11) or (k > 14 and rng.random() < 0.5) else 1.0
        x, y = gobhir.full((2, 4), sign * (0.5 + 0.01 * k)), gobhir.ones(2, 1)
        assert compiled(x, y).item() == pytest.approx(body(*theirs[1:], x, y).item(), rel=1e-4)
        assert k != 10 or replayed(compiled)
    same_state(mine, theirs, 1e-4)


def test_a_branch_not_taken_before_leaves_no_trace() -> None:
    """Running statistics, random numbers and gradients are as if only the step itself had run."""
    both = []
    for wrap in (compile, lambda f: f):
        gobhir.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 20), nn.BatchNorm1d(20), nn.Dropout(0.2), nn.Linear(20, 1))
        updates = optim.Adam(net.parameters(), lr=0.01)

        def step(x: Any, y: Any, net: Any = net, updates: Any = updates) -> Any:
            loss = nn.functional.mse_loss(net(x), y)
            if loss > 2.0:
                loss = loss * 0.1
            updates.zero_grad()
            loss.backward()
            updates.step()
            return loss

        run = wrap(step)
        for k in range(24):
            x, y = examples(6, k)
            run(x, y * (5 if k % 6 == 5 else 1))
        both.append((run, net, updates))
    assert replayed(both[0][0])
    same_state(both[0], both[1])
    for mine, theirs in zip(both[0][1].buffers(), both[1][1].buffers(), strict=True):
        close(mine.numpy(), theirs.numpy(), 1e-6)


def test_names_from_around_are_looked_up_anew() -> None:
    global SCALE
    step, _, _ = made("wide")
    x, y = examples(2)

    def scaled() -> Any:
        return nn.functional.mse_loss(x * SCALE, y.expand(2, 4))

    compiled = compile(scaled)
    with gobhir.no_grad():
        for k in range(12):
            if k == 5:
                SCALE = 2.0
            if k == 9:
                x = gobhir.zeros(2, 4)
            assert compiled().item() == pytest.approx(scaled().item(), rel=1e-6)
    SCALE = 1.0
    assert step is not None


def test_random_numbers_are_drawn_anew_from_the_same_stream() -> None:
    def noisy(x: Any) -> Any:
        return (x + gobhir.randn(3, 20) * gobhir.rand(3, 20)).sum()

    compiled = compile(noisy)
    x = gobhir.ones(3, 20)
    gobhir.manual_seed(3)
    mine = [compiled(x).item() for _ in range(7)]
    gobhir.manual_seed(3)
    assert mine == pytest.approx([noisy(x).item() for _ in range(7)], rel=1e-6)
    assert len(set(mine)) == 7
    assert replayed(compiled)


def test_a_hook_is_heard_although_the_step_was_replayed() -> None:
    heard: list[Any] = []
    for model in ("4-4-1", "wide"):
        heard.clear()
        step, net, _ = made(model)
        compiled = compile(step)
        for k in range(8):
            if k == 5:
                handle = net[0].register_forward_hook(lambda *_: heard.append(1))
            if k == 6:
                handle.remove()
                first = net[0].weight.register_hook(lambda g: heard.append(2))
            if k == 7:
                first.remove()
            compiled(*examples(1, k))
        assert heard == [1, 2]


def test_frozen_parameters_stay() -> None:
    for model in ("4-4-1", "wide"):
        mine, theirs = made(model), made(model)
        compiled = compile(mine[0])
        for k in range(12):
            if k in (5, 9):
                for net in (mine[1], theirs[1]):
                    net[0].weight.requires_grad_(k == 9)
            compiled(*examples(2, k))
            theirs[0](*examples(2, k))
            same_state(mine, theirs, 1e-4)


def test_labels_out_of_range_are_refused_by_a_replay_too() -> None:
    step = made("wide", loss=nn.CrossEntropyLoss())[0]
    gobhir.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 30), nn.ReLU(), nn.Linear(30, 3))
    updates = optim.SGD(net.parameters(), lr=0.1)
    loss_of = nn.CrossEntropyLoss()

    def classify(x: Any, y: Any) -> Any:
        updates.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        updates.step()
        return loss

    compiled = compile(classify)
    x, _ = examples(6)
    y = gobhir.tensor([0, 1, 2, 0, 1, 2])
    for _ in range(5):
        compiled(x, y)
    before = [p.detach().clone() for p in net.parameters()]
    with pytest.raises(IndexError):
        compiled(x, gobhir.tensor([0, 1, 3, 0, 1, 2]))
    assert all(bool((p == q).all()) for p, q in zip(net.parameters(), before, strict=True))
    compiled(x, y)
    assert replayed(compiled) and step is not None


def test_an_overflow_goes_the_long_way() -> None:
    mine, theirs = made("relu"), made("relu")
    compiled = compile(mine[0])
    for k in range(9):
        x, y = examples(1, k)
        if k == 6:
            x = x * 1e30
        a, b = compiled(x, y).item(), theirs[0](x, y).item()
        assert a == pytest.approx(b, rel=1e-3, nan_ok=True)
        if k == 6:
            for made_step in (mine, theirs):
                made_step[1].load_state_dict(made("relu")[1].state_dict())


@pytest.mark.parametrize("model", ["4-4-1", "wide"])
def test_many_examples_one_by_one(model: str) -> None:
    mine, theirs = made(model), made(model)
    step = compile(mine[0])
    xs, ys = examples(20)
    losses = [theirs[0](xs[i : i + 1], ys[i : i + 1]).item() for i in range(20)]
    assert step.run(xs, ys).tolist() == pytest.approx(losses, rel=1e-4)
    same_state(mine, theirs, 1e-4)
    losses = [theirs[0](xs[i : i + 1], ys[i : i + 1]).item() for i in range(20)]
    assert step.run(xs, ys).tolist() == pytest.approx(losses, rel=1e-4)
    same_state(mine, theirs, 1e-4)


def test_the_source_is_the_derivation_and_runs_by_itself() -> None:
    step, net, _ = made("4-4-1")
    compiled = compile(step)
    with pytest.raises(RuntimeError):
        compiled.source()
    x, y = examples()
    for _ in range(5):
        compiled(x, y)
    text = compiled.source()
    for line in (
        "a1_0 = 1.0 / (1.0 + exp(-z1_0))",
        "dz1_0 = da1_0 * a1_0 * (1.0 - a1_0)",
        "w1_00 -= lr * dw1_00",
        "# forward",
        "# loss",
        "# backward",
        "# update",
    ):
        assert line in text
    import math

    scope = {"exp": math.exp}
    exec(text, scope)
    weights = [n for p in net.parameters() for n in p.detach().flatten().tolist()]
    by_itself = scope["steps"](*weights, 0.1)
    next(by_itself)
    assert by_itself.send((x.tolist(), y.tolist())) == pytest.approx(compiled(x, y).item(), 1e-5)


def test_a_compiled_step_can_be_explained() -> None:
    from gobhir.engine import Tape

    step, _, _ = made("4-4-1")
    compiled = compile(step)
    for k in range(5):
        compiled(*examples(1, k))
    with Tape() as tape:
        compiled(*examples(1))
    assert tape.records and tape.gradients and tape.updates


def test_a_scheduler_inside_a_step_is_noticed_and_outside_it_counts() -> None:
    for inside in (True, False):
        runs = []
        for compiled in (True, False):
            body, _, updates = made("wide")
            scheduler = optim.lr_scheduler.StepLR(updates, step_size=5, gamma=0.1)

            def step(x: Any, y: Any, body: Any = body, s: Any = scheduler, at: Any = inside) -> Any:
                loss = body(x, y)
                if at:
                    s.step()
                return loss

            run = compile(step) if compiled else step
            losses = []
            for k in range(12):
                losses.append(run(*examples(2, k)).item())
                if not inside:
                    scheduler.step()
            runs.append(losses)
            if compiled:
                assert replayed(run) is not inside
        assert runs[0] == pytest.approx(runs[1], rel=1e-4)


class Own(optim.Optimizer):
    """Gradient descent as its user wrote it, half the way back at every third step."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 0.1})

    def number(self) -> int:
        """How many steps there were before this one."""
        return 1

    def step(self, closure: Any = None) -> None:
        back = self.number() % 3 == 0
        with gobhir.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(p.grad, alpha=group["lr"])
                    if back:
                        p.mul_(0.5)


class CountsInAnAttribute(Own):
    steps = 0

    def number(self) -> int:
        self.steps += 1
        return self.steps


class CountsInPrivate(Own):
    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self._count = [0]

    def number(self) -> int:
        self._count[0] += 1
        return self._count[0]


class CountsInItsGroup(Own):
    def number(self) -> int:
        self.param_groups[0]["steps"] = 1 + self.param_groups[0].get("steps", 0)
        return int(self.param_groups[0]["steps"])


class CountsInItsState(Own):
    def number(self) -> int:
        own = self.state[self.param_groups[0]["params"][0]]
        own["steps"] = 1 + own.get("steps", 0)
        return int(own["steps"])


class Inner(Own):
    """A wrapper of another optimizer, called an optimizer itself."""

    def __init__(self, params: Any) -> None:
        params = list(params)
        super().__init__(params)
        self.inner = optim.Adam(params, lr=0.1)

    def step(self, closure: Any = None) -> None:
        self.inner.step()


OWN = [Own, CountsInAnAttribute, CountsInPrivate, CountsInItsGroup, CountsInItsState, Inner]


@pytest.mark.parametrize("name", ["tanh", "wide"])
@pytest.mark.parametrize("kind", OWN)
def test_an_optimizer_with_a_step_of_its_own(kind: Any, name: str) -> None:
    runs = []
    for compiled in (True, False):
        gobhir.manual_seed(0)
        net = MODELS[name]()
        updates = kind(net.parameters())

        def step(x: Any, y: Any, net: Any = net, updates: Any = updates) -> Any:
            updates.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            updates.step()
            return loss

        run = compile(step) if compiled else step
        losses = []
        for k in range(12):
            updates.param_groups[0]["lr"] = 0.1 / (1 + k)
            losses.append(run(*examples(2, k)).item())
        runs.append(losses)
        if compiled and kind is Own:
            assert replayed(run)
    assert runs[0] == pytest.approx(runs[1], rel=1e-4)


COUNT = 0


def test_a_counter_of_the_users_own_goes_on_counting() -> None:
    body = made("wide")[0]

    def step(x: Any, y: Any) -> Any:
        global COUNT
        COUNT += 1
        return body(x, y)

    compiled = compile(step)
    before = COUNT
    for k in range(7):
        compiled(*examples(2, k))
    assert before + 7 == COUNT


def test_a_result_read_as_a_number_is_rounded_like_the_tensor_that_it_is() -> None:
    step = compile(made()[0])
    loss = [step(*examples()) for _ in range(6)][-1]
    number = loss.item()
    assert number == float(loss) == float(np.float32(number)) == loss.numpy()
    loss.mul_(2)
    assert loss.item() == 2 * number
