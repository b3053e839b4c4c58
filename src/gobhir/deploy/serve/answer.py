"""The network's numbers as an answer: classes with probabilities, named values, what layers saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gobhir.deploy.about import About
from gobhir.deploy.opening import Slot
from gobhir.lang import Message

TOP = 10
MAPS = 16
"""Feature maps of one layer that are sent."""


def answer(
    about: About | None,
    slots: Sequence[Slot],
    outputs: Sequence[np.ndarray],
    lang: str,
    activations: bool,
    note: Message | None = None,
) -> dict[str, Any]:
    """What POST /predict gives, but for how long it took. note: what one has to know about it."""
    if about is None:
        named = zip(slots, outputs, strict=True)
        return {"outputs": {s.name: told(np.asarray(o)) for s, o in named}}
    first = np.asarray(outputs[0], np.float64).reshape(-1)
    said: dict[str, Any] = {"task": about.task}
    names = in_language(about.labels, lang)
    if about.task == "classification":
        said["classes"] = classes(first / about.temperature, about.gives, names)
    else:
        said["values"] = [
            {"label": names[i] if i < len(names) else str(i), "value": number(v)}
            for i, v in enumerate(first[:1000])
        ]
    if note is not None:
        said["note"] = note.text(lang)
    if activations:
        layers = zip(slots[1:], outputs[1:], strict=True)
        said["activations"] = {s.name: seen(np.asarray(o)) for s, o in layers}
    return said


def classes(numbers: np.ndarray, gives: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """The likeliest classes, at most TOP, the likeliest first."""
    p = probabilities(numbers, gives, two=len(names) == 2)
    order = np.argsort(-np.nan_to_num(p, nan=-1), kind="stable")[:TOP]
    return [
        {
            "index": int(i),
            "label": names[i] if i < len(names) else str(int(i)),
            "probability": number(p[i]),
        }
        for i in order
    ]


def probabilities(numbers: np.ndarray, gives: str, two: bool = False) -> np.ndarray:
    """Probabilities from what the network's last layer holds. two: one number says how much it is
    the second of two classes."""
    if len(numbers) == 1 and two:
        z = float(numbers[0])
        if gives == "logits":
            second = 0.5 * np.tanh(0.5 * z) + 0.5
        else:
            second = np.exp(z) if gives == "log_probabilities" else z
        return np.array([1 - second, second])
    if gives == "logits":
        with np.errstate(invalid="ignore"):  # of infinite logits nobody knows the shares
            raised = np.exp(numbers - numbers.max())
            shares: np.ndarray = raised / raised.sum()
        return shares
    return np.exp(numbers) if gives == "log_probabilities" else numbers


def in_language(texts: dict[str, Any], lang: str) -> Any:
    """The text or the list in this language, else in another one, else nothing."""
    return texts.get(lang) or next(iter(texts.values()), [])


def number(value: Any) -> float | None:
    """A number for JSON, which has neither NaN nor infinity."""
    return float(value) if np.isfinite(value) else None


def told(array: np.ndarray) -> dict[str, Any]:
    """A whole output: its shape, and its numbers row by row (the first thousand)."""
    flat = array.reshape(-1)[:1000].astype(np.float64)
    return {"shape": list(array.shape), "values": [number(v) for v in flat]}


def seen(array: np.ndarray) -> dict[str, Any]:
    """A layer's result for looking at: (C, H, W) as C pictures, a vector as one row; brightness
    from 0 to 255, each layer from its smallest number to its largest (of those that are finite)."""
    maps = array.reshape((1, 1, -1)) if array.ndim < 2 else array
    maps = maps.reshape((-1, *maps.shape[-2:])).astype(np.float64)
    finite = maps[np.isfinite(maps)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    step = max(1, -(-max(maps.shape[1:]) // 64))  # no more than 64 pixels a side
    part = np.nan_to_num(maps[:MAPS, ::step, ::step], nan=low, posinf=high, neginf=low)
    bright = np.rint((part - low) / ((high - low) or 1) * 255).clip(0, 255).astype(int)
    return {"shape": list(array.shape), "low": low, "high": high, "maps": bright.tolist()}
