"""The learner's database: merging, migrating, and every way in which a disk can say no."""

from __future__ import annotations

import errno
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gobhir.lang import LANGUAGES, catalogue
from gobhir.learner import store as store_module
from gobhir.learner.refusal import STATUS, Refusal, refusal_of
from gobhir.learner.store import FILE, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "gobhir")


def test_a_new_learner_has_nothing(store: Store) -> None:
    assert store.progress("day09") == {"done": {}, "minutes": 0.0, "anchor": None}
    assert store.all_progress() == {}
    assert store.settings() == {}
    assert store.answers("day09") == []


def test_progress_grows_and_never_shrinks(store: Store) -> None:
    store.merge_progress("day09", {"quiz": True, "score": 3}, 12.5, "why")
    merged = store.merge_progress("day09", {"quiz": False, "score": 2, "other": True}, 4.0)
    assert merged == {
        "done": {"quiz": True, "score": 3, "other": True},
        "minutes": 12.5,
        "anchor": "why",
    }


def test_the_place_goes_to_the_page_that_reported_last(store: Store) -> None:
    now = time.time()
    store.merge_progress("day09", {}, 0, "newest", at=now - 10)
    assert store.merge_progress("day09", {}, 0, "older", at=now - 100)["anchor"] == "newest"
    assert store.merge_progress("day09", {}, 0, "latest", at=now - 1)["anchor"] == "latest"


def test_a_clock_that_runs_ahead_does_not_freeze_the_place(store: Store) -> None:
    store.merge_progress("day09", {}, 0, "from the future", at=time.time() + 1e6)
    assert store.merge_progress("day09", {}, 0, "now")["anchor"] == "now"


reports = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.one_of(st.booleans(), st.integers(0, 9))),
        st.integers(0, 100),
    ),
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(reports=reports, data=st.data())
def test_the_order_of_reports_does_not_matter(reports, data, tmp_path_factory) -> None:
    shuffled = data.draw(st.permutations(reports))
    results = []
    for order in (reports, shuffled):
        store = Store(tmp_path_factory.mktemp("learner"))
        for done, minutes in order:
            store.merge_progress("day09", done, minutes)
        results.append(store.progress("day09"))
        store.close()
    assert results[0] == results[1]


def test_answers_are_all_kept(store: Store) -> None:
    store.add_answer("day09", "recall", 1, False)
    store.add_answer("day09", "recall", [2, "ক"], True)
    kept = store.answers("day09")
    assert [(a["item"], a["answer"], a["correct"]) for a in kept] == [
        ("recall", 1, False),
        ("recall", [2, "ক"], True),
    ]


def test_settings(store: Store) -> None:
    store.change_settings({"lang": "bn", "resume": {"slug": "day09", "anchor": "why"}})
    assert store.change_settings({"theme": "dark"}) == {
        "lang": "bn",
        "resume": {"slug": "day09", "anchor": "why"},
        "theme": "dark",
    }


def test_commits_are_on_the_disk(store: Store) -> None:
    with store.writing() as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_a_transaction_that_fails_changes_nothing(store: Store) -> None:
    store.change_settings({"theme": "dark"})
    with pytest.raises(RuntimeError), store.writing() as db:
        db.execute("DELETE FROM setting")
        raise RuntimeError
    assert store.settings() == {"theme": "dark"}


def test_a_file_of_an_older_gobhir_is_carried_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.change_settings({"theme": "dark"})
    store.close()
    more = (*store_module.MIGRATIONS, "CREATE TABLE later (a); INSERT INTO later VALUES (1);")
    monkeypatch.setattr(store_module, "MIGRATIONS", more)
    newer = Store(store.folder)
    assert newer.settings() == {"theme": "dark"}
    with newer.writing() as db:
        assert db.execute("SELECT a FROM later").fetchone() == (1,)
        assert db.execute("PRAGMA user_version").fetchone() == (len(more),)


