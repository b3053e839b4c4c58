"""One system for one folder: a second one on the same folder is refused.

The lock is a transaction that stays open in a small database: held by the system's own file locks,
on every system alike, and gone with the process however that ends.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gobhir.lang import say
from gobhir.serialization import not_written

FILE = "cctv.lock"


class Lock:
    """Held from here until `release`. ValueError when another process holds it, OSError when the
    folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / FILE).touch()
        except OSError as error:
            raise not_written(folder, error) from None
        self._db = sqlite3.connect(folder / FILE, timeout=0, isolation_level=None)
        try:
            self._db.execute("begin exclusive")
        except sqlite3.DatabaseError as error:
            self._db.close()
            if "locked" in str(error):
                raise ValueError(say("cctv.lock.held", folder=folder)) from None
            raise OSError(say("cctv.lock.failed", folder=folder, reason=error)) from None

    def release(self) -> None:
        self._db.close()
