"""What is kept: events and the cameras' health, in SQLite (WAL), which several processes share.

An event is announced only when its row is committed. Where the database is locked, it is asked
again; where the disk is full, OSError says so, and journal.py keeps what could not be written.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gobhir.lang import Message, say
from gobhir.projects.cctv.clock import Clock, SystemClock, utc, wall
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.sentences import packed, unpacked

FILE = "cctv.sqlite"
T = TypeVar("T")
SCHEMA = """
create table if not exists events (
  id integer primary key autoincrement,
  camera text not null, kind text not null, place text not null, track integer,
  began text not null, ended text, lasted real not null default 0,
  key text not null, said text not null, score real not null,
  thumb text not null default '', recording text not null default '',
  clip text not null default '',
  sent integer not null default 0, tries integer not null default 0,
  seen integer not null default 0);
create index if not exists events_began on events (began);
create index if not exists events_unsent on events (sent) where sent = 0;
create table if not exists cameras (
  name text primary key, source text not null, beat text not null, health text not null);
"""
_COLUMNS = (
    "id, camera, kind, place, track, began, ended, lasted, key, said, score, clip, thumb, tries, "
    "seen"
)


@dataclass(frozen=True)
class Row:
    """An event as it is kept. began, ended: UTC, as `clock.utc` writes it; ended is None as long as
    it lasts. clip, thumb: files, seen from the system's folder; "" where there is none. seen:
    whether somebody has ticked it off."""

    id: int
    camera: str
    kind: str
    place: str
    track: int | None
    began: str
    ended: str | None
    lasted: float
    sentence: Message
    score: float
    clip: str
    thumb: str
    tries: int
    seen: bool


class Store:
    """The database of a system's folder. patience: seconds in which a locked one is asked again,
    each time for `wait` seconds."""

    def __init__(
        self, folder: Path, clock: Clock | None = None, patience: float = 20.0, wait: float = 2.0
    ) -> None:
        self.folder, self.clock, self.patience = folder, clock or SystemClock(), patience
        path = folder / FILE
        try:
            self._db = sqlite3.connect(
                path, timeout=wait, isolation_level=None, check_same_thread=False
            )
            self._ask(lambda: self._db.execute("pragma journal_mode = wal"))
            # a row that was announced must survive a power cut, too
            self._db.execute("pragma synchronous = full")
            self._ask(lambda: self._db.executescript(SCHEMA))
            self._grow()
        except sqlite3.DatabaseError as error:
            raise OSError(say("cctv.store.unreadable", path=path, reason=error)) from None

    def add(self, camera: str, event: Event) -> int:
        """Commit a new event; gives its number, which the event has from now on."""
        row = {
            "camera": camera,
            "kind": event.kind,
            "place": event.place,
            "track": event.track,
            "began": utc(event.wall),
            "lasted": event.lasted,
            "score": event.score,
            "thumb": event.thumb,
            "recording": event.recording,
            "clip": event.clip,
            **_said(event.sentence),
        }
        names = ", ".join(row)
        holes = ", ".join(f":{name}" for name in row)
        with self._writing() as db:
            event.id = db.execute(f"insert into events ({names}) values ({holes})", row).lastrowid
        assert event.id is not None
        return event.id

    def update(self, event: Event, closed: bool = False) -> None:
        """What has become of an event since `add`."""
        row = {
            "id": event.id,
            "lasted": event.lasted,
            "ended": utc(event.wall + event.lasted) if closed else None,
            "score": event.score,
            "thumb": event.thumb,
            "recording": event.recording,
            "clip": event.clip,
            **_said(event.sentence),
        }
        sets = ", ".join(f"{name} = :{name}" for name in row if name not in ("id", "ended"))
        with self._writing() as db:
            db.execute(
                f"update events set {sets}, ended = coalesce(:ended, ended) where id = :id", row
            )

    def files(self, id: int, **files: str) -> None:
        """Another clip or thumb; "" where it was deleted."""
        sets = ", ".join(f"{name} = :{name}" for name in files)
        with self._writing() as db:
            db.execute(f"update events set {sets} where id = :id", {"id": id, **files})

    def tidy(self, camera: str) -> None:
        """After a process was killed: end what it has left open, when it was seen last as far as is
        known, and give events their clip, if it could be finished."""
        query = "select id, began, lasted, ended, recording, clip from events where camera = ?"
        query += " and (ended is null or (recording != '' and clip = ''))"
        left = self._ask(lambda: self._db.execute(query, [camera]).fetchall())
        with self._writing() as db:
            for id, began, lasted, ended, recording, clip in left:
                if not clip and recording and (self.folder / recording).exists():
                    clip = recording
                row = [ended or utc(wall(began) + lasted), clip, id]
                db.execute(
                    "update events set ended = ?, clip = ?, recording = '' where id = ?", row
                )

    def delete(self, ids: list[int]) -> None:
        with self._writing() as db:
            db.executemany("delete from events where id = ?", [[one] for one in ids])

    def events(
        self,
        camera: str | None = None,
        kind: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        oldest_first: bool = False,
        seen: bool | None = None,
        before: int | None = None,
    ) -> list[Row]:
        """Events that fit all that is asked for, the newest first. since, until: UTC texts;
        before: the number of an event."""
        wishes = {
            "camera = ?": camera,
            "kind = ?": kind,
            "began >= ?": since,
            "began < ?": until,
            "seen = ?": seen,
            "id < ?": before,
        }
        return self._rows(wishes, "id" if oldest_first else "id desc", limit)

    def look(self, ids: list[int], seen: bool) -> None:
        """Somebody has ticked these events off, or wants to see them again."""
        with self._writing() as db:
            rows = [[seen, one] for one in ids]
            db.executemany("update events set seen = ? where id = ?", rows)

    def event(self, id: int) -> Row | None:
        return next(iter(self._rows({"id = ?": id}, "id", 1)), None)

    def unsent(self, most_tries: int, since: str, limit: int = 50) -> list[Row]:
        """Events since then that nobody was told of yet, the oldest first."""
        wishes = {"sent = ?": 0, "tries < ?": most_tries, "began >= ?": since}
        return self._rows(wishes, "id", limit)

    def told(self, id: int, done: bool, tries: int = 1) -> None:
        """Somebody was told of the event, or it was tried in vain."""
        with self._writing() as db:
            row = [tries, done, id]
            db.execute("update events set tries = tries + ?, sent = ? where id = ?", row)

    def beat(self, camera: str, source: str, health: Mapping[str, Any]) -> None:
        """A camera is alive, and how it is. source: without its password."""
        row = [camera, source, utc(self.clock.now()), json.dumps(health, ensure_ascii=False)]
        with self._writing() as db:
            db.execute("insert or replace into cameras values (?, ?, ?, ?)", row)

    def cameras(self) -> dict[str, dict[str, Any]]:
        """Every camera's source, last beat (UTC) and health."""
        found = self._ask(lambda: self._db.execute("select * from cameras").fetchall())
        return {
            name: {"source": source, "beat": beat, **json.loads(health)}
            for name, source, beat, health in found
        }

    def close(self) -> None:
        self._db.close()

    def _grow(self) -> None:
        """A database of an earlier version gets the column that it lacks."""
        columns = self._ask(lambda: self._db.execute("pragma table_info(events)").fetchall())
        if "seen" in [column[1] for column in columns]:
            return
        try:
            with self._writing() as db:
                db.execute("alter table events add column seen integer not null default 0")
        except OSError:  # another process was quicker, or it will fail by its own sentence
            self._ask(lambda: self._db.execute("select seen from events limit 1"))

    def _rows(self, wishes: Mapping[str, Any], order: str, limit: int | None) -> list[Row]:
        asked = {clause: value for clause, value in wishes.items() if value is not None}
        where = " and ".join(asked) or "1"
        query = f"select {_COLUMNS} from events where {where} order by {order} limit ?"
        values = [*asked.values(), -1 if limit is None else limit]
        found = self._ask(lambda: self._db.execute(query, values).fetchall())
        return [_row(cells) for cells in found]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of one process at a time, committed at the end."""
        try:
            self._ask(lambda: self._db.execute("begin immediate"))
            try:
                yield self._db
                self._ask(lambda: self._db.execute("commit"))
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise
        except sqlite3.DatabaseError as error:
            path = self.folder / FILE
            raise OSError(say("cctv.store.unwritten", path=path, reason=error)) from None

    def _ask(self, question: Callable[[], T]) -> T:
        """Ask again for a while where another process holds the database."""
        begun, wait = self.clock.monotonic(), 0.05
        while True:
            try:
                return question()
            except sqlite3.OperationalError as error:
                busy = "locked" in str(error) or "busy" in str(error)
                if not busy or self.clock.monotonic() - begun > self.patience:
                    raise
            self.clock.sleep(wait)
            wait = min(2 * wait, 1.0)


def _said(sentence: Message) -> dict[str, str]:
    """A sentence that can be read in every language, also in those to come."""
    kept = packed(sentence)
    return {"key": kept["key"], "said": json.dumps(kept["values"], ensure_ascii=False)}


def _row(cells: Any) -> Row:
    row = dict(zip(_COLUMNS.split(", "), cells, strict=True))
    sentence = unpacked({"key": row.pop("key"), "values": json.loads(row.pop("said"))})
    return Row(sentence=sentence, **row | {"seen": bool(row["seen"])})
