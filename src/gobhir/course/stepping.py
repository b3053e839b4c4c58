"""Runs inside the judge: a call's program line by line, each with the numbers put in.

Every line that computes becomes {"line", "source", "put", "got"}: the line as it is written, its
right side with the names' values in their places, and what came out. judge.py loads this file by
its path; it imports nothing of Gobhir.
"""

from __future__ import annotations

import ast
import copy
import linecache
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

LINES = 60
SMALL = 12
"""An array of more numbers than this keeps its name."""


class Stepping:
    """Watches the frames of one file. `steps` fills up while `run` works."""

    def __init__(self, tree: ast.Module, file: str):
        self.file = file
        self.steps: list[dict[str, Any]] = []
        self.left_out = 0
        self._statement: dict[int, ast.stmt] = {}
        for node in ast.walk(tree):
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)):
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    self._statement[line] = node
        self._begun: dict[FrameType, tuple[ast.stmt, str]] = {}

    def run(self, work: Callable[[], Any]) -> Any:
        sys.settrace(self._enter)
        try:
            return work()
        finally:
            sys.settrace(None)

    def _enter(self, frame: FrameType, event: str, arg: Any) -> Any:
        ours = frame.f_code.co_filename == self.file and frame.f_code.co_name[0] != "<"
        return self._watch if ours else None

    def _watch(self, frame: FrameType, event: str, arg: Any) -> Any:
        begun = self._begun.get(frame)
        statement = self._statement.get(frame.f_lineno) if event == "line" else None
        if begun and statement is begun[0] and frame.f_lineno > statement.lineno:
            return self._watch  # still the same statement, on its next line
        if begun and event in ("line", "return"):
            del self._begun[frame]
            self._finish(*begun, frame.f_locals, arg)
        if statement is not None:
            self._begun[frame] = statement, put_in(right_side(statement), frame)
        return self._watch

    def _finish(self, statement: ast.stmt, put: str, names: dict[str, Any], given: Any) -> None:
        if len(self.steps) >= LINES:
            self.left_out += 1
            return
        if isinstance(statement, ast.Return):
            got = text(given)
        else:
            many = isinstance(statement, ast.Assign)
            target = statement.targets[0] if many else statement.target  # type: ignore[attr-defined]
            got = ", ".join(text(names[n]) for n in bases(target) if n in names)
        written = "".join(linecache.getlines(self.file))
        source = ast.get_source_segment(written, statement) or ast.unparse(statement)
        self.steps.append({"line": statement.lineno, "source": source, "put": put, "got": got})


def right_side(statement: ast.stmt) -> ast.expr | None:
    """What the statement computes; for `w -= g` it is `w - g`."""
    if isinstance(statement, ast.AugAssign):
        own = ast.parse(ast.unparse(statement.target), mode="eval").body
        return ast.BinOp(own, statement.op, statement.value)
    return statement.value  # type: ignore[attr-defined]


def put_in(expression: ast.expr | None, frame: FrameType) -> str:
    """The expression with the values of its names, where they are numbers or few of them."""
    if expression is None:
        return ""
    names = {**frame.f_globals, **frame.f_locals}

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            value = text(names.get(node.id), names_too=False)
            return ast.Name(f"({value})" if value.startswith("-") else value or node.id)

    return ast.unparse(Put().visit(copy.deepcopy(expression)))


def bases(target: ast.expr) -> list[str]:
    """The names that an assignment changes: W for `W[0] = ...`, a and b for `a, b = ...`."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [name for part in target.elts for name in bases(part)]
    while isinstance(target, (ast.Subscript, ast.Starred)):
        target = target.value
    return [target.id] if isinstance(target, ast.Name) else []


def text(value: Any, names_too: bool = True) -> str:
    """A value in a few signs; "" for what is not made of numbers (or is, but of too many)."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float)):
        return f"{value:.6g}"
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "tolist") and hasattr(value, "shape"):
        shape = tuple(value.shape)
        size = 1
        for n in shape:
            size *= n
        if size <= SMALL:
            return text(value.tolist(), names_too)
        return f"shape {shape}" if names_too else ""
    if isinstance(value, (list, tuple)):
        parts = [text(part, names_too) for part in value]
        if not all(parts) or (not names_too and len(str(parts)) > 120):
            return ""
        return f"[{', '.join(parts)}]" if isinstance(value, list) else f"({', '.join(parts)})"
    return repr(value)[:60] if names_too and isinstance(value, (str, type(None))) else ""
