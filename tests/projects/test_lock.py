"""One at a time in a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gobhir.projects import Project
from gobhir.projects.lock import Lock

HELD = "projects.lock.held"


def test_the_second_one_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with Lock(folder, "lock", HELD):
        with pytest.raises(ValueError, match="folder") as caught:
            Lock(folder, "lock", HELD)
        assert caught.value.args[0].key == HELD
        Lock(folder, "other", HELD).release()
    assert not (tmp_path / "new").exists()  # nothing of it stays
    folder.mkdir(parents=True)
    (folder / "kept").touch()
    Lock(folder, "lock", HELD).release()
    assert [one.name for one in folder.iterdir()] == ["kept"]


def test_a_process_that_dies_lets_go(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from gobhir.projects.lock import Lock\n"
        "lock = Lock(Path(sys.argv[1]), 'lock', 'x'); os._exit(9)"
    )
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path)])
    assert died.returncode == 9 and (tmp_path / "lock").exists()
    Lock(tmp_path, "lock", HELD).release()


def test_a_folder_without_write_access_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file") as caught:
        Lock(tmp_path / "file" / "folder", "lock", HELD)
    assert caught.value.args[0].key == "errors.file.write"


def test_two_trainings_in_one_folder(tmp_path: Path) -> None:
    project = Project("tables")
    settings = project.settings(data="wine", epochs=1, hidden=2)
    with Lock(tmp_path, ".training", HELD), pytest.raises(ValueError, match="just now"):
        project.train(settings, tmp_path)
    assert not list(tmp_path.iterdir())
    project.train(settings, tmp_path)
    assert not (tmp_path / ".training").exists()
