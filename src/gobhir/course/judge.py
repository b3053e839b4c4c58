"""Runs a learner's program in a process of its own: `python judge.py`, beside request.json.

It evaluates the calls one by one and writes what came back to results.jsonl, a line at a time, so
that a program that never ends leaves behind how far it came. It knows no wanted value: comparing is
the parent's work, out of reach of whatever the program changes in here.
"""

from __future__ import annotations

import ast
import faulthandler
import functools
import io
import json
import linecache
import os
import re
import runpy
import sys
import traceback
from collections.abc import Callable
from typing import Any

OUTPUT_LIMIT = 20_000
BYTES_LIMIT = 1 << 30
FILE_LIMIT = 16 << 20
ELEMENTS_LIMIT = 10_000
FILE = "answer.py"

NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.bind", "urllib.Request")
PROCESS = ("subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn")
FILES = ("os.remove", "os.rename", "os.rmdir", "shutil.rmtree", "os.truncate")


class Blocked(BaseException):
    """Something that exercises do not do. Not an Exception: `except Exception` cannot hide it."""


class TooMuch(BaseException):
    """More was printed than anybody reads."""


class Printed(io.StringIO):
    """Keeps what the program prints, up to the limit."""

    def write(self, text: str) -> int:
        if self.tell() + len(text) > OUTPUT_LIMIT:
            super().write(text[: OUTPUT_LIMIT - self.tell()])
            raise TooMuch
        return super().write(text)


def watch(folder: str) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook: it cannot be taken off again by the program."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in NETWORK:
            raise Blocked("network")
        if event in PROCESS:
            raise Blocked("process")
        if event in FILES or (event == "open" and writes(args[1], args[2])):
            path = os.path.realpath(args[0]) if isinstance(args[0], (str, bytes)) else folder
            if not os.fsdecode(path).startswith(folder):
                raise Blocked("files")

    return hook


def writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return any(sign in mode for sign in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def limit_resources() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the time limit still holds
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    limit = BYTES_LIMIT if hard == resource.RLIM_INFINITY else min(BYTES_LIMIT, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))


def describe(value: Any) -> dict[str, Any]:
    """A value as JSON: {"kind": number|bool|text|none|array|other, "value": ..., "shape": ...}."""
    import numpy as np

    if value is None:
        return {"kind": "none", "value": None}
    if isinstance(value, (bool, np.bool_)):
        return {"kind": "bool", "value": bool(value)}
    if isinstance(value, str):
        return {"kind": "text", "value": str(value)[:OUTPUT_LIMIT]}
    if isinstance(value, (int, float, np.integer, np.floating)):
        return {"kind": "number", "value": float(value)}
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    if isinstance(value, (list, tuple, np.ndarray)):
        try:
            array = np.asarray(value)
        except ValueError:  # rows of different lengths
            return {"kind": "other", "value": repr(value)[:200], "name": type(value).__name__}
        if array.size <= ELEMENTS_LIMIT and array.dtype.kind in "biuf":
            kind = "number" if array.ndim == 0 else "array"
            return {"kind": kind, "value": array.astype(float).tolist(), "shape": list(array.shape)}
        if array.dtype.kind == "U" and array.size <= ELEMENTS_LIMIT:
            return {"kind": "texts", "value": array.tolist()}
    return {"kind": "other", "value": repr(value)[:200], "name": type(value).__name__}


def failure(error: BaseException) -> dict[str, Any]:
    """An error as data: its cause, the learner's line, the values that the sentence needs."""
    found: dict[str, Any] = {"type": type(error).__name__, "reason": str(error)[:500], "line": None}
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == FILE
    ]
    if frames:
        found["line"] = frames[-1][1]
    if frames or isinstance(error, SyntaxError):
        found["trace"] = whole_trace(error)
    if isinstance(error, SyntaxError) and error.filename == FILE:
        return {**found, "cause": "syntax", "reason": error.msg, "line": error.lineno}
    if isinstance(error, SystemExit):
        return {**found, "cause": "exited"}
    if isinstance(error, Blocked):
        return {**found, "cause": "blocked", "what": str(error)}
    if isinstance(error, TooMuch):
        return {**found, "cause": "output", "limit": OUTPUT_LIMIT}
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        return {**found, "cause": "name_error", "name": error.name}
    if isinstance(error, TypeError) and not frames:
        return {**found, "cause": "arguments"}
    if frames and isinstance(error, (ValueError, TypeError)):
        found.update(shapes(error, frames[-1][0], frames[-1][1]))
    plain = {
        MemoryError: "memory",
        RecursionError: "recursion",
        ZeroDivisionError: "zero",
        EOFError: "input",
    }
    cause = next((name for kind, name in plain.items() if isinstance(error, kind)), "raised")
    return {"cause": cause, **found}


def whole_trace(error: BaseException) -> str:
    """The traceback from the learner's first line on; what called it is ours."""
    told = traceback.TracebackException.from_exception(error)
    ours = [frame.filename == FILE for frame in told.stack]
    told.stack = traceback.StackSummary.from_list(
        told.stack[ours.index(True) :] if any(ours) else []
    )
    return "".join(told.format())[:5000]


