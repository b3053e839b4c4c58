"""Rules about exercises and quiz: complete, each wrong answer met, nothing given away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from gobhir.course.lesson import Lesson
from gobhir.course.quiz import PICKED, QuizItem
from gobhir.course.rubric.finding import Finding, at
from gobhir.lang import LANGUAGES

ALL_OF_THEM = re.compile(
    r"all of the above|none of the above|সবগুলো|সব কয়(টি|টা)|কোনো(টি|টা)ই নয়", re.I
)


def exercises(lesson: Lesson) -> Iterator[Finding]:
    """Three hints, two wrong programs with their messages, a marked stub, a short stable id."""
    file = lesson.folder / "exercises.toml"

    def found(message: str) -> Finding:
        return Finding(file, 1, "exercise", message)

    for exercise in lesson.exercises:
        name = exercise.id
        if len(exercise.hints) != 3:
            yield found(f"{name} has {len(exercise.hints)} hints, not 3")
        if len(exercise.wrong) < 2:
            yield found(f"{name} has {len(exercise.wrong)} wrong programs, at least 2")
        if not exercise.tests:
            yield found(f"{name} has no tests")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name):
            yield found(f"{name}: an id is a-z, 0-9, _ and at most 32 signs")
        if "TODO(1)" not in exercise.stub:
            yield found(f"{name}: the stub marks its gap with # TODO(1)")
        for lang in LANGUAGES:
            said = [wrong.message[lang] for wrong in exercise.wrong]
            if len(set(said)) < len(said):
                yield found(f"{name}: two wrong programs get the same message in {lang}")
        if any(_is_number(t.want) and t.tolerance <= 0 for t in exercise.tests):
            yield found(f"{name}: a number is compared without a tolerance")


def _is_number(want: object) -> bool:
    if isinstance(want, list):
        return any(_is_number(part) for part in want)
    return isinstance(want, float)


def misconceptions(lesson: Lesson) -> Iterator[Finding]:
    """Every misconception is met in an exercise, and every one named there exists."""
    named = {w.misconception for e in lesson.exercises for w in e.wrong if w.misconception}
    known = {b.id: b for b in lesson.blocks if b.kind == "misconception"}
    for name, block in known.items():
        if name not in named:
            yield at(lesson, block, "misconception", f"{name} is used by no wrong program")
    for name in sorted(named - set(known)):
        file = lesson.folder / "exercises.toml"
        yield Finding(file, 1, "misconception", f"there is no misconception {name}")


def quiz(lesson: Lesson) -> Iterator[Finding]:
    """Three to five items, options alike in length, in changing places; one goes back three days
    or more (from day 4 on; a plus lesson goes back to any day)."""
    newest = (lesson.day or 59) - 3
    file = lesson.folder / "quiz.toml"

    def found(message: str) -> Finding:
        return Finding(file, 1, "quiz", message)

    if not 3 <= len(lesson.quiz) <= 5:
        yield found(f"{len(lesson.quiz)} items, 3 to 5")
    if newest > 0 and not any(0 < (item.recall or 0) <= newest for item in lesson.quiz):
        yield found("no item recalls a day at least 3 days older")
    for item in lesson.quiz:
        yield from (found(f"{item.id}: {message}") for message in _faults(item))
    choices = [item for item in lesson.quiz if item.type == "choice"]
    places = [right_place(item) for item in choices]
    if len(places) >= 2 and len(set(places)) == 1:
        yield found(f"the right option is always number {places[0] + 1}")


def _faults(item: QuizItem) -> Iterator[str]:
    if item.type in PICKED and len(item.options) < 2:
        yield "a choice has at least two options"
    if item.type == "number" and not item.options:
        yield "no likely wrong number is explained"
    for lang in LANGUAGES:
        texts = [option.text[lang] for option in item.options if option.text.get(lang)]
        if any(ALL_OF_THEM.search(text) for text in texts):
            yield f"'all of the above' in {lang}"
        if item.type == "choice" and max(map(len, texts)) > 2 * min(map(len, texts)) + 12:
            yield f"options differ much in length in {lang}"
        if len(set(texts)) < len(texts):
            yield f"two options read the same in {lang}"


def right_place(item: QuizItem) -> int:
    return next(i for i, option in enumerate(item.options) if option.correct)


def right_is_longest(item: QuizItem, lang: str) -> bool:
    """Whether length alone betrays the right option."""
    lengths = [len(option.text[lang]) for option in item.options]
    right = lengths.pop(right_place(item))
    return right > max(lengths)


def longest(lesson: Lesson) -> Iterator[Finding]:
    """In one lesson the right option is the longest in at most half of the choices."""
    choices = [item for item in lesson.quiz if item.type == "choice"]
    for lang in LANGUAGES:
        count = sum(right_is_longest(item, lang) for item in choices)
        if count > len(choices) / 2:
            message = f"the right option is the longest in {count} of {len(choices)} in {lang}"
            yield Finding(lesson.folder / "quiz.toml", 1, "quiz", message)


def giveaways(lessons: list[Lesson]) -> list[Finding]:
    """Over the whole course: longest and right in at most 40 %, places balanced (20 items up)."""
    choices = [(lesson, q) for lesson in lessons for q in lesson.quiz if q.type == "choice"]
    if len(choices) < 20:
        return []
    found = []
    file = choices[0][0].folder.parent / "quiz.toml"
    for lang in LANGUAGES:
        share = sum(right_is_longest(item, lang) for _, item in choices) / len(choices)
        if share > 0.4:
            message = f"the right option is the longest in {share:.0%} of all choices in {lang}"
            found.append(Finding(file, 1, "quiz", message))
    place, count = Counter(right_place(item) for _, item in choices).most_common(1)[0]
    if count > 0.5 * len(choices):
        message = f"the right option is number {place + 1} in {count} of {len(choices)}"
        found.append(Finding(file, 1, "quiz", message))
    return found


def twins(lessons: list[Lesson]) -> list[Finding]:
    """An exercise's id is its name in `gobhir practice`: no two of the course have the same."""
    first: dict[str, Lesson] = {}
    found = []
    for lesson in lessons:
        for exercise in lesson.exercises:
            other = first.setdefault(exercise.id, lesson)
            if other is not lesson:
                message = f"{exercise.id} is an exercise of {other.slug}, too"
                found.append(Finding(lesson.folder / "exercises.toml", 1, "exercise", message))
    return found


RULES = (exercises, misconceptions, quiz, longest)
