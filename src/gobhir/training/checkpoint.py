"""Checkpoints: all that a run needs to go on as if nothing had happened, in one safetensors file.

`save` puts the new file in the old one's place only when it is complete and on the disk, so a
run that is killed at any moment leaves one of the two.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.lang import say
from gobhir.serialization import load, not_written, save
from gobhir.training.backends import Backend
from gobhir.training.callbacks import Callback, overrides

if TYPE_CHECKING:
    from gobhir.training.run import Run

_FORMAT = 2
_ENTRIES: dict[str, type] = {
    "epoch": int,
    "model": dict,
    "optimizer": dict,
    "kind": str,
    "settings": dict,
    "backend": dict,
    "callbacks": list,
    "random": list,
    "generators": list,
    "history": list,
}
"""What a checkpoint has to hold."""


class Checkpoint(Callback):
    """Saves the run to the file `path` after every `every`-th epoch, and after the last.

    Kept are the weights, the optimizer's and the callbacks' state, the history, and where all
    random numbers stand. `fit(..., checkpoint=path, resume=True)` goes on from there, to the same
    weights, bit for bit, as a run that was never interrupted.
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1):
        if every < 1:
            raise ValueError(say("errors.training.every_epochs", every=every))
        self.path = Path(path)
        if self.path.is_dir():
            raise IsADirectoryError(say("errors.training.checkpoint_folder", path=self.path))
        self.every = every
        self.others: list[Callback] = []
        self.generators: list[Any] = []

    def on_fit_begin(self, run: Run) -> None:
        """An hour of training is not to end in a folder that nobody may write to, nor to destroy
        a file of another kind."""
        if not run.first:
            return
        if self.path.exists() and not run.resumed:
            self._may_replace()
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as trouble:
            raise not_written(self.path, trouble) from None

    def on_epoch_end(self, run: Run) -> None:
        if run.epoch % self.every == 0 or run.epoch == run.epochs or run.stop_reason:
            self.write(run)

    def write(self, run: Run) -> None:
        """Save the run as it stands."""
        backend = run.backend
        draws = BytesIO()
        save(_plain(_random_state(backend), backend), draws)
        all_draws = backend.group.each(draws.getvalue())
        if not run.first:
            return
        content = {
            "format": _FORMAT,
            "epoch": run.epoch,
            "stopped": run.stop_reason,
            "model": backend.weights(),
            "optimizer": run.optimizer.state_dict(),
            "kind": _kind(run.optimizer),
            "settings": run.settings,
            "backend": backend.state_dict(),
            "callbacks": [[type(c).__name__, c.state_dict()] for c in self._with_state()],
            "random": [load(BytesIO(draws)) for draws in all_draws],
            "generators": [g.get_state() for g in self.generators],
            "history": [list(row.items()) for row in run.history.rows],
        }
        save(_plain(content, backend), self.path)

    def read(self, run: Run) -> None:
        """Bring the run to where it stood when the file was written. Without a file it begins."""
        backend, group = run.backend, run.backend.group
        if group.place.size == 1:
            if not self.path.exists():
                return
            content = self._content(load(self.path))
        else:  # one of several processes reads the file, so that all read the same
            exists = group.first and self.path.exists()
            found = BytesIO(group.firsts(self.path.read_bytes() if exists else b""))
            if not found.getvalue():
                return
            found.name = str(self.path)
            content = self._content(load(found))
        self._compare(content, run)
        backend.put_weights(_as_now(content["model"], backend.weights(), backend))
        run.optimizer.load_state_dict(_as_now(content["optimizer"], None, backend))
        backend.load_state_dict(_as_now(content["backend"], backend.state_dict(), backend))
        for one, (_, state) in zip(self._with_state(), content["callbacks"], strict=True):
            one.load_state_dict(_as_now(state, one.state_dict(), backend))
        draws, rank = content["random"], group.place.rank
        _set_random_state(backend, draws[rank if len(draws) == group.place.size else 0])
        if len(content["generators"]) == len(self.generators):
            for g, state in zip(self.generators, content["generators"], strict=True):
                g.set_state(_as_now(state, g.get_state(), backend))
        run.history.rows = [dict(row) for row in content["history"]]
        run.epoch = content["epoch"]
        run.stop_reason = content["stopped"]
        run.resumed = True

    def _may_replace(self) -> None:
        """ValueError where the file that is there is sound, and no checkpoint."""
        try:
            found = load(self.path)
        except ValueError as trouble:
            if trouble.args[0].key == "errors.file.pickle":
                raise
        else:
            self._content(found)

    def _content(self, content: Any) -> dict[str, Any]:
        """What was read, if it is a checkpoint. ValueError if it is none."""
        whole = isinstance(content, dict) and content.get("format") == _FORMAT
        if not whole or any(not isinstance(content.get(k), kind) for k, kind in _ENTRIES.items()):
            raise ValueError(say("errors.training.no_checkpoint", path=self.path))
        return content

    def _compare(self, content: dict[str, Any], run: Run) -> None:
        """ValueError where the run of the checkpoint was another one than this."""
        saved, now = content["kind"], _kind(run.optimizer)
        if saved != now:
            raise ValueError(say("errors.training.other_optimizer", saved=saved, now=now))
        callbacks = [name for name, _ in content["callbacks"]]
        told = [type(c).__name__ for c in self._with_state()]
        if callbacks != told:
            raise ValueError(say("errors.training.other_callbacks", saved=callbacks, now=told))
        for name, value in run.settings.items():
            before = content["settings"].get(name)
            if before != value:
                at = {"path": self.path, "name": name, "saved": before, "now": value}
                raise ValueError(say("errors.training.other_setting", **at))
        theirs, ours = (_shapes(w) for w in (content["model"], run.backend.weights()))
        for name in {**theirs, **ours}:
            shapes = {"saved": theirs.get(name, "-"), "now": ours.get(name, "-")}
            if shapes["saved"] != shapes["now"]:
                at = {"path": self.path, "name": name, **shapes}
                raise ValueError(say("errors.training.other_model", **at))

    def _with_state(self) -> list[Callback]:
        """The callbacks that have something to remember."""
        return [c for c in self.others if overrides(c, "state_dict")]


