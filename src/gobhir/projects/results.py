"""What a project found out, typed: kept as results.json, and shown as a page and a model card.

    Results.of_classes("digits", title, models, baselines, target, classes, ...).save(folder)

Texts are `Words`: a sentence of the catalogues (`say("...")`), {"bn": ..., "en": ...}, or a text
that is the same in both. There are no results without a baseline, and none without an interval.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from gobhir.evaluation import (
    Estimate,
    Temperature,
    classification,
    gain,
    probabilities,
    regression,
)
from gobhir.evaluation.calibration import reliability
from gobhir.evaluation.report import LOWER_IS_BETTER, OfClass
from gobhir.lang import LANGUAGES, catalogue, language, say
from gobhir.projects.film import hidden
from gobhir.projects.keeping import plain, typed
from gobhir.projects.parts import (
    Calibration,
    Card,
    Cell,
    Chart,
    Data,
    Mistake,
    Model,
    Picture,
    Series,
    Table,
    Words,
    words,
)
from gobhir.projects.settings import Settings, write
from gobhir.projects.surroundings import commit, machine, today
from gobhir.training import History
from gobhir.training.metrics import roc_curve
from gobhir.training.metrics.base import as_array
from gobhir.training.metrics.regression import columns

__all__ = [
    "Calibration",
    "Card",
    "Cell",
    "Chart",
    "Data",
    "Mistake",
    "Model",
    "Picture",
    "Results",
    "Series",
    "Table",
    "Words",
    "words",
]

FILE = "results.json"
SCHEMA = 1
BINS = 10
"""Of the reliability diagram: more of them say less, each."""
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class Results:
    """All of it. models: the first is the project's own, others stand beside it; main: the number
    that decides. gains: how much better the model is than each baseline on the same examples, in
    the order of `baselines`: in accuracy, or in the mean absolute error, or else in
    the number that decides. confusion[i][j]: how often class i was taken for j. pairs: (true,
    predicted) of some test examples of a regression. unit: of mae and rmse.
    """

    project: str
    title: Words
    models: list[Model]
    baselines: list[Model]
    main: str
    about: Words = ""
    gains: list[Estimate] = field(default_factory=list)
    classes: list[Words] = field(default_factory=list)
    per_class: list[OfClass] = field(default_factory=list)
    confusion: list[list[int]] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    calibration: Calibration | None = None
    pairs: list[list[float]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    unit: Words = ""
    data: Data | None = None
    card: Card | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    seconds: float | None = None
    machine: dict[str, str] = field(default_factory=machine)
    version: str = ""
    commit: str = field(default_factory=commit)
    date: str = field(default_factory=today)
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        from gobhir import __version__

        self.version = self.version or __version__
        if not self.models or not self.baselines:
            raise ValueError(say("projects.results.no_baseline", project=self.project))
        for model in [*self.models, *self.baselines]:
            if self.main not in model.numbers:
                known = ", ".join(model.numbers)
                raise ValueError(say("projects.results.main", name=self.main, known=known))
            for name, number in model.numbers.items():
                if not isinstance(number, Estimate):
                    raise TypeError(say("projects.results.estimate", name=name, value=number))
        count = len(self.classes)
        if self.confusion and [len(row) for row in self.confusion] != [count] * count:
            raise ValueError(say("projects.results.confusion", count=count))
        for png in [*(m.picture for m in self.mistakes), *(p.png for p in self.pictures)]:
            if png is not None and not png.startswith(PNG):
                raise ValueError(say("projects.results.picture"))

    # -- making -----------------------------------------------------------------------------------

    @classmethod
    def of_classes(
        cls,
        project: str,
        title: Words,
        models: Mapping[str, Any],
        baselines: Mapping[str, Any],
        target: Any,
        classes: Sequence[Words],
        *,
        groups: Any = None,
        temperature: float = 1.0,
        main: str = "accuracy",
        **others: Any,
    ) -> Self:
        """From outputs on the test: {"CNN": (n, classes), ...}, the project's own model first;
        baselines as `evaluation.baselines` gives them; names may be keys of the catalogues.
        temperature: fitted on the validation; the first model's outputs then have to be scores. 1:
        none was.
        others: as the fields.
        """
        names = [words(name, "en") for name in classes]
        reports = {
            name: classification(output, target, names, groups=groups)
            for name, output in {**models, **baselines}.items()
        }
        own, output = next(iter(reports[name] for name in models)), next(iter(models.values()))
        calibration = None
        if "log_loss" in own.numbers:
            calibration = Calibration(reliability(output, target, BINS))
        if temperature != 1 and calibration is not None:
            calibration.after = reliability(Temperature(temperature)(output), target, BINS)
            calibration.temperature = temperature
        charts = others.pop("charts", [])
        if len(classes) == 2 and calibration is not None:
            charts = [_roc({**models, **baselines}, target), *charts]
        return cls(
            project,
            title,
            [Model(known(name), reports[name].numbers) for name in models],
            [Model(known(name), reports[name].numbers) for name in baselines],
            main,
            gains=[gain(output, other, target, groups=groups) for other in baselines.values()],
            classes=list(classes),
            per_class=own.per_class,
            confusion=own.confusion,
            calibration=calibration,
            charts=charts,
            **others,
        )

    @classmethod
    def of_numbers(
        cls,
        project: str,
        title: Words,
        models: Mapping[str, Any],
        baselines: Mapping[str, Any],
        target: Any,
        *,
        groups: Any = None,
        scale: float | None = None,
        main: str = "mae",
        **others: Any,
    ) -> Self:
        """As `of_classes`, for a regression or a forecast: outputs (n,) or (n, columns); scale,
        groups: as in `evaluation.regression`."""
        numbers = {
            name: regression(output, target, groups=groups, scale=scale)
            for name, output in {**models, **baselines}.items()
        }
        first = next(iter(models.values()))
        return cls(
            project,
            title,
            [Model(known(name), numbers[name]) for name in models],
            [Model(known(name), numbers[name]) for name in baselines],
            main,
            gains=[gain(first, b, target, groups=groups) for b in baselines.values()],
            pairs=_some(target, first),
            **others,
        )

    def trained(
        self, settings: Settings | None = None, history: History | None = None, seconds: float = 0.0
    ) -> Self:
        """With how it was trained; without a camera's password, since others will read it."""
        if settings is not None:
            values = {f.name: getattr(settings, f.name) for f in fields(settings)}
            self.settings = {n: hidden(v) if isinstance(v, str) else v for n, v in values.items()}
            self.seed = settings.seed
        if history is not None:
            self.history = history.rows
        self.seconds = seconds or self.seconds
        return self

    def __str__(self) -> str:
        """The verdict, as the terminal shows it."""
        from gobhir.projects.verdict import verdict

        lang = language()
        name, value, measured, gain, _ = verdict(self, lang)
        return f"{words(self.title, lang)}: {name} {value} {measured}\n{gain}".rstrip()

    # -- reading ----------------------------------------------------------------------------------

    @property
    def measure(self) -> str:
        """What `gains` are measured in."""
        known = self.models[0].numbers
        return next((name for name in ("accuracy", "mae") if name in known), self.main)

    @property
    def best_baseline(self) -> int:
        """Which of the baselines is hardest to beat."""
        sign = -1 if self.measure in LOWER_IS_BETTER else 1
        values = [sign * model.numbers[self.measure].value for model in self.baselines]
        return values.index(max(values))

    # -- keeping ----------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> Path:
        """Write results.json, the pages (results.bn.html, results.en.html) and the model cards
        (card.bn.md, card.en.md); gives the path of the page in the language in force."""
        from gobhir.projects.card import markdown
        from gobhir.projects.page import html

        folder = Path(folder)
        write(folder / FILE, json.dumps(plain(self), indent=1, ensure_ascii=False) + "\n")
        for lang in LANGUAGES:
            if self.card is not None:
                write(folder / f"card.{lang}.md", markdown(self, lang))
            write(folder / f"results.{lang}.html", html(self, lang))
        return folder / f"results.{language()}.html"

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """What `save` wrote. FileNotFoundError where nothing was measured yet, ValueError for a
        file that is no such results."""
        path = Path(folder) / FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise FileNotFoundError(say("projects.results.none", folder=folder)) from None
        except ValueError as error:
            raise ValueError(say("projects.results.file", path=path, reason=error)) from None
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            found = content.get("schema") if isinstance(content, dict) else type(content).__name__
            said = {"path": path, "found": found, "schema": SCHEMA}
            raise ValueError(say("projects.results.schema", **said))
        try:
            return typed(cls, content)
        except (TypeError, KeyError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(say("projects.results.file", path=path, reason=reason)) from None


def _some(target: Any, output: Any, most: int = 400) -> list[list[float]]:
    """(true, predicted) of at most so many examples, drawn by chance."""
    p, y = columns(output, target)
    rows = np.random.default_rng(0).permutation(len(y))[:most]
    return np.stack([y[rows, 0], p[rows, 0]], 1).tolist() if y.shape[1] == 1 else []


def _roc(outputs: Mapping[str, Any], target: Any, most: int = 100) -> Chart:
    """The ROC curves of all that give probabilities of two classes."""
    lines: list[Series] = []
    for name, output in outputs.items():
        if as_array(output).dtype.kind == "f" and len(lines) < 5:
            curve = roc_curve(probabilities(output), target)
            # Of many points some, evenly; the corners are always among them.
            kept = np.unique(np.linspace(0, len(curve.fpr) - 1, most).round().astype(int))
            x, y = (np.round(rate[kept], 4).tolist() for rate in (curve.fpr, curve.tpr))
            lines.append(Series(known(name), x, y))
    title, along = say("projects.page.roc"), say("training.plot.fpr")
    return Chart(title, lines, along, say("projects.page.about_roc"))


def known(name: str) -> Words:
    """The words for a baseline of evaluation/baselines.py, or for a key of the catalogues; any
    other name stays."""
    keys = [key for key in (f"evaluation.name.{name}", name) if key in catalogue("en")]
    return say(keys[0]) if keys else name


def forget(folder: Path) -> None:
    """Take away what `Results.save` wrote: it was about another model."""
    (folder / FILE).unlink(missing_ok=True)
    for lang in LANGUAGES:
        for name in (f"results.{lang}.html", f"card.{lang}.md"):
            (folder / name).unlink(missing_ok=True)
