"""A TensorFlow step, watched: every op that runs eagerly, the tape's gradients, Keras's layers and
optimizers.

The program runs untouched. Op callbacks see each op with its tensors, which never change; the
tape asks one function for every gradient, and so says which kernels belong to which op. What
tf.function would compile runs eagerly meanwhile, for inside a graph nothing can be seen.
"""

from __future__ import annotations

from collections import defaultdict
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

from gobhir.lift import tensorflow_ops as ops
from gobhir.lift.keras_parts import layers_of, optimizers_watched, variables_of
from gobhir.lift.keras_shadow import twice
from gobhir.lift.places import name_of, user_line
from gobhir.lift.tensorflow_again import Again
from gobhir.lift.trace import Backward, Call, Trace, Value, values_in


class TensorFlowWatch:
    """`with TensorFlowWatch() as w:` around a step; `w.trace` is what happened. models: whose
    parts' names are wanted before they run. on_step: called when an optimizer has stepped."""

    def __init__(self, *models: Any, on_step: Callable[[], None] = lambda: None) -> None:
        self.trace = Trace(framework="TensorFlow", again=Again)
        self.on_step = on_step
        self._values: dict[int, tuple[Any, Value]] = {}
        """By its id, each tensor (which has to live, or another one gets its id) and its Value."""
        self._leaves: dict[int, Value] = {}
        """By its handle's id, what a variable is now."""
        self._names: dict[int, tuple[Any, str]] = {}
        self._paths: dict[int, str] = {}
        self._root: Any = None
        self._scope: tuple[str, ...] = ()
        self._away = 0
        self._made: dict[int, Call] = {}
        self._by_op: defaultdict[str, list[tuple[Call, list[Any], list[Any]]]] = defaultdict(list)
        self._event: Backward | None = None
        self._gradient_of: dict[int, tuple[Any, list[Value]]] = {}
        """By its id, each gradient, and of what it is the gradient."""
        self._working_on: Call | None = None
        self._twice: set[int] = set()
        """Models whose compiled step runs a second time, eagerly."""
        self._open = ExitStack()
        for model in models:
            self._learn_names(model)

    # -- beginning and end ----

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for where, name, made in (
                (keras.Layer, "__call__", self._layer),
                (tf.GradientTape, "gradient", self._gradient),
                (Function, "__call__", self._compiled),
                (TensorFlowTrainer, "make_train_function", self._made_to_train),
            ):
                stack.enter_context(_in_the_place_of(where, name, made))
            stack.enter_context(optimizers_watched(self, "tensorflow"))
            stack.callback(pywrap_tfe.TFE_Py_RegisterGradientFunction, backprop._gradient_function)
            pywrap_tfe.TFE_Py_RegisterGradientFunction(self._of_one_op)
            stack.callback(tf.config.run_functions_eagerly, tf.config.functions_run_eagerly())
            tf.config.run_functions_eagerly(True)
            stack.callback(op_callbacks.remove_op_callback, self._called)
            op_callbacks.add_op_callback(self._called)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()
        if len(self.trace.models) == 1:
            self.trace.take_off(next(iter(self.trace.models)))
        for kept in (self._values, self._leaves, self._names, self._made, self._by_op):
            kept.clear()

    def forget(self) -> None:
        """Keep of what was seen only the last step."""
        self.trace.keep_last_step()
        known = set(self.trace.calls)
        needed = {v for c in known for v in values_in((c.args, c.results))}
        self._values = {k: pair for k, pair in self._values.items() if pair[1] in needed}
        self._made = {k: call for k, call in self._made.items() if call in known}
        for kind, calls in self._by_op.items():
            self._by_op[kind] = [entry for entry in calls if entry[0] in known]

    # -- what Keras's parts ask ----

    @property
    def busy(self) -> bool:
        return self._away > 0

    @contextmanager
    def nothing_noted(self) -> Iterator[None]:
        self._away += 1
        try:
            yield
        finally:
            self._away -= 1

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
        if graph is not None or self._away:
            return
        kind = kind.decode() if isinstance(kind, bytes) else kind
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        if not all(hasattr(t, "numpy") for t in (*inputs, *outputs)):
            return
        if self._event is not None:
            self._kernel(kind, inputs, outputs)
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
            self._note(kind, list(inputs), dict(zip(attrs[::2], attrs[1::2], strict=True)), outputs)

    def _note(self, kind: str, inputs: list[Any], attrs: dict[str, Any], outputs: Any) -> None:
        function, settings = ops.TABLE.get(kind, (None, ()))
        places = {k % len(inputs) for k in settings} if inputs else set()
        args = tuple(
            np.array(t.numpy()) if k in places else self._known(t) for k, t in enumerate(inputs)
        )
        results = tuple(self._new(t) for t in outputs)
        remembers = not pywrap_tfe.TFE_Py_TapeSetIsEmpty()
        call = Call(
            kind, function, kind, args, attrs, results, self._scope, user_line(), remembers
        )  # fmt: skip
        self.trace.events.append(call)
        self._by_op[kind].append((call, inputs, outputs))
        for t in outputs:
            self._made[id(t)] = call

    # -- backward ----

    def _gradient(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def gradient(tape: Any, target: Any, sources: Any, *rest: Any, **options: Any) -> Any:
            if self._away or self._event is not None:
                return original(tape, target, sources, *rest, **options)
            seeds = rest[0] if rest else options.get("output_gradients")
            roots = [self._known(tf.convert_to_tensor(t)) for t in tf.nest.flatten(target)]
            given = [None] * len(roots) if seeds is None else tf.nest.flatten(seeds)
            leaves = [self._source(s) for s in tf.nest.flatten(sources)]
            event = self._event = Backward(
                roots, [None if s is None else self._known(s) for s in given], {}
            )
            try:
                found = original(tape, target, sources, *rest, **options)
            finally:
                self._event = None
                self._gradient_of.clear()
            for leaf, g in zip(
                leaves, tf.nest.flatten(found, expand_composites=False), strict=True
            ):
                if g is not None:
                    leaf.learns = True
                    event.found[leaf] = None, self.snapshot(g)
            self.trace.events.append(event)
            self._learning()
            return found

        return gradient

    def _learning(self) -> None:
        """Everything that was made of what learns has a gradient, too."""
        for call in self.trace.calls:
            own = call.remembers and call.name != "StopGradient"
            if own and any(v.learns for v in values_in(call.args)):
                for v in values_in(call.results):
                    v.learns = True

    def _source(self, source: Any) -> Value:
        """What is differentiated by: a variable, of Keras's or TensorFlow's, or a tensor."""
        own = source.value if isinstance(source, keras.Variable) else source
        return self.leaf(own) if isinstance(own, tf.Variable) else self._known(own)

    def _of_one_op(
        self,
        kind: str,
        attrs: Any,
        count: Any,
        inputs: Any,
        outputs: Any,
        gradients: Any,
        *rest: Any,
    ) -> Any:
        """In the place of the function that the tape asks for the gradients of one op."""
        if self._event is None:
            return backprop._gradient_function(
                kind, attrs, count, inputs, outputs, gradients, *rest
            )
        found = self._call_of(kind, inputs, outputs, gradients)
        outer, self._working_on = self._working_on, found[0] if found else None
        try:
            result = backprop._gradient_function(
                kind, attrs, count, inputs, outputs, gradients, *rest
            )
        finally:
            self._working_on = outer
        if found:
            pulled = result if isinstance(result, (list, tuple)) else [result]
            for t, g in zip(found[1], pulled, strict=False):
                if g is not None and t.dtype.is_floating:
                    self._gradient_of.setdefault(id(g), (g, []))[1].append(self._known(t))
        return result

    def _call_of(self, kind: str, inputs: Any, outputs: Any, gradients: Any) -> Any:
        """Which call of this kind: that with these inputs, outputs and gradients, as far as the
        tape has kept them."""
        last = None
        for known in reversed(self._by_op[kind]):
            call, given, gave = known
            if not _same(inputs, given) or not _same(outputs, gave):
                continue
            meant = [v for g in gradients for v in self._gradient_of.get(id(g), (None, []))[1]]
            if not meant or not set(call.results).isdisjoint(meant):
                return known
            last = last or known
        return last

    def _kernel(self, kind: str, inputs: Any, outputs: Any) -> None:
        assert self._event is not None
        call = self._working_on
        for t in inputs if call is None else ():
            _, of = self._gradient_of.get(id(t), (None, []))
            if of and len(outputs) == 1:  # several of them, added up
                self._gradient_of[id(outputs[0])] = outputs[0], of
            leaf = next((v for v in of if v.origin), None)
            call = next((c for c in self.trace.calls if of and of[0] in c.results), None)
            if call is not None or leaf is not None:
                break
        else:
            if call is None and not self._gradient_of:  # the 1 to start from
                call = next(
                    (c for c in self.trace.calls if self._event.roots[0] in c.results), None
                )
            if call is None:
                self._event.unlinked.append(kind)
        if call is not None:
            call.kernels.append(kind)

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


def _same(some: Any, all_of_them: list[Any]) -> bool:
    """Whether these are the same tensors; None for one that was not kept."""
    pairs = zip(some or (), all_of_them, strict=False)
    return all(a is None or a is b for a, b in pairs)


def _reader(t: Any) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        array = t.numpy()
        return array.astype(np.float64) if t.dtype.is_floating else np.array(array)

    return read


@contextmanager
def _in_the_place_of(where: Any, name: str, made: Callable[..., Any]) -> Iterator[None]:
    original = getattr(where, name)
    setattr(where, name, made(original))
    try:
        yield
    finally:
        setattr(where, name, original)
