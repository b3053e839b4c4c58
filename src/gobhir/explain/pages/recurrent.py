"""The page of a recurrent layer: one time step and one unit in full, the other steps as a table;
backwards the blame of one gate at one time, how it fades (or grows) over the steps, and one weight
as the sum over time. What is shown here was opened by opening.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.derivation.expression import Index, Name, Num
from gobhir.derivation.step import Count, Line, Piece, Say, Step, Table
from gobhir.engine import Record, Tensor
from gobhir.explain.opening import Cell, Layer
from gobhir.explain.pages.lines import WIDEST, distance, dots, element_line, inline
from gobhir.explain.quantity import Pulled, Quantity, size
from gobhir.explain.reading import Reading

# keys: rules.recurrent.*
FADED, GREW = 0.5, 2.0
"""From which change of size on the page says that the blame faded or grew on its way back."""


def forward(r: Reading, inside: list[Quantity]) -> dict[Any, Step]:
    """For each record that a recurrent layer owns, the step of the page that tells of it."""
    shown = {q.record for q in inside}
    out: dict[Any, Step] = {}
    for layer in r.run.layers:
        here = layer.owned & shown
        if any(cell.parts["h"] in shown for cell in layer.cells):
            out |= dict.fromkeys(here, _forward(r, layer))
    return out


def backward(r: Reading) -> dict[Any, Step]:
    """The same for gradients, by what `key` gives."""
    out: dict[Any, Step] = {}
    for layer in r.run.layers:
        if any(cell.parts["h"] in r.pulled_of for cell in layer.cells):
            out |= dict.fromkeys(layer.owned, _backward(r, layer))
    return out


def key(r: Reading, p: Pulled) -> Any:
    """The record or the leaf that this is the gradient of."""
    if p.record is not None:
        return p.record
    return next(t for t, own in r.pulled_of.items() if own is p)


# -- forward ----


def _forward(r: Reading, layer: Layer) -> Step:
    cells = layer.cells
    whole = [c for c in cells if c.parts["h"] in r.quantities]  # the last h may lead nowhere
    cell = next((c for c in whole[1:] if _is_there(c)), whole[0])
    h = r.quantities[cell.parts["h"]]
    at = (0,) * len(h.shape)
    pieces: list[Piece] = [Say(f"rules.recurrent.{layer.op}")]
    if len(cells) > 1:
        h2 = Name(h.name.base, str(h.name.layer).split("⟨")[0] + "⟨2⟩")
        pieces.append(Say("rules.recurrent.shared", {"steps": Count(len(cells)), "h": h2}))
    if layer.backwards:
        pieces.append(Say("rules.recurrent.backwards"))
    if len(layer.gates) > 1:
        rows = {"gates": ", ".join(layer.gates), "first": Name("W", index=(f"i{layer.gates[0]}",))}
        beside = isinstance(layer.weights[0], Record)  # turned: there they are columns
        pieces.append(Say("rules.recurrent.columns" if beside else "rules.recurrent.rows", rows))
    for word in layer.peculiar:
        pieces.append(Say(f"rules.recurrent.{word}"))
        if word.startswith("dropped"):
            chosen = (r.quantities[key] for key in layer.left_out if key in r.quantities)
            pieces += [Line(q.sym, (Num(q.sym.value),), _off(q)) for q in chosen]
    pieces += [Line(q.sym, (q.expr,)) for q in _inner(r, cell) if q.expr is not None]
    where = {"t": Count(cell.time), "j": Count(1), "h": h.sym}
    pieces.append(
        Say("rules.recurrent.one" if size(h.shape) > 1 else "rules.recurrent.only", where)
    )
    for gate in layer.gates:
        if gate != "a":
            pieces.append(Say(f"rules.recurrent.gate_{layer.op[0]}{gate}"))
        pieces += _one(r, cell, "a" if gate == "a" else f"a_{gate}", at)
        if gate != "a":
            pieces += _one(r, cell, gate, at)
    if "c" in cell.parts:
        pieces += [Say("rules.recurrent.cell"), *_one(r, cell, "c", at)]
    pieces += [Say("rules.recurrent.state"), *_one(r, cell, "h", at)]
    words = [w for w in (*layer.gates, "c", "h") if w in cell.parts]
    if len(cells) > 1:
        steps: list[list[Quantity | None]] = [
            [r.quantities.get(c.parts[w]) for c in _shown(cells)] for w in words
        ]
        pieces.append(Say("rules.recurrent.steps", {"j": Count(1)}))
        pieces += _over_time(layer, [(row, at) for row in steps])
    if size(h.shape) > 1:
        pieces += [Say("rules.recurrent.units"), *_units(r, layer)]
    shapes = {w: r.quantities[cell.parts[w]].shape for w in words}
    path = next((q.layer for q in _inner(r, cell)), "")
    ident = f"forward.recurrent.{layer.number}"
    return Step(ident, "recurrent.forward", "forward", layer.op, path, shapes, tuple(pieces))


def _is_there(cell: Cell) -> bool:
    """Whether the first example has anything at this time."""
    mask = cell.parts.get("m_in")
    return mask is None or bool(np.ravel(mask.value)[0])


def _off(q: Quantity) -> float:
    return distance(q.sym.value, q.truth)


def _inner(r: Reading, cell: Cell) -> list[Quantity]:
    """What is computed inside a step, in its order."""
    made = (part for word, part in cell.parts.items() if not word.endswith("_in"))
    return [r.quantities[part] for part in made if part in r.quantities]


def _one(r: Reading, cell: Cell, word: str, at: Index) -> list[Piece]:
    q = r.quantities[cell.parts[word]]
    return [element_line(q, at, r.mode), *(dots(q.expr, at, q.shape) if r.mode == "exact" else ())]


def _shown(cells: list[Cell]) -> list[Cell]:
    """Of many steps the first ones and the last."""
    return cells if len(cells) <= WIDEST else [*cells[: WIDEST - 1], cells[-1]]


def _over_time(layer: Layer, rows: list[tuple[list[Quantity | None], Index]]) -> list[Piece]:
    """Time steps across; a row for each quantity, given step by step (None where it has no value),
    and the place of the element that is shown."""
    cells = _shown(layer.cells)
    head = (None, *(Say("rules.recurrent.time", {"t": Count(c.time)}) for c in cells))
    body, worst = [], 0.0
    for quantities, at in rows:
        known = [q for q in quantities if q is not None]
        values = [None if q is None else inline(q.sym.at(_place(q, at)).value) for q in quantities]  # type: ignore[attr-defined]
        body.append((_at_any_time(known[0], _place(known[0], at)), *values))
        worst = max([worst, *(distance(q.sym.value, q.truth) for q in known)])
    out: list[Piece] = [Table(head, tuple(body), worst)]
    left = len(layer.cells) - len(cells)
    return [*out, Say("rules.recurrent.left_out", {"count": Count(left)})] if left else out


def _place(q: Quantity, at: Index) -> Index:
    """The same place where fewer (or more) sequences are still there: a single one has no number
    of its own."""
    rank = len(q.shape)
    return ((0,) * rank + at)[-rank:] if rank else ()


def _at_any_time(q: Quantity, at: Index) -> Name:
    """Its element's name, with t for the time: the column says which."""
    n = q.sym.at(at).name  # type: ignore[attr-defined]  # a Sym's element is a Sym
    over = str(n.layer).split("⟨")[0] + "⟨t⟩"
    return Name(n.base, over, n.index, None, n.partial)


