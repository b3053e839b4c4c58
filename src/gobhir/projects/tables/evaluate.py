"""How good the networks are on rows that they have never seen, beside answers that hardly look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gobhir.evaluation import baselines
from gobhir.evaluation.report import worst
from gobhir.lang import Count, say, t
from gobhir.projects.learning import history_file
from gobhir.projects.results import Card, Data, Mistake, Results, Words
from gobhir.projects.tables.answers import outputs, trained
from gobhir.projects.tables.data import SHARES, Table, table
from gobhir.projects.tables.frame import Recipe
from gobhir.projects.tables.settings import Settings
from gobhir.training.logs import read_log

SHOWN = 12
NAMES = {"gobhir": "Gobhir", "torch": "PyTorch", "keras": "Keras"}


def evaluate(settings: Settings, folder: Path) -> Results:
    """Measure every network that was trained, on the same test rows; the page of results and the
    model card go to the folder."""
    data = table(settings)
    recipe, engines = trained(folder)
    test = data.rows("test")
    found = {NAMES[e]: outputs(folder, e, recipe, test) for e in engines}
    x, y = (part(data.rows("train")) for part in (recipe.inputs, recipe.targets))
    told: dict[str, Any] = {
        "about": say("tables.about"),
        "data": _origin(data, settings),
        "card": _card(data, settings),
        "mistakes": _mistakes(recipe, data, next(iter(found.values()))),
    }
    title = say("tables.title", data=Path(settings.data).name)
    if recipe.classes:
        target: Any = recipe.targets(test)
        others = baselines.for_classes(x, y, recipe.inputs(test), len(recipe.classes))
        names = _names(recipe, data)
        results = Results.of_classes("tables", title, found, others, target, names, **told)
    else:
        target = test[data.target].to_numpy(float)
        others = {
            name: guess[:, 0] * recipe.std + recipe.mean
            for name, guess in baselines.for_numbers(x, y, recipe.inputs(test)).items()
        }
        results = Results.of_numbers("tables", title, found, others, target, **told)
    history = read_log(history_file(folder, f"-{engines[0]}"))
    page = results.trained(settings, history).save(folder)
    print(t("projects.command.saved", path=page))
    return results


def _names(recipe: Recipe, data: Table) -> list[Words]:
    """The classes in both languages, where the data set's card has them."""
    if data.dataset is None:
        return list(recipe.classes)
    return [dict(data.dataset.card.classes[int(number)]) for number in recipe.classes]


def _mistakes(recipe: Recipe, data: Table, output: np.ndarray) -> list[Mistake]:
    """The rows of the worst mistakes: what was true, what was said, and what stood in the row."""
    test = data.rows("test")
    names = _names(recipe, data)
    target = recipe.targets(test) if recipe.classes else test[data.target].to_numpy(float)
    found = []
    for k in worst(output, target, SHOWN):
        row = {c.name: _cell(test.iloc[k][c.name]) for c in recipe.columns}
        if recipe.classes:
            given = int(output[k].argmax())
            sure = float(output[k, given])
            found.append(Mistake(names[int(target[k])], names[given], sure, row=row))
        else:
            found.append(Mistake(f"{target[k]:.4g}", f"{output[k]:.4g}", row=row))
    return found


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


def _origin(data: Table, settings: Settings) -> Data:
    parts = {name: len(data.rows(name)) for name in SHARES}
    split = say("tables.split", seed=settings.seed)
    if data.dataset is not None:
        return Data.of(data.dataset.card, parts, split)
    return Data(Path(settings.data).name, "", "", "", parts, say("tables.own"), split)


def _card(data: Table, settings: Settings) -> Card:
    own = f" --target {settings.target}" if settings.target else ""
    run = [
        f"gobhir project tables train --data {settings.data}{own} --engine {settings.engine}",
        "gobhir project tables evaluate",
        "gobhir project tables run" + (" FILE.csv" if data.dataset is None else ""),
    ]
    said = say("tables.card.model", hidden=Count(settings.hidden), layers=Count(settings.layers))
    limits: list[Words] = [say("tables.card.small"), say("tables.card.elsewhere")]
    return Card(say("tables.card.purpose"), [say("tables.card.not_for")], limits, run, said)
