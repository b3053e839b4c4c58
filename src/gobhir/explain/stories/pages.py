"""Steps of a story that are kept in full: where something happens, the next step is watched as by
`gobhir.watch`, and opens as a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gobhir.derivation.step import Count, Derivation, Piece, Say, Section, Step, Table
from gobhir.explain.stories.findings import FEW, LONG, Course
from gobhir.explain.stories.mistakes import LARGE, UNLIKELY
from gobhir.explain.stories.symptoms import DEAD, EXPLODED, FLAT, LOW, VANISHED, WILD
from gobhir.explain.stories.told import brief
from gobhir.explain.watching import Watch
from gobhir.lift.diary import Diary
from gobhir.lift.listening import JUMP, Pages

MOST_PAGES = 5
"""So many steps are kept in full; each holds its activations and gradients."""
MOST_PARAMETERS = 5_000_000
"""Of a larger model no step is kept: it would take its memory twice again."""


class StoryPages(Pages):
    """watches: by step (counted from 1) what was recorded; noticed: why, by the symptom's name."""

    def __init__(self, model: Any):
        self.model = model
        self.watches: dict[int, Watch] = {}
        self.noticed: dict[str, int] = {}
        self._open = 0
        count = getattr(model, "count_params", lambda: sum(p.numel() for p in model.parameters()))
        self._fits = count() <= MOST_PARAMETERS

    def look(self, diary: Diary) -> None:
        """If the step that has ended shows something new, the next one is watched."""
        if self._open or not self._fits:
            return
        new = [kind for kind in _signs(diary) if kind not in self.noticed]
        if new and len(self.watches) < MOST_PAGES:
            self._open = diary.steps + 1
            self.noticed |= dict.fromkeys(new, self._open)
            self.watches[self._open] = Watch(self.model).__enter__()

    def begun(self) -> None:
        """Keras has to be told to run the watched step eagerly."""
        if self._open:
            recorders: list[Any] = list(self.watches[self._open].recorders)
            for recorder in recorders:
                recorder.about_to_train(self.model)

    def done(self, steps: float) -> None:
        """The watched step is over once another begins."""
        if self._open and steps >= self._open:
            self.close()

    def close(self) -> None:
        """Look away. A step that never came is not kept."""
        if self._open:
            watch = self.watches[self._open]
            watch.__exit__(None, None, None)
            if not watch.seen:
                del self.watches[self._open]
            self._open = 0

    def of(self, kind: str) -> int | None:
        """The step that was kept because of this symptom."""
        step = self.noticed.get(_SEEN_AS.get(kind, kind))
        return step if step in self.watches else None


def _signs(diary: Diary) -> Iterator[str]:
    """What the last watched step shows, by the name of the symptom that it may become. Where a
    finding is sure only at the end, its first sign counts."""
    row, steps = diary.rows[-1], diary.steps
    counts = diary.counts
    yield from (kind for kind, seen in _COUNTED.items() if counts[seen])
    if diary.details.get("inputs", (0.0,))[0] > LARGE:
        yield "scale"
    if any(p >= UNLIKELY for p in diary.details["dropout"].values()):
        yield "dropout"
    if diary.details["alike"] and steps == 1:
        yield "symmetry"
    losses = np.array(diary.losses[-21:])
    if len(losses) == 21 and losses[-1] > JUMP * abs(np.median(losses[:-1])):
        yield "lr_high"
    which = [k for k, w in enumerate(diary.parameters) if w.weighs and w.given]
    with np.errstate(all="ignore"):
        size = row.weight[which]
        pulls, ratios = row.gradient[which] / size, row.update[which] / size
        if np.nanmax(ratios, initial=0.0) > WILD:
            yield "lr_high"
        if np.nanmax(pulls, initial=0.0) > EXPLODED:
            yield "exploding"
        later = np.maximum.accumulate(np.nan_to_num(pulls)[::-1])[::-1]
        if len(later) > 1 and (pulls[:-1] < VANISHED * later[1:]).any():
            yield "vanishing"
    for units in diary.units.values():
        share = units.shares.get(row.step, 0.0)
        if share >= (DEAD if units.last is not None else FLAT) and not units.final:
            yield "dead" if units.last is not None else "gate" if units.gate else "saturated"
    if steps in (5 * FEW, LONG):
        course = Course(diary)
        if course.blocks[-1] > 0.98 * course.start:
            slow = len(course.weights) and np.nanmax(course.typical(course.ratios)) < LOW
            yield "lr_low" if slow else "standing"


_COUNTED = {
    "zero_grad": "stale",
    "softmax_twice": "softmaxed",
    "broadcast": "broadcast",
    "summed": "summed",
    "batch_of_one": "batches_of_one",
}
_SEEN_AS = {"labels": "standing", "momentum": "lr_high", "no_gradient": "dead"}
"""Findings that are known only at the end, and by what they show first."""


def born_page(diary: Diary) -> Derivation:
    """The step in which the first NaN was born, op by op as far as it was heard. (It cannot be
    worked out: with a NaN there is nothing to reckon.)"""
    birth = diary.birth
    assert birth is not None
    rows = []
    for k, seen in enumerate(diary.records.get(birth.step, ())):
        shape = "×".join(map(str, seen.shape)) or "1"
        sizes = brief(seen.low), brief(seen.high), str(seen.strange)
        rows.append((str(k + 1), f"`{seen.op}`", f"`{seen.layer or '-'}`", shape, *sizes))
    head = tuple(Say(f"story.page.head.{name}") for name in HEAD)  # keys: story.page.head.*
    pieces: list[Piece] = []
    if birth.given:
        index = f"[{', '.join(map(str, birth.at))}]"
        given = ", ".join(map(brief, birth.given))
        pieces.append(Say("story.nan.there", {"index": index, "given": given}))
    if rows:
        pieces += [Say("story.page.ops"), Table((None, *head), tuple(rows))]
    step = Step("forward.born", "story", "forward", birth.op, birth.layer, {}, tuple(pieces))
    where = Say("story.page.nowhere")
    if birth.op:
        where = Say("story.page.in_loss", {"op": birth.op})
    if birth.layer:
        key = "story.page.in_layer" if birth.op else "story.page.in_gradients"
        where = Say(key, {"op": birth.op, "layer": birth.layer})
    intro = Say("story.page.born_in", {"place": where})
    if birth.source:
        intro = Say("story.page.born_of", {"place": where, "source": birth.source})
    if birth.phase == "backward":
        intro = Say("story.page.born_back", {"place": where})
    title = Say("story.page.born", {"step": Count(birth.step + 1)})
    return Derivation(title, (intro,), (Section("forward", (step,)),), "exact")


HEAD = ("op", "layer", "shape", "low", "high", "strange")
