"""A lesson: one MyST Markdown file in both languages, cut into blocks."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from markdown_it.token import Token

from gobhir.course.errors import CourseError
from gobhir.course.exercises import Exercise, read_exercises
from gobhir.course.markdown import parse
from gobhir.course.pictures import read_make
from gobhir.course.plan import lesson_folder
from gobhir.course.quiz import QuizItem, read_quiz
from gobhir.lang import LANGUAGES

KINDS = (
    *("prose", "code", "predict", "formula", "misconception"),
    *("widget", "exercise", "quiz", "notes", "endcard"),
)
SHARED = ("code", "widget", "exercise", "quiz")
TAGS = ("data", "torch", "proof", "experiment", "folded", "raises")


@dataclass(frozen=True)
class Block:
    """A piece of a lesson. `id` is the pair; both languages of a pair share id, kind, options.

    `line` is where the source begins in the file, counted from 1.
    """

    id: str
    kind: str
    lang: str | None
    source: str
    line: int
    options: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    def speaks(self, lang: str) -> bool:
        return self.lang is None or self.lang == lang


@dataclass(frozen=True)
class Lesson:
    """One lesson with everything that belongs to it. `meta` is the front matter under `gobhir:`."""

    slug: str
    folder: Path
    meta: dict[str, Any]
    blocks: tuple[Block, ...]
    exercises: tuple[Exercise, ...]
    quiz: tuple[QuizItem, ...]

    @property
    def file(self) -> Path:
        return self.folder / "lesson.md"

    @property
    def day(self) -> int:
        """The day's number, read from the folder's name; 0 for a lesson outside the 56 days."""
        match = re.match(r"day(\d\d)-", self.slug)
        return int(match.group(1)) if match else 0

    @property
    def is_project(self) -> bool:
        """Days 14, 21, 28 ... 56: a brief and a rubric in place of what is worked by hand."""
        return self.day >= 14 and self.day % 7 == 0

    def title(self, lang: str) -> str:
        title: str = self.meta["title"][lang]
        return title

    def in_language(self, lang: str) -> list[Block]:
        """The blocks a reader of one language meets, in order."""
        return [block for block in self.blocks if block.speaks(lang)]

    def exercise(self, exercise_id: str) -> Exercise:
        return next(e for e in self.exercises if e.id == exercise_id)

    def quiz_item(self, item_id: str) -> QuizItem:
        return next(q for q in self.quiz if q.id == item_id)

    def outputs(self, lang: str) -> dict[str, Any]:
        """What the code cells gave when they were run, by block id; {} before the first run."""
        file = self.folder / f"outputs.{lang}.json"
        if not file.exists():
            return {}
        blocks: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["blocks"]
        return blocks

    def render(self, lang: str) -> str:
        """The lesson as HTML, one `<section>` a block, with the stored outputs in place."""
        from gobhir.course.render import render

        return render(self, lang)

    def slides(self, lang: str) -> str:
        """The blocks marked as slides as one HTML document (reveal.js inside)."""
        from gobhir.course.slides import slides

        return slides(self, lang)


def load(slug: str) -> Lesson:
    """The lesson of a folder name. KeyError when there is none, CourseError when it is faulty."""
    return read_lesson(lesson_folder(slug))


def read_lesson(folder: Path) -> Lesson:
    """A lesson from its folder: lesson.md, and exercises.toml and quiz.toml where they exist."""
    file = folder / "lesson.md"
    text = file.read_text(encoding="utf-8")
    tokens = parse(text)
    meta = _front_matter(tokens, file)
    blocks = _read_blocks(tokens, text.splitlines(), file)
    exercises = read_exercises(folder / "exercises.toml")
    quiz = read_quiz(folder / "quiz.toml")
    lesson = Lesson(folder.name, folder, meta, blocks, exercises, quiz)
    _check_references(lesson)
    return lesson


def _front_matter(tokens: list[Token], file: Path) -> dict[str, Any]:
    if not tokens or tokens[0].type != "front_matter":
        raise CourseError("the file opens with front matter between two lines ---", file, 1)
    try:
        matter = yaml.safe_load(tokens[0].content) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        raise CourseError(f"front matter: {getattr(error, 'problem', error)}", file, line) from None
    meta = matter.get("gobhir") if isinstance(matter, dict) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("title"), dict):
        raise CourseError("the front matter has no gobhir: title: {bn, en}", file, 1)
    if missing := [lang for lang in LANGUAGES if not meta["title"].get(lang)]:
        raise CourseError(f"gobhir: title: lacks {', '.join(missing)}", file, 1)
    return meta


def _read_blocks(tokens: list[Token], lines: list[str], file: Path) -> tuple[Block, ...]:
    breaks = [token for token in tokens if token.type == "myst_block_break"]
    first = breaks[0].map[0] if breaks and breaks[0].map else len(lines)
    for token in tokens:
        if token.map and token.type != "front_matter" and token.map[0] < first:
            raise CourseError('text before the first +++ {"pair": ...}', file, token.map[0] + 1)
    blocks: list[Block] = []
    first_of: dict[str, Block] = {}
    seen: set[tuple[str, str | None]] = set()
    for i, token in enumerate(breaks):
        assert token.map is not None
        start = token.map[0]
        after = breaks[i + 1].map if i + 1 < len(breaks) else None
        end = after[0] if after else len(lines)
        block = _read_block(token, lines[start + 1 : end], start + 1, first_of, file)
        if (block.id, block.lang) in seen:
            raise CourseError(
                f"the block {block.id} ({block.lang}) is there twice", file, start + 1
            )
        seen.add((block.id, block.lang))
        first_of.setdefault(block.id, block)
        blocks.append(block)
    return tuple(blocks)


def _read_block(
    token: Token, lines: list[str], at: int, first_of: dict[str, Block], file: Path
) -> Block:
    """`at` is the line of the +++ itself, from 1."""
    try:
        options = json.loads(token.content) if token.content.strip() else {}
    except json.JSONDecodeError as error:
        raise CourseError(f"after +++ comes JSON on one line: {error}", file, at) from None
    pair, lang, kind = (options.pop(name, None) for name in ("pair", "lang", "kind"))
    if not isinstance(pair, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", pair):
        raise CourseError('a block names its pair: +++ {"pair": "why"} (a-z, 0-9, -)', file, at)
    if lang is not None and lang not in LANGUAGES:
        raise CourseError(f"unknown language {lang!r}", file, at)
    source = "\n".join(lines).strip("\n")
    line = at + 1 + next((i for i, text in enumerate(lines) if text.strip()), 0)
    if first := first_of.get(pair):
        if options or kind:
            raise CourseError(f"options of {pair} stand on its first block", file, at)
        if first.lang is None or lang is None:
            raise CourseError(f"{pair} is shared, yet there is a second block", file, at)
        return Block(pair, first.kind, lang, source, line, first.options)
    fences = [t for t in parse(source) if t.type == "fence" and t.info.startswith("{code-cell}")]
    if kind is None:
        kind = "code" if fences else "prose"
    if kind not in KINDS:
        raise CourseError(f"unknown kind {kind!r}; there are {', '.join(KINDS)}", file, at)
    if (kind in SHARED) != (lang is None):
        wish = "is shared, without lang" if kind in SHARED else "needs a lang"
        raise CourseError(f"a block of kind {kind} {wish}", file, at)
    if kind == "code":
        return _read_code(pair, source, line, options, file)
    if fences:
        raise CourseError("a code cell stands in a block of its own", file, line)
    if kind == "widget":
        try:
            read_make(str(options.get("make")))
        except ValueError as error:
            raise CourseError(str(error), file, at) from None
    if kind in SHARED and source.strip():
        raise CourseError(f"a block of kind {kind} has no text of its own", file, line)
    return Block(pair, kind, lang, source, line, options)


def _read_code(pair: str, source: str, line: int, options: dict[str, Any], file: Path) -> Block:
    tokens = parse(source)
    if len(tokens) != 1 or tokens[0].type != "fence":
        raise CourseError("a code block holds one {code-cell} and nothing else", file, line)
    lines = tokens[0].content.splitlines()
    settings: dict[str, Any] = {}
    while lines and (match := re.match(r":(\w+):\s*(.*)", lines[0])):
        settings[match.group(1)] = yaml.safe_load(match.group(2))
        lines.pop(0)
    first = line + 1 + len(settings)
    tags = settings.pop("tags", [])
    if settings or not isinstance(tags, list) or (unknown := set(tags) - set(TAGS)):
        what = ", ".join(settings) or f"tags {tags}" if settings else f"tags {sorted(unknown)}"
        raise CourseError(f"unknown in a code cell: {what}; tags are {', '.join(TAGS)}", file, line)
    return Block(pair, "code", None, "\n".join(lines).strip("\n"), first, options, tuple(tags))


def _check_references(lesson: Lesson) -> None:
    """Exercise and quiz blocks name what exists."""
    known = {"exercise": {e.id for e in lesson.exercises}, "quiz": {q.id for q in lesson.quiz}}
    for block in lesson.blocks:
        if block.kind == "exercise":
            wanted = [block.options.get("exercise")]
        elif block.kind == "quiz":
            wanted = block.options.get("items", [])
        else:
            continue
        for name in wanted:
            if name not in known[block.kind]:
                raise CourseError(f"there is no {block.kind} {name!r}", lesson.file, block.line - 1)
