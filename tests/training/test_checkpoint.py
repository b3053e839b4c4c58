"""Checkpoints: a run that was cut off goes on as if nothing had happened, bit for bit."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.training import Callback, Checkpoint, EarlyStopping, Run, fit

FRAMEWORKS = [gobhir, torch]
both = pytest.mark.parametrize("f", FRAMEWORKS, ids=["gobhir", "torch"])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype(np.float32)
Y = X[:, :3].argmax(1)


class Cut(BaseException):
    """The plug is pulled."""


class PullThePlug(Callback):
    def __init__(self, epoch: int):
        self.epoch = epoch

    def on_batch_end(self, run: Run) -> None:
        if (run.epoch, run.batch) == (self.epoch, 2):
            raise Cut


class Noise(Callback):
    """Uses every kind of chance there is, as a learner's augmentation would."""

    def on_batch_begin(self, run: Run) -> None:
        amount = random.random() + float(np.random.rand()) + float(np.random.randn())
        for group in run.optimizer.param_groups:
            group["weight_decay"] = abs(amount) / 100


def network(f: Any) -> Any:
    f.manual_seed(1)
    n = f.nn
    return n.Sequential(n.Linear(6, 8), n.BatchNorm1d(8), n.Tanh(), n.Dropout(0.2), n.Linear(8, 3))


def state(model: Any) -> dict[str, np.ndarray]:
    return {k: np.array(v.detach().numpy()) for k, v in model.state_dict().items()}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(a[k], b[k]) for k in a) and set(a) == set(b)


SCHEDULERS: dict[str, Any] = {
    "none": lambda s, o: None,
    "multi-step": lambda s, o: s.MultiStepLR(o, [2, 4]),
    "one-cycle": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=24),
    "plateau": lambda s, o: s.ReduceLROnPlateau(o, patience=0),
    "sequence": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, total_iters=2), s.CosineAnnealingLR(o, 4)], [2]
    ),
}


def train(f: Any, kind: str, scheduler: str, model: Any, epochs: int = 6, **settings: Any) -> Any:
    make = {
        "adam": lambda p: f.optim.Adam(p, lr=0.01, amsgrad=True),
        "sgd": lambda p: f.optim.SGD(p, lr=0.1, momentum=0.9),
        "groups": lambda p: f.optim.RMSprop([{"params": [q], "lr": 0.001} for q in p]),
    }
    optimizer = make[kind](list(model.parameters()))
    f.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    # a loader with a generator of its own: that has to be kept too
    own = f.Generator().manual_seed(9)
    rows = f.utils.data.TensorDataset(f.tensor(X), f.tensor(Y))
    data = f.utils.data.DataLoader(rows, 16, shuffle=True, generator=own)
    settings = {"progress": False, "validation": (X, Y), "metrics": "accuracy"} | settings
    moves = SCHEDULERS[scheduler](f.optim.lr_scheduler, optimizer)
    return fit(model, data, "cross_entropy", optimizer, epochs, scheduler=moves, **settings)


@pytest.mark.slow
@both
@pytest.mark.parametrize(
    ("kind", "scheduler"),
    [("adam", "multi-step"), ("sgd", "one-cycle"), ("groups", "plateau"), ("sgd", "sequence"),
     ("adam", "none")],
)  # fmt: skip
def test_going_on_is_never_having_stopped(
    f: Any, kind: str, scheduler: str, tmp_path: Path
) -> None:
    whole = network(f)
    path = tmp_path / "whole.safetensors"
    history = train(f, kind, scheduler, whole, checkpoint=path, callbacks=[Noise()])

    path = tmp_path / "deep" / "run.safetensors"
    with pytest.raises(Cut):
        cut = [Noise(), PullThePlug(4)]
        train(f, kind, scheduler, network(f), checkpoint=Checkpoint(path), callbacks=cut)
    model = network(f)
    f.manual_seed(77)  # whatever happened in between
    random.seed(77)
    np.random.seed(77)
    again = [Noise(), PullThePlug(99)]
    resumed = train(f, kind, scheduler, model, checkpoint=path, resume=True, callbacks=again)
    assert same(state(model), state(whole))
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "lr", "epoch"):
        assert resumed[name] == history[name]
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing is left beside it"


