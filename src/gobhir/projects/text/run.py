"""The trained network at work: how are these sentences meant?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd

from gobhir.datasets.readers.tables import read_text
from gobhir.deploy import Text
from gobhir.deploy.tokens import note
from gobhir.evaluation import Temperature
from gobhir.lang import language, say, t
from gobhir.projects.settings import write
from gobhir.projects.text.settings import Settings
from gobhir.projects.text.tokens import rows
from gobhir.projects.text.train import ONNX, opened, ordered
from gobhir.training import predict


def run(
    settings: Settings,
    folder: Path,
    inputs: list[str],
    *,
    to: Annotated[str | None, "tables.to"] = None,
    port: Annotated[int, "text.port"] = 8000,
) -> pd.DataFrame | None:
    """How the sentences, or the lines of the files, are meant: shown, or written to the CSV file
    `to`. Without inputs a page to type sentences into, at `port`, until it is stopped."""
    kind = ordered(folder)[0]
    if not inputs:
        if not (folder / ONNX).is_file():  # the training was cut short before its end
            raise FileNotFoundError(say("projects.bad.untrained", folder=folder))
        from gobhir.deploy.serve.command import serve
        from gobhir.deploy.serve.limits import Limits

        serve(folder / ONNX, Limits(), port=port)
        return None
    model, told = opened(folder, kind, settings)
    form = told.input
    assert isinstance(form, Text)
    texts = sentences(inputs)
    sure = Temperature(told.temperature)(predict(model, rows(texts, form)).numpy())
    names = told.labels[language()]
    table = pd.DataFrame(
        {
            t("text.sentence"): texts,
            t("text.answer"): [names[k] for k in sure.argmax(1)],
            t("tables.sure"): sure.max(1).round(3),
            t("text.note"): [str(note(text, form) or "") for text in texts],
        }
    )
    if to is not None:
        write(Path(to), table.to_csv(index=False))
        print(t("projects.command.answered", path=to))
    else:
        for sentence, answer, share, said in table.itertuples(index=False):
            print(f"{answer} ({share:.0%})  {sentence}" + (f"\n    {said}" if said else ""))
    return table


def sentences(inputs: list[str]) -> list[str]:
    """The sentences themselves, and the lines of files (.txt, UTF-8); empty lines are left out, and
    it is said. ValueError where nothing is left, or a sentence is empty."""
    found: list[str] = []
    for given in inputs:
        if not given.lower().endswith(".txt"):
            if not given.strip():
                raise ValueError(say("text.bad.empty"))
            found.append(given.strip())
            continue
        lines = [line.strip() for line in read_text(Path(given)).splitlines()]
        full = [line for line in lines if line]
        if not full:
            raise ValueError(say("text.bad.empty_file", path=given))
        if len(full) < len(lines):
            print(t("text.empty_lines", path=given, count=len(lines) - len(full)))
        found += full
    return found
