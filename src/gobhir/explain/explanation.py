"""`gobhir.explain`: one training step, recorded and worked out."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from typing import Any

from gobhir.derivation.expression import Index, Name
from gobhir.derivation.step import Count, Derivation, Say, Section, Step
from gobhir.engine import Tensor
from gobhir.engine.compile.blas import one_thread
from gobhir.explain.attending import looked_into
from gobhir.explain.double import doubled
from gobhir.explain.pages import board, maps
from gobhir.explain.pages.after import after
from gobhir.explain.pages.backward import backward
from gobhir.explain.pages.forward import ACTIVATIONS, forward, largest, loss_section, start
from gobhir.explain.pages.road import all_the_way, drill
from gobhir.explain.pages.update import update
from gobhir.explain.quantity import Saturated, size
from gobhir.explain.reading import Reading
from gobhir.explain.recording import LARGE, Recording, record_step
from gobhir.explain.why.asking import Questions, line_of, shown_at
from gobhir.explain.why.outline import opened, outline
from gobhir.explain.why.trace import Trace
from gobhir.explain.why.why import answer
from gobhir.lang import say
from gobhir.lift.keras_parts import is_layer

MODES = ("hand", "exact")
HAND_LIMIT = 120
"""Above so many products in a step, hand mode is not the default any more."""
MOST_BY_HAND = 20_000
CARRIED = 192 * 1024
"""Bytes of answers inside a saved page."""


@dataclass(frozen=True, eq=False)
class Explanation(Derivation):
    """A derivation that can be asked: `.why("0.weight[1, 2]")`.

    reading: the page's own arithmetic; None where the page is folded."""

    run: Any = field(default=None, repr=False)
    reading: Any = field(default=None, repr=False)

    @cached_property
    def trace(self) -> Trace:
        """The step as a graph of named tensors; opened where the page has everything on it."""
        return Trace(self.run if self.reading is None else self.reading.run)

    @cached_property
    def questions(self) -> Questions:
        """What to ask about each name on the page."""
        return Questions(self.trace, self.reading)

    @cached_property
    def inside(self) -> Trace:
        """The same where what ran as one op, such as an LSTM's step, is opened. Of a large network
        that takes seconds."""
        return Trace(looked_into(self.run)) if self.reading is None else self.trace

    def asked(self, what: Name | str) -> str | None:
        known = self.questions(what)
        if known is None and "inside" in vars(self):  # opened for an answer
            return Questions(self.inside, None)(what)
        return known

    def check(self, answers: Any) -> Any:
        """A hand calculation of this step, checked: which line is the first wrong one, and which
        slip explains it. answers: {"z1_1": 0.14, ...}, a CSV file or notebook, or lines of text;
        see `gobhir.check`."""
        from gobhir.explain.checking.answers import Paper, read
        from gobhir.explain.checking.check import check_page

        reading = self.reading
        if reading is not None and self.mode == "hand":
            reading = Reading(self.run, "exact")  # with all digits of what is given
        return check_page(reading, answers if isinstance(answers, Paper) else read(answers))

    def why(self, name: str, layers: int | None = None) -> Answer:
        """Why is this number what it is? Layer by layer, down to the loss or to the input.

        name: what is asked, positions counted from 0 as in Python. A parameter by its path:
        "0.weight[1, 2]" (its gradient), "0.weight.change[1, 2]" (what the optimizer did),
        "0.weight.value[1, 2]". What a layer gave out: "0[0, 3]" (its value), "0.grad[0, 3]".
        "loss". Inside of a recurrent layer: "lstm.t2.f[0, 1]", the forget gate of step 2, counted
        from 1 as on the page; of attention: "attn.scores[0, 1]", shares, queries, keys, values,
        context. Without a position: a layer is opened, of a tensor the number with the greatest
        gradient is taken. layers: how many to go down, 1 for the line that made the number; None
        for all. KeyError for a name that is not there, IndexError for a position.
        """
        if layers is not None and layers < 1:
            raise ValueError(say("errors.why.layers", layers=layers))
        d = self._answer(name, layers)
        return Answer(d.title, d.intro, d.sections, d.mode, self)

    def answer(self, question: str) -> Answer:
        return self.why(question, 1)

    @property
    def carries(self) -> int:
        """All of a small network's; of a large one's each takes longer to work out."""
        return CARRIED if self.reading is not None else CARRIED // 8

    @one_thread()
    def _answer(self, name: str, layers: int | None) -> Derivation:
        trace = self.trace
        if name.strip() in self.run.paths.values():
            layer = opened(trace, name.strip())
            if layer is not None:
                return layer
        try:
            asked = trace.find(name)
        except KeyError:
            trace = self.inside
            if trace is self.trace:
                raise
            asked = trace.find(name)
        r = self.reading
        line = None if r is None else line_of(r, trace, asked)
        if line is not None and layers == 1:
            return line
        on_the_board = r is not None and (r.mode == "hand" or _products(self.run) <= HAND_LIMIT)
        pulled = r.pulled_of.get(asked.node) if on_the_board else None
        answered = answer(trace, name, layers)
        if line is not None and on_the_board and asked.kind == "value":
            phase = line.sections[0].phase  # the number's own line, then where it leads
            steps = (*line.steps, *answered.steps[1:])
            return Derivation(line.title, (), (Section(phase, steps),), self.mode)
        said = (p.key for s in answered.steps for p in s.pieces if isinstance(p, Say))
        closed = any(key.startswith("rules.closed.") for key in said)
        if pulled is None or asked.kind != "grad" or closed and self.mode != "hand":
            return answered
        index = trace.representative(asked.node) if asked.index is None else asked.index
        if trace.gradient(asked.node)[index] == 0:  # type: ignore[index]  # it was pulled
            return answered
        index = shown_at(trace, asked.node, pulled, index)
        steps = tuple(islice(drill(r, pulled, index), layers))
        road = all_the_way(r, pulled, index) if layers is None else None
        section = Section("backward", steps if road is None else (*steps, road))
        title = Say("rules.why.title", {"name": pulled.sym.at(index)})
        return Derivation(title, (_arithmetic(r),), (section,), self.mode)


