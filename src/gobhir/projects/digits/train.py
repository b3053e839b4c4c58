"""Learning to read digits."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import gobhir
from gobhir.deploy import About
from gobhir.lang import LANGUAGES
from gobhir.projects import learning
from gobhir.projects.digits.answers import scores, trained
from gobhir.projects.digits.data import Digits, classes, digits, form, title
from gobhir.projects.digits.network import keras_network, network
from gobhir.projects.digits.settings import Settings
from gobhir.training import Average, Callback, History
from gobhir.training.processes import is_main_process


def train(
    settings: Settings, folder: Path, *, resume: Annotated[bool, "projects.resume"] = False
) -> History:
    """Train the network; its weights go to `model.safetensors`, the curves to `history.csv`, what
    it reads and says to `about.json`."""
    data = digits(settings.data)
    model, wishes = new(settings, data), how(settings, data)
    learning.begin(settings, folder, resume=resume)
    history = learning.train_one(settings, folder, "", model, resume=resume, **wishes)
    if is_main_process():
        x, y = data.rows("validation")
        told = learning.calibrated(about(settings), scores(trained(settings, folder), x), y)
        learning.write_about(folder, "", told)
    return history


def about(settings: Settings) -> About:
    """What the service is told of the network."""
    named = classes(settings.data)
    return About(
        title={lang: title(settings).text(lang) for lang in LANGUAGES},
        labels={lang: [one[lang] for one in named] for lang in LANGUAGES},
        input=form(settings.data),
    )


def new(settings: Settings, data: Digits) -> Any:
    """The network with its first weights; those of Keras's are drawn by Gobhir."""
    learning.seed(settings)
    library = learning.framework(settings.engine)
    sizes = settings.width, len(data.classes)
    if settings.engine == "keras":
        model = keras_network(library, *sizes)
        learning.put_weights(model, learning.weights(network(gobhir, *sizes)))
        return model
    model = network(library, *sizes)
    if settings.engine == "torch":
        model = model.to(memory_format=library.channels_last)
    return model


def how(settings: Settings, data: Digits) -> dict[str, Any]:
    """What the network is trained on, and how: words for `learning.learn`. The learning rate climbs
    for a fifth of the steps, and falls again (Smith, Topin 2017, https://arxiv.org/abs/1708.07120).
    """
    keras = settings.engine == "keras"
    # Keras has no such schedule: Gobhir's moves its learning rate, and leaves its momentum, which
    # is a constant of Keras's graph, as it is.
    schedules = (gobhir if keras else learning.framework(settings.engine)).optim.lr_scheduler
    batches = data.batches(settings)
    steps = settings.epochs * len(batches)
    average = [Average(settings.average)] if settings.average else []
    return {
        "data": batches,
        "loss": loss(settings, len(data.classes)),
        "metrics": ["accuracy"],
        "callbacks": [*average, ProcessorTime()],
        "validation": data.rows("validation"),
        "scheduler": lambda optimizer: schedules.OneCycleLR(
            optimizer, settings.lr, steps, pct_start=0.2, cycle_momentum=not keras
        ),
        "compile": "auto" if keras else False,
    }


def loss(settings: Settings, classes: int) -> Any:
    """Cross-entropy of scores, and of targets of which a share is spread over all classes."""
    library = learning.framework(settings.engine)
    if settings.engine != "keras":
        return library.nn.CrossEntropyLoss(label_smoothing=settings.smoothing)
    function = library.losses.categorical_crossentropy

    def cross_entropy(scores: Any, target: Any) -> Any:
        right = library.ops.one_hot(target, classes)
        smooth = {"from_logits": True, "label_smoothing": settings.smoothing}
        return library.ops.mean(function(right, scores, **smooth))

    return cross_entropy


class ProcessorTime(Callback):
    """A column with the processor's seconds of each epoch, all threads together: what is left of
    the time when others use the machine as well."""

    def on_epoch_begin(self, run: Any) -> None:
        self.start = time.process_time()

    def on_epoch_end(self, run: Any) -> None:
        run.row["processor_seconds"] = time.process_time() - self.start
