"""Pages as files: in full or not at all, and one clear sentence where it cannot be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.derivation.pages import small


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("p.html", "<!doctype html>"),
        ("p.md", "# One"),
        ("p.slides.html", "<!doctype html>"),
        ("p.TXT", "One training"),
        ("p.tex", "% !TEX"),
        ("p.json", '{"format":"gobhir.derivation","version":1,"lang":"en"'),
    ],
)
def test_the_suffix_says_how(tmp_path: Path, name: str, begin: str) -> None:
    small().save(tmp_path / name, "en")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begin)
    assert os.listdir(tmp_path) == [name]


def test_a_new_file_has_usual_rights_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    file = tmp_path / "p.md"
    usual = tmp_path / "usual"
    usual.touch()
    small().save(str(file), "en")
    assert file.stat().st_mode == usual.stat().st_mode
    file.chmod(0o600)
    small().save(file, "bn")
    assert file.stat().st_mode & 0o777 == 0o600


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"\.html, \.slides\.html, \.md, \.txt, \.tex, \.pdf, \.json"
    ):
        small().save(tmp_path / "p.docx", "en")
    assert os.listdir(tmp_path) == []


def test_no_folder_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        small().save(tmp_path / "none" / "p.md", "en")
    (tmp_path / "p.md").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        small().save(tmp_path / "p.md", "en")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_really(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="Nothing may be written"):
        small().save(tmp_path / "p.md", "en")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EROFS, "Nothing may be written"),
        (errno.EIO, "could not be"),
    ],
)
def test_what_was_there_before_survives_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, sentence: str
) -> None:
    file = tmp_path / "p.md"
    file.write_text("before")

    def fails(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match=sentence):
        small().save(file, "en")
    assert file.read_text() == "before"
    assert os.listdir(tmp_path) == ["p.md"]