@dataclass(frozen=True, eq=False)
class Answer(Derivation):
    """What `why` answered; the numbers in it can be asked in turn."""

    of: Any = field(default=None, repr=False)
    """The explanation that was asked."""

    def asked(self, what: Name | str) -> str | None:
        return self.of.asked(what)

    def answer(self, question: str) -> Answer:
        return self.of.answer(question)

    @property
    def carries(self) -> int:
        return self.of.carries


def explain(
    model: Any,
    x: Any = None,
    y: Any = None,
    loss: Callable[..., Any] | None = None,
    optimizer: Any = None,
    *,
    mode: str | None = None,
    reference: str | None = None,
    folded: bool | None = None,
) -> Explanation:
    """One training step of `model` on (x, y), worked out number by number.

    model: a gobhir module, one of PyTorch's, one of Keras's (on PyTorch or TensorFlow; loss and
    optimizer are then those that it was compiled with, where none are given here, and may be
    whatever `compile` takes), or the name of a house example ("4-4-1"). x: input,
    (in,) or (batch, in); y: target. loss: any callable of output and target that gives one number.
    optimizer: one of gobhir.optim over the model's parameters; without it there is no update.
    mode: "hand" (four digits, each line from the printed ones; default for small networks) or
    "exact". reference: "torch" or "differences", what the last check compares with (default:
    PyTorch where it is installed). folded: whether the page is an outline of layers that opens
    on demand (default: where the step has more than LARGE numbers) or one with everything.

    The model, its gradients and the optimizer are left as they were. Errors say what was wrong
    with the step, in the user's language.
    """
    if isinstance(model, str):
        from gobhir.examples import network

        example = network(model)
        model, loss = example.model, loss or example.loss
        x, y = example.x if x is None else x, example.y if y is None else y
        optimizer = optimizer or example.optimizer
    if is_layer(model) and x is not None:
        from gobhir.explain.lifted import only_step
        from gobhir.lift.keras_step import watch_step as watch_keras_step

        run = only_step(watch_keras_step(model, x, y, loss, optimizer))
        return explained(run, mode, reference, folded)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module) and x is not None and loss:
        from gobhir.explain.lifted import only_step
        from gobhir.lift.torch_step import watch_step

        run = only_step(watch_step(model, x, y, loss, optimizer))
        return explained(run, mode, reference, folded)
    if x is None or loss is None:
        raise TypeError(say("errors.explain.missing", what="x" if x is None else "loss"))
    if not callable(loss):
        raise TypeError(say("errors.explain.loss_callable", type=type(loss).__name__))
    return explained(record_step(model, x, y, loss, optimizer), mode, reference, folded)


