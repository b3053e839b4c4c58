"""PyTorch under fit: precision, accumulation, devices, determinism, beside loops written out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import gobhir
from gobhir.training import History, Schedule, evaluate, fit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype(np.float32)
Y = X[:, :3].argmax(1)


def network(f: Any = torch) -> Any:
    f.manual_seed(1)
    return f.nn.Sequential(f.nn.Linear(6, 16), f.nn.Tanh(), f.nn.Linear(16, 3))


def weights(model: Any) -> np.ndarray:
    return np.concatenate([np.ravel(p.detach().numpy()) for p in model.parameters()])


def quiet(model: Any, data: Any, loss: Any = "cross_entropy", *args: Any, **s: Any) -> History:
    return fit(model, data, loss, *args, **({"progress": False} | s))


def in_order() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of 16; the last one has 2."""
    return zip(torch.tensor(X).split(16), torch.tensor(Y).split(16), strict=True)


@pytest.mark.parametrize(("precision", "narrow"), [("bf16", "bfloat16"), ("fp16", "float16")])
def test_mixed_precision_is_the_recipe(precision: str, narrow: str) -> None:
    """https://docs.pytorch.org/docs/stable/notes/amp_examples.html, with clipping."""
    written, loss = network(), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(written.parameters(), lr=0.3, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", enabled=precision == "fp16")
    totals, factors = [], []
    for _ in range(3):
        total = 0.0
        for x, y in in_order():
            optimizer.zero_grad()
            with torch.autocast("cpu", getattr(torch, narrow)):
                value = loss(written(x), y)
            scaler.scale(value).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(written.parameters(), 0.2)
            scaler.step(optimizer)
            scaler.update()
            total += value.item() * len(y)
        totals.append(total / 50)
        factors.append(scaler.get_scale())

    model, seen = network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)

    def look(run: Any) -> None:
        state = run.backend.state_dict()
        seen.append(state["scaler"]["scale"] if state else 1.0)

    history = quiet(
        model, (X, Y), "cross_entropy", optimizer, 3, callbacks=look, precision=precision,
        batch_size=16, shuffle=False, clip_norm=0.2, metrics="accuracy", validation=(X, Y),
    )  # fmt: skip
    assert history["loss"] == pytest.approx(totals, rel=1e-6) and seen == factors
    assert np.allclose(weights(model), weights(written), atol=1e-6)
    assert model[0].weight.dtype == torch.float32 and optimizer.state[model[0].weight]
    full = network()
    optimizer = torch.optim.SGD(full.parameters(), lr=0.3, momentum=0.9)
    settings: Any = {"batch_size": 16, "shuffle": False, "clip_norm": 0.2}
    assert quiet(full, (X, Y), "cross_entropy", optimizer, 3, **settings)["loss"] != totals
    # and the validation is measured in the same precision
    exact = evaluate(model, (X, Y), "cross_entropy")["loss"]
    assert history["val_loss"][-1] != exact
    assert history["val_loss"][-1] == pytest.approx(exact, rel=2e-2)


def test_a_step_whose_gradients_overflow_is_left_out() -> None:
    model = network()
    before = weights(model)
    quiet(model, (X, Y), lambda o, y: o.float().sum() * 1e4, "sgd", 1, lr=1.0, precision="fp16")
    assert np.array_equal(weights(model), before)


