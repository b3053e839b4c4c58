"""The commands that work something out on paper: explain, worksheet, check, op, maths."""

from __future__ import annotations

import sys
import textwrap
from typing import Annotated, Any

import typer

from gobhir.cli.words import Lang, Word, app, option, read_count, read_number, read_numbers
from gobhir.help import Command, room
from gobhir.lang import digits, language, say, t


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
        page = _of_a_script(network, args or [], read_count("--step", step), mode)
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
        lr=None if lr is None else read_number("--lr", lr),
        batch=read_count("--batch", batch),
        seed=read_count("--seed", seed),
        x=None if x is None else read_numbers("--x", x),
        y=None if y is None else read_numbers("--y", y),
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
    number, examples = read_count("--seed", seed), read_count("--batch", batch)
    first = Worksheet(network, number, activation, loss, wanted, optimizer, examples, rounds)
    sheets = copied(first, read_count("--copies", copies))
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
