"""The learner's progress, answers, settings and notes in one SQLite file, `progress.sqlite`.

Write-ahead log, and every commit is on the disk before the page hears "saved":
a server that is killed, or two studios on one folder, lose nothing.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from gobhir.lang import Message, say
from gobhir.learner.refusal import Refusal, refusal_of

FILE = "progress.sqlite"

# One script a schema version; a script that has shipped is never changed, only followed.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE done (slug TEXT, block TEXT, value TEXT NOT NULL, at REAL NOT NULL,
                       PRIMARY KEY (slug, block)) WITHOUT ROWID;
    CREATE TABLE place (slug TEXT PRIMARY KEY, minutes REAL NOT NULL DEFAULT 0,
                        anchor TEXT, at REAL NOT NULL DEFAULT 0);
    CREATE TABLE answer (id INTEGER PRIMARY KEY, slug TEXT NOT NULL, item TEXT NOT NULL,
                         answer TEXT NOT NULL, correct INTEGER NOT NULL, at REAL NOT NULL);
    CREATE INDEX answer_of ON answer (slug, item);
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE note (slug TEXT PRIMARY KEY, text TEXT NOT NULL,
                       in_file TEXT NOT NULL, saved_at REAL NOT NULL);
    """,
    """
    CREATE TABLE activity (day TEXT, slug TEXT, minutes REAL NOT NULL DEFAULT 0,
                           PRIMARY KEY (day, slug)) WITHOUT ROWID;
    INSERT INTO activity (day, slug)
        SELECT day, slug FROM (SELECT date(at, 'unixepoch', 'localtime') AS day, slug FROM done
                         UNION SELECT date(at, 'unixepoch', 'localtime') AS day, slug FROM answer)
        WHERE day IS NOT NULL;
    """,
)


def learner_folder() -> Path:
    """$GOBHIR_HOME, else ~/gobhir: where everything that the learner made lives."""
    return Path(os.environ.get("GOBHIR_HOME") or Path.home() / "gobhir").expanduser().absolute()


