"""Several processes: `torchrun` with the same program learns what one process learns, and a killed
one leaves a checkpoint from which all go on."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from gobhir.training import fit, is_main_process

PROGRAM = """
import json, os, signal, sys, warnings
import numpy as np
import torch
from gobhir.training import Callback, CSVLog, evaluate, fit, is_main_process

RNG = np.random.default_rng(0)
X = RNG.normal(size=(51, 6)).astype(np.float32)
Y = X[:, :3].argmax(1)
n = torch.nn

def network(dropout=0.0):
    torch.manual_seed(1)
    return n.Sequential(n.Linear(6, 8), n.Tanh(), n.Dropout(dropout), n.Linear(8, 3))

class Alike:
    # Batches of one's own, the same in every process.
    alike = True
    def __init__(self):
        self.draw = np.random.default_rng(5)
    def __len__(self):
        return 6
    def __iter__(self):
        order = self.draw.permutation(51)
        return ((X[order[k : k + 10]], Y[order[k : k + 10]]) for k in range(0, 51, 10))

# Batches of 10, and a last one of a single example; validation in batches of 256 and of 7.
rows = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
CASES = {
    "plain": {},
    "fine-tuning": {},
    "sum": {"loss": n.CrossEntropyLoss(reduction="sum"), "lr": 0.003},
    "clip": {"clip_norm": 0.3, "optimizer": "sgd", "lr": 0.5},
    "accumulate": {"accumulate": 4},
    "bf16": {"precision": "bf16"},
    "fp16": {"precision": "fp16"},
    "alike": {"data": Alike()},
    "loader": {
        "data": torch.utils.data.DataLoader(rows, 10, shuffle=True, num_workers=1),
        "validation": torch.utils.data.DataLoader(rows, 7),
    },
}

def run(model, data=(X, Y), loss="cross_entropy", optimizer="adam", epochs=3, **settings):
    own = {"metrics": ["accuracy", "auc"], "validation": (X[:33], Y[:33]), "batch_size": 10,
           "lr": 0.02, "seed": 3, "progress": "lines" if settings.get("checkpoint") else False}
    return fit(model, data, loss, optimizer, epochs, **(own | settings))

def learned(model, history):
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history]
    return [rows, np.concatenate([p.detach().numpy().ravel() for p in model.parameters()]).tolist()]

def case(name):
    model = network()
    if name == "fine-tuning":  # the same model once more, and more of it
        model[0].requires_grad_(False)
        run(model, epochs=1)
        model[0].requires_grad_(True)
    return learned(model, run(model, **CASES[name]))

class Kill(Callback):
    def on_batch_end(self, run):
        again = os.environ["TORCHELASTIC_RESTART_COUNT"] != "0"
        if not again and not run.first and (run.epoch, run.batch) == (3, 2):
            os.kill(os.getpid(), signal.SIGKILL)

class Stop(Callback):
    def on_epoch_end(self, run):
        if not run.first and run.epoch == 2:
            run.stop()

def refused(what):
    try:
        what()
    except Exception as trouble:
        key = getattr(trouble.args[0], "key", str(trouble))
        return [type(trouble).__name__, key.removeprefix("errors.training.")]

def together(folder):
    torch.set_num_threads(1)
    found = {}
    model = network(0.2)
    log = CSVLog(f"{folder}/log.csv")
    try:
        kept = {"checkpoint": f"{folder}/run", "resume": True, "callbacks": [Kill(), log]}
        history = run(model, epochs=4, **kept)
    except ConnectionError as trouble:
        with open(f"{folder}/lost.json", "w") as file:
            json.dump([trouble.args[0].key, str(trouble), *trouble.__notes__], file)
        raise
    found["killed"] = learned(model, history)
    model = network(0.2)
    found["whole"] = learned(model, run(model, epochs=4))
    for name in CASES:
        found[name] = case(name)
    found["stopped"] = len(run(network(), epochs=9, callbacks=[Stop()]))
    model = n.Sequential(n.Linear(6, 8), n.BatchNorm1d(8), n.Linear(8, 3))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        history = run(model, batch_size=17)
    val_loss = evaluate(model, (X[:33], Y[:33]), "cross_entropy")["loss"]
    told = [str(w.message) for w in told]
    found["norm"] = [told, history["val_loss"][-1], val_loss]
    bad = X.copy()
    bad[7, 2] = np.nan  # one process meets it
    found["diverged"] = refused(lambda: run(network(), (bad, Y)))
    found["stream"] = refused(lambda: run(network(), iter([])) )
    sampler = torch.utils.data.distributed.DistributedSampler(rows)
    shared = torch.utils.data.DataLoader(rows, 10, sampler=sampler)
    found["twice"] = refused(lambda: run(network(), shared))
    if is_main_process():
        with open(f"{folder}/found.json", "w") as file:
            json.dump(found, file)

