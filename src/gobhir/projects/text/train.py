"""Learning to read: each kind of network, from its own vocabulary, on the same texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

from gobhir.deploy import About, Text, export
from gobhir.lang import LANGUAGES, t
from gobhir.projects import learning
from gobhir.projects.results import words
from gobhir.projects.text.data import Task, task
from gobhir.projects.text.models import network
from gobhir.projects.text.settings import MODELS, Settings
from gobhir.projects.text.tokens import learn, rows
from gobhir.training import History, predict
from gobhir.training.processes import is_main_process

ONNX = "model.onnx"


def train(
    settings: Settings, folder: Path, *, resume: Annotated[bool, "projects.resume"] = False
) -> dict[str, History]:
    """Train each kind of network that was asked for. The weights go to `model-KIND.safetensors`,
    what it reads and says (vocabulary, classes, temperature) to `about-KIND.json`, the curves to
    `history-KIND.csv`; the network whose validation loss is least becomes `model.onnx`."""
    todo = task(settings)
    forms = {kind: vocabulary(todo, settings.of(kind)) for kind in settings.models}
    learning.begin(settings, folder, [f"-{kind}" for kind in MODELS], resume)
    (folder / ONNX).unlink(missing_ok=True)
    curves = {}
    for kind, form in forms.items():
        own = settings.of(kind)
        level = t(f"text.level.{own.tokenizer}")
        # keys: text.level.characters, text.level.words, text.level.bpe
        print(t("text.training", kind=t(f"text.model.{kind}"), tokenizer=level))
        # keys: text.model.bag, text.model.cnn, text.model.lstm, text.model.transformer
        torch.manual_seed(settings.seed)
        model = network(kind, len(form.vocabulary), len(todo.classes), own)
        learning.write_about(folder, f"-{kind}", about(todo, form))
        wishes = how(todo, form, own)
        curves[kind] = learning.train_one(own, folder, f"-{kind}", model, resume=resume, **wishes)
    if is_main_process():
        finish(todo, settings, folder)
    return curves


def finish(todo: Task, settings: Settings, folder: Path) -> None:
    """Fit each network's temperature to the validation, and export the best network."""
    texts, target = todo.part("validation")
    for kind in settings.models:
        model, told = opened(folder, kind, settings)
        assert isinstance(told.input, Text)
        scores = predict(model, rows(texts, told.input)).numpy()
        learning.write_about(folder, f"-{kind}", learning.calibrated(told, scores, target))
    best = ordered(folder)[0]
    model, told = opened(folder, best, settings)
    assert isinstance(told.input, Text)
    made = export(model, rows(texts[:8], told.input), folder / ONNX, about=told)
    print(t("text.exported", kind=t(f"text.model.{best}"), path=made.path))


def vocabulary(todo: Task, own: Settings) -> Text:
    """What is learned from the training texts before any network is."""
    return learn(todo.part("train")[0], own.tokenizer, own.vocabulary, own.max_length, own.lower)


def how(todo: Task, form: Text, own: Settings) -> dict[str, Any]:
    """What a network is trained on, and by which loss: words for `learning.learn`."""

    def part(which: str) -> tuple[np.ndarray, np.ndarray]:
        texts, labels = todo.part(which)
        return rows(texts, form), labels

    return {
        "data": part("train"),
        "validation": part("validation"),
        "loss": torch.nn.CrossEntropyLoss(label_smoothing=own.smoothing),
        "metrics": ["accuracy"],
        "clip_norm": 1.0,
    }


def about(todo: Task, form: Text) -> About:
    """What the service is told of the network."""
    labels = {lang: [words(name, lang) for name in todo.classes] for lang in LANGUAGES}
    title = {lang: t("text.page", lang) for lang in LANGUAGES}
    return About(title=title, labels=labels, input=form)


def ordered(folder: Path) -> list[str]:
    """The kinds of network that were trained, that of the least validation loss first.
    FileNotFoundError when none was."""
    return learning.ordered(folder, MODELS)


def opened(folder: Path, kind: str, settings: Settings) -> tuple[torch.nn.Module, About]:
    """A network that was trained, and what it reads and says."""
    told = learning.told(folder, f"-{kind}")
    assert isinstance(told.input, Text)
    classes = len(next(iter(told.labels.values())))
    model = network(kind, len(told.input.vocabulary), classes, settings.of(kind))
    learning.put_weights(model, learning.kept(folder, f"-{kind}"))
    return model, told
