"""A step that ran in float32, once more in float64: what a page in full works out. The same ops on
the same starting values, differentiated again, and the optimizer's rule on those gradients."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Name, Sym, number
from gobhir.derivation.formula import read
from gobhir.engine import Record, Tape, Tensor, Update, backward
from gobhir.engine.quiet import quietly
from gobhir.explain.recording import Recording, finish

NEAR = 1e-4
"""Of the largest number: so far may float32 be from float64 before something else was done."""


def doubled(run: Recording) -> Recording:
    """The same recording with all its numbers in float64; `run` itself where they are already."""
    return run if all(_wide(r.value) for r in run.tape.records) else _Doubling(run).result()


def _wide(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_wide, value))
    return value.dtype.kind != "f" or value.dtype == np.float64


def _widened(array: Any) -> np.ndarray:
    array = np.asarray(array)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


class _Doubling:
    def __init__(self, run: Recording):
        self.run = run
        self.tape = Tape(_seen={i: (t, _widened(a)) for i, (t, a) in run.tape._seen.items()})
        self.new: dict[Record, Record] = {}
        self.stand_ins: dict[Tensor, Tensor] = {}

    def result(self) -> Recording:
        run = self.run
        for r in run.tape.records:
            self.new[r] = self._again(r)
        loss = Tensor._wrap(self.new[run.loss].value, True)
        loss._record = self.new[run.loss]
        with self.tape:
            backward(loss)
        updates = [self._updated(u) for u in run.tape.updates]
        real = {s: t for t, s in self.stand_ins.items()}
        for made in self.new.values():
            made.inputs = tuple(real.get(x, x) if isinstance(x, Tensor) else x for x in made.inputs)
        self.tape._seen = {i: (t, _widened(a)) for i, (t, a) in run.tape._seen.items()}
        self.tape.entries += updates
        inside = [n.order for r, n in self.new.items() if r.order <= run.boundary]
        output, end = self.new[run.output], self.new[run.loss]
        again = replace(run, tape=self.tape, output=output, loss=end, boundary=max(inside))
        return finish(again)

    def _again(self, r: Record) -> Record:
        inputs = tuple(self._input(x) for x in r.inputs)
        given = [x.array if isinstance(x, Tensor) else x for x in inputs]
        if r.inputs and isinstance(given[0], tuple):  # a part of several results
            given[0] = tuple(given[0])
        made = quietly(r.op.forward, given, r.settings)
        value = tuple(map(_widened, made)) if isinstance(made, tuple) else _widened(made)
        edges = [self._edge(e) for e in r.edges]
        out = Record(r.op, inputs, r.settings, value, edges, (), r.scope)
        self.tape.entries.append(out)
        return out

    def _input(self, x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        if x._record is None:
            return self._stand_in(x)
        made = self.new[x._record]
        out = Tensor._wrap(made.value, x.requires_grad)
        out._record = made
        return out

    def _stand_in(self, leaf: Tensor) -> Tensor:
        if leaf not in self.stand_ins:
            array = _widened(self.run.tape.value(leaf))
            self.stand_ins[leaf] = Tensor._wrap(array, leaf.requires_grad)
        return self.stand_ins[leaf]

    def _edge(self, e: Any) -> Any:
        return self.new[e] if isinstance(e, Record) else None if e is None else self._stand_in(e)

    def _updated(self, u: Update) -> Update:
        """The optimizer's step by its rule; where the gradient was changed before it (clipped, for
        one), from what it took."""
        own = self.stand_ins.get(u.parameter)
        if own is None or not u.rule:
            return u
        grad = _widened(u.grad)
        if own.grad is not None:
            found = own.grad.array
            far = float(np.abs(found - grad).max(initial=0.0))
            grad = found if far <= NEAR * float(np.abs(found).max(initial=1e-30)) else grad
        before = {k: _widened(v) for k, v in u.before.items()} | {"w": own.array}
        known: dict[str, Expr] = {k: Sym(Name(k), v) for k, v in {**before, "g": grad}.items()}
        known |= {k: number(v) for k, v in u.hyper.items() if isinstance(v, (int, float))}
        for target, formula in u.rule:
            e = read(formula, known)
            value = np.asarray(e.floats(tuple(np.ogrid[tuple(map(slice, e.shape))])), float)
            known[target] = Sym(Name(target), np.broadcast_to(value, e.shape))
        ended = {k: e.value for k, e in known.items() if isinstance(e, Sym)}
        after = {k: np.array(ended[k]) if k in ended else v for k, v in u.after.items()}
        return replace(u, grad=grad, before=before, after=after)