def _units(r: Reading, layer: Layer) -> list[Piece]:
    """The hidden state of every unit, step by step (of a batch, for the first example)."""
    found: list[Quantity | None] = [r.quantities.get(c.parts["h"]) for c in _shown(layer.cells)]
    shape = next(q.shape for q in found if q is not None)
    lead = (0,) * (len(shape) - 1)
    return _over_time(layer, [(found, (*lead, j)) for j in range(min(shape[-1], WIDEST))])


# -- backward ----


def _backward(r: Reading, layer: Layer) -> Step:
    cells = [c for c in layer.cells if c.parts["h"] in r.pulled_of]
    words = ["a" if gate == "a" else f"a_{gate}" for gate in layer.gates]

    def blame(cell: Cell, word: str) -> float:
        return abs(float(np.ravel(_pulled(r, cell, word).exact)[0]))

    before = cells[:-1] or cells
    reached = (c for c in reversed(before) if _is_there(c) and any(blame(c, w) for w in words))
    cell = next(reached, before[-1])
    h = r.pulled_of[cell.parts["h"]]
    at = (0,) * len(h.shape)
    pieces: list[Piece] = [Say("rules.recurrent.back")]
    where = {"t": Count(cell.time), "j": Count(1)}
    pieces.append(Say("rules.recurrent.back_one", where | {"h": h.of.sym}))  # type: ignore[union-attr]
    pieces.append(element_line(h, at, r.mode))
    if "c" in cell.parts:
        pieces += [Say("rules.recurrent.back_cell"), _line(r, cell, "c", at)]
    blamed = max(words, key=lambda w: blame(cell, w))
    plain = blamed == "a"
    told = Say("rules.recurrent.back_bend" if plain else "rules.recurrent.back_gate",
               {} if plain else {"gate": Name(blamed[2:])})  # fmt: skip
    pieces += [told, _line(r, cell, blamed, at)]
    told_of = [*words, *(w for w in ("c", "h") if w in cell.parts)]
    if len(cells) > 1:
        steps: list[list[Quantity | None]] = [
            [r.pulled_of.get(c.parts[w]) for c in _shown(layer.cells)] for w in told_of
        ]
        pieces.append(Say("rules.recurrent.back_steps", {"j": Count(1)}))
        pieces += [*_over_time(layer, [(row, at) for row in steps]), *_fading(r, cells)]
    pieces += _weights(r, layer)
    path = next((q.layer for q in _inner(r, cell)), "")
    ident = f"backward.recurrent.{layer.number}"
    shapes = {w: _pulled(r, cell, w).shape for w in words}
    return Step(ident, "recurrent.backward", "backward", layer.op, path, shapes, tuple(pieces))


