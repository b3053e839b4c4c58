"""What Keras does whatever it runs on: its layers, the names of its variables, the steps of its
optimizers.

A recorder (torch_watch.py, tensorflow_watch.py) says what its tensors are; this says the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gobhir.lift.keras_rules import RULES
from gobhir.lift.keras_schedules import schedule
from gobhir.lift.recorder import Recorder
from gobhir.lift.trace import Changed, Stepped, Value


def backend() -> str | None:
    """What Keras runs on; None where it is not imported."""
    keras = sys.modules.get("keras")
    return None if keras is None else keras.backend.backend()


def is_layer(x: Any) -> bool:
    """Whether it is a layer or a model of Keras's, without importing Keras."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(x, keras.Layer)


def layers_of(root: Any) -> Iterator[tuple[str, Any]]:
    """Every layer with its path in the root, as Keras calls it ("block/dense"), with dots."""
    for layer in root._flatten_layers():
        yield "" if layer is root else _inside(root, layer.path or layer.name), layer


def variables_of(root: Any) -> Iterator[tuple[str, Any]]:
    """Every variable with its path in the root ("dense/kernel"), with dots; seeds left out."""
    for variable in root.variables:
        if "seed_generator" not in variable.path:
            yield _inside(root, variable.path), variable


def own_of(layer: Any) -> Iterator[Any]:
    """The variables of this layer itself."""
    for v in (*layer._trainable_variables, *layer._non_trainable_variables):
        if "seed_generator" not in v.path:
            yield v


def _inside(root: Any, path: str) -> str:
    return path.removeprefix(f"{root.path or root.name}/").replace("/", ".")


@contextmanager
def optimizers_watched(watch: Recorder, on: str) -> Iterator[None]:
    """Inside, every step of an optimizer of Keras's is written down; where Keras is not imported,
    or runs on another backend, nothing happens."""
    if backend() != on:
        yield
        return
    from keras.src.optimizers.base_optimizer import BaseOptimizer

    apply, clip = BaseOptimizer.apply, BaseOptimizer._clip_gradients
    seen: list[Any] = []
    clipped: dict[int, Any] = {}

    def clip_watched(self: Any, grads: Any) -> Any:
        found = clipped[id(self)] = clip(self, grads)
        return found

    def apply_watched(self: Any, grads: Any, trainable_variables: Any = None) -> None:
        if watch.busy or not len(grads):
            return apply(self, grads, trainable_variables)
        given = self._trainable_variables if trainable_variables is None else trainable_variables
        given = list(given)
        with watch.nothing_noted():
            if not self.built:  # as it is about to do itself
                with _name_scope(self):
                    self.build(given)
                self.built = True
            changed = [v for g, v in zip(grads, given, strict=True) if g is not None]
            clipped.pop(id(self), None)
            before = [_before(watch, self, v) for v in changed]
            groups = _settings(self)
            rates = schedule(self, len(groups))
            result = apply(self, grads, given)
            taken = clipped.pop(id(self), None)
            if taken is None:  # it only gathers gradients, for a step to come
                for v in changed:
                    watch.renew(v.value)
                return result
            changes = []
            for v, g, (leaf, was, state) in zip(changed, taken, before, strict=True):
                group = 0 if groups[0]["weight_decay"] and self._use_weight_decay(v) else 1
                known = RULES.get(_kind(self), (None,))[0]
                if known is not None and not known.covers(self, v):
                    group = -1
                if _repeats(g) and _kind(self) != "SGD":
                    group = -1
                change = Changed(leaf, was, watch.snapshot(g), state, was, group)
                change.after = watch.renew(v.value)
                changes.append(change)
        if not any(self is o for o in seen):
            seen.append(self)
        key = next(k for k, o in enumerate(seen) if o is self)
        kind = _kind(self)
        more = _more_than_the_rule(self, groups[0]["t"])
        rule = None if more else RULES.get(kind, (None,))[0]
        # Not the optimizers of PyTorch: from these it differs even where it has their names.
        kind = f"keras.{kind}{f' + {more}' if more else ''}"
        watch.stepped(Stepped(kind, groups, changes, 1000 + key, rule, rates))
        watch.on_step()
        return result

    BaseOptimizer.apply, BaseOptimizer._clip_gradients = apply_watched, clip_watched
    try:
        yield
    finally:
        BaseOptimizer.apply, BaseOptimizer._clip_gradients = apply, clip


def _name_scope(optimizer: Any) -> Any:
    from keras.src import backend

    return backend.name_scope(optimizer.name, caller=optimizer)


def _kind(optimizer: Any) -> str:
    """Keras's name of it; one of the user's own is no optimizer that Keras has."""
    kind = type(optimizer)
    return kind.__name__ if kind.__module__.startswith("keras.") else f"own.{kind.__name__}"


def _repeats(gradient: Any) -> bool:
    """TensorFlow's gradient of an embedding comes row by row, and Keras squares each row that it
    gets: of a token that was there twice, a sum of squares, where the rule has a square of a sum.
    """
    rows = getattr(gradient, "indices", None)
    if rows is None or callable(rows):
        return False
    rows = np.asarray(rows)
    return len(np.unique(rows)) < len(rows)


def _more_than_the_rule(optimizer: Any, step: int) -> str:
    """What else becomes of the weights in this step, by Keras's name of it."""
    often = optimizer.ema_overwrite_frequency
    if optimizer.use_ema and often and (step % often == 0 or (step + 1) % often == 0):
        return "ema_overwrite_frequency"
    constrained = any(v.constraint is not None for v in optimizer._trainable_variables)
    return "constraint" if constrained else ""


def _settings(optimizer: Any) -> list[dict[str, Any]]:
    """Of the parameters that decay, and of those that do not."""
    _, attributes, _ = RULES.get(_kind(optimizer), (None, {}, {}))
    settings = {ours: _number(getattr(optimizer, theirs)) for theirs, ours in attributes.items()}
    settings |= {"lr": _plain(optimizer.learning_rate), "t": int(optimizer.iterations) + 1}
    settings["weight_decay"] = 0.0
    decay = getattr(optimizer, "adam_weight_decay", optimizer.weight_decay)
    settings["lr"] *= getattr(optimizer, "adam_lr_ratio", 1)
    return [settings | {"weight_decay": float(decay or 0.0)}, settings]


def _number(x: Any) -> Any:
    return float(x) if hasattr(x, "assign") else x


def _plain(x: Any) -> float:
    """A number of float32 as the user wrote it: 0.01, not 0.009999999776."""
    return float(str(np.float32(float(x))))


def _before(watch: Recorder, optimizer: Any, v: Any) -> tuple[Value, Value, dict[str, Any]]:
    from keras import ops

    _, _, lists = RULES.get(_kind(optimizer), (None, {}, {}))
    place = optimizer._get_variable_index(v)
    state = {}
    for ours, theirs in lists.items():
        kept = getattr(optimizer, theirs, None)
        if kept and kept[place] is not None:
            state[ours] = np.array(ops.convert_to_numpy(kept[place].value))
    return watch.leaf(v.value), watch.snapshot(v.value), state
