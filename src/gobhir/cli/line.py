"""One command line, from its words to the exit code."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from gobhir.cli import by_hand, commands
from gobhir.cli.usage import (
    UsageError,
    complain,
    language_in,
    script_apart,
    speak_unicode,
    usage,
    warn_plainly,
)
from gobhir.cli.words import app
from gobhir.lang import Message, check_language, language, use_language

__all__ = ["app", "commands", "by_hand", "main"]


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one command line and leave with its exit code."""
    argv = script_apart(sys.argv[1:] if argv is None else argv)
    speak_unicode()
    warn_plainly()
    try:
        wish = language_in(argv)
        if wish is not None:
            use_language(check_language(wish))
        code = app(argv, prog_name="gobhir", standalone_mode=False) or 0
    except UsageError as error:
        code = complain(usage(error))
    except Exception as error:
        if isinstance(error, BrokenPipeError):  # the reader of a pipe, such as `head`, has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = 0
        elif not error.args or not isinstance(error.args[0], Message):
            raise  # nobody's input: a mistake of our own, whose traceback is wanted
        else:
            code = complain(error.args[0].text(language()))
    except KeyboardInterrupt:
        code = 130
    except typer.Abort:
        code = 1
    sys.exit(code)
