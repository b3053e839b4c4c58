"""The training steps of a trace: which calls and which backward an optimizer's step comes of."""

from __future__ import annotations

from dataclasses import dataclass

from gobhir.lift.trace import Backward, Call, Stepped, Trace, Value, values_in


@dataclass(eq=False)
class Step:
    """calls: all that the losses come of, in order. backwards: what was differentiated, each added
    to the gradients of the one before. stepped: what the optimizer did, None if none stepped.
    left: gradients that were there before the first of these, from steps past (a forgotten
    zero_grad) or from outside."""

    calls: list[Call]
    backwards: list[Backward]
    stepped: Stepped | None
    left: dict[Value, Value]


def steps_of(trace: Trace) -> list[Step]:
    """All steps, in order. What was differentiated last without an optimizer's step is one, too."""
    found, used = [], set()
    for k, event in enumerate(trace.events):
        if isinstance(event, Stepped):
            leaves = {c.parameter for c in event.changes}
            backwards, left = _differentiated(trace, k, leaves, event.key)
            used |= set(backwards)
            if backwards:
                found.append(Step(_needed(trace, backwards), backwards, event, left))
    rest = [e for e in trace.events if isinstance(e, Backward) and e not in used]
    if rest and not isinstance(_last(trace), Stepped):
        leaves = set(rest[-1].found)
        backwards, left = _differentiated(trace, len(trace.events), leaves, None)
        backwards = [b for b in backwards if b not in used]
        if backwards:
            found.append(Step(_needed(trace, backwards), backwards, None, left))
    return found


def _last(trace: Trace) -> Backward | Stepped | None:
    events = (e for e in reversed(trace.events) if isinstance(e, (Backward, Stepped)))
    return next(events, None)


def _differentiated(
    trace: Trace, end: int, leaves: set[Value], key: int | None
) -> tuple[list[Backward], dict[Value, Value]]:
    """What the gradients of these leaves were added up from, before event number `end`; and what
    had been there before."""
    found: list[Backward] = []
    for event in reversed(trace.events[:end]):
        if isinstance(event, Stepped) and event.key == key:
            break
        if not isinstance(event, Backward) or leaves.isdisjoint(event.found):
            continue
        found.insert(0, event)
        if not _before(event, leaves):
            break
    return found, _before(found[0], leaves) if found else {}


def _before(event: Backward, leaves: set[Value]) -> dict[Value, Value]:
    """The gradients other than 0 that these leaves had before."""
    pairs = ((leaf, event.found[leaf][0]) for leaf in leaves if leaf in event.found)
    return {leaf: g for leaf, g in pairs if g is not None and g.read().any()}


def _needed(trace: Trace, backwards: list[Backward]) -> list[Call]:
    """The calls whose results these losses are made from, in order; also those that wrote into the
    memory of such a result, through a view of it."""
    before = trace.events[: trace.events.index(backwards[-1])]
    calls = [e for e in before if isinstance(e, Call)]
    made = {v: call for call in calls for v in values_in(call.results)}
    todo = [v for b in backwards for v in (*b.roots, *(s for s in b.seeds if s is not None))]
    writers = [c for c in calls if c.writes and any(v.learns for v in values_in(c.results))]
    wanted: set[Call] = set()
    memories: set[int] = set()
    while todo:
        while todo:
            value = todo.pop()
            memories.add(value.memory)
            call = made.get(value)
            if call is not None and not value.learns and not any(call.scope):
                value.origin = "given"  # what the program prepares is no part of the step
            elif call is not None and call not in wanted:
                wanted.add(call)
                todo += values_in((call.args, call.kwargs))
        for call in writers:
            if call not in wanted and any(v.memory in memories for v in values_in(call.results)):
                todo += values_in(call.results)
    return [call for call in calls if call in wanted]
