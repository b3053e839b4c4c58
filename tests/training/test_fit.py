"""fit beside the training loop written out, on Gobhir and on PyTorch."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.lang import use_language
from gobhir.training import (
    Callback,
    EarlyStopping,
    History,
    KeepBest,
    Run,
    Schedule,
    evaluate,
    fit,
    predict,
)
from gobhir.training.history import title
from gobhir.training.metrics import Accuracy

FRAMEWORKS = [gobhir, torch]
both = pytest.mark.parametrize("f", FRAMEWORKS, ids=["gobhir", "torch"])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype(np.float32)
Y = X[:, :3].argmax(1)


def network(f: Any, dropout: float = 0.0) -> Any:
    f.manual_seed(1)
    layers = [f.nn.Linear(6, 8), f.nn.Tanh(), f.nn.Linear(8, 3)]
    if dropout:
        layers.insert(2, f.nn.Dropout(dropout))
    return f.nn.Sequential(*layers)


def weights(model: Any) -> list[np.ndarray]:
    return [np.array(p.detach().numpy()) for p in model.parameters()]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


def quiet(*args: Any, **settings: Any) -> History:
    return fit(*args, **({"progress": False, "compile": False} | settings))


@both
def test_it_is_the_loop_written_out(f: Any) -> None:
    data = f.utils.data.TensorDataset(f.tensor(X), f.tensor(Y))
    written = network(f)
    optimizer = f.optim.SGD(written.parameters(), lr=0.2, momentum=0.9)
    function = f.nn.CrossEntropyLoss()
    f.manual_seed(5)
    rows = []
    for _ in range(3):
        total = hits = 0.0
        for x, y in f.utils.data.DataLoader(data, 16, shuffle=True):
            optimizer.zero_grad()
            output = written(x)
            loss = function(output, y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
            hits += float((output.argmax(1) == y).sum())
        rows.append((total / 50, hits / 50))

    model = network(f)
    optimizer = f.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    run = quiet(model, data, function, optimizer, 3, "accuracy", batch_size=16, seed=5)
    assert same(weights(model), weights(written))
    assert run["loss"] == [r[0] for r in rows] and run["accuracy"] == [r[1] for r in rows]
    assert run.stopped == "done" and run["epoch"] == [1, 2, 3] and run["lr"] == [0.2] * 3


def test_both_frameworks_learn_the_same() -> None:
    found = []
    for f in FRAMEWORKS:
        model = network(f)
        run = quiet(model, (X, Y), "cross_entropy", "adam", 3, ["accuracy"], lr=0.01, seed=2)
        found.append((run["loss"] + run["accuracy"], np.asarray(predict(model, X))))
    (mine, outputs), (theirs, their_outputs) = found
    assert mine == pytest.approx(theirs, rel=1e-5)
    assert np.allclose(outputs, their_outputs, atol=1e-5)


def forms(f: Any) -> dict[str, Any]:
    tools = f.utils.data
    tensors = f.tensor(X), f.tensor(Y)
    return {
        "arrays": (X, Y),
        "float64 and lists": (X.astype(np.float64), Y.tolist()),
        "small whole numbers": (X, Y.astype(np.int8)),
        "tensors": tensors,
        "data set": tools.TensorDataset(*tensors),
        "examples": [(x, int(y)) for x, y in zip(X, Y, strict=True)],
        "examples of lists": [[x, y] for x, y in zip(X.tolist(), Y.tolist(), strict=True)],
        "loader": tools.DataLoader(tools.TensorDataset(*tensors), 16, shuffle=True),
        "other framework": (gobhir.tensor(X), gobhir.tensor(Y))
        if f is torch
        else (torch.tensor(X), torch.tensor(Y)),
    }


@both
@pytest.mark.parametrize("form", forms(gobhir))
def test_data_in_every_form(f: Any, form: str) -> None:
    expected = network(f)
    quiet(expected, (X, Y), "cross_entropy", epochs=2, batch_size=16, seed=1)
    model = network(f)
    data = forms(f)[form]
    quiet(model, data, "cross_entropy", epochs=2, batch_size=16, seed=1, validation=(X, Y))
    assert same(weights(model), weights(expected)), "and validation takes no random numbers"
    assert evaluate(model, data, "cross_entropy")["loss"] == pytest.approx(
        evaluate(model, (X, Y), "cross_entropy")["loss"]
    )
    assert tuple(predict(model, data).shape) == (50, 3)


@both
def test_streams_own_batches_and_autoencoders(f: Any) -> None:
    class Stream(f.utils.data.IterableDataset):  # type: ignore[name-defined, misc]
        def __iter__(self) -> Iterator[Any]:
            return iter(zip(X, Y, strict=True))

    class Batches:
        def __iter__(self) -> Iterator[Any]:
            return ((X[i : i + 25], Y[i : i + 25]) for i in (0, 25))

    for data, size in ((Stream(), 25), (Batches(), 3)):
        model = network(f)
        run = quiet(model, data, "cross_entropy", epochs=2, batch_size=size)
        assert run["loss"][1] < run["loss"][0]
    model = f.nn.Linear(6, 6)
    run = quiet(model, X, "mse", epochs=5, lr=0.05)
    assert run["loss"][-1] < run["loss"][0] and tuple(predict(model, X).shape) == (50, 6)


@both
def test_batches_do_not_run_into_each_other(f: Any) -> None:
    outputs = predict(f.nn.Identity(), X, batch_size=7)
    assert np.array_equal(np.asarray(outputs), X)
    seen = []

    class Keep(f.nn.Linear):  # type: ignore[name-defined, misc]
        def forward(self, x: Any) -> Any:
            seen.append(np.array(x.detach().numpy()))
            return super().forward(x)

    settings: Any = {"batch_size": 8, "seed": 3, "epochs": 2}
    quiet(Keep(6, 3), (X, Y), "cross_entropy", **settings)
    rows = [{tuple(r) for r in np.concatenate(seen[i : i + 7]).tolist()} for i in (0, 7)]
    assert rows[0] == rows[1] == {tuple(r) for r in X.tolist()}
    one_by_one = list(zip(X, Y, strict=True))
    expected, seen[:] = list(seen), []
    quiet(Keep(6, 3), one_by_one, "cross_entropy", **settings)
    assert all(np.array_equal(a, b) for a, b in zip(seen, expected, strict=True))


@both
def test_several_inputs(f: Any) -> None:
    class Sum(f.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = f.nn.Linear(6, 1), f.nn.Linear(6, 1)

        def forward(self, x: Any, z: Any) -> Any:
            return self.a(x) + self.b(z)

    model = Sum()
    target = (X[:, :1] - 2 * X[:, 1:2]).astype(np.float32)
    run = quiet(model, (X, X[::-1].copy(), target), "mse", "adam", 20, "r2", lr=0.05)
    assert run["r2"][-1] > 0.5
    with pytest.raises(ValueError, match="50.*49"):
        quiet(model, (X, X[:49], target), "mse")


@both
def test_whole_numbers_as_targets_of_a_regression(f: Any) -> None:
    model = f.nn.Linear(6, 1)
    quiet(model, (X, Y[:, None]), "mse", epochs=1)
    quiet(model, (X, (Y[:, None] > 0)), "bce_with_logits", epochs=1, metrics="accuracy")


@both
def test_validation_and_modes(f: Any) -> None:
    seen = []

    class Watch(Callback):
        def on_batch_begin(self, run: Run) -> None:
            seen.append([m.training for m in run.model.modules()])

    model = network(f, dropout=0.5)
    model.eval()
    start = weights(model)
    run = quiet(
        model, (X, Y), "cross_entropy", "adam", 2, "accuracy", Watch(), validation=(X, Y), seed=0
    )
    assert seen and all(all(modes) for modes in seen)
    assert not any(m.training for m in model.modules()), "as it was before"
    assert not same(weights(model), start)
    # validated without dropout, with the weights after the epoch
    again = evaluate(model, (X, Y), "cross_entropy", "accuracy")
    assert run["val_loss"][-1] == again["loss"] and run["val_accuracy"][-1] == again["accuracy"]
    assert run["val_loss"] != run["loss"]

    model.train()
    model[0].eval()  # a frozen part stays frozen
    seen.clear()
    quiet(model, (X, Y), "cross_entropy", callbacks=[Watch()])
    assert seen[0] == [m is not model[0] for m in model.modules()]
    assert [m.training for m in model.modules()] == seen[0]
    evaluate(model, (X, Y), "cross_entropy")
    assert [m.training for m in model.modules()] == seen[0]


@both
def test_a_share_kept_for_validation(f: Any) -> None:
    counted = []

    def count(run: Run) -> None:
        counted.append(run.row["val_accuracy"] * 10)

    for seed in (3, 3, 4):
        settings: Any = {"validation": 0.2, "seed": seed, "metrics": "accuracy"}
        quiet(network(f), (X, Y), "cross_entropy", callbacks=count, **settings)
    assert all(c == pytest.approx(round(c)) for c in counted), "of 10 examples"
    assert counted[0] == counted[1]
    with pytest.raises(ValueError, match="0.2"):
        quiet(network(f), (X, Y), "cross_entropy", validation=1.5)


@both
def test_seeds_repeat_to_the_bit(f: Any) -> None:
    found = []
    for seed in (1, 1, 2):
        model = network(f, dropout=0.3)
        quiet(model, (X, Y), "cross_entropy", epochs=2, batch_size=8, seed=seed)
        found.append(weights(model))
    assert same(found[0], found[1]) and not same(found[0], found[2])


class Told(Callback):
    def __init__(self) -> None:
        self.moments: list[str] = []

    def on_fit_begin(self, run: Run) -> None:
        self.moments.append("fit")

    def on_epoch_begin(self, run: Run) -> None:
        self.moments.append(f"epoch {run.epoch}")

    def on_batch_begin(self, run: Run) -> None:
        self.moments.append("batch")

    def on_batch_end(self, run: Run) -> None:
        assert math.isfinite(run.batch_loss) and run.batches == 2
        self.moments.append(f"batch {run.batch}")

    def on_epoch_end(self, run: Run) -> None:
        assert run.row is run.history.rows[-1]
        self.moments.append("epoch")

    def on_fit_end(self, run: Run) -> None:
        self.moments.append("end")


@both
def test_callbacks(f: Any) -> None:
    told, rows = Told(), []
    quiet(
        network(f), (X, Y), "cross_entropy", epochs=2, batch_size=25,
        callbacks=[told, lambda run: rows.append(dict(run.row))],
    )  # fmt: skip
    batches = ["batch", "batch 1", "batch", "batch 2"]
    epochs = ["epoch 1", *batches, "epoch", "epoch 2", *batches, "epoch"]
    assert told.moments == ["fit", *epochs, "end"]
    assert [r["epoch"] for r in rows] == [1, 2]

    def stop(run: Run) -> None:
        run.stop()

    run = quiet(network(f), (X, Y), "cross_entropy", epochs=5, callbacks=stop)
    assert len(run) == 1 and run.stopped == "callback"


class Script(Callback):
    """Gives the model weights whose validation loss follows a script."""

    def __init__(self, values: list[float]):
        self.values = values

    def on_epoch_end(self, run: Run) -> None:
        run.row["val_loss"] = self.values[run.epoch - 1]


@both
def test_early_stopping(f: Any) -> None:
    values = [3.0, 2.0, 1.5, 1.6, 1.5, 1.45, 1.4]
    kept = []

    def keep(run: Run) -> None:
        kept.append(weights(run.model))

    def run(stopping: EarlyStopping) -> tuple[History, Any]:
        kept.clear()
        model = network(f)
        callbacks = [Script(values), keep, stopping]
        return quiet(model, (X, Y), "cross_entropy", epochs=7, callbacks=callbacks), model

    history, model = run(EarlyStopping(2))
    assert len(history) == 5 and history.stopped == "early" and history.best()["epoch"] == 3
    assert same(weights(model), kept[2])
    history, model = run(EarlyStopping(2, restore_best=False))
    assert same(weights(model), kept[4])
    history, model = run(EarlyStopping(3))
    assert len(history) == 7 and history.stopped == "done" and same(weights(model), kept[6])
    history, model = run(EarlyStopping(2, min_delta=0.6))
    assert len(history) == 4 and same(weights(model), kept[1]), "2.0 to 1.5 is not enough"
    history, model = run(EarlyStopping(1, monitor="loss", mode="max"))
    assert len(history) == 2 and same(weights(model), kept[0])
    with pytest.raises(ValueError, match="mode"):
        EarlyStopping(monitor="my_own")
    with pytest.raises(KeyError, match="val_f1"):
        run(EarlyStopping(monitor="val_f1"))


@both
def test_schedules(f: Any) -> None:
    def run(make: Any, **settings: Any) -> tuple[list[float], list[float]]:
        model = network(f)
        optimizer = f.optim.SGD(model.parameters(), lr=0.1)
        seen = []

        class Watch(Callback):
            def on_batch_begin(self, run: Run) -> None:
                seen.append(run.optimizer.param_groups[0]["lr"])

        schedule = make(optimizer)
        history = quiet(
            model, (X, Y), "cross_entropy", optimizer, 3, (), Watch(),
            batch_size=25, scheduler=schedule, **settings,
        )  # fmt: skip
        return history["lr"], seen

    s = f.optim.lr_scheduler
    at_end, seen = run(lambda o: s.StepLR(o, 1, gamma=0.5))
    assert at_end == pytest.approx([0.1, 0.05, 0.025])
    assert seen == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025])
    _, seen = run(lambda o: Schedule(s.ExponentialLR(o, 0.5), every="batch"))
    assert seen == pytest.approx([0.1 * 0.5**i for i in range(6)])
    _, seen = run(lambda o: s.OneCycleLR(o, max_lr=1.0, total_steps=6))
    assert max(seen) > 0.9 and seen[-1] < 0.01, "moved on by itself after each batch"
    flat = {"patience": 0, "threshold": 10.0, "threshold_mode": "abs"}
    _, seen = run(lambda o: s.ReduceLROnPlateau(o, **flat), validation=(X, Y))
    assert seen == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.01, 0.01])
    with pytest.raises(TypeError):
        run(lambda o: "step")


@both
def test_clipping(f: Any) -> None:
    for clip, limit in ((0.01, None), (None, 0.002)):
        model = network(f)
        before = weights(model)
        optimizer = f.optim.SGD(model.parameters(), lr=1.0)
        settings: Any = {"clip_norm": clip, "clip_value": limit, "batch_size": 50}
        quiet(model, (X, Y), "cross_entropy", optimizer, 1, **settings)
        moved = np.concatenate(
            [(a - b).ravel() for a, b in zip(weights(model), before, strict=True)]
        )
        if clip:
            assert np.linalg.norm(moved) == pytest.approx(clip, rel=1e-3)
        else:
            assert np.abs(moved).max() == pytest.approx(limit, rel=1e-3)


@both
def test_an_optimizer_that_searches(f: Any) -> None:
    model = network(f)
    optimizer = f.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)
    settings: Any = {"batch_size": 50, "compile": "auto"}
    run = quiet(model, (X, Y), "cross_entropy", optimizer, 4, "accuracy", **settings)
    assert run["loss"][-1] < 0.5 * run["loss"][0] and run["accuracy"][-1] > 0.9


@both
def test_metrics_of_one_s_own(f: Any) -> None:
    def confidence(output: Any, target: Any) -> Any:
        return output.max(1)[0].mean()

    run = quiet(
        network(f), (X, Y), "cross_entropy", epochs=1, validation=(X, Y),
        metrics={
            "acc": Accuracy(), "sure": confidence, "table": "confusion_matrix", "curves": "roc"
        },
    )  # fmt: skip
    assert {"acc", "val_acc", "sure", "val_sure"} <= set(run.names)
    assert run.results["table"].sum() == run.results["val_table"].sum() == 50
    assert len({len(curve.fpr) for curve in run.results["curves"]}) > 1
    found = evaluate(network(f), (X, Y), metrics=["f1", "roc"])
    assert "loss" not in found and len(found["roc"]) == 3


@both
def test_a_loss_that_is_a_sum(f: Any) -> None:
    mean = quiet(f.nn.Linear(6, 1), (X, X[:, :1]), f.nn.MSELoss(), epochs=0)
    assert len(mean) == 0 and mean.stopped == "done"
    model = f.nn.Linear(6, 1)
    values = [
        evaluate(model, (X, X[:, :1]), f.nn.MSELoss(reduction=how), batch_size=16)["loss"]
        for how in ("mean", "sum")
    ]
    assert values[0] == pytest.approx(values[1])


class Press(Callback):
    """Presses Ctrl-C in the middle of a batch."""

    def __init__(self, epoch: int, batch: int = 1):
        self.at = epoch, batch

    def on_batch_begin(self, run: Run) -> None:
        if (run.epoch, run.batch) == self.at:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def listening() -> Iterator[None]:
    """Ctrl-C is heard, also where the tests were started in the background with it shut off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@both
