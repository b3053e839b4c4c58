"""The working of one call, on the learner's own input: their program line by line with the numbers
put in, then the same input worked out the right way, in numbers only; then the engine's own page
where the exercise names one."""

from __future__ import annotations

from typing import Any

from gobhir.course.checking import run_programs
from gobhir.course.exercises import Exercise, Test
from gobhir.course.lesson import load
from gobhir.derivation.terminal import plain_page
from gobhir.lang import digits, t

WIDTH = 92


def working_of(
    slug: str, exercise_id: str, task: int, code: str, lang: str, width: int = WIDTH
) -> str:
    """`working` for a task (from 0) of an exercise. KeyError where there is none."""
    exercise = next((e for e in load(slug).exercises if e.id == exercise_id), None)
    if exercise is None or not 0 <= task < len(exercise.tests):
        raise KeyError(exercise_id)
    return working(exercise, exercise.tests[task], code, lang, width)


def working(exercise: Exercise, test: Test, code: str, lang: str, width: int = WIDTH) -> str:
    """The working as lines of text; the engine's page takes at most `width` columns."""
    programs = [code, exercise.solution]
    ours, right = run_programs(programs, [test.call], lang, given=exercise.given, trace=True)
    lines = [test.call, "", t("practice.work.yours", lang)]
    lines += _steps(ours.results[0] if ours.results else {}, lang, bare=False)
    lines += ["", t("practice.work.right", lang)]
    lines += _steps(right.results[0] if right.results else {}, lang, bare=True)
    if test.working:
        lines += ["", t("practice.work.engine", lang), ""]
        lines.append(engines_page(test.working, lang, width))
    return "\n".join(lines)


def _steps(result: dict[str, Any], lang: str, bare: bool) -> list[str]:
    """A step takes up to three lines: as written, with the numbers, what came out."""
    lines: list[str] = []
    for step in result.get("steps", []):
        number = f"{step['line']:>4}  "
        margin = " " * len(number)
        stages = [step["put"], step["got"]] if bare else [step["source"], step["put"], step["got"]]
        if not bare and step["source"].endswith(step["put"]):  # no name in it
            stages.remove(step["put"])
        stages = [stage for stage in stages if stage]
        first, *more = stages[0].splitlines()
        lines.append((margin if bare else number) + first)
        lines += [margin + line for line in more]
        lines += [f"{margin}= {stage}" for stage in stages[1:]]
    if result.get("left_out"):
        lines.append(t("practice.work.more", lang, count=digits(result["left_out"], lang)))
    return lines or [t("practice.work.none", lang)]


def engines_page(expression: str, lang: str, width: int = WIDTH) -> str:
    """The engine's page: the expression is the course's own, and gives a derivation."""
    import gobhir

    return plain_page(eval(expression, {"gobhir": gobhir}), lang, width)
