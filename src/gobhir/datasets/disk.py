"""The disk under a data set: what the system refuses there becomes a sentence."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from gobhir.lang import Message, say


@contextlib.contextmanager
def written(folder: Path) -> Iterator[None]:
    """Make the folder, to write into it inside. OSError, with a sentence, where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.args and isinstance(error.args[0], Message):
            raise
        if error.errno == errno.ENOSPC:
            raise full(folder, 0) from error
        told = {"folder": folder, "reason": error.strerror or error}
        raise OSError(say("datasets.no_writing", **told)) from error


def full(folder: Path, needed: int) -> OSError:
    """That `needed` more bytes have no room where the folder is."""
    return OSError(say("datasets.full", folder=folder, size=(needed >> 20) + 1))
