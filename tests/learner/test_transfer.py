"""Progress carried to another computer and back: added to, never taken from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gobhir.learner.notes import Notes
from gobhir.learner.store import Store
from gobhir.learner.transfer import export_progress, import_progress


def learner(folder: Path, score: int, note: str) -> Store:
    store = Store(folder)
    store.merge_progress("day09-x", {"quiz": score, f"only-{score}": True}, 10.0 * score, "why")
    store.add_answer("day09-x", "quiz", score, bool(score > 1))
    store.change_settings({"theme": "dark" if score > 1 else "light"})
    notes = Notes(store)
    notes.write("day09-x", note, notes.read("day09-x").version)
    return store


def test_all_arrives_at_a_new_learner(tmp_path):
    old, new = learner(tmp_path / "old", 2, "আমার নোট"), Store(tmp_path / "new")
    assert import_progress(new, export_progress(old)) == 1
    assert new.all_progress() == old.all_progress()
    assert new.answers("day09-x") == old.answers("day09-x")
    assert new.activity() == old.activity() and new.settings() == old.settings()
    assert Notes(new).read("day09-x").text == "আমার নোট"
    assert (tmp_path / "new" / "notes" / "day09-x.md").read_text("utf-8") == "আমার নোট"


def test_two_learners_become_one_and_twice_is_once(tmp_path):
    here, there = learner(tmp_path / "a", 3, "here"), learner(tmp_path / "b", 2, "there")
    text = export_progress(there)
    for _ in range(2):
        import_progress(here, text)
        assert here.progress("day09-x") == {
            "done": {"quiz": 3, "only-3": True, "only-2": True},
            "minutes": 30.0,
            "anchor": "why",
        }
        assert len(here.answers("day09-x")) == 2
        assert here.settings() == {"theme": "dark"}
        assert list(here.activity().values()) == [30.0]
    texts = {path.read_text("utf-8") for path in (tmp_path / "a" / "notes").glob("*.md")}
    assert texts == {"here", "there"}


@pytest.mark.parametrize(
    "change",
    (
        lambda whole: "no JSON",
        lambda whole: [],
        lambda whole: whole | {"gobhir": "derivation"},
        lambda whole: {k: v for k, v in whole.items() if k != "answer"},
        lambda whole: whole | {"note": [{"slug": "../../etc", "text": "x"}]},
        lambda whole: whole | {"done": [{"slug": "day09-x", "block": "b", "value": "{", "at": 1}]},
        lambda whole: whole | {"place": [{"slug": "day09-x", "minutes": "9", "at": 1}]},
        lambda whole: whole | {"activity": [{"day": "2026-13-01", "slug": "d", "minutes": 1}]},
    ),
)
def test_a_file_that_is_something_else_changes_nothing(tmp_path, change):
    store = learner(tmp_path / "a", 2, "note")
    before = export_progress(store)
    with pytest.raises(ValueError) as refused:
        import_progress(store, json.dumps(change(json.loads(before))))
    assert "gobhir progress" in refused.value.args[0].text("en")
    assert export_progress(store) == before


def test_a_file_of_a_newer_gobhir_says_so(tmp_path):
    store = learner(tmp_path / "a", 2, "note")
    newer = json.loads(export_progress(store)) | {"version": 2}
    with pytest.raises(ValueError, match="newer|নতুন"):
        import_progress(store, json.dumps(newer))
