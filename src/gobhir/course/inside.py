"""What runs inside a lesson's kernel: evaluates the lesson's expressions, without network.

`execute.py` sends the calls; nothing else imports this file.
"""

from __future__ import annotations

import os
import re
import socket
from typing import Any

MIME = "application/vnd.gobhir.values+json"


def prepare() -> None:
    """No connection leaves the machine. Pictures come as SVG without a date in them, and with the
    same names inside whenever the same picture is drawn."""
    from IPython import get_ipython

    def refuse(*_: object, **__: object) -> None:
        raise OSError("a lesson runs without network")

    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = refuse  # type: ignore[assignment]
    shell = get_ipython()
    shell.run_line_magic("config", "InlineBackend.figure_formats = ['svg']")
    shell.run_line_magic("config", "InlineBackend.rc = {'svg.hashsalt': 'gobhir'}")


def publish(wanted: dict[str, dict[str, Any]], namespace: dict[str, Any]) -> None:
    """Evaluate what the blocks ask for and display it as one JSON bundle, by block id.

    A block may ask for `values` (f-string insides), `answer` and `answers` (expressions whose value
    is kept as it is), and `numbers` (the short numbers that a data cell left behind).
    """
    from IPython.display import display

    names = {**namespace, "tex": tex}
    found = {block: _evaluate(wish, names) for block, wish in wanted.items()}
    display({MIME: found}, raw=True)


def spent() -> None:
    """Display the processor seconds that the kernel, and what it started, have taken so far."""
    from IPython.display import display

    display({MIME: sum(os.times()[:4])}, raw=True)


def _evaluate(wish: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    errors: dict[str, str] = {}

    def attempt(source: str, shown: str) -> Any:
        try:
            return eval(source, dict(names))
        except Exception as error:
            errors[shown] = f"{type(error).__name__}: {error}"
            return None

    if "values" in wish:
        result["values"] = {e: _tidy(attempt(f"f'''{{ {e}}}'''", e) or "") for e in wish["values"]}
    if "answer" in wish:
        result["answer"] = plain(attempt(wish["answer"], wish["answer"]))
    if "answers" in wish:
        result["answers"] = {e: plain(attempt(e, e)) for e in wish["answers"]}
    if "numbers" in wish:
        result["numbers"] = sorted({n for k, v in names.items() if k[0] != "_" for n in short(v)})
    return {**result, "errors": errors} if errors else result


def plain(value: Any) -> Any:
    """A value as JSON has it: arrays as numbers and lists, shapes as text. Twelve digits are kept:
    the last ones differ from one processor to the next."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, (bool, int, str, type(None))):
        return value
    if isinstance(value, tuple):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value)


def short(value: Any) -> set[str]:
    """The numbers in a value that a person would have typed: no more than four digits, no sign."""
    if isinstance(value, (bool, str)):
        return set()
    if isinstance(value, (int, float)):
        text = f"{abs(value):.12g}"
        return {text} if len(text.replace(".", "").strip("0")) <= 4 and "e" not in text else set()
    if isinstance(value, (list, tuple)):
        return {text for item in value for text in short(item)}
    if isinstance(value, dict):
        return short(list(value.values()))
    return short(value.tolist()) if hasattr(value, "tolist") else set()


def _tidy(text: str) -> str:
    """Minus zero is zero on the page."""
    return re.sub(r"^-(0(\.0*)?)$", r"\1", text)


def tex(array: Any, spec: str = "g") -> str:
    """A vector (as a column) or a matrix as a bmatrix: tex([[0.1, 2]], ".2f")."""
    rows = array.tolist() if hasattr(array, "tolist") else list(array)
    rows = [row if isinstance(row, list) else [row] for row in rows]
    lines = ["&".join(_tidy(format(value, spec)) for value in row) for row in rows]
    return r"\begin{bmatrix}" + r"\\".join(lines) + r"\end{bmatrix}"
