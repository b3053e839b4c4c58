"""How good the forecasts are on the last part of the series, beside forecasts that hardly look."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.evaluation import baselines
from gobhir.evaluation.report import blocks, worst
from gobhir.lang import LANGUAGES, Count, digits, say, t
from gobhir.projects.learning import history_file
from gobhir.projects.results import (
    Card,
    Chart,
    Data,
    Mistake,
    Results,
    Series,
    Table,
    Words,
)
from gobhir.projects.sequences.data import SHARES, Task, task
from gobhir.projects.sequences.forecast import forecasts, trained
from gobhir.projects.sequences.settings import Settings
from gobhir.projects.sequences.windows import Recipe, past, truth
from gobhir.training.logs import read_log

NAMES = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def evaluate(settings: Settings, folder: Path) -> Results:
    """Measure every network that was trained, from the same test origins; the page of results and
    the model card go to the folder."""
    todo = task(settings)
    recipe, cells = trained(folder)
    best = cells[0]
    series, test, ahead = todo.series, todo.test, recipe.ahead
    found = {NAMES[c]: forecasts(folder, c, settings, series, test) for c in cells}
    others = simple(todo, recipe)
    target = truth(series, test, ahead)
    naive = truth(series, todo.train, ahead) - series.values[todo.train, :1]
    history = read_log(history_file(folder, f"-{best}"))
    results = Results.of_numbers(
        "sequences",
        say("sequences.title", data=Path(settings.data).name, target=series.names[0]),
        found,
        others,
        target,
        # Forecasts of neighbouring days are wrong together.
        groups=blocks(len(test), max(ahead, settings.window)),
        scale=float(np.abs(naive).mean()),
        about=say("sequences.about"),
        data=_origin(todo, settings),
        card=_card(settings),
        mistakes=_mistakes(todo, found[NAMES[best]], target),
        tables=[_steps(found[NAMES[best]], others, target, NAMES[best])],
        charts=[_chart(found[NAMES[best]], target, NAMES[best])],
    )
    page = results.trained(settings, history).save(folder)
    print(t("projects.command.saved", path=page))
    return results


def simple(todo: Task, recipe: Recipe) -> dict[str, np.ndarray]:
    """Forecasts to beat, (test origins, ahead) each: naive, drift, the same as a season ago, and a
    linear model that sees what the networks see."""
    series, test = todo.series, todo.test
    length = max(todo.season, recipe.window)
    found = baselines.for_series(past(series, test, length), recipe.ahead, todo.season or None)
    linear = baselines.ridge(
        recipe.inputs(series, todo.train),
        recipe.targets(series, todo.train),
        recipe.inputs(series, test),
    )
    found["linear"] = recipe.values(series, test, linear)
    return found


def _steps(
    model: np.ndarray, others: dict[str, np.ndarray], target: np.ndarray, name: str
) -> Table:
    """The mean absolute error of each step ahead."""
    columns: dict[str, np.ndarray] = {name: model, **others}
    errors = [np.abs(output - target).mean(0) for output in columns.values()]
    rows: list[list[Any]] = []
    for k in range(target.shape[1]):
        step: Words = {lang: digits(k + 1, lang) for lang in LANGUAGES}
        rows.append([step, *(float(error[k]) for error in errors)])
    head: list[Words] = [say("sequences.step"), name]
    head += [say(f"evaluation.name.{other}") for other in others]  # keys: evaluation.name.*
    return Table(say("sequences.by_step"), head, rows)


def _chart(model: np.ndarray, target: np.ndarray, name: str) -> Chart:
    """The test part, with what was foretold `ahead` steps before."""
    ahead = target.shape[1]
    steps = np.arange(1.0, len(target) + 1).tolist()
    lines = [
        Series(say("sequences.came"), steps, target[:, -1].tolist()),
        Series(name, steps, model[:, -1].tolist()),
    ]
    return Chart(say("sequences.picture", ahead=Count(ahead)), lines, say("sequences.test_step"))


def _mistakes(todo: Task, model: np.ndarray, target: np.ndarray) -> list[Mistake]:
    """The forecasts that went most wrong: what came before, what came, what was foretold."""
    found: list[Mistake] = []
    taken: list[int] = []
    ahead = target.shape[1]
    for k in worst(model, target, len(target)).tolist():
        if len(found) == 6:
            break
        if any(abs(k - other) < ahead for other in taken):
            continue  # the same days once more
        taken.append(k)
        origin = todo.test[k]
        seen = np.arange(origin - 2 * ahead, origin + 1)
        then = np.arange(origin + 1, origin + 1 + ahead)
        times, values = todo.series.times, todo.series.values[:, 0]
        lines = [
            (times[seen], values[seen], "#999"),
            (times[then], target[k], "#555"),
            (times[then], model[k], "#0b6e6e"),
        ]
        true, given = (f"{one[k].mean():.3g}" for one in (target, model))
        found.append(Mistake(true, given, picture=_drawn(lines, (4, 2.4))))
    return found


def _drawn(lines: list[tuple[Any, np.ndarray, str]], size: tuple[float, float]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    for times, values, colour in lines:
        axes.plot(times, values, color=colour, linewidth=1.4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    for label in axes.get_xticklabels():
        label.set(rotation=30, ha="right")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def _origin(todo: Task, settings: Settings) -> Data:
    parts = {name: len(getattr(todo, name)) for name in SHARES}
    split = say("sequences.split", gap=Count(settings.ahead))
    if todo.dataset is not None:
        return Data.of(todo.dataset.card, parts, split)
    return Data(Path(settings.data).name, "", "", "", parts, say("sequences.own"), split)


def _card(settings: Settings) -> Card:
    own = "" if not settings.target else f" --target {settings.target} --date {settings.date}"
    run = [
        f"gobhir project sequences train --data {settings.data}{own}",
        "gobhir project sequences evaluate",
        "gobhir project sequences run",
    ]
    names = ("window", "ahead", "hidden", "layers")
    values = {name: Count(getattr(settings, name)) for name in names}
    limits: list[Words] = [say("sequences.card.change"), say("sequences.card.gap")]
    return Card(
        say("sequences.card.purpose"),
        [say("sequences.card.not_for")],
        limits,
        run,
        say("sequences.card.model", **values),
    )
