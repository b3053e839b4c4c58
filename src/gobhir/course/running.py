"""Runs a lesson from top to bottom and keeps what came out: outputs.<lang>.json beside it.

The cells run in an empty folder, without network, on one thread; between them the expressions that
the texts bind to code are evaluated at their place. The same lesson gives the same file, byte for
byte, so that a test can run it again and compare.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gobhir.course.errors import CourseError
from gobhir.course.inside import MIME
from gobhir.course.lesson import Block, Lesson, load
from gobhir.course.markdown import expressions
from gobhir.course.outputs import PREFERRED

if TYPE_CHECKING:
    from nbclient import NotebookClient

LIMIT = 120
"""Seconds that one cell may take before the run is given up."""


@dataclass(frozen=True)
class Run:
    """`blocks`: by block id, what the page shows. `seconds`: of the processor, for the cells alone,
    without start-up: another program beside it makes no lesson longer."""

    blocks: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class Step:
    """One thing for the kernel to do: a code cell, or the expressions of some blocks."""

    block: Block | None
    wanted: dict[str, dict[str, Any]]


def execute(slug: str, lang: str) -> Path:
    """Run the lesson in `lang` and write its outputs file; returns the file."""
    lesson = load(slug)
    file = outputs_file(lesson, lang)
    file.write_text(as_json(lesson, lang, run(lesson, lang).blocks), encoding="utf-8")
    return file


def outputs_file(lesson: Lesson, lang: str) -> Path:
    return lesson.folder / f"outputs.{lang}.json"


def as_json(lesson: Lesson, lang: str, blocks: dict[str, Any]) -> str:
    """The outputs file's text. `source` tells whether the lesson has changed since."""
    content = {"lang": lang, "source": digest(lesson, lang), "blocks": blocks}
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def digest(lesson: Lesson, lang: str) -> str:
    """A fingerprint of everything that the kernel is asked to do."""
    asked = [
        [step.block.source if step.block else None, step.wanted] for step in steps(lesson, lang)
    ]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def is_current(lesson: Lesson, lang: str) -> bool:
    """Whether the stored outputs belong to the lesson as it stands (without running it)."""
    file = outputs_file(lesson, lang)
    return file.exists() and json.loads(file.read_text("utf-8"))["source"] == digest(lesson, lang)


def steps(lesson: Lesson, lang: str) -> list[Step]:
    """Cells and expressions in the order of the page; a prediction waits for the cell it hides."""
    found: list[Step] = []
    waiting: dict[str, dict[str, Any]] = {}
    for block in lesson.in_language(lang):
        if block.kind == "code":
            found.append(Step(block, {}))
            if "data" in block.tags:
                found.append(Step(None, {block.id: {"numbers": True}}))
            if waiting:
                found.append(Step(None, waiting))
                waiting = {}
            continue
        wish = wishes(lesson, block, lang)
        if wish and block.kind == "predict":
            waiting[block.id] = wish
        elif wish:
            found.append(Step(None, {block.id: wish}))
    return [*found, Step(None, waiting)] if waiting else found


def wishes(lesson: Lesson, block: Block, lang: str) -> dict[str, Any]:
    """What one block asks the kernel for; {} for nothing."""
    wish: dict[str, Any] = {}
    values = [e for text in texts_of(lesson, block, lang) for e in expressions(text)]
    if values:
        wish["values"] = sorted(set(values))
    if block.kind == "predict":
        wish["answer"] = block.options.get("answer", "None")
    if block.kind == "quiz":
        items = [lesson.quiz_item(name) for name in block.options["items"]]
        if answers := [e for item in items for e in item.expressions()]:
            wish["answers"] = sorted(set(answers))
    return wish


def texts_of(lesson: Lesson, block: Block, lang: str) -> list[str]:
    """Every text that a reader of `lang` sees in a block, from whichever file."""
    if block.kind == "exercise":
        exercise = lesson.exercise(block.options["exercise"])
        leaves = [exercise.title, exercise.task, *exercise.hints]
        leaves += [leaf for test in exercise.tests for leaf in (test.title, test.by_hand)]
        leaves += [wrong.message for wrong in exercise.wrong]
    elif block.kind == "quiz":
        leaves = []
        for item in (lesson.quiz_item(name) for name in block.options["items"]):
            leaves += [item.text, item.explain, item.otherwise]
            leaves += [leaf for option in item.options for leaf in (option.text, option.explain)]
    elif block.kind == "endcard":
        leaves = list(lesson.meta.get("endcard", {}).values())
        return [block.source, *(leaf[lang] for leaf in leaves if lang in leaf)]
    else:
        return [block.source]
    return [leaf[lang] for leaf in leaves if leaf.get(lang)]


