"""Notes: saved means saved, outside edits win, conflicts keep both, a full disk loses nothing."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gobhir.learner import notes as notes_module
from gobhir.learner.notes import LIMIT, Notes, version_of
from gobhir.learner.refusal import Refusal
from gobhir.learner.store import Store

SLUG = "day09-backpropagation"


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(Store(tmp_path / "gobhir"))


def file_of(notes: Notes) -> Path:
    return notes.folder / f"{SLUG}.md"


def copies(notes: Notes) -> list[str]:
    """The texts that were kept beside the note."""
    found = sorted(notes.folder.glob(f"{SLUG}.copy-*.md"))
    return [path.read_text(encoding="utf-8") for path in found]


def save(notes: Notes, text: str) -> None:
    notes.write(SLUG, text, notes.read(SLUG).version)


def test_a_note_is_a_plain_file_and_a_row(notes: Notes) -> None:
    empty = notes.read(SLUG)
    assert (empty.text, empty.saved_at) == ("", None)
    saved = notes.write(SLUG, "# নোট\nডেল্টা = ঢাল × দায়", empty.version)
    assert file_of(notes).read_text(encoding="utf-8") == "# নোট\nডেল্টা = ঢাল × দায়"
    assert notes.read(SLUG) == saved
    file_of(notes).unlink()
    assert notes.read(SLUG).text == "# নোট\nডেল্টা = ঢাল × দায়"


def test_an_old_version_is_refused_and_both_texts_are_kept(notes: Notes) -> None:
    base = notes.read(SLUG).version
    first = notes.write(SLUG, "from the first tab", base)
    with pytest.raises(Refusal) as refused:
        notes.write(SLUG, "from the second tab", base)
    assert refused.value.kind == "conflict"
    assert refused.value.data["text"] == "from the first tab"
    assert refused.value.data["version"] == first.version
    assert copies(notes) == ["from the second tab"]
    assert notes.read(SLUG) == first
    notes.write(SLUG, "both", refused.value.data["version"])
    assert notes.read(SLUG).text == "both"


def test_the_same_text_again_is_no_conflict(notes: Notes) -> None:
    base = notes.read(SLUG).version
    notes.write(SLUG, "text", base)
    assert notes.write(SLUG, "text", base).version == version_of("text")
    assert copies(notes) == []


def test_the_same_refused_text_is_kept_once(notes: Notes) -> None:
    base = notes.read(SLUG).version
    save(notes, "there")
    for _ in range(3):
        with pytest.raises(Refusal):
            notes.write(SLUG, "mine", base)
    assert copies(notes) == ["mine"]


def test_an_edit_outside_wins(notes: Notes) -> None:
    save(notes, "in the studio")
    seen = notes.read(SLUG).version
    file_of(notes).write_text("in an editor", encoding="utf-8")
    assert notes.read(SLUG).text == "in an editor"
    with pytest.raises(Refusal) as refused:
        notes.write(SLUG, "typed meanwhile", seen)
    assert refused.value.data["text"] == "in an editor"
    assert copies(notes) == ["typed meanwhile"]
    assert file_of(notes).read_text(encoding="utf-8") == "in an editor"


def test_an_edit_outside_back_to_an_earlier_text_counts_too(notes: Notes) -> None:
    save(notes, "one")
    save(notes, "two")
    file_of(notes).write_text("one", encoding="utf-8")
    assert notes.read(SLUG).text == "one"


def test_an_edit_outside_in_the_very_moment_of_saving_is_kept(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(notes, "before")
    real = notes_module._write_beside

    def slow(path: Path, raw: bytes) -> Path:
        beside = real(path, raw)
        if raw == b"after":
            file_of(notes).write_text("meanwhile", encoding="utf-8")
        return beside

    monkeypatch.setattr(notes_module, "_write_beside", slow)
    save(notes, "after")
    assert notes.read(SLUG).text == "after"
    assert copies(notes) == ["meanwhile"]


@pytest.mark.parametrize("codec", ("utf-8-sig", "utf-16"))
def test_what_windows_editors_write_is_read(notes: Notes, codec: str) -> None:
    save(notes, "x")
    file_of(notes).write_text("গ্রেডিয়েন্ট\r\nδ", encoding=codec, newline="")
    assert notes.read(SLUG).text == "গ্রেডিয়েন্ট\r\nδ"
    save(notes, "গ্রেডিয়েন্ট\nδ")
    assert file_of(notes).read_bytes() == "গ্রেডিয়েন্ট\nδ".encode()


def test_bytes_that_are_no_text_are_kept_before_they_are_replaced(notes: Notes) -> None:
    save(notes, "x")
    file_of(notes).write_bytes(b"caf\xe9")
    assert notes.read(SLUG).text == "caf\ufffd"
    save(notes, "café")
    kept = next(notes.folder.glob(f"{SLUG}.copy-*.md"))
    assert kept.read_bytes() == b"caf\xe9"


def test_a_note_beyond_the_limit_is_refused(notes: Notes) -> None:
    save(notes, "small")
    with pytest.raises(Refusal) as refused:
        save(notes, "ক" * (LIMIT // 3 + 1))
    assert refused.value.kind == "large"
    assert notes.read(SLUG).text == "small"
    save(notes, "ক" * (LIMIT // 3))


def test_a_huge_file_put_there_by_hand_is_neither_read_nor_replaced(notes: Notes) -> None:
    save(notes, "small")
    file_of(notes).write_bytes(b"x" * 10_000_000)
    with pytest.raises(Refusal):
        notes.read(SLUG)
    with pytest.raises(Refusal) as refused:
        notes.write(SLUG, "new", version_of("small"))
    assert refused.value.kind == "large"
    assert file_of(notes).stat().st_size == 10_000_000


def test_a_kill_between_commit_and_file_is_mended(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(notes, "before")

    def killed(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            save(notes, "after")
    assert file_of(notes).read_text() == "before"
    restarted = Notes(Store(notes.store.folder))
    assert restarted.read(SLUG).text == "after"
    restarted.mend()
    assert file_of(notes).read_text() == "after"
    assert restarted.read(SLUG).text == "after"


def test_a_file_that_cannot_be_replaced_just_now_is_replaced_later(
    notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows lets nobody replace a file that an editor holds open."""
    save(notes, "before")

    def held(*args: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", held)
        save(notes, "after")
        save(notes, "later still")
    assert notes.read(SLUG).text == "later still"
    assert file_of(notes).read_text() == "before"
    Notes(Store(notes.store.folder)).mend()
    assert file_of(notes).read_text() == "later still"
    assert not [p for p in notes.folder.iterdir() if p.suffix == ".part"]


@pytest.mark.parametrize("place", ("write", "fsync"))
def test_a_full_disk_loses_nothing(
    notes: Notes, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    save(notes, "before")

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if place == "write":
            patch.setattr(notes_module.tempfile, "mkstemp", full)
        else:
            patch.setattr(os, place, full)
        with pytest.raises(Refusal) as refused:
            save(notes, "after")
    assert refused.value.kind == "full" and refused.value.status == 507
    assert file_of(notes).read_text() == "before"
    assert not [p for p in notes.folder.iterdir() if p.suffix == ".part"]
    save(notes, "after")
    assert notes.read(SLUG).text == "after"


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "gobhir").mkdir()
    (tmp_path / "gobhir" / "notes").write_text("in the way")
    notes = Notes(Store(tmp_path / "gobhir"))
    assert notes.read(SLUG).text == ""
    with pytest.raises(Refusal) as refused:
        save(notes, "text")
    assert refused.value.kind == "readonly"
    assert (tmp_path / "gobhir" / "notes").read_text() == "in the way"
    assert notes.read(SLUG).text == ""


def test_a_file_keeps_the_permissions_its_owner_gave_it(notes: Notes) -> None:
    if os.name == "nt":
        pytest.skip("Windows has other permissions")
    save(notes, "one")
    file_of(notes).chmod(0o640)
    save(notes, "two")
    assert file_of(notes).stat().st_mode & 0o777 == 0o640


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB, where this machine lets us make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("making a small disk needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    notes = Notes(Store(small_disk))
    save(notes, "before")
    with pytest.raises(Refusal) as refused:
        save(notes, "x" * 500_000)
    assert refused.value.kind == "full"
    assert notes.read(SLUG).text == file_of(notes).read_text() == "before"
    save(notes, "after")
    assert notes.read(SLUG).text == file_of(notes).read_text() == "after"
