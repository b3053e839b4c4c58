"""A recording with its fused steps taken apart: what the engine ran as one op (a step of an LSTM)
becomes the gates and states that a textbook names, each a record of its own.

Nothing is worked out anew here: the formulas that stand beside the op (`gates`, `formula`) are run
on the engine's tensors under a tape of their own, and differentiated there with the gradients that
came back to the recorded step. So an opened tape is a tape like any other, and the same rules read
it; only the names come along with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from gobhir.derivation.expression import Name
from gobhir.engine import Family, Gradient, Record, Tape, Tensor, grad
from gobhir.engine.apply import Part
from gobhir.engine.ops import written
from gobhir.engine.ops.attention import SplitHeads
from gobhir.engine.ops.recurrent import Step
from gobhir.engine.tape import enable_grad
from gobhir.explain.recording import Recording

_MOVES = (Family.GATHER, Family.REARRANGEMENT)


@dataclass(frozen=True)
class Called:
    """What a record (or a leaf) is called on the page. blame: what its gradient is called, if not
    dL/d(it). Of a batch, and of weights, the names are capital letters."""

    letter: str
    index: tuple[str, ...] = ()
    over: str | None = None
    """What stands over it: the time, and of several layers the number."""
    blame: str = ""
    weight: bool = False

    def name(self, many: bool) -> Name:
        letter = self.letter.upper() if many else self.letter
        return Name(letter, self.over, self.index, self.letter if many else None)

    def gradient(self, many: bool) -> Name:
        if not self.blame:
            return self.name(many).d()
        letter = self.blame.capitalize() if many else self.blame
        return Name(letter, self.over, self.index, self.blame if many else None)


@dataclass(eq=False)
class Cell:
    """One step of a recurrent layer. time: counted from 1. parts: its records, by their words:
    a_f (what goes into gate f), f, ..., c, h; x_in, h_in and c_in where they got a name here."""

    time: int
    parts: dict[str, Record] = field(default_factory=dict)


@dataclass(eq=False)
class Layer:
    """All steps that share their weights, in the order in which they ran. rows: the rows of the
    weights that belong to one gate, by their name in its formula (W_if)."""

    op: str
    number: int
    gates: tuple[str, ...]
    cells: list[Cell] = field(default_factory=list)
    rows: dict[str, Tensor] = field(default_factory=dict)
    weights: list[Any] = field(default_factory=list)
    """The weights themselves, as leaves or by their records."""
    left_out: list[Any] = field(default_factory=list)
    """By what x and h are multiplied at all times, where dropout has chosen."""
    peculiar: tuple[str, ...] = ()

    @property
    def owned(self) -> set[Any]:
        """All that the page tells together."""
        steps = {r for cell in self.cells for r in cell.parts.values()}
        rows = {t._record for t in self.rows.values()}
        return steps | rows | {*self.weights, *self.left_out}

    @property
    def backwards(self) -> bool:
        """Whether the sequence is read from its end."""
        return bool(self.cells) and self.cells[0].time > 1


def opened(run: Recording) -> Recording:
    """The same recording with every fused step opened; `run` itself where there is none."""
    return _Opening(run).result() if any(map(_opens, run.tape.records)) else run


def _opens(r: Record) -> bool:
    return issubclass(r.op, Step) or r.op is SplitHeads


class _Opening:
    def __init__(self, run: Recording):
        self.run = run
        self.tape = Tape(_seen=run.tape._seen)
        self.new: dict[Record, Record] = {}
        self.called: dict[Any, Called] = {}
        self.inside: set[Record] = set()
        self.layers: dict[Tensor, Layer] = {}
        self.owed: dict[Tensor, np.ndarray] = {}
        """What the steps' gradients say about rows of weights, added up."""
        self.cuts: list[_Bench] = []
        steps = [r for r in run.tape.records if issubclass(r.op, Step)]
        self.several = len({id(_weights(r)) for r in steps}) > 1
        self.parts: dict[Record, list[Record]] = {}
        for r in run.tape.records:
            if r.op is Part and _opens(r.inputs[0]._record):
                self.parts.setdefault(r.inputs[0]._record, []).append(r)

    def result(self) -> Recording:
        run = self.run
        skipped = {part for parts in self.parts.values() for part in parts}
        cotangents = {g.of: g.cotangent for g in run.tape.gradients}
        gradients: list[Gradient] = []
        for r in run.tape.records:
            if _opens(r):
                gradients += self._open(r, cotangents.get(r))
            elif r not in skipped:
                self.new[r] = self._copy(r)
        for bench in self.cuts:
            gradients += bench.differentiate(self.owed.items())[0]
            bench.put_back()
        for g in run.tape.gradients:
            if not _opens(g.of) and g.of not in skipped:
                gradients.append(replace(g, of=self.new.get(g.of, g.of)))
        self.tape.entries += [*gradients, *run.tape.updates]
        inside_model = [n for r, n in self.new.items() if r.order <= run.boundary]
        return replace(
            run,
            tape=self.tape,
            output=self.new[run.output],
            loss=self.new[run.loss],
            boundary=max(n.order for n in inside_model),
            called=self.called,
            inside=self.inside,
            layers=list(self.layers.values()),
        )

    def _tensor(self, x: Any) -> Any:
        """An input, coming from its new record."""
        if not isinstance(x, Tensor) or x._record not in self.new:
            return x
        out = Tensor._wrap(x.array, x.requires_grad)
        out._record = self.new[x._record]
        return out

    def _copy(self, r: Record) -> Record:
        inputs = tuple(self._tensor(x) for x in r.inputs)
        out = Record(r.op, inputs, r.settings, r.value, r.edges, r.versions, r.scope)
        self.tape.entries.append(out)
        return out

    # -- one op ----

    def _open(self, r: Record, cotangent: Any) -> list[Gradient]:
        """Its records onto the tape; its gradients, if any came back to it."""
        words = dict(zip(r.op.inputs, (self._tensor(x) for x in r.inputs), strict=False))
        bench = _Bench(self.run.tape, r)
        if r.op is SplitHeads:
            with bench:
                results = _heads(bench.stand_in(words["x"]), **r.settings)
        else:
            layer = self._layer(r, words)
            cell = Cell(_time(r, len(layer.cells) + 1))
            layer.cells.append(cell)
            self._call_what_comes_in(layer, cell, words)
            names = {k: bench.stand_in(t) for k, t in (words | layer.rows).items()}
            with bench:
                results = self._by_formulas(r, layer, cell, names)
        self.tape.entries += bench.tape.records
        self.inside.update(bench.tape.records)
        for part in self.parts.get(r, ()):
            if part.settings["place"] < len(results):  # the others are for the pullback's eyes
                self.new[part] = results[part.settings["place"]]._record
        if not isinstance(r.value, tuple):
            self.new[r] = results[0]._record  # type: ignore[assignment]
        gradients: list[Gradient] = []
        if cotangent is not None:
            given = cotangent if isinstance(cotangent, tuple) else (cotangent,)
            gradients, found = bench.differentiate(zip(results, given, strict=False))
            for t, g in found:
                self.owed[t] = self.owed[t] + g if t in self.owed else g
        bench.put_back()
        return gradients

    def _by_formulas(
        self, r: Record, layer: Layer, cell: Cell, names: dict[str, Any]
    ) -> list[Tensor]:
        """h, and c of an LSTM: the gates first, each with what goes into it."""
        op: Any = r.op
        over = self._over(layer, cell.time)
        states: list[Tensor] = []

        def call(word: str, made: Tensor, *, blame: str = "") -> None:
            letter, *index = word.split("_")
            cell.parts[word] = made._record  # type: ignore[assignment]
            self.called[made._record] = Called(letter, tuple(index), over, blame)

        def cell_state(c: Tensor) -> None:
            call("c", c)
            states.append(c)

        names |= r.settings
        for gate, formula in op.gates.items():
            if gate == "a":  # a plain RNN has no gates, only what goes into the bend
                names["a"] = written.value(formula, names)
                call("a", names["a"], blame="delta")
            else:
                into = written.bends(partial(call, f"a_{gate}", blame="delta"))
                names[gate] = written.value(formula, names, into)
                call(gate, names[gate])
        h = written.value(
            op.formula, names, written.bends(cell_state if "c_new" in op.results else None)
        )
        call("h", h)
        return [h, *states]

    def _call_what_comes_in(self, layer: Layer, cell: Cell, words: dict[str, Any]) -> None:
        """x of this step and its mask, and the states from before where no step has made them;
        what is left out of x and h at all times."""
        before = cell.time + 1 if layer.backwards else cell.time - 1
        for word, t in words.items():
            if word.startswith("d_"):
                over, key = str(layer.number) if self.several else None, t._record or t
                if key not in layer.left_out:
                    layer.left_out.append(key)
                    self.called[key] = Called("d", (word[2:],), over)
        for word, time in (("x", cell.time), ("m", cell.time), ("h", before), ("c", before)):
            t = words.get(word)
            key = getattr(t, "_record", None) or t
            moved = isinstance(key, Tensor) or (key is not None and key.op.family in _MOVES)
            if moved and key not in self.called and key not in self.run.parameters:
                self.called[key] = Called(word, (), self._over(layer, time))
                if isinstance(key, Record):
                    cell.parts[f"{word}_in"] = key
                    start = key.inputs[0]
                    if word in "hc" and start._record is None and not self.several:
                        self.called[start] = self.called[key]  # the zeros it was taken from

    def _over(self, layer: Layer, time: int) -> str:
        return f"{layer.number if self.several else ''}⟨{time}⟩"

    # -- weights ----

    def _layer(self, r: Record, words: dict[str, Any]) -> Layer:
        if (shared := _weights(r)) not in self.layers:
            gates = tuple(r.op.gates)  # type: ignore[attr-defined]  # a Step
            layer = self.layers[shared] = Layer(r.op.name, len(self.layers) + 1, gates)
            layer.peculiar = r.op.peculiar  # type: ignore[attr-defined]
            over = str(layer.number) if self.several else None
            bench = _Bench(self.run.tape, r)
            self.cuts.append(bench)
            for word, t in words.items():
                if word[0] in "Wb" and t is not None:
                    letter, which = word.lower().split("_")
                    key = t if t._record is None else t._record
                    layer.weights.append(key)
                    self.called[key] = Called(letter, (which,), over, weight=True)
                    if len(gates) > 1:
                        self._cut(bench, layer, word, t, over)
            self.tape.entries += bench.tape.records
            self.inside.update(bench.tape.records)
        return self.layers[shared]

    def _cut(self, bench: _Bench, layer: Layer, word: str, t: Tensor, over: str | None) -> None:
        """W_if, the rows of W_ih that belong to gate f, and so on."""
        whole, size = bench.stand_in(t), t.shape[0] // len(layer.gates)
        for k, gate in enumerate(layer.gates):
            with bench:
                rows = whole[k * size : (k + 1) * size]
            which = f"{word[2]}{gate}"
            layer.rows[f"{word[0]}_{which}"] = rows
            self.called[rows._record] = Called(word[0].lower(), (which,), over, weight=True)


