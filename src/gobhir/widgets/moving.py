"""A moving picture made of knobs and one function: scene(state, given), here with the engine's
numbers and in frontend/widgets/pictures/ for the page. The tests hold the two together.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import traitlets

from gobhir.lang import say
from gobhir.widgets.network import is_number
from gobhir.widgets.picture import Picture
from gobhir.widgets.scene import Scene
from gobhir.widgets.still import still


@dataclass(frozen=True)
class Knob:
    """A number to set. kind: "slider", "steps" (whole, to be played) or "field" (one of many).
    plays: milliseconds from step to step when it is played, 0 for never.
    only: the knob has a meaning where the first of these, a choice, is one of the others.
    label: a symbol to call it by; without one the catalogue says knob.<name>."""

    name: str
    low: float
    high: float
    step: float
    value: float
    kind: str = "slider"
    plays: int = 0
    only: tuple[str, ...] = ()
    label: str = ""

    def check(self, value: Any) -> float:
        """The value as a number. ValueError for one that the knob cannot have."""
        good = is_number(value) and self.low <= value <= self.high
        if not good or (self.kind == "steps" and value != int(value)):
            ends = {"low": f"{self.low:g}", "high": f"{self.high:g}"}
            raise ValueError(say("widgets.state.number", name=self.name, got=value, **ends))
        return int(value) if self.kind == "steps" else float(value)


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    name: str
    options: tuple[str, ...]
    value: str
    kind: str = "choice"
    only: tuple[str, ...] = ()
    label: str = ""

    def check(self, value: Any) -> str:
        if value not in self.options:
            known = ", ".join(self.options)
            raise ValueError(say("widgets.state.choice", name=self.name, known=known, got=value))
        return str(value)


def steps(last: int, plays: int = 700) -> Knob:
    """The knob `step`: from 0 to the last, one after the other."""
    return Knob("step", 0, last, 1, 0, kind="steps", plays=plays)


class Moving(Picture):
    """Knobs and choices by name: Descent(lr=0.5, on="bowl"). What the learner has set stands in
    `state` and can be set: picture.state = {"lr": 0.9}; what it leaves out goes back to the start.
    ValueError (TraitError for `state`) for a name or a value that the picture does not have.
    """

    KNOBS: ClassVar[tuple[Knob | Choice, ...]]
    WORDS: ClassVar[tuple[str, ...]] = ("widgets.moving.",)
    STATE: ClassVar[tuple[str, ...]] = ("knobs", "given", "state")

    knobs: traitlets.List = traitlets.List(read_only=True).tag(sync=True)
    given = traitlets.Dict(read_only=True).tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, **settings: Any) -> None:
        traits = {key: settings.pop(key) for key in ("lang", "address") if key in settings}
        self._own = self.made_of()
        values: list[tuple[str, Any]] = [(knob.name, knob.check(knob.value)) for knob in self._own]
        self._start = dict(values)
        self._start = self._checked(settings)
        self.set_trait("knobs", [asdict(knob) for knob in self._own])
        self.set_trait("given", self.given_numbers())
        super().__init__(state=self._start, **traits)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.WORDS = (*Moving.WORDS, f"pictures.{cls.NAME}.")

    def made_of(self) -> tuple[Knob | Choice, ...]:
        """The knobs of this very picture."""
        return self.KNOBS

    def given_numbers(self) -> dict[str, Any]:
        """What the scene is made of besides the knobs, the same in Python and in the page."""
        return {}

    def draw(self, state: dict[str, Any]) -> Scene:
        """The scene of a whole state, with the engine's numbers."""
        raise NotImplementedError

    def scene(self) -> Scene:
        """The scene as the knobs stand now."""
        return self.draw(self.state)

    def _checked(self, wish: Any) -> dict[str, Any]:
        own = {knob.name: knob for knob in self._own}
        if not isinstance(wish, dict) or not wish.keys() <= own.keys():
            got = ", ".join(sorted(map(str, wish.keys() - own.keys()))) if wish else str(wish)
            raise ValueError(say("widgets.state.knob", known=", ".join(own), got=got))
        return {**self._start, **{name: own[name].check(value) for name, value in wish.items()}}

    @traitlets.validate("state")
    def _check_state(self, proposal: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._checked(proposal["value"])
        except ValueError as error:
            raise traitlets.TraitError(*error.args) from None

    def _still(self, lang: str) -> str:
        return still(self.scene(), self.NAME, lang)