@pytest.mark.slow
@both
def test_early_stopping_goes_on_too(f: Any, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    settings: Any = {"callbacks": EarlyStopping(2, monitor="val_loss", min_delta=0.02)}
    whole = network(f)
    history = train(f, "adam", "none", whole, 40, **settings)
    assert history.stopped == "early" and 3 < len(history) < 40
    for epochs in (len(history) - 2, 40, 40):  # cut off, gone on, and told again when all is done
        model = network(f)
        settings["callbacks"] = EarlyStopping(2, monitor="val_loss", min_delta=0.02)
        resumed = train(
            f,
            "adam",
            "none",
            model,
            epochs,
            checkpoint=path,
            resume=True,
            compile=False,
            **settings,
        )
    assert resumed["loss"] == pytest.approx(history["loss"]) and resumed.stopped == "early"
    assert all(
        np.allclose(a, b)
        for a, b in zip(*map(dict.values, map(state, (model, whole))), strict=True)
    )


@both
def test_every_few_epochs_and_at_the_end(f: Any, tmp_path: Path) -> None:
    written = []

    class Watched(Checkpoint):
        def write(self, run: Run) -> None:
            written.append(run.epoch)
            super().write(run)

    train(f, "sgd", "none", network(f), 7, checkpoint=Watched(tmp_path / "x", every=3))
    assert written == [3, 6, 7]


def test_the_old_file_stays_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.safetensors"
    train(gobhir, "sgd", "none", network(gobhir), 1, checkpoint=path)
    before = path.read_bytes()

    def crash(*args: Any) -> None:
        raise OSError("the disk is full")

    for name in ("os.fsync", "os.replace", "safetensors.numpy.save"):
        with monkeypatch.context() as patched:
            patched.setattr(name, crash)
            with pytest.raises(OSError, match="full"):
                train(gobhir, "sgd", "none", network(gobhir), 2, checkpoint=path)
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_what_cannot_be_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    gobhir.save({"w": gobhir.ones(2)}, path)
    for content in (None, b"nonsense"):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ValueError, match="run.safetensors"):
            train(gobhir, "sgd", "none", network(gobhir), checkpoint=path, resume=True)
    train(gobhir, "sgd", "none", network(gobhir), 1, checkpoint=path)
    whole = gobhir.load(path)
    for entry in whole.keys() - {"stopped"}:
        gobhir.save(whole | {entry: None}, tmp_path / "less.safetensors")
        with pytest.raises(ValueError, match="no checkpoint"):
            train(
                gobhir,
                "sgd",
                "none",
                network(gobhir),
                checkpoint=tmp_path / "less.safetensors",
                resume=True,
            )
    other: Any = {"callbacks": EarlyStopping(3)}
    with pytest.raises(ValueError, match="EarlyStopping"):
        train(gobhir, "sgd", "none", network(gobhir), checkpoint=path, resume=True, **other)
    with pytest.raises(ValueError, match="SGD.*Adam|Adam.*SGD"):
        train(gobhir, "adam", "none", network(gobhir), checkpoint=path, resume=True)
    with pytest.raises(IsADirectoryError, match="one file"):
        train(gobhir, "sgd", "none", network(gobhir), checkpoint=tmp_path)
    model = gobhir.nn.Linear(6, 3)
    with pytest.raises(ValueError, match="another model.*0.weight"):
        train(gobhir, "sgd", "none", model, checkpoint=path, resume=True)
    with pytest.raises(ValueError):
        Checkpoint(path, every=0)


PROGRAM = """
import sys, time
import numpy as np
import {framework} as f
from gobhir.training import fit

path, out, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])
rng = np.random.default_rng(0)
x = rng.normal(size=(256, 20)).astype(np.float32)
y = x[:, :4].argmax(1)
f.manual_seed(0)
model = f.nn.Sequential(
    f.nn.Linear(20, 64), f.nn.ReLU(), f.nn.Dropout(0.1), f.nn.Linear(64, 4)
)
history = fit(
    model, (x, y), "cross_entropy", "adam", 12, "accuracy", lambda run: time.sleep(pause),
    validation=0.25, seed=5, checkpoint=path, resume=True, progress=False, batch_size=20,
)
np.savez(out, *[p.detach().numpy() for p in model.parameters()], loss=history["loss"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["gobhir"])
def test_a_run_that_is_killed(framework: str, tmp_path: Path) -> None:
    """SIGKILL, several times, at moments that chance picks; the third process finishes."""

    def start(name: str, out: str, pause: float) -> subprocess.Popen[bytes]:
        program = PROGRAM.format(framework=framework)
        return subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / name), str(tmp_path / out), str(pause)]
        )

    assert start("whole", "whole.npz", 0.0).wait(60) == 0
    path = tmp_path / "killed"
    chance = random.Random(4)
    for _ in range(2):
        before = path.stat().st_mtime_ns if path.exists() else 0
        process = start("killed", "killed.npz", 0.05)
        end = time.monotonic() + 60
        while not (path.exists() and path.stat().st_mtime_ns > before):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
        gobhir.load(path)  # whole, whenever the kill came
    assert not (tmp_path / "killed.npz").exists()
    assert start("killed", "killed.npz", 0.0).wait(60) == 0
    whole, killed = np.load(tmp_path / "whole.npz"), np.load(tmp_path / "killed.npz")
    assert len(whole["loss"]) == 12 and whole["loss"][-1] < whole["loss"][0]
    for name in whole.files:
        assert np.array_equal(whole[name], killed[name]), name


FORKED = """
import json, os, random, signal, sys
import numpy as np
import torch
import torch._dynamo  # which optimizers load
from gobhir.training import Callback, CSVLog, fit

