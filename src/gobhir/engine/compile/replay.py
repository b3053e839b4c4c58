"""One recorded run of a step, and how it is run again.

`Replay` records one run of a step, from its surroundings, and makes its list of calls into the
plan of all others.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from gobhir.engine.compile.arguments import Arguments
from gobhir.engine.compile.flat import Update
from gobhir.engine.compile.gradients import Gradients, same_place
from gobhir.engine.compile.live import Keeper
from gobhir.engine.compile.lowering import lower
from gobhir.engine.compile.memory import final, place
from gobhir.engine.compile.names import Names, argument_names, parameter_names
from gobhir.engine.compile.plan import (
    guards,
    in_single_assignments,
    updates_after_guards,
    without_constant_calls,
    without_dead_calls,
    without_needless_copies,
    without_repeated_calls,
)
from gobhir.engine.compile.product import Line
from gobhir.engine.compile.program import Program
from gobhir.engine.compile.recorded import Recorded
from gobhir.engine.compile.recorder import Call, Diverged, Recorder
from gobhir.engine.compile.results import filled, shown
from gobhir.engine.compile.source import Writer
from gobhir.engine.compile.surroundings import Surroundings, ids
from gobhir.engine.compile.traced import owner
from gobhir.engine.compile.unroll import CannotUnroll
from gobhir.engine.hooks import changes
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


class Part(NamedTuple):
    """Only gradients are wanted, and each in its place: the optimizer's step is left out.
    share: how much the examples count, of those of a whole batch."""

    slots: dict[Tensor, np.ndarray]
    share: float


class Replay:
    """A recorded run. `reason` says why it cannot be run again, None if it can."""

    def __init__(
        self,
        step: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        surroundings: Surroundings,
        part: Part | None = None,
    ):
        self.part = part
        self.surroundings = surroundings
        self.modes = surroundings.modes()
        self.checked = changes[0]
        self.learning = [t.requires_grad for t in surroundings.tensors]
        self.settings, self.groups = surroundings.settings(), surroundings.groups()
        self.lists = surroundings.lists()
        self.names = [n.noted() for n in surroundings.names]
        self.keeper: Keeper | None = None
        self.own = Gradients({}, set())
        """Those gradients that no update shows."""
        self.in_place: dict[Tensor, np.ndarray] = {}
        """Those that are changed where they lie, and the memory in which that is done."""
        small = surroundings.small() and part is None
        self.updates = [] if small or part else [Update.of(o, ps) for o, ps in surroundings.updates]
        recorder = Recorder()
        if part is not None:
            recorder.dry, recorder.share = True, part.share
        if surroundings.hooked():
            recorder.refuse("hook")
        tape = Names(recorder.calls) if small else None
        run = Recorded(step, args, kwargs, surroundings, self.names, recorder, tape)
        self.first, self.result, self.inputs = run.first, run.result, run.inputs
        self.arrays = run.arrays
        self.split = getattr(step, "split", 0)
        """Of a step in two halves, how many of the calls recorded belong to the first."""
        self.reason = recorder.reason
        self.again = ids(recorder.updates) != ids(surroundings.updates)
        """Whether the recording only served to find out how to record."""
        self.changes_state = False
        if self.again and part is None:
            surroundings.updates = recorder.updates
        elif self.reason is None:
            self._build(step, run, tape)

    # -- planning ----

    def _build(self, step: Any, run: Recorded, tape: Names | None) -> None:
        recorder = run.recorder
        results = [s.array for s in shown(self.result)]
        program = Program.of(
            recorder.calls,
            [b for _, b in self.inputs],
            [*run.homes, *run.had_grad.values(), *(a for _, a in run.arrays)],
            [*results, *run.end_grads.values()],
        )
        others = {id(program.base(a)): n.word for n, a in run.arrays}
        for base in (b for call in program.calls for b in program.writes(call)):
            if id(base) in others:
                recorder.refuse("python", name=others[id(base)])
        if any(b.kind == "input" for call in program.calls for b in program.writes(call)):
            recorder.refuse("argument_changed")
        without_needless_copies(program)
        without_constant_calls(program)
        in_single_assignments(program)
        without_repeated_calls(program)
        without_dead_calls(program)
        if not updates_after_guards(program):
            recorder.refuse("late")
        kept = program.kept
        for s, array in zip(shown(self.result), kept, strict=False):
            s.array = array
        ends = dict(zip(run.end_grads, kept[len(results) :], strict=True))
        tensors = self.surroundings.tensors
        self.starts_without = [t for t in tensors if t.requires_grad and t not in run.had_grad]
        self.frozen = [(t, t in run.had_grad) for t in tensors if not t.requires_grad]
        had = [t for t in tensors if t.requires_grad or t in run.had_grad]
        self.no_grads = [t for t in had if t not in ends]
        if tape is not None:
            self._unroll(step, program, tape, ends, run)
            return
        if self.part is not None:
            self._settle_part(program, ends, run, self.part)
        else:
            self._settle_gradients(program, ends, run)
        if self.reason is None:
            self.reason = recorder.reason
        if self.reason is not None:
            return
        place(program)
        self.lines: list[Line] = []
        self.numbers: list[int] = []
        """Of each line, the place of its call in the recording."""
        for number, lines in lower(program, self.surroundings.exact):
            self.lines += lines
            self.numbers += [number] * len(lines)
        self.program = program
        for s in shown(self.result):
            s.array = final(program, s.array)
        self.inputs = [(k, final(program, b)) for k, b in self.inputs]
        self.arguments = Arguments(self.inputs, self.lines)
        shown_by = {t: u.grads[t] for u in self.updates for t in u.grads}
        places = {t: final(program, a) for t, a in ends.items() if t not in self.in_place}
        own = {t: a for t, a in places.items() if not same_place(a, shown_by.get(t))}
        flat = {id(p) for u in self.updates for p in u.parameters}
        if self.part is not None:
            flat = {id(p) for p in self.part.slots}
            own, self.no_grads, self.starts_without = {}, [], []
        self.own = Gradients(own, self.surroundings.copied)
        self.fixed = [
            (t, home)
            for t, home in zip(self.surroundings.tensors, run.homes, strict=True)
            if id(t) not in flat
        ]
        self._protect(program)

    def _unroll(
        self,
        step: Any,
        program: Program,
        tape: Names,
        ends: dict[Tensor, np.ndarray],
        run: Recorded,
    ) -> None:
        """Write the program out number by number; if that cannot be done, the step is recorded
        once more, to be replayed on arrays."""
        around = self.surroundings
        names = parameter_names(step, around.modules, around.tensors)
        writer = Writer(program, tape, names, getattr(step, "__name__", type(step).__name__))
        changed = {id(p) for _, ps in run.recorder.updates for p in ps}
        written = {id(b) for c in program.calls if c.how != "update" for b in program.writes(c)}
        try:
            for (key, array), name in zip(
                self.inputs, argument_names(step, self.inputs), strict=True
            ):
                writer.argument(key, name, array)
            for t, home in zip(around.tensors, run.homes, strict=True):
                if id(t) in changed or t.requires_grad:
                    writer.weight(t, home)
                elif id(program.base(home)) in written:
                    raise CannotUnroll
                elif home.size:
                    writer.argument(t, names[t], home)
            if any(t in run.had_grad for t in self.no_grads):
                raise CannotUnroll  # the generator takes no gradient away
            results = [s.array for s in shown(self.result)]
            source = writer.write(results, ends, run.recorder.updates)
            pairs = ((t, ends[t], had) for t, had in run.had_grad.items() if t in ends)
            source.in_place = {t for t, a, had in pairs if program.base(a) is program.base(had)}
            self.keeper = Keeper(source)
        except CannotUnroll:
            around.unroll, self.again = False, True
        self.adds_to: list[tuple[Tensor, np.ndarray]] = []
        self.fixed = []
        self.lines = []

    def _settle_gradients(
        self, program: Program, ends: dict[Tensor, np.ndarray], run: Recorded
    ) -> None:
        """Let every gradient be computed where it will lie: in the optimizer's long array, or in
        a place of its own. What is added to a gradient from before is added there."""
        slots: dict[Tensor, np.ndarray] = {}
        calls = []
        for call in program.calls:
            if call.how == "update":
                update = self.updates[call.f]
                given = dict(zip(update.parameters, self._grads_of(call, update), strict=True))
                for p, array in given.items():
                    slot = update.grads[p]
                    slots.setdefault(p, slot)
                    if not self._claim(program, array, slot):
                        calls.append(Call("copy", None, (array,), {}, (slot,)))
                        program.base(slot, "state")
                call = Call("update", update, call.args, {}, call.outs, call.also_writes, True)
            calls.append(call)
        program.calls = calls
        read = set().union(*(program.reads(c) for c in calls)) if calls else set()
        written = set().union(*(program.writes(c) for c in calls)) if calls else set()
        self.adds_to = []
        for t, before in run.had_grad.items():
            base = program.base(before)
            if base not in read and not any(program.base(e) is base for e in ends.values()):
                continue
            if base not in read and base not in written:
                del ends[t]  # it stays as it is
                continue
            end = ends.get(t)
            slot = slots.get(t)
            if slot is None:
                slot = np.zeros_like(before)
            base.memory = _bytes(slot)
            self.adds_to.append((t, slot))
            if end is not None and program.base(end) is base:
                self.in_place[t] = slot
            elif end is not None:
                self._claim(program, end, slot)

    def _settle_part(
        self, program: Program, ends: dict[Tensor, np.ndarray], run: Recorded, part: Part
    ) -> None:
        """Let the gradients be computed in their slots, and nothing follow on them."""
        self.adds_to = []
        read = set().union(*(program.reads(c) for c in program.calls)) if program.calls else set()
        if any(program.base(before) in read for before in run.had_grad.values()):
            self.reason = say("errors.compile.coupled")
        for p, array in ends.items():
            slot = part.slots[p]
            if not self._claim(program, array, slot):
                program.calls.append(Call("copy", None, (array,), {}, (slot,)))
                program.base(slot, "state")
        mine = {id(owner(a)) for a in part.slots.values()}
        self.changes_state = any(
            b.kind == "state" and id(b.array) not in mine
            for call in program.calls
            for b in program.writes(call)
        )

    def _grads_of(self, call: Call, update: Update) -> list[np.ndarray]:
        """The gradients of an update, in the order of its parameters."""
        order = next(ps for o, ps in self.surroundings.updates if o is update.optimizer)
        given = dict(zip(order, call.args, strict=True))
        return [given[p] for p in update.parameters]

    def _claim(self, program: Program, array: np.ndarray, slot: np.ndarray) -> bool:
        base = program.base(array)
        if base.kind != "temporary" or base.memory is not None or not program.whole(array):
            return False
        if not array.flags.c_contiguous:
            return False
        base.memory, base.fixed = _bytes(slot), True
        return True

    def _protect(self, program: Program) -> None:
        """What has been changed by the time the last guard speaks has to be put back if it says
        no. Usually that is nothing."""
        last = max((i for i, c in enumerate(program.calls) if guards(c)), default=-1)
        states: dict[int, np.ndarray] = {}
        for call in program.calls[: last + 1]:
            for base in program.writes(call):
                if base.kind == "state" and base.memory is not None:
                    states[id(base)] = base.memory
        self.backups = [(a, a.copy()) for a in states.values()]
        self.generators = list(
            {id(c.args[0]): c.args[0] for c in program.calls if c.how == "draw"}.values()
        )
        self.guarded = last >= 0

    # -- running ----

    def holds(self) -> bool:
        """Whether everything is still as it was when the step was recorded."""
        around = self.surroundings
        lists = around.lists()
        if self.checked != changes[0] or not all(map(is_, lists, self.lists)):
            if around.modes() != self.modes or around.groups() != self.groups or around.hooked():
                return False
            self.checked, self.lists = changes[0], lists
        if [t.requires_grad for t in around.tensors] != self.learning:
            return False
        if not all(name.holds() for name in self.names):
            return False
        if any(t.array is not home for t, home in self.fixed):
            return False
        if any(t.grad is None for t, _ in self.adds_to):
            return False
        if self.keeper is not None and not self.keeper.has_the_state():
            return False
        if self.keeper is not None and self.outdated():
            return False
        if any((t.grad is not None) is not had for t, had in self.frozen):
            return False  # from before it was frozen: an optimizer still uses and clears it
        return all(t.grad is None for t in self.starts_without)

    def outdated(self) -> bool:
        """Whether an optimizer has other settings now than those that are written out."""
        return self.surroundings.settings() != self.settings

    def fits(self) -> bool:
        """Whether the memory of the replay may be written into."""
        return all(update.fits() for update in self.updates) and not self.own.kept()

    def run(self, args: Any, kwargs: Any) -> Any:
        """The step again. Diverged, with nothing changed, where it takes another way."""
        if self.keeper is not None:
            return self._run_unrolled(self.keeper, args, kwargs)
        if self.own.kept():
            raise Diverged
        self.arguments.bind(args, kwargs)
        for update in self.updates:
            update.adopt()
        for t, slot in self.adds_to:
            if t.grad is not None:
                slot[...] = t.grad.array
        self.carry_out(self.lines, self.guarded)
        for t, slot in self.in_place.items():
            if t.grad is not None:
                t.grad.array[...] = slot
                t.grad._changed("backward")
        for gradients in (*(u.gradients for u in self.updates), self.own):
            gradients.show(but=self.in_place)
        for t in self.no_grads:
            t.grad = None
        return filled(self.result)

    def carry_out(self, lines: list[Line], guarded: bool) -> None:
        """All these calls; if a guard says no, Diverged, and everything is as it was."""
        if guarded:
            for array, saved in self.backups:
                np.copyto(saved, array)
            drawn = [g.get_state() for g in self.generators]
        try:
            with np.errstate(all="ignore"):
                for f, arguments in lines:
                    f(*arguments)
        except Diverged:
            for array, saved in self.backups:
                np.copyto(array, saved)
            for generator, was in zip(self.generators, drawn, strict=True):
                generator.set_state(was)
            raise

    def _run_unrolled(self, keeper: Keeper, args: Any, kwargs: Any) -> Any:
        given = []
        for key, _ in keeper.source.arguments:
            value = (
                key if isinstance(key, Tensor) else args[key] if type(key) is int else kwargs[key]
            )
            given.append((value.array if isinstance(value, Tensor) else value).tolist())
        result = keeper.run(tuple(given))
        numbers = result if type(result) is tuple else (result,)
        at = 0
        for s in shown(self.result):
            count = s.array.size
            with np.errstate(over="ignore"):
                found = np.array(numbers[at : at + count], s.array.dtype)
            s.array = found.reshape(s.array.shape)
            at += count
        if not keeper.attached:
            for t in self.no_grads:
                t.grad = None
        return filled(self.result)


def _bytes(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1).view(np.uint8)