@pytest.mark.parametrize("f", [gobhir, torch], ids=["gobhir", "torch"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_accumulating_is_a_larger_batch(f: Any, reduction: str) -> None:
    """Three batches of 7 and one of 21; the last of 50 examples come as 7 + 1 and as 8."""
    found = []
    for size, times in ((7, 3), (21, 1)):
        model = network(f)
        loss = f.nn.CrossEntropyLoss(reduction=reduction)
        optimizer = f.optim.Adam(model.parameters(), lr=0.02)
        settings: Any = {"batch_size": size, "accumulate": times, "clip_norm": 0.5}
        history = quiet(model, (X, Y), loss, optimizer, 3, "accuracy", shuffle=False, **settings)
        found.append((weights(model), history))
    (small, few), (large, one) = found
    assert np.allclose(small, large, atol=1e-5)
    assert few["loss"][0] == pytest.approx(one["loss"][0], rel=1e-2)


def test_accumulating_as_it_is_written_by_hand() -> None:
    written, loss = network(), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(written.parameters(), lr=0.3)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    for i, (x, y) in enumerate(in_order()):
        if i < 3:  # the batch of two examples is one of a later group
            (loss(written(x), y) / 3).backward()
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
    x, y = list(in_order())[-1]
    loss(written(x), y).backward()
    optimizer.step()

    model, rates = network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    moves = Schedule(torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5), every="batch")
    quiet(
        model, (X, Y), loss, optimizer, 1, batch_size=16, shuffle=False, accumulate=3,
        scheduler=moves, callbacks=lambda run: rates.append(optimizer.param_groups[0]["lr"]),
    )  # fmt: skip
    assert np.allclose(weights(model), weights(written), atol=1e-6)
    assert optimizer.param_groups[0]["lr"] == 0.3 / 4, "moved on twice, not four times"


def test_a_stream_whose_length_nobody_knows_leaves_no_gradient_behind() -> None:
    class Stream:
        def __iter__(self) -> Any:
            return in_order()

    found = []
    for data in (Stream(), (X, Y)):
        model = network()
        settings: Any = {"batch_size": 16, "shuffle": False, "accumulate": 3, "lr": 0.3}
        quiet(model, data, "cross_entropy", "sgd", 2, **settings)
        found.append(weights(model))
    assert np.allclose(*found, atol=1e-7)


@pytest.mark.slow
def test_a_compiled_step_in_mixed_precision() -> None:
    found = []
    for compile in (False, {"backend": "eager"}):
        model = network()
        settings: Any = {"compile": compile, "precision": "bf16", "batch_size": 25, "lr": 0.3}
        quiet(model, (X, Y), "cross_entropy", "sgd", 2, clip_norm=0.5, seed=1, **settings)
        found.append(weights(model))
    assert np.allclose(*found, atol=1e-3)


class Noisy(Dataset[Any]):
    """Augmented by every kind of chance, in workers too."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, i: int) -> Any:
        shift = torch.randn(()).item() + float(np.random.randn())
        return X[i] + np.float32(0.01 * shift), Y[i]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_deterministic(workers: int) -> None:
    before = torch.get_deterministic_debug_mode(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    found = []
    for _ in range(2):
        inside: list[bool] = []

        def look(run: Any, inside: list[bool] = inside) -> None:
            inside.append(torch.are_deterministic_algorithms_enabled())

        model = network()
        np.random.seed(None)
        torch.seed()
        how: Any = {"num_workers": workers, "multiprocessing_context": "fork" if workers else None}
        data = DataLoader(Noisy(), 16, shuffle=True, **how)
        run = quiet(model, data, epochs=2, callbacks=look, deterministic=True)
        found.append((run["loss"], weights(model).tolist()))
        assert inside == [True, True]
    assert found[0] == found[1]
    now = torch.get_deterministic_debug_mode(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    assert now == before and not torch.are_deterministic_algorithms_enabled()


def test_what_cannot_be_done_the_same_way_twice() -> None:
    def loss(output: Any, target: Any) -> Any:
        return output.clone().put_(torch.tensor([0, 0]), output[0, :2]).sum()

    quiet(network(), (X, Y), loss)
    with pytest.raises(RuntimeError, match="deterministic"):
        quiet(network(), (X, Y), loss, deterministic=True)
    assert not torch.are_deterministic_algorithms_enabled(), "as it was, after trouble too"


def test_devices() -> None:
    for name in ("cpu", None, "auto"):
        model = network()
        quiet(model, (X, Y), device=name)
        fastest = "cuda" if torch.cuda.is_available() else "cpu"
        if torch.backends.mps.is_available() and fastest == "cpu":
            fastest = "mps"
        assert model[0].weight.device.type == (fastest if name == "auto" else "cpu")
    assert quiet(network(gobhir), (X, Y), device="auto").stopped == "done"
    if not torch.cuda.is_available():  # then it is called as it was asked for, without a number
        with pytest.raises(ValueError, match='"cuda"'):
            quiet(network(), (X, Y), device="cuda")


REFUSED: dict[str, Any] = {
    "device": (torch, {"device": "tpu"}),
    "device_one": (gobhir, {"device": "cuda"}),
    "precision": (torch, {"precision": "fp8"}),
    "precision_one": (gobhir, {"precision": "bf16"}),
    "accumulate": (torch, {"accumulate": 0}),
    "accumulate_alone": (gobhir, {"accumulate": 2, "compile": True}),
    "searching": (torch, {"precision": "fp16", "optimizer": torch.optim.LBFGS}),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_refused(why: str) -> None:
    f, settings = REFUSED[why]
    with pytest.raises(ValueError) as caught:
        quiet(network(f), (X, Y), **settings)
    assert caught.value.args[0].key == f"errors.training.{why}"


def test_several_processes_are_for_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError) as caught:
        quiet(network(gobhir), (X, Y))
    assert caught.value.args[0].key == "errors.training.processes_one"
