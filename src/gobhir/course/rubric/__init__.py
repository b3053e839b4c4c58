"""What a machine can judge of a lesson: one rule a function, its name in every finding.
Reads lessons and nothing else; `gobhir dev check` and the tests call it.
Start reading in structure.py; the rules themselves are in the lesson rubric, course/README.md.
"""

from gobhir.course.lesson import Lesson, load
from gobhir.course.rubric import language, numbers, pairs, practice, structure
from gobhir.course.rubric.finding import Finding

__all__ = ["Finding", "lint", "lint_course", "lint_lesson"]

RULES = (*structure.RULES, *numbers.RULES, *pairs.RULES, *language.RULES, *practice.RULES)


def lint(slug: str) -> list[Finding]:
    """Everything that is wrong with one lesson, in the order of its files' lines."""
    return lint_lesson(load(slug))


def lint_lesson(lesson: Lesson) -> list[Finding]:
    found = {finding for rule in RULES for finding in rule(lesson)}
    return sorted(found, key=lambda f: (str(f.file), f.line, f.rule, f.message))


def lint_course(lessons: list[Lesson]) -> list[Finding]:
    """What only shows over all lessons together: the right quiz options give nothing away, and no
    two exercises have one name."""
    return practice.giveaways(lessons) + practice.twins(lessons)
