"""The training steps of a trace: which calls and which backward an optimizer's step comes of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gobhir.lift.trace import Backward, Call, Stepped, Trace, Value, values_in


@dataclass(eq=False)
class Step:
    """calls: all that the losses come of, in order. backwards: what was differentiated, each added
    to the gradients of the one before. stepped: what the optimizer did, None if none stepped.
    whole: whether all these calls are still known."""

    calls: list[Call]
    backwards: list[Backward]
    stepped: Stepped | None
    whole: bool = True
    left: dict[Value, Value] = field(init=False)
    """Gradients that were there before the first of these, from steps past (a forgotten zero_grad)
    or from outside."""

    def __post_init__(self) -> None:
        changes = None if self.stepped is None else self.stepped.changes
        leaves = self.backwards[-1].found if changes is None else {c.parameter for c in changes}
        self.left = _before(self.backwards[0], set(leaves))

    @property
    def loss(self) -> float:
        """What was differentiated, all in all."""
        return total(self.backwards)


def steps_of(trace: Trace) -> list[Step]:
    """All steps, in order. What was differentiated last without an optimizer's step is one, too."""
    calls = Calls(trace.calls)
    found, used = [], set()
    for event in trace.events:
        if isinstance(event, Stepped) and event.backwards:
            used |= set(event.backwards)
            found.append(_step(calls, event.backwards, event))
    rest = [e for e in trace.events if isinstance(e, Backward) and e not in used]
    if rest and not isinstance(_last(trace), Stepped):
        last = differentiated(trace, set(rest[-1].found), None)
        backwards = [b for b in last if b not in used]
        if backwards:
            found.append(_step(calls, backwards, None))
    return found


def total(backwards: list[Backward]) -> float:
    """The sum of what was differentiated; NaN where it cannot be read any more."""
    try:
        return float(sum(root.read().sum() for b in backwards for root in b.roots))
    except ValueError:
        return float("nan")


def _last(trace: Trace) -> Backward | Stepped | None:
    events = (e for e in reversed(trace.events) if isinstance(e, (Backward, Stepped)))
    return next(events, None)


def differentiated(trace: Trace, leaves: set[Value], key: int | None) -> list[Backward]:
    """What the gradients that these leaves have now were added up from. key: of the optimizer
    whose last step has used up what was before."""
    found: list[Backward] = []
    for event in reversed(trace.events):
        if isinstance(event, Stepped) and event.key == key:
            break
        if not isinstance(event, Backward) or leaves.isdisjoint(event.found):
            continue
        found.insert(0, event)
        if not _before(event, leaves):
            break
    return found


def _before(event: Backward, leaves: set[Value]) -> dict[Value, Value]:
    """The gradients other than 0 that these leaves had before."""
    pairs = ((leaf, event.found[leaf][0]) for leaf in leaves if leaf in event.found)
    return {leaf: g for leaf, g in pairs if g is not None and g.read().any()}


def _step(calls: Calls, backwards: list[Backward], stepped: Stepped | None) -> Step:
    roots = [v for b in backwards for v in (*b.roots, *(s for s in b.seeds if s is not None))]
    needed, whole = calls.needed(roots)
    return Step(needed, backwards, stepped, whole)


class Calls:
    """All calls of a trace, to be asked which of them something comes of."""

    def __init__(self, calls: list[Call]):
        self.order = {call: k for k, call in enumerate(calls)}
        self.made = {v: call for call in calls for v in values_in(call.results)}
        self.writers: dict[int, list[Call]] = {}
        for call in calls:
            written = list(values_in(call.results)) if call.writes else []
            if any(v.learns for v in written):
                for v in written:
                    self.writers.setdefault(v.memory, []).append(call)

    def needed(self, values: Iterable[Value]) -> tuple[list[Call], bool]:
        """The calls that these values are made by, in order; also those that wrote into the memory
        of one of them, through a view of it, before. And whether these are all."""
        todo, wanted, asked, whole = list(values), set[Call](), set[Call](), True
        end = max((self.order[self.made[v]] for v in todo if v in self.made), default=-1)
        while todo:
            value = todo.pop()
            call = self.made.get(value)
            if call is None and value.learns and not value.origin:
                whole = False  # what made it has been forgotten
            elif call is None:
                value.origin = value.origin or "given"
            elif not value.learns and not any(call.scope):
                value.origin = "given"  # what the program prepares is no part of the step
            elif call not in wanted:
                wanted.add(call)
                todo += values_in((call.args, call.kwargs))
            start = -1 if call is None else self.order[call]
            for writer in self.writers.get(value.memory, ()):
                if writer not in asked and start < self.order[writer] < end:
                    asked.add(writer)
                    todo += values_in(writer.results)
        return sorted(wanted, key=self.order.__getitem__), whole
