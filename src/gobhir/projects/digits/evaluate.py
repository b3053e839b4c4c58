"""How well it reads: on the held-out tenth, and on the same digits made harder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from gobhir.deploy import Drawing
from gobhir.evaluation import Estimate, Temperature, baselines, mean, wilson, worst
from gobhir.lang import Count, say, t
from gobhir.projects import shown
from gobhir.projects.digits import stress as changes
from gobhir.projects.digits.answers import scores, trained
from gobhir.projects.digits.data import SPLIT_SEED, Digits, digits, kind, seen, title
from gobhir.projects.digits.settings import Settings
from gobhir.projects.digits.smaller import smaller as smaller_copies
from gobhir.projects.learning import history_file, told
from gobhir.projects.parts import png
from gobhir.projects.results import Card, Data, Mistake, Results, Table, Words
from gobhir.training.logs import read_log

LINEAR = 5000
"""So many digits the linear baseline learns from: more would be slow."""


def evaluate(
    settings: Settings,
    folder: Path,
    *,
    stress: Annotated[bool, "digits.stress_too"] = True,
    smaller: Annotated[bool, "digits.smaller_too"] = False,
) -> Results:
    """Accuracy and all else on the held-out tenth, beside the baselines; with the stress copy, and
    with smaller copies of the network.
    Writes results.json, the pages and the model cards into the folder."""
    model, data = trained(settings, folder), digits(settings.data)
    stress = stress and isinstance(data.form, Drawing)  # which no other pen can make harder
    x, y = data.rows("test")
    output, warm = scores(model, x), Temperature(told(folder).temperature)
    history = read_log(history_file(folder))
    results = Results.of_classes(
        "digits",
        title(settings),
        {"CNN": output},
        _baselines(data, x),
        y,
        data.classes,
        temperature=warm.value,
        about=say("digits.about"),
        mistakes=_mistakes(data, warm(output)),
        tables=[
            *([hard(model, data)] if stress else []),
            *([smaller_copies(model, settings, data)] if smaller else []),
        ],
        data=_card_of(data),
        card=_card(model, settings),
    )
    seconds = sum(row["seconds"] for row in history)
    results.trained(settings, history, seconds)
    page = results.save(folder)
    if stress:
        overall = results.tables[0].rows[-1][1]
        value, between = (f(overall, "accuracy") for f in (shown.value, shown.interval))
        print(f"{t('digits.stress.title')}: {value} ({between})")
    print(t("projects.command.saved", path=page))
    return results


def hard(model: Any, data: Digits) -> Table:
    """The accuracy on each change of the held-out digits, and the mean of the changes."""
    pictures, y = data.pictures[data.test], data.labels[data.test]
    rows: list[list[Any]] = []
    right = []
    for name in changes.STRESS:
        found = scores(model, seen(changes.stress(name, pictures))).argmax(1) == y
        told = say(f"digits.change.{name.replace('-', '_')}")  # keys: digits.change.*
        rows.append([told, wilson(int(found.sum()), len(y))])
        if name != "plain":
            right.append(found)
    # The same digit stands in all rows: its changes are drawn together.
    overall: Estimate = mean(np.mean(right, 0))
    rows.append([say("digits.stress.mean"), overall])
    head: list[Words] = [say("digits.stress.head"), say("digits.stress.number")]
    about = say("digits.stress.about", count=Count(len(y)))
    return Table(say("digits.stress.title"), head, rows, about, "accuracy")


def _baselines(data: Digits, x: np.ndarray) -> dict[str, np.ndarray]:
    train_x, train_y = data.rows("train")
    # Not the first ones: a data set may come class by class.
    some = np.random.default_rng(0).permutation(len(train_x))[:LINEAR]
    flat = [part.reshape(len(part), -1) for part in (train_x[some], x)]
    found = baselines.for_classes(flat[0], train_y[some], flat[1], len(data.classes))
    return dict(found)


def _mistakes(data: Digits, sure: np.ndarray) -> list[Mistake]:
    """The surest wrong answers, each with the picture as it came. sure: (N, classes),
    probabilities."""
    y = data.labels[data.test]
    return [
        Mistake(
            data.classes[y[row]],
            data.classes[sure[row].argmax()],
            float(sure[row].max()),
            picture=_ink(data.pictures[data.test[row]]),
        )
        for row in worst(sure, y)
    ]


def _ink(digit: np.ndarray) -> bytes:
    """Numbers from 0 to 1 as black ink on white."""
    return png(np.round(255 * (1 - digit)).astype(np.uint8))


def _card_of(data: Digits) -> Data:
    parts = {name: len(getattr(data, name)) for name in ("train", "validation", "test")}
    split = say("digits.split", seed=SPLIT_SEED)
    if data.dataset is not None:
        return Data.of(data.dataset.card, parts, split)
    what = say("digits.data.sample.what")
    return Data(say("digits.data.sample.name"), "", "MIT", "", parts, what, split)


def _card(model: Any, settings: Settings) -> Card:
    count = sum(int(np.prod(tuple(p.shape))) for p in model.parameters())
    what = kind(settings.data)
    clothes = what == "clothes"
    not_for = ["shop"] if clothes else ["several", "harm"]
    limits = {
        "bangla": ["hands", "letters", "resolution"],
        "latin": ["letters"],
        "clothes": ["kinds", "ground"],
    }[what]
    shown_as = say(f"digits.card.seen.{'clothes' if clothes else 'hand'}")
    return Card(
        say(f"digits.card.purpose.{what}"),
        [say(f"digits.card.not_for.{one}") for one in not_for],
        [say(f"digits.card.limits.{one}") for one in limits],
        [
            f"gobhir project digits train --data {settings.data}",
            "gobhir project digits evaluate",
            "gobhir project digits run picture.png",
        ],
        say("digits.card.model", count=Count(count), seen=shown_as),
    )
    # keys: digits.card.seen.*, digits.card.purpose.*, digits.card.not_for.*, digits.card.limits.*
