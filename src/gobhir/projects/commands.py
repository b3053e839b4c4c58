"""The command `gobhir project NAME VERB ...`, whose options are the fields of the settings."""

from __future__ import annotations

import inspect
import io
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gobhir.help import Command, Group, columns
from gobhir.lang import say, t
from gobhir.projects.project import VERBS, Project, projects
from gobhir.projects.settings import FILE, Settings, Wish
from gobhir.training.processes import is_main_process


def listed() -> str:
    """All projects, a line each."""
    rows = [(name, t(Project(name).settings.about)) for name in projects()]
    return t("projects.command.list") + "\n\n" + columns(rows)


def app(name: str, asked: str | None = None) -> typer.Typer:
    """The command line of one project. Only the verb that is asked for is imported."""
    project = Project(name)
    made = typer.Typer(
        cls=Group, add_completion=False, invoke_without_command=True, rich_markup_mode=None
    )

    @made.callback(help=project.settings.about)
    def about(ctx: typer.Context) -> None:
        if ctx.invoked_subcommand is None:
            print(ctx.get_help())

    for verb in VERBS:
        made.command(verb, cls=Command, help=f"projects.command.{verb}")(
            _command(project, verb) if verb == asked else _listed
        )  # keys: projects.command.*
    return made


def _listed() -> None:
    """A verb that stands in the help and is not asked for."""


def _command(project: Project, verb: str) -> Callable[..., None]:
    own = list(project.wishes(verb))
    fields = list(project.settings.wishes()) if verb == "train" else []

    def command(**words: Any) -> None:
        if not is_main_process():  # of several processes (torchrun) one speaks
            sys.stdout = io.StringIO()
        given = {
            w.name: _meant(w, words[w.name]) for w in own + fields if words[w.name] is not None
        }
        options = {w.name: given[w.name] for w in own if w.name in given}
        folder = Path(words["folder"]) if words["folder"] else None
        if verb == "train":
            chosen = {w.name: given[w.name] for w in fields if w.name in given}
            where = ["--folder", str(folder)] if folder else []
            line = ["gobhir", "project", project.name]
            try:
                history = project.train(_asked(project, folder, chosen, options), folder, **options)
            except KeyboardInterrupt:
                if any((folder or project.folder).glob("checkpoint*")):
                    again = shlex.join([*line, "train", "--resume", *where])
                    print(t("projects.command.interrupted", next=again))
                raise
            if history is None:  # something else was asked for, and done
                return
            told = {"folder": folder or project.folder}
            then = shlex.join([*line, "evaluate", *where])
            print(t("projects.command.trained", next=then, **told))
        elif verb == "evaluate":
            print(project.evaluate(folder, **options))  # the verdict
        else:
            project.run(words["inputs"] or [], folder, **options)

    parameters = [_parameter(wish) for wish in fields + own]
    folder = typer.Option("--folder", metavar="FOLDER", help="projects.command.folder")
    lang = typer.Option("--lang", metavar="bn|en", help="cli.option.lang")
    for name, option in (("folder", folder), ("lang", lang)):
        parameters.append(_keyword(name, Annotated[str | None, option]))
    if verb == "run":
        inputs = typer.Argument(metavar="INPUT", help=project.settings.inputs)
        parameters.insert(0, _keyword("inputs", Annotated[list[str] | None, inputs]))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def _asked(
    project: Project, folder: Path | None, chosen: dict[str, Any], options: dict[str, Any]
) -> Settings:
    """The settings of a training: those of before, where it goes on with what was cut short.
    ValueError where others are given beside."""
    where = folder or project.folder
    if not (options.get("resume") and (where / FILE).exists()):
        return project.settings(**chosen)
    before = project.settings.load(where)
    other = [
        w.option
        for w in before.wishes()
        if chosen.get(w.name, getattr(before, w.name)) != getattr(before, w.name)
    ]
    if other:
        raise ValueError(say("projects.bad.resume", folder=where, options=", ".join(other)))
    return before


def _keyword(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _parameter(wish: Wish) -> inspect.Parameter:
    """A wish as typer wants it. Words are read by the wish itself, which speaks both languages."""
    if wish.kind is bool:
        opposite = "--no-" + wish.option.removeprefix("--")
        shown = typer.Option(f"{wish.option}/{opposite}", help=wish.help)
        return _keyword(wish.name, Annotated[bool | None, shown])
    metavar = "|".join(wish.choices) or ("" if wish.default is None else str(wish.default))
    shown = typer.Option(wish.option, metavar=metavar or "...", help=wish.help)
    return _keyword(wish.name, Annotated[str | None, shown])


def _meant(wish: Wish, word: Any) -> Any:
    return word if isinstance(word, bool) else wish.read(word)