def test_a_migration_that_fails_leaves_the_old_file(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.change_settings({"theme": "dark"})
    store.close()
    broken = (*store_module.MIGRATIONS, "CREATE TABLE later (a); INSERT INTO nowhere VALUES (1);")
    monkeypatch.setattr(store_module, "MIGRATIONS", broken)
    with pytest.raises(Refusal):
        Store(store.folder).change_settings({"theme": "light"})
    monkeypatch.undo()
    assert Store(store.folder).settings() == {"theme": "dark"}


def test_a_file_of_a_newer_gobhir_is_not_written(store: Store) -> None:
    store.change_settings({"theme": "dark"})
    with store.writing() as db:
        db.execute("PRAGMA user_version = 99")
    store.close()
    older = Store(store.folder)
    with pytest.raises(Refusal) as refused:
        older.change_settings({"theme": "light"})
    assert refused.value.kind == "newer"
    assert older.settings() == {}


def test_a_damaged_file_is_kept_and_a_new_one_begun(store: Store) -> None:
    store.folder.mkdir()
    (store.folder / FILE).write_bytes(b"this was never a database" * 100)
    assert store.change_settings({"theme": "dark"}) == {"theme": "dark"}
    kept = [p for p in store.folder.iterdir() if "damaged" in p.name]
    assert len(kept) == 1
    assert kept[0].read_bytes().startswith(b"this was never")
    assert store.notice is not None and kept[0].name in store.notice.text("bn")


def test_a_file_that_was_moved_away_does_not_swallow_what_is_saved(store: Store) -> None:
    store.change_settings({"theme": "dark"})
    store.path.rename(store.folder / "moved.sqlite")
    store.change_settings({"theme": "light"})
    assert Store(store.folder).settings() == {"theme": "light"}


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "gobhir").write_text("in the way")
    store = Store(tmp_path / "gobhir")
    assert store.settings() == {}
    with pytest.raises(Refusal) as refused:
        store.change_settings({"theme": "dark"})
    assert refused.value.kind == "readonly" and refused.value.status == 403
    assert str(tmp_path / "gobhir") in refused.value.answer()["message"]["bn"]


def test_a_folder_that_became_read_only_can_still_be_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SQLite sees a read-only disk: opening to write fails, opening to read does not."""
    store.change_settings({"theme": "dark"})
    store.close()
    real = sqlite3.connect

    def connect(path, *args, **kwargs):
        if kwargs.get("uri"):
            return real(path, *args, **kwargs)
        raise _error(sqlite3.SQLITE_CANTOPEN)

    monkeypatch.setattr(sqlite3, "connect", connect)
    readable = Store(store.folder)
    assert readable.settings() == {"theme": "dark"}
    with pytest.raises(Refusal) as refused:
        readable.change_settings({"theme": "light"})
    assert refused.value.kind == "readonly"


def _error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("lang", LANGUAGES)
def test_there_is_a_sentence_for_every_refusal(lang: str) -> None:
    prefix = "studio.refusal."
    assert {key for key in catalogue(lang) if key.startswith(prefix)} == {
        prefix + kind for kind in STATUS
    }


@pytest.mark.parametrize(
    ("error", "kind"),
    (
        (OSError(errno.ENOSPC, "No space left on device"), "full"),
        (OSError(errno.EROFS, "Read-only file system"), "readonly"),
        (PermissionError(errno.EACCES, "Permission denied"), "readonly"),
        (OSError(errno.EIO, "Input/output error"), "trouble"),
        (_error(sqlite3.SQLITE_FULL), "full"),
        (_error(sqlite3.SQLITE_READONLY_DBMOVED), "readonly"),
        (_error(sqlite3.SQLITE_BUSY), "busy"),
        (_error(sqlite3.SQLITE_IOERR_READ), "trouble"),
    ),
)
def test_errors_become_sentences(error: Exception, kind: str, tmp_path: Path) -> None:
    refused = refusal_of(error, tmp_path)
    assert refused.kind == kind
    message = refused.answer()["message"]
    assert message["bn"] != message["en"] and "{" not in message["bn"] + message["en"]


def test_a_database_held_by_another_program_is_said_to_be_busy(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.change_settings({"theme": "dark"})
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with store.reading() as db:
        assert db is not None
        db.execute("PRAGMA busy_timeout = 50")
    with pytest.raises(Refusal) as refused:
        store.change_settings({"theme": "light"})
    assert refused.value.kind == "busy" and refused.value.status == 503
    other.execute("ROLLBACK")
    assert store.change_settings({"theme": "light"}) == {"theme": "light"}


WRITER = """
import sys
from pathlib import Path
from gobhir.learner.store import Store
store, name = Store(Path(sys.argv[1])), sys.argv[2]
for i in range(40):
    store.merge_progress("day09", {f"{name}-{i}": True}, i)
    store.add_answer("day09", name, i, True)
"""


def test_two_writers_at_once_lose_nothing(store: Store) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(store.folder), name]) for name in "ab"
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert len(store.progress("day09")["done"]) == 80
    assert len(store.answers("day09")) == 80


KILLED = """
import os, sys, json
from pathlib import Path
from gobhir.learner.store import Store
store = Store(Path(sys.argv[1]))
i = 0
while True:
    store.merge_progress("day09", {f"block-{i}": True})
    print(json.dumps(i), flush=True)   # only what was said to be saved counts
    i += 1
"""


def test_kill_9_while_writing_keeps_what_was_said_to_be_saved(store: Store) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(store.folder)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    said = [json.loads(writer.stdout.readline()) for _ in range(20)]
    writer.kill()
    said += [json.loads(line) for line in writer.stdout.read().splitlines()]
    writer.stdout.close()
    writer.wait()
    done = store.progress("day09")["done"]
    assert all(f"block-{i}" in done for i in said)
