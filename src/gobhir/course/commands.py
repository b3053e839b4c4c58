"""The command `gobhir course`: the learner's part (book.py), `check`, and `dev` for authors."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated

import typer

from gobhir.course import book
from gobhir.course.book import Lang, tongue_of
from gobhir.course.checking import check as check_code
from gobhir.course.checking import own_outcomes, verdict_on
from gobhir.course.errors import CourseError
from gobhir.course.lesson import Lesson, load
from gobhir.course.new_lesson import new_lesson
from gobhir.course.plan import all_slugs
from gobhir.course.rubric import Finding, lint_course, lint_lesson
from gobhir.course.rubric.language import lesson_files
from gobhir.course.running import as_json, outputs_file, run
from gobhir.course.verdict import format_verdict
from gobhir.course.working import engines_page
from gobhir.help import Command, Group
from gobhir.lang import LANGUAGES, t

SECONDS = 20.0
"""How much of the processor a lesson's cells may take, all together, on one core."""

app = typer.Typer(
    cls=Group, add_completion=False, invoke_without_command=True, rich_markup_mode=None
)
dev = typer.Typer(cls=Group, invoke_without_command=True, rich_markup_mode=None)
app.add_typer(book.app)
app.add_typer(dev, name="dev")


@app.callback(help="course.command.about")
def course(ctx: typer.Context, lang: Lang = None) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@dev.callback(help="course.command.about_dev")
def authors(ctx: typer.Context, lang: Lang = None) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


LessonName = Annotated[str, typer.Argument(metavar="LESSON", help="course.command.about_lesson")]
Exercise = Annotated[str, typer.Argument(metavar="EXERCISE", help="course.command.about_exercise")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="course.command.about_file")]


@app.command(cls=Command, help="course.command.about_check")
def check(lesson: LessonName, exercise: Exercise, file: File, lang: Lang = None) -> None:
    """Check FILE against an exercise of a lesson; exit code 0 when every task agrees."""
    tongue = tongue_of(lang)
    try:
        code = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        typer.echo(t("course.command.no_file", tongue, file=file), err=True)
        raise typer.Exit(2) from None
    typer.echo(t("course.command.checking", tongue), err=True)
    try:
        verdict = check_code(lesson, exercise, code, tongue)
    except KeyError:
        name = f"{lesson} {exercise}"
        typer.echo(t("course.command.no_exercise", tongue, name=name), err=True)
        for known in _exercises():
            typer.echo(f"  {known}", err=True)
        raise typer.Exit(2) from None
    typer.echo(format_verdict(verdict, tongue, str(file)))
    raise typer.Exit(0 if verdict.passed else 1)


def _exercises() -> list[str]:
    return [f"{slug} {exercise.id}" for slug in all_slugs() for exercise in load(slug).exercises]


Slugs = Annotated[
    list[str] | None, typer.Argument(metavar="LESSON...", help="course.command.about_slugs")
]


NewName = Annotated[str, typer.Argument(metavar="NAME", help="course.command.about_new_name")]
Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="course.command.about_subject")]


@dev.command("new", cls=Command, help="course.command.about_new")
def start_lesson(name: NewName, subject: Subject = "", lang: Lang = None) -> None:
    """The files of a new lesson, to be filled."""
    tongue_of(lang)
    try:
        written = new_lesson(name, subject)
    except ValueError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    for file in written:
        typer.echo(file)


@dev.command("outputs", cls=Command, help="course.command.about_outputs")
def write_outputs(slugs: Slugs = None, lang: Lang = None) -> None:
    """Run lessons and write their outputs.<lang>.json."""
    for lesson in _loaded(slugs):
        for tongue in [lang] if lang else LANGUAGES:
            try:
                result = run(lesson, tongue)
            except CourseError as error:
                typer.echo(error, err=True)
                raise typer.Exit(1) from None
            file = outputs_file(lesson, tongue)
            file.write_text(as_json(lesson, tongue, result.blocks), encoding="utf-8")
            typer.echo(f"{file}  {result.seconds:.1f} s")


