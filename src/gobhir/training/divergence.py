"""When the loss is no number any more: what happened, where, and what to do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from gobhir.lang import Message, say
from gobhir.training.history import History, shown

if TYPE_CHECKING:
    from gobhir.training.run import Run


class Diverged(FloatingPointError):
    """The loss became NaN or infinite. `history` holds the epochs before; the model has its best
    weights back."""

    history: History


def explain_divergence(run: Run, batch: tuple[Any, ...], before: Any) -> Diverged:
    """What can be read from the batch and the weights when a loss is no number.

    before: the loss of the batch before this one.
    """
    return Diverged(
        say(
            "errors.training.diverged",
            loss=shown(float(run.batch_loss)),
            epoch=run.epoch,
            batch=run.batch,
            cause=_cause(run, batch, float(before)),
        )
    )


def _cause(run: Run, batch: tuple[Any, ...], before: float) -> Message:
    for i, part in enumerate(batch):
        numbers = run.backend.array(part)
        bad = numbers.dtype.kind == "f" and ~np.isfinite(numbers)
        if np.any(bad):
            place = tuple(int(k) for k in np.argwhere(bad)[0])
            key = "target" if i == len(batch) - 1 else "input"
            # keys: errors.training.nan_target, errors.training.nan_input
            return say(f"errors.training.nan_{key}", count=int(np.sum(bad)), place=place)
    sick = [
        name
        for name, p in run.model.named_parameters()
        if not np.isfinite(run.backend.array(p)).all()
    ]
    lr = float(run.optimizer.param_groups[0]["lr"])
    return say(
        "errors.training.nan_born",
        lr=lr,
        smaller=lr / 10,
        trend=_trend(run, before),
        parameter=sick[0] if sick else "-",
        framework=run.backend.framework.__name__,
    )


def _trend(run: Run, before: float) -> Message:
    first = run.history.rows[0]["loss"] if run.history.rows else float(run.first_loss)
    if not (math.isfinite(first) and math.isfinite(before)):
        return say("errors.training.trend_none")
    if before > 2 * first:
        return say("errors.training.trend_grew", first=shown(first), loss=shown(before))
    return say("errors.training.trend_steady", loss=shown(before))
