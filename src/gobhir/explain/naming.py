"""What the results on a page are called: z and a for a layer of neurons, its maps and its
activation; a letter of its own for what a teacher would name; u for the rest."""

from __future__ import annotations

from collections import Counter

from gobhir.derivation.expression import Name
from gobhir.engine import Record

WEIGHTED = {"linear", "conv", "conv_transpose"}
"""Ops with a weight W and a bias b: a layer, in the count of the page."""
_LETTERS = {
    **dict.fromkeys(("max_pool", "avg_pool"), "M"),
    **dict.fromkeys(("dropout", "alpha_dropout"), "D"),
    **dict.fromkeys(("cat", "stack"), "K"),
    **dict.fromkeys(("batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm"), "N"),
    "batch_norm_by_running": "N",
    "embedding": "H",
    "resample": "R",
}


class Names:
    """Gives each name once."""

    def __init__(self) -> None:
        self.layers: dict[Record, int] = {}
        self._others = 0
        self._counts: Counter[str] = Counter()
        self._given: set[Name] = set()

    def layer(self, record: Record) -> int:
        """The number of a layer of weights."""
        return self.layers.setdefault(record, len(self.layers) + 1)

    def constant(self, letter: str = "c") -> Name:
        self._others += 1
        return Name(letter, index=(self._others,))

    def result(
        self, record: Record, batch: bool, before: Name | None, residual: bool = False
    ) -> Name:
        """The name of what this op gave. batch: it has rows; before: what its first operand is
        called; residual: two paths meet in it."""
        op = record.op
        if residual:
            return self.numbered("S", batch)
        if op.name in WEIGHTED:
            return _cased("Z", self.layers[record], batch)
        if op.name in _LETTERS:
            return self.numbered(_LETTERS[op.name], batch)
        if before is not None and before.base in "zZ" and op.family.value == "elementwise":
            return self._once(_cased("A", before.layer, batch), batch)
        if op.inputs[:1] == ("z",) and op.family.value == "elementwise" and self.layers:
            return self._once(_cased("A", len(self.layers), batch), batch)
        return self._other(batch)

    def numbered(self, letter: str, batch: bool) -> Name:
        """The next with this letter."""
        self._counts[letter] += 1
        return _cased(letter, self._counts[letter], batch)

    def peek(self, letter: str) -> int:
        """The number that the next one with this letter will have."""
        return self._counts[letter] + 1

    def _once(self, name: Name, batch: bool) -> Name:
        if name in self._given:
            return self._other(batch)
        self._given.add(name)
        return name

    def _other(self, batch: bool) -> Name:
        self._others += 1
        return _cased("U", self._others, batch)


def _cased(letter: str, layer: int | str | None, batch: bool) -> Name:
    """A capital with small elements for what has rows, else a small letter."""
    return Name(letter, layer, element=letter.lower()) if batch else Name(letter.lower(), layer)
