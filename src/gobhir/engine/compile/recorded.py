"""One run of a step, on Traced arrays: the calls that it made, and what it worked on."""

from __future__ import annotations

import gc
from contextlib import nullcontext
from typing import Any

import numpy as np

from gobhir.engine.compile.graph import waits
from gobhir.engine.compile.guards import Name, python_state, same
from gobhir.engine.compile.names import Names
from gobhir.engine.compile.recorder import Recorder
from gobhir.engine.compile.results import Shown, untraced
from gobhir.engine.compile.surroundings import Surroundings
from gobhir.engine.compile.traced import Traced, owner, plain, trace
from gobhir.engine.tensor import Tensor


class Recorded:
    """A run that was written down into `recorder`.

    inputs: memory of its own for each argument. homes, had_grad: where the tensors that it works
    on, and their gradients, lay before; arrays: those of NumPy that it looked up by name.
    end_grads: where the gradients lay afterwards. first: what it returned; result: the same with
    `Shown` for what is computed anew each time.
    """

    def __init__(
        self,
        step: Any,
        args: Any,
        kwargs: Any,
        around: Surroundings,
        names: list[Name],
        recorder: Recorder,
        tape: Names | None,
    ):
        self.recorder, self.around, self.names = recorder, around, names
        tensors = around.tensors
        self.inputs: list[tuple[Any, np.ndarray]] = []
        self.homes = [t.array for t in tensors]
        grads = [t.grad for t in tensors if t.grad is not None]
        windows = [(g, g.array) for g in grads if g.array.base is not None]
        for grad, array in windows:
            grad.array = array.copy()  # out of a long array, of an update
        had = [(t.grad, t.grad.array) for t in tensors if t.grad is not None]
        self.had_grad = {t: t.grad.array for t in tensors if t.grad is not None}
        self.arrays = [(n, n.now()) for n in names if n.traced()]
        given = (*args, *kwargs.values())
        learns = getattr(step, "learns_arguments", False)
        with recorder.recording():
            self._trace()
            if not learns and any(isinstance(a, Tensor) and a.requires_grad for a in given):
                recorder.refuse("argument_grad")
            args = tuple(self._own(k, a) for k, a in enumerate(args))
            kwargs = {k: self._own(k, a) for k, a in kwargs.items()}
            outside = self._outside()
            try:
                with tape or nullcontext():
                    result = step(*args, **kwargs)
                self._hand_over((*args, *kwargs.values()), given)
                self._compare(outside, self._outside())
                del outside  # it knows Traced arrays
            finally:
                self._put_back()
                for grad, array in had:
                    grad.array = array
        self.end_grads = {t: t.grad.array for t in tensors if t.grad is not None}
        for grad, array in windows:
            array[...] = grad.array
            grad.array = array
        if recorder.dry:
            self.end_grads = recorder.given
        if tape is not None:
            tape.let_go()
        with recorder.paused():
            self.result = self._template(result)
            self.first = untraced(result)
        del result, args, kwargs, given  # nothing here may keep a passing tensor alive
        self._nothing_kept()

    def _trace(self) -> None:
        for t in self.around.tensors:
            t.array = trace(t.array.view())  # a replay holds no array that the user sees
            if t.grad is not None:
                t.grad.array = trace(t.grad.array)
        for name, array in self.arrays:
            name.put(trace(array))

    def _put_back(self) -> None:
        """Let everything lie where it lay."""
        for name, array in self.arrays:
            if isinstance(name.now(), Traced):
                name.put(array)
        for t, home in zip(self.around.tensors, self.homes, strict=True):
            if owner(t.array) is owner(home):
                t.array = home
            else:
                t.array = plain(t.array)
                self.recorder.refuse("rebound")
            if t.grad is not None:
                t.grad.array = plain(t.grad.array)

    def _own(self, key: Any, value: Any) -> Any:
        """The argument on memory of the replay's own."""
        if isinstance(value, Tensor):
            buffer = value.array.copy("K")
            self.inputs.append((key, buffer))
            return Tensor._wrap(trace(buffer), value.requires_grad)
        if isinstance(value, np.ndarray):
            buffer = value.copy("K")
            self.inputs.append((key, buffer))
            return trace(buffer)
        return value

    def _hand_over(self, own: tuple[Any, ...], given: tuple[Any, ...]) -> None:
        """Give the caller's arguments what became of those in their place."""
        for mine, theirs in zip(own, given, strict=True):
            if isinstance(mine, Tensor) and mine._version:
                self.recorder.refuse("argument_changed")
                theirs.array[...] = plain(mine.array)
            if isinstance(mine, Tensor) and mine.grad is not None:
                gradient = Tensor._wrap(plain(mine.grad.array).copy())
                theirs.grad = gradient if theirs.grad is None else theirs.grad + gradient

    def _outside(self) -> dict[Any, Any]:
        with self.recorder.paused():
            return python_state(self.names, self.around.generators)

    def _compare(self, before: dict[Any, Any], now: dict[Any, Any]) -> None:
        """Refuse a step that changes what is no tensor: a replay would not."""
        for n in self.names:
            if hasattr(n.value, "__next__"):
                self.recorder.refuse("python", name=n.word)
        for place, value in before.items():
            if not same(now.get(place), value):
                scheduler = place[1] in ("last_epoch", "_step_count", "_last_lr")
                self.recorder.refuse("scheduler" if scheduler else "python", name=place[1])

    def _template(self, result: Any) -> Any:
        """The result with `Shown` in place of every tensor, array and number read."""
        recorder = self.recorder
        read = {id(number): array for number, array in recorder.numbers}
        used: set[int] = set()

        def shape(x: Any) -> Any:
            if isinstance(x, Tensor):
                if waits(x):
                    recorder.refuse("graph")
                if any(x is t for t in self.around.tensors):
                    return x
                return Shown(plain(x.array), "tensor")
            if isinstance(x, Traced):
                return Shown(plain(x), "array")
            if id(x) in read:
                used.add(id(x))
                return Shown(read[id(x)], "number")
            if type(x) in (tuple, list):
                return type(x)([shape(v) for v in x])
            if type(x) is dict:
                return {k: shape(v) for k, v in x.items()}
            if x is not None and not isinstance(x, (int, float, str, bool)):
                recorder.refuse("result", type=type(x).__name__)
            return x

        template = shape(result)
        if used != read.keys():
            recorder.refuse("number")
        recorder.numbers = []
        return template

    def _nothing_kept(self) -> None:
        """Refuse a step that puts results where a replay would not put the next ones."""
        if self.recorder.reason is None and self.recorder.alive():
            gc.collect()
            if self.recorder.alive():
                self.recorder.refuse("kept")
