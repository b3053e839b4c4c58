"""Training stories: each symptom in a training made to show it, none in healthy ones, and nothing
changed by looking. In both frameworks."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.explain.stories.findings import Finding
from gobhir.explain.stories.story import Story
from gobhir.explain.stories.symptoms import SYMPTOMS
from gobhir.lang import LANGUAGES, catalogue
from tests.explain import trainings as tr

pytestmark = pytest.mark.slow


@pytest.fixture(params=tr.FRAMEWORKS)
def fw(request: pytest.FixtureRequest) -> Any:
    return tr.FRAMEWORKS[request.param]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def kinds(story: Story) -> list[str]:
    return list(dict.fromkeys(f.kind for f in story.findings))


def one(story: Story, kind: str) -> Finding:
    found = [f for f in story.findings if f.kind == kind]
    assert found, kinds(story)
    return found[0]


def grown(model: Any, by: float) -> Any:
    """The model with matrices `by` times as large."""
    with torch.no_grad(), gobhir.no_grad():
        for p in model.parameters():
            if p.ndim > 1:
                p.mul_(by)
    return model


# -- healthy ----

NETWORKS = {
    "mlp": tr.mlp,
    "tanh": lambda fw: tr.mlp(fw, "Tanh"),
    "cnn": tr.cnn,
    "lstm": tr.recurrent,
    "gru": lambda fw: tr.recurrent(fw, "GRU"),
    "encoder": tr.encoder,
}
OPTIMIZERS = {
    "adam": tr.adam(3e-3),
    "sgd": tr.sgd(0.1),
    "momentum": tr.sgd(0.05, momentum=0.9),
    "swift": tr.sgd(1.0),  # what an LSTM needs of plain SGD
}
HEALTHY = """mlp adam 240, mlp sgd 240, mlp momentum 240, tanh adam 240, tanh sgd 240, cnn adam 120,
cnn sgd 120, lstm adam 320, lstm swift 320, gru swift 320, encoder adam 120, encoder sgd 120"""


@pytest.mark.parametrize(("k", "healthy"), enumerate(HEALTHY.split(",")), ids=str)
def test_a_healthy_training_shows_nothing(k: int, healthy: str) -> None:
    network, optimizer, count = healthy.split()
    fw = (gobhir, torch)[k % 2]  # each in one of them: what both do is the same
    story = tr.told(fw, NETWORKS[network], OPTIMIZERS[optimizer], int(count))
    assert story.findings == []
    assert np.mean(story.diary.losses[-10:]) < 0.85 * story.diary.losses[0]


def test_learning_by_heart_is_no_symptom(fw: Any) -> None:
    few = tuple(part[:64] for part in tr.digits())
    story = tr.told(fw, lambda fw: tr.mlp(fw, "Tanh"), tr.adam(1e-2), 500, data=few)
    assert story.diary.losses[-1] < 0.01
    assert story.findings == []


# -- one symptom each ----


def test_dead_units(fw: Any) -> None:
    def make(fw: Any) -> Any:
        model = tr.mlp(fw)
        with fw.no_grad():
            model[0].bias[:30] = -9.0
        return model

    found = one(tr.told(fw, make), "dead")
    assert found.layers == ("0",)
    assert 30 <= found.values["dead"] < 48 and found.values["units"] == 48


def test_units_of_a_convolution_are_its_channels(fw: Any) -> None:
    def make(fw: Any) -> Any:
        model = tr.cnn(fw)
        with fw.no_grad():
            model.conv2.bias[:12] = -9.0
        return model

    story = tr.told(fw, make)
    assert [f.layers for f in story.findings] == [("conv2",)]
    assert one(story, "dead").values["units"] == 16


def test_saturated_units(fw: Any) -> None:
    story = tr.told(fw, lambda fw: grown(tr.mlp(fw, "Tanh"), 80))
    assert ("0",) in [f.layers for f in story.findings if f.kind == "saturated"]


def test_stuck_gates(fw: Any) -> None:
    story = tr.told(fw, lambda fw: grown(tr.recurrent(fw), 100), tr.sgd(1e-3))
    assert {f.values["op"] for f in story.findings if f.kind == "gate"} >= {"l0.forget"}


def test_vanishing_gradients(fw: Any) -> None:
    story = tr.told(fw, lambda fw: tr.deep(fw, "Sigmoid"), tr.sgd(0.1))
    found = one(story, "vanishing")
    assert found.layers[0] == "0.weight" and found.values["share"] < 1e-4
    assert "labels" not in kinds(story)


def test_exploding_gradients(fw: Any) -> None:
    story = tr.told(fw, lambda fw: grown(tr.deep(fw, "ReLU"), 8), tr.sgd(0.01))
    assert one(story, "exploding").values["early"]
    birth = one(story, "nan")
    assert birth.values["phase"] == "overflow" and birth.values["op"] == "linear"


@pytest.mark.parametrize("optimizer", [tr.sgd(10.0), tr.adam(0.5)], ids=["sgd", "adam"])
def test_learning_rate_too_high(fw: Any, optimizer: Any) -> None:
    story = tr.told(fw, tr.mlp, optimizer)
    assert one(story, "lr_high").values["ratio"] > 0.3
    assert one(story, "dead").step < 20  # what such leaps lead to


@pytest.mark.parametrize("optimizer", [tr.sgd(1e-4), tr.adam(1e-7)], ids=["sgd", "adam"])
def test_learning_rate_too_low(fw: Any, optimizer: Any) -> None:
    assert kinds(tr.told(fw, tr.mlp, optimizer)) == ["lr_low"]


def test_labels_that_do_not_match(fw: Any) -> None:
    x, y = tr.digits(6000)
    shuffled = np.random.default_rng(3).permutation(y)
    story = tr.told(fw, tr.mlp, tr.adam(1e-3), 320, data=(x, shuffled))
    assert kinds(story) == ["labels"]
    share = np.bincount(y) / len(y)
    assert one(story, "labels").values["guess"] == pytest.approx(-(share @ np.log(share)), rel=0.01)


def test_a_loss_that_stands_still(fw: Any) -> None:
    """A model whose output is cut to a constant."""

    def make(fw: Any) -> Any:
        class Cut(fw.nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.inner = tr.mlp(fw)

            def forward(self, x: Any) -> Any:
                return self.inner(x).clamp(5.0, 6.0)

        return Cut()

    assert kinds(tr.told(fw, make, count=320)) == ["no_gradient", "standing"]


@pytest.mark.filterwarnings("ignore")
def test_forgotten_zero_grad(fw: Any) -> None:
    found = one(tr.told(fw, tr.mlp, tr.sgd(0.01), zero=False), "zero_grad")
    assert found.values["count"] == 119


def test_gradients_gathered_on_purpose_are_no_forgotten_zero_grad(fw: Any) -> None:
    fw.manual_seed(0)
    model = tr.mlp(fw)
    optimizer = tr.adam()(fw, model)
    x, y = tr.digits()
    with gobhir.story(model, optimizer) as story:
        for k in range(0, 240, 2):
            optimizer.zero_grad()
            for half in (k, k + 1):
                rows = slice(4 * half, 4 * half + 4)
                loss = fw.nn.functional.cross_entropy(model(fw.tensor(x[rows])), fw.tensor(y[rows]))
                (loss / 2).backward()
            optimizer.step()
    assert story.findings == []
    assert story.diary.losses[0] == pytest.approx(math.log(10), rel=0.1)  # the halves together


def test_zero_grad_that_fills_in_zeros(fw: Any) -> None:
    fw.manual_seed(0)
    model = tr.mlp(fw)
    optimizer = tr.adam()(fw, model)

    def clear(k: int) -> None:
        for p in model.parameters():
            if p.grad is not None:
                p.grad.data.zero_()  # old programs do so; it leaves the version as it was

    with gobhir.story(model, optimizer) as story, warnings.catch_warnings(action="ignore"):
        tr.steps(fw, model, optimizer, 60, zero=False, before=clear)
    assert story.findings == []


def test_forgotten_train(fw: Any) -> None:
    fw.manual_seed(0)
    model = tr.cnn(fw)
    optimizer = tr.adam()(fw, model)
    with gobhir.story(model, optimizer) as story:
        tr.steps(fw, model, optimizer, 120, before=lambda k: model.eval() if k == 40 else None)
    assert one(story, "train_mode").values["count"] == 80


def validation(fw: Any, model: Any, mode: bool) -> Any:
    def check(k: int) -> None:
        if k % 30 == 29:
            model.train(mode)
            with fw.no_grad():
                for start in (0, 100, 200):
                    model(fw.tensor(tr.digits()[0][start : start + 100]))
            model.train()

    return check


def test_forgotten_eval(fw: Any) -> None:
    for mode in (True, False):
        fw.manual_seed(0)
        model = tr.cnn(fw)
        optimizer = tr.adam()(fw, model)
        with gobhir.story(model, optimizer, every=7) as story:
            tr.steps(fw, model, optimizer, 120, before=validation(fw, model, mode))
        assert kinds(story) == (["eval_mode"] if mode else [])


def test_softmax_twice(fw: Any) -> None:
    assert kinds(tr.told(fw, lambda fw: tr.mlp(fw, softmax=True))) == ["softmax_twice"]


@pytest.mark.filterwarnings("ignore")
def test_shapes_that_do_not_match(fw: Any) -> None:
    x, y = tr.digits()

    def make(fw: Any) -> Any:
        nn = fw.nn
        return nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1))

    data = (x, (y / 10).astype(np.float32))
    found = one(tr.told(fw, make, data=data, loss=fw.nn.MSELoss()), "broadcast")
    assert found.values == {"output": [32, 1], "target": [32]}


def test_parameters_that_never_move(fw: Any) -> None:
    class Net(fw.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.used = tr.mlp(fw)
            self.extra = fw.nn.Linear(64, 10)
            self.idle = fw.nn.Linear(3, 3)
            self.frozen = fw.nn.Linear(64, 10)
            self.frozen.requires_grad_(False)

        def forward(self, x: Any) -> Any:
            return self.used(x) + self.extra(x) + self.frozen(x)

    fw.manual_seed(0)
    model = Net()
    given = [p for name, p in model.named_parameters() if not name.startswith("extra")]
    optimizer = fw.optim.Adam(given, lr=1e-3)
    with gobhir.story(model, optimizer) as story:
        tr.steps(fw, model, optimizer, 60)
    found = {f.kind: (f.level, f.layers) for f in story.findings}
    assert found == {
        "unused": ("problem", ("idle.weight", "idle.bias")),
        "left_out": ("problem", ("extra.weight", "extra.bias")),
        "frozen": ("note", ("frozen.weight", "frozen.bias")),
    }


def test_a_learning_rate_of_zero(fw: Any) -> None:
    story = tr.told(fw, tr.mlp, tr.sgd(0.0), 60)
    assert len(one(story, "still").layers) == 6


# -- the first NaN ----


def broken(fw: Any, function: Any) -> Any:
    class Net(fw.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.body = fw.nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            return function(self.body(x))

    return Net()


def birth(fw: Any, function: Any) -> dict[str, Any]:
    story = tr.told(fw, lambda fw: broken(fw, function), count=5)
    found = one(story, "nan")
    assert (found.step, found.layers) == (1, ("body",))
    assert 0 in story.diary.records
    return found.values


def test_a_nan_born_going_forward(fw: Any) -> None:
    values = birth(fw, lambda z: fw.log(z))
    assert (values["phase"], values["op"]) == ("forward", "log")
    assert values["inputs"][0][0] < 0


def test_a_nan_that_began_as_infinity(fw: Any) -> None:
    values = birth(fw, lambda z: fw.log(fw.relu(z)) * 0.0)
    assert (values["op"], values["source"]) == ("mul", "log")


def test_a_nan_born_on_the_way_back(fw: Any) -> None:
    values = birth(fw, lambda z: fw.sqrt(z * 0.0))
    assert (values["phase"], values["op"]) == ("backward", "sqrt")


def test_a_nan_in_the_data(fw: Any) -> None:
    x, y = tr.digits()
    holed = x.copy()
    holed[:, 5] = np.where(np.arange(len(x)) % 100 == 50, np.nan, x[:, 5])
    story = tr.told(fw, tr.mlp, data=(holed, y))
    found = one(story, "nan")
    assert found.values["phase"] == "data" and found.layers == ("0",)
    assert story.diary.steps == found.step - 1


def test_a_nan_in_a_step_that_was_not_watched(fw: Any) -> None:
    x, y = tr.digits()
    story = tr.told(fw, tr.mlp, every=1000, data=(x * np.float32(np.nan), y), count=3)
    assert one(story, "nan").values["phase"] == "data"  # the first step always is
    fw.manual_seed(0)
    model = tr.mlp(fw)
    optimizer = tr.adam()(fw, model)

    def spoil(k: int) -> None:
        if k == 7:
            with fw.no_grad():
                model[0].weight.fill_(math.nan)

    with gobhir.story(model, optimizer, every=5) as story:
        tr.steps(fw, model, optimizer, 20, before=spoil)
    found = one(story, "nan")
    assert (found.values["phase"], found.step) == ("unseen", 8)


def test_masks_of_minus_infinity_are_no_birth(fw: Any) -> None:
    def make(fw: Any) -> Any:
        class Net(fw.nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.body = fw.nn.Linear(64, 11)

            def forward(self, x: Any) -> Any:
                z = self.body(x)
                return z.masked_fill(fw.arange(11) == 10, -math.inf)

        return Net()

    assert tr.told(fw, make, count=60).findings == []


# -- looking changes nothing ----


def numbers(fw: Any, model: Any, optimizer: Any) -> list[bytes]:
    tensors = [*model.state_dict().values()]
    tensors += [p.grad for p in model.parameters() if p.grad is not None]
    for p in model.parameters():
        tensors += [v for v in optimizer.state[p].values() if hasattr(v, "shape")]
    random = fw.get_rng_state()
    tensors += [random] if hasattr(random, "numpy") else []
    return [np.ascontiguousarray(t.detach().numpy()).tobytes() for t in tensors]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_training_is_the_same_to_the_last_bit(fw: Any, network: str) -> None:
    results = []
    for watched in (False, True):
        fw.manual_seed(7)
        model = NETWORKS[network](fw)
        optimizer = tr.sgd(0.05, momentum=0.9)(fw, model)
        if watched:
            with gobhir.story(model, optimizer, every=2):
                losses = tr.steps(fw, model, optimizer, 6)
        else:
            losses = tr.steps(fw, model, optimizer, 6)
        results.append((losses, numbers(fw, model, optimizer), fw.rand(3).tolist()))
        assert not any(getattr(m, "_forward_hooks", ()) for m in model.modules())
    assert results[0] == results[1]


# -- how it is used ----


def test_what_is_measured(fw: Any) -> None:
    """Norms and ratios of one step against the same, computed beside it."""
    fw.manual_seed(0)
    model = tr.mlp(fw)
    optimizer = tr.sgd(0.1)(fw, model)
    before = [p.detach().numpy().copy() for p in model.parameters()]
    with gobhir.story(model, optimizer) as story:
        losses = tr.steps(fw, model, optimizer, 1)
    row = story.diary.rows[0]
    for k, p in enumerate(model.parameters()):
        g = p.grad.numpy().astype(float)
        assert row.gradient[k] == pytest.approx(np.linalg.norm(g), rel=1e-5)
        assert row.weight[k] == pytest.approx(np.linalg.norm(before[k].astype(float)), rel=1e-5)
        assert row.update[k] == pytest.approx(0.1 * row.gradient[k], rel=1e-3)
    assert story.diary.losses == pytest.approx(losses)


def test_values_of_a_large_step_are_not_all_held(fw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gobhir.lift.listening.KEPT", 2_000)
    story = tr.told(fw, lambda fw: broken(fw, lambda z: fw.sqrt(z * 0.0)), count=3)
    assert one(story, "nan").values["phase"] == "backward"
    assert tr.told(fw, tr.mlp, count=30).findings == []


def test_every_so_manieth_step(fw: Any) -> None:
    story = tr.told(fw, tr.mlp, count=25, every=10)
    assert [row.step for row in story.diary.rows] == [0, 10, 20]
    assert len(story.diary.losses) == 25


def test_long_trainings_are_thinned(fw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gobhir.lift.diary.ROWS", 20)
    story = tr.told(fw, tr.mlp, count=100)
    steps = [row.step for row in story.diary.rows]
    assert len(steps) <= 21 and set(np.diff(steps)) == {story.diary.stride}
    assert len(story.diary.losses) == 100 and story.findings == []


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, RuntimeError])
def test_what_was_seen_stays(fw: Any, trouble: Any, tmp_path: Path) -> None:
    fw.manual_seed(0)
    model = tr.mlp(fw)
    optimizer = tr.adam()(fw, model)

    def stop(k: int) -> None:
        if k == 30:
            raise trouble

    story = gobhir.story(model, optimizer, to=tmp_path / "story.json")
    with pytest.raises(trouble), story:
        tr.steps(fw, model, optimizer, 60, before=stop)
    assert story.diary.steps == 30 and trouble.__name__ in story.text("en")
    kept = json.loads((tmp_path / "story.json").read_text(encoding="utf-8"))
    assert kept["steps"] == 30 and len(kept["losses"]) == 30
    before = story.diary.steps
    tr.steps(fw, model, optimizer, 3)  # it is over: nothing listens any more
    assert story.diary.steps == before


def test_in_fit(fw: Any) -> None:
    fw.manual_seed(0)
    model = tr.mlp(fw)
    story = gobhir.story()
    x, y = tr.digits()
    gobhir.fit(model, (x, y), "cross_entropy", "adam", 3, callbacks=[story], progress=False)
    assert story.diary.steps == 45 and story.findings == []
    assert all(row.update.all() for row in story.diary.rows)


def test_in_a_fit_that_diverges(fw: Any) -> None:
    model = broken(fw, lambda z: fw.log(z))
    story = gobhir.story()
    with pytest.raises(gobhir.training.Diverged):
        gobhir.fit(model, tr.digits(), "cross_entropy", "sgd", 3, callbacks=story, progress=False)
    assert kinds(story) == ["nan"] and "Diverged" in story.text("en")
    assert not any(getattr(m, "_forward_hooks", ()) for m in model.modules())


def test_several_models_and_optimizers(fw: Any) -> None:
    """Each story hears its own losses: a generator and its opponent."""
    fw.manual_seed(0)
    nn = fw.nn
    maker, judge = nn.Linear(4, 8), nn.Linear(8, 1)
    for_maker, for_judge = (tr.adam()(fw, m) for m in (maker, judge))
    bce = nn.BCEWithLogitsLoss()
    losses: dict[str, list[float]] = {"maker": [], "judge": []}
    first, second = gobhir.story(maker, for_maker), gobhir.story(judge, for_judge)
    with first, second:
        for _ in range(30):
            with fw.no_grad():
                fake = maker(fw.randn(16, 4))
            for_judge.zero_grad()
            loss = bce(judge(fw.randn(16, 8) + 1), fw.ones(16, 1)) + bce(
                judge(fake), fw.zeros(16, 1)
            )
            loss.backward()
            for_judge.step()
            losses["judge"].append(loss.item())
            for_maker.zero_grad()
            loss = bce(judge(maker(fw.randn(16, 4))), fw.ones(16, 1))
            loss.backward()
            for_maker.step()
            losses["maker"].append(loss.item())
    assert first.diary.losses == pytest.approx(losses["maker"])
    assert second.diary.losses == pytest.approx(losses["judge"])
    assert first.findings == second.findings == []


def test_lbfgs(fw: Any) -> None:
    fw.manual_seed(0)
    model = fw.nn.Linear(64, 10)
    optimizer = fw.optim.LBFGS(model.parameters(), max_iter=4)
    x, y = (fw.tensor(part[:200]) for part in tr.digits())

    def closure() -> Any:
        optimizer.zero_grad()
        loss = fw.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    with gobhir.story(model, optimizer) as story:
        losses = [optimizer.step(closure).item() for _ in range(5)]
    assert story.diary.losses == pytest.approx(losses)


def test_a_compiled_step_is_heard() -> None:
    gobhir.manual_seed(0)
    model = tr.mlp(gobhir)
    optimizer = tr.adam()(gobhir, model)
    x, y = (gobhir.tensor(part[:32]) for part in tr.digits())

    @gobhir.compile
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = gobhir.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(5):
        step(x, y)
    with gobhir.story(model, optimizer) as story:
        losses = [step(x, y).item() for _ in range(10)]
    assert story.diary.losses == pytest.approx(losses)
    assert len(story.diary.units) == 2


def test_a_compiled_pytorch_model_says_so() -> None:
    model = torch.compile(tr.mlp(torch), backend="eager")
    optimizer = tr.adam()(torch, model)
    with gobhir.story(model, optimizer) as story:
        losses = tr.steps(torch, model, optimizer, 5)
    assert story.diary.losses == pytest.approx(losses) and not story.diary.units
    assert catalogue("en")["story.page.compiled"] in story.text("en")


def test_a_compiled_part_of_a_loop_goes_on_working() -> None:
    """torch.compile sees hooks and modes; what it compiles must not have the story in it."""
    model = tr.mlp(torch)
    optimizer = tr.adam()(torch, model)
    x, y = (torch.tensor(part[:32]) for part in tr.digits())
    compiled = torch.compile(
        lambda x, y: torch.nn.functional.cross_entropy(model(x), y), backend="eager"
    )
    losses = []
    with gobhir.story(model, optimizer) as story:
        for _ in range(5):
            optimizer.zero_grad()
            loss = compiled(x, y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert story.diary.losses == pytest.approx(losses)
    assert story.diary.table("update").all()


def test_looked_into_while_a_story_is_told() -> None:
    """gobhir.explain inside a story leaves the story alone, and the other way round."""
    gobhir.manual_seed(0)
    model = tr.mlp(gobhir)
    optimizer = tr.sgd(0.1)(gobhir, model)
    x, y = (gobhir.tensor(part[:4]) for part in tr.digits())
    with gobhir.story(model, optimizer) as story:
        tr.steps(gobhir, model, optimizer, 2)
        gobhir.explain(model, x, y, gobhir.nn.CrossEntropyLoss())
        losses = tr.steps(gobhir, model, optimizer, 2)
    assert story.diary.losses[-2:] == pytest.approx(losses)


def test_bfloat16_and_sparse_gradients() -> None:
    nn = torch.nn
    model = nn.Sequential(nn.Embedding(50, 8, sparse=True), nn.Flatten(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gobhir.story(model, optimizer) as story:
        for _ in range(25):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(torch.randint(50, (16, 4))).square().mean()
            loss.backward()
            optimizer.step()
    assert story.findings == [] and len(story.diary.losses) == 25


# -- how it is told ----


def test_wrong_use() -> None:
    model = tr.mlp(gobhir)
    optimizer = tr.adam()(gobhir, model)
    with pytest.raises(TypeError, match="optimizer"):
        gobhir.story(model)
    with pytest.raises(ValueError, match="every"):
        gobhir.story(model, optimizer, every=0)
    with pytest.raises(TypeError, match="str"):
        gobhir.story("model", optimizer)
    with pytest.raises(TypeError, match="int"):
        gobhir.story(model, 3)
    with pytest.raises(ValueError, match=r"\.json"):
        gobhir.story(model, optimizer, to="story.doc")
    with pytest.raises(TypeError, match="with"), gobhir.story():
        pass
    story = gobhir.story(model, optimizer)
    with story:
        pass
    assert "optimizer.step" in story.text("en")
    tr.told(gobhir, tr.mlp, count=2)


def test_a_story_is_told_once() -> None:
    story = tr.told(gobhir, tr.mlp, count=2)
    with pytest.raises(RuntimeError, match="gobhir.story"), story:
        pass


def test_every_way_out(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        story = tr.told(torch, lambda fw: grown(tr.deep(fw, "ReLU"), 8), tr.sgd(0.01))
    suffixes = (".html", ".txt", ".json", ".png", ".svg", ".pdf")
    for suffix, lang in zip(suffixes, ["bn", "en"] * 3, strict=True):
        path = tmp_path / f"story_{lang}{suffix}"
        story.save(path, lang)
        assert path.stat().st_size > 200
    page = (tmp_path / "story_bn.html").read_text(encoding="utf-8")
    assert catalogue("bn")["story.exploding.title"] in page and "<svg" in page
    kept = json.loads((tmp_path / "story_bn.json").read_text(encoding="utf-8"))
    assert [f["kind"] for f in kept["findings"]] == [f.kind for f in story.findings]
    assert kept["records"]


def test_every_symptom_has_its_sentences() -> None:
    """All that any test here can find is told in both languages (the tests' own list of kinds)."""
    known = {key.split(".")[1] for key in catalogue("en") if key.startswith("story.")}
    assert len(known - {"page", "plot"}) == 28 and len(SYMPTOMS) == 21
    story = tr.told(gobhir, lambda fw: tr.deep(fw, "Sigmoid"), tr.sgd(0.1))
    for lang in LANGUAGES:
        text = story.text(lang)
        for kind in kinds(story):
            assert catalogue(lang)[f"story.{kind}.title"] in text
        assert "{" not in text
