"""A training script, run unchanged until it has taken the step that is asked about.

gobhir explain --step 3 train.py --epochs 10
"""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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
        return self.watch.explain(len(self.watch.steps), **options)


class _Enough(BaseException):
    """The step that was asked for is done. No Exception: scripts catch those."""


def run_script(path: str, args: list[str], step: int = 1) -> ScriptRun:
    """Run the script as `python path args...` would, and stop it after its `step`-th step.

    OSError where there is no such file, ValueError where it is not Python or `step` is below 1.
    A script that ends or fails before, or is interrupted by Ctrl-C, leaves what was seen.
    """
    if step < 1:
        raise ValueError(say("errors.script.step", step=step))
    source = _source(path)
    for framework in ("torch", "keras", "tensorflow"):
        if framework in source and find_spec(framework) is not None:
            __import__(framework)  # or nobody could look on from the beginning
    taken = 0

    def on_step() -> None:
        nonlocal taken
        taken += 1
        if taken == step:
            raise _Enough
        watch.forget()

    watch = Watch(on_step=on_step)
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
        except BaseException as error:
            ended, trouble = "failed", _own_lines(error, path)
    return ScriptRun(watch, taken, ended, trouble)


def _source(path: str) -> str:
    try:
        source = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise OSError(say("errors.script.not_there", path=path)) from error
    except UnicodeDecodeError as error:
        raise ValueError(say("errors.script.not_python", path=path, why=str(error))) from error
    try:
        compile(source, path, "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        why: str | Message = f"{path}:{line}: {getattr(error, 'msg', error)}"
        raise ValueError(say("errors.script.not_python", path=path, why=why)) from error
    return source


@contextmanager
def _as_main(path: str, args: list[str]) -> Iterator[None]:
    """sys.argv and sys.path as the script would find them."""
    argv, places = sys.argv, list(sys.path)
    sys.argv = [path, *args]
    sys.path[0:1] = [str(Path(path).resolve().parent)]
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, places


def _own_lines(error: BaseException, path: str) -> str:
    """The traceback from the script's first line on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != path:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))
