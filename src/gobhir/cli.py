"""The command `gobhir`: explain, worksheet, check, op, maths, studio, serve, data, course, version.

Every text comes from the catalogues, and whatever goes wrong is one sentence on stderr and exit
code 2. What a command needs is imported when it runs, so that `gobhir --help` is quick.
"""

from __future__ import annotations

import math
import os
import sys
import textwrap
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from gobhir.help import Command, Group, room
from gobhir.lang import Message, check_language, digits, language, say, t, use_language

UsageError: Any = typer.BadParameter.__mro__[1]
"""The base of what typer raises for a wrong command line, whichever click it carries."""


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one command line and leave with its exit code."""
    argv = _script_apart(sys.argv[1:] if argv is None else argv)
    _speak_unicode()
    try:
        wish = _language_in(argv)
        if wish is not None:
            use_language(check_language(wish))
        code = app(argv, prog_name="gobhir", standalone_mode=False) or 0
    except UsageError as error:
        code = _complain(_usage(error))
    except Exception as error:
        if isinstance(error, BrokenPipeError):  # the reader of a pipe, such as `head`, has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = 0
        elif not error.args or not isinstance(error.args[0], Message):
            raise  # nobody's input: a mistake of our own, whose traceback is wanted
        else:
            code = _complain(error.args[0].text(language()))
    except KeyboardInterrupt:
        code = 130
    except typer.Abort:
        code = 1
    sys.exit(code)


def _complain(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


def _script_apart(argv: list[str]) -> list[str]:
    """What stands behind a script's name is the script's own, as with `python`."""
    if argv[:1] == ["explain"] and "--" not in argv:
        for k, word in enumerate(argv):
            if word.endswith(".py") and not argv[k - 1].startswith("--"):
                return [*argv[:k], "--", *argv[k:]]
    return argv


def _speak_unicode() -> None:
    """Bangla and formulas also where the console's own encoding is an older one."""
    for stream in (sys.stdout, sys.stderr):
        encoding = (getattr(stream, "encoding", None) or "").lower()
        if not encoding.startswith("utf") and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


def _language_in(argv: list[str]) -> str | None:
    """The value of --lang, before anything else is read: help and errors should speak it too."""
    for k, word in enumerate(argv):
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
        if word == "--lang" and k + 1 < len(argv):
            return argv[k + 1]
    return None


def _usage(error: Any) -> str:
    """One sentence for a command line that typer could not read."""
    kind, named = type(error).__name__, getattr(error, "param", None)
    option = getattr(error, "option_name", None) or (named.opts[0] if named is not None else "")
    command = error.ctx.command_path if error.ctx is not None else "gobhir"
    if kind == "NoSuchOption":
        return t("cli.usage.no_option", option=option, command=command)
    if kind == "BadOptionUsage":
        return t("cli.usage.no_value", option=option)
    if kind == "MissingParameter" and named is not None:
        return t("cli.usage.missing", name=named.metavar or option, command=command)
    words = [w for w in sys.argv[1:] if not w.startswith("-")]
    if isinstance(getattr(error.ctx, "command", None), TyperGroup) and words:
        return t("cli.usage.no_command", name=words[-1], command=command)
    return t("cli.usage.other", command=command)


# -- the commands (their help is a key of the catalogue) -------------------------------------------

