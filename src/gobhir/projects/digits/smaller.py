"""The same network for a smaller machine: 8 bits, fewer weights, fewer channels; what each costs in
accuracy and brings in size and time.
"""

from __future__ import annotations

import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from gobhir.deploy import compare, export, prune_channels, prune_in_steps, quantise
from gobhir.evaluation import Estimate
from gobhir.lang import LANGUAGES, digits, say
from gobhir.projects.digits.data import Digits
from gobhir.projects.digits.settings import Settings
from gobhir.projects.results import Table, Words
from gobhir.training import fit

CALIBRATION = 512
"""So many training digits tell static quantisation how large activations are."""
PRUNED, STEPS, NARROWED = 0.9, 3, 0.5


def smaller(model: Any, settings: Settings, data: Digits, epochs: int = 1) -> Table:
    """A table of the network and its smaller copies on the test digits. Pruned copies learn on for
    `epochs` epochs, after each step of pruning and after channels were taken out."""
    x, y = data.rows("test")
    seen = data.rows("train")[0][:CALIBRATION]

    def tuned(copied: Any, *callbacks: Any) -> Any:
        fit(
            copied,
            data.batches(settings),
            "cross_entropy",
            "adam",
            epochs,
            callbacks=callbacks,
            lr=3e-4,
        )
        return copied.eval()

    with TemporaryDirectory(prefix="gobhir-") as folder:
        files = {name: Path(folder) / f"{k}.onnx" for k, name in enumerate(NAMES)}
        plain, dynamic, static, pruned, narrow, both = files.values()
        export(model, x[:2], plain)
        quantise(plain, dynamic)
        quantise(plain, static, seen)
        sparse = copy.deepcopy(model)
        prune_in_steps(sparse, PRUNED, STEPS, lambda masks: tuned(sparse, masks))
        export(sparse.eval(), x[:2], pruned)
        slim = tuned(prune_channels(model, NARROWED))
        export(slim, x[:2], narrow)
        quantise(narrow, both, seen)
        found = compare(files, x.astype(np.float32), y)
    rows: list[list[Any]] = []
    for row in found.rows:
        middle, first, third = row.ratio
        rows.append(
            [
                say(row.name, share=f"{PRUNED:.0%}", part=f"{NARROWED:.0%}"),
                _kilo(row.bytes),
                _kilo(row.zipped),
                Estimate(row.score, row.low, row.high, found.examples, 0.95, "wilson"),
                f"{middle:.2f} ({first:.2f}–{third:.2f})",
            ]
        )
    head: list[Words] = [say(f"digits.smaller.{one}") for one in ("model", "size", "zipped")]
    head += [say("digits.stress.number"), say("digits.smaller.time")]
    # keys: digits.smaller.model, digits.smaller.size, digits.smaller.zipped
    about = say("digits.smaller.about", batch=found.batch, rounds=found.rounds)
    return Table(say("digits.smaller.title"), head, rows, about, "accuracy")


NAMES = (
    "digits.smaller.plain",
    "digits.smaller.dynamic",
    "digits.smaller.static",
    "digits.smaller.pruned",
    "digits.smaller.narrow",
    "digits.smaller.both",
)


def _kilo(count: int) -> Words:
    return {lang: f"{digits(round(count / 1000), lang)} kB" for lang in LANGUAGES}