class Noisy(torch.utils.data.Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, i):
        shift = torch.randn(4) + float(np.random.randn()) + random.random()
        return torch.eye(4)[i % 4] + 0.1 * shift, i % 4

class Kill(Callback):
    def on_batch_end(self, run):
        if (run.epoch, run.batch) == (3, 2):
            os.kill(os.getpid(), signal.SIGKILL)

def train(name, callbacks):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    n = torch.nn
    model = n.Sequential(n.Linear(4, 8), n.BatchNorm1d(8), n.ReLU(), n.Dropout(0.2), n.Linear(8, 4))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    settings = {"num_workers": 2, "multiprocessing_context": "fork"}
    data = torch.utils.data.DataLoader(Noisy(), 10, shuffle=True, **settings)
    log = CSVLog(f"{folder}/{name}.csv")
    history = fit(
        model, data, "cross_entropy", optimizer, 4, "accuracy", [log, *callbacks],
        scheduler=torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=20),
        precision="fp16", accumulate=2, clip_norm=1.0, seed=5,
        checkpoint=f"{folder}/{name}", resume=True, progress=False,
    )
    with open(f"{folder}/{name}.json", "w") as file:
        drop = ("seconds",)
        rows = [{k: v for k, v in row.items() if k not in drop} for row in history]
        json.dump([rows, [p.tolist() for p in model.state_dict().values()]], file)

folder = sys.argv[1]
for name, callbacks in (("whole", []), ("killed", [Kill()]), ("killed", [])):
    child = os.fork()  # PyTorch is loaded once for all three
    if not child:
        train(name, callbacks)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.slow
def test_pytorch_killed_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    """SIGKILL; with workers that draw random numbers, float16 and its scale, accumulation, a
    schedule that counts batches, dropout and a log."""
    command = [sys.executable, "-c", FORKED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["0", "-9", "0"], done.stderr
    whole, killed = ((tmp_path / f"{name}.json").read_text() for name in ("whole", "killed"))
    assert whole == killed
    rows = json.loads(whole)[0]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4] and rows[-1]["loss"] < rows[0]["loss"]
    logged = (tmp_path / "killed.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in logged] == ["epoch", "1", "2", "3", "4"]


@pytest.mark.parametrize("name", ["model.pt", "run.safetensors"])
def test_a_pickle_is_neither_read_nor_replaced(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    torch.save(network(torch).state_dict(), path)
    before = path.read_bytes()
    for resume in (True, False):
        with pytest.raises(ValueError) as caught:
            train(torch, "sgd", "none", network(torch), checkpoint=path, resume=resume)
        assert caught.value.args[0].key == "errors.file.pickle"
    gobhir.save({"w": gobhir.ones(2)}, path)
    with pytest.raises(ValueError) as caught:
        train(torch, "sgd", "none", network(torch), checkpoint=path)
    assert caught.value.args[0].key == "errors.training.no_checkpoint"
    path.write_bytes(before)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_run_that_was_another_one(tmp_path: Path) -> None:
    path = tmp_path / "run"
    train(torch, "sgd", "none", network(torch), 1, checkpoint=path)
    with pytest.raises(ValueError, match="precision.*fp32.*bf16"):
        train(torch, "sgd", "none", network(torch), checkpoint=path, resume=True, precision="bf16")
    wider = torch.nn.Sequential(*network(torch)[:-1], torch.nn.Linear(8, 4))
    before = state(wider)
    with pytest.raises(ValueError, match=r"4.weight.*\(3, 8\).*\(4, 8\)"):
        train(torch, "sgd", "none", wider, checkpoint=path, resume=True)
    assert same(state(wider), before), "nothing of it was taken"
    # who has nothing to remember may come and go
    told: Any = {"callbacks": [lambda run: None], "checkpoint": path, "resume": True}
    assert len(train(torch, "sgd", "none", network(torch), 2, **told)) == 2


def test_workers_that_live_on(tmp_path: Path) -> None:
    rows = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    data = torch.utils.data.DataLoader(rows, 25, num_workers=1, persistent_workers=True)
    settings: Any = {"epochs": 0, "progress": False}
    with pytest.warns(UserWarning, match="persistent_workers"):
        fit(network(torch), data, "cross_entropy", checkpoint=tmp_path / "run", **settings)
