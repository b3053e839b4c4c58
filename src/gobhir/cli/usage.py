"""How a command line is read before typer reads it, and what is said of one that it cannot read."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from gobhir.lang import t

UsageError: Any = typer.BadParameter.__mro__[1]
"""The base of what typer raises for a wrong command line, whichever click it carries."""


def complain(sentence: str) -> int:
    """Say it on stderr; the exit code."""
    print(sentence, file=sys.stderr)
    return 2


def script_apart(argv: list[str]) -> list[str]:
    """What stands behind a script's name is the script's own, as with `python`."""
    if argv[:1] == ["explain"] and "--" not in argv:
        for k, word in enumerate(argv):
            if word.endswith(".py") and not argv[k - 1].startswith("--"):
                return [*argv[:k], "--", *argv[k:]]
    return argv


def speak_unicode() -> None:
    """Bangla and formulas also where the console's own encoding is an older one."""
    for stream in (sys.stdout, sys.stderr):
        encoding = (getattr(stream, "encoding", None) or "").lower()
        if not encoding.startswith("utf") and hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


_HOUSE = str(Path(__file__).parents[1])
_usual = warnings.formatwarning


def warn_plainly() -> None:
    """Of a warning of Gobhir's own the sentence alone: whoever types a command did not write the
    line from which it comes."""
    warnings.formatwarning = lambda message, kind, file, *place: (
        f"{message}\n" if file.startswith(_HOUSE) else _usual(message, kind, file, *place)
    )


def language_in(argv: list[str]) -> str | None:
    """The value of --lang, before anything else is read: help and errors should speak it too."""
    for k, word in enumerate(argv):
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
        if word == "--lang" and k + 1 < len(argv):
            return argv[k + 1]
    return None


def usage(error: Any) -> str:
    """One sentence for a command line that typer could not read."""
    kind, named = type(error).__name__, getattr(error, "param", None)
    option = getattr(error, "option_name", None) or (named.opts[0] if named is not None else "")
    command = error.ctx.command_path if error.ctx is not None else "gobhir"
    if kind == "NoSuchOption":
        close = ", ".join(error.possibilities or ())
        key = "close_option" if close else "no_option"
        return t(f"cli.usage.{key}", option=option, command=command, close=close)
        # keys: cli.usage.close_option, cli.usage.no_option
    if kind == "BadOptionUsage":
        return t("cli.usage.no_value", option=option)
    if kind == "MissingParameter" and named is not None:
        return t("cli.usage.missing", name=named.metavar or option, command=command)
    words = [
        word
        for before, word in zip(sys.argv, sys.argv[1:], strict=False)
        if not word.startswith("-") and before != "--lang"
    ]
    if isinstance(getattr(error.ctx, "command", None), TyperGroup) and words:
        at = min(len(command.split()), len(words)) - 1  # "gobhir" is no word of these
        return t("cli.usage.no_command", name=words[at], command=command)
    return t("cli.usage.other", command=command)
