"""Listening to somebody's own training loop, and writing down what is heard in a Diary.

Everything is read and nothing is changed: hooks on the modules and around the optimizer's step,
which Gobhir's models and PyTorch's have under the same names, and `ears` for what each framework
tells in its own way: the ops that run, and backward(). See engine_ears.py and torch_ears.py.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.lift.diary import Birth, Diary, Seen
from gobhir.lift.measuring import Measuring
from gobhir.lift.noticing import (
    FLAT,
    LOSSES,
    SILENT,
    STRETCHED,
    Heard,
    gates_of,
    inputs_of,
    targets_of,
    unit_key,
    units_of,
)

MASKS = ("mask", "fill", "where", "full", "triu", "tril", "part", "detach")
"""Ops that make infinity on purpose."""
MODED = ("Dropout", "AlphaDropout", "FeatureAlphaDropout", "BatchNorm")
"""Modules that do something else in training than afterwards."""
KEPT = 1 << 28
"""So many bytes of a step's values are held until the step has ended."""
JUMP = 3.0
"""A loss so many times the middle one of the last twenty is an event: its step is kept in full."""
MOST_RECORDS = 5
HUGE = 1e12
"""Beyond this, infinity came by growing, not at a place where an op has no answer."""


class Pages:
    """Which steps are kept in full, to be opened as pages: none here, see explain/stories/pages.py.
    begun: Keras is about to take a step; done: a new step begins; look: a watched one has ended."""

    def begun(self) -> None: ...

    def done(self, steps: float) -> None: ...

    def look(self, diary: Diary) -> None: ...


