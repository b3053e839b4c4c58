"""The Python text of an unrolled step: names from the tape, sections, and the update rule.

def steps(w1_00, ..., lr): a generator. Sent the numbers of the arguments it does one step and
yields the results; sent None it yields weights, gradients and optimizer state as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from keyword import iskeyword
from typing import Any

import numpy as np

from gobhir.engine.compile.names import Names, elements
from gobhir.engine.compile.program import Program
from gobhir.engine.compile.recorder import has_own_step
from gobhir.engine.compile.rules import assigned, rewritten
from gobhir.engine.compile.unroll import (
    FUNCTIONS,
    CannotUnroll,
    Number,
    Unrolled,
    lines_of,
    written,
)
from gobhir.engine.op import Family
from gobhir.engine.tensor import Tensor

_OUR_OWN = re.compile(
    rf"(lr|t|c|g|given|result|stopped|float|abs|max|min|{'|'.join(FUNCTIONS)})\d*"
)
"""Variables that an unrolled step has for itself."""
INDENT = " " * 16


class Source:
    """The text, and in which order its variables stand for which tensors.

    arguments: tensors whose numbers it is sent. weights, states: whose numbers it is started with
    and gives back. grads: whose gradients it gives back.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.arguments: list[tuple[Any, tuple[int, ...]]] = []
        self.weights: list[Tensor] = []
        self.states: list[Tensor] = []
        self.state_of: list[tuple[Any, Tensor, str, Tensor]] = []
        """(optimizer, parameter, key, tensor): where each state is to be found."""
        self.counts: list[list[Tensor]] = []
        """How many steps were taken: of each group, the tensors that say so."""
        self.grads: list[Tensor] = []
        self.in_place: set[Tensor] = set()
        """Those whose gradient is changed where it lies."""
        self.groups: list[tuple[Any, int]] = []
        self.parameters: list[str] = []
        """The variable of each number of weights and states, in order."""
        self.text = ""

    def compile(self) -> Callable[..., Any]:
        """The generator function."""
        import math

        scope = {name: getattr(math, name) for name in FUNCTIONS}
        exec(compile(self.text, f"<gobhir.compile({self.title})>", "exec"), scope)
        steps: Callable[..., Any] = scope["steps"]
        return steps


