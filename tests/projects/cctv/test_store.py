"""What is kept: committed before it is announced, also when the disk is full."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from gobhir.lang import LANGUAGES, say
from gobhir.projects.cctv.clock import SetClock, local, utc, wall
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.journal import Journal
from gobhir.projects.cctv.store import FILE, SCHEMA, Store


def event(at: float = 1_750_000_000.25, kind: str = "intrusion", place: str = "gate") -> Event:
    said = say("cctv.found.intrusion", person=3, place=place)
    return Event(kind, place, 3, said, np.zeros(4), 0.875, 5.0, 5.0, at)


def test_an_event_comes_back_as_it_was_and_speaks_every_language(tmp_path: Path) -> None:
    store, told = Store(tmp_path), event()
    store.add("door", told)
    told.last, told.clip = 9.0, "clips/a.mp4"
    store.update(told, closed=True)
    (row,) = Store(tmp_path).events()
    assert (row.id, row.camera, row.kind, row.place, row.track) == (
        told.id,
        "door",
        "intrusion",
        "gate",
        3,
    )
    assert wall(row.began) == told.wall and wall(row.ended) == told.wall + 4
    assert (row.lasted, row.score, row.clip) == (4.0, 0.875, "clips/a.mp4")
    for lang in LANGUAGES:
        assert row.sentence.text(lang) == told.sentence.text(lang)


def test_filters(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for k in range(6):
        store.add("a" if k % 2 else "b", event(1000.0 + k, "loitering" if k > 3 else "line"))
    assert [wall(r.began) for r in store.events(camera="a")] == [1005, 1003, 1001]
    assert len(store.events(kind="loitering")) == 2
    assert len(store.events(since=utc(1002), until=utc(1004))) == 2
    assert len(store.events(limit=4)) == 4
    assert store.event(3).id == 3 and store.event(99) is None


def test_times_are_utc_and_are_shown_where_the_camera_is() -> None:
    assert utc(1_750_000_000.125) == "2025-06-15T15:06:40.125Z"
    assert local("2025-06-15T15:06:40.125Z", "Asia/Dhaka") == "2025-06-15 21:06:40 +06"
    assert local("2025-06-15T15:06:40.125Z", "Europe/London") == "2025-06-15 16:06:40 BST"


def test_a_locked_database_is_asked_again(tmp_path: Path) -> None:
    store = Store(tmp_path, wait=0.05)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    threading.Timer(0.4, lambda: other.execute("commit")).start()
    began = time.monotonic()
    store.add("door", event())
    assert time.monotonic() - began > 0.3
    assert len(store.events()) == 1


def test_what_cannot_be_written_waits_and_is_announced_only_then(tmp_path: Path) -> None:
    announced: list[int] = []
    store = Store(tmp_path, SetClock(), patience=0, wait=0)
    journal = Journal("door", store, lambda e: announced.append(e.id))
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("begin immediate")
    first, second = event(), event(place="yard")
    journal.opened(first)
    journal.opened(second)
    journal.changed(first, closed=True)
    assert not announced and journal.trouble.key == "cctv.store.unwritten"
    other.execute("commit")
    journal.flush()
    assert announced == [1, 2] and journal.trouble is None
    rows = store.events(oldest_first=True)
    assert [r.place for r in rows] == ["gate", "yard"] and rows[0].ended and not rows[1].ended


def test_a_full_disk_is_survived(tmp_path: Path) -> None:
    store = Store(tmp_path)
    announced: list[int] = []
    journal = Journal("door", store, lambda e: announced.append(e.id))
    pages = store._db.execute("pragma page_count").fetchone()[0]
    store._db.execute(f"pragma max_page_count = {pages}")
    for _ in range(150):
        journal.opened(event())
    kept = len(store.events())
    assert kept < 150 and len(announced) == kept and "full" in str(journal.trouble)
    store._db.execute("pragma max_page_count = 100000")
    journal.flush()
    assert len(store.events()) == len(announced) == 150


def test_after_a_kill_open_events_end_and_find_their_clips(tmp_path: Path) -> None:
    store, one, two = Store(tmp_path), event(), event()
    one.recording, two.recording = "clips/there.mp4", "clips/gone.mp4"
    for e in (one, two):
        store.add("door", e)
        e.last = 8.0
        store.update(e)
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "there.mp4").touch()
    Store(tmp_path).tidy("door")
    rows = store.events(oldest_first=True)
    assert [r.clip for r in rows] == ["clips/there.mp4", ""]
    assert wall(rows[0].ended) == one.wall + 3


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not a database, " * 100)
    with pytest.raises(OSError, match=FILE):
        Store(tmp_path)


def test_health(tmp_path: Path) -> None:
    store = Store(tmp_path, SetClock(wall=1000.0))
    store.beat("door", "rtsp://me:***@h", {"fps": 5, "trouble": None})
    store.beat("door", "rtsp://me:***@h", {"fps": 6, "trouble": None})
    assert store.cameras() == {
        "door": {"source": "rtsp://me:***@h", "beat": utc(1000.0), "fps": 6, "trouble": None}
    }


def test_a_database_of_before_learns_what_was_seen(tmp_path: Path) -> None:
    """One that an earlier version made lacks the column; its events stay, unseen."""
    db = sqlite3.connect(tmp_path / FILE)
    db.executescript(SCHEMA.replace(",\n  seen integer not null default 0", ""))
    row = "('gate', 'line', 'l', 1, '2025-06-15T15:06:40.000Z', 'cctv.found.line', '{}', 1.0)"
    names = "camera, kind, place, track, began, key, said, score"
    db.execute(f"insert into events ({names}) values {row}")
    db.commit()
    db.close()
    for _ in range(2):  # the second time there is nothing left to do
        (old,) = Store(tmp_path).events(seen=False)
        assert old.camera == "gate" and not old.seen
    Store(tmp_path).look([old.id], True)
    assert [r.id for r in Store(tmp_path).events(seen=True, before=old.id + 1)] == [old.id]
    assert not Store(tmp_path).events(seen=False)
