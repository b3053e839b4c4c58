"""A fault in the course's files, said with file and line, for whoever is writing the lesson."""

from __future__ import annotations

from pathlib import Path


class CourseError(Exception):
    """`lesson.md:12: the block names no pair`: what is wrong, and where to mend it."""

    def __init__(self, message: str, file: str | Path, line: int | None = None):
        self.message = message
        self.file = Path(file)
        self.line = line
        place = f"{self.file}:{line}" if line is not None else str(self.file)
        super().__init__(f"{place}: {message}")
