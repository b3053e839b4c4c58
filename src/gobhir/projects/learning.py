"""How the networks of projects learn: each by `fit`, told by the settings, into files of one kind.

A network called NAME of a project ("", "-gru", ...) leaves in the project's folder
`modelNAME.safetensors`, its weights; `historyNAME.csv`, its curves; where it sorts into classes,
`aboutNAME.json`, what it reads and says; and, while it learns, `checkpointNAME.safetensors`, from
which `--resume` goes on after a kill.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.deploy import About
from gobhir.deploy.about import about_from
from gobhir.evaluation import Temperature
from gobhir.lang import say, t
from gobhir.projects import keras_weights
from gobhir.projects.results import forget
from gobhir.projects.settings import Training, write, write_weights
from gobhir.serialization import load
from gobhir.training import Average, CSVLog, EarlyStopping, History, fit
from gobhir.training.backends import backend_of
from gobhir.training.logs import read_log
from gobhir.training.processes import place


def model_file(folder: Path, name: str = "") -> Path:
    """Where the weights of a network lie."""
    return folder / f"model{name}.safetensors"


def history_file(folder: Path, name: str = "") -> Path:
    """Where the curves of a network lie."""
    return folder / f"history{name}.csv"


def checkpoint_file(folder: Path, name: str = "") -> Path:
    """Where the run lies of a network that is learning."""
    return folder / f"checkpoint{name}.safetensors"


def about_file(folder: Path, name: str = "") -> Path:
    """Where it lies what a network reads and says."""
    return folder / f"about{name}.json"


def write_about(folder: Path, name: str, about: About) -> None:
    """Keep what a network reads and says."""
    write(about_file(folder, name), about.to_json())


def told(folder: Path, name: str = "") -> About:
    """What `write_about` kept. FileNotFoundError where nothing was trained."""
    path = about_file(folder, name)
    if not path.exists():
        raise FileNotFoundError(say("projects.bad.untrained", folder=folder))
    found = about_from(path.read_text(encoding="utf-8"))
    assert found is not None
    return found


def calibrated(about: About, scores: Any, target: Any) -> About:
    """With the temperature under which these scores of the validation, (n, classes), are as sure as
    they are right. It stays where it is when all are right: nothing then says how sure to be."""
    try:
        return replace(about, temperature=Temperature.fit(scores, target).value)
    except ValueError:
        return about


def kept(folder: Path, name: str = "") -> dict[str, np.ndarray]:
    """The weights of a network that was trained."""
    return {key: tensor.numpy() for key, tensor in load(model_file(folder, name)).items()}


def ordered(folder: Path, names: Iterable[str]) -> list[str]:
    """Those of the names whose networks (called "-NAME") were trained in the folder, that of the
    least validation loss first. FileNotFoundError when none was."""

    def loss(name: str) -> float:
        return min(row["val_loss"] for row in read_log(history_file(folder, f"-{name}")))

    found = [name for name in names if model_file(folder, f"-{name}").exists()]
    if not found:
        raise FileNotFoundError(say("projects.bad.untrained", folder=folder))
    return sorted(found, key=loss)


def begin(
    settings: Training, folder: Path, names: Iterable[str] = ("",), resume: bool = False
) -> None:
    """Keep the settings. What networks of these names were trained here before goes with the
    settings of then, unless they go on learning. ValueError, and nothing is changed, where there is
    no such device, or several processes are to train what is not PyTorch's."""
    engine = getattr(settings, "engine", "torch")
    if engine == "torch":
        from gobhir.training.backends.pytorch import device_named

        device_named(settings.device)
    elif place().size > 1:
        one = "gobhir" if engine == "all" else engine
        raise ValueError(say("errors.training.processes_one", framework=one))
    settings.save(folder)
    if not resume:
        forget(folder)
        for name in names:
            for file in (model_file, history_file, checkpoint_file, about_file):
                file(folder, name).unlink(missing_ok=True)


def train_one(
    settings: Training,
    folder: Path,
    name: str,
    model: Any,
    *data: Any,
    resume: bool = False,
    **more: Any,
) -> History:
    """Train a network (data, more: as for `learn`) and leave its files; resume: go on where it
    stood, if it has not ended."""
    if resume and model_file(folder, name).exists():
        print(t("projects.complete", path=model_file(folder, name)))
        return read_log(history_file(folder, name))
    run = checkpoint_file(folder, name)
    log = CSVLog(history_file(folder, name))
    more["callbacks"] = [*more.get("callbacks", ()), log]
    history = learn(settings, model, *data, checkpoint=run, resume=resume, **more)
    write_weights(model_file(folder, name), weights(model))
    run.unlink(missing_ok=True)
    return history


def learn(
    settings: Training,
    model: Any,
    data: Any,
    loss: Any,
    *,
    optimizer: Any = None,
    callbacks: Iterable[Any] = (),
    **more: Any,
) -> History:
    """`fit` by the settings. optimizer: AdamW with their `lr` and `weight_decay`, where no other is
    given. more: as for `fit`, and stronger than the settings. KeyboardInterrupt after Ctrl-C: the
    checkpoint, if one is kept, stays."""
    told = list(callbacks)
    if settings.patience:
        averaged = any(isinstance(one, Average) for one in told)  # no epoch's weights are wanted
        told.append(EarlyStopping(settings.patience, restore_best=not averaged))
    if optimizer is None:
        optimizer = adamw(model, settings.lr, settings.weight_decay)
    asked = ("epochs", "batch_size", "seed", "device", "precision", "deterministic")
    wishes = {name: getattr(settings, name) for name in asked}
    if _of_keras(model):
        wishes["device"] = None  # Keras chooses it by itself
    wishes |= more
    history = fit(model, data, loss, optimizer, callbacks=told, **wishes)
    if history.stopped == "interrupted":
        raise KeyboardInterrupt  # what comes next is for networks that learned to their end
    return history


def framework(engine: str, told: str = "projects.bad.engine") -> Any:
    """The module of a framework: "gobhir", "torch" or "keras". ImportError with what to do (told:
    the key of that sentence) where it is not installed."""
    try:
        return import_module(engine)
    except ImportError as error:
        raise ImportError(say(told, engine=engine, reason=error)) from error


def seed(settings: Training) -> None:
    """Start the random numbers that the first weights are drawn from: those of the settings'
    engine; Keras's weights are drawn by Gobhir."""
    engine = getattr(settings, "engine", "torch")
    framework("gobhir" if engine == "keras" else engine).manual_seed(settings.seed)


def adamw(model: Any, lr: float, weight_decay: float) -> Any:
    """AdamW of the model's framework, with PyTorch's epsilon (Keras would take a larger one)."""
    if _of_keras(model):
        kind = framework("keras").optimizers.AdamW
        return kind(lr, weight_decay=weight_decay, epsilon=1e-8)
    optim = backend_of(model).framework.optim
    return optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)


def weights(model: Any) -> dict[str, np.ndarray]:
    """A copy of what a network has learned, by PyTorch's names, whatever its framework."""
    if _of_keras(model):
        return keras_weights.weights(model)
    state = model.state_dict().items()
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state}


def put_weights(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Give a network what `weights` copied, of whatever framework."""
    if _of_keras(model):
        return keras_weights.put_weights(model, arrays)
    tensor = backend_of(model).framework.tensor
    model.load_state_dict({name: tensor(array) for name, array in arrays.items()})


def _of_keras(model: Any) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)
