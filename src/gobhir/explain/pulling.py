"""The gradients of a reading, in the order in which backward finds them: each op's contribution by
its rule, and what meets at one place as a sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gobhir.derivation.expression import Expr, Name, Sym, number, total
from gobhir.derivation.formula import labelled
from gobhir.derivation.places import shaped
from gobhir.engine import Record, Tensor
from gobhir.engine.apply import Part
from gobhir.engine.op import Family
from gobhir.explain.quantity import Pulled, Quantity, blank, key, view
from gobhir.explain.rules.families import pull

if TYPE_CHECKING:
    from gobhir.explain.reading import Reading


class Backward:
    """Fills a reading's `pulled` and `pulled_of`."""

    def __init__(self, page: Reading):
        self.page = page
        self._entries = {g.of: g for g in page.run.tape.gradients}
        self._exact_grads = self._gather()

    def _asks(self, record: Record) -> Iterator[tuple[int, Tensor]]:
        """The operands that a gradient came back to."""
        grads = self._entries[record].grads
        for i, (x, g) in enumerate(zip(record.inputs, grads, strict=False)):
            if isinstance(x, Tensor) and x.requires_grad and g is not None:
                yield i, x

    def _gather(self) -> dict[Any, np.ndarray]:
        """dL/d(value) as the engine computed it, for every record and leaf on the way."""
        found: dict[Any, np.ndarray] = {}
        for entry in self.page.run.tape.gradients:
            found[entry.of] = entry.cotangent
            for i, x in enumerate(entry.of.inputs):
                leaf = isinstance(x, Tensor) and x._record is None
                if leaf and (g := entry.to(i)) is not None:
                    found[x] = found[x] + g if x in found else g
        return found

    def read(self) -> None:
        """From the loss to the leaves."""
        records = [r for r in self.page.reachable if r in self._exact_grads]
        expected = self._expected = Counter(key(x) for r in records for _, x in self._asks(r))
        arrived: dict[Any, list[Expr]] = {self.page.run.loss: [number(1)]}
        for record in sorted(records, key=lambda r: -r.order):
            c = self._incoming(record, arrived.pop(record))
            for i, x in self._asks(record):
                there = arrived.setdefault(key(x), [])
                there.append(self._contribution(record, i, c))
                if x._record is None and len(there) == expected[x]:
                    contributions = arrived.pop(x)
                    self._settle(self.page.quantity(x), total(contributions), len(contributions), x)

    def _contribution(self, record: Record, i: int, c: Expr) -> Expr:
        if record.op is Part:  # only an op that the rules open has more to say inside
            if record in self.page.expressions:
                return c
            whole = self.page.expressions.get(record.inputs[0]._record)
            if whole is not None:
                whole.cotangents[record.settings["place"]] = shaped(c, record.value.shape)
            return number(1)
        use = self.page.expressions.get(record)
        if use is None:
            return self._shown_gradient(record, i)
        use.local = lambda k, shape: self._brace(record, k, shape)
        out = pull(use, i, c)
        return self._shown_gradient(record, i) if out is None else out

    def _shown_gradient(self, record: Record, i: int) -> Expr:
        """What the engine passed back, where no rule says how."""
        self.page.unruled.append(record.op.name)
        exact = view(np.asarray(self._entries[record].to(i)), record.inputs[i]._record is None)
        q = self.page.operand(record.inputs[i])
        name = q.name.d() if isinstance(q, Sym) else Name("g")
        of = key(record.inputs[i])
        if self._expected[of] > 1 or of in self.page.run.called:  # that name is for the whole of it
            name = self.page.names.constant("g")
        return Sym(name, self.page.values(None, exact))

    def _brace(self, record: Record, i: int, shape: tuple[int, ...]) -> Expr | None:
        """da/dz, to stand under the local derivative of an activation."""
        out = self.page.quantities.get(record)
        x = self.page.operand(record.inputs[i])
        if out is None or not isinstance(x, Sym) or record is self.page.run.loss:
            return None
        n = out.name
        name = Name(n.base, n.layer, n.index, n.element, by=x.name)
        return Sym(name, blank(shape))

    def _incoming(self, record: Record, contributions: list[Expr]) -> Expr:
        """dL/d(result of record), as the next pull will use it."""
        c = total(contributions)
        q = self.page.quantities.get(record)
        if record is self.page.run.loss or q is None:
            return c
        if record in self.page.run.called:
            return self._settle(q, c, len(contributions), record).sym
        family = q.record.op.family if q.record is not None else record.op.family
        named = family in (Family.LINEAR, Family.NORMALISATION) or len(contributions) > 1
        named = named or not _has_rule(record)
        if named and not isinstance(c, Sym):
            return self._settle(q, c, len(contributions), record).sym
        if isinstance(c, Sym) or not c.children:
            return c
        exact_shape = q.sym.shape
        return labelled(c, Sym(q.name.d(), blank(exact_shape)))

    def _settle(self, q: Quantity, c: Expr, paths: int, of: Record | Tensor) -> Pulled:
        """The gradient of an op's result, or of a leaf, gets a name and a line."""
        record = of if isinstance(of, Record) else None
        exact = view(self._exact_grads[of], record is None or self.page.is_weight(record))
        name = q.name.d()
        if record in self.page.run.called:
            name = self.page.run.called[record].gradient(len(exact.shape) >= 2)
        if record in self.page.names.layers:
            layer = self.page.names.layers[record]
            batch = len(exact.shape) >= 2
            name = Name("Delta", layer, element="delta") if batch else Name("delta", layer)
        sym = Sym(name, self.page.values(c, exact))
        out = Pulled(sym, exact, c, record, q.layer, of=q, paths=paths)
        self.page.pulled.append(out)
        self.page.pulled_of[of] = out
        return out


def _has_rule(record: Record) -> bool:
    return record.op.family is not Family.OPAQUE and bool(record.op.formula)
