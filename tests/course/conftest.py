"""A small complete lesson, and copies of it with one thing changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gobhir.course import Lesson, read_lesson
from tests.kernels import forked

SAMPLE = Path(__file__).parent / "sample" / "day10-one-neuron"


@pytest.fixture(scope="session", autouse=True)
def kernels() -> Iterator[None]:
    """All kernels of these tests start at once."""
    with forked():
        yield


@pytest.fixture
def sample() -> Lesson:
    return read_lesson(SAMPLE)


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """changed("lesson.md", old, new): a copy of the sample's folder with `old` replaced."""
    folder = tmp_path / SAMPLE.name
    shutil.copytree(SAMPLE, folder)

    def change(file: str, old: str, new: str) -> Path:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in the sample's {file}"
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")
        return folder

    return change


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course that has only the sample, and a new learner's folder; the sample's folder."""
    course = tmp_path / "course"
    folder = course / "days" / SAMPLE.name
    shutil.copytree(SAMPLE, folder)
    for name in ("plan.toml", "glossary.toml", "rows.toml"):
        shutil.copy(SAMPLE.parents[3] / "course" / name, course)
    monkeypatch.setenv("GOBHIR_COURSE", str(course))
    monkeypatch.setenv("GOBHIR_HOME", str(tmp_path / "home"))
    return folder


@pytest.fixture
def add_lesson(copied: Path) -> Callable[[str, str], Path]:
    """add_lesson("plus", "attention"): the sample once more, under another name."""

    def add(track: str, name: str) -> Path:
        return Path(shutil.copytree(copied, copied.parents[1] / track / name))

    return add