def _weights(r: Record) -> Tensor:
    """What all steps of a layer share."""
    return r.inputs[r.op.inputs.index("W_ih")]


def _time(r: Record, order: int) -> int:
    """Which place of the sequence a step reads, counted from 1; else the how-manieth step it is."""
    source = r.inputs[0]._record if isinstance(r.inputs[0], Tensor) else None
    settings = {} if source is None else source.settings
    place = settings.get("index", settings.get("place"))
    return place + 1 if isinstance(place, int) and place >= 0 else order


class _Bench:
    """A tape of its own for one op, over stand-ins for the op's inputs: leaves keep the values that
    they had when the op ran, whatever an optimizer has made of them since."""

    def __init__(self, tape: Tape, r: Record):
        self.outer = tape
        self.tape = Tape(_scope=r.scope)
        self.real: dict[Tensor, Tensor] = {}

    def __enter__(self) -> None:
        self.grad = enable_grad()
        self.grad.__enter__()
        self.tape.__enter__()

    def __exit__(self, *exc: object) -> None:
        self.tape.__exit__()
        self.grad.__exit__()

    def stand_in(self, t: Any) -> Any:
        if not isinstance(t, Tensor):
            return t
        out = Tensor._wrap(self.outer.value(t), t.requires_grad)
        self.real[out] = t
        return out

    def differentiate(
        self, wanted: Iterable[tuple[Tensor, np.ndarray]]
    ) -> tuple[list[Gradient], list[tuple[Tensor, np.ndarray]]]:
        """The gradients of these results, given theirs, as entries of a tape; and those of the
        real inputs."""
        own = set(self.tape.records)
        pairs = [(t, Tensor._wrap(np.array(g))) for t, g in wanted if t.grad_fn in own]
        asked = [s for s in self.real if s.requires_grad]
        if not pairs or not asked:
            return [], []
        options: Any = {"retain_graph": True, "allow_unused": True}
        with self:
            found = grad([t for t, _ in pairs], asked, [g for _, g in pairs], **options)
        answers = zip(asked, found, strict=True)
        return self.tape.gradients, [(self.real[s], g.array) for s, g in answers if g is not None]

    def put_back(self) -> None:
        """The real inputs for their stand-ins."""
        for r in self.tape.records:
            r.inputs = tuple(self.real.get(x, x) if isinstance(x, Tensor) else x for x in r.inputs)


def _heads(x: Tensor, *, parts: int, heads: int, batch_first: bool) -> Sequence[Tensor]:
    """Queries, keys and values of all heads, each (N, heads, L, E)."""
    split = x.reshape(*x.shape[:2], parts, heads, -1)
    order = (0, 2, 1, 3) if batch_first else (1, 2, 0, 3)
    return [split[:, :, k].permute(order) for k in range(parts)]
