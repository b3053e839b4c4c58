"""Rules about the two languages: a pair has the same numbers, formulas, codes, links and parts."""

from __future__ import annotations

from collections.abc import Iterator

from gobhir.course.lesson import Block, Lesson
from gobhir.course.rubric.finding import Finding, at, leaves
from gobhir.course.rubric.reading import Contents, contents
from gobhir.lang import LANGUAGES

NAMES = {
    "numbers": "numbers",
    "bound": "numbers bound to code",
    "formulas": "displayed formulas",
    "inline": "formulas in the text",
    "codes": "inline code",
    "fences": "code",
    "links": "links",
}


def complete(lesson: Lesson) -> Iterator[Finding]:
    """Every text block has its twin right behind it, Bangla first."""
    for i, block in enumerate(lesson.blocks):
        if block.lang is None:
            continue
        twins = [b.lang for b in lesson.blocks if b.id == block.id]
        if missing := [lang for lang in LANGUAGES if lang not in twins]:
            yield at(lesson, block, "pair", f"{block.id} has no {', '.join(missing)}")
        elif block.lang == "bn" and lesson.blocks[i + 1 : i + 2] != tuple(
            b for b in lesson.blocks if b.id == block.id and b.lang == "en"
        ):
            yield at(lesson, block, "pair", f"{block.id}: en stands right behind bn")


def in_step(lesson: Lesson) -> Iterator[Finding]:
    """Both languages of a pair say the same, as far as a machine can tell."""
    english = {block.id: block for block in lesson.blocks if block.lang == "en"}
    for block in lesson.blocks:
        if block.lang == "bn" and (twin := english.get(block.id)):
            yield from _compare_blocks(lesson, block, twin)
    for leaf in leaves(lesson):
        for message in differences(contents(leaf.text["bn"]), contents(leaf.text["en"])):
            yield Finding(leaf.file, leaf.line, "pair", f"{leaf.place}: {message}")


def _compare_blocks(lesson: Lesson, bangla: Block, english: Block) -> Iterator[Finding]:
    if not bangla.source.strip() or not english.source.strip():
        yield at(lesson, bangla, "pair", f"{bangla.id} is empty in one language")
    ours, theirs = contents(bangla.source), contents(english.source)
    for message in differences(ours, theirs):
        yield at(lesson, english, "pair", f"{bangla.id}: {message}")
    if ours.shape != theirs.shape:
        message = f"{bangla.id}: headings, list items, table rows or boxes differ"
        yield at(lesson, english, "pair", message)


def differences(bangla: Contents, english: Contents) -> list[str]:
    """What one language has and the other has not, in words."""
    found = []
    for name, words in NAMES.items():
        ours, theirs = getattr(bangla, name), getattr(english, name)
        if ours == theirs:
            continue
        only_ours = sorted(set(ours) - set(theirs))
        only_theirs = sorted(set(theirs) - set(ours))
        sides = [f"only bn: {', '.join(only_ours)}"] if only_ours else []
        sides += [f"only en: {', '.join(only_theirs)}"] if only_theirs else []
        found.append(f"{words} differ ({'; '.join(sides) or 'order or count'})")
    return found


RULES = (complete, in_step)
