"""A TensorFlow step, watched: every op that runs eagerly, the tape's gradients, Keras's layers and
optimizers.

The program runs untouched. Op callbacks see each op with its tensors, which never change; the
tape asks one function for every gradient, and so says which kernels belong to which op. What
tf.function would compile runs eagerly meanwhile, for inside a graph nothing can be seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.tensorflow.trainer import TensorFlowTrainer
from tensorflow.python import pywrap_tfe
from tensorflow.python.eager import backprop
from tensorflow.python.eager.polymorphic_function.polymorphic_function import Function
from tensorflow.python.framework import op_callbacks

from gobhir.lift import tensorflow_moves, tensorflow_windows
from gobhir.lift import tensorflow_ops as ops
from gobhir.lift.keras_parts import layers_of, optimizers_watched, variables_of
from gobhir.lift.keras_shadow import twice
from gobhir.lift.keras_whole import layers_watched
from gobhir.lift.places import name_of, user_line
from gobhir.lift.recorder import KEEP, Recorder
from gobhir.lift.tensorflow_again import Again
from gobhir.lift.tensorflow_backward import Backwards
from gobhir.lift.trace import Call, Trace, Value

TABLES = ops, tensorflow_moves, tensorflow_windows
"""These fill ops.TABLE."""


class TensorFlowWatch(Recorder):
    """`with TensorFlowWatch() as w:` around a step; `w.trace` is what happened. models: whose
    parts' names are wanted before they run. on_step: called when an optimizer has stepped."""

    def __init__(
        self, *models: Any, on_step: Callable[[], None] = lambda: None, keep: int = KEEP
    ) -> None:
        super().__init__(Trace(framework="TensorFlow", again=Again), on_step, keep)
        self._values: dict[int, tuple[Any, Value]] = {}
        """By its id, each tensor (which has to live, or another one gets its id) and its Value."""
        self._leaves: dict[int, Value] = {}
        """By its handle's id, what a variable is now."""
        self._names: dict[int, tuple[Any, str]] = {}
        self._paths: dict[int, str] = {}
        self._root: Any = None
        self._scope: tuple[str, ...] = ()
        self._backwards = Backwards(self)
        self._twice: set[int] = set()
        """Models whose compiled step runs a second time, eagerly."""
        for model in models:
            self._learn_names(model)

    # -- beginning and end ----

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for where, name, made in (
                (keras.Layer, "__call__", self._layer),
                (tf.GradientTape, "gradient", self._backwards.watched),
                (Function, "__call__", self._compiled),
                (TensorFlowTrainer, "make_train_function", self._made_to_train),
            ):
                stack.enter_context(_in_the_place_of(where, name, made))
            stack.enter_context(optimizers_watched(self, "tensorflow"))
            stack.enter_context(layers_watched(self, "tensorflow"))
            stack.callback(pywrap_tfe.TFE_Py_RegisterGradientFunction, backprop._gradient_function)
            pywrap_tfe.TFE_Py_RegisterGradientFunction(self._backwards.of_one_op)
            stack.enter_context(_without_a_warning())
            stack.callback(tf.config.run_functions_eagerly, tf.config.functions_run_eagerly())
            tf.config.run_functions_eagerly(True)
            stack.callback(op_callbacks.remove_op_callback, self._called)
            op_callbacks.add_op_callback(self._called)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()
        self.take_off_label()
        for kept in (self._values, self._leaves, self._names, self._backwards.by_op):
            kept.clear()

    def forgotten(self) -> None:
        known = set(self.trace.calls)
        needed = {v for c in known for v in c.values}
        self._values = {k: pair for k, pair in self._values.items() if pair[1] in needed}
        self._backwards.keep(known)

    # -- what Keras's parts ask ----

    @property
    def scope(self) -> tuple[str, ...]:
        return self._scope

    def seen(self, x: Any) -> Any:
        if isinstance(x, keras.Variable):
            return self.leaf(x._value)
        return self._known(x) if tf.is_tensor(x) and hasattr(x, "numpy") else x

    def leaf(self, tensor: Any) -> Value:
        handle = tensor.handle
        if id(handle) not in self._leaves:
            with self.nothing_noted():
                now = tensor.read_value()
            self._leaves[id(handle)] = self._parameter(handle, now)
        return self._leaves[id(handle)]

    def snapshot(self, tensor: Any) -> Value:
        with self.nothing_noted():
            now = tf.convert_to_tensor(tensor)
        return Value(tuple(now.shape), _reader(now))

    def renew(self, tensor: Any) -> Value:
        self._leaves.pop(id(tensor.handle), None)
        return self.leaf(tensor)

    # -- tensors ----

    def _parameter(self, handle: Any, now: Any) -> Value:
        _, name = self._names.get(id(handle), (None, ""))
        self._names.setdefault(id(handle), (handle, ""))  # it has to live
        origin = "parameter" if now.dtype.is_floating else "buffer"
        return Value(tuple(now.shape), _reader(now), origin, name)

    def _known(self, t: Any) -> Value:
        """The Value of a tensor; one that was never seen came from outside."""
        if t.dtype == tf.resource:
            if id(t) not in self._leaves:
                kind = tf.as_dtype(t._handle_data.shape_and_type[0].dtype)
                with self.nothing_noted():
                    now = tf.raw_ops.ReadVariableOp(resource=t, dtype=kind)
                self._leaves[id(t)] = self._parameter(t, now)
            return self._leaves[id(t)]
        found = self._values.get(id(t))
        return found[1] if found else self._new(t, "given", name_of(t))

    def _new(self, t: Any, origin: str = "", name: str = "") -> Value:
        value = Value(tuple(t.shape), _reader(t), origin, name)
        self._values[id(t)] = t, value
        self.remembers((t.shape.num_elements() or 0) * t.dtype.size)
        return value

    # -- ops ----

    def _called(
        self,
        kind: str,
        inputs: Any,
        attrs: Any,
        outputs: Any,
        op_name: Any = None,
        graph: Any = None,
    ) -> None:
        if graph is not None or self.busy:
            return
        kind = kind.decode() if isinstance(kind, bytes) else kind
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        if not all(hasattr(t, "numpy") for t in (*inputs, *outputs)):
            return
        if self._backwards.event is not None:
            self._backwards.kernel(kind, inputs, outputs)
        elif kind == "ReadVariableOp":
            if id(inputs[0]) not in self._leaves:
                self._leaves[id(inputs[0])] = self._parameter(inputs[0], outputs[0])
            self._values[id(outputs[0])] = outputs[0], self._leaves[id(inputs[0])]
        elif kind.startswith("Assign") and kind.endswith("VariableOp"):
            self._leaves.pop(id(inputs[0]), None)
        elif kind == "Identity":
            self._values[id(outputs[0])] = outputs[0], self._known(inputs[0])
        elif ops.draws(kind) or (kind != "ResourceGather" and any(map(_no_numbers, inputs))):
            for t in outputs:
                self._new(t, "drawn" if ops.draws(kind) else "given")
        elif any(t.dtype.is_floating or t.dtype.is_integer or t.dtype.is_bool for t in outputs):
            pairs = zip(attrs[::2], attrs[1::2], strict=True)
            own = {name: value for name, value in pairs if value is not None}
            self._note(kind, list(inputs), own, outputs)

    def _note(self, kind: str, inputs: list[Any], attrs: dict[str, Any], outputs: Any) -> None:
        function, settings = ops.TABLE.get(kind, (None, ()))
        places = {k % len(inputs) for k in settings} if inputs else set()
        args = tuple(
            np.array(t.numpy()) if k in places else self._known(t) for k, t in enumerate(inputs)
        )
        results = tuple(self._new(t) for t in outputs)
        remembers = not pywrap_tfe.TFE_Py_TapeSetIsEmpty()
        call = Call(
            kind, function, kind, args, attrs, results, self.scope, user_line(), remembers,
            within=self.within,
        )  # fmt: skip
        self.trace.events.append(call)
        self._backwards.by_op[kind].append((call, inputs, outputs))

    # -- layers and what is compiled ----

    def _layer(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if self._away:
                return original(layer, *args, **kwargs)
            if not self._scope:
                self._root = layer
            self._learn_names(self._root, layer)
            outer = self._scope
            path = self._paths.get(id(layer), f"{outer[-1]}.{layer.name}" if outer else layer.name)
            self._scope = (*outer, path)
            try:
                return original(layer, *args, **kwargs)
            finally:
                self._scope = outer

        return called

    def _learn_names(self, root: Any, layer: Any = None) -> None:
        if layer is not None and id(layer) in self._paths and layer is not root:
            return
        label = name_of(root) or root.name
        label = next((m for m in self.trace.models if self._paths.get(id(root)) == m), label)
        owned = [(path, v) for path, v in variables_of(root) if isinstance(v.value, tf.Variable)]
        self.trace.models.setdefault(label, type(root).__name__)
        for path, part in layers_of(root):
            self._paths[id(part)] = f"{label}.{path}" if path else label
        for path, v in owned:
            handle = v.value.handle
            self._names[id(handle)] = handle, f"{label}.{path}"
            if id(handle) in self._leaves:
                self._leaves[id(handle)].name = f"{label}.{path}"
        self.trace.parameters |= {
            (name := f"{label}.{path}"): Value(
                tuple(v.shape), _reader(v.value), "parameter", name, v.trainable
            )
            for path, v in owned
            if v.value.dtype.is_floating
        }

    def about_to_train(self, model: Any) -> None:
        """Let the model's compiled step be seen: it runs once eagerly, is taken back, and runs."""
        if model.run_eagerly or model.train_function is None or id(model) in self._twice:
            return
        original = model.train_function
        self.trace.notes.setdefault("shadow", {})
        self._twice.add(id(model))
        self._open.callback(self._twice.discard, id(model))
        self._open.callback(setattr, model, "train_function", original)
        model.train_function = twice(model, self._as_without)

    def _made_to_train(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def made(model: Any, force: bool = False) -> Any:
            result = original(model, force)
            self.about_to_train(model)
            return result

        return made

    @contextmanager
    def _as_without(self) -> Iterator[None]:
        with self.nothing_noted():
            tf.config.run_functions_eagerly(False)
            try:
                yield
            finally:
                tf.config.run_functions_eagerly(True)

    def _compiled(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def called(function: Any, *args: Any, **kwargs: Any) -> Any:
            if not self._away:
                self.trace.notes.setdefault("function", {})
            return original(function, *args, **kwargs)

        return called


def _no_numbers(t: Any) -> bool:
    """An iterator over data, a table, a list of tensors: what comes out of it came from outside."""
    return t.dtype in (tf.resource, tf.variant)


def _reader(t: Any) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        array = t.numpy()
        return array.astype(np.float64) if t.dtype.is_floating else np.array(array)

    return read


@contextmanager
def _without_a_warning() -> Iterator[None]:
    """TensorFlow says that functions of tf.data stay compiled: nobody has asked about these."""
    warnings.filterwarnings("ignore", message="Even though the `tf.config")
    own = warnings.filters[0]
    try:
        yield
    finally:
        if own in warnings.filters:
            warnings.filters.remove(own)  # type: ignore[attr-defined]  # it is a list


@contextmanager
def _in_the_place_of(where: Any, name: str, made: Callable[..., Any]) -> Iterator[None]:
    original = getattr(where, name)
    setattr(where, name, made(original))
    try:
        yield
    finally:
        setattr(where, name, original)
