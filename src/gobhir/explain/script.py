"""A training script, run unchanged until it has taken the step that is asked about.

gobhir explain --step 3 train.py --epochs 10
"""

from __future__ import annotations

import ast
import os
import re
import runpy
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.explain.explanation import Explanation
from gobhir.explain.watching import Watch
from gobhir.lang import Message, say


@dataclass(eq=False)
class ScriptRun:
    """What was seen of a script. count: the steps that it took; ended: "step" (it was stopped
    after the one that was asked for), "end", "failed" or "interrupted"; trouble: the traceback of
    its own lines, if it failed."""

    watch: Watch
    count: int
    ended: str
    trouble: str = ""

    def explain(self, **options: Any) -> Explanation:
        """The page of the last step that was seen. RuntimeError where there was none."""
        return self.watch.explain(**options)


class _Enough(BaseException):
    """The step that was asked for is done. No Exception: scripts catch those."""


def run_script(path: str, args: list[str], step: int = 1) -> ScriptRun:
    """Run the script as `python path args...` would, and stop it after its `step`-th step.

    OSError where there is no such file, ValueError where it is not Python or `step` is below 1.
    A script that ends or fails before, or is interrupted by Ctrl-C, leaves what was seen.
    """
    if step < 1:
        raise ValueError(say("errors.script.step", step=step))
    load_frameworks("".join(_sources(Path(path))))
    taken = 0

    def on_step() -> None:
        nonlocal taken
        taken += 1
        if taken == step:
            watch.enough()  # a script may catch even this, and go on
            raise _Enough

    watch = Watch(on_step=on_step, keep=1)
    ended, trouble = "end", ""
    with _as_main(path, args):
        try:
            with watch:
                runpy.run_path(path, run_name="__main__")
        except _Enough:
            ended = "step"
        except KeyboardInterrupt:
            ended = "interrupted"
        except SystemExit as leaving:
            ended = "failed" if leaving.code else "end"
            trouble = leaving.code if isinstance(leaving.code, str) else ""
        except BaseException as error:
            ended, trouble = "failed", own_lines(error, path)
    return ScriptRun(watch, taken, "step" if taken >= step else ended, trouble)


def load_frameworks(source: str) -> None:
    """Import the frameworks that the program imports, or nobody could look on from the beginning.
    `import gobhir as torch` needs none. Keras runs on the backend that the program chooses."""
    chosen = re.search(r"""KERAS_BACKEND["']\]?\s*[=,]\s*["'](\w+)""", source)
    if chosen:
        os.environ["KERAS_BACKEND"] = chosen[1]
    for framework in ("torch", "keras", "tensorflow"):
        named = re.search(rf"(import|from)[^\n]*(?<!\bas ){framework}", source)
        if named and find_spec(framework) is not None:
            __import__(framework)


def _sources(script: Path) -> Iterator[str]:
    """The script's text, and that of the modules beside it which it imports, and these in turn."""
    todo, seen = [script], {script}
    while todo:
        path = todo.pop()
        source, tree = _parsed(path) if path == script else _parsed_if_possible(path)
        yield source
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                place = script.parent.joinpath(*name.split("."))
                for file in (place.with_suffix(".py"), place / "__init__.py"):
                    if file not in seen and file.is_file():
                        seen.add(file)
                        todo.append(file)


def _parsed(path: Path) -> tuple[str, ast.AST]:
    try:
        source = path.read_bytes()
    except OSError as error:
        raise OSError(say("errors.script.not_there", path=str(path))) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come when it runs
            return source.decode(errors="replace"), ast.parse(source, str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        why: str | Message = f"{path}:{line}: {getattr(error, 'msg', error)}"
        raise ValueError(say("errors.script.not_python", path=str(path), why=why)) from error


def _parsed_if_possible(path: Path) -> tuple[str, ast.AST]:
    """Of a module; that something is wrong with it the script will say itself."""
    try:
        return _parsed(path)
    except (OSError, ValueError):
        return "", ast.Module([], [])


@contextmanager
def _as_main(path: str, args: list[str]) -> Iterator[None]:
    """What the script finds is what it would find; what it leaves behind does not reach its page:
    where it stands, to where it prints, what it does about warnings, Ctrl-C and odd numbers."""
    argv, places, here = sys.argv, list(sys.path), Path.cwd()
    streams, odd = (sys.stdin, sys.stdout, sys.stderr), np.geterr()
    interrupt = signal.getsignal(signal.SIGINT)
    sys.argv = [path, *args]
    sys.path[0:1] = [str(Path(path).resolve().parent)]
    try:
        with warnings.catch_warnings():
            yield
    finally:
        sys.argv, sys.path[:] = argv, places
        sys.stdin, sys.stdout, sys.stderr = streams
        np.seterr(**odd)
        os.chdir(here)
        if signal.getsignal(signal.SIGINT) is not interrupt:
            signal.signal(signal.SIGINT, interrupt)


def own_lines(error: BaseException, path: str) -> str:
    """The traceback from the script's first line on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != path:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))
