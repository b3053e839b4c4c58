"""The trained network at work: on pictures, or on what is drawn on a page."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated, Any

from gobhir.datasets.readers.pictures import read_picture
from gobhir.deploy import About, Drawing, Picture, export
from gobhir.deploy.inputs import blank
from gobhir.evaluation import Temperature
from gobhir.lang import language, say, t
from gobhir.projects.digits.answers import scores, trained
from gobhir.projects.digits.data import seen
from gobhir.projects.digits.network import LAYERS
from gobhir.projects.digits.settings import Settings
from gobhir.projects.learning import told
from gobhir.projects.settings import write

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
ONNX = "model.onnx"
Answer = tuple[str, str, float]
"""A file's name, the class, and how sure the network is of it."""


def run(
    settings: Settings,
    folder: Path,
    inputs: list[str],
    *,
    to: Annotated[str | None, "digits.to"] = None,
    port: Annotated[int, "digits.port"] = 8000,
) -> list[Answer]:
    """What each picture shows; folders are searched for pictures. Without inputs a page is served
    on which one draws, and sees how sure the network is and what its layers make of it."""
    model = trained(settings, folder)
    if not inputs:
        serve(model, folder, port)
        return []
    found = read(model, told(folder), pictures(inputs))
    head = tuple(t(f"digits.column.{name}") for name in ("file", "answer", "sure"))
    # keys: digits.column.*
    rows = [(name, answer, f"{sure:.3f}") for name, answer, sure in found]
    if to is not None:
        file = io.StringIO()
        csv.writer(file).writerows([head, *rows])
        write(Path(to), file.getvalue())
        print(t("projects.command.answered", path=to))
    else:
        width = max(len(name) for name, _, _ in rows)
        for name, answer, sure in rows:
            print(f"{name:{width}}  {answer}  {sure}")
    return found


def pictures(inputs: list[str]) -> list[Path]:
    """The files, and all pictures in the folders, in order. FileNotFoundError where there is
    nothing of that name, or no picture in a folder."""
    found: list[Path] = []
    for name in inputs:
        path = Path(name)
        if not path.exists():
            raise FileNotFoundError(say("digits.bad.missing", path=path))
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in ENDINGS)
        if not inside:
            known = ", ".join(ENDINGS)
            raise FileNotFoundError(say("digits.bad.none", path=path, known=known))
        found += inside
    return found


def read(model: Any, about: About, paths: list[Path]) -> list[Answer]:
    """What the pictures show. ValueError for a file that is no picture or on which nothing is
    drawn."""
    assert isinstance(about.input, (Drawing, Picture))
    x = seen([read_picture(path) for path in paths], about.input)
    for path, digit in zip(paths, x, strict=True):
        if isinstance(about.input, Drawing) and not digit.any():
            raise ValueError(say("digits.bad.empty", path=path))
    names = about.labels[language()]
    sure = Temperature(about.temperature)(scores(model, x))
    best = sure.argmax(1)
    return [
        (str(path), names[k], float(row[k])) for path, k, row in zip(paths, best, sure, strict=True)
    ]


def serve(model: Any, folder: Path, port: int) -> None:
    """The page to draw on, until Ctrl+C."""
    from gobhir.deploy.serve.command import serve as start
    from gobhir.deploy.serve.limits import Limits

    print(t("digits.page"))
    start(exported(model, folder), Limits(), port=port)


def exported(model: Any, folder: Path) -> Path:
    """The network as `model.onnx`, with what goes in and out, and with its layers to look at."""
    path, about = folder / ONNX, told(folder)
    assert about.input is not None
    export(model, blank(about.input)[None], path, about=about, watch=LAYERS)
    return path
