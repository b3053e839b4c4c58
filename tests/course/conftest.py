"""A small complete lesson, and copies of it with one thing changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gobhir.course import Lesson, read_lesson

SAMPLE = Path(__file__).parent / "sample" / "day10-one-neuron"


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
