"""The playground's desk: a small network, its data and its optimizer, as a learner has laid them
out, and any step of its training worked out. No web server is needed.

Nothing is remembered between questions: the training up to step k is gone through again from the
state, which takes a fraction of a second (gobhir.compile).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

import gobhir
from gobhir import examples, nn, optim
from gobhir.engine import Tensor
from gobhir.explain.explanation import Explanation, explain
from gobhir.lang import say
from gobhir.studio.desk import Desk
from gobhir.studio.picture import picture

VERSION = 1
MOST = {"layers": 6, "neurons": 16, "inputs": 25, "examples": 64, "steps": 2000, "seed": 9999}
LARGEST = 1000.0
"""Of every number that is typed."""
ACTIVATIONS: dict[str, Callable[[], nn.Module] | None] = {"none": None, **examples.ACTIVATIONS}
OUTPUTS = {"half": "", "mse": "", "bce": "sigmoid", "cross_entropy": "none"}
"""The losses, and the activation that each asks of the last layer; "" leaves the choice."""
OPTIMIZERS: dict[str, tuple[Callable[..., optim.Optimizer], tuple[str, ...]]] = {
    "sgd": (optim.SGD, ("lr", "momentum", "nesterov", "weight_decay")),
    "rmsprop": (optim.RMSprop, ("lr", "momentum", "weight_decay")),
    "adagrad": (optim.Adagrad, ("lr", "weight_decay")),
    "adam": (optim.Adam, ("lr", "weight_decay")),
    "adamw": (optim.AdamW, ("lr", "weight_decay")),
}
"""The optimizers, and what can be set of each."""
MODES = ("auto", "hand", "exact")


@dataclass(frozen=True)
class State:
    """All that lies on the desk; a link carries it.

    layers: neurons and activation of each; x, y: a row an example (y: the class's number for
    cross_entropy); settings: of the optimizer; batch: examples a step, in their order, 0: all;
    weights: what was typed in place of what the seed draws, by its name ("0.weight[1, 2]")."""

    layers: tuple[tuple[int, str], ...]
    loss: str
    x: np.ndarray
    y: np.ndarray
    optimizer: str
    settings: dict[str, Any]
    batch: int
    seed: int
    steps: int
    weights: dict[str, float]
    mode: str

    @classmethod
    def read(cls, raw: Any) -> State:
        """The state that a page sent as JSON. ValueError says what in it cannot be."""
        if not isinstance(raw, dict) or raw.get("v") != VERSION:
            raise ValueError(say("play.bad.version"))
        listed = _list(raw.get("layers"), "layers", 1, MOST["layers"])
        layers = tuple(_layer(layer) for layer in listed)
        loss = _choice(raw.get("loss"), "loss", OUTPUTS)
        if OUTPUTS[loss] not in ("", layers[-1][1]):
            raise ValueError(say("play.bad.output", loss=loss, wanted=OUTPUTS[loss]))
        x = _table(raw.get("x"), "x", MOST["inputs"])
        width = 1 if loss == "cross_entropy" else layers[-1][0]
        y = _table(raw.get("y"), "y", width, width)
        if len(x) != len(y):
            raise ValueError(say("play.bad.pairs", x=len(x), y=len(y)))
        classes = range(layers[-1][0])
        if loss == "cross_entropy" and not np.isin(y, classes).all():
            raise ValueError(say("play.bad.classes", most=layers[-1][0] - 1))
        if loss == "bce" and not ((y >= 0) & (y <= 1)).all():
            raise ValueError(say("play.bad.chance"))
        weights = raw.get("weights", {})
        if not isinstance(weights, dict):
            raise ValueError(say("play.bad.part", part="weights"))
        return cls(
            layers,
            loss,
            x,
            y,
            *_optimizer(raw.get("optimizer")),
            _whole(raw.get("batch", 0), "batch", 0, MOST["examples"]),
            _whole(raw.get("seed", 0), "seed", 0, MOST["seed"]),
            _whole(raw.get("steps"), "steps", 1, MOST["steps"]),
            {name: _number(value, "weights") for name, value in weights.items()},
            _choice(raw.get("mode", "auto"), "mode", MODES),
        )

    def model(self) -> nn.Sequential:
        """The network with its weights at the start (float64): the house's own for 4-4-1 with
        seed 0, else decimals drawn by seed, smaller where many inputs meet."""
        rng = np.random.default_rng(self.seed)
        widths = (self.x.shape[1], *(n for n, _ in self.layers))
        house = widths == (4, 4, 1) and self.seed == 0
        parts: list[nn.Module] = []
        for k, (n, activation) in enumerate(self.layers):
            layer = nn.Linear(widths[k], n).double()
            weight = examples.WEIGHTS[k] if house else _drawn(rng, (n, widths[k]))
            bias = examples.BIASES[k] if house else _drawn(rng, (n,))
            values = {"weight": np.array(weight), "bias": np.array(bias)}
            layer.load_state_dict({name: gobhir.tensor(v) for name, v in values.items()})
            parts.append(layer)
            make = ACTIVATIONS[activation]
            if make is not None:
                parts.append(make())
        model = nn.Sequential(*parts)
        parameters = dict(model.named_parameters())
        with gobhir.no_grad():
            for name, value in self.weights.items():
                _put(parameters, name, value)
        return model

    def examples(self, step: int) -> tuple[Tensor, Tensor]:
        """What training sees in step number `step`, counted from 0; a single example is a
        vector, as on a board."""
        size = self.batch or len(self.x)
        start = step % math.ceil(len(self.x) / size) * size
        x, y = self.x[start : start + size], self.y[start : start + size]
        if self.loss == "cross_entropy":
            y = y[:, 0].astype(np.int64)
        return (
            (gobhir.tensor(x[0]), gobhir.tensor(y[0]))
            if len(x) == 1
            else (gobhir.tensor(x), gobhir.tensor(y))
        )


class Playground(Desk):
    """A state, and its training."""

    def __init__(self, state: State):
        self.state = state
        state.model()  # a name among the typed weights that is not there is found out now
        self._last: tuple[int, Explanation] | None = None

    @cached_property
    def losses(self) -> list[float]:  # type: ignore[override]
        """The loss that each step starts from, as long as it is a number."""
        losses: list[float] = []
        self._trained(self.state.steps, losses)
        return losses

    def explanation(self, step: int) -> Explanation:
        """Step number `step`, counted from 0, worked out."""
        if not 0 <= step < self.state.steps:
            raise IndexError(say("play.bad.step", step=step + 1, most=self.state.steps))
        if step > max(0, len(self.losses) - 1):
            raise ValueError(say("play.bad.diverged", step=len(self.losses)))
        if self._last is None or self._last[0] != step:
            model, optimizer = self._trained(step)
            page = explain(
                model,
                *self.state.examples(step),
                examples.LOSSES[self.state.loss],
                optimizer,
                mode=None if self.state.mode == "auto" else self.state.mode,
                reference="differences",
            )
            self._last = step, page
        return self._last[1]

    def network(self, step: int) -> dict[str, Any] | None:
        return picture(self.explanation(step))

    def _trained(self, steps: int, losses: list[float] | None = None) -> tuple[Any, Any]:
        """The model and its optimizer after so many steps; `losses` takes their losses down and
        ends the training where there is none."""
        state = self.state
        model, loss_of = state.model(), examples.LOSSES[state.loss]
        make, _ = OPTIMIZERS[state.optimizer]
        optimizer = make(model.parameters(), **state.settings)

        def learn(x: Tensor, y: Tensor) -> Tensor:
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        learn = gobhir.compile(learn)
        with np.errstate(all="ignore"):
            for step in range(steps):
                loss = learn(*state.examples(step)).item()
                if losses is not None:
                    if not math.isfinite(loss):
                        break
                    losses.append(loss)
        return model, optimizer


@lru_cache(maxsize=4)
def _playground(state: str) -> Playground:
    return Playground(State.read(json.loads(state)))


def playground(state: Any) -> Playground:
    """The desk of a state, as JSON; a few that were used last are kept."""
    return _playground(json.dumps(state))


# -- reading a state ------------------------------------------------------------------------------


def _list(raw: Any, part: str, least: int, most: int) -> list[Any]:
    if not isinstance(raw, list):
        raise ValueError(say("play.bad.part", part=part))
    if not least <= len(raw) <= most:
        raise ValueError(say("play.bad.many", part=part, got=len(raw), least=least, most=most))
    return raw


def _whole(raw: Any, part: str, least: int, most: int) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise ValueError(say("play.bad.part", part=part))
    if not least <= raw <= most:
        raise ValueError(say("play.bad.many", part=part, got=raw, least=least, most=most))
    return raw


def _number(raw: Any, part: str, least: float = -LARGEST, most: float = LARGEST) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise ValueError(say("play.bad.part", part=part))
    if not least <= raw <= most:  # neither is NaN
        raise ValueError(say("play.bad.many", part=part, got=raw, least=least, most=most))
    return float(raw)


def _choice(raw: Any, part: str, known: Any) -> str:
    if not isinstance(raw, str) or raw not in known:
        raise ValueError(
            say("play.bad.choice", part=part, got=str(raw)[:40], known=", ".join(known))
        )
    return raw


def _layer(raw: Any) -> tuple[int, str]:
    neurons, activation = _list(raw, "layers", 2, 2)
    return (
        _whole(neurons, "neurons", 1, MOST["neurons"]),
        _choice(activation, "activation", ACTIVATIONS),
    )


def _table(raw: Any, part: str, most: int, least: int = 1) -> np.ndarray:
    """(examples, numbers each)"""
    rows = _list(raw, part, 1, MOST["examples"])
    rows = [[_number(v, part) for v in _list(row, part, least, most)] for row in rows]
    if len({len(row) for row in rows}) > 1:
        raise ValueError(say("play.bad.uneven", part=part))
    return np.array(rows)


def _optimizer(raw: Any) -> tuple[str, dict[str, Any]]:
    """Its name and its settings."""
    if not isinstance(raw, dict):
        raise ValueError(say("play.bad.part", part="optimizer"))
    name = _choice(raw.get("name"), "optimizer", OPTIMIZERS)
    settings: dict[str, Any] = {}
    for key in OPTIMIZERS[name][1]:
        if key in raw:
            if key == "nesterov":
                settings[key] = raw[key] is True
            else:
                settings[key] = _number(raw[key], key, 0.0, 10.0 if key == "lr" else 1.0)
    settings["nesterov"] = bool(settings.get("nesterov") and settings.get("momentum"))
    if name != "sgd":
        del settings["nesterov"]
    return name, settings


def _drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Decimals that are easy to multiply by hand, never zero."""
    tenths = rng.integers(1, 10, shape) * rng.choice([-1, 1], shape)
    return np.round(tenths / 10 * min(1.0, 2 / math.sqrt(shape[-1])), 2 if shape[-1] > 4 else 1)


def _put(parameters: dict[str, Any], name: str, value: float) -> None:
    """Write one number over a parameter's own."""
    path, _, place = name.removesuffix("]").partition("[")
    try:
        index = tuple(int(i) for i in place.split(","))
        array = parameters[path].array
        if len(index) != array.ndim or min(index) < 0:
            raise IndexError(name)
        array[index] = value
    except (KeyError, IndexError, ValueError):
        raise ValueError(say("play.bad.weight", name=name[:40])) from None
