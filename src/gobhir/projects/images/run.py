"""The trained network at work: the classes of pictures; without pictures, a page to upload some."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd

from gobhir.datasets import read_picture
from gobhir.deploy.about import Picture
from gobhir.deploy.inputs import prepared
from gobhir.deploy.serve.model import Served
from gobhir.evaluation import Temperature
from gobhir.lang import language, say, t
from gobhir.projects.images.folders import SUFFIXES
from gobhir.projects.images.settings import Settings
from gobhir.projects.settings import of_training, write

ONNX = "model.onnx"


def run(
    settings: Settings,
    folder: Path,
    inputs: list[str],
    *,
    to: Annotated[str | None, "tables.to"] = None,
    port: Annotated[int, "images.port"] = 8000,
) -> pd.DataFrame | None:
    """The classes of the pictures, and of all pictures in the folders, that are given: shown, or
    written to the CSV file `to`. Without any: serves the model, with its page, on `port`."""
    path = of_training(folder / ONNX)
    if not inputs:
        from gobhir.deploy.serve.command import serve
        from gobhir.deploy.serve.limits import Limits

        serve(path, Limits(), port=port)
        return None
    table = classified(path, pictures(inputs))
    if to is not None:
        write(Path(to), table.to_csv(index=False))
        print(t("projects.command.answered", path=to))
    else:
        print(table.to_string(index=False))
    return table


def pictures(inputs: list[str]) -> list[Path]:
    """The files that are named, and the pictures in the folders that are. ValueError for a folder
    without any."""
    found: list[Path] = []
    for name in inputs:
        path = Path(name)
        if not path.is_dir():
            found.append(path)
            continue
        inside = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES]
        if not inside:
            raise ValueError(say("images.bad.empty", folder=path, known=", ".join(SUFFIXES)))
        found += inside
    return found


def classified(model: Path, files: list[Path]) -> pd.DataFrame:
    """A row for each file: its class, and how sure the model is."""
    served = Served(model)
    about = served.about
    if about is None or not isinstance(about.input, Picture) or not about.labels:
        raise ValueError(say("images.bad.onnx", path=model))
    labels = about.labels.get(language()) or next(iter(about.labels.values()))
    rows = []
    for file in files:
        x = prepared(about.input, read_picture(file))[None]
        output = served.run([x])[0]
        shares = Temperature(about.temperature)(output)[0]
        best = int(shares.argmax())
        rows.append((str(file), labels[best], round(float(shares[best]), 4)))
    heads = [t("images.file"), t("images.class"), t("tables.sure")]
    return pd.DataFrame(rows, columns=heads)
