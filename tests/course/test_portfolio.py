"""The learner's own repository, and that it never takes what is theirs."""

from __future__ import annotations

import json
import re

import pytest

from gobhir.course import load
from gobhir.course.portfolio import export
from gobhir.learner.store import Store, learner_folder


@pytest.fixture
def store(copied):
    """A learner who solved one exercise in the terminal, one in the studio, and wrote two notes."""
    store = Store(learner_folder())
    first, second = [exercise.id for exercise in load(copied.name).exercises][:2]
    store.merge_progress(copied.name, {first: True, second: True}, 33)
    store.add_answer(copied.name, second, "def wrong(): ...", False)
    store.add_answer(copied.name, second, "def right(): ...", True)
    mine = store.folder / "practice" / copied.name / f"{first}.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("# mine\n")
    (store.folder / "notes").mkdir()
    (store.folder / "notes" / f"{copied.name}.md").write_text("দায় × যা এসেছিল", "utf-8")
    (store.folder / "notes" / "ideas.md").write_text("try it on cats", "utf-8")
    yield store
    store.close()


def test_everything_of_the_learner_is_in_it(store, copied, tmp_path):
    folder = tmp_path / "my-notes"
    result = export(store, folder, "bn", "রহিমা", licence=True)
    assert result.kept == []
    first, second = [exercise.id for exercise in load(copied.name).exercises][:2]
    texts = {
        f"notes/{copied.name}.md": "দায় × যা এসেছিল",
        "notes/ideas.md": "try it on cats",
        f"exercises/{copied.name}/{first}.py": "# mine\n",
        f"exercises/{copied.name}/{second}.py": "def right(): ...\n",
    }
    for name, text in texts.items():
        assert (folder / name).read_text("utf-8") == text
    assert "রহিমা" in (folder / "LICENSE").read_text("utf-8")
    book = json.loads(next(folder.glob("notebooks/*.ipynb")).read_text("utf-8"))
    assert book["metadata"]["gobhir"] == {"lesson": copied.name, "lang": "bn"}
    readme = (folder / "README.md").read_text("utf-8")
    assert readme.startswith("# আমার ডিপ লার্নিং নোট") and "৩৩ মিনিট" in readme
    linked = re.findall(r"\]\(([^)]+)\)", readme)
    assert len(linked) >= 4 and all((folder / name).is_file() for name in linked)


def test_a_second_time_brings_up_to_date_and_leaves_alone_what_the_learner_changed(store, tmp_path):
    folder = tmp_path / "my-notes"
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "ideas.md").write_text("older than the export", "utf-8")
    first = export(store, folder, "en")
    assert first.kept == [folder / "notes" / "ideas.md"]
    (folder / "README.md").write_text("my own words", "utf-8")
    (store.folder / "notes" / "ideas.md").write_text("try it on dogs", "utf-8")
    slug = next(iter(store.all_progress()))
    (store.folder / "notes" / f"{slug}.md").write_text("newer", "utf-8")
    second = export(store, folder, "en")
    assert set(second.kept) == {folder / "README.md", folder / "notes" / "ideas.md"}
    assert (folder / "README.md").read_text("utf-8") == "my own words"
    assert (folder / "notes" / "ideas.md").read_text("utf-8") == "older than the export"
    assert (folder / "notes" / f"{slug}.md").read_text("utf-8") == "newer"
    assert not (folder / "LICENSE").exists()


def test_a_new_learner_gets_a_readme_and_the_working_folder_is_refused(copied, tmp_path):
    store = Store(learner_folder())
    assert [p.name for p in export(store, tmp_path / "out", "en").written] == ["README.md"]
    for folder in (store.folder, store.folder.parent):
        with pytest.raises(ValueError):
            export(store, folder, "en")