@dev.command("check", cls=Command, help="course.command.about_lint")
def check_lessons(
    slugs: Slugs = None,
    execute: Annotated[bool, typer.Option(help="course.command.about_execute")] = True,
    fix: Annotated[bool, typer.Option("--fix", help="course.command.about_fix")] = False,
) -> None:
    """Everything that a machine can judge; exit code 1 where something is found."""
    checked = _loaded(slugs)
    if fix:
        for lesson in checked:
            normalise(lesson)
        checked = _loaded(slugs)
    found = lint_course(checked)
    for lesson in checked:
        found += lint_lesson(lesson)
        if execute:
            found += stale_outputs(lesson) + faulty_exercises(lesson)
    for finding in found:
        typer.echo(finding)
    typer.echo(f"{len(checked)} lessons, {len(found)} findings")
    raise typer.Exit(1 if found else 0)


def _loaded(slugs: list[str] | None) -> list[Lesson]:
    try:
        return [load(slug) for slug in slugs or all_slugs()]
    except CourseError as error:
        typer.echo(error, err=True)
    except KeyError as error:
        typer.echo(f"there is no lesson {error}", err=True)
    raise typer.Exit(2)


def normalise(lesson: Lesson) -> None:
    """Write the lesson's files in Unicode's form NFC."""
    for file in lesson_files(lesson):
        text = file.read_text(encoding="utf-8")
        file.write_text(unicodedata.normalize("NFC", text), encoding="utf-8")


def stale_outputs(lesson: Lesson) -> list[Finding]:
    """Run the lesson again: the stored outputs are what comes out, within 20 seconds of a core."""
    found = []
    for lang in LANGUAGES:
        file = outputs_file(lesson, lang)
        try:
            result = run(lesson, lang)
        except CourseError as error:
            found.append(Finding(error.file, error.line or 1, "run", error.message))
            continue
        if not file.exists() or file.read_text("utf-8") != as_json(lesson, lang, result.blocks):
            found.append(Finding(file, 1, "outputs", "running gives something else"))
        if result.seconds > SECONDS:
            message = f"takes {result.seconds:.0f} s of the processor, at most {SECONDS:.0f}"
            found.append(Finding(lesson.file, 1, "run", message))
    return found


def faulty_exercises(lesson: Lesson) -> list[Finding]:
    """Solutions pass; stubs run and fail; every wrong program fails with its own message; the
    engine's pages can be made."""
    found = []
    file = lesson.folder / "exercises.toml"
    for exercise in lesson.exercises:
        solution, stubs, wrongs = own_outcomes(exercise)
        if not verdict_on(exercise, solution, "en").passed:
            found.append(Finding(file, 1, "exercise", f"{exercise.id}: the solution fails"))
        stub = verdict_on(exercise, stubs, "en")
        if stub.passed:
            found.append(Finding(file, 1, "exercise", f"{exercise.id}: the stub passes"))
        if not all(task.got for task in stub.tasks):
            found.append(Finding(file, 1, "exercise", f"{exercise.id}: the stub does not run"))
        for test in exercise.tests:
            try:
                if test.working:
                    engines_page(test.working, "en")
            except Exception as error:  # whatever a line of Python may raise
                message = f"{exercise.id}: working of {test.call}: {error}"
                found.append(Finding(file, 1, "exercise", message))
        for wrong, outcome in zip(exercise.wrong, wrongs, strict=True):
            verdict = verdict_on(exercise, outcome, "en")
            named = next((task.wrong for task in verdict.tasks if task.wrong), "")
            if verdict.passed or named != wrong.id:
                message = f"{exercise.id}: {wrong.id} gets {named or 'no message of its own'}"
                found.append(Finding(file, 1, "exercise", message))
    return found
