"""Small models, each of another kind, exported once for the tests of the service."""

from __future__ import annotations

from pathlib import Path

import gobhir
from gobhir.deploy import About, Drawing, Numbers, Picture, Text, export

DIGITS = {"bn": list("০১২৩৪৫৬৭৮৯"), "en": list("0123456789")}
WORDS = ("<pad>", "<unk>", "ভালো", "খারাপ", "good", "bad")


def drawing(folder: Path) -> Path:
    """Ten classes; the layer `1` is an output too."""
    nn = gobhir.nn
    gobhir.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 10))
    about = About(title={"bn": "সংখ্যা", "en": "Digits"}, labels=DIGITS, input=Drawing(8, 6))
    example = gobhir.randn(2, 1, 8, 8)
    return export(model, example, folder / "drawing.onnx", about=about, watch=["1"]).path


def picture(folder: Path) -> Path:
    """Two classes out of one number."""
    nn = gobhir.nn
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1))
    about = About(
        labels={"bn": ["আম", "লিচু"], "en": ["mango", "lychee"]}, input=Picture(8, 12, resize=12)
    )
    return export(model, gobhir.randn(2, 3, 8, 12), folder / "picture.onnx", about=about).path


def text(folder: Path) -> Path:
    """Positive for each good word, negative for each bad one."""
    nn = gobhir.nn
    model = nn.Sequential(nn.Embedding(6, 2), nn.Flatten(), nn.Linear(8, 2, bias=False))
    with gobhir.no_grad():
        good, bad = [0.0, 3.0], [3.0, 0.0]
        model[0].weight.copy_(gobhir.tensor([[0.0, 0.0], [0.0, 0.0], good, bad, good, bad]))
        model[2].weight.copy_(gobhir.tensor([[1.0, 0.0] * 4, [0.0, 1.0] * 4]))
    about = About(
        labels={"bn": ["খারাপ", "ভালো"], "en": ["bad", "good"]},
        input=Text(vocabulary=WORDS, length=4),
    )
    return export(model, gobhir.randint(0, 6, (2, 4)), folder / "text.onnx", about=about).path


def numbers(folder: Path) -> Path:
    """price = 2 area + rooms - 1, of standardised numbers."""
    model = gobhir.nn.Linear(2, 1)
    with gobhir.no_grad():
        model.weight.copy_(gobhir.tensor([[2.0, 1.0]]))
        model.bias.copy_(gobhir.tensor([-1.0]))
    about = About(
        task="regression",
        gives="values",
        labels={"bn": ["দাম"], "en": ["price"]},
        input=Numbers(("area", "rooms"), mean=(100.0, 3.0), std=(50.0, 1.0)),
    )
    return export(model, gobhir.randn(2, 2), folder / "numbers.onnx", about=about).path


def unknown(folder: Path) -> Path:
    """A model that says nothing of itself: twice its input."""

    class Twice(gobhir.nn.Module):
        def forward(self, x: gobhir.Tensor) -> gobhir.Tensor:
            return x * 2

    return export(Twice(), gobhir.randn(2, 3), folder / "unknown.onnx").path


KINDS = {f.__name__: f for f in (drawing, picture, text, numbers, unknown)}
