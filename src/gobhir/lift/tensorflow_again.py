"""A recorded op of TensorFlow's, run once more by TensorFlow: in float64, with its own gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context, execute
from tensorflow.python.framework import op_def_registry

from gobhir.lift.trace import Call, Value, values_in

_FLOATS = {tf.float16.as_datatype_enum, tf.bfloat16.as_datatype_enum, tf.float32.as_datatype_enum}


class Again:
    """One call, to be run on other numbers. `inputs`: its values, in the order of the arguments."""

    def __init__(self, call: Call):
        self.call = call
        self.inputs = [v for v in call.args if isinstance(v, Value)]
        types = {a.name for a in op_def_registry.get(call.name).attr if a.type == "type"}
        self._attrs = {
            k: tf.float64.as_datatype_enum if k in types and v in _FLOATS else v
            for k, v in call.kwargs.items()
        }

    def _run(self, given: list[Any]) -> list[Any]:
        try:
            return self._as(self._attrs, given)
        except (tf.errors.NotFoundError, tf.errors.InvalidArgumentError):
            # It does not do this in float64.
            lower = [tf.cast(t, tf.float32) if t.dtype.is_floating else t for t in given]
            results = self._as(self.call.kwargs, lower)
            return [tf.cast(t, tf.float64) if t.dtype.is_floating else t for t in results]

    def _as(self, attrs_of: dict[str, Any], given: list[Any]) -> list[Any]:
        rest = iter(given)
        flat = [
            next(rest) if isinstance(a, Value) else tf.convert_to_tensor(a) for a in self.call.args
        ]
        attrs = tuple(x for pair in attrs_of.items() for x in pair)
        count = len(list(values_in(self.call.results)))
        kind = self.call.name
        results = execute.execute(kind, count, flat, attrs, context.context())
        execute.record_gradient(kind, flat, attrs, results)
        return list(results)

    def run(self, arrays: Any) -> Any:
        """The results for these arrays."""
        results = [t.numpy() for t in self._run([_tensor(a) for a in arrays])]
        return results[0] if len(results) == 1 else tuple(results)

    def pull(self, arrays: Any, cotangents: Any) -> tuple[Any, ...]:
        """What each input receives."""
        given = [_tensor(a) for a in arrays]
        wanted = [t for t in given if t.dtype.is_floating]
        seeds = cotangents if isinstance(cotangents, tuple) else (cotangents,)
        with tf.GradientTape() as tape:
            tape.watch(wanted)
            results = self._run(given)
        pairs = [
            (r, _tensor(s)) for r, s in zip(results, seeds, strict=True) if r.dtype.is_floating
        ]
        found = iter(
            tape.gradient([r for r, _ in pairs], wanted, output_gradients=[s for _, s in pairs])
        )
        pulled = [next(found) if t.dtype.is_floating else None for t in given]
        return tuple(
            np.zeros(t.shape) if g is None else tf.convert_to_tensor(g).numpy()
            for g, t in zip(pulled, given, strict=True)
        )


def _tensor(a: Any) -> Any:
    return tf.convert_to_tensor(np.asarray(getattr(a, "array", a)))
