"""Mistakes in the program of a training that are seen, not guessed at: calls that are missing,
parameters that nobody moves, settings and data that cannot be meant. One function a mistake."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gobhir.explain.stories.findings import FEW, Course, Finding


def kept_gradients(c: Course, known: set[str]) -> Iterator[Finding]:
    """zero_grad() was forgotten: backward() added to gradients that a step had used already. That
    is seen, not guessed (the same tensor in the same version); three times are no accident."""
    stale, steps = c.diary.counts["stale"], max(1, c.diary.steps - 1)
    if stale >= 3 and stale >= 0.9 * steps:
        yield Finding("zero_grad", step=2, values={"count": stale})


def modes(c: Course, known: set[str]) -> Iterator[Finding]:
    """Training in evaluation mode, and looking at validation data in training mode."""
    counts = c.diary.counts
    evaluated, steps = counts["eval_steps"], c.diary.steps
    if steps >= FEW and evaluated >= 0.2 * steps:
        always = evaluated == steps  # that can be meant: BatchNorm frozen for fine-tuning
        level = "note" if always else "problem"
        yield Finding("train_mode", level, values={"count": evaluated, "steps": steps})
    # Several batches in a row without autograd are a validation set. One by one between steps
    # they may be a generator's images for its opponent.
    checks, runs = counts["checks_in_train"], counts["runs_in_train"]
    if checks and (checks >= 2 * runs or runs <= steps / 4):
        yield Finding("eval_mode", values={"count": checks})


def shapes(c: Course, known: set[str]) -> Iterator[Finding]:
    """A loss that stretches (batch, 1) against (batch,), and a softmax before cross-entropy."""
    counts = c.diary.counts
    heard = counts["losses_heard"]
    if heard and counts["broadcast"] >= 0.5 * heard:
        output, target = c.diary.details["broadcast"]
        yield Finding("broadcast", values={"output": list(output), "target": list(target)})
    if heard >= 3 and counts["softmaxed"] == heard:
        yield Finding("softmax_twice")


def alike(c: Course, known: set[str]) -> Iterator[Finding]:
    """Units that began with the same weights and have them still: they get the same gradients, and
    a layer of them is worth a single one."""
    names = c.diary.details.get("alike", [])
    if names and c.diary.steps >= FEW:
        yield Finding("symmetry", step=1, layers=tuple(names))


UNLIKELY = 0.8
"""Nobody drops so much on purpose: the paper of dropout (Srivastava et al. 2014, figure 9) finds
the error grow from 0.6 on. PyTorch's p is the share that is dropped, TensorFlow's keep_prob was
the share that is kept."""


def dropped(c: Course, known: set[str]) -> Iterator[Finding]:
    """Dropout that leaves next to nothing."""
    high = {path: p for path, p in c.diary.details.get("dropout", {}).items() if p >= UNLIKELY}
    if high and c.diary.steps >= FEW:
        yield Finding("dropout", layers=tuple(high), values={"p": max(high.values())})


def single(c: Course, known: set[str]) -> Iterator[Finding]:
    """A batch norm that gets one example at a time: it takes the example's own mean away."""
    count, steps = c.diary.counts["batches_of_one"], c.diary.steps
    if steps >= FEW and count >= 0.5 * steps:
        yield Finding("batch_of_one", values={"count": count})


def unmoved(c: Course, known: set[str]) -> Iterator[Finding]:
    """Parameters that no step ever changed, because of how the program is written."""
    yield from (f for f in _unmoved(c) if f.kind != "no_gradient")


def unpulled(c: Course, known: set[str]) -> Iterator[Finding]:
    """Parameters that no step ever changed, because their gradient was always 0."""
    if "symmetry" not in known:
        yield from (f for f in _unmoved(c) if f.kind == "no_gradient")


def _unmoved(c: Course) -> Iterator[Finding]:
    if not c.diary.rows:
        return
    reasons: dict[str, list[str]] = {}
    for w in c.diary.parameters:
        if w.moved:
            continue
        if not w.wanted:
            reason = "frozen"
        elif not w.reached:
            reason = "unused"
        elif not w.given:
            reason = "left_out"
        else:
            reason = "still" if w.pulled else "no_gradient"
        reasons.setdefault(reason, []).append(w.name)
    for reason, names in reasons.items():
        if reason in ("still", "no_gradient") and c.diary.steps < FEW:
            continue
        lr = c.diary.rows[-1].lr
        if reason == "still" and lr:
            continue  # changes too small for the dtype: the ratio tells
        level = "note" if reason == "frozen" else "problem"
        yield Finding(reason, level, layers=tuple(names), values={"all": len(c.diary.parameters)})


LARGE, APART = 10.0, 30.0
"""Inputs of a mean square of 10², and columns that are 30 times apart: LeCun et al. 1998, Efficient
BackProp, section 4.3, say what they do. Healthy: below 3."""


def unscaled(c: Course, known: set[str]) -> Iterator[Finding]:
    """Inputs in units that the first weights were not made for, where it does harm."""
    sizes = c.diary.details.get("inputs")
    norm = min(c.diary.order, key=c.diary.order.__getitem__, default="")
    first = next((w.kind for w in c.diary.parameters if w.layer == norm), "")
    if sizes is None or c.diary.steps < FEW or "Norm" in first:
        return
    size, largest, smallest = sizes
    apart = largest > LARGE and largest > APART * smallest
    if size > LARGE or apart:
        level = "note" if c.thriving else "problem"
        yield Finding("scale", level, step=1, values={"size": size, "most": largest})


def summed(c: Course, known: set[str]) -> Iterator[Finding]:
    """A loss that is a sum over the batch, and steps that are too large for it."""
    hurt = len(c.weights) and np.nanmax(np.nan_to_num(c.ratios[:, c.weights]), initial=0.0) > 0.1
    if c.diary.counts["summed"] and hurt and not c.thriving:
        yield Finding("summed", values={"lr": c.diary.rows[0].lr})


def decayed(c: Course, known: set[str]) -> Iterator[Finding]:
    """Weight decay that takes away more than is learned: the weights shrink to nothing."""
    decay = c.diary.details.get("decay", 0.0)
    if not decay or not len(c.weights) or len(c.diary.rows) < FEW or c.thriving:
        return
    sizes = c.diary.table("weight")[:, c.weights]
    left = float(np.median(sizes[-1] / np.maximum(sizes[0], 1e-30)))
    if left < 0.3:
        yield Finding("decay", values={"decay": decay, "left": left})


RARE = 0.9
"""The share of one class from which always naming it looks like success."""


def lopsided(c: Course, known: set[str]) -> Iterator[Finding]:
    """Nearly all labels are of one class, and nothing was learned but that."""
    guess = c.diary.guess
    if guess is None or c.guess is None or not guess.total or c.diary.steps < 5 * FEW:
        return
    p = guess.counts / guess.total
    share = float(p.max())
    if guess.loss == "yes_no" and p.size == 1:
        share = max(share, 1 - share)
    elif guess.loss != "classes":
        return
    if share >= RARE and c.blocks[-1] > 0.7 * c.guess:
        yield Finding("imbalance", values={"share": share, "last": c.blocks[-1], "guess": c.guess})