class Writer:
    """Puts a Source together from a program and the tape of its run."""

    def __init__(self, program: Program, tape: Names, names: dict[Tensor, str], title: str):
        self.numbers = Unrolled(program)
        self.program, self.tape, self.names = program, tape, names
        self.source = Source(title)
        self.unpacked: list[str] = []
        self.taken: set[str] = set()
        self.parameters: list[str] = []

    def argument(self, key: Any, name: str, array: np.ndarray) -> None:
        """`array` is an argument (or a tensor from outside) that is read at each step."""
        names = elements(self._free(name, array.shape), array.shape)
        self._variables(array, names)
        self.source.arguments.append((key, array.shape))
        self.unpacked.append(_nested(iter(names), array.shape))

    def weight(self, t: Tensor, array: np.ndarray) -> None:
        self.names[t] = self._free(self.names[t], array.shape)
        names = elements(self.names[t], array.shape)
        self._variables(array, names)
        self.source.weights.append(t)
        self.parameters += names

    def _free(self, name: str, shape: tuple[int, ...]) -> str:
        """The name, or a longer one, whose elements are Python's and nobody else's."""
        if not name.isidentifier():
            name = f"p_{name}"
        while any(
            n in self.taken or _OUR_OWN.fullmatch(n) or iskeyword(n) for n in elements(name, shape)
        ):
            name += "_"
        self.taken.update(elements(name, shape))
        return name

    def _variables(self, array: np.ndarray, names: list[str]) -> None:
        made = [self.numbers.variable(n) for n in names]
        self.numbers.write(array, np.array(made, object).reshape(array.shape))

    def write(
        self,
        results: list[np.ndarray],
        ends: dict[Tensor, np.ndarray],
        updates: list[Any],
    ) -> Source:
        """The whole text. updates: (optimizer, its parameters) by number."""
        starts = self._phases()
        steps: list[tuple[Any, list[tuple[Tensor, list[Number]]]]] = []
        for i, call in enumerate(self.program.calls):
            self.numbers.phase = next(p for first, p in reversed(starts) if i >= first)
            if call.how == "update":
                optimizer, parameters = updates[call.f]
                grads = [list(self.numbers.read(g).flat) for g in call.args]
                steps.append((optimizer, list(zip(parameters, grads, strict=True))))
            elif steps:
                raise CannotUnroll
            else:
                self.numbers.carry_out(call)
        wanted = [list(self.numbers.read(r).flat) for r in results]
        found = {t: list(self.numbers.read(a).flat) for t, a in ends.items()}
        self._name()
        for t, numbers in found.items():
            for name, n in zip(elements("d" + self.names[t], t.array.shape), numbers, strict=True):
                n.name = n.name or name
        self._tidy_names()
        every = [n for ns in (*wanted, *found.values()) for n in ns]
        every += [n for _, pairs in steps for _, ns in pairs for n in ns]
        lines = lines_of(self.numbers, every)
        self.source.grads = list(found)
        rules = [line for optimizer, pairs in steps for line in self._update(optimizer, pairs)]
        back = [*self.parameters, *(written(n)[0] for ns in found.values() for n in ns)]
        self.source.parameters = self.parameters
        self._assemble(lines, rules, [written(n)[0] for ns in wanted for n in ns], back)
        return self.source

    # -- names and sections ----

    def _phases(self) -> list[tuple[int, str]]:
        """From which call on it is forward, loss, backward."""
        starts = [(0, "forward")]
        before = 0
        for mark in self.tape.marks:
            if mark.op is None:
                if len(starts) == 1:
                    starts.append((self._kept_before(mark.calls), "backward"))
                break
            if mark.op.family is Family.LOSS and len(starts) == 1:
                starts.append((self._kept_before(before), "loss"))
                starts.append((self._kept_before(mark.calls), "backward"))
            before = mark.calls
        return starts

    def _kept_before(self, count: int) -> int:
        """How many of the first `count` calls are still in the program."""
        return sum(call.number < count for call in self.program.calls)

    def _name(self) -> None:
        layer = 0
        named: dict[int, str] = {}
        for mark in self.tape.marks:
            if mark.op is None:
                if mark.order in named:
                    self._call(mark.array, "d" + named[mark.order])
                continue
            layer += mark.op.family is Family.LINEAR
            letter = mark.op.result
            if letter != "out" and isinstance(mark.array, np.ndarray):
                name = letter if mark.op.family is Family.LOSS else f"{letter}{layer}"
                named[mark.order] = name
                self._call(mark.array, name)

    def _call(self, array: np.ndarray, name: str) -> None:
        try:
            numbers = self.numbers.read(self.program.moved(array))
        except (CannotUnroll, KeyError):
            return
        for each, n in zip(elements(name, array.shape), numbers.flat, strict=True):
            if n.op not in ("constant", "variable"):
                n.name = n.name or each

    def _tidy_names(self) -> None:
        """No name twice."""
        taken = (
            self.taken
            | set(self.parameters)
            | {"lr", "t", "given", "result", "stopped", *FUNCTIONS}
        )
        for n in self.numbers.order:
            if n.name in taken:
                n.name = ""
            elif n.name:
                taken.add(n.name)

    # -- the update rule ----

    def _update(self, optimizer: Any, pairs: Any) -> list[str]:
        if has_own_step(optimizer):
            raise CannotUnroll
        lines: list[str] = []
        known = {id(p): (p, grads) for p, grads in pairs}
        for group in optimizer.param_groups:
            own = [known[id(p)] for p in group["params"] if id(p) in known]
            if not own:
                continue
            numbers = (i for i, g in enumerate(optimizer.param_groups) if g is group)
            self.source.groups.append((optimizer, next(numbers)))
            suffix = str(len(self.source.groups)) if len(self.source.groups) > 1 else ""
            lines += self._group(optimizer, group, own, suffix)
        return lines

    def _group(self, optimizer: Any, group: Any, own: Any, suffix: str) -> list[str]:
        settings = optimizer.settings(group)
        lr, t = "lr" + suffix, "t" + suffix
        counts = False
        states = [optimizer.state.get(p, {}) for p, _ in own]
        self.source.counts.append([state["step"] for state in states if "step" in state])
        if len({t.array.item() for t in self.source.counts[-1]}) > 1:
            raise CannotUnroll  # one variable counts the steps of all
        lines: list[str] = []
        hoisted: dict[str, str] = {}
        for p, grads in own:
            state = optimizer.state.get(p, {})
            arrays = {k: v.array for k, v in state.items()}
            kept = {letter: key for letter, key in optimizer.names.items() if key in arrays}
            others = arrays.keys() - set(kept.values()) - {"step"}
            wide = any(arrays[key].shape != p.array.shape for key in kept.values())
            if others or wide or settings.get("eps") == 0 or not optimizer.steady:
                raise CannotUnroll
            counts = counts or "step" in arrays
            hyper = optimizer.hyper(settings, arrays)
            rule = optimizer.rule(settings, arrays)
            words = {k: v for k, v in hyper.items() if isinstance(v, (int, float))}
            names = elements(self.names[p], p.array.shape)
            for i, (w, g) in enumerate(zip(names, grads, strict=True)):
                local = {"w": w, "g": written(g)[0], "lr": lr, "t": t}
                local |= {letter: f"{letter}_{w}" for letter in kept}
                if i == 0:
                    for letter, key in kept.items():
                        self._state(optimizer, p, key)
                        self.parameters += [f"{letter}_{n}" for n in names]
                for target, formula in rule:
                    if target == "g":
                        local["g"], new = "g", rewritten(formula, local, words, hoisted, suffix)
                        lines.append(f"g = {new}")
                        continue
                    if target not in local:
                        local[target] = target
                    lines.append(assigned(local[target], formula, local, words, hoisted, suffix))
        head = [f"{t} += 1.0"] if counts else []
        if counts:
            for p, _ in own:
                self._state(optimizer, p, "step")
            self.parameters += [t] * len(own)
        return head + [f"{name} = {text}" for text, name in hoisted.items()] + lines

    def _state(self, optimizer: Any, p: Tensor, key: str) -> None:
        tensor = optimizer.state[p][key]
        self.source.states.append(tensor)
        self.source.state_of.append((optimizer, p, key, tensor))

    # -- the text ----

    def _assemble(
        self, lines: list[tuple[str, str]], rules: list[str], results: list[str], back: list[str]
    ) -> None:
        body = []
        for phase in ("forward", "loss", "backward"):
            section = [line for p, line in lines if p == phase]
            if section:
                body += [f"# {phase}", *section, ""]
        if rules:
            body += ["# update", *rules, ""]
        result = results[0] if len(results) == 1 else f"({', '.join(results)}{',' * bool(results)})"
        own = list(dict.fromkeys(self.parameters))
        rates = [f"lr{k + 1 if k else ''}" for k in range(len(self.source.groups))]
        given = ", ".join(self.unpacked) + "," * (len(self.unpacked) == 1)
        unpack = f"{given} = given" if self.unpacked else "pass"
        text = [
            f"def steps({', '.join([*own, *rates])}):",
            "    result, stopped = None, False",
            "    while True:",
            "        try:",
            "            while True:",
            "                given = yield result",
            "                while given is None:  # somebody wants to see the numbers",
            f"                    given = yield ({', '.join(back)}{',' * bool(back)})",
            INDENT + unpack,
            "",
            *((INDENT + line).rstrip() for line in body),
            f"{INDENT}result = {result}",
            "        except (ArithmeticError, ValueError, TypeError):",
            "            result = None  # an overflow, a division by zero: NumPy knows what to do",
            "        except KeyboardInterrupt:",
            "            result, stopped = None, True  # the numbers are still wanted",
        ]
        self.source.text = "\n".join(text) + "\n"


def _nested(names: Iterator[str], shape: tuple[int, ...]) -> str:
    """A pattern that takes apart what tolist() gives."""
    if not shape:
        return next(names)
    return "(" + "".join(_nested(names, shape[1:]) + ", " for _ in range(shape[0])) + ")"
