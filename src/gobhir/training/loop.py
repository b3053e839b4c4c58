"""fit: the training loop, once and for all.

Reads from top to bottom: what was asked for, then epochs, then one epoch, then how it may end.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from itertools import chain
from numbers import Integral
from typing import Any

import numpy as np

from gobhir.lang import say, t
from gobhir.training.backends import Backend, backend_of
from gobhir.training.backends.base import Step
from gobhir.training.callbacks import Callback, KeepBest, StopTogether, observers, overrides
from gobhir.training.checkpoint import Checkpoint
from gobhir.training.data import batches, epoch_setters, length, loader, split_off
from gobhir.training.divergence import Diverged, explain_divergence
from gobhir.training.evaluate import measure
from gobhir.training.history import History
from gobhir.training.measures import Measures
from gobhir.training.progress import Mute, Progress
from gobhir.training.progress import progress as choose_progress
from gobhir.training.run import Interruption, Run
from gobhir.training.steps import Accumulating, make_step


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
    device: str | None = None,
    precision: str = "fp32",
    accumulate: int = 1,
    deterministic: bool = False,
    compile: bool | str | dict[str, Any] = "auto",
    progress: bool | str = True,
) -> History:
    """Train `model` on `data` for `epochs` epochs; returns the History, one row an epoch.

        fit(model, (x, y), "cross_entropy", "adam", 10, ["accuracy"], validation=0.2).plot()

    model: a gobhir.nn.Module, a torch.nn.Module, or a keras.Model.
    data: a DataLoader, a Dataset, or tensors or arrays (x, y); one alone is its own target. A
        loader or sampler that has `set_epoch` is told the number of each epoch before it begins
        (as PyTorch's DistributedSampler wants it): what it draws can follow from that alone.
    loss: loss(output, target) -> a number, or a name ("cross_entropy", "mse", ...), which means
        the same for every framework: "cross_entropy" takes logits. For a Keras model also a loss
        of Keras's, or the name of one; its regularisers are added.
    optimizer: an optimizer over the model's parameters, or a name ("adam", "sgd", ...) or class,
        with `lr`.
    metrics: names ("accuracy"), Metric objects, or functions of (output, target). They are
        computed from the outputs of training itself, and on the validation data.
    callbacks: Callback objects, or functions of the run, called after each epoch; with a Keras
        model also Keras's.
    validation: as data, or a fraction of the examples, which are then not trained on.
    batch_size, shuffle: for data that are no DataLoader.
    scheduler: a learning-rate scheduler (or several), or a function that makes one for the
        optimizer: it moves on after each epoch, or after each batch if it counts batches;
        Schedule(...) says otherwise.
    clip_norm, clip_value: the largest norm of all gradients together, the largest entry.
    seed: starts all random numbers, so that the run can be repeated to the bit. (The model's
        first weights were drawn before: call manual_seed before making the model, too.)
    checkpoint: a file that keeps the run after each epoch; resume: go on from there if it exists,
        to the same numbers, bit for bit, as if nothing had happened.
    device: "cpu", "cuda" (or "cuda:1"), "mps", or "auto", the fastest that is there: the model is
        moved there, and stays there; None: it is trained where it is.
    precision: "fp32"; or, in PyTorch, "bf16" or "fp16": mixed precision, with autocast, and for
        fp16 a loss that is scaled so that small gradients survive. Weights stay in float32.
        (torch.set_float32_matmul_precision("high"), for TF32, holds here as everywhere. A Keras
        model has its precision from its dtype policy.)
    accumulate: so many batches' gradients are added up before the weights move (and at the end of
        an epoch): as if batches were so many times larger. Not with a recorded step.
    deterministic: only algorithms that give the same numbers each time (an operation that has
        none raises RuntimeError, with its name), from seed 0 if there is no other.
    compile: record the step once and replay it; "auto": where that works; a dictionary: with
        these settings of gobhir.compile ({"verbose": True} says what is replayed, or why not), or
        of torch.compile. PyTorch's steps are compiled only where that is asked for, and then go on
        from a checkpoint to the same numbers within rounding.
    progress: a bar (or lines, where the output is no terminal), "bar", "lines", or False.

    `torchrun --nproc-per-node 2 program.py` trains a PyTorch model in two processes (or more, on
    several machines) by the same program. Each computes on its share of every batch, so batch_size
    is that of the whole, and the result that of one process within rounding; metrics see whole
    batches, and callbacks are told in each process: `run.first` says which one writes files. What
    is drawn by chance in the model (dropout), and BatchNorm, which sees only its process's share
    (torch.nn.SyncBatchNorm.convert_sync_batchnorm changes that on GPUs), differ from one process.
    A loader of one's own that gives every process the same batches says so: `alike = True`.
    When a process is killed, the others end with a ConnectionError, and the same command with
    resume=True goes on from the checkpoint.

    Ctrl-C ends after the step under way, with the weights of the best epoch. A loss that is no
    number any more raises Diverged (a FloatingPointError) with what happened and what to do.
    """
    if not isinstance(epochs, Integral) or epochs < 0:
        raise ValueError(say("errors.training.epochs", epochs=epochs))
    backend = backend_of(model)
    backend.settle(device, precision)
    group, function = backend.group, backend.loss(loss)
    _seed(backend, 0 if deterministic and seed is None else seed)
    if isinstance(validation, float):
        data, validation = split_off(data, backend, validation, function, seed)
    training = loader(data, backend, batch_size, shuffle, function, lend=True)
    held_out = None if validation is None else loader(validation, backend, 256, loss=function)
    run = Run(backend, backend.optimizer(optimizer, lr), function, epochs)
    run.settings = {"precision": precision, "accumulate": accumulate}
    told = observers(callbacks, scheduler, run)
    told += [StopTogether()] if group.place.size > 1 else []
    keeper = _keeper(checkpoint, resume)
    if keeper is not None:
        keeper.others = list(told)
        keeper.generators = backend.generators([training, held_out])
        told.append(keeper)
    trainer = _Trainer(run, group.share(training), metrics, told, keeper)
    trainer.set_epoch = epoch_setters(training)
    if held_out is not None:
        trainer.held_out = group.share(held_out, needed=False)
    trainer.display = choose_progress(progress) if group.first else Mute()
    clip = backend.clipping(clip_norm, clip_value)
    shows = bool(trainer.measures.metrics)
    trainer.plain_step = backend.step(function, run.optimizer, clip)
    trainer.make_step = lambda: make_step(run, clip, compile, accumulate, shows)
    with backend.deterministic() if deterministic else nullcontext():
        if keeper is not None and resume:
            keeper.read(run)
        return trainer.go()


def _seed(backend: Backend, seed: int | None) -> None:
    """Start all random numbers; of several processes each draws its own."""
    rank = backend.group.place.rank
    if seed is None:
        if not rank:
            return
        seed = backend.framework.initial_seed()
    elif not isinstance(seed, Integral):
        raise TypeError(say("errors.training.seed", seed=seed))
    seed += rank
    random.seed(seed)
    np.random.seed(seed % 2**32)
    backend.seed(seed)


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
    display: Progress
    held_out: Any = None

    def __init__(
        self,
        run: Run,
        training: Any,
        metrics: Any,
        told: list[Callback],
        keeper: Checkpoint | None,
    ):
        self.run = run
        self.training = training
        self.told = told
        self.set_epoch: list[Callable[[int], Any]] = []
        self.keeper = keeper
        self.best = next(c for c in told if isinstance(c, KeepBest))
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
            watching = run.backend.group.watching()
            with Interruption() as ctrl_c, run.backend.training(), watching:
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
                if how := self._how_to_go_on():
                    trouble.add_note(how)
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
            if self.keeper is not None and run.epoch and run.backend.compiles:
                # A run that goes on from the checkpoint records its step anew, and a recorded
                # step may round differently from the first: so this one starts anew as well.
                step = self.make_step()
            run.epoch += 1
            start = time.perf_counter()
            run.row = {"epoch": run.epoch}
            for set_epoch in self.set_epoch:
                set_epoch(run.epoch)
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
        group, of_sums, value_of = run.backend.group, run.backend.of_sums, run.backend.value
        alone = not (self.before_batch or self.after_batch or measures.watched)
        next_step = run.backend.undisturbed(step, self.training) if alone else step
        run.batch = 0
        measures.reset()
        for batch in batches(self.training, run.backend):
            for watcher in self.before_batch:
                watcher.on_batch_begin(run)
            loss, output = (next_step if run.batch else step)(*batch)
            loss, output, target = group.whole(loss, output, batch[-1], of_sums)
            run.batch += 1
            before, value = run.batch_loss, value_of(loss)
            run.batch_loss = value
            if type(value) is float and not math.isfinite(value):
                raise self._explain(batch, before)
            measures.add(value, output, target)
            for watcher in self.after_batch:
                watcher.on_batch_end(run)
            ctrl_c.obey()
            if display.due():
                self._check(batch)
                display.show(run, measures.results(quick=True))
            if run.stop_reason is not None and group.place.size == 1:
                break
            if run.batch == run.epoch == 1:
                run.first_loss = value
        if not run.batch:
            if run.epoch > 1:
                kind = type(self.training).__name__
                raise ValueError(say("errors.training.used_up", type=kind))
            raise ValueError(say("errors.training.empty"))
        self._check(batch)
        if isinstance(step, Accumulating) and step.seen:
            step.move()  # by the gradients of the last few
        if run.backend.ruined():
            raise self._explain(batch, run.batch_loss)

    def _check(self, batch: tuple[Any, ...]) -> None:
        """On an accelerator losses are looked at only now and then; a NaN among them stays."""
        if not math.isfinite(self.measures.loss):
            raise self._explain(batch, math.nan)

    def _explain(self, batch: tuple[Any, ...], before: Any) -> Diverged:
        run, weights = self.run, self.best.weights
        more = batches(self.training, run.backend)
        if run.backend.group.place.size > 1:  # each looks at its own share, and asks no other
            run.backend.by_itself()
            more = iter(())
        again = chain([batch], more)
        return explain_divergence(run, batch, before, self.plain_step, again, weights)

    def _close_row(self, start: float, ctrl_c: Interruption) -> None:
        run, row = self.run, self.run.row
        run.backend.group.even(run.model)
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
        return f"{text} {self._how_to_go_on()}".rstrip()

    def _how_to_go_on(self) -> str:
        if self.keeper is None or not self.keeper.path.exists() or not self.run.history.rows:
            return ""
        return t("training.stopped.resume", path=self.keeper.path)