@pytest.mark.usefixtures("listening")
def test_ctrl_c(f: Any, capsys: pytest.CaptureFixture[str]) -> None:
    kept = []

    def keep(run: Run) -> None:
        kept.append(weights(run.model))

    before = signal.getsignal(signal.SIGINT)
    model = network(f)
    # 3 is the best of the four epochs that ended
    callbacks = [Script([3.0, 2.0, 1.0, 4.0, 0.0]), keep, KeepBest(restore=False), Press(5)]
    run = quiet(model, (X, Y), "cross_entropy", epochs=9, batch_size=16, callbacks=callbacks)
    assert run.stopped == "interrupted" and len(run) == 4
    assert same(weights(model), kept[2]) and model.training
    assert "3" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before

    class Slow:
        """Validation data during which Ctrl-C is pressed."""

        def __iter__(self) -> Iterator[Any]:
            os.kill(os.getpid(), signal.SIGINT)
            yield X, Y
            raise AssertionError("it goes on")

    run = quiet(network(f), (X, Y), "cross_entropy", epochs=9, validation=Slow())
    assert run.stopped == "interrupted" and len(run) == 0

    model = network(f)
    start = weights(model)
    run = quiet(model, (X, Y), "cross_entropy", epochs=9, batch_size=16, callbacks=Press(1))
    assert len(run) == 0 and not same(weights(model), start), "what was learned so far stays"


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_plain_lines(lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    use_language(lang)
    try:
        settings: Any = {"validation": (X, Y), "callbacks": EarlyStopping(1, min_delta=9.0)}
        fit(network(gobhir), (X, Y), "cross_entropy", epochs=4, metrics="accuracy", **settings)
    finally:
        use_language(None)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3, "an epoch each, and why it stopped"
    assert lines[0].startswith({"bn": "ইপক 1/4 · লস ", "en": "epoch 1/4 · loss "}[lang])
    assert {"bn": "ভ্যালিডেশন অ্যাকুরেসি", "en": "validation accuracy"}[lang] in lines[0]


def test_the_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from gobhir.training import progress

    monkeypatch.setattr(progress, "_PAUSE", 0.0)
    shown = []
    real = progress.Bar.show

    def show(self: Any, run: Run, found: dict[str, Any]) -> None:
        shown.append(progress.figures(found))
        real(self, run, found)

    monkeypatch.setattr(progress.Bar, "show", show)
    settings: Any = {"progress": "bar", "batch_size": 10, "metrics": "accuracy"}
    fit(network(gobhir), (X, Y), "cross_entropy", epochs=2, **settings)
    assert len(shown) == 10 and all("loss" in s and "accuracy" in s for s in shown)
    out = capsys.readouterr().out
    assert "epoch 1/2 · loss" in out and "epoch 2/2 · loss" in out


REFUSED: dict[str, Any] = {
    "loss": (ValueError, "training.loss", lambda f, m: quiet(m, (X, Y), "crossentropy")),
    "loss type": (TypeError, "training.loss_type", lambda f, m: quiet(m, (X, Y), 3)),
    "optimizer": (ValueError, "training.optimizer", lambda f, m: quiet(m, (X, Y), "mse", "adamm")),
    "optimizer type": (
        TypeError,
        "training.optimizer_type",
        lambda f, m: quiet(m, (X, Y), "mse", 3),
    ),
    "optimizer of another": (
        ValueError,
        "training.foreign_optimizer",
        lambda f, m: quiet(m, (X, Y), "mse", f.optim.SGD(network(f).parameters(), lr=0.1)),
    ),
    "lr twice": (
        ValueError,
        "training.lr_twice",
        lambda f, m: quiet(m, (X, Y), "mse", f.optim.SGD(m.parameters(), lr=0.1), lr=0.1),
    ),
    "callback": (TypeError, "training.callback", lambda f, m: quiet(m, (X, Y), "mse", callbacks=3)),
    "model": (TypeError, "training.model", lambda f, m: quiet(lambda x: x, (X, Y), "mse")),
    "epochs": (ValueError, "training.epochs", lambda f, m: quiet(m, (X, Y), "mse", epochs=-1)),
    "half an epoch": (
        ValueError,
        "training.epochs",
        lambda f, m: quiet(m, (X, Y), "mse", epochs=1.5),
    ),
    "compile": (
        ValueError,
        "training.compile",
        lambda f, m: quiet(m, (X, Y), "mse", compile="yes"),
    ),
    "nothing to learn": (
        ValueError,
        "training.nothing_learns",
        lambda f, m: quiet(f.nn.ReLU(), (X, X), "mse"),
    ),
    "share of nothing": (
        ValueError,
        "training.share_empty",
        lambda f, m: quiet(m, (X, Y), "mse", validation=0.001),
    ),
    "scheduler of another": (
        ValueError,
        "training.foreign_scheduler",
        lambda f, m: quiet(
            m,
            (X, Y),
            "mse",
            scheduler=f.optim.lr_scheduler.StepLR(f.optim.SGD(m.parameters(), lr=0.1), 1),
        ),
    ),
    "metric as loss": (
        ValueError,
        "training.metric_name",
        lambda f, m: quiet(m, (X, Y), "cross_entropy", metrics={"loss": "accuracy"}),
    ),
    "quantities as classes": (
        ValueError,
        "metrics.labels",
        lambda f, m: quiet(f.nn.Linear(6, 1), (X, X[:, :1]), "mse", metrics="accuracy"),
    ),
    "classes as quantities": (
        ValueError,
        "metrics.numbers",
        lambda f, m: quiet(m, (X, Y), "cross_entropy", metrics="mse"),
    ),
    "examples as dictionaries": (
        TypeError,
        "training.batch",
        lambda f, m: quiet(m, [{"x": x, "y": y} for x, y in zip(X, Y, strict=True)], "mse"),
    ),
    "several results measured": (
        TypeError,
        "training.result",
        lambda f, m: quiet(Twice(f), (X, Y), lambda out, y: out[0].sum(), metrics="accuracy"),
    ),
    "named results joined": (
        TypeError,
        "training.result",
        lambda f, m: predict(Twice(f, named=True), X),
    ),
    "no epoch": (
        IndexError,
        "training.no_epoch",
        lambda f, m: quiet(m, (X, Y), "mse", epochs=0).best(),
    ),
    "no picture": (
        IndexError,
        "training.no_epoch",
        lambda f, m: quiet(m, (X, Y), "mse", epochs=0).plot(),
    ),
    "no curve": (
        KeyError,
        "training.column",
        lambda f, m: quiet(m, (X, Y), "cross_entropy").plot(names=["accuracy"]),
    ),
    "empty": (ValueError, "training.empty", lambda f, m: quiet(m, (X[:0], Y[:0]), "mse")),
    "no batch": (ValueError, "training.empty", lambda f, m: quiet(m, LeftOut(f), "mse")),
    "used up": (TypeError, "training.used_up", lambda f, m: quiet(m, iter([(X, Y)]), "mse")),
    "data": (TypeError, "training.data", lambda f, m: quiet(m, 3, "mse")),
    "progress": (
        ValueError,
        "training.progress",
        lambda f, m: quiet(m, (X, Y), "mse", progress="loud"),
    ),
    "resume": (ValueError, "training.resume", lambda f, m: quiet(m, (X, Y), "mse", resume=True)),
    "metric twice": (
        ValueError,
        "training.metric_twice",
        lambda f, m: quiet(m, (X, Y), "mse", metrics=["accuracy", Accuracy]),
    ),
    "nothing to predict": (ValueError, "training.empty", lambda f, m: predict(m, X[:0])),
    "column": (
        KeyError,
        "training.column",
        lambda f, m: quiet(m, (X, Y), "cross_entropy")["accuracy"],
    ),
}


def Twice(f: Any, named: bool = False) -> Any:
    class Module(f.nn.Linear):  # type: ignore[name-defined, misc]
        def forward(self, x: Any) -> Any:
            out = super().forward(x)
            return {"out": out} if named else (out, out)

    return Module(6, 3)


def LeftOut(f: Any) -> Any:
    data = f.utils.data.TensorDataset(f.tensor(X), f.tensor(Y))
    return f.utils.data.DataLoader(data, 64, drop_last=True)


@both
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trained(f: Any, case: str) -> None:
    kind, why, program = REFUSED[case]
    with pytest.raises(kind) as caught:
        program(f, network(f))
    assert caught.value.args[0].key == f"errors.{why}"


@both
def test_classes_are_as_good_as_names(f: Any) -> None:
    runs = []
    for loss, optimizer in (("cross_entropy", "sgd"), (f.nn.CrossEntropyLoss, f.optim.SGD)):
        runs.append(quiet(network(f), (X, Y), loss, optimizer, 2, lr=0.1, seed=1)["loss"])
    assert runs[0] == runs[1]


def test_history() -> None:
    run = History([{"epoch": i + 1, "loss": 1 / (i + 1), "f1": i / 20} for i in range(20)])
    assert run.best()["epoch"] == 20 == run.best("f1")["epoch"]
    assert len(list(run)) == len(run) == 20 and run.last["f1"] == 0.95
    text = repr(run).splitlines()
    assert "f1" in text[0] and len(text) == 12 and text[-1].split()[0] == "20"
    header, row = repr(History([{"epoch": 1, "average_precision": 0.5}])).splitlines()
    assert len(header) == len(row), "long names push no number out of its column"
    assert repr(History()) == "History(running)"
    assert title("val_top_3", "en") == "validation top-3 accuracy" and title("mine", "bn") == "mine"
    assert math.isnan(History([{"loss": 1.0}, {"f1": 1.0}])["f1"][0])


def test_light() -> None:
    import subprocess
    import sys

    program = (
        "import sys, gobhir.training; "
        "print(sorted({'torch', 'rich', 'matplotlib'} & {m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
    assert gobhir.fit is fit


class Replays(Callback):
    """Looks at what gobhir.compile made of the step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.made: list[Any] = []
        real = gobhir.compile
        monkeypatch.setattr(
            gobhir, "compile", lambda step, **s: self.made.append(real(step, **s)) or self.made[-1]
        )


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_compiled_step_learns_the_same(dropout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    watch = Replays(monkeypatch)
    for compile in (False, "auto", True, {"verbose": False}):
        model = network(gobhir, dropout)
        optimizer = gobhir.optim.Adam(model.parameters(), lr=0.01)
        schedule = gobhir.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.1)
        run = quiet(
            model, (X, Y), "cross_entropy", optimizer, 6, "accuracy", EarlyStopping(9),
            validation=(X, Y), batch_size=16, seed=4, compile=compile, scheduler=schedule,
            clip_norm=0.5,
        )  # fmt: skip
        found.append((run["loss"] + run["val_loss"] + run["accuracy"], weights(model)))
    assert len(watch.made) == 3 and all(one.reason is None for one in watch.made)
    for numbers, learned in found[1:]:
        assert numbers == pytest.approx(found[0][0], rel=1e-4)
        for a, b in zip(learned, found[0][1], strict=True):
            assert np.abs(a - b).max() <= 1e-4 * np.abs(b).max()


@both
def test_a_function_may_make_the_scheduler(f: Any) -> None:
    def halves(optimizer: Any) -> Any:
        return f.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)

    run = quiet(network(f), (X, Y), "cross_entropy", "sgd", 3, lr=0.4, scheduler=halves)
    assert run["lr"] == [0.4, 0.2, 0.1]
