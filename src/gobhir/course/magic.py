"""Two magics that a lesson's notebook uses.

`%%exercise LESSON ID` checks the cell as the studio would, and runs it when it is right. Checks
live in the package and read the cell's own text, so cells may be copied, moved and deleted.
`%%needs MODULE LESSON BLOCK` runs the cell where the module is installed, and elsewhere says so and
shows the output that is stored with the lesson.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from gobhir.course.checking import check
from gobhir.course.lesson import load
from gobhir.course.verdict import format_verdict
from gobhir.lang import language, say, t

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

    def needs(line: str, cell: str) -> None:
        module, slug, block = line.split()
        if find_spec(module) is not None:
            shell.run_cell(cell).raise_error()
            return
        print(t("course.notebook.needs", module=module))
        for output in load(slug).outputs(language()).get(block, {}).get("outputs", []):
            print(output.get("text") or output.get("data", {}).get("text/plain", ""), end="")

    for function in (exercise, needs):
        shell.magics_manager.register_function(function, "cell", function.__name__)
