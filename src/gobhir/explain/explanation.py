"""`gobhir.explain`: one training step, recorded and worked out."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from gobhir.derivation.expression import Index
from gobhir.derivation.step import Count, Derivation, Say, Section, Step
from gobhir.engine import Tensor
from gobhir.explain import board, maps
from gobhir.explain.after import after
from gobhir.explain.backward import backward
from gobhir.explain.forward import ACTIVATIONS, forward, largest, loss_section, start
from gobhir.explain.outline import opened, outline
from gobhir.explain.quantity import Saturated, size
from gobhir.explain.reading import Reading
from gobhir.explain.recording import LARGE, Recording, record_step
from gobhir.explain.road import all_the_way, drill
from gobhir.explain.trace import Trace
from gobhir.explain.update import update
from gobhir.explain.why import answer, representative
from gobhir.lang import say

MODES = ("hand", "exact")
HAND_LIMIT = 120
"""Above so many products in a step, hand mode is not the default any more."""
MOST_BY_HAND = 20_000


@dataclass(frozen=True, eq=False)
class Explanation(Derivation):
    """A derivation that can be asked: `.why("0.weight[1, 2]")`.

    reading: the page's own arithmetic; None where the page is folded."""

    run: Any = field(default=None, repr=False)
    reading: Any = field(default=None, repr=False)

    @cached_property
    def trace(self) -> Trace:
        """The step as a graph of named tensors."""
        return Trace(self.run)

    def check(self, answers: Any) -> Any:
        """A hand calculation of this step, checked: which line is the first wrong one, and which
        slip explains it. answers: {"z1_1": 0.14, ...}, a CSV file or notebook, or lines of text;
        see `gobhir.check`."""
        from gobhir.explain.answers import read
        from gobhir.explain.check import check_page

        return check_page(self.reading, read(answers))

    def why(self, name: str) -> Derivation:
        """Why is this number what it is? Layer by layer, down to the loss or to the input.

        name: what is asked, positions counted from 0 as in Python. A parameter by its path:
        "0.weight[1, 2]" (its gradient), "0.weight.change[1, 2]" (what the optimizer did),
        "0.weight.value[1, 2]". What a layer gave out: "0[0, 3]" (its value), "0.grad[0, 3]".
        "loss". Without a position: a layer is opened, of a tensor the number with the greatest
        gradient is taken. KeyError for a name that is not there, IndexError for a position.
        """
        trace = self.trace
        if name.strip() in self.run.paths.values():
            layer = opened(trace, name.strip())
            if layer is not None:
                return layer
        asked = trace.find(name)
        r = self.reading
        on_the_board = r is not None and (r.mode == "hand" or _products(self.run) <= HAND_LIMIT)
        pulled = r.pulled_of.get(asked.node) if on_the_board else None
        answered = answer(trace, name)
        said = (p.key for s in answered.steps for p in s.pieces if isinstance(p, Say))
        closed = any(key.startswith("rules.closed.") for key in said)
        if pulled is None or asked.kind != "grad" or closed and self.mode != "hand":
            return answered
        index = representative(trace, asked.node) if asked.index is None else asked.index
        if trace.gradient(asked.node)[index] == 0:  # type: ignore[index]  # it was pulled
            return answered
        index = index if pulled.shape else ()
        steps = tuple(drill(r, pulled, index))
        road = all_the_way(r, pulled, index)
        section = Section("backward", steps if road is None else (*steps, road))
        title = Say("rules.why.title", {"name": pulled.sym.at(index)})
        return Derivation(title, (_arithmetic(r),), (section,), self.mode)


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

    model: a gobhir module, one of PyTorch's, or the name of a house example ("4-4-1"). x: input,
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
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module) and x is not None and loss:
        from gobhir.explain.lifted import recordings
        from gobhir.lift.torch_step import watch_step

        (run,) = recordings(watch_step(model, x, y, loss, optimizer))
        return explained(run, mode, reference, folded)
    if x is None or loss is None:
        raise TypeError(say("errors.explain.missing", what="x" if x is None else "loss"))
    if not callable(loss):
        raise TypeError(say("errors.explain.loss_callable", type=type(loss).__name__))
    return explained(record_step(model, x, y, loss, optimizer), mode, reference, folded)


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
    r = _read(run, mode, "hand" if work <= HAND_LIMIT else "exact")
    if reference is None:
        reference = "torch" if find_spec("torch") else "differences"
    shown, index = _representative(r)
    road = all_the_way(r, r.pulled_of[shown], index)
    sections = [start(r), forward(r), loss_section(r), backward(r, road)]
    if run.tape.updates:
        sections.append(update(r, shown, index))
    sections.append(_with_unruled(r, after(r, shown, index, reference)))
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
    weights = [(t, p) for t, p in leaves if p.of is not None and p.of.name.base == "W"] or leaves
    order = {id(t): k for k, t in enumerate(r.run.parameters)}
    shown, p = min(weights, key=lambda pair: order[id(pair[0])])
    return shown, largest(p)


def _title(r: Reading) -> Say:
    sizes = [
        q.shape for t, q in r.quantities.items() if isinstance(t, Tensor) and q.name.base == "W"
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
    inputs = size(r.quantities[r.run.x].shape) if r.run.x in r.quantities else 0
    shape = r.quantities[r.run.x].shape if r.run.x in r.quantities else ()
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