def _kind(optimizer: Any) -> str:
    return getattr(optimizer, "kind", type(optimizer).__name__)


def _shapes(weights: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}


def _random_state(backend: Backend) -> dict[str, Any]:
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "framework": backend.random_state(),
    }


def _set_random_state(backend: Backend, state: dict[str, Any]) -> None:
    now = _random_state(backend)
    random.setstate(_as_now(state["python"], now["python"], backend))
    np.random.set_state(_as_now(state["numpy"], now["numpy"], backend))
    backend.put_random_state(_as_now(state["framework"], now["framework"], backend))


def _plain(value: Any, backend: Backend) -> Any:
    """`value` with every tensor as an array, and long runs of numbers too."""
    if backend.framework.is_tensor(value):
        return backend.array(value)
    if isinstance(value, Mapping):
        return {k: _plain(v, backend) for k, v in value.items()}
    if isinstance(value, tuple) and len(value) > 100 and all(type(v) is int for v in value):
        return np.array(value, np.int64)  # Python's own random state
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(v, backend) for v in value)
    return value


def _as_now(value: Any, now: Any, backend: Backend) -> Any:
    """What was read from a file, in the kinds of `now`, its present counterpart; tensors of the
    backend's own where there is none."""
    if isinstance(value, Tensor):
        if isinstance(now, np.ndarray):
            return value.numpy()
        if isinstance(now, tuple):
            return tuple(value.tolist())
        if backend.framework.is_tensor(now):
            # On the tensor's own device: random states live on the CPU, weights need not.
            return now.new_tensor(value.numpy()) if hasattr(now, "new_tensor") else value
        return backend.framework.tensor(value.numpy())
    if isinstance(value, dict):
        known = now if isinstance(now, Mapping) else {}
        parts = {k: _as_now(v, known.get(k), backend) for k, v in value.items()}
        kind = type(now) if isinstance(now, dict) else dict
        return parts if kind is dict or not known else kind(parts)
    if isinstance(value, (list, tuple)):
        same = isinstance(now, (list, tuple)) and len(now) == len(value)
        parts_now = now if same else [None] * len(value)
        return type(value)(_as_now(v, n, backend) for v, n in zip(value, parts_now, strict=True))
    return value