class Listener:
    """Listens to one model and one optimizer. numbers: what gives a tensor's array, shared."""

    def __init__(self, model: Any, optimizer: Any, every: int, numbers: Callable[[Any], Any]):
        self.model, self.optimizer, self.numbers = model, optimizer, numbers
        self.measuring = Measuring(model, optimizer, numbers)
        self.parameters = self.measuring.parameters
        self.diary = Diary(self.measuring.watched, every)
        self.paths = {id(m): path for path, m in model.named_modules()}
        self.moded = [m for m in model.modules() if type(m).__name__.startswith(MODED)]
        self.pages = Pages()
        self.listening = False
        """Whether ops are of interest: in a watched step, until the optimizer changes weights."""
        self.over = False
        """The first NaN ends the story: all that follows is NaN as well."""
        self._handles: list[Any] = []
        self._stack: list[Any] = []
        self._producer: Any = None
        self._trace: list[Heard] = []
        self._bytes = 0
        self._back: dict[int, bool] = {}
        self._suspect: Heard | None = None
        self._loss: float | None = None
        self._mark: list[Any] = []
        self._used: list[Any] = []
        """The gradients that the last step went by."""
        self._stale: bool | None = None
        """Whether they were still there at every backward() since: then nobody cleared them."""
        self._alone: float | None = None
        self._training = True
        self._checking = False
        self._waiting: float | None = None
        self._stepping = False

    # -- coming and going ----

    def attach(self, inside: bool = True) -> None:
        """Put the hooks in place. inside: on the modules, too (a compiled model has none)."""
        optimizer = self.optimizer
        self._handles = [
            optimizer.register_step_pre_hook(lambda *_: self.before_step()),
            optimizer.register_step_post_hook(lambda *_: self.after_step()),
        ]
        if inside:
            for module in self.model.modules():
                self._handles.append(module.register_forward_pre_hook(self._enter))
                self._handles.append(module.register_forward_hook(self._leave))
        self.listening = self.due()
        dropped = {self.paths[id(m)]: float(m.p) for m in self.moded if hasattr(m, "p")}
        self.diary.details |= self.measuring.settings() | {"dropout": dropped}
        self.diary.details["alike"] = self.measuring.alike()

    def detach(self) -> None:
        """Take the hooks away."""
        self.listening = False
        still = set(self.measuring.alike())
        self.diary.details["alike"] = [n for n in self.diary.details["alike"] if n in still]
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._forget()

    def _forget(self) -> None:
        self._trace, self._bytes, self._back, self._suspect = [], 0, {}, None

    # -- modules ----

    def _enter(self, module: Any, args: Any) -> None:
        if module is self.model:
            self._stack = []
            self._producer = None
            self.pages.done(self.diary.steps)
            if self.listening and self.grad_enabled():
                inputs_of(self.diary, args, self.numbers)
        self._stack.append(module)

    def _leave(self, module: Any, args: Any, out: Any) -> None:
        if self._stack and self._stack[-1] is module:
            self._stack.pop()
        if self.over:
            return
        if module._parameters:
            self._producer = module
            order = self.diary.order
            order.setdefault(self.paths.get(id(module), ""), len(order))
        if module is self.model and self.moded:
            self._note_mode()
        if not self.listening:
            return
        kind = type(module).__name__
        if kind.startswith("BatchNorm") and module.training and args:
            self.diary.counts["batches_of_one"] += len(args[0]) == 1
        if kind.startswith(("LSTM", "GRU")) and self.grad_enabled():
            gates_of(self.diary, self.paths.get(id(module), ""), module, args, self.numbers)
        if module is self.model and self._trace and self.grad_enabled():
            self._note_last(out)

    def _note_mode(self) -> None:
        """In which mode the model ran, for training or for a look at it."""
        checking = not self.grad_enabled()
        if checking and any(m.training for m in self.moded):
            self.diary.counts["checks_in_train"] += 1
            self.diary.counts["runs_in_train"] += not self._checking
        self._checking = checking
        if not checking:
            self._training = self.model.training

    def _note_last(self, out: Any) -> None:
        """Which activation was the model's last word."""
        first = out[0] if isinstance(out, tuple) and out else out
        last = self._trace[-1]
        units = self.diary.units.get(unit_key(last.layer, last.op))
        if units is not None and hasattr(first, "shape"):
            units.final |= np.may_share_memory(self.numbers(first), last.value)

    def grad_enabled(self) -> bool:
        """Whether a gradient could come of what runs now."""
        raise NotImplementedError

    # -- ops ----

    def op(self, name: str, inputs: tuple[Any, ...], value: np.ndarray) -> int:
        """An op has run under autograd: is its result sound, and are its units awake? Returns
        its number in this step, for `back`."""
        layer = self._layer()
        heard = Heard(name, layer, value)
        with np.errstate(all="ignore"):
            if value.size and not math.isfinite(value.sum()) and self._sick(heard, inputs):
                return -1
            if name in SILENT or name in FLAT:
                units_of(self.diary, heard, type(self._producer).__name__)
        if name in LOSSES or name in STRETCHED:
            self._alone = targets_of(self.diary, name, inputs, value, self.numbers)
        self._bytes += value.nbytes
        self._trace.append(heard if self._bytes <= KEPT else Heard(name, layer, np.empty(0)))
        return len(self._trace) - 1

    def _layer(self) -> str:
        """The layer whose numbers are at work: the innermost one that has weights or, between
        layers, the one that ran last."""
        for module in reversed(self._stack):
            if module._parameters:
                return self.paths.get(id(module), "")
        if not self._stack:
            return ""
        return self.paths.get(id(self._producer), "") or self.paths.get(id(self._stack[-1]), "")

    def _sick(self, heard: Heard, inputs: tuple[Any, ...]) -> bool:
        """Whether a NaN is in the op's result; if so, where it came from."""
        if not np.isnan(heard.value).any():
            return False
        given = [x for x in inputs if getattr(x, "is_floating_point", bool)()]
        arrays = [self.numbers(x) for x in given]
        phase = "forward"
        for x, a in zip(given, arrays, strict=True):
            if np.isnan(a).any():
                leaf = x.is_leaf
                phase = "unseen" if not leaf else "weights" if x.requires_grad else "data"
        sources = (h for h in self._trace if np.isinf(h.value).any() and not _on_purpose(h.op))
        source = next(sources, None)
        sizes = tuple((float(a.min()), float(a.max())) for a in arrays if a.size)
        self._trace.append(heard)
        if source is None or phase != "forward":
            at = tuple(int(k) for k in np.argwhere(np.isnan(heard.value))[0])
            alike = all(a.shape in (heard.value.shape, ()) for a in arrays)
            there = [float(a[at] if a.shape else a) for a in arrays] if alike else []
            self._born(phase, heard.op, heard.layer, "", sizes, at, tuple(there))
        elif self._grown():
            self._born("overflow", source.op, source.layer)
        else:
            self._born(phase, heard.op, heard.layer, source.op, sizes)
        return True

    def _grown(self) -> bool:
        """Whether numbers had become so large that infinity was only a matter of time."""
        fine = (h.value[np.isfinite(h.value)] for h in self._trace)
        return any(np.abs(a).max(initial=0) > HUGE for a in fine)

    def _born(
        self,
        phase: str,
        op: str = "",
        layer: str = "",
        source: str = "",
        inputs: tuple[tuple[float, float], ...] = (),
        at: tuple[int, ...] = (),
        given: tuple[float, ...] = (),
    ) -> None:
        if self.over:
            return
        step = self.diary.steps
        self.diary.birth = Birth(step, phase, op, layer, source, inputs, at, given)
        self._keep(step)
        self.over, self.listening = True, False

    def _keep(self, step: int) -> None:
        """The step, op by op."""
        if len(self.diary.records) < MOST_RECORDS:
            with np.errstate(all="ignore"):
                self.diary.records[step] = [_summary(h) for h in self._trace]

    # -- backward ----

    def before_backward(self, loss: Any) -> None:
        """backward() is about to start from `loss`."""
        if self.over:
            return
        self._settle()
        value = float(self.numbers(loss).sum())
        self.diary.counts["backward"] += 1
        grads = [p.grad for p in self.parameters]
        self._mark = [None if g is None else (g, g._version) for g in grads]
        if self._used:
            kept = any(g is u for g in grads for u in self._used)
            self._stale = self._stale is not False and (
                kept and any(self.numbers(u).any() for u in self._used)
            )
        if not self._stepping:
            self._waiting = value
        elif self._loss is None:  # a line search tries several, the first is where it stands
            self._loss = value
        self._back, self._suspect = {}, None
        if not math.isfinite(value):
            self._lost(value)

    def _lost(self, value: float) -> None:
        """The loss itself is no number, and no op was heard to give birth to it: infinite, or
        in a step that was not watched."""
        endless = [h for h in self._trace if np.isinf(h.value).any() and not _on_purpose(h.op)]
        self.diary.details["loss"] = value
        if endless:
            self._born("overflow" if self._grown() else "forward", endless[0].op, endless[0].layer)
        else:
            self._born("unseen")

    def _settle(self) -> None:
        """Count the last loss, if it was this optimizer's: its parameters got gradients."""
        value, self._waiting = self._waiting, None
        if value is None:
            return
        now = [p.grad for p in self.parameters]
        for old, g in zip(self._mark, now, strict=True):
            if g is not None and (old is None or old[0] is not g or old[1] != g._version):
                self._loss = (self._loss or 0.0) + value
                return

    def back(self, number: int, cotangent: np.ndarray) -> None:
        """The gradient with respect to op `number`'s result is known."""
        if self.over or number < 0 or self._suspect is not None:
            return
        self._back[number] = fine = sound(cotangent)
        if not fine:
            later = [k for k, well in self._back.items() if k > number and well]
            self._suspect = self._trace[min(later, default=number)]

    # -- the optimizer's step ----

    def before_step(self) -> None:
        """Remember the weights as they are, in a watched step. A gradient that is no number
        counts only now: who scales losses (amp.GradScaler) takes no step with it."""
        self.listening, self._stepping = False, True
        self.pages.done(self.diary.steps)
        if self._suspect is not None:
            at = self._suspect
            sizes = ((float(at.value.min()), float(at.value.max())),) if at.value.size else ()
            self._born("backward", at.op, at.layer, inputs=sizes)
        if self.due() and not self.over:
            self.measuring.begin()

    def due(self) -> bool:
        """Whether the step under way is one of those that are watched."""
        return self.diary.steps % self.diary.stride == 0

    def after_step(self) -> None:
        """A step is done: its row, and on to the next."""
        diary = self.diary
        self._settle()
        self._stepping = False
        if self.over:
            return
        diary.counts["eval_steps" if self.moded and not self._training else "train_steps"] += 1
        row, sick = self.measuring.end(diary.steps)
        if sick is not None:
            self._born("backward", layer=sick)
        if row is not None:
            diary.add(row)
        loss, self._loss = self._loss, None
        grads = [p.grad for p in self.parameters]
        diary.counts["stale"] += self._stale is True
        given = (g for g, w in zip(grads, diary.parameters, strict=True) if w.given)
        self._used, self._stale = [g for g in given if g is not None], None
        if diary.guess is not None and loss is not None and self._alone is not None:
            diary.guess.alone += abs(loss - self._alone) <= 1e-5 * abs(loss)
        self._alone = None
        if not self.over:  # the row may have found a gradient that is no number
            recent = [v for v in diary.losses[-20:] if v == v]
            jumped = len(recent) == 20 and loss is not None
            if jumped and loss > JUMP * abs(statistics.median(recent)) and self._trace:  # type: ignore[operator]
                self._keep(diary.steps)
            diary.losses.append(math.nan if loss is None else loss)
        self._forget()
        if row is not None and not self.over:
            self.pages.look(diary)
        self.listening = not self.over and self.due()


def sound(a: np.ndarray) -> bool:
    """Whether all are numbers. A sum shows it at once, unless it overflows."""
    with np.errstate(all="ignore"):
        return math.isfinite(a.sum()) or bool(np.isfinite(a).all())


def _on_purpose(op: str) -> bool:
    return any(word in op for word in MASKS)


def _summary(heard: Heard) -> Seen:
    a = heard.value
    known, fine = a[~np.isnan(a)], a[np.isfinite(a)]
    low, high = (known.min(), known.max()) if known.size else (math.nan,) * 2
    mean = fine.mean(dtype=float) if fine.size else math.nan
    return Seen(
        heard.op, heard.layer, a.shape, float(low), float(high), float(mean), a.size - fine.size
    )