app = typer.Typer(
    cls=Group,
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
option = typer.Option
Lang = Annotated[str | None, option("--lang", metavar="bn|en", help="cli.option.lang")]
Word = str | None


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


@app.command(cls=Command, help="cli.explain.about")
def explain(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="cli.explain.network")
    ] = "4-4-1",
    args: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="cli.explain.args")
    ] = None,
    lang: Lang = None,
    step: Annotated[str, option(metavar="N", help="cli.explain.step")] = "1",
    mode: Annotated[Word, option(metavar="hand|exact", help="cli.explain.mode")] = None,
    to: Annotated[Word, option(metavar="FILE", help="cli.explain.to")] = None,
    why: Annotated[Word, option(metavar="'0.weight[1, 2]'", help="cli.explain.why")] = None,
    errors: Annotated[bool, option("--errors", help="cli.explain.errors")] = False,
    x: Annotated[Word, option("--x", metavar="0.5,0.1,...", help="cli.explain.x")] = None,
    y: Annotated[Word, option("--y", metavar="1,...", help="cli.explain.y")] = None,
    lr: Annotated[Word, option(metavar="0.5", help="cli.explain.lr")] = None,
    activation: Annotated[Word, option(metavar="NAME", help="cli.explain.activation")] = None,
    loss: Annotated[Word, option(metavar="NAME", help="cli.explain.loss")] = None,
    optimizer: Annotated[Word, option(metavar="NAME", help="cli.explain.optimizer")] = None,
    batch: Annotated[str, option(metavar="N", help="cli.explain.batch")] = "1",
    seed: Annotated[str, option(metavar="N", help="cli.explain.seed")] = "0",
) -> None:
    page: Any
    if network.endswith(".py"):
        page = _of_a_script(network, args or [], _count("--step", step), mode)
        _give(page if why is None else page.why(why), to, lang, errors)
        return
    if args:
        raise ValueError(say("cli.usage.other", command="gobhir explain"))
    import gobhir
    from gobhir.explain import explain as worked_out

    example = gobhir.examples.network(
        network,
        activation,
        loss,
        optimizer,
        lr=None if lr is None else _number("--lr", lr),
        batch=_count("--batch", batch),
        seed=_count("--seed", seed),
        x=None if x is None else _numbers("--x", x),
        y=None if y is None else _numbers("--y", y),
    )
    # A page to keep is held against PyTorch; one to look at should not wait for its import.
    page = worked_out(
        example.model,
        example.x,
        example.y,
        loss=example.loss,
        optimizer=example.optimizer,
        mode=mode,
        reference="differences" if to is None and not errors else None,
    )
    _give(page if why is None else page.why(why), to, lang, errors)


def _give(page: Any, to: str | None, lang: str | None, errors: bool) -> None:
    page = page.with_errors() if errors else page
    if to is None:
        page.show()
    else:
        page.save(to, lang)
        print(t("cli.explain.saved", path=to))


_OF_A_SCRIPT = ("--to", "--why", "--errors", "--step", "--mode")
"""Options of `gobhir explain` that mean something for a script, too."""


def _of_a_script(path: str, args: list[str], step: int, mode: str | None) -> Any:
    """The page of a step of the user's own program, and on stderr how the program ended."""
    from gobhir.explain.script import run_script

    if ours := [word for word in args if word.split("=")[0] in _OF_A_SCRIPT]:
        print(t("cli.explain.script_options", options=" ".join(ours), path=path), file=sys.stderr)
    run = run_script(path, args, step)
    if run.trouble:
        print(run.trouble, file=sys.stderr)
    if run.ended != "step" and (run.watch.seen or run.ended == "failed"):
        said = {"step": step, "count": run.count, "path": path}
        print(t(f"cli.explain.script_{run.ended}", **said), file=sys.stderr)
        # keys: cli.explain.script_end, cli.explain.script_failed, cli.explain.script_interrupted
    try:
        return run.explain(mode=mode)
    except RuntimeError as error:
        raise ValueError(*error.args) from error


@app.command(cls=Command, help="cli.worksheet.about")
def worksheet(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="cli.worksheet.network")
    ] = "2-2-1",
    lang: Lang = None,
    seed: Annotated[str, option(metavar="N", help="cli.worksheet.seed")] = "1",
    copies: Annotated[str, option(metavar="N", help="cli.worksheet.copies")] = "1",
    activation: Annotated[str, option(metavar="NAME", help="cli.explain.activation")] = "sigmoid",
    loss: Annotated[str, option(metavar="NAME", help="cli.explain.loss")] = "half",
    optimizer: Annotated[str, option(metavar="NAME", help="cli.worksheet.optimizer")] = "sgd",
    batch: Annotated[str, option(metavar="N", help="cli.worksheet.batch")] = "1",
    steps: Annotated[Word, option(metavar="N|forward,...", help="cli.worksheet.steps")] = None,
    key: Annotated[Word, option(metavar="with|without|only", help="cli.worksheet.key")] = None,
    to: Annotated[Word, option(metavar="FILE", help="cli.worksheet.to")] = None,
) -> None:
    from gobhir.explain.worksheets.worksheet import (
        FILLED_IN,
        STEPS,
        Worksheet,
        copied,
        save,
        steps_of,
        text,
    )

    wanted, rounds = (STEPS, 1) if steps is None else steps_of(steps)
    number, examples = _count("--seed", seed), _count("--batch", batch)
    first = Worksheet(network, number, activation, loss, wanted, optimizer, examples, rounds)
    sheets = copied(first, _count("--copies", copies))
    if to is None:
        print(text(sheets, None, key or "without", room()))
        return
    save(sheets, to, key=key or "with")
    kind = "one" if len(sheets) == 1 else "many"
    kind += "" if key in (None, "with") and not to.endswith(FILLED_IN) else "_bare"
    count = digits(len(sheets), language())
    values = {"count": count, "first": str(first), "last": str(sheets[-1])}
    # keys: worksheet.saved.*
    print(t(f"worksheet.saved.{kind}", path=to, id=str(first), **values))