def shapes(error: BaseException, frame: Any, line: int) -> dict[str, Any]:
    """Both shapes of a product or a sum that does not fit; {} for another error."""
    text = str(error)
    if match := re.search(r"broadcast together with shapes (\(.*?\)) (\(.*?\))", text):
        return {"cause": "broadcast", "left": match[1], "right": match[2]}
    if "matmul" not in text and "not aligned" not in text:
        return {}
    for node in ast.walk(frame.f_globals["__tree__"]):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            sides = [node.left, node.right]
        elif isinstance(node, ast.Call) and re.search(r"dot|matmul", ast.unparse(node.func)):
            sides = list(node.args[:2])
        else:
            continue
        if node.lineno <= line <= (node.end_lineno or line) and len(sides) == 2:
            try:
                left, right = (
                    tuple(eval(ast.unparse(side), frame.f_globals, frame.f_locals).shape)
                    for side in sides
                )
            except Exception:
                continue
            inner = right[0] if len(right) == 1 else right[-2]
            if left and left[-1] != inner:
                names = {"left": str(left), "right": str(right), "a": left[-1], "b": inner}
                return {"cause": "matmul", **names}
    return {}


def last_lines(tree: ast.Module) -> dict[str, int]:
    """Where each function gives its result back: the line of its last return, else of its def."""
    found = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            returns = [n.lineno for n in ast.walk(node) if isinstance(n, ast.Return)]
            found[node.name] = max(returns, default=node.lineno)
    return found


def run_program(
    code: str,
    given: str,
    calls: list[str],
    report: Callable[[dict[str, Any]], None],
    stepping: Callable[[ast.Module, str], Any] | None = None,
) -> None:
    """Run the program, then every call; report {"loaded": ...} and one result a call, with its
    "steps" where `stepping` watches.

    `given` runs before the program and again before each call, so that a program which changes an
    array in place does not change the next call's. np is there; gobhir too where it is named.
    """
    basis = surroundings(" ".join([code, given, *calls]))

    linecache.cache[FILE] = (len(code), None, code.splitlines(keepends=True), FILE)
    printed = sys.stdout = sys.stderr = Printed()
    space: dict[str, Any] = {"__name__": "__answer__", **basis}
    try:
        exec(given, space)
        tree = ast.parse(code, FILE)
        space["__tree__"] = tree
        exec(compile(tree, FILE, "exec"), space)
    except BaseException as error:
        report({"loaded": False, "error": failure(error), "printed": printed.getvalue()})
        return
    report({"loaded": True, "lines": last_lines(tree)})
    for call in calls:
        name = called(call)
        result: dict[str, Any]
        steps = None
        if name and name not in space:
            result = {"error": {"cause": "missing", "name": name, "line": None}}
        elif name and not callable(space[name]):
            result = {"error": {"cause": "not_function", "name": name, "line": None}}
        else:
            names = {**space, **basis}
            try:
                exec(given, names)
                if stepping is None:
                    got = eval(call, names)
                else:
                    steps = stepping(tree, FILE)
                    got = steps.run(functools.partial(eval, call, names))
                result = {"got": describe(got)}
            except BaseException as error:
                result = {"error": failure(error)}
        if steps is not None:
            result.update(steps=steps.steps, left_out=steps.left_out)
        report({**result, "call": call, "name": name, "printed": printed.getvalue()})
        printed.seek(0)
        printed.truncate()


def surroundings(source: str) -> dict[str, Any]:
    """The modules that a program and its calls may take for granted."""
    import numpy as np

    if "gobhir" not in source:
        return {"np": np}
    import gobhir

    return {"np": np, "gobhir": gobhir}


def called(call: str) -> str | None:
    """The name of the function that a call is about: gd_step for `gd_step(4.0).round(2)`."""
    for node in ast.walk(ast.parse(call, mode="eval")):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return node.func.id
    return None


def main() -> None:
    import numpy  # noqa: F401  (before the limits: it is not the learner's memory)

    folder = os.path.realpath(os.getcwd())
    with open("request.json", encoding="utf-8") as file:
        request = json.load(file)
    results = open("results.jsonl", "w", encoding="utf-8")  # noqa: SIM115
    stuck = open("stuck.txt", "w")  # noqa: SIM115
    stepping = None
    if request.get("trace"):
        stepping = runpy.run_path(os.path.join(os.path.dirname(__file__), "stepping.py"))[
            "Stepping"
        ]
    dump, write, flush = json.dumps, results.write, results.flush

    def report(line: dict[str, Any]) -> None:
        write(dump(line, default=str) + "\n")
        flush()

    faulthandler.dump_traceback_later(request["seconds"], file=stuck, exit=True)
    limit_resources()
    sys.addaudithook(watch(folder))
    for code in request["programs"]:
        run_program(code, request["given"], request["calls"], report, stepping)
    results.close()
    os._exit(0)  # whatever threads the program left behind


if __name__ == "__main__":
    main()
