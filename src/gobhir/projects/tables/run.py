"""The trained network at work: answers for the rows of a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd

from gobhir.datasets import read_table
from gobhir.lang import t
from gobhir.projects.settings import write
from gobhir.projects.tables.answers import answers, trained
from gobhir.projects.tables.data import table
from gobhir.projects.tables.settings import Settings

SHOWN = 20


def run(
    settings: Settings,
    folder: Path,
    inputs: list[str],
    *,
    to: Annotated[str | None, "tables.to"] = None,
) -> pd.DataFrame:
    """The answers beside the rows that they belong to: of the files, or, without files, of the test
    rows beside the truth. Shown, or written to the CSV file `to`."""
    recipe, _ = trained(folder)
    if inputs:
        frames = [read_table(Path(name)) for name in inputs]
        found = pd.concat([f.join(answers(folder, f)) for f in frames], ignore_index=True)
    else:
        rows = table(settings).rows("test")
        truth = rows[[recipe.target]].set_axis([t("tables.truth", target=recipe.target)], axis=1)
        found = answers(folder, rows).join(truth)
    if to is not None:
        write(Path(to), found.to_csv(index=False))
        print(t("projects.command.answered", path=to))
        return found
    print(found.head(SHOWN).to_string(index=False))
    if len(found) > SHOWN:
        print(t("tables.shown", count=SHOWN, all=len(found)))
    return found
