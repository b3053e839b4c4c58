"""Learning to read digits."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

from gobhir.projects import learning
from gobhir.projects.digits.data import Batches, Digits, digits
from gobhir.projects.digits.network import network
from gobhir.projects.digits.settings import Settings
from gobhir.training import Average, Callback, History


def train(
    settings: Settings, folder: Path, *, resume: Annotated[bool, "projects.resume"] = False
) -> History:
    """Train the network; its weights go to `model.safetensors`, the curves to `history.csv`."""
    data = digits(settings.data)
    model = new(settings, data)
    learning.begin(settings, folder, resume=resume)
    return learning.train_one(
        settings, folder, "", model, resume=resume, **how(settings, data, model)
    )


def new(settings: Settings, data: Digits) -> Any:
    """The network with its first weights."""
    library = learning.framework(settings.engine)
    library.manual_seed(settings.seed)
    model = network(library, settings.width, len(data.classes))
    if settings.engine == "torch":
        model = model.to(memory_format=library.channels_last)
    return model


def how(settings: Settings, data: Digits, model: Any) -> dict[str, Any]:
    """What the network is trained on, and how: words for `learning.learn`. The learning rate climbs
    for a fifth of the steps, and falls again (Smith, Topin 2017, https://arxiv.org/abs/1708.07120).
    """
    library = learning.framework(settings.engine)
    x, y = data.rows("train")
    batches = Batches(x, y, settings.batch_size, settings.augment, settings.seed)
    optimizer = learning.adamw(model, settings.lr, settings.weight_decay)
    steps = settings.epochs * len(batches)
    average = [Average(settings.average)] if settings.average else []
    return {
        "data": batches,
        "loss": library.nn.CrossEntropyLoss(label_smoothing=settings.smoothing),
        "optimizer": optimizer,
        "metrics": ["accuracy"],
        "callbacks": [*average, ProcessorTime()],
        "validation": data.rows("validation"),
        "scheduler": library.optim.lr_scheduler.OneCycleLR(
            optimizer, settings.lr, total_steps=steps, pct_start=0.2
        ),
        "compile": False,
    }


class ProcessorTime(Callback):
    """A column with the processor's seconds of each epoch, all threads together: what is left of
    the time when others use the machine as well."""

    def on_epoch_begin(self, run: Any) -> None:
        self.start = time.process_time()

    def on_epoch_end(self, run: Any) -> None:
        run.row["processor_seconds"] = time.process_time() - self.start
