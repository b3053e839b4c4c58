"""The commands that open something: studio, service, data, course, practice, projects."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from gobhir.cli.usage import complain
from gobhir.cli.words import Lang, Word, app, option, read_count, read_number
from gobhir.help import Command, room
from gobhir.lang import language, say, t


@app.callback(help="cli.about")
def gobhir(
    ctx: typer.Context,
    lang: Lang = None,
    version: Annotated[bool, option("--version", help="cli.version.about")] = False,
) -> None:
    if version:
        print(_version())
    elif ctx.invoked_subcommand is None:
        if sys.stdin.isatty() and sys.stdout.isatty() and _practising():
            _practice(["--lang", lang] if lang else [])
        print(ctx.get_help())


def _practising() -> bool:
    """Whether the learner has begun an exercise in this folder of theirs."""
    from gobhir.learner.store import learner_folder

    return any((learner_folder() / "practice").glob("*/*.py"))


@app.command(cls=Command, help="cli.studio.about")
def studio(
    port: Annotated[Word, option(metavar="8888", help="cli.studio.port")] = None,
    no_browser: Annotated[bool, option("--no-browser", help="cli.studio.no_browser")] = False,
    lang: Lang = None,
) -> None:
    from gobhir.studio import serve

    number = None if port is None else read_count("--port", port)
    serve(port=number, open_browser=not no_browser, lang=lang)


@app.command(cls=Command, help="deploy.command.about")
def serve(
    model: Annotated[str, typer.Argument(metavar="MODEL.onnx", help="deploy.command.model")],
    port: Annotated[str, option(metavar="8000", help="deploy.command.port")] = "8000",
    host: Annotated[str, option(metavar="127.0.0.1", help="deploy.command.host")] = "127.0.0.1",
    max_batch: Annotated[str, option(metavar="32", help="deploy.command.max_batch")] = "32",
    max_wait_ms: Annotated[str, option(metavar="2", help="deploy.command.max_wait_ms")] = "2",
    max_body: Annotated[str, option(metavar="BYTES", help="deploy.command.max_body")] = "8388608",
    timeout: Annotated[str, option(metavar="SECONDS", help="deploy.command.timeout")] = "10",
    workers: Annotated[str, option(metavar="N", help="deploy.command.workers")] = "1",
    lang: Lang = None,
) -> None:
    from gobhir.deploy.serve.command import serve as run
    from gobhir.deploy.serve.limits import Limits

    limits = Limits(
        max_batch=read_count("--max-batch", max_batch),
        max_wait_ms=read_number("--max-wait-ms", max_wait_ms),
        max_body=read_count("--max-body", max_body),
        timeout=read_number("--timeout", timeout),
        workers=read_count("--workers", workers),
    )
    run(model, limits, host, read_count("--port", port))


@app.command(cls=Command, help="datasets.card.about")
def data(
    name: Annotated[str, typer.Argument(metavar="NAME", help="datasets.card.name")] = "",
    get: Annotated[bool, option("--get", help="datasets.card.get")] = False,
    check: Annotated[bool, option("--check", help="datasets.card.check")] = False,
    lang: Lang = None,
) -> None:
    from gobhir.datasets.commands import run

    raise typer.Exit(run(name, get, check, room()))


# The course has a command line of its own, which is not even imported for the other commands.
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command(cls=Command, help="book.command.site")
def site(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="book.command.folder")],
    lang: Lang = None,
) -> None:
    from pathlib import Path

    from gobhir.studio.site import write_site

    try:
        count = write_site(Path(folder))
    except OSError as error:
        reason = error.strerror or error
        raise OSError(say("course.command.no_writing", folder=folder, reason=reason)) from error
    print(t("book.site.written", count=count, path=Path(folder) / "index.html"))


@app.command(cls=Command, help="cli.course.about", context_settings=_PASSED_ON)
def course(ctx: typer.Context) -> None:
    _of_the_course(ctx.args, "gobhir course")


for _name in [
    "plan",
    "today",
    "progress",
    "coverage",
    "search",
    "notebooks",
    "slides",
    "export",
]:  # keys: book.command.*

    @app.command(_name, cls=Command, help=f"book.command.{_name}", context_settings=_PASSED_ON)
    def _learners(ctx: typer.Context) -> None:
        _of_the_course([str(ctx.info_name), *ctx.args], "gobhir")


@app.command(cls=Command, help="course.command.about_dev", context_settings=_PASSED_ON)
def dev(ctx: typer.Context) -> None:
    _of_the_course(["dev", *ctx.args], "gobhir")


def _of_the_course(args: list[str], name: str) -> NoReturn:
    from gobhir.course.commands import app as course_app
    from gobhir.learner.refusal import Refusal

    try:
        code = course_app(args, prog_name=name, standalone_mode=False)
    except Refusal as refusal:
        code = complain(refusal.message.text(language()))
    raise typer.Exit(code or 0)


@app.command(cls=Command, help="practice.about", context_settings=_PASSED_ON)
def practice(ctx: typer.Context) -> None:
    _practice(ctx.args)


def _practice(args: list[str]) -> NoReturn:
    from gobhir.course.practice.commands import app as bench

    raise typer.Exit(bench(args, prog_name="gobhir practice", standalone_mode=False) or 0)


@app.command(cls=Command, help="practice.recall.about", context_settings=_PASSED_ON)
def recall(ctx: typer.Context) -> None:
    from gobhir.course.practice.recalling import app as cards

    raise typer.Exit(cards(ctx.args, prog_name="gobhir recall", standalone_mode=False) or 0)


@app.command(cls=Command, help="projects.command.about", context_settings=_PASSED_ON)
def project(ctx: typer.Context, lang: Lang = None) -> None:
    from gobhir.projects import commands

    if ctx.args in ([], ["--help"]):
        print(commands.listed())
        return
    name, *words = ctx.args
    made = commands.app(name, next(iter(words), None))
    raise typer.Exit(made(words, prog_name=f"gobhir project {name}", standalone_mode=False) or 0)


@app.command(cls=Command, help="cctv.command.about", context_settings=_PASSED_ON)
def cctv(ctx: typer.Context) -> None:
    from gobhir.projects.cctv.commands import app as cameras

    raise typer.Exit(cameras(ctx.args, prog_name="gobhir cctv", standalone_mode=False) or 0)


@app.command(cls=Command, help="cli.version.about")
def version(lang: Lang = None) -> None:
    print(_version())


def _version() -> str:
    from gobhir import __version__

    return f"gobhir {__version__}"
