"""A Keras optimizer under the names that PyTorch's optimizers have, as far as fit, its
callbacks and its schedulers ask for them.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import optimizers

from gobhir.lang import say
from gobhir.optim import Optimizer

AS_IN_PYTORCH: dict[str, dict[str, float]] = {
    "SGD": {"learning_rate": 1e-3},
    "Adam": {"learning_rate": 1e-3, "epsilon": 1e-8},
    "AdamW": {"learning_rate": 1e-3, "epsilon": 1e-8, "weight_decay": 1e-2},
    "Adamax": {"learning_rate": 2e-3, "epsilon": 1e-8},
    # In these two Keras has epsilon under the root.
    "RMSprop": {"learning_rate": 1e-2, "rho": 0.99, "epsilon": 1e-16},
    "Adagrad": {"learning_rate": 1e-2, "initial_accumulator_value": 0.0, "epsilon": 1e-20},
    "Adadelta": {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-6},
}
"""By name an optimizer begins as PyTorch's of that name does, so that fit does the same with
every framework. Names that are not here are Keras's own, with its settings."""


def by_name(name: str) -> tuple[type, dict[str, float]]:
    """The optimizer's class, and with which settings it begins. ValueError for none."""
    kinds = {
        kind.__name__.lower(): kind
        for kind in vars(optimizers).values()
        if isinstance(kind, type)
        and issubclass(kind, optimizers.Optimizer)
        and kind not in (optimizers.Optimizer, optimizers.LossScaleOptimizer)
    }
    kind = kinds.get(name.lower())
    if kind is None:
        known = ", ".join(sorted(kinds))
        raise ValueError(say("errors.training.optimizer", name=name, known=known))
    return kind, AS_IN_PYTORCH.get(kind.__name__, {})


class KerasOptimizer(Optimizer):
    """`inner`, a Keras optimizer, over the variables of one model. It is an Optimizer of
    gobhir.optim so that the schedulers there can set its learning rate; its step is Keras's."""

    def __init__(self, inner: Any, variables: list[Any]):
        self.inner = inner
        self.variables = variables
        if not inner.built:
            inner.build(variables)
        elif {id(v) for v in _root(inner)._trainable_variables} != {id(v) for v in variables}:
            raise ValueError(say("errors.keras.foreign_optimizer"))
        self.param_groups = [_Group(inner, variables)]
        self.defaults = {}  # no momentum that could be set anew in every step
        self.schedulers = []
        self.state = _State(inner)  # type: ignore[assignment]
        self._opt_called = True
        self._found: list[Any] | None = None

    def zero_grad(self, set_to_none: bool = True) -> None:
        self._found = None
        for v in self.variables:
            if hasattr(v.value, "grad"):  # on PyTorch each keeps its own
                v.value.grad = None

    def add(self, gradients: list[Any]) -> None:
        """Add to the gradients, in the order of `variables`; None where the loss knows nothing of
        a variable."""
        if keras.backend.backend() == "torch":
            for v, g in zip(self.variables, gradients, strict=True):
                v.value.grad = g if v.value.grad is None or g is None else v.value.grad + g
        elif self._found is None:
            self._found = gradients
        else:
            pairs = zip(self._found, gradients, strict=True)
            self._found = [_sum(a, b) for a, b in pairs]

    @property
    def gradients(self) -> list[Any]:
        """What was added up so far."""
        if keras.backend.backend() == "torch":
            return [v.value.grad for v in self.variables]
        return self._found or [None] * len(self.variables)

    def apply(self, gradients: list[Any]) -> None:
        """One step with these gradients, in the order of `variables`."""
        self.inner.apply(gradients, self.variables)

    def state_dict(self) -> dict[str, Any]:
        return {str(i): value for i, value in enumerate(copies(self.inner.variables).values())}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        assign(self.inner.variables, state_dict)

    @property
    def kind(self) -> str:
        """What Keras calls it."""
        return type(self.inner).__name__


def _sum(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return a if b is None else b
    # The rows of an embedding that were used become a whole table.
    return keras.ops.convert_to_tensor(a) + keras.ops.convert_to_tensor(b)


def _root(inner: Any) -> Any:
    """The optimizer that knows the model's variables, inside one that scales the loss."""
    return getattr(inner, "inner_optimizer", inner)


class _Group(dict[str, Any]):
    """The one group of parameters; its "lr" is the optimizer's learning rate itself."""

    def __init__(self, inner: Any, variables: list[Any]):
        super().__init__(params=variables, lr=0.0)
        self._root = _root(inner)

    def __getitem__(self, name: str) -> Any:
        if name == "lr":
            # As it is written: float32's 0.01 is 0.01.
            return float(str(numbers(self._root.learning_rate)))
        return super().__getitem__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        if name == "lr":
            if not isinstance(self._root._learning_rate, keras.Variable):
                raise TypeError(say("errors.keras.scheduled"))
            self._root.learning_rate = float(value)
        super().__setitem__(name, value)


class _State:
    """What the optimizer remembers of earlier steps."""

    def __init__(self, inner: Any):
        self._inner = inner

    def clear(self) -> None:
        """Forget it."""
        start = float(getattr(_root(self._inner), "initial_accumulator_value", 0.0))
        for v in _root(self._inner).variables:
            if v is not _root(self._inner)._learning_rate:
                v.assign(np.full(v.shape, 0 if v.name == "iteration" else start))


def copies(variables: list[Any]) -> dict[str, np.ndarray]:
    """Copies of their numbers, by place and name; by their paths no model made once more would
    know them."""
    return {f"{i}.{v.name}": np.array(numbers(v)) for i, v in enumerate(variables)}


def assign(variables: list[Any], values: dict[str, Any]) -> None:
    """Give the variables what `copies` copied. ValueError where they are others."""
    given = {int(name.split(".")[0]): np.asarray(value) for name, value in values.items()}
    if {i: tuple(v.shape) for i, v in enumerate(variables)} != {
        i: v.shape for i, v in given.items()
    }:
        raise ValueError(say("errors.keras.other_weights"))
    for i, variable in enumerate(variables):
        variable.assign(given[i])


def numbers(tensor: Any) -> np.ndarray:
    """A tensor's or a variable's numbers in a kind that NumPy has itself."""
    if isinstance(tensor, keras.Variable):
        tensor = tensor.value
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if "bfloat16" in str(tensor.dtype) else tensor
    array = np.asarray(tensor.numpy() if hasattr(tensor, "numpy") else tensor)
    if array.dtype.kind not in "fiub":  # bfloat16
        return array.astype(np.float32)
    return array.astype(np.int64) if array.dtype == np.uint32 else array
