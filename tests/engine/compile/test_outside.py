"""A compiled step notices what becomes of the world around it: settings, layers, optimizers,
arguments, tensors and Python values from outside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn, optim
from gobhir.engine.compile import compile
from tests.engine.compile.steps import MODELS, Made, close, examples, made, replayed, same_state


@pytest.mark.parametrize("model", ["4-4-1", "wide"])
def test_loaded_settings_count(model: str) -> None:
    mine, theirs = made(model), made(model)
    step = compile(mine[0])
    for k in range(9):
        if k == 6:
            for updates in (mine[2], theirs[2]):
                saved = updates.state_dict()
                saved["param_groups"][0]["lr"] = 0.7
                updates.load_state_dict(saved)
        x, y = examples(3, seed=k)
        step(x, y)
        theirs[0](x, y)
    same_state(mine, theirs, 1e-4)


@pytest.mark.parametrize("model", ["4-4-1", "wide"])
def test_a_layer_that_is_thawed_learns_again(model: str) -> None:
    mine, theirs = made(model), made(model)
    step = compile(mine[0])
    for net in (mine[1], theirs[1]):
        net[0].requires_grad_(False)
    for k in range(12):
        if k == 6:
            for net in (mine[1], theirs[1]):
                net[0].requires_grad_(True)
        x, y = examples(3, seed=k)
        step(x, y)
        theirs[0](x, y)
    same_state(mine, theirs, 1e-4)
    assert replayed(step)


@pytest.mark.parametrize("model", ["4-4-1", "wide"])
def test_parameters_that_an_optimizer_is_given_later_learn(model: str) -> None:
    both = []
    for _ in range(2):
        gobhir.manual_seed(0)
        net = MODELS[model]()
        updates = optim.SGD(net[2].parameters(), lr=0.1)

        def step(x: Any, y: Any, net: Any = net, updates: Any = updates) -> Any:
            updates.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            updates.step()
            return loss

        both.append((step, net, updates))
    compiled = compile(both[0][0])
    for k in range(12):
        if k == 6:
            for _, net, updates in both:
                updates.add_param_group({"params": net[0].parameters(), "lr": 0.05})
        x, y = examples(3, seed=k)
        compiled(x, y)
        both[1][0](x, y)
    same_state(both[0], both[1], 1e-4)


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_a_step_that_prints_or_changes_an_argument_runs_as_written(
    lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    net = nn.Linear(4, 1)

    def doubling(x: Any) -> Any:
        x.mul_(2)
        return net(x).detach()

    def printing(x: Any) -> Any:
        print("here")
        return net(x).detach()

    steps = [compile(doubling), compile(printing)]
    gobhir.use_language(lang)
    try:
        for k in range(5):
            x = gobhir.full((2, 4), float(k))
            steps[0](x)
            assert (x == 2 * k).all()
            steps[1](x)
    finally:
        gobhir.use_language(None)
    assert capsys.readouterr().out == "here\n" * 5
    assert all(step.reason is not None for step in steps)


def test_a_compiled_module_answers_for_the_module() -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))
    compiled = compile(net)
    assert list(compiled.state_dict()) == list(net.state_dict())
    x = examples(3)[0]
    for mode in (True, False, True, False):
        compiled.train(mode)
        assert net.training is mode
        for _ in range(4):
            gobhir.manual_seed(1)
            mine = compiled(x)
            gobhir.manual_seed(1)
            close(mine.detach().numpy(), net(x).detach().numpy(), 1e-6)
    with pytest.raises(AttributeError):
        _ = compiled.no_such_thing


def test_a_running_sum_outside_of_any_module_goes_on() -> None:
    for model in ("4-4-1", "wide"):
        total, expected = gobhir.zeros(()), 0.0
        plain = made(model)[0]

        def step(x: Any, y: Any, plain: Any = plain, total: Any = total) -> Any:
            loss = plain(x, y)
            total.add_(loss.detach())
            return loss

        compiled = compile(step)
        for k in range(8):
            expected += compiled(*examples(3, seed=k)).item()
            assert total.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_settings_in_a_dictionary_and_on_a_class_count() -> None:
    class Settings:
        shifted = False

    options = {"doubled": False}
    net = nn.Linear(4, 1)

    def step(x: Any) -> Any:
        loss = net(x).pow(2).mean().detach()
        if options["doubled"]:
            loss = loss * 2
        return loss + 1 if Settings.shifted else loss

    compiled = compile(step)
    for k in range(15):
        options["doubled"], Settings.shifted = k > 5, k > 10
        x = examples(3, seed=k)[0]
        assert compiled(x).item() == pytest.approx(step(x).item(), rel=1e-5)


def test_recordings_of_one_small_network_take_turns() -> None:
    def looped() -> Made:
        gobhir.manual_seed(0)
        net = nn.Linear(3, 3)
        updates = optim.SGD(net.parameters(), lr=0.1)

        def step(x: Any, times: int) -> Any:
            for _ in range(times):
                x = gobhir.tanh(net(x))
            loss = x.pow(2).mean()
            updates.zero_grad()
            loss.backward()
            updates.step()
            return loss

        return step, net, updates

    mine, theirs = looped(), looped()
    compiled = compile(mine[0])
    for k in range(20):
        x = gobhir.randn(5, 3)
        a, b = compiled(x, 1 + k % 2), theirs[0](x, 1 + k % 2)
        assert a.item() == pytest.approx(b.item(), rel=1e-4)
    same_state(mine, theirs, 1e-4)


def test_a_method_is_compiled_for_each_object_and_groups_keep_their_rates() -> None:
    class Learner:
        def __init__(self) -> None:
            gobhir.manual_seed(0)
            self.net = nn.Linear(3, 1)
            groups = [{"params": [self.net.weight], "lr": 0.0}, {"params": [self.net.bias]}]
            self.updates = optim.SGD(groups, lr=0.1)

        def plain(self, x: Any) -> Any:
            loss = self.net(x).pow(2).mean()
            self.updates.zero_grad()
            loss.backward()
            self.updates.step()
            return loss

        @compile
        def step(self, x: Any) -> Any:
            return self.plain(x)

    a, b, other = Learner(), Learner(), Learner()
    for _ in range(10):
        x = gobhir.randn(4, 3)
        assert a.step(x).item() == pytest.approx(b.plain(x).item(), rel=1e-5)
        other.step(2 * x)
    assert a.step is not other.step and replayed(a.step)


def test_an_argument_that_wants_a_gradient_gets_it_each_time() -> None:
    net = nn.Linear(3, 1)
    step = compile(lambda x: net(x).sum().backward())
    for _ in range(5):
        x = gobhir.randn(2, 3, requires_grad=True)
        step(x)
        close(x.grad.numpy(), np.broadcast_to(net.weight.detach().numpy(), (2, 3)), 1e-6)


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_what_is_new_at_every_call_is_given_up_and_named(
    lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    net, state, beta = nn.Linear(3, 3), gobhir.zeros(2, 3), 0.0
    count = optim.SGD(net.parameters(), lr=0.1)

    def handing_on(x: Any) -> Any:
        return (net(x) + state).detach()

    def annealed(x: Any) -> Any:
        return net(x).sum().detach() * beta

    def numbered(x: Any, k: int) -> Any:
        return net(x).detach() * k

    def late(x: Any) -> Any:
        count.zero_grad()
        net(x).sum().backward()
        count.step()
        with gobhir.no_grad():
            return 1.0 if net(x).sum() > 0 else 0.0

    steps = [compile(f, verbose=True) for f in (handing_on, annealed, numbered, late)]
    x = gobhir.ones(2, 3)
    gobhir.use_language(lang)
    try:
        for k in range(70):
            beta = k / 70
            state = steps[0](x)
            assert steps[1](x).item() == pytest.approx(annealed(x).item())
            close(steps[2](x, k).numpy(), numbered(x, k).numpy(), 1e-6)
            if k < 5:
                steps[3](x)
        told = capsys.readouterr().out
    finally:
        gobhir.use_language(None)
    for step, word in zip(steps, ("(state)", "(beta)", "64", "optimizer.step()"), strict=True):
        reason = step.reason.text(lang)
        assert reason in told and (word in reason or lang == "bn" and word == "64")
    assert len(steps[2]._cases) == 64


def test_arrays_and_other_generators_of_numbers_are_heeded() -> None:
    mask, rng = np.ones((2, 1), np.float32), np.random.default_rng(0)
    compiled = compile(lambda x: x * gobhir.from_numpy(mask))
    drawing = compile(lambda x: x * float(rng.random()))
    x = gobhir.ones(2, 3)
    for k in range(6):
        mask[k % 2] = k
        close(compiled(x).numpy(), np.broadcast_to(mask, (2, 3)), 1e-6)
    assert replayed(compiled)
    assert len({drawing(x)[0, 0].item() for _ in range(6)}) == 6 and not replayed(drawing)


@pytest.mark.parametrize("width", [3, 60])
def test_where_a_nan_was_born_is_found_in_the_step_as_it_is_written(width: int) -> None:
    gobhir.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, width), nn.Linear(width, 1))
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = net(x).mean() ** 2
        loss.backward()
        optimizer.step()
        return loss

    compiled, x = compile(step), gobhir.randn(4, 2)
    for _ in range(6):
        compiled(x)
    far = gobhir.full((4, 2), float("inf"))  # inf - inf
    with (
        gobhir.autograd.detect_anomaly(),
        pytest.raises(RuntimeError, match=r"linear[^$]*net\(x\)"),
    ):
        compiled(far)
    assert compiled(x).isfinite()
