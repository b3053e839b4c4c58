"""A page's numbers one by one. Which question of `why` stands behind each name: w with indices 23
is asked about as "0.weight.value[1, 2]", the loss's derivative with respect to it as
"0.weight[1, 2]". And what the page itself says to such a question: the line of this one number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gobhir.derivation.expression import Index, Name
from gobhir.derivation.step import Derivation, Piece, Say, Section, Step
from gobhir.engine import Tensor
from gobhir.explain.pages.lines import dots, element_line, inline
from gobhir.explain.pages.update import one_change, state_name
from gobhir.explain.quantity import Quantity
from gobhir.explain.reading import Reading
from gobhir.explain.why.trace import Asked, Node, Place, Trace
from gobhir.explain.why.why import PHASES, changed, onward


@dataclass(frozen=True)
class _Numbers:
    """An array on the page: what it is asked by without a position, and its shape there and in
    the engine."""

    path: str
    shown: tuple[int, ...]
    own: tuple[int, ...]

    @property
    def counted(self) -> list[int]:
        """The sizes that an element's indices count."""
        return [n for n in self.shown if n > 1]

    def at(self, index: tuple[int | str, ...]) -> str | None:
        """The question about one number; learners count from 1, `why` from 0. None where an
        index is a letter or points outside, or no number is there."""
        if 0 in self.own or any(isinstance(i, str) for i in index):
            return None
        place = np.array([int(i) - 1 for i in index], int)
        if np.any(place < 0) or np.any(place >= self.counted):
            return None
        flat = int(np.ravel_multi_index(tuple(place), self.counted)) if self.counted else 0
        if not self.own:
            return self.path
        where = ", ".join(str(int(i)) for i in np.unravel_index(flat, self.own))
        return f"{self.path}[{where}]"


class Questions:
    """Reads off a page's names what to ask; a name that could mean two things asks nothing."""

    def __init__(self, trace: Trace, reading: Reading | None):
        self.trace = trace
        self._of: dict[Name, _Numbers | None] = {}
        self._known: dict[Name, str | None] = {}
        if reading is not None:
            self._read(reading)

    def _read(self, r: Reading) -> None:
        for node, q in r.quantities.items():
            path = self.trace.names.get(node)
            if path is None:
                continue
            given = self.trace.is_parameter(node)
            self._call(q.name, f"{path}.value" if given else path, q.shape, node)
            if not given and self.trace.gradient(node) is not None and node is not r.run.loss:
                self._call(q.name.d(), f"{path}.grad", q.shape, node)
        for node, p in r.pulled_of.items():
            path = self.trace.names.get(node)
            if path is not None:
                given = self.trace.is_parameter(node)
                self._call(p.name, path if given else f"{path}.grad", p.shape, node)
        for u in r.run.tape.updates:
            if u.parameter in r.quantities:
                w = r.quantities[u.parameter].name
                for key in {*u.before, *(target for target, _ in u.rule), "g"} - {"w"}:
                    self._of[state_name(w, key)] = None  # the optimizer's own

    def _call(self, name: Name, path: str, shown: tuple[int, ...], node: Node) -> None:
        value = self.trace.value(node)
        if isinstance(value, tuple) or np.size(value) != np.prod(shown, dtype=int):
            return
        own = () if path == "loss" else np.shape(value)
        numbers = _Numbers(path, shown, own)
        for known in {name, name.only()}:
            again = self._of.setdefault(known, numbers)
            if again is not None and again != numbers:
                self._of[known] = None

    def __call__(self, what: Name | str) -> str | None:
        """As Derivation.asked says."""
        if isinstance(what, str):
            return what if self._is_question(what) else None
        if what not in self._known:
            self._known[what] = self._find(what)
        return self._known[what]

    def _find(self, name: Name) -> str | None:
        for cut in range(len(name.index), -1, -1):
            numbers = self._of.get(replace(name, index=name.index[:cut]))
            rest = name.index[cut:]
            if numbers is None:
                continue
            if len(rest) == len(numbers.counted):
                return numbers.at(rest)
            return None if rest else numbers.path
        return None

    def _is_question(self, text: str) -> bool:
        path = text.partition("[")[0].strip()
        front, _, kind = path.rpartition(".")
        of: Any = self.trace.of_name
        if path not in of and not (front in of and kind in ("value", "grad", "change")):
            return False
        leaf = isinstance(of[path] if path in of else of[front], Tensor)
        if "[" not in text and not leaf and path != "loss":
            return False  # an op that goes by the same name
        try:
            self.trace.find(text)
        except (KeyError, IndexError):
            return False
        return True


# -- answering ----


def shown_at(trace: Trace, node: Node, q: Quantity, index: Index) -> Index:
    """The position on the page of what has this position in the engine's array."""
    flat = int(np.ravel_multi_index(index, np.shape(trace.value(node)))) if index else 0
    return tuple(int(i) for i in np.unravel_index(flat, q.shape)) if q.shape else ()


def line_of(r: Reading, trace: Trace, asked: Asked) -> Derivation | None:
    """The page's own line of one number; None where the page works out none, and for a gradient
    of zero, which takes more than a line."""
    q = (r.pulled_of if asked.kind == "grad" else r.quantities).get(asked.node)
    if q is None:
        return None
    own = trace.representative(asked.node) if asked.index is None else asked.index
    index = shown_at(trace, asked.node, q, own)
    phase, sym, place = PHASES[asked.kind], q.sym.at(index), Place(asked.node, own)
    pieces: list[Piece] = [Say("rules.why.line", {"name": sym})]
    if asked.kind == "change":
        if asked.node not in trace.updates or asked.node not in r.pulled_of:
            return None
        pieces = [changed(trace, place), *one_change(r, asked.node, index)]
    elif q.given:
        value = inline(np.asarray(q.sym.value)[index] if q.shape else q.sym.value)
        kind = "parameter" if trace.is_parameter(asked.node) else "input"
        said = Say(f"rules.why.{kind}", {"place": trace.at(place), "value": value})
        pieces = [said, *onward(trace, place)]
    elif q.expr is None or asked.kind == "grad" and not np.asarray(q.exact)[index]:
        return None
    else:
        hidden = dots(q.expr, index, q.shape) if r.mode == "exact" else []
        pieces += [element_line(q, index, r.mode), *hidden]
    step = Step("why.0", "why", phase, "", q.layer, {}, tuple(pieces))
    title = Say("rules.why.title", {"name": sym})
    return Derivation(title, (), (Section(phase, (step,)),), r.mode)
