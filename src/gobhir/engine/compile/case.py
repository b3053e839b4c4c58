"""The calls of a compiled step with arguments of one kind: watched once, recorded, checked beside
the step as it is written, and from then on replayed while everything is as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.compile.compare import Snapshot, close, near
from gobhir.engine.compile.graph import Both, Halves, differentiable
from gobhir.engine.compile.quick import quick
from gobhir.engine.compile.recorder import Diverged
from gobhir.engine.compile.replay import Replay
from gobhir.engine.compile.split import Split, halves, refuse
from gobhir.engine.compile.surroundings import Surroundings, watch
from gobhir.engine.tape import state
from gobhir.engine.tensor import Tensor
from gobhir.lang import Message, say

PATIENCE = 3
"""So many times in a row a replay may take another way before it is given up."""
FRUITLESS = 8
"""So many recordings in a row may fit no later call."""


class Case:
    """The calls with arguments of one kind: seen, recorded, checked, then replayed."""

    def __init__(self, compiled: Any, first: Any):
        self.compiled = compiled
        self.first = first  # objects among the arguments stay alive: they are known by their id
        self.surroundings: Surroundings | None = None
        self.replays: list[Replay] = []
        self.trusted: set[Any] = set()
        self.split: Split | None = None
        self.given_up = False
        self.strayed = self.fruitless = 0
        self.fresh = True
        self.both: Both | None = None
        self.shapes: list[Any] = []
        self.several = False
        self.halves: dict[Replay, Halves] = {}

    def __call__(self, args: Any, kwargs: Any) -> Any:
        step = self.compiled.step
        if self.given_up:
            return step(*args, **kwargs)
        split = self.split
        if split is not None and split in self.trusted and split.holds():
            self.fruitless = 0
            return self._split_up(split.run, args, kwargs)
        if self.surroundings is None:
            result, self.surroundings = watch(step, args, kwargs)
            self.fresh = True
            count = differentiable(result)
            if (self.both is None) is bool(count):
                self.forget()
            self.both = None
            if count and state.grad_enabled:
                self.both = Both(step, self.surroundings.tensors, count)
                self.shapes = [
                    (t.shape, t.dtype) for t in ([result] if count == 1 else list(result))
                ]
                self.surroundings.unroll = False
                self.several = not isinstance(result, Tensor)
            return result
        if self.compiled.threads == 2 and not self.surroundings.small() and halves(args, kwargs):
            return self._split_up(self._on_two_threads, args, kwargs)
        if self.both is not None:
            return self._in_halves(self.both, args, kwargs)
        replay = next((r for r in self.replays if r.holds()), None)
        if replay is None:
            return self(args, kwargs) if self._unsteady() else self._record(args, kwargs)
        try:
            if replay not in self.trusted:
                return self._check(replay, args, kwargs)
            result = replay.run(args, kwargs)
        except Diverged:
            if not replay.fits():
                self._unlearn(replay)
                return step(*args, **kwargs)
            self.strayed += 1
            if self.strayed == PATIENCE:
                self._give_up(say("errors.compile.strayed"))
            return step(*args, **kwargs)
        self.strayed = self.fruitless = 0
        if replay.keeper is not None and not kwargs:
            self.compiled._quick = quick(replay, args, replay.result)
            self.compiled._arity = len(args)
            self.compiled._keeper = replay.keeper
        elif not kwargs and all(isinstance(a, Tensor) for a in args):
            self.compiled._last = replay, [a.array.shape for a in args]
        return result

    def _split_up(self, run: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        try:
            return run(args, kwargs)
        except Diverged:
            if self.split is not None and not self.split.update.fits():
                self.split = None
            return self.compiled.step(*args, **kwargs)

    def _on_two_threads(self, args: Any, kwargs: Any) -> Any:
        """Half a batch on each of two threads."""
        step, around = self.compiled.step, self.surroundings
        assert around is not None
        split = self.split
        if len(around.updates) != 1:
            raise refuse("one_update")
        if split is not None and not split.holds():
            self.split = None
            if not self._unsteady():
                self.surroundings = None
            return self(args, kwargs)
        if split is None:
            self._split(args, kwargs, mean=True)
            return step(*args, **kwargs)
        before = Snapshot(around)
        for mean in (True, False):
            if not mean:
                split = self._split(args, kwargs, mean)
            split.gradients(args, kwargs)
            split.combine()
            grads = {p: g.copy() for p, g in split.update.grads.items()}
            before.restore()
            with_loss = self._as_whole(grads, args, kwargs, before)
            if with_loss is not None:
                self.trusted.add(split)
                calls = sum(len(p.lines) for p in split.parts)
                self.compiled._say("errors.compile.trusted", calls=calls)
                return with_loss
        raise refuse("coupled")

    def _split(self, args: Any, kwargs: Any, mean: bool) -> Split:
        """The step recorded in two halves; nothing else has changed. RuntimeError if that cannot
        be done."""
        assert self.surroundings is not None
        before = Snapshot(self.surroundings)
        try:
            split = Split(self.compiled.step, args, kwargs, self.surroundings, mean)
        except (RuntimeError, ValueError, IndexError, TypeError) as trouble:
            raise refuse("coupled") from trouble
        finally:
            before.restore()
        split.check()
        self.split = split
        return split

    def _as_whole(
        self, grads: dict[Tensor, np.ndarray], args: Any, kwargs: Any, before: Snapshot
    ) -> Any:
        """The step as it is written, on the whole batch; None, and nothing changed, if its
        gradients are not these."""
        result = self.compiled.step(*args, **kwargs)
        # Sums that nearly cancel, of another order: what is coupled differs by far more.
        if all(p.grad is not None and near(g, p.grad.array, 1e-4) for p, g in grads.items()):
            return result
        before.restore()
        return None

    def _in_halves(self, both: Both, args: Any, kwargs: Any) -> Any:
        """A call whose result is differentiated outside."""
        step = self.compiled.step
        replay = next((r for r in self.replays if r.holds()), None)
        assert self.surroundings is not None
        if replay is None or replay not in self.trusted:
            if self.surroundings.hooked():
                self._give_up(say("errors.compile.hook"))  # recording would call them once more
                return step(*args, **kwargs)
            ones = (Tensor._wrap(np.ones(shape, dtype)) for shape, dtype in self.shapes)
            if replay is None and self._unsteady():
                return self(args, kwargs)
            given = (*ones, *args)
            before = Snapshot(self.surroundings)
            if replay is None:
                self._record(given, kwargs, both)
            else:
                self._check(replay, given, kwargs, both)
                if replay in self.trusted:
                    self.halves[replay] = Halves(both, replay, self.several)
            before.restore()
            return step(*args, **kwargs)
        halves = self.halves[replay]
        if halves.busy():
            return step(*args, **kwargs)
        try:
            self.fruitless = 0
            return halves(args, kwargs)
        except Diverged:
            return step(*args, **kwargs)

    def _unsteady(self) -> bool:
        """Where no recording fits: whether another one would be no use. Then the step has been
        given up, or is to be watched again, because it works on other things than before."""
        assert self.surroundings is not None
        self.fruitless += 1
        if self.fruitless > FRUITLESS:
            last = self.replays[-1].names if self.replays else self.surroundings.names
            changed = (n.word for n in last if not n.holds())
            self._give_up(say("errors.compile.unsteady", name=next(changed, "Module")))
        elif not self.surroundings.complete(but_for_entries=self.fresh):
            self.surroundings = None
        self.fresh = False
        return self.given_up or self.surroundings is None

    def forget(self) -> None:
        """Let go of all recordings."""
        for replay in self.replays:
            if replay.keeper is not None:
                replay.keeper.release()
        self.replays = []
        self.trusted = set()
        self.halves = {}

    def _unlearn(self, replay: Replay) -> None:
        self.replays.remove(replay)
        self.trusted.discard(replay)

    def _give_up(self, reason: Message) -> None:
        self.given_up = True
        self.forget()
        self.compiled._tell(reason)

    def _record(self, args: Any, kwargs: Any, step: Any = None) -> Any:
        if self.replays:
            self.compiled._say("errors.compile.again")
        assert self.surroundings is not None
        self._roll_up_again()
        replay = Replay(step or self.compiled.step, args, kwargs, self.surroundings)
        result = replay.first
        if replay.reason is not None:
            self._give_up(replay.reason)
        elif not replay.again:
            self.replays.append(replay)
            if len(self.replays) > 8:
                self.trusted.discard(self.replays.pop(0))
        return result

    def _roll_up_again(self) -> None:
        """Where a scheduler cycles the momentum, every step would be written out anew."""
        outdated = [r for r in self.replays if r.keeper is not None and r.outdated()]
        if len(outdated) > 1 and self.surroundings is not None:
            self.surroundings.unroll = False
            self.compiled._quick = None
            for replay in outdated:
                if replay.keeper is not None:
                    replay.keeper.release()
                self._unlearn(replay)

    def _check(self, replay: Replay, args: Any, kwargs: Any, step: Any = None) -> Any:
        """The first replay, beside the step as it is written, from the same state."""
        around = replay.surroundings
        before = Snapshot(around)
        mine = replay.run(args, kwargs)
        replayed = Snapshot(around)
        before.restore()
        theirs = (step or self.compiled.step)(*args, **kwargs)
        written = Snapshot(around)
        loose = replay.keeper is None and not around.exact
        same = close(mine, theirs) and written.near(replayed, before)
        if same and not (loose and written.has_mere_rounding()):
            self.trusted.add(replay)
            if replay.keeper is None:
                self.compiled._say("errors.compile.trusted", calls=len(replay.lines))
            else:
                replay.keeper.attach()
                lines = replay.keeper.source.text.count("\n")
                self.compiled._say("errors.compile.unrolled", lines=lines)
        else:
            self._doubt(replay)
        return theirs

    def _doubt(self, replay: Replay) -> None:
        """The replay did not give the step's numbers: record it again with less freedom. A
        gradient that is nothing but rounding is only met by the very same calls."""
        around = replay.surroundings
        self.replays.remove(replay)
        if replay.keeper is not None:
            around.unroll = False
        elif not around.exact:
            around.exact = True
        else:
            self._give_up(say("errors.compile.differs"))