@one_thread()
def explained(
    run: Recording,
    mode: str | None = None,
    reference: str | None = None,
    folded: bool | None = None,
) -> Explanation:
    """The page of a recorded step; mode, reference and folded as in `explain`."""
    if mode is not None and mode not in MODES:
        raise ValueError(say("errors.explain.mode", mode=mode, known=", ".join(MODES)))
    work = _products(run)
    if mode == "hand" and work > MOST_BY_HAND:
        raise ValueError(say("errors.explain.too_large", products=work, most=MOST_BY_HAND))
    if folded if folded is not None else mode != "hand" and run.numbers > LARGE:
        intro = (Say("rules.intro.exact"), *run.notes)
        page = Explanation(Say("rules.title.folded"), intro, (), "exact", run)
        return replace(page, sections=outline(page.trace))
    run = doubled(run if run.in_full is None else run.in_full())
    r = _read(run, mode, "hand" if work <= HAND_LIMIT else "exact")
    if reference is None:
        reference = "torch" if find_spec("torch") else "differences"
    if reference == "torch":
        r.compare()
    shown, index = _representative(r)
    road = all_the_way(r, r.pulled_of[shown], index)
    sections = [start(r), forward(r), loss_section(r), backward(r, road)]
    if run.tape.updates:
        sections.append(update(r, shown, index))
    sections.append(_with_unruled(r, after(r, shown, index)))
    intro = (*_intro(r), *run.notes)
    return Explanation(_title(r), intro, tuple(sections), r.mode, run, r)


def _with_unruled(r: Reading, last: Section) -> Section:
    """The page's last section, with a list of the ops that had no rule, where there are any."""
    if not r.unruled:
        return last
    said = Say("rules.opaque.list", {"ops": ", ".join(f"`{op}`" for op in sorted(set(r.unruled)))})
    return Section(
        last.phase, (*last.steps, Step("after.unruled", "opaque", "after", "", "", {}, (said,)))
    )


def _read(run: Recording, asked: str | None, usual: str) -> Reading:
    """The recording in the mode that was asked for, else in the usual one that works."""
    try:
        return Reading(run, asked or usual)
    except Saturated:
        if asked is not None:
            raise ValueError(say("errors.explain.saturated")) from None
        return Reading(run, "exact")


def _products(run: Any) -> int:
    """How many multiplications a person would do forward, as a measure of the page's size."""
    total = 0
    for record in run.tape.records:
        if record.op.family.value == "linear" and len(record.inputs) > 1:
            weight = record.inputs[1].shape
            slides = record.op.name in ("conv", "conv_transpose")
            total += record.value.size * (math.prod(weight[1:]) if slides else weight[-1])
    return total


def _representative(r: Reading) -> tuple[Tensor, Index]:
    """The weight that the page follows: the greatest gradient of the first weighted sum."""
    leaves = [
        (t, p) for t, p in r.pulled_of.items() if isinstance(t, Tensor) and t in r.run.parameters
    ]
    changed = {u.parameter for u in r.run.tape.updates}
    leaves = [(t, p) for t, p in leaves if t in changed] or leaves
    weights = [(t, p) for t, p in leaves if p.of is not None and p.of.name.base == "W"] or leaves
    order = {id(t): k for k, t in enumerate(r.run.parameters)}
    shown, p = min(weights, key=lambda pair: order[id(pair[0])])
    return shown, largest(p)


def _title(r: Reading) -> Say:
    sizes = [
        q.shape[::-1] if r.turned(q) else q.shape
        for t, q in r.quantities.items()
        if isinstance(t, Tensor) and q.name.base == "W"
    ]
    dense = all(q.expr is not None and not maps.deep(q) for q in r.computed)
    kinds = {q.record.op.name for q in r.computed if q.record is not None}
    if (
        not sizes or not dense or kinds & board.KNOWN or any(len(s) > 2 for s in sizes)
    ):  # more than weighted sums and activations: sizes say too little
        return Say("rules.title.plain")
    chain = "-".join(str(n) for n in (sizes[0][-1], *(s[0] for s in sizes)))
    kinds &= ACTIVATIONS
    if len(kinds) == 1:
        kind = Say(f"rules.activation_name.{kinds.pop()}")
        return Say("rules.title.network_of", {"sizes": chain, "kind": kind})
    return Say("rules.title.network", {"sizes": chain})


# keys: rules.activation_name.*


def _intro(r: Reading) -> tuple[Say, ...]:
    if r.run.x not in r.quantities:  # nothing but what learns goes in
        return (_arithmetic(r),)
    shape = r.quantities[r.run.x].shape
    inputs = size(shape)
    alone = r.run.x is not None and r.run.x.shape[:1] == (1,)
    batch = len(shape) >= 2 and shape[0] > 1 and not alone
    total = sum(size(p.shape) for t, p in r.pulled_of.items() if isinstance(t, Tensor))
    key = "rules.intro.batch" if batch else "rules.intro.one"
    key = "rules.intro.one_input" if inputs == 1 and not batch else key
    counts = {"inputs": Count(inputs), "parameters": Count(total)}
    if batch:
        counts["examples"] = Count(shape[0])
    return (Say(key, counts), _arithmetic(r))


def _arithmetic(r: Reading) -> Say:
    """How the page reckons."""
    return Say("rules.intro.hand" if r.mode == "hand" else "rules.intro.exact")
