"""fit: the training loop, once and for all.

Reads from top to bottom: what was asked for, then epochs, then one epoch, then how it may end.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable
from itertools import chain
from numbers import Integral
from typing import Any

import numpy as np

from gobhir.lang import say, t
from gobhir.training.backends import Backend, backend_of
from gobhir.training.backends.base import Step, needs_closure
from gobhir.training.callbacks import Callback, KeepBest, Schedule, callback, overrides
from gobhir.training.checkpoint import Checkpoint
from gobhir.training.data import batches, length, loader, split_off
from gobhir.training.divergence import Diverged, explain_divergence
from gobhir.training.evaluate import measure
from gobhir.training.history import History
from gobhir.training.measures import Measures
from gobhir.training.progress import Progress
from gobhir.training.run import Interruption, Run


def fit(
    model: Any,
    data: Any,
    loss: Any,
    optimizer: Any = "adam",
    epochs: int = 1,
    metrics: Any = (),
    callbacks: Any = (),
    *,
    validation: Any = None,
    batch_size: int = 64,
    shuffle: bool = True,
    lr: float | None = None,
    scheduler: Any = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    seed: int | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    resume: bool = False,
    compile: bool | str | dict[str, Any] = "auto",
    progress: bool | str = True,
) -> History:
    """Train `model` on `data` for `epochs` epochs; returns the History, one row an epoch.

        fit(model, (x, y), "cross_entropy", "adam", 10, ["accuracy"], validation=0.2).plot()

    model: a gobhir.nn.Module, a torch.nn.Module, or a keras.Model.
    data: a DataLoader, a Dataset, or tensors or arrays (x, y); one alone is its own target.
    loss: loss(output, target) -> a number, or a name ("cross_entropy", "mse", ...), which means
        the same for every framework: "cross_entropy" takes logits. For a Keras model also a loss
        of Keras's, or the name of one; its regularisers are added.
    optimizer: an optimizer over the model's parameters, or a name ("adam", "sgd", ...) or class,
        with `lr`.
    metrics: names ("accuracy"), Metric objects, or functions of (output, target). They are
        computed from the outputs of training itself, and on the validation data.
    callbacks: Callback objects, or functions of the run, called after each epoch.
    validation: as data, or a fraction of the examples, which are then not trained on.
    batch_size, shuffle: for data that are no DataLoader.
    scheduler: a learning-rate scheduler (or several), or a function that makes one for the
        optimizer: it moves on after each epoch, or after each batch if it counts batches;
        Schedule(...) says otherwise.
    clip_norm, clip_value: the largest norm of all gradients together, the largest entry.
    seed: starts all random numbers, so that the run can be repeated to the bit. (The model's
        first weights were drawn before: call manual_seed before making the model, too.)
    checkpoint: a file that keeps the run after each epoch; resume: go on from there if it exists.
    compile: record the step once and replay it; "auto": where that works; a dictionary: with
        these settings of gobhir.compile ({"verbose": True} says what is replayed, or why not).
    progress: a bar (or lines, where the output is no terminal), "bar", "lines", or False.

    Ctrl-C ends after the step under way, with the weights of the best epoch. A loss that is no
    number any more raises Diverged (a FloatingPointError) with what happened and what to do.
    """
    from gobhir.training.progress import progress as choose_progress

    backend = backend_of(model)
    function = backend.loss(loss)
    if not isinstance(epochs, Integral) or epochs < 0:
        raise ValueError(say("errors.training.epochs", epochs=epochs))
    if seed is not None:
        if not isinstance(seed, Integral):
            raise TypeError(say("errors.training.seed", seed=seed))
        _seed(backend, seed)
    if isinstance(validation, float):
        data, validation = split_off(data, backend, validation, function, seed)
    training = loader(data, backend, batch_size, shuffle, function, lend=True)
    held_out = None if validation is None else loader(validation, backend, 256, loss=function)
    run = Run(backend, backend.optimizer(optimizer, lr), function, epochs)
    told = _observers(callbacks, scheduler, run.optimizer)
    best = next(c for c in told if isinstance(c, KeepBest))
    keeper = _keeper(checkpoint, resume)
    if keeper is not None:
        keeper.others = list(told)
        keeper.generators = backend.generators([training, held_out])
        if resume and keeper.path.exists():
            keeper.read(run)
        told.append(keeper)
    clip = backend.clipping(clip_norm, clip_value)
    trainer = _Trainer(run, training, held_out, metrics, told, keeper, choose_progress(progress))
    shows = bool(trainer.measures.metrics)
    trainer.plain_step = backend.step(function, run.optimizer, clip)
    trainer.make_step = lambda: _make_step(run, clip, compile, shows)
    trainer.best = best
    return trainer.go()


def _make_step(
    run: Run,
    clip: Callable[[], Any] | None,
    compile: bool | str | dict[str, Any],
    shows: bool,
) -> Step:
    """One training step; recorded and replayed where that was asked for, or where it works."""
    if compile not in (True, False, "auto") and not isinstance(compile, dict):
        raise ValueError(say("errors.training.compile", wish=compile))
    step = run.backend.step(run.loss, run.optimizer, clip, shows)
    if compile == "auto":
        compile = run.backend.compiles and not needs_closure(run.optimizer)
    if compile is False:
        return step
    return run.backend.compiled(step, **(compile if isinstance(compile, dict) else {}))


def _seed(backend: Backend, seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    backend.seed(seed)


def _observers(callbacks: Any, scheduler: Any, optimizer: Any) -> list[Callback]:
    """All callbacks in the order in which they are told."""
    wishes = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    told = [callback(wish) for wish in wishes]
    schedulers = scheduler if isinstance(scheduler, (list, tuple)) else [scheduler]
    for one in schedulers:
        if callable(one):
            one = one(optimizer)
        if one is not None:
            told.append(one if isinstance(one, Schedule) else Schedule(one))
    if not any(isinstance(c, KeepBest) for c in told):
        told.insert(0, KeepBest(restore=False))
    return told


def _keeper(checkpoint: Any, resume: bool) -> Checkpoint | None:
    if checkpoint is None:
        if resume:
            raise ValueError(say("errors.training.resume"))
        return None
    return checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)


class _Trainer:
    """The loop itself."""

    make_step: Callable[[], Step]
    plain_step: Step
    best: KeepBest

    def __init__(
        self,
        run: Run,
        training: Any,
        held_out: Any,
        metrics: Any,
        told: list[Callback],
        keeper: Checkpoint | None,
        display: Progress,
    ):
        self.run = run
        self.training = training
        self.held_out = held_out
        self.told = told
        self.keeper = keeper
        self.display = display
        # Only those who care are told of every batch.
        self.before_batch = [c for c in told if overrides(c, "on_batch_begin")]
        self.after_batch = [c for c in told if overrides(c, "on_batch_end")]
        self.measures = Measures(run.backend, run.loss, metrics)
        self.held_out_measures = Measures(run.backend, run.loss, metrics)

    def go(self) -> History:
        run, history, best = self.run, self.run.history, self.best
        self.display.begin(run)
        begun: list[Callback] = []
        ending: BaseException | None = None
        try:
            with Interruption() as ctrl_c, run.backend.training():
                for one in self.told:
                    begun.append(one)
                    one.on_fit_begin(run)
                if run.resumed:
                    self.display.tell(t("training.progress.resumed", epoch=run.epoch))
                self._epochs(ctrl_c)
            history.stopped = run.stop_reason or "done"
            if run.stop_message:
                self.display.tell(run.stop_message)
            for one in self.told:
                one.on_fit_end(run)
        except KeyboardInterrupt as interruption:
            ending = interruption
            history.stopped = "interrupted"
            best.give_back(run)
            self.display.must_tell(self._farewell(best))
            for one in self.told:
                one.on_fit_end(run)
        except Diverged as trouble:
            ending = trouble
            history.stopped = "diverged"
            trouble.history = history
            if best.weights is not None:
                run.backend.put_weights(best.weights)
            raise
        except Exception as trouble:
            ending = trouble
            if run.epoch:
                trouble.add_note(t("training.stopped.trouble", epoch=run.epoch, batch=run.batch))
            raise
        finally:
            self.display.end()
            for one in begun:
                one.on_fit_exit(run, ending)
        return history

    def _epochs(self, ctrl_c: Interruption) -> None:
        run = self.run
        step = self.make_step()
        while run.epoch < run.epochs and run.stop_reason is None:
            if self.keeper is not None and run.epoch:
                # A run that goes on from the checkpoint records its step anew, and a recorded
                # step may round differently from the first: so this one starts anew as well.
                step = self.make_step()
            run.epoch += 1
            start = time.perf_counter()
            run.row = {"epoch": run.epoch}
            run.batches = length(self.training)
            for one in self.told:
                one.on_epoch_begin(run)
            self.display.begin_epoch(run)
            self._one_epoch(step, ctrl_c)
            self._close_row(start, ctrl_c)
            for one in self.told:
                one.on_epoch_end(run)
            self.display.end_epoch(run)
            ctrl_c.obey()

    def _one_epoch(self, step: Step, ctrl_c: Interruption) -> None:
        run, measures, display = self.run, self.measures, self.display
        value_of = run.backend.value
        alone = not (self.before_batch or self.after_batch or measures.watched)
        next_step = run.backend.undisturbed(step, self.training) if alone else step
        run.batch = 0
        measures.reset()
        for batch in batches(self.training, run.backend):
            for watcher in self.before_batch:
                watcher.on_batch_begin(run)
            loss, output = (next_step if run.batch else step)(*batch)
            run.batch += 1
            before, value = run.batch_loss, value_of(loss)
            run.batch_loss = value
            if type(value) is float and not math.isfinite(value):
                raise self._explain(batch, before)
            measures.add(value, output, batch[-1])
            for watcher in self.after_batch:
                watcher.on_batch_end(run)
            ctrl_c.obey()
            if display.due():
                self._check(batch)
                display.show(run, measures.results(quick=True))
            if run.stop_reason is not None:
                break
            if run.batch == run.epoch == 1:
                run.first_loss = value
        if not run.batch:
            if run.epoch > 1:
                kind = type(self.training).__name__
                raise ValueError(say("errors.training.used_up", type=kind))
            raise ValueError(say("errors.training.empty"))
        self._check(batch)
        if run.backend.ruined():
            raise self._explain(batch, run.batch_loss)

    def _check(self, batch: tuple[Any, ...]) -> None:
        """On an accelerator losses are looked at only now and then; a NaN among them stays."""
        if not math.isfinite(self.measures.loss):
            raise self._explain(batch, math.nan)

    def _explain(self, batch: tuple[Any, ...], before: Any) -> Diverged:
        run, weights = self.run, self.best.weights
        again = chain([batch], batches(self.training, run.backend))
        return explain_divergence(run, batch, before, self.plain_step, again, weights)

    def _close_row(self, start: float, ctrl_c: Interruption) -> None:
        run, row = self.run, self.run.row
        found = self.measures.results()
        if self.held_out is not None:
            values = measure(self.held_out_measures, self.held_out, ctrl_c.obey)
            found |= {f"val_{name}": value for name, value in values.items()}
        for name, value in found.items():
            if isinstance(value, (int, float)) or getattr(value, "ndim", None) == 0:
                row[name] = float(value)
            else:
                run.history.results[name] = value
        row["lr"] = float(run.optimizer.param_groups[0]["lr"])
        row["seconds"] = time.perf_counter() - start
        run.history.rows.append(row)

    def _farewell(self, best: KeepBest) -> str:
        run = self.run
        if not best.epoch:
            text = t("training.stopped.interrupted_early", epoch=run.epoch, batch=run.batch)
        else:
            text = t("training.stopped.interrupted", epoch=run.epoch, best=best.epoch)
        if self.keeper is not None and self.keeper.path.exists():
            text += " " + t("training.stopped.resume", path=self.keeper.path)
        return text