def torchrun(folder):
    # What the command torchrun does; but PyTorch is loaded once for all processes.
    import torch._dynamo  # which optimizers load
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    own = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": "one"}
    own |= {"start_method": "fork", "monitor_interval": 0.05, "max_restarts": 1}
    elastic_launch(LaunchConfig(1, 1, 2, **own), together)(folder)

if __name__ == "__main__":
    torchrun(sys.argv[1])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left behind, of which one was killed once, and torchrun started both
    again."""
    folder = tmp_path_factory.mktemp("together")
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(folder / "program.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    (folder / "out").write_text(done.stdout)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def program(folder: Path) -> ModuleType:
    """The same program, in this process alone."""
    spec = importlib.util.spec_from_file_location("program", folder / "program.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(folder: Path) -> Any:
    return json.loads((folder / "found.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    ["plain", "fine-tuning", "sum", "clip", "accumulate", "bf16", "fp16", "alike", "loader"],
)
def test_two_processes_learn_what_one_learns(case: str, found: Any, program: Any) -> None:
    rows, weights = program.case(case)
    rows_of_two, weights_of_two = found[case]
    rough = {"bf16": 3e-3, "fp16": 3e-3}.get(case, 2e-5)
    assert np.allclose(weights_of_two, weights, atol=rough)
    for one, two in zip(rows, rows_of_two, strict=True):
        assert one.keys() == two.keys()
        assert list(two.values()) == pytest.approx(list(one.values()), abs=rough)
    assert rows[-1]["loss"] < rows[0]["loss"]


@pytest.mark.slow
def test_a_killed_process(folder: Path, found: Any) -> None:
    key, told, where, how = json.loads((folder / "lost.json").read_text())
    assert key == "errors.training.process_lost" and "2 processes" in told
    assert "epoch 3" in where and "resume=True" in how
    assert found["killed"] == found["whole"], "to the bit, each with its own random numbers"
    logged = (folder / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in logged] == ["epoch", "1", "2", "3", "4"]


@pytest.mark.slow
def test_one_speaks_and_all_end_together(folder: Path, found: Any) -> None:
    lines = (folder / "out").read_text().splitlines()
    assert [line.split(" · ")[0] for line in lines if " · " in line] == [
        "epoch 1/4", "epoch 2/4", "epoch 3/4", "epoch 4/4"
    ]  # fmt: skip
    assert found["stopped"] == 2
    assert found["diverged"] == ["Diverged", "diverged"]
    assert found["stream"] == ["TypeError", "used_up"]
    assert found["twice"] == ["ValueError", "shared_twice"]


@pytest.mark.slow
def test_batch_norm_is_the_first_one_s(found: Any) -> None:
    told, validated, again = found["norm"]
    assert any("SyncBatchNorm" in text for text in told)
    assert validated == pytest.approx(again, rel=1e-5)


@pytest.mark.slow
def test_going_on_with_fewer_processes(folder: Path, program: Any) -> None:
    model = program.network(0.2)
    settings: Any = {"checkpoint": folder / "run", "resume": True, "progress": False}
    history = program.run(model, epochs=6, **settings)
    assert len(history) == 6 and history["loss"][-1] < history["loss"][0]


def test_alone() -> None:
    assert is_main_process()


def test_a_model_that_is_wrapped_already(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrapped(torch.nn.Module):
        pass

    monkeypatch.setattr(torch.nn.parallel, "DistributedDataParallel", Wrapped)
    with pytest.raises(TypeError) as caught:
        fit(Wrapped(), np.zeros((2, 2)), "mse")
    assert caught.value.args[0].key == "errors.training.wrapped"
