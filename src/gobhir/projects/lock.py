"""One at a time in a folder: a second one is refused.

The lock is a transaction that stays open in a small database: held by the system's own file locks,
on every system alike, and gone with the process however that ends.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Self

from gobhir.lang import say
from gobhir.serialization import not_written


class Lock:
    """The file of that name in the folder, held from here until `release`, with which it goes, and
    what was made for it and is empty.

    held: the key of the sentence where another process holds it: ValueError. OSError where the
    folder cannot be written.
    """

    def __init__(self, folder: Path, name: str, held: str) -> None:
        self.path = folder / name
        self._made = [one for one in (folder, *folder.parents) if not one.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.path.touch()
        except OSError as error:
            raise not_written(folder, error) from None
        self._db = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        try:
            self._db.execute("begin exclusive")
        except sqlite3.DatabaseError as error:
            self._db.close()
            if "locked" in str(error):
                raise ValueError(say(held, folder=folder)) from None
            raise OSError(say("projects.lock.failed", folder=folder, reason=error)) from None

    def release(self) -> None:
        with suppress(OSError):
            # While it is held: whoever comes now makes a file anew, and nobody holds a dead one.
            # (Windows removes no open file: there it stays, and does no harm.)
            self.path.unlink()
        self._db.close()
        for one in self._made:
            with suppress(OSError):
                one.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
