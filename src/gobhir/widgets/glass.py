"""The glass network in a notebook: a training step of a small network to walk through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import traitlets

from gobhir.lang import say
from gobhir.widgets.drawing import draw
from gobhir.widgets.network import check_moves, last_step, read_network, things
from gobhir.widgets.numbers import Numbers, one_step, replay
from gobhir.widgets.picture import Picture

# The page gets all of these, in both languages:
# keys: widgets.glass.*


class GlassNetwork(Picture):
    """A small network as if made of glass: step through forward, loss, backward and update,
    touch any number to see its line, change any number and see all of it change.

    example: "4-4-1" (or other sizes up to "6-6-6-6"), or a Sequential of Linear layers, each
    followed by at most one of Sigmoid, Tanh, ReLU, Identity (gobhir's or PyTorch's).
    x, y: the inputs and targets to start with; lr: the learning rate. The loss is half the
    squared error, the optimizer plain gradient descent.

    What the learner does stands in the traits `step`, `selected` and `moves`, and can be set:
    `picture.moves = [["w2.1.2", 0.7], ["go", 3]]`. `now()` is the network after these moves.
    """

    NAME = "glass"
    WORDS = ("widgets.glass.",)
    STATE = ("network", "step", "selected", "moves")

    network = traitlets.Dict(read_only=True).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    moves: traitlets.List = traitlets.List().tag(sync=True)

    def __init__(
        self,
        example: str | Any = "4-4-1",
        x: Sequence[float] | None = None,
        y: Sequence[float] | None = None,
        lr: float | None = None,
        **traits: Any,
    ) -> None:
        # The other traits are checked against the network, so it comes first.
        self.set_trait("network", read_network(example, x, y, lr))
        super().__init__(**traits)

    @traitlets.validate("step")
    def _check_step(self, proposal: dict[str, Any]) -> int:
        last = last_step(self.network)
        if not 0 <= proposal["value"] <= last:
            raise traitlets.TraitError(say("widgets.state.step", last=last, got=proposal["value"]))
        return int(proposal["value"])

    @traitlets.validate("selected")
    def _check_selected(self, proposal: dict[str, Any]) -> str:
        name = proposal["value"]
        if name and name not in things(self.network):
            raise traitlets.TraitError(say("widgets.state.selected", got=name))
        return str(name)

    @traitlets.validate("moves")
    def _check_moves(self, proposal: dict[str, Any]) -> list[Any]:
        try:
            check_moves(self.network, proposal["value"])
        except ValueError as error:
            raise traitlets.TraitError(*error.args) from None
        return [list(move) for move in proposal["value"]]

    def now(self) -> dict[str, Any]:
        """The network after the learner's moves: weights, biases, activations, x, y, lr."""
        return replay(self.network, self.moves)

    def numbers(self) -> Numbers:
        """z, a, deltas, gradients and loss as they stand now, worked by the engine."""
        return one_step(self.now())

    def _still(self, lang: str) -> str:
        now = self.now()
        return draw(now, one_step(now), lang)
