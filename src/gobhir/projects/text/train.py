"""Learning to read: each kind of network, from its own vocabulary, on the same texts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch

import gobhir
from gobhir.deploy import About, Text, export
from gobhir.deploy.about import about_from
from gobhir.lang import LANGUAGES, say, t
from gobhir.projects.results import words
from gobhir.projects.settings import write, write_weights
from gobhir.projects.text.data import Task, task
from gobhir.projects.text.models import network
from gobhir.projects.text.settings import MODELS, Settings
from gobhir.projects.text.tokens import learn, rows
from gobhir.training import CSVLog, EarlyStopping, History, fit

ONNX = "model.onnx"


def train(settings: Settings, folder: Path) -> dict[str, History]:
    """Train each kind of network that was asked for. The weights go to `model-KIND.safetensors`,
    what it reads (vocabulary, classes) to `about-KIND.json`, the curves to `history-KIND.csv`; the
    network whose validation loss is least becomes `model.onnx`."""
    todo = task(settings)
    forms = {kind: vocabulary(todo, settings.of(kind)) for kind in settings.models}
    settings.save(folder)
    (folder / ONNX).unlink(missing_ok=True)
    for kind in MODELS:  # what was trained here before goes with its settings
        model_file(folder, kind).unlink(missing_ok=True)
    curves = {}
    for kind, form in forms.items():
        own = settings.of(kind)
        print(t("text.training", kind=t(f"text.model.{kind}"), tokenizer=own.tokenizer))
        # keys: text.model.bag, text.model.cnn, text.model.lstm, text.model.transformer
        torch.manual_seed(settings.seed)
        model = network(kind, len(form.vocabulary), len(todo.classes), own)
        curves[kind] = fit_one(model, form, todo, own, folder / f"history-{kind}.csv")
        write(folder / f"about-{kind}.json", about(todo, form).to_json())
        arrays = {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
        write_weights(model_file(folder, kind), arrays)
    best = ordered(folder)[0]
    model, told = opened(folder, best, settings)
    assert isinstance(told.input, Text)
    example = rows(todo.part("validation")[0][:8], told.input)
    made = export(model, example, folder / ONNX, about=told)
    print(t("text.exported", kind=t(f"text.model.{best}"), path=made.path))
    return curves


def vocabulary(todo: Task, own: Settings) -> Text:
    """What is learned from the training texts before any network is."""
    return learn(todo.part("train")[0], own.tokenizer, own.vocabulary, own.max_length, own.lower)


def fit_one(
    model: torch.nn.Module, form: Text, todo: Task, own: Settings, log: Path | None = None
) -> History:
    """Train one network until its validation texts say that it is enough."""
    parts = []
    for which in ("train", "validation"):
        texts, labels = todo.part(which)
        parts.append((rows(texts, form), labels))
    return fit(
        model,
        parts[0],
        torch.nn.CrossEntropyLoss(label_smoothing=own.smoothing),
        torch.optim.AdamW(model.parameters(), lr=own.lr, weight_decay=own.weight_decay),
        own.epochs,
        ["accuracy"],
        [EarlyStopping(own.patience), *([CSVLog(log)] if log else [])],
        validation=parts[1],
        batch_size=own.batch_size,
        clip_norm=1.0,
        seed=own.seed,
    )


def about(todo: Task, form: Text) -> About:
    """What the service is told of the network."""
    labels = {lang: [words(name, lang) for name in todo.classes] for lang in LANGUAGES}
    title = {lang: t("text.page", lang) for lang in LANGUAGES}
    return About(title=title, labels=labels, input=form)


def model_file(folder: Path, kind: str) -> Path:
    """Where the weights of a kind of network lie."""
    return folder / f"model-{kind}.safetensors"


def ordered(folder: Path) -> list[str]:
    """The kinds of network that were trained, that of the least validation loss first.
    FileNotFoundError when none was."""
    kinds = [kind for kind in MODELS if model_file(folder, kind).exists()]
    if not kinds:
        raise FileNotFoundError(say("projects.bad.untrained", folder=folder))
    return sorted(kinds, key=lambda k: pd.read_csv(folder / f"history-{k}.csv")["val_loss"].min())


def opened(folder: Path, kind: str, settings: Settings) -> tuple[torch.nn.Module, About]:
    """A network that was trained, and what it reads and says."""
    told = about_from((folder / f"about-{kind}.json").read_text(encoding="utf-8"))
    assert told is not None and isinstance(told.input, Text)
    classes = len(next(iter(told.labels.values())))
    model = network(kind, len(told.input.vocabulary), classes, settings.of(kind))
    kept = gobhir.load(model_file(folder, kind))
    model.load_state_dict({name: torch.from_numpy(v.numpy().copy()) for name, v in kept.items()})
    return model, told
