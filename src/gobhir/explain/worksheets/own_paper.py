"""A worksheet of a step that is open, with its own numbers: no number brings it back, and whoever
has the step before them checks it there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gobhir.derivation.step import Derivation, Say
from gobhir.engine.op import Family
from gobhir.explain.checking.sheet import Sheet, count
from gobhir.explain.explanation import Explanation, explained
from gobhir.explain.quantity import size
from gobhir.explain.recording import Recording
from gobhir.explain.worksheets.worksheet import MOST_NUMBERS, STEPS, Worksheet
from gobhir.lang import say


@dataclass(frozen=True)
class OwnPaper(Worksheet):
    """The paper of this step. sizes: "" where the network is no chain of weighted sums."""

    step: Explanation | None = field(default=None, compare=False)

    @property
    def explanation(self) -> Explanation:
        assert self.step is not None
        return self.step

    @property
    def id(self) -> str:
        return ""

    def page(self, key: bool = False) -> Derivation:
        return replace(
            super().page(key), title=Say("worksheet.head_key" if key else "worksheet.head")
        )


def sheet_of(page: Explanation, most: int) -> Sheet | None:
    """The step's lines; None where there are more than so many numbers to work out."""
    r = page.reading
    if r is None:
        return None
    quantities = [q for q in (*r.computed, *r.pulled) if q.expr is not None]
    if sum(size(q.shape) for q in quantities) > most:  # without the updates, which take longer
        return None
    sheet = Sheet(r)
    return sheet if count(sheet.asked()) <= most else None


def paper_of(page: Explanation) -> OwnPaper:
    """The paper of a step that was worked out. ValueError where it has too many numbers, or some
    that cannot be worked out by hand."""
    if sheet_of(page, MOST_NUMBERS) is None:
        raise ValueError(say("worksheet.bad.step", most=MOST_NUMBERS))
    if page.mode != "hand":
        page = explained(page.run, "hand", "differences")
    by_class = page.run.loss.op.name == "cross_entropy_loss" and _targets(page) == 1
    sheet = Sheet(page.reading)
    asked = tuple(phase for phase in STEPS if sheet.asked((phase,)))
    loss = "cross_entropy" if by_class else ""
    return OwnPaper("-".join(map(str, _sizes(page.run))), 0, "", loss, asked, step=page)


def _targets(page: Explanation) -> int:
    y = page.run.y
    return 0 if y is None else int(y.numel())


def _sizes(run: Recording) -> Iterator[int]:
    """Neurons of each layer, the input first, where one weighted sum leads to the next."""
    record, found = run.output, []
    while record is not None:
        if record.op.name == "linear":
            found.append(record.inputs[1].shape)
        elif record.op.family is not Family.ELEMENTWISE or len(record.inputs) > 1:
            return
        record = record.inputs[0]._record
    if found:
        yield from (found[-1][1], *(shape[0] for shape in reversed(found)))
