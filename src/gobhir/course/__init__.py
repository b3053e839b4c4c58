"""The course's machinery: lessons read, rendered, run, checked and turned into notebooks.
Stands on lang, engine and derivation; only the studio and the command line import it.
Start reading in lesson.py (what a lesson is), then render.py and execute.py.
"""

from gobhir.course.errors import CourseError
from gobhir.course.lesson import Block, Lesson, load, read_lesson
from gobhir.course.plan import Day, Week, lessons, weeks

__all__ = [
    "Block",
    "CourseError",
    "Day",
    "Lesson",
    "Week",
    "lessons",
    "load",
    "read_lesson",
    "weeks",
]
