"""Help for commands in the language in force: what cli/ and the course's commands share.

A command's, an argument's and an option's help is a key of the catalogue. It may import
lang and examples; start reading at `told`.
"""

from __future__ import annotations

import shutil
import textwrap
from typing import Any

from typer.core import TyperCommand, TyperGroup

from gobhir.lang import t

WIDTH = 92


def room() -> int:
    """How many columns to write in: the terminal's, but no more than reads well."""
    return min(WIDTH, shutil.get_terminal_size((WIDTH, 0)).columns)


class Command(TyperCommand):
    """A command whose help is written in the language in force."""

    def get_help(self, ctx: Any) -> str:
        return told(self, ctx)


class Group(TyperGroup):
    """A command with commands of its own."""

    def get_help(self, ctx: Any) -> str:
        return told(self, ctx)


def told(command: Any, ctx: Any) -> str:
    """Usage, what it is for, and a line for each command, argument and option."""
    rows: list[tuple[str, str]] = []
    arguments = ""
    for p in command.get_params(ctx):
        if p.param_type_name == "argument":
            arguments += f" {p.metavar}" if p.required else f" [{p.metavar}]"
            rows.append((p.metavar, t(p.help)))
        else:
            name = "/".join((p.opts[0], *p.secondary_opts))
            name = name if p.is_flag else f"{name} {p.metavar}"
            rows.append((name, t("cli.help") if p.name == "help" else _option(p)))
    names = command.list_commands(ctx) if isinstance(command, TyperGroup) else []
    commands = [(name, t(command.get_command(ctx, name).help)) for name in names]
    usage = f"{ctx.command_path}{arguments} ..."
    about = "\n".join(textwrap.fill(line, room()) for line in t(command.help).splitlines())
    parts: list[str] = [usage, about, columns(commands), columns(rows)]
    return "\n\n".join(part for part in parts if part)


def _option(p: Any) -> str:
    """An option's help; where it takes a name, the names there are."""
    if p.metavar != "NAME":
        return t(p.help)
    from gobhir import examples

    known: dict[str, dict[str, Any]] = {
        "activation": examples.ACTIVATIONS,
        "loss": examples.LOSSES,
        "optimizer": examples.OPTIMIZERS,
    }
    return t(p.help, known=", ".join(known[p.name]))


def columns(rows: list[tuple[str, str]]) -> str:
    """ASCII on the left, so that the words on the right begin at one column in any language. What
    would leave them less than half of the room has a line of its own."""
    most = room() // 2
    wide = max((len(name) + 4 for name, _ in rows if len(name) + 4 <= most), default=4)
    lines = []
    for name, text in rows:
        first, *more = textwrap.wrap(text, max(room() - wide, 16)) or [""]
        if len(name) + 4 > wide:
            lines.append(f"  {name}")
            name = ""
        lines.append(f"  {name:<{wide - 2}}{first}")
        lines += [" " * wide + line for line in more]
    return "\n".join(lines)
