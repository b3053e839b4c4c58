"""What a GradientTape asked for, and which kernels that were run backward belong to which op."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.eager import backprop

from gobhir.lift.recorder import Recorder
from gobhir.lift.trace import Backward, Call, Value, exchanged, values_in


class Backwards:
    """event: what is being differentiated now. by_op: the calls of each op, with its tensors."""

    def __init__(self, watch: Recorder) -> None:
        self.watch = watch
        self.event: Backward | None = None
        self.by_op: defaultdict[str, list[tuple[Call, list[Any], list[Any]]]] = defaultdict(list)
        self._gradient_of: dict[int, tuple[Any, list[Value]]] = {}
        """By its id, each gradient, and of what it is the gradient."""
        self._working_on: Call | None = None

    def keep(self, calls: set[Call]) -> None:
        """Forget all other calls."""
        for kind, known in self.by_op.items():
            self.by_op[kind] = [entry for entry in known if entry[0] in calls]

    def watched(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def gradient(tape: Any, target: Any, sources: Any, *rest: Any, **options: Any) -> Any:
            if self.watch.busy or self.event is not None:
                return original(tape, target, sources, *rest, **options)
            seeds = rest[0] if rest else options.get("output_gradients")
            roots = [self.watch.seen(tf.convert_to_tensor(t)) for t in tf.nest.flatten(target)]
            given = [None] * len(roots) if seeds is None else tf.nest.flatten(seeds)
            leaves = [self._source(s) for s in tf.nest.flatten(sources)]
            event = self.event = Backward(
                roots, [None if s is None else self.watch.seen(s) for s in given], {}
            )
            try:
                found = original(tape, target, sources, *rest, **options)
                for leaf, g in zip(
                    leaves, tf.nest.flatten(found, expand_composites=False), strict=True
                ):
                    if g is not None:
                        leaf.learns = True
                        event.found[leaf] = None, self.watch.snapshot(g)
                        self._read_unseen(leaf, g)
            finally:
                self.event = None
                self._gradient_of.clear()
            self.watch.trace.events.append(event)
            self._learning()
            return found

        return gradient

    def _read_unseen(self, leaf: Value, g: Any) -> None:
        """A variable that an op was given as it is was read where nobody looks: what the op got
        has the variable's gradient, and so it is the variable."""
        _, of = self._gradient_of.get(id(g), (None, []))
        copies = [v for v in of if v.origin == "given" and v.shape == leaf.shape]
        for call in self.watch.trace.calls if copies else ():
            call.args = exchanged(call.args, lambda x: leaf if any(x is v for v in copies) else x)

    def _learning(self) -> None:
        """Everything that was made of what learns has a gradient, too."""
        for call in self.watch.trace.calls:
            own = call.remembers and call.name != "StopGradient"
            if own and any(v.learns for v in values_in(call.args)):
                for v in values_in(call.results):
                    v.learns = True

    def _source(self, source: Any) -> Value:
        """What is differentiated by: a variable, of Keras's or TensorFlow's, or a tensor."""
        own = source.value if isinstance(source, keras.Variable) else source
        return self.watch.leaf(own) if isinstance(own, tf.Variable) else self.watch.seen(own)

    def of_one_op(
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
        if self.event is None:
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
                    self._gradient_of.setdefault(id(g), (g, []))[1].append(self.watch.seen(t))
        return result

    def _call_of(self, kind: str, inputs: Any, outputs: Any, gradients: Any) -> Any:
        """Which call of this kind: that with these inputs, outputs and gradients, as far as the
        tape has kept them."""
        last = None
        for known in reversed(self.by_op[kind]):
            call, given, gave = known
            if not _same(inputs, given) or not _same(outputs, gave):
                continue
            meant = [v for g in gradients for v in self._gradient_of.get(id(g), (None, []))[1]]
            if not meant or not set(call.results).isdisjoint(meant):
                return known
            last = last or known
        return last

    def kernel(self, kind: str, inputs: Any, outputs: Any) -> None:
        assert self.event is not None
        call = self._working_on
        for t in inputs if call is None else ():
            _, of = self._gradient_of.get(id(t), (None, []))
            if of and len(outputs) == 1:  # several of them, added up
                known = (self._gradient_of.get(id(x), (None, []))[1] for x in inputs)
                self._gradient_of[id(outputs[0])] = outputs[0], [v for vs in known for v in vs]
            leaf = next((v for v in of if v.origin), None)
            call = next((c for c in self.watch.trace.calls if of and of[0] in c.results), None)
            if call is not None or leaf is not None:
                break
        else:
            if call is None and not self._gradient_of:  # the 1 to start from
                call = next(
                    (c for c in self.watch.trace.calls if self.event.roots[0] in c.results), None
                )
            if call is None:
                self.event.unlinked.append(kind)
        if call is not None:
            call.kernels.append(kind)


def _same(some: Any, all_of_them: list[Any]) -> bool:
    """Whether these are the same tensors; None for one that was not kept."""
    pairs = zip(some or (), all_of_them, strict=False)
    return all(a is None or a is b for a, b in pairs)
