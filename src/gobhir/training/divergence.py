"""When the loss is no number any more: what happened, where, and what to do."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from gobhir.lang import Message, say
from gobhir.training.backends.base import Backend, Step
from gobhir.training.history import History, shown

if TYPE_CHECKING:
    from gobhir.training.run import Run

_PATIENCE = 2.0
"""So many seconds are spent on looking for the birth of a NaN."""


class Diverged(FloatingPointError):
    """The loss became NaN or infinite. `history` holds the epochs before; the model has its best
    weights back."""

    history: History


def explain_divergence(
    run: Run,
    batch: tuple[Any, ...],
    before: Any,
    step: Step,
    batches: Iterable[tuple[Any, ...]],
    weights: dict[str, Any] | None,
) -> Diverged:
    """What can be found out when the loss of `batch` is no number, or a weight after it: from
    the data, from the losses before, and else by training anew from the best `weights` on, taking
    `step` with each of the `batches` and looking at the result of every operation.

    before: the loss of the batch before this one.
    """
    at = {"loss": shown(float(run.batch_loss)), "epoch": run.epoch, "batch": run.batch}
    ruined = math.isfinite(run.batch_loss) and run.backend.ruined()
    cause = _in_data(run.backend, batch)
    if cause is None:
        if weights is not None:
            run.backend.put_weights(weights)
        cause = _in_training(run, before, step, batches)
    if ruined:
        told = say("errors.training.ruined", cause=cause, parameter=ruined, **at)
    else:
        told = say("errors.training.diverged", cause=cause, **at)
    return Diverged(told)


def blame(backend: Backend, batch: tuple[Any, ...]) -> Message:
    """Why the loss of a batch on which nothing is learned is no number."""
    return _in_data(backend, batch) or say("errors.training.nan_model", look=backend.anomaly)


def _in_data(backend: Backend, batch: tuple[Any, ...]) -> Message | None:
    """What is wrong with the batch itself: no example in it, or a number that is none."""
    for i, part in enumerate(batch):
        numbers = backend.array(part)
        if not numbers.size:
            return say("errors.training.empty_batch", shape=numbers.shape)
        bad = numbers.dtype.kind == "f" and ~np.isfinite(numbers)
        if np.any(bad):
            place = tuple(int(k) for k in np.argwhere(bad)[0])
            key = "target" if i == len(batch) - 1 else "input"
            # keys: errors.training.nan_target, errors.training.nan_input
            return say(f"errors.training.nan_{key}", count=int(np.sum(bad)), place=place)
    return None


def _in_training(run: Run, before: Any, step: Step, batches: Iterable[tuple[Any, ...]]) -> Message:
    given = run.backend.ruined()
    if given is not None:
        return say("errors.training.nan_given", parameter=given)
    trend, grew = _trend(run, float(before))
    run.optimizer.state.clear()
    birth = None if grew else _birth(run.backend, step, batches)
    lr = float(run.optimizer.param_groups[0]["lr"])
    if birth is not None:
        return say("errors.training.nan_found", birth=birth, trend=trend, smaller=lr / 10)
    look = run.backend.anomaly
    return say("errors.training.nan_born", lr=lr, smaller=lr / 10, trend=trend, look=look)


def _trend(run: Run, before: float) -> tuple[Message, bool]:
    """How the loss had been going, and whether it had been growing."""
    first = run.history.rows[0]["loss"] if run.history.rows else float(run.first_loss)
    if not (math.isfinite(first) and math.isfinite(before)):
        return say("errors.training.trend_none"), False
    if before > 2 * first:
        return say("errors.training.trend_grew", first=shown(first), loss=shown(before)), True
    return say("errors.training.trend_steady", loss=shown(before)), False


def _birth(backend: Backend, step: Step, batches: Iterable[tuple[Any, ...]]) -> Any:
    """What is said about the first NaN that is born, if one is within some seconds."""
    end = time.perf_counter() + _PATIENCE
    try:
        with warnings.catch_warnings(action="ignore"), backend.looking_for_nan():
            for batch in batches:
                step(*batch)
                if time.perf_counter() > end:
                    break
    except RuntimeError as found:
        return found.args[0]
    return None