def run(lesson: Lesson, lang: str) -> Run:
    """Run every cell in a fresh kernel. CourseError, with file and line, where one fails."""
    import nbformat
    from nbclient import NotebookClient

    old = lesson.outputs(lang)
    blocks: dict[str, Any] = {}
    torch = find_spec("torch") is not None
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as settings:
        client = NotebookClient(
            nbformat.v4.new_notebook(), timeout=LIMIT, resources={"metadata": {"path": folder}}
        )
        # What the kernel says of itself is no part of the lesson; what the cells print is kept.
        quiet = {"cwd": folder, "stderr": subprocess.DEVNULL}
        with client.setup_kernel(env=_surroundings(lang, settings), **quiet):
            _send(client, "from gobhir.course.inside import prepare; prepare(); del prepare")
            started = _spent(client)
            for step in steps(lesson, lang):
                if step.block is None:
                    for name, result in _evaluated(client, lesson, step.wanted, old, torch).items():
                        blocks[name] = {**blocks.get(name, {}), **result}
                elif "torch" in step.block.tags and not torch:
                    blocks[step.block.id] = old.get(step.block.id, {"outputs": []})
                else:
                    blocks[step.block.id] = {"outputs": _run_cell(client, lesson, step.block)}
            seconds = _spent(client) - started
    return Run(blocks, seconds)


def _surroundings(lang: str, settings: str) -> dict[str, str]:
    fixed = {"GOBHIR_LANG": lang, "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0"}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **fixed, **threads, "IPYTHONDIR": settings}


def _send(client: NotebookClient, source: str) -> list[Any]:
    """Run a cell and give its outputs, an error among them too."""
    import nbformat

    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["raises-exception"]})
    client.nb.cells.append(cell)
    client.execute_cell(cell, len(client.nb.cells) - 1)
    return cell.outputs


def _spent(client: NotebookClient) -> float:
    (output,) = _send(client, "__import__('gobhir.course.inside', fromlist=['x']).spent()")
    return float(output["data"][MIME])


def _run_cell(client: NotebookClient, lesson: Lesson, block: Block) -> list[dict[str, Any]]:
    outputs = joined(kept for o in _send(client, block.source) if (kept := tidy_output(o)))
    error = next((o for o in outputs if o["output_type"] == "error"), None)
    if error and "raises" not in block.tags:
        message = f"the cell {block.id} fails: {error['ename']}: {error['evalue']}"
        raise CourseError(message, lesson.file, block.line)
    if not error and "raises" in block.tags:
        raise CourseError(f"the cell {block.id} was to raise an error", lesson.file, block.line)
    return outputs


def _evaluated(
    client: NotebookClient, lesson: Lesson, wanted: dict[str, Any], old: dict[str, Any], torch: bool
) -> dict[str, Any]:
    call = f"__import__('gobhir.course.inside', fromlist=['x']).publish({wanted!r}, globals())"
    outputs = _send(client, call)
    found = next((o["data"][MIME] for o in outputs if MIME in o.get("data", {})), None)
    if found is None:
        error = next((f"{o['ename']}: {o['evalue']}" for o in outputs if "ename" in o), outputs)
        where = ", ".join(wanted)
        raise CourseError(f"{where}: {error}", lesson.file)
    for block_id, result in found.items():
        for expression, reason in result.pop("errors", {}).items():
            if not torch and block_id in old:  # it may have needed the library that is not here
                found[block_id] = old[block_id]
                break
            line = next(b.line for b in lesson.blocks if b.id == block_id)
            raise CourseError(f"{block_id}: {expression}: {reason}", lesson.file, line)
    return dict(found)


def joined(outputs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outputs with neighbouring prints as one: the clock decides how a kernel cuts them."""
    found: list[dict[str, Any]] = []
    for output in outputs:
        before = found[-1] if found else {}
        if "name" in before and before["name"] == output.get("name"):
            before["text"] += output["text"]
        else:
            found.append(output)
    return found


def tidy_output(output: Any) -> dict[str, Any] | None:
    """An output as it is stored: no counters, only the best form of it, no dates in pictures."""
    kind = output["output_type"]
    if kind == "stream":
        return {"output_type": kind, "name": output["name"], "text": output["text"]}
    if kind == "error":
        return {"output_type": kind, "ename": output["ename"], "evalue": output["evalue"]}
    data = output["data"]
    best = next((mime for mime in PREFERRED if mime in data), None)
    if best is None:
        return None
    content = data[best]
    if best == "image/svg+xml":
        content = re.sub(r"(?s)<metadata>.*?</metadata>", "", content)
    return {"output_type": "display_data", "data": {best: content}, "metadata": {}}