def _pulled(r: Reading, cell: Cell, word: str) -> Pulled:
    return r.pulled_of[cell.parts[word]]


def _line(r: Reading, cell: Cell, word: str, at: Index) -> Line:
    return element_line(_pulled(r, cell, word), at, r.mode)


def _fading(r: Reading, cells: list[Cell]) -> list[Piece]:
    """How the size of the blame changed from the last step that was read to the first."""
    first, last = (
        float(np.linalg.norm(np.asarray(_pulled(r, c, "h").exact, float)))
        for c in (cells[0], cells[-1])
    )
    if not first or not last:
        return [Say("rules.recurrent.nothing_back")] if last and not first else []
    ratio = first / last
    kind = "fades" if ratio < FADED else "grows" if ratio > GREW else "holds"
    sizes = {"last": inline(last), "first": inline(first), "ratio": inline(ratio, 2)}
    return [Say(f"rules.recurrent.{kind}", sizes | {"steps": Count(len(cells) - 1)})]


def _weights(r: Reading, layer: Layer) -> list[Piece]:
    """One weight as the sum over time, then all of them."""
    keys = [t._record for t in layer.rows.values()] or layer.weights
    found = [r.pulled_of[k] for k in keys if k in r.pulled_of]
    remembered = [p for p in found if p.name.element and p.name.index[0].startswith("h")]  # type: ignore[union-attr]
    if not remembered:
        return []
    p = max(remembered, key=lambda p: float(np.abs(np.asarray(p.exact)).max()))
    flat = int(np.abs(np.asarray(p.exact)).argmax())
    at = tuple(int(i) for i in np.unravel_index(flat, p.shape))
    pieces: list[Piece] = [Say("rules.recurrent.same_weights"), element_line(p, at, r.mode)]
    pieces += dots(p.expr, at, p.shape) if r.mode == "exact" else []
    whole = [r.pulled_of[k] for k in layer.weights if isinstance(k, Tensor) and k in r.pulled_of]
    if whole:
        gates = {"gates": ", ".join(layer.gates)}
        key_ = "rules.recurrent.all_rows" if layer.rows else "rules.recurrent.all_weights"
        pieces.append(Say(key_, gates if layer.rows else {}))
        pieces += [
            Line(w.sym, (Num(w.sym.value),), distance(w.sym.value, w.truth), w.exact) for w in whole
        ]
    return pieces
