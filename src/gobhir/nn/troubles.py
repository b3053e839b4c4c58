"""Errors on their way out of modules: in which layer they arose, and what was wrong in its call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gobhir.engine import Tensor
from gobhir.lang import Message, say
from gobhir.nn.tree import Tree, join

_HOME = str(Path(__file__).parent.parent)


class Lines(Message):
    """Several sentences, each on a line of its own."""

    def __init__(self, lines: list[Message]):
        super().__init__("", {})
        self.lines = lines

    def text(self, lang: str) -> str:
        return "".join(f"\n  - {line.text(lang)}" for line in self.lines)


def name_the_layer(trouble: Exception, module: Tree) -> None:
    """Say in an error of ours in which layer it arose: its path from the outermost module that
    was called, and how it prints. Each module on the way out adds its part of the path."""
    message = trouble.args[0] if trouble.args else None
    if not isinstance(message, Message):
        return
    inner = message.values.get("inner")
    if inner is None:
        values = {"layer": _first_line(module), "trouble": message, "inner": module}
        told = say("errors.nn.in_layer", **values)
    else:
        path = join(module._way_to(inner), str(message.values.get("path", "")))
        told = say("errors.nn.in_layer_at", **(message.values | {"path": path, "inner": module}))
    trouble.args = (told, *trouble.args[1:])


def wrong_call(trouble: Exception, module: Any, args: tuple[Any, ...]) -> Exception:
    """Python's own word about what was passed to a module, said in ours: arguments that its
    forward does not take, and, for layers of ours, something that is no Tensor. Any other error
    as it is."""
    if not isinstance(trouble, (AttributeError, TypeError)) or _is_ours(trouble):
        return trouble
    frames = []
    step = trouble.__traceback__
    while step is not None:
        frames.append(step.tb_frame)
        step = step.tb_next
    if len(frames) == 2:  # __call__ and _run: forward was never entered
        return TypeError(say("errors.nn.arguments", detail=str(trouble)))
    forward = type(module).forward
    home = forward.__module__
    if not home.startswith("gobhir.nn.") or home == "gobhir.nn.container":
        return trouble
    if not frames[-1].f_code.co_filename.startswith(_HOME):
        return trouble
    needed = forward.__code__.co_argcount - 1 - len(forward.__defaults__ or ())
    for x in args[:needed]:
        if not isinstance(x, Tensor):
            return TypeError(say("errors.tensor.wanted", type=type(x).__name__))
    return trouble


def _is_ours(trouble: Exception) -> bool:
    return bool(trouble.args) and isinstance(trouble.args[0], Message)


def _first_line(module: Tree) -> str:
    first, *more = repr(module).split("\n")
    return f"{first}...)" if more else first
