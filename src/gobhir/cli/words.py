"""What all commands are made of: the app, their options, and numbers read from words."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from gobhir.help import Group
from gobhir.lang import say

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


def read_numbers(option: str, text: str) -> list[float]:
    """0.5,0.1 or "0.5 0.1", in Bangla digits too."""
    return [read_number(option, part) for part in text.replace(",", " ").replace(";", " ").split()]


def read_number(option: str, text: str) -> float:
    """A finite number."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(say("cli.bad.number", option=option, text=text))
    return found


def read_count(option: str, text: str) -> int:
    """A whole number from 0 on."""
    if not text.strip().isdecimal():
        raise ValueError(say("cli.bad.count", option=option, text=text))
    return int(text)
