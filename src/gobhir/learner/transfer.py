"""Progress as one JSON file: to move to another computer, or to keep beside it.

Taking a file in adds to what is there and takes nothing away: the larger of two numbers stays, all
answers are kept, and a note that differs is kept beside the one that is there.
"""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import date
from typing import Any

from gobhir.lang import say
from gobhir.learner.notes import Notes
from gobhir.learner.store import Store, larger

VERSION = 1
COLUMNS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "done": {"slug": str, "block": str, "value": str, "at": (int, float)},
    "place": {
        "slug": str,
        "minutes": (int, float),
        "anchor": (str, type(None)),
        "at": (int, float),
    },
    "answer": {"slug": str, "item": str, "answer": str, "correct": int, "at": (int, float)},
    "activity": {"day": str, "slug": str, "minutes": (int, float)},
    "setting": {"name": str, "value": str},
    "note": {"slug": str, "text": str},
}
"""What is carried over of each table. `value` and `answer` are JSON themselves."""
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")

_ADD = {
    "place": "INSERT INTO place (slug, minutes, anchor, at) VALUES (:slug, :minutes, :anchor, :at)"
    " ON CONFLICT DO UPDATE SET minutes = max(minutes, excluded.minutes),"
    " anchor = iif(excluded.at > at, excluded.anchor, anchor), at = max(at, excluded.at)",
    "answer": "INSERT INTO answer (slug, item, answer, correct, at)"
    " SELECT :slug, :item, :answer, :correct, :at WHERE NOT EXISTS (SELECT 1 FROM answer"
    " WHERE slug = :slug AND item = :item AND answer = :answer AND at = :at)",
    "activity": "INSERT INTO activity VALUES (:day, :slug, :minutes) ON CONFLICT DO UPDATE"
    " SET minutes = max(minutes, excluded.minutes)",
    "setting": "INSERT OR IGNORE INTO setting VALUES (:name, :value)",
    "done": "INSERT INTO done VALUES (:slug, :block, :value, :at) ON CONFLICT DO UPDATE"
    " SET value = excluded.value, at = excluded.at",
}


def export_progress(store: Store) -> str:
    """Everything in the learner's store, and their notes, as JSON."""
    tables: dict[str, list[dict[str, Any]]] = {}
    with store.reading() as db:
        for table, columns in COLUMNS.items():
            query = f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2"
            rows = db.execute(query).fetchall() if db else []
            tables[table] = [dict(zip(columns, row, strict=True)) for row in rows]
    notes = Notes(store)
    slugs = {path.stem for path in notes.folder.glob("*.md") if SLUG.fullmatch(path.stem)}
    slugs |= {note["slug"] for note in tables["note"]}
    texts = {slug: notes.read(slug).text for slug in sorted(slugs)}
    tables["note"] = [{"slug": slug, "text": text} for slug, text in texts.items() if text]
    whole = {"gobhir": "progress", "version": VERSION, **tables}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def import_progress(store: Store, text: str) -> int:
    """Add what `export_progress` wrote; how many lessons it speaks of. ValueError for a file
    that is something else, or of a newer Gobhir; then nothing was changed."""
    tables = _read(text)
    with store.writing() as db:
        for table, statement in _ADD.items():
            rows = tables[table]
            db.executemany(statement, _worth_more(db, rows) if table == "done" else rows)
    notes = Notes(store)
    for note in tables["note"]:
        there = notes.read(note["slug"])
        if not there.text:
            notes.write(note["slug"], note["text"], there.version)
        elif there.text != note["text"]:
            notes.keep(note["slug"], note["text"].encode())
    return len({row["slug"] for table in ("done", "place", "note") for row in tables[table]})


def _worth_more(db: sqlite3.Connection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is done further than the store knows."""
    query = "SELECT value FROM done WHERE slug = :slug AND block = :block"
    return [
        row
        for row in rows
        if (old := db.execute(query, row).fetchone()) is None
        or larger(json.loads(row["value"]), json.loads(old[0]))
    ]


def _read(text: str) -> dict[str, list[dict[str, Any]]]:
    try:
        whole = json.loads(text)
        if whole["gobhir"] != "progress":
            raise ValueError
        version = int(whole["version"])
        tables = {table: whole[table] for table in COLUMNS}
        right = all(_fits(row, table) for table, rows in tables.items() for row in rows)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        right, version = False, VERSION
    if version > VERSION:
        raise ValueError(say("book.transfer.newer"))
    if not right:
        raise ValueError(say("book.transfer.not_ours"))
    return tables


def _fits(row: dict[str, Any], table: str) -> bool:
    if not all(isinstance(row[name], kind) for name, kind in COLUMNS[table].items()):
        return False
    for name in {"value", "answer"} & COLUMNS[table].keys():
        json.loads(row[name])
    if "day" in row:
        date.fromisoformat(row["day"])
    return "slug" not in row or SLUG.fullmatch(row["slug"]) is not None
