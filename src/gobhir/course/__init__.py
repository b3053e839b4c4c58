"""The course's machinery: lessons read, rendered, run, checked and turned into notebooks.
Stands on lang, engine and derivation; only the studio and the command line import it.
Start reading in lesson.py (what a lesson is), then render.py, running.py and checking.py.
"""

from gobhir.course.checking import check
from gobhir.course.errors import CourseError
from gobhir.course.grading import grade
from gobhir.course.lesson import Block, Lesson, load, read_lesson
from gobhir.course.notebooks import notebook
from gobhir.course.plan import Day, Week, data_file, lessons, weeks
from gobhir.course.rubric import Finding, lint
from gobhir.course.running import execute
from gobhir.course.verdict import Verdict, format_verdict

__all__ = [
    "Block",
    "CourseError",
    "Day",
    "Finding",
    "Lesson",
    "Verdict",
    "Week",
    "check",
    "data_file",
    "execute",
    "format_verdict",
    "grade",
    "lessons",
    "lint",
    "load",
    "notebook",
    "read_lesson",
    "weeks",
]