class Store:
    """progress.sqlite of one learner's folder. Opened at first use, and again when it was moved.

    Where the folder cannot be written, reading gives what is there and writing is a Refusal.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / FILE
        self.notice: Message | None = None  # something the learner should hear at the start
        self._db: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._lock = threading.RLock()

    def close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    # -- progress ---------------------------------------------------------------------------

    def progress(self, slug: str) -> dict[str, Any]:
        """{"done": {block: value}, "minutes": float, "anchor": str | None} of one lesson."""
        return self.all_progress().get(slug, {"done": {}, "minutes": 0.0, "anchor": None})

    def all_progress(self) -> dict[str, dict[str, Any]]:
        """`progress` of every lesson that was begun, by slug."""
        found: dict[str, dict[str, Any]] = {}
        with self.reading() as db:
            for slug, minutes, anchor in _rows(db, "SELECT slug, minutes, anchor FROM place"):
                found[slug] = {"done": {}, "minutes": minutes, "anchor": anchor}
            for slug, block, value in _rows(db, "SELECT slug, block, value FROM done"):
                empty = {"done": {}, "minutes": 0.0, "anchor": None}
                found.setdefault(slug, empty)["done"][block] = json.loads(value)
        return found

    def merge_progress(
        self,
        slug: str,
        done: dict[str, Any],
        minutes: float = 0.0,
        anchor: str | None = None,
        at: float | None = None,
    ) -> dict[str, Any]:
        """Add what a page knows to what is known. Of numbers (and of done or not done) the larger
        stays, minutes only grow, and the place goes to the page that reported last (`at`: seconds
        since 1970), so that an old tab or a phone that was offline takes nothing back."""
        now = time.time()
        at = now if at is None else min(at, now)
        with self.writing() as db:
            old = {
                block: json.loads(value)
                for block, value in db.execute(
                    "SELECT block, value FROM done WHERE slug = ?", (slug,)
                )
            }
            row = db.execute("SELECT minutes FROM place WHERE slug = ?", (slug,)).fetchone()
            spent = row[0] if row else 0.0
            fresh = {b: v for b, v in done.items() if b not in old or larger(v, old[b])}
            db.executemany(
                "INSERT INTO done VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET value = excluded.value, at = excluded.at",
                [(slug, block, _dump(value), now) for block, value in fresh.items()],
            )
            db.execute(
                "INSERT INTO place (slug, minutes) VALUES (?, ?) ON CONFLICT DO UPDATE"
                " SET minutes = max(minutes, excluded.minutes)",
                (slug, minutes),
            )
            if fresh or minutes > spent:
                _worked(db, slug, max(0.0, minutes - spent))
            if anchor is not None:
                db.execute(
                    "UPDATE place SET anchor = ?, at = ? WHERE slug = ? AND at <= ?",
                    (anchor, at, slug, at),
                )
        return self.progress(slug)

    def add_answer(self, slug: str, item: str, answer: Any, correct: bool) -> None:
        """Remember one answer to a quiz item or exercise; every try is kept."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO answer (slug, item, answer, correct, at) VALUES (?, ?, ?, ?, ?)",
                (slug, item, _dump(answer), int(correct), time.time()),
            )
            _worked(db, slug)

    def answers(self, slug: str) -> list[dict[str, Any]]:
        """Every answer of one lesson, oldest first: item, answer, correct, at."""
        query = "SELECT item, answer, correct, at FROM answer WHERE slug = ? ORDER BY id"
        with self.reading() as db:
            return [
                {"item": item, "answer": json.loads(answer), "correct": bool(correct), "at": at}
                for item, answer, correct, at in _rows(db, query, slug)
            ]

    def tries(self) -> dict[tuple[str, str], list[tuple[bool, float]]]:
        """By (lesson, item), whether each answer was right and when, oldest first."""
        found: dict[tuple[str, str], list[tuple[bool, float]]] = {}
        with self.reading() as db:
            for slug, item, correct, at in _rows(
                db, "SELECT slug, item, correct, at FROM answer ORDER BY id"
            ):
                found.setdefault((slug, item), []).append((bool(correct), at))
        return found

    def activity(self) -> dict[date, float]:
        """Minutes on each day on which something was done, the first day first."""
        query = "SELECT day, sum(minutes) FROM activity GROUP BY day ORDER BY day"
        with self.reading() as db:
            return {date.fromisoformat(day): minutes for day, minutes in _rows(db, query)}

    # -- settings ---------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """All settings by name."""
        with self.reading() as db:
            return {n: json.loads(v) for n, v in _rows(db, "SELECT name, value FROM setting")}

    def change_settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Write the settings named in `changes` and give all of them back."""
        with self.writing() as db:
            db.executemany(
                "INSERT INTO setting VALUES (?, ?)"
                " ON CONFLICT DO UPDATE SET value = excluded.value",
                [(name, _dump(value)) for name, value in changes.items()],
            )
        return self.settings()

    # -- the file ---------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """The database to read from; None where there is none that can be read."""
        with self._lock:
            try:
                db: sqlite3.Connection | None = self._open()
            except (OSError, sqlite3.Error, Refusal):
                db = self._open_read_only()
            try:
                yield db
            except sqlite3.Error as error:
                raise refusal_of(error, self.folder) from error
            finally:
                if db is not None and db is not self._db:
                    db.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: on the disk at its end, or a Refusal and nothing changed."""
        with self._lock:
            try:
                db = self._open()
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise
            except (OSError, sqlite3.Error) as error:
                raise refusal_of(error, self.folder) from error

    def _open(self) -> sqlite3.Connection:
        # A file that was moved away or replaced would take our writes with it, unseen.
        if self._db is not None and self._file != _identity(self.path):
            self.close()
        if self._db is None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._db = self._connect()
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) not in _DAMAGED:
                    raise
                self._set_aside()
                self._db = self._connect()
            self._file = _identity(self.path)
        return self._db

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            _begin_log(db)
            db.execute("PRAGMA synchronous = FULL")
            self._migrate(db)
        except BaseException:
            db.close()
            raise
        return db

    def _migrate(self, db: sqlite3.Connection) -> None:
        if _version(db) == len(MIGRATIONS):
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            version = _version(db)  # another studio may have been faster
            if version > len(MIGRATIONS):
                raise Refusal("newer", folder=self.folder)
            for script in MIGRATIONS[version:]:
                for statement in filter(str.strip, script.split(";")):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    def _set_aside(self) -> None:
        """A damaged file is kept under another name, for somebody who can mend it."""
        aside = self.path.with_name(f"{FILE}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        for suffix in ("", "-wal", "-shm"):
            part = self.path.with_name(FILE + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        self.notice = say("studio.serve.damaged", file=aside)

    def _open_read_only(self) -> sqlite3.Connection | None:
        # immutable: in a folder without write permission there can be no log beside the file
        for how in ("mode=ro", "mode=ro&immutable=1"):
            try:
                address = f"{self.path.as_uri()}?{how}"
                db = sqlite3.connect(address, uri=True, check_same_thread=False)
                if _version(db) == len(MIGRATIONS):
                    return db
                db.close()
            except (OSError, sqlite3.Error):
                continue
        return None


_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def _begin_log(db: sqlite3.Connection) -> None:
    """Turn the write-ahead log on. While another process does the same to a new file, SQLite
    says "busy" at once instead of waiting as it does elsewhere."""
    for attempt in range(100):
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or attempt == 99:
                raise
            time.sleep(0.05)


def _worked(db: sqlite3.Connection, slug: str, minutes: float = 0.0) -> None:
    """Count today as a day on which the learner worked on a lesson."""
    db.execute(
        "INSERT INTO activity VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
        " SET minutes = minutes + excluded.minutes",
        (date.today().isoformat(), slug, minutes),
    )


def _rows(db: sqlite3.Connection | None, query: str, *values: Any) -> list[Any]:
    return [] if db is None else db.execute(query, values).fetchall()


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def larger(new: Any, old: Any) -> bool:
    """Whether `new` replaces `old`: the larger of two numbers (False < True), else what is new."""
    if isinstance(new, int | float) and isinstance(old, int | float):
        return new > old
    return bool(new != old)
