"""Rules about a lesson's parts: what has to be there, in which order, and how long it takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from gobhir.course.lesson import KINDS, Lesson
from gobhir.course.markdown import expressions
from gobhir.course.plan import mission_rows
from gobhir.course.rubric.finding import Finding, at, main_path, words
from gobhir.course.rubric.reading import lines_of, table_rows
from gobhir.course.running import is_current
from gobhir.course.text import split_paragraphs
from gobhir.lang import LANGUAGES

WORDS, CELLS, LINES = 900, 12, 15
OPENING = 80
THEORY = ("prose", "formula", "misconception")
ALONE = ("exercise", "quiz", "notes")
MINUTES = {"easy": 2.0, "medium": 3.0, "hard": 5.0}
SPREAD = 0.2


def front_matter(lesson: Lesson) -> Iterator[Finding]:
    """Question, verbs, trick, tomorrow and changelog are there in both languages."""
    meta = lesson.meta
    card, verbs = meta.get("endcard") or {}, meta.get("can_do") or {}
    fields = {"question": meta.get("question"), "endcard: trick": card.get("trick")}
    fields["endcard: tomorrow"] = card.get("tomorrow")
    for i, entry in enumerate(meta.get("changelog") or [{}]):
        fields[f"changelog: {i + 1}"] = entry if entry.get("date") else {}
    for i, entry in enumerate(meta.get("prerequisites") or []):
        fields[f"prerequisites: {i + 1}"] = entry
    for name, field in fields.items():
        for lang in LANGUAGES:
            if not isinstance(field, dict) or not str(field.get(lang) or "").strip():
                yield at(lesson, None, "front-matter", f"{name}: {lang} is missing")
    question = meta.get("question")
    for lang in LANGUAGES:
        if isinstance(question, dict) and len(words(str(question.get(lang)))) > OPENING:
            message = f"question: {lang} has more than {OPENING} words"
            yield at(lesson, None, "front-matter", message)
        count = len(verbs.get(lang) or [])
        if not 2 <= count <= 4:
            yield at(lesson, None, "front-matter", f"can_do: {lang} has {count} verbs, not 2 to 4")


def prerequisites(lesson: Lesson) -> Iterator[Finding]:
    """At most three, each an earlier day."""
    entries = lesson.meta.get("prerequisites") or []
    if len(entries) > 3:
        yield at(lesson, None, "prerequisites", f"{len(entries)} prerequisites, at most 3")
    for entry in entries:
        day = entry.get("day")
        if not isinstance(day, int) or not 1 <= day < (lesson.day or 57):
            yield at(lesson, None, "prerequisites", f"day {day} does not come before this lesson")


def rows(lesson: Lesson) -> Iterator[Finding]:
    """The rows of the mission that the lesson cites exist, and it cites some."""
    cited = list(lesson.meta.get("rows") or [])
    for block in lesson.blocks:
        cited += block.options.get("sheet", [])
    if not cited:
        yield at(lesson, None, "rows", "no row of the mission is cited")
    for row in dict.fromkeys(cited):
        if row not in mission_rows():
            yield at(lesson, None, "rows", f"there is no row {row}")


def minutes(lesson: Lesson) -> float:
    """How long the main path takes: reading, cells, predictions, practice, picture, notes."""
    blocks = main_path(lesson)
    total = _reading_words(lesson) / 90
    for block in blocks:
        if block.kind == "code" or (block.kind == "predict" and block.lang == "bn"):
            total += 1
        elif block.kind == "exercise":
            total += MINUTES[lesson.exercise(block.options["exercise"]).difficulty]
        elif block.kind == "quiz":
            total += 0.5 * len(block.options["items"])
        elif block.kind == "widget":
            total += 3
        elif block.kind == "notes" and block.lang == "bn":
            total += 4
    return total


def _reading_words(lesson: Lesson, kinds: tuple[str, ...] = KINDS) -> int:
    bangla = [b for b in main_path(lesson) if b.lang == "bn" and b.kind in kinds]
    return sum(len(words(line.text)) for block in bangla for line in lines_of(block.source))


def budget(lesson: Lesson) -> Iterator[Finding]:
    """The day fits: words, cells, and the declared minutes are the computed ones."""
    count = _reading_words(lesson, THEORY)
    cells = sum(block.kind == "code" for block in main_path(lesson))
    if count > WORDS:
        yield at(lesson, None, "budget", f"{count} Bangla words of theory, at most {WORDS}")
    if cells > CELLS:
        yield at(lesson, None, "budget", f"{cells} code cells on the main path, at most {CELLS}")
    computed, declared = minutes(lesson), lesson.meta.get("minutes") or 0
    if abs(declared - computed) > SPREAD * computed:
        wish = f"minutes: {declared} declared, {computed:.0f} computed"
        yield at(lesson, None, "budget", wish)
    if lesson.day and declared > 60:
        yield at(lesson, None, "budget", f"{declared} minutes; a day has at most 60")


def cells(lesson: Lesson) -> Iterator[Finding]:
    """A cell has at most 15 lines and can be read by Python."""
    for block in lesson.blocks:
        if block.kind != "code":
            continue
        count = len(block.source.splitlines())
        if count > LINES:
            yield at(lesson, block, "cell", f"{block.id} has {count} lines, at most {LINES}")
        try:
            ast.parse(block.source)
        except SyntaxError as error:
            yield at(lesson, block, "cell", f"{block.id}: {error.msg}", (error.lineno or 1) - 1)


def order(lesson: Lesson) -> Iterator[Finding]:
    """By hand comes before code (a project has no such example); the reference sheet comes last."""
    blocks = lesson.blocks
    hand = next((i for i, b in enumerate(blocks) if b.options.get("hand")), None)
    code = next(
        (i for i, b in enumerate(blocks) if b.kind == "code" and "data" not in b.tags), None
    )
    if hand is None:
        if not lesson.is_project:
            yield at(lesson, None, "order", "no block is marked hand: an example worked by hand")
    elif not any(expressions(b.source) for b in blocks if b.options.get("hand")):
        yield at(
            lesson, blocks[hand], "order", "the example worked by hand binds no number to code"
        )
    if hand is not None and code is not None and code < hand:
        yield at(lesson, blocks[code], "order", "code comes before the example worked by hand")
    end = next((i for i, b in enumerate(blocks) if b.kind == "endcard"), len(blocks))
    for i, block in enumerate(blocks):
        if "sheet" in block.options and i < end:
            yield at(lesson, block, "order", "the reference sheet comes after the end card")


def parts(lesson: Lesson) -> Iterator[Finding]:
    """As many predictions, misconceptions, pictures, proofs ... as the rubric asks for."""
    bangla = [b for b in main_path(lesson) if b.lang != "en"]
    limits: dict[str, tuple[int, int]] = {
        "predict": (2, 99),
        "misconception": (2, 3),
        "widget": (1, 9),
        "formula": (1, 99),
        "exercise": (1, 4) if lesson.is_project else (2, 4),
        "notes": (1, 1),
        "endcard": (1, 1),
    }
    for kind, (least, most) in limits.items():
        count = sum(block.kind == kind for block in bangla)
        if not least <= count <= most:
            yield at(lesson, None, "parts", f"{count} blocks of kind {kind}, {least} to {most}")
    for tag in ("data", "proof"):
        if not any(tag in block.tags for block in bangla):
            yield at(lesson, None, "parts", f"no code cell is tagged {tag}")
    if not any(block.options.get("slide") for block in bangla):
        yield at(lesson, None, "parts", "no block is marked as a slide")
    shown = [b.options.get("exercise") for b in bangla if b.kind == "exercise"]
    asked = [name for b in bangla if b.kind == "quiz" for name in b.options["items"]]
    for kind, names, known in (
        ("exercise", shown, [e.id for e in lesson.exercises]),
        ("quiz item", asked, [q.id for q in lesson.quiz]),
    ):
        for name in known:
            if names.count(name) != 1:
                message = f"the {kind} {name} is shown {names.count(name)} times"
                yield at(lesson, None, "parts", message)


def project(lesson: Lesson) -> Iterator[Finding]:
    """A project has a brief, a rubric of five lines and a data set; other days have none of it.
    Its exercise looks at the interface only, its notes are the written reflection."""
    marked = [b for b in main_path(lesson) if b.lang != "en" and "project" in b.options]
    for part in ("brief", "rubric") if lesson.is_project else ():
        count = sum(block.options["project"] == part for block in marked)
        if count != 1:
            yield at(lesson, None, "project", f"{count} blocks are marked as the {part}, not 1")
    for block in marked:
        if not lesson.is_project or block.options["project"] not in ("brief", "rubric"):
            message = "brief and rubric are marked, and on project days (14, 21 ... 56) only"
            yield at(lesson, block, "project", message)
        elif block.options["project"] == "rubric" and table_rows(block.source) != 5:
            count = table_rows(block.source)
            yield at(lesson, block, "project", f"the rubric is a table of 5 rows, not {count}")
    if lesson.is_project and not any(
        "data_file(" in block.source for block in main_path(lesson) if block.kind == "code"
    ):
        yield at(lesson, None, "project", "no cell reads a data set (data_file)")


def predictions(lesson: Lesson) -> Iterator[Finding]:
    """A prediction has an answer, a tolerance when it is a number, and a cell that it hides."""
    for i, block in enumerate(lesson.blocks):
        if block.kind != "predict" or block.lang != "bn":
            continue
        options: dict[str, Any] = block.options
        kind = options.get("type", "number")
        if "answer" not in options:
            yield at(lesson, block, "predict", f"{block.id} has no answer")
        if kind == "number" and "tolerance" not in options:
            yield at(lesson, block, "predict", f"{block.id} has no tolerance")
        if kind == "choice" and len(options.get("choices", {})) < 2:
            yield at(lesson, block, "predict", f"{block.id} has no choices")
        if not any(later.kind == "code" for later in lesson.blocks[i:]):
            yield at(lesson, block, "predict", f"{block.id} hides no cell: none follows it")


def cards(lesson: Lesson) -> Iterator[Finding]:
    """Misconceptions have three parts, the end card five rows, pictures a text in their place,
    headings start at ##; what the learner does alone is no slide."""
    for block in lesson.blocks:
        if block.kind == "widget" and not all(
            block.options.get("alt", {}).get(x) for x in LANGUAGES
        ):
            yield at(lesson, block, "card", f"{block.id} has no alt text in both languages")
        if block.kind == "misconception" and len(split_paragraphs(block.source)) != 3:
            yield at(lesson, block, "card", f"{block.id}: three paragraphs: thought, why, counter")
        if block.kind == "endcard" and table_rows(block.source) != 5:
            count = table_rows(block.source)
            yield at(lesson, block, "card", f"{block.id}: a table of 5 rows, not {count}")
        if block.options.get("slide") and block.kind in ALONE:
            message = f"{block.id}: nothing of a block of kind {block.kind} goes on a slide"
            yield at(lesson, block, "card", message)
        for line in lines_of(block.source) if block.lang else []:
            if line.kind == "h1":
                yield at(lesson, block, "card", "headings in blocks start at ##", line.line)
            if line.picture == "":
                yield at(lesson, block, "card", "a picture has no text in its place", line.line)


def outputs(lesson: Lesson) -> Iterator[Finding]:
    """The stored outputs belong to the lesson as it stands."""
    for lang in LANGUAGES:
        if not is_current(lesson, lang):
            yield at(lesson, None, "outputs", f"outputs.{lang}.json is stale: gobhir dev outputs")


RULES = (
    front_matter,
    prerequisites,
    rows,
    budget,
    cells,
    order,
    parts,
    project,
    predictions,
    cards,
    outputs,
)
