"""The tape, read once more with pencil and paper: every quantity gets a name, an expression and a
value in the page's arithmetic (hand or exact); pulling.py goes on with the gradients.

Nothing here knows the network: the families' rules (rules/) say how an op is written down, and
this file applies them to whatever stands on the tape.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from gobhir.derivation.expression import (
    Expr,
    Name,
    Sym,
    indices,
)
from gobhir.derivation.places import shaped
from gobhir.derivation.rounding import Rounder, decimals, each, objects, result, significant
from gobhir.engine import Record, Tensor, apply
from gobhir.engine.apply import Part
from gobhir.engine.op import Family
from gobhir.explain.attending import looked_into
from gobhir.explain.naming import WEIGHTED, Names
from gobhir.explain.pulling import Backward
from gobhir.explain.quantity import (
    Pulled,
    Quantity,
    Saturated,
    ancestors,
    as_written,
    blank,
    element,
    plain,
    view,
)
from gobhir.explain.recording import Recording
from gobhir.explain.rules import classes, ctc, matrices, moves, standard
from gobhir.explain.rules.families import forward
from gobhir.explain.rules.use import Use

_INLINE = {"add", "sub", "mul", "div", "neg", "pow", "exp", "log", "sqrt", "abs"}
_OWN_LINE = {"cat", "stack", "embedding"} | moves.PICKS
"""Moves of numbers that a page shows by themselves."""
_WITH_ASIDE = standard.OPS | {standard.RUNNING, ctc.OP} | matrices.OPS
_MOVES = (Family.REARRANGEMENT, Family.GATHER)
_FOLDS = (Family.ELEMENTWISE, Family.REDUCTION, Family.LOSS, *_MOVES)


class Reading:
    """A recording read in one arithmetic, "hand" or "exact"."""

    def __init__(self, run: Recording, mode: str):
        self.run = run = looked_into(run)
        self.mode = mode
        self.quantities: dict[Any, Quantity] = {}
        self.inlined: dict[Record, Expr] = {}
        self.computed: list[Quantity] = []
        self.helpers: dict[Record, list[Quantity]] = {}
        self.pulled: list[Pulled] = []
        self.pulled_of: dict[Any, Pulled] = {}
        self.unruled: list[str] = []
        self.by_pytorch = False
        """Whether every op of the step was computed by PyTorch, too."""
        self.updated: dict[Tensor, dict[str, np.ndarray]] = {}
        """What PyTorch's optimizer makes of each parameter and its state, where it was asked."""
        self._users: dict[Record, list[Record]] = {}
        for user in run.tape.records:
            for x in user.inputs:
                if isinstance(x, Tensor) and x._record is not None:
                    self._users.setdefault(x._record, []).append(user)
        self.names = Names()
        self._called: dict[Tensor, Name] = {}
        self._turned: set[Tensor] = set()
        self.reachable = ancestors(run.loss)
        self.expressions: dict[Record, Use] = {}
        for record in run.tape.records:
            if record in self.reachable:
                self._read(record)
        Backward(self).read()

    @property
    def rounder(self) -> Rounder:
        return significant if self.mode == "hand" else lambda x: x

    def compare(self) -> None:
        """Have PyTorch compute the step, too, in float64: the reference of every number."""
        from gobhir.lift.torch_replay import replayed
        from gobhir.lift.torch_update import updated

        step = replayed(self.run.tape, self.run.loss)
        for key, q in self.quantities.items():
            if key in step.values and key not in step.engines:
                q.reference = np.reshape(step.values[key], q.shape)
        for key, p in self.pulled_of.items():
            if key in step.gradients:
                p.reference = np.reshape(step.gradients[key], p.shape)
        self.by_pytorch = not step.engines
        self.updated = {u.parameter: updated(u) for u in self.run.tape.updates}

    # -- values in the page's arithmetic ----

    def values(self, expr: Expr | None, exact: Any) -> Any:
        """The page's values of something whose engine value is `exact` (already a view)."""
        if self.mode == "exact":
            return exact if exact.shape else decimals(exact)
        if expr is None:
            return each(significant, decimals(as_written(exact)))
        if not exact.shape:
            return self._by_hand(element(expr, (), ()), exact[()])
        by_hand = [
            self._by_hand(element(expr, i, exact.shape), exact[i]) for i in indices(exact.shape)
        ]
        return objects(by_hand, exact.shape)

    def _by_hand(self, e: Expr, exact: Any) -> Decimal:
        value = result(e, self.rounder)
        if not value.is_finite() and not np.isneginf(exact):  # what a mask has closed is meant
            raise Saturated
        return value

    # -- forward ----

    def operand(self, x: Any, name: str = "c") -> Expr | None:
        """An op's input as it stands in a formula; plain numbers of an array are called `name`."""
        if x is None:
            return None
        if not isinstance(x, Tensor):
            return plain(x) if np.ndim(x) == 0 else Sym(Name(name), self.values(None, view(x)))
        if x._record in self.inlined:
            return self.inlined[x._record]
        return self.quantity(x).sym

    def quantity(self, x: Tensor) -> Quantity:
        """The named quantity that this tensor is."""
        key = x if x._record is None else x._record
        if key not in self.quantities:
            self.quantities[key] = self._given(x)
        return self.quantities[key]

    def use(self, q: Quantity) -> Use | None:
        """The op that made this quantity, at work."""
        return None if q.record is None else self.expressions.get(q.record)

    def uses(self) -> Iterable[Use]:
        """All ops of the page at work."""
        return self.expressions.values()

    def _given(self, x: Tensor) -> Quantity:
        run = self.run
        if x in run.parameters:
            kind, name = "parameter", _words(run.parameters[x], run.parameters.values())
        elif x is run.x:
            kind, name = "input", Name("x")
        elif x is run.y:
            kind, name = "target", Name("y")
        elif x in self._called:
            name = self._called[x]
            kind = "target" if name.base == "y" else "constant"
        else:
            kind, name = "constant", self.names.constant()
        exact = view(run.tape.value(x), kind == "parameter")
        if x in run.called:
            many = exact.ndim >= 2 and (kind == "parameter" or exact.shape[0] > 1)
            name = run.called[x].name(many)
        if kind == "input" and exact.ndim >= 2:
            name = Name("X", element="x")
        sym = Sym(name, self.values(None, exact))
        return Quantity(sym, exact, given=kind, layer=run.layer_of(x))

    def _read(self, record: Record) -> None:
        if isinstance(record.value, tuple):
            return  # each of its results comes as a `part` of its own
        layer = self._weights_of(record)
        if layer is not None:
            self._name_weights(layer)
        whole = record
        if record.op is Part:
            whole = record.inputs[0]._record
            if not self._opens(record, whole):
                self._read_part(record)
                return
        if whole.op.name in WEIGHTED and whole not in self.run.inside:
            self._name_weights(whole)
        if whole.op.name in _WITH_ASIDE:
            self._name_scale(whole)
        if whole.op.family is Family.LOSS:
            self._name_asked(whole)
        use = self._use(record, whole)
        expr = forward(use)
        self.expressions[record] = self.expressions[whole] = use
        if expr is None and whole.op.name not in matrices.OPS:
            self.unruled.append(whole.op.name)
        if expr is not None and self._is_inlined(record):
            use.result = expr
            self.inlined[record] = expr
            return
        exact = view(record.value, self.is_weight(record))
        sym = Sym(self._name(whole, len(exact.shape) >= 2), self.values(expr, exact))
        use.result = sym
        q = Quantity(sym, exact, expr, whole, self.run.layer(whole))
        self.quantities[record] = q
        self.computed.append(q)

    def _use(self, record: Record, whole: Record) -> Use:
        """The op at work; of one that has several results, as if it had the first alone."""
        words = (*whole.op.inputs, *["c"] * len(whole.inputs))
        called = ({"noise": "r", "mask": "r"}.get(word, "c") for word in words)
        operands = [self.operand(x, c) for x, c in zip(whole.inputs, called, strict=False)]
        arrays = [self.run.tape.value(x) if isinstance(x, Tensor) else x for x in whole.inputs]
        nameless = Sym(Name("out"), blank(view(record.value, self.is_weight(record)).shape))
        seen = record
        if whole is not record:
            seen = Record(whole.op, whole.inputs, whole.settings, record.value, (), ())
        use = Use(seen, operands, arrays, nameless)  # type: ignore[arg-type]
        if whole is not record:
            use.results = whole.value
        if whole.op.name == "cross_entropy_loss":
            use.helper = self._probabilities(whole, operands[0])  # type: ignore[arg-type]
            use.asked = self._shares(use)
        if whole.op.name in _WITH_ASIDE:
            self._work_aside(whole, use)
        return use

    def _opens(self, part: Record, whole: Record) -> bool:
        """Whether the rules know this result of an op that has several."""
        used = [u for u in self._users.get(whole, []) if u in self.reachable]
        known = whole.op.name in standard.OPS | moves.PICKS
        return known and part.settings["place"] == 0 and len(used) == 1

    def _work_aside(self, whole: Record, use: Use) -> None:
        """Quantities on the way to the result: mean, variance, ..."""
        made = self.helpers[whole] = []
        rule: Any = {ctc.OP: ctc, **dict.fromkeys(matrices.OPS, matrices)}.get(
            whole.op.name, standard
        )
        layer = self.names.peek("N") if rule is standard else None
        if rule is matrices:
            before = sum(r.op.name in matrices.OPS for r in self.helpers)
            layer = before or None
        for key, name, expr, array in rule.aside(use):
            exact = view(array)
            expr = None if expr is None else shaped(expr, exact.shape)
            named = replace(name, layer=layer)
            q = Quantity(Sym(named, self.values(expr, exact)), exact, expr, whole)
            use.helpers[key] = shaped(q.sym, array.shape)
            made.append(q)

    def _read_part(self, record: Record) -> None:
        """A result of an op that has several: shown by its values."""
        exact = view(record.value)
        whole = record.inputs[0]._record
        if whole.op.name in matrices.SEVERAL:
            if whole not in self.expressions:
                self.expressions[whole] = self._use(record, whole)
            sym = self.helpers[whole][record.settings["place"]].sym
        else:
            self.unruled.append(whole.op.name)
            name = self._name(record, len(exact.shape) >= 2)
            sym = Sym(name, self.values(None, exact))
        q = Quantity(sym, exact, None, whole, self.run.layer(whole))
        self.quantities[record] = q
        self.computed.append(q)

    def _is_inlined(self, record: Record) -> bool:
        if record is self.run.loss or record is self.run.output or record in self.run.called:
            return False
        if record.op is Part:
            return False
        if record in self.run.inside:
            return True
        if record.op.family in _MOVES:
            return record.op.name not in _OWN_LINE
        users = self._users.get(record, [])
        if record.op.name not in _INLINE or len(users) != 1:
            return False
        return users[0].op.family in _FOLDS and not self._is_residual(record)

    def _is_residual(self, record: Record) -> bool:
        """Whether two things made of the same are added: two paths meet."""
        if record.op.name != "add" or record.value.size == 1:
            return False
        made = [x._record for x in record.inputs if isinstance(x, Tensor) and x._record]
        if len(made) != 2 or made[0] is made[1]:
            return False
        return bool(ancestors(made[0]) & ancestors(made[1]))

    def turned(self, q: Quantity) -> bool:
        """Whether these are weights with a column for each neuron, not a row."""
        return any(self.quantities.get(t) is q for t in self._turned)

    def _weights_of(self, record: Record) -> Record | None:
        """The layer whose weights, or bias, are turned or laid out anew here."""
        users = self._users.get(record, [])
        if record.op.name not in ("permute", "reshape") or len(users) != 1:
            return None
        x, user = record.inputs[0], users[0]
        if not isinstance(x, Tensor) or (x._record is None and x not in self.run.parameters):
            return None
        if user.op.name in WEIGHTED and user not in self.run.inside:
            return user if user.inputs[0]._record is not record else None
        return self._weights_of(user)

    def _name_weights(self, record: Record) -> None:
        layer = self.names.layer(record)
        leaves = [_leaf(x) for x in record.inputs[1:]]
        if leaves and leaves[0] is not record.inputs[1] and record.op.name == "linear":
            self._turned.add(leaves[0])
        named = zip(leaves, ("W", "b"), ("w", None), strict=False)
        self._call(((x, Name(letter, layer, element=small)) for x, letter, small in named))

    def _name_scale(self, record: Record) -> None:
        layer = self.names.peek("N")
        words = {"mean": "mu", "variance": "v", "weight": "gamma", "bias": "beta"}
        named = zip(record.inputs, record.op.inputs, strict=False)
        self._call((x, Name(words[word], layer)) for x, word in named if word in words)

    def _call(self, named: Iterable[tuple[Any, Name]]) -> None:
        """Parameters and constants that are called by their place in an op."""
        for x, name in named:
            if isinstance(x, Tensor) and x._record is None and x not in self.quantities:
                kind = "parameter" if x in self.run.parameters else "constant"
                exact = view(self.run.tape.value(x), kind == "parameter")
                sym = Sym(name, self.values(None, exact))
                path = self.run.layer_of(x)
                self.quantities[x] = Quantity(sym, exact, given=kind, layer=path)

    def is_weight(self, record: Record | None) -> bool:
        return record in self.run.called and self.run.called[record].weight

    def _name_asked(self, record: Record) -> None:
        """What a loss is given beside the model's answer is called as in its formula."""
        taken = {name.base for name in self._called.values()}
        for x, word in zip(record.inputs[1:], record.op.inputs[1:], strict=False):
            name = Name({"weight": "w", "pos_weight": "rho"}.get(word, word))
            if isinstance(x, Tensor) and name.base not in taken:
                self._called.setdefault(x, name)

    def _name(self, record: Record, batch: bool) -> Name:
        run = self.run
        if record in run.called:
            return run.called[record].name(batch)
        if record is run.loss:
            return Name("L")
        if record is run.output and not (record.op.name in WEIGHTED and run.loss_takes_logits):
            return Name("yhat")
        first = record.inputs[0] if record.inputs else None
        q = self.quantities.get(first._record) if isinstance(first, Tensor) else None
        before = None if q is None else q.name
        return self.names.result(record, batch, before, self._is_residual(record))

    def _probabilities(self, record: Record, z: Expr) -> Sym:
        """Cross-entropy takes logits; the probabilities behind it get a line of their own."""
        from gobhir.engine.ops.softmax import Softmax

        logits = self.run.tape.value(record.inputs[0])
        dim = 1 if logits.ndim > 1 else 0
        use = Use(Record(Softmax, (), {"dim": dim}, logits, (), ()), [z], [logits], z)
        expr = forward(use)
        exact = view(apply(Softmax, logits, dim=dim))
        name = Name("P", element="p") if exact.ndim >= 2 else Name("p")
        q = Quantity(Sym(name, self.values(expr, exact)), exact, expr, record)
        self.helpers[record] = [q]
        return q.sym

    def _shares(self, use: Use) -> Sym | None:
        """What smoothed or weighted targets ask of each class gets a line of its own, too."""
        expr = classes.asked(use)
        if expr is None:
            return None
        exact = view(np.asarray(classes.asked_exactly(use)))
        name = Name("T", element="t") if exact.ndim >= 2 else Name("t")
        q = Quantity(Sym(name, self.values(expr, exact)), exact, expr, use.record)
        self.helpers[use.record].append(q)
        return q.sym


def _leaf(x: Any) -> Any:
    """What this was before it was turned or laid out anew."""
    while isinstance(x, Tensor) and x._record is not None:
        if x._record.op.name not in ("permute", "reshape"):
            break
        x = x._record.inputs[0]
    return x


def _words(path: str, paths: Iterable[str]) -> Name:
    """A parameter outside any known layer is called by its own name; where several are called
    that (hidden.kernel, out.kernel), they are numbered."""
    last = path.rpartition(".")[2]
    alike = [p for p in paths if p.rpartition(".")[2] == last]
    return Name(last, alike.index(path) + 1 if len(alike) > 1 else None)
