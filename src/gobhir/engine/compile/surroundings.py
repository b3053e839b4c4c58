"""What a step works on besides its arguments: found by one ordinary run under a tape."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from gobhir.engine.compile.guards import Name
from gobhir.engine.compile.reached import Reached
from gobhir.engine.tape import Tape
from gobhir.engine.tensor import Tensor

SMALL = 200
"""So many numbers, parameters and others, at most: above, no step is unrolled."""


class Surroundings:
    """What a step works on besides its arguments."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.modules: list[Any] = []
        self.updates: list[tuple[Any, list[Tensor]]] = []
        self.names: list[Name] = []
        self.generators: list[Any] = []
        """Of random numbers that are not Gobhir's."""
        self.copied: set[Tensor] = set()
        """Whose gradients somebody kept."""
        self.unroll = True
        self.exact = False
        """Every sum has to be rounded as the step itself rounds it."""

    def small(self) -> bool:
        """Whether the step may be worth writing out number by number."""
        return self.unroll and sum(t.array.size for t in self.tensors) <= SMALL

    def modes(self) -> tuple[Any, ...]:
        """What about the modules decides which calls a step makes: training or not, settings,
        which parameters and modules there are."""
        return tuple(_settings(m) for m in self.modules)

    def complete(self, but_for_entries: bool = False) -> bool:
        """Whether all layers and parameters of now were there, too, when the step was watched, and
        the other objects that it looks up (but_for_entries: of lists, only the lists)."""
        known = {id(t) for t in self.tensors} | {id(m) for m in self.modules}
        now = [
            *(x for m in self.modules for x in (m, *m.modules(), *m.parameters(), *m.buffers())),
            *(p for o, _ in self.updates for group in o.param_groups for p in group["params"]),
        ]
        steady = all(n.steady(but_for_entries) for n in self.names)
        return steady and known.issuperset(map(id, now))

    def settings(self) -> list[dict[str, Any]]:
        """Of the optimizers, but for the learning rate."""
        groups = [g for o, _ in self.updates for g in o.param_groups]
        return [{k: v for k, v in g.items() if k not in ("lr", "params")} for g in groups]

    def lists(self) -> list[Any]:
        """The optimizers' own, of parameters."""
        return [g["params"] for o, _ in self.updates for g in o.param_groups]

    def groups(self) -> list[list[list[int]]]:
        """Which parameters the groups of the optimizers have."""
        optimizers = (o for o, _ in self.updates)
        return [[[id(p) for p in g["params"]] for g in o.param_groups] for o in optimizers]

    def hooked(self) -> bool:
        """Whether somebody listens in: a replay would not call them."""
        return any(x._hooks for x in (*self.modules, *self.tensors)) or any(
            o._before_step or o._after_step for o, _ in self.updates
        )


_SETTING = (bool, int, float, str, tuple, FunctionType, MethodType, BuiltinFunctionType)


def _settings(module: Any) -> dict[str, Any]:
    own: dict[str, Any] = {k: v for k, v in module.__dict__.items() if isinstance(v, _SETTING)}
    for registry in ("_parameters", "_buffers", "_modules"):
        own[registry] = [(k, id(v)) for k, v in module.__dict__[registry].items()]
    return own


def ids(updates: list[tuple[Any, list[Tensor]]]) -> list[Any]:
    return [(id(o), [id(p) for p in parameters]) for o, parameters in updates]


def watch(step: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Any, Surroundings]:
    """Run the step as it is written, and see what it works on."""
    with Tape() as tape:
        result = step(*args, **kwargs)
    found = Surroundings()
    given = {id(a) for a in (*args, *kwargs.values())}
    modules: dict[int, Any] = {}
    tensors: dict[int, Tensor] = {}
    made: list[weakref.ref[Tensor]] = []
    for record in tape.records:
        for module in record.scope[:1]:
            modules.setdefault(id(module), module)
        for x in record.inputs:
            if isinstance(x, Tensor) and x._record is None and id(x) not in given:
                made.append(weakref.ref(x))
    for one in tape.written:
        x = one()
        if x is not None and not x.requires_grad and id(x) not in given:
            made.append(one)
    optimizers: dict[int, tuple[Any, list[Tensor]]] = {}
    for update in tape.updates:
        optimizers.setdefault(id(update.optimizer), (update.optimizer, []))[1].append(
            update.parameter
        )
        tensors[id(update.parameter)] = update.parameter
    x = record = update = None  # type: ignore[assignment]
    for record in tape.records:
        if record.spent:
            record.inputs = record.edges = record.versions = ()
    record = tape = None  # type: ignore[assignment]
    reached = Reached(step, (*args, *kwargs.values()), list(modules.values()))
    every = {id(m): m for root in (*modules.values(), *reached.modules) for m in root.modules()}
    found.modules = list(every.values())
    for m in found.modules:
        for t in (*m.parameters(recurse=False), *m.buffers(recurse=False)):
            tensors[id(t)] = t
    tensors |= {id(t): t for t in reached.leaves}
    for optimizer in reached.optimizers:
        tensors |= {id(p): p for group in optimizer.param_groups for p in group["params"]}
    for ref in made:
        if (t := ref()) is not None:
            tensors[id(t)] = t
    found.tensors = list(tensors.values())
    found.updates = list(optimizers.values())
    found.names, found.generators = reached.names, reached.generators
    return result, found
