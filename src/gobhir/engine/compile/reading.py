"""Numbers that a step reads out of an array: they may be returned, and nothing else."""

from __future__ import annotations

import dis
import sys
from typing import Any


class ReadFloat(float):
    """What `.item()` gives while recording: a float that notices when it is computed with. One
    that is only returned can be read anew at each replay."""

    recorder: Any


def _noticed(name: str) -> Any:
    original = getattr(float, name)

    def method(self: Any, *args: Any) -> Any:
        self.recorder.refuse("number")
        return original(self, *args)

    method.__name__ = name
    return method


for _name in (
    *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow", "neg"),
    *("mod", "rmod", "floordiv", "rfloordiv", "divmod", "rdivmod", "abs", "pos", "round", "int"),
    *("trunc", "floor", "ceil", "bool", "eq", "ne", "lt", "le", "gt", "ge", "hash", "repr"),
    *("format", "str"),
):
    setattr(ReadFloat, f"__{_name}__", _noticed(f"__{_name}__"))


def _as_float(self: ReadFloat) -> float:
    """float(loss.item()): the same number, as a float that `return` may carry out."""
    out = float.__mul__(self, 1.0)
    for i, (read, array) in enumerate(self.recorder.numbers):
        if read is self:
            self.recorder.numbers[i] = (out, array)
    if not _only_returned():
        self.recorder.refuse("number")
    return out


setattr(ReadFloat, "__float__", _as_float)  # noqa: B010  mypy


def _only_returned() -> bool:
    """Whether the call under way, in the user's code, leaves its result alone until `return`:
    between the two it may only be put into a tuple, list or dict."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("gobhir."):
        frame = frame.f_back
    depth = 0  # how many values lie above ours on the interpreter's stack
    calling = False
    for step in dis.get_instructions(frame.f_code):
        if step.offset <= frame.f_lasti or step.opname in ("CACHE", "PRECALL"):
            calling = step.opname == "PRECALL"  # Python 3.11 may do the call there
            continue
        if calling and step.opname == "CALL":
            calling = False
            continue
        if step.opname == "RETURN_VALUE":
            return True
        if "JUMP" in step.opname or step.opname.startswith("STORE"):
            return False
        effect = dis.stack_effect(step.opcode, step.arg)
        if not step.opname.startswith("BUILD") and effect <= 0 and depth + effect - 1 < 0:
            return False
        depth = max(depth + effect, 0)
    return False