@app.command(cls=Command, help="cli.check.about")
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="cli.check.file")],
    lang: Lang = None,
    paper: Annotated[Word, option(metavar="2-2-1/sigmoid/half/7", help="cli.check.paper")] = None,
    to: Annotated[Word, option(metavar="FILE", help="cli.explain.to")] = None,
) -> None:
    from pathlib import Path

    import gobhir

    report = gobhir.check(Path(file), paper)
    if to is None:
        report.show()
    else:
        report.save(to)
        print(t("cli.explain.saved", path=to))


@app.command("op", cls=Command, help="cli.op.about")
def op(
    name: Annotated[str, typer.Argument(metavar="NAME", help="cli.op.name")] = "",
    lang: Lang = None,
) -> None:
    import gobhir  # noqa: F401  registers the ops
    from gobhir.engine import OPS, Family
    from gobhir.explain.cards.card import card

    if name:
        print(card(name).to_text(width=room()))
    else:
        for family in Family:
            names = sorted(n for n, op in OPS.items() if op.family is family)
            if names:
                listed = textwrap.fill(", ".join(names), room() - 4)
                print(f"{t(f'rules.heading.{family.value}')}\n{textwrap.indent(listed, '    ')}")
            # keys: rules.heading.*


_WORDS = {"ignore_unknown_options": True}  # -1 is a number here, not an option


@app.command("maths", cls=Command, help="cli.maths.about", context_settings=_WORDS)
def maths(
    name: Annotated[str, typer.Argument(metavar="NAME", help="cli.maths.name")] = "",
    args: Annotated[
        list[str] | None, typer.Argument(metavar="'[[2,1],[5,3]]'", help="cli.maths.args")
    ] = None,
    lang: Lang = None,
    to: Annotated[Word, option(metavar="FILE", help="cli.explain.to")] = None,
) -> None:
    from gobhir.mathematics.typed import listed, typed

    if name:
        _give(typed(name, args or []), to, lang, errors=False)
    else:
        print(listed(room()))


@app.command(cls=Command, help="cli.studio.about")
def studio(
    port: Annotated[Word, option(metavar="8888", help="cli.studio.port")] = None,
    no_browser: Annotated[bool, option("--no-browser", help="cli.studio.no_browser")] = False,
    lang: Lang = None,
) -> None:
    from gobhir.studio import serve

    number = None if port is None else _count("--port", port)
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
        max_batch=_count("--max-batch", max_batch),
        max_wait_ms=_number("--max-wait-ms", max_wait_ms),
        max_body=_count("--max-body", max_body),
        timeout=_number("--timeout", timeout),
        workers=_count("--workers", workers),
    )
    run(model, limits, host, _count("--port", port))


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
        code = _complain(refusal.message.text(language()))
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


@app.command(cls=Command, help="cli.version.about")
def version(lang: Lang = None) -> None:
    print(_version())


def _version() -> str:
    from gobhir import __version__

    return f"gobhir {__version__}"


def _numbers(option: str, text: str) -> list[float]:
    """0.5,0.1 or "0.5 0.1", in Bangla digits too."""
    return [_number(option, part) for part in text.replace(",", " ").replace(";", " ").split()]


def _number(option: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(say("cli.bad.number", option=option, text=text))
    return number


def _count(option: str, text: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError(say("cli.bad.count", option=option, text=text))
    return int(text)
