"""A layer of Keras's, or a loss, called: written down as one, beside the small ops in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, reduce
from inspect import signature
from types import SimpleNamespace
from typing import Any

import numpy as np

from gobhir.lift import keras_attention, keras_layers, keras_losses, keras_recurrent
from gobhir.lift.keras_entries import LAYERS, LOSSES
from gobhir.lift.keras_parts import backend
from gobhir.lift.places import name_of, user_line
from gobhir.lift.recorder import Recorder
from gobhir.lift.trace import Value, Whole, exchanged

TABLES = keras_attention, keras_layers, keras_losses, keras_recurrent
"""These fill LAYERS and LOSSES."""


@contextmanager
def layers_watched(watch: Recorder, on: str) -> Iterator[None]:
    """Inside, what layers and losses were given and gave is written down; where Keras is not
    imported, or runs on another backend, nothing happens."""
    if backend() != on:
        yield
        return
    from keras.src.losses.loss import Loss
    from keras.src.ops.operation import Operation

    def watched(original: Callable[..., Any], begun: Callable[..., Whole | None]) -> Any:
        def called(self: Any, *args: Any, **kwargs: Any) -> Any:
            whole = None if watch.busy else begun(watch, self, args, kwargs)
            if whole is None:
                return original(self, *args, **kwargs)
            outer, watch.within = watch.within, (*watch.within, whole)
            try:
                result = original(self, *args, **kwargs)
            finally:
                watch.within = outer
            with watch.nothing_noted():
                logits = getattr(result, "_keras_logits", None)  # what a softmax here was made of
                gave = result if logits is None else (result, logits)
                whole.results = exchanged(gave, watch.seen)
            return result

        return called

    originals = Operation.__call__, Loss.__call__
    Operation.__call__ = watched(originals[0], _layer)
    Loss.__call__ = watched(originals[1], _loss)
    try:
        yield
    finally:
        Operation.__call__, Loss.__call__ = originals


def _layer(watch: Recorder, layer: Any, args: Any, kwargs: Any) -> Whole | None:
    name = type(layer).__name__
    at_all_times = name == "TimeDistributed"
    layer = layer.layer if at_all_times else layer
    kind = type(layer)
    entry = LAYERS.get(kind.__name__) if kind.__module__.startswith("keras.") else None
    if entry is None:
        return None
    function = partial(_timed, entry.function) if at_all_times else entry.function
    weights = {ours: _part(layer, path) for ours, path in entry.weights.items()}
    weights = {name: v for name, v in weights.items() if v is not None}
    if not all(hasattr(v, "_value") for v in weights.values()):
        return None  # made of something else: low rank, quantised
    at = SimpleNamespace(**{ours: _part(layer, path) for ours, path in entry.settings.items()})
    with watch.nothing_noted():
        given, named = exchanged((args, kwargs), watch.seen)
        own = {name: watch.leaf(v._value) for name, v in weights.items()}
    half = "16" in str(getattr(layer, "compute_dtype", ""))
    if half:
        watch.trace.notes.setdefault("autocast", {})
    return _whole(watch, name, partial(function, at), given, named | own, half)


def _timed(function: Any, at: Any, x: Any, mask: Any = None, **named: Any) -> Any:
    """The layer at every time of x, (B, T, ...): all of them are one larger batch."""
    if x.dim() == 3:  # the places of a sequence are that already
        return function(at, x, **named)
    found = function(at, x.reshape(-1, *x.shape[2:]), **named)
    parts = found if isinstance(found, tuple) else (found,)
    return tuple(part.reshape(*x.shape[:2], *part.shape[1:]) for part in parts)


def _loss(watch: Recorder, loss: Any, args: Any, kwargs: Any) -> Whole | None:
    function = getattr(loss, "fn", None)
    known = LOSSES.get(getattr(function, "__name__", ""))
    if known is None or not function.__module__.startswith("keras."):
        return None
    given = dict(zip(("y_true", "y_pred", "sample_weight"), args, strict=False)) | kwargs
    answer, options = given.get("y_pred"), dict(loss._fn_kwargs)
    unlike = {"weight": given.get("sample_weight"), "mask": getattr(answer, "_keras_mask", None)}
    unlike = {word: x for word, x in unlike.items() if x is not None}
    if loss.reduction not in (*_MEANS, "sum"):
        return None
    logits = getattr(answer, "_keras_logits", None)
    takes_logits = "from_logits" in signature(known).parameters
    if logits is not None and takes_logits and backend() == "tensorflow":
        answer, options["from_logits"] = logits, True
    with watch.nothing_noted():
        pair = exchanged((given.get("y_true"), answer), partial(_seen, watch))
        options |= exchanged(unlike, partial(_seen, watch))
    if unlike:
        known = partial(keras_losses.weighed, known)
        options["by_weight"] = loss.reduction == "mean_with_sample_weight"
    options["reduction"] = "sum" if loss.reduction == "sum" else "mean"
    half = "16" in str(loss.dtype)
    return _whole(watch, type(loss).__name__, known, pair, options, half)


def _seen(watch: Recorder, x: Any) -> Any:
    """Keras takes plain arrays for targets."""
    if not isinstance(x, np.ndarray):
        return watch.seen(x)
    numbers = x.astype(np.float64) if x.dtype.kind == "f" else x.copy()
    return Value(x.shape, lambda: numbers, "given", name_of(x))


_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


def _whole(watch: Recorder, name: str, function: Any, args: Any, kwargs: Any, half: bool) -> Whole:
    return Whole(
        name, function, None, args, kwargs, None, watch.scope, user_line(), True,
        rounding=0.05 if half else 1e-3,
    )  # fmt: skip


def _part(layer: Any, path: str) -> Any:
    """layer.cell.kernel, or None where there is no such thing."""
    return reduce(lambda x, name: getattr(x, name, None), path.split("."), layer)
