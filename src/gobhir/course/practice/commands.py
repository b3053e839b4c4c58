"""`gobhir practice`: with keys in a terminal, and as single commands for pipes and scripts."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from gobhir.course.practice import screen
from gobhir.course.practice.bench import Bench, Placed
from gobhir.course.verdict import format_verdict
from gobhir.help import Command, Group, room
from gobhir.lang import language, say
from gobhir.learner.store import Store, learner_folder


class Practice(Group):
    """`gobhir practice gd_step` is `gobhir practice watch gd_step`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["watch", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Practice, add_completion=False, invoke_without_command=True, rich_markup_mode=None
)
Lang = Annotated[str | None, typer.Option("--lang", metavar="bn|en", help="cli.option.lang")]
Name = Annotated[str, typer.Argument(metavar="EXERCISE", help="practice.command.exercise")]


@app.callback(help="practice.about")
def practice(ctx: typer.Context, lang: Lang = None) -> None:
    store = Store(learner_folder())
    ctx.call_on_close(store.close)
    ctx.obj = Bench(store, language())
    if not ctx.obj.entries:
        typer.echo(ctx.obj.t("practice.none"))
        raise typer.Exit()
    if ctx.invoked_subcommand is None:
        watch(ctx)


def chosen(bench: Bench, name: str) -> Placed:
    """The exercise of that name, else the next one to be done (the last, when all are)."""
    return bench.find(name) if name else bench.next_undone() or bench.entries[-1]


@app.command("watch", cls=Command, help="practice.command.watch")
def watch(ctx: typer.Context, exercise: Name = "", lang: Lang = None) -> None:
    bench: Bench = ctx.obj
    entry = chosen(bench, exercise)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        run(ctx, entry.id)
        return
    from gobhir.course.practice.watching import watch as sit_down

    sit_down(bench, entry)


@app.command("list", cls=Command, help="practice.command.list")
def show_list(ctx: typer.Context, lang: Lang = None) -> None:
    show([*screen.listed(ctx.obj), screen.Line(), screen.bar(ctx.obj)])


@app.command("run", cls=Command, help="practice.command.run")
def run(ctx: typer.Context, exercise: Name = "", lang: Lang = None) -> None:
    """Exit code 0 when every task agrees, else 1."""
    bench: Bench = ctx.obj
    entry = chosen(bench, exercise)
    file = bench.file(entry)
    typer.echo(bench.t("course.command.checking"), err=True)
    typer.echo(f"{screen.heading(bench, entry)}\n{file}\n")
    verdict = bench.check(entry)
    typer.echo(format_verdict(verdict, bench.lang, file.name, room()))
    raise typer.Exit(0 if verdict.passed else 1)


@app.command("check", cls=Command, help="practice.command.check")
def check(ctx: typer.Context, lang: Lang = None) -> None:
    """Exit code 0 when every file that there is passes, else 1."""
    bench: Bench = ctx.obj
    typer.echo(bench.t("course.command.checking"), err=True)
    begun = [entry for entry in bench.entries if bench.path(entry).exists()]
    right = 0
    for entry in begun:
        passed = bench.check(entry).passed
        right += passed
        typer.echo(f"{'✓' if passed else '✗'} {entry.id}  {bench.path(entry)}")
    typer.echo(bench.t("practice.watch.all", **bench.counted(right=right, count=len(begun))))
    raise typer.Exit(0 if right == len(begun) else 1)


@app.command("hint", cls=Command, help="practice.command.hint")
def hint(
    ctx: typer.Context,
    exercise: Name = "",
    number: Annotated[
        int | None, typer.Option("--n", metavar="N", min=1, help="practice.command.number")
    ] = None,
    lang: Lang = None,
) -> None:
    bench: Bench = ctx.obj
    entry = chosen(bench, exercise)
    show(screen.hinted(bench, entry, *bench.hint(entry, number)))


@app.command("solution", cls=Command, help="practice.command.solution")
def solution(ctx: typer.Context, exercise: Name = "", lang: Lang = None) -> None:
    bench: Bench = ctx.obj
    entry = chosen(bench, exercise)
    found = bench.solution(entry)
    if found is None:
        raise ValueError(say("practice.not_yet", **bench.left(entry)))
    show(screen.solved(bench, found))


@app.command("working", cls=Command, help="practice.command.working")
def working(ctx: typer.Context, exercise: Name = "", lang: Lang = None) -> None:
    bench: Bench = ctx.obj
    entry = chosen(bench, exercise)
    typer.echo(bench.working(entry, bench.check(entry), room()))


@app.command("reset", cls=Command, help="practice.command.reset")
def reset(
    ctx: typer.Context,
    exercise: Name,
    yes: Annotated[bool, typer.Option("--yes", help="practice.command.yes")] = False,
    lang: Lang = None,
) -> None:
    bench: Bench = ctx.obj
    entry = bench.find(exercise)
    if not yes:
        typer.confirm(bench.t("practice.sure", file=bench.path(entry)), abort=True)
    backup = bench.reset(entry)
    if backup is not None:
        typer.echo(bench.t("practice.was_reset", file=backup))
    typer.echo(bench.path(entry))


def show(lines: list[screen.Line]) -> None:
    for line in lines:
        typer.echo(line.text)
