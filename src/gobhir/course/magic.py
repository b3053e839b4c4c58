"""`%%exercise LESSON ID` in a notebook: runs the cell, then checks it as the studio would.

Checks live in the package and read the cell's own text, so cells may be copied, moved and deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gobhir.course.checking import check
from gobhir.course.verdict import format_verdict
from gobhir.lang import language, say

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%load_ext gobhir.course.magic`."""

    def exercise(line: str, cell: str) -> None:
        try:
            slug, exercise_id = line.split()
            verdict = check(slug, exercise_id, cell, language())
        except (KeyError, ValueError):
            raise ValueError(say("course.command.no_exercise", name=line.strip())) from None
        print(format_verdict(verdict, language()))
        if verdict.passed:
            shell.run_cell(cell)

    shell.magics_manager.register_function(exercise, "cell", "exercise")
