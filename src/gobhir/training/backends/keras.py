"""Keras models under fit, on TensorFlow and on PyTorch.

Data stay NumPy arrays in Gobhir's own loaders, so that the same seed gives the same batches as
with the other frameworks; a batch becomes tensors when its turn comes.
"""

from __future__ import annotations

import inspect
import random
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import global_seed_generator

import gobhir
from gobhir.lang import say, warn
from gobhir.training.backends.base import Backend, Step, clips
from gobhir.training.backends.keras_losses import Loss, last_activation
from gobhir.training.backends.keras_optimizer import (
    KerasOptimizer,
    assign,
    by_name,
    copies,
    numbers,
)

ON = keras.backend.backend()
FEW = 4
"""So many batches of a pass without training are answered before a graph is made for the others:
tracing it takes longer than they do."""


class KerasBackend(Backend):
    """A keras.Model: functional, sequential, or a class of its own."""

    framework = gobhir
    """Whose loaders, generators and random numbers are used for the data."""

    def __init__(self, model: Any):
        if ON not in ("tensorflow", "torch"):
            raise ValueError(say("errors.keras.backend", backend=ON))
        super().__init__(model)
        self._loss: Loss | None = None
        self._asked = 0
        self._made: dict[Any, Any] = {}
        """Steps and answers by what they were made from: each is traced once only."""

    # -- tensors ---------------------------------------------------------------------------------

    def tensor(self, value: Any) -> Any:
        if isinstance(value, gobhir.Tensor) or (hasattr(value, "detach") and ON != "torch"):
            value = value.detach().cpu().numpy()
        return ops.convert_to_tensor(value)

    def array(self, tensor: Any) -> np.ndarray:
        if isinstance(tensor, gobhir.Tensor):
            return np.array(tensor.detach().numpy())
        return np.array(numbers(tensor))

    def value(self, loss: Any) -> float:
        return float(numbers(loss))

    def cat(self, tensors: list[Any]) -> Any:
        return ops.concatenate(tensors, axis=0)

    def kept(self, tensor: Any) -> np.ndarray:
        return numbers(tensor)  # each step makes new tensors

    def kept_pair(self, output: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
        out, y = self.kept(output), self.kept(target)
        return (np.moveaxis(out, -1, 1) if out.ndim == y.ndim + 1 > 2 else out), y

    def joined(self, kept: Sequence[Any]) -> np.ndarray:
        return np.concatenate(kept)

    def _model_dtype(self) -> np.dtype:
        kinds = (str(v.dtype) for v in self.model.weights if "float" in str(v.dtype))
        kind = next(kinds, keras.config.floatx())
        return np.dtype(np.float32 if kind == "bfloat16" else kind)

    # -- data ------------------------------------------------------------------------------------

    def columns(self, values: tuple[Any, ...], loss: Any) -> tuple[Any, ...]:
        columns = super().columns(values, loss)
        inputs = columns[:-1] or columns
        if all(len(c) for c in inputs):
            self._meet([c[:64] for c in inputs])
        return columns

    def row_loader(self, dataset: Any, batch_size: int, shuffle: bool, lend: bool) -> Any:
        if isinstance(dataset, keras.utils.PyDataset):
            return _Batches(dataset)
        if not self._built and isinstance(dataset[0], (tuple, list)):
            first = dataset[0]
            self._meet([np.asarray(part)[None] for part in first[:-1] or first])
        return super().row_loader(dataset, batch_size, shuffle, lend)

    @property
    def _built(self) -> bool:
        return bool(self.model.built)

    def _meet(self, inputs: list[Any]) -> None:
        """Show the model its first inputs, where it needs them: Keras makes weights only then. And
        where only numbers can tell, look whether the loss takes what the model gives."""
        tells = self._loss is None or self._loss.logits is None
        if self._built and (tells or last_activation(self.model)):
            return
        with self.evaluating():
            output = self._call([self.tensor(x) for x in inputs], training=False)
        if not tells and hasattr(output, "shape"):
            self._look_at(numbers(output))

    def _look_at(self, output: np.ndarray) -> None:
        assert self._loss is not None
        many = self._loss.kind != "BCEWithLogitsLoss" and output.ndim > 1 and output.shape[-1] > 1
        proper = np.isfinite(output).all() and (output >= 0).all()
        if self._loss.logits and many and proper and np.allclose(output.sum(-1), 1, atol=1e-3):
            self._warn_of("softmax")
        if self._loss.logits is False and ((output < -1e-3) | (output > 1 + 1e-3)).any():
            bad = output[(output < -1e-3) | (output > 1 + 1e-3)][0]
            value = f"{bad:.4g}"
            warn(say("errors.keras.no_probabilities", loss=self._loss.name, value=value))

    def _warn_of(self, activation: str) -> None:
        assert self._loss is not None
        other = "bce" if activation == "sigmoid" else "sparse_categorical_crossentropy"
        name = self._loss.name
        warn(say("errors.keras.activation", loss=name, activation=activation, other=other))

    # -- names -----------------------------------------------------------------------------------

    def loss(self, wish: Any) -> Loss:
        """By a name of fit's, which means what it means for PyTorch; or Keras's own, by name, as an
        object or a function (y_true, y_pred); or a function (output, target)."""
        loss = self._loss = Loss(self.model, wish, str(self.dtype))
        if loss.logits and (activation := last_activation(self.model)):
            self._warn_of(activation)
        return loss

    def optimizer(self, wish: Any, lr: float | None) -> KerasOptimizer:
        if not self._built:
            raise ValueError(say("errors.keras.unbuilt", model=self.model.name))
        variables = list(self.model.trainable_variables)
        if not variables:
            raise ValueError(say("errors.keras.nothing_learns"))
        base = keras.optimizers.Optimizer
        settings: dict[str, float] = {}
        if isinstance(wish, str):
            wish, settings = by_name(wish)
        if isinstance(wish, type) and issubclass(wish, base):
            wish = wish(**(settings if lr is None else settings | {"learning_rate": lr}))
        elif lr is not None:
            raise ValueError(say("errors.training.lr_twice"))
        if isinstance(wish, KerasOptimizer):  # of an earlier fit
            wish = wish.inner
        if not isinstance(wish, base):
            raise TypeError(say("errors.keras.optimizer", type=type(wish).__name__))
        scaling = keras.optimizers.LossScaleOptimizer
        policy = getattr(self.model.dtype_policy, "name", "")
        if policy == "mixed_float16" and not isinstance(wish, scaling):
            wish = scaling(wish)  # as model.compile does
        return KerasOptimizer(wish, variables)

    # -- the model -------------------------------------------------------------------------------

    def _call(self, inputs: Sequence[Any], training: bool) -> Any:
        model = self.model
        apart = len(inputs) == 1 or _takes(model) >= len(inputs)
        given = tuple(inputs) if apart else (list(inputs),)
        # As in Keras's own fit: a model that does not ask is not told.
        output = model(*given, **({"training": training} if model._call_has_training_arg else {}))
        return tuple(output) if isinstance(output, list) else output

    def step(
        self,
        loss: Any,
        optimizer: KerasOptimizer,
        clip: Callable[[], Any] | None,
        shows: bool = True,
    ) -> Step:
        key = "step", loss, id(optimizer), clip, shows
        if key in self._made:
            return self._made[key]
        gradients = _tensorflow_gradients if ON == "tensorflow" else _torch_gradients

        def forward(batch: tuple[Any, ...]) -> tuple[Any, Any, Any]:
            output = self._call(batch[:-1], training=True)
            value = loss(output, batch[-1])
            return value, output, optimizer.inner.scale_loss(value)

        def step(*batch: Any) -> tuple[Any, Any]:
            value, output, found = gradients(self.model, forward, batch, optimizer.variables)
            if clip is not None:
                found = clip(found, optimizer.inner.scale_loss(1.0))  # type: ignore[call-arg]
            with self._no_grad():
                optimizer.apply(found)
            return value, output if shows else None

        self._made[key] = step
        return step

    def answer(self, batch: tuple[Any, ...], loss: Any = None) -> tuple[Any, Any]:
        key = "answer", loss
        if key not in self._made:

            def answer(*batch: Any) -> tuple[Any, Any]:
                output = self._call(batch[:-1], training=False)
                return output, None if loss is None else loss(output, batch[-1])

            self._made[key] = answer
        answers = self._made[key]
        self._asked += 1
        if self.compiles and self._asked > FEW:
            answers = self.compiled(answers)
        return answers(*batch)

    @property
    def compiles(self) -> bool:  # type: ignore[override]
        """TensorFlow's graphs are the usual way there; what shall run eagerly does."""
        return ON == "tensorflow" and not getattr(self.model, "run_eagerly", False)

    def compiled(self, step: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
        key = "compiled", step, *sorted(settings.items())
        if key not in self._made:
            if ON == "tensorflow":
                import tensorflow as tf

                # As Keras does it: a second shape makes a graph for all further ones.
                usual = {"autograph": False, "reduce_retracing": True}
                made = tf.function(step, **(usual | settings))
                # Its warning counts the traces of all models together: every fit has its own.
                made._omit_frequent_tracing_warning = True
                self._made[key] = made
            else:
                import torch

                self._made[key] = torch.compile(step, **settings)
        return self._made[key]

    def clipping(self, norm: float | None, value: float | None) -> Callable[..., Any] | None:
        """Here it is a function of the gradients, and of by how much the loss was scaled."""
        if not clips(norm, value):
            return None

        def clip(gradients: list[Any], scale: Any) -> list[Any]:
            # convert_to_tensor: the rows of an embedding that were used become a whole table.
            found = [None if g is None else ops.convert_to_tensor(g) for g in gradients]
            if value is not None:
                most = value * scale
                found = [None if g is None else ops.clip(g, -most, most) for g in found]
            if norm is not None:
                squares = [ops.sum(ops.square(g)) for g in found if g is not None]
                whole = ops.sqrt(sum(squares))
                factor = ops.minimum(1.0, norm * scale / (whole + 1e-6 * scale))
                found = [None if g is None else g * ops.cast(factor, g.dtype) for g in found]
            return found

        return clip

    @contextmanager
    def training(self) -> Iterator[None]:
        """Keras's models have no mode: each call says whether it is for training."""
        yield

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Without autograd."""
        self._asked = 0
        with self._no_grad():
            yield

    def _no_grad(self) -> AbstractContextManager[Any]:
        if ON != "torch":
            return nullcontext()
        import torch

        return torch.no_grad()

    def weights(self) -> dict[str, Any]:
        return copies(self.model.weights)

    def put_weights(self, weights: Any) -> None:
        assign(self.model.weights, weights)

    def ruined(self) -> str | None:
        learning = self.model.trainable_variables
        return next((v.path for v in learning if not np.isfinite(numbers(v)).all()), None)

    @property
    def anomaly(self) -> str:
        if ON == "torch":
            return "with torch.autograd.detect_anomaly():"
        return "tf.debugging.enable_check_numerics()"

    @contextmanager
    def looking_for_nan(self) -> Iterator[None]:
        if ON == "torch":
            import torch

            with torch.autograd.detect_anomaly():
                yield
            return
        import tensorflow as tf

        tf.debugging.enable_check_numerics()
        try:
            yield
        except tf.errors.InvalidArgumentError as found:
            named = re.search(r'op "(\w+)"', str(found))
            raise RuntimeError(
                say("errors.keras.birth", op=named[1]) if named else str(found)
            ) from None
        finally:
            tf.debugging.disable_check_numerics()

    # -- chance ----------------------------------------------------------------------------------

    def seed(self, seed: int) -> None:
        super().seed(seed)
        keras.utils.set_random_seed(seed % 2**32)
        draw = np.random.default_rng(seed % 2**32)
        for state in self._seeds():
            state.assign([draw.integers(2**31 - 1), 0])

    def _seeds(self) -> list[Any]:
        """Where the random numbers of the model's layers stand, and those of Keras itself."""
        known = {id(v) for v in self.model.weights}
        seeds = [v for v in self.model.variables if id(v) not in known]
        return seeds if (general := _general()) is None else [*seeds, general.state]

    def random_state(self) -> dict[str, Any]:
        torch = sys.modules.get("torch")
        return {
            "data": super().random_state(),
            "seeds": copies(self._seeds()),
            "general": _general() is not None,
            "torch": None if torch is None else torch.get_rng_state().numpy().copy(),
        }

    def put_random_state(self, state: dict[str, Any]) -> None:
        super().put_random_state(state["data"])
        if state["general"] and _general() is None:
            python = random.getstate()  # from which the new generator takes its first number
            global_seed_generator()
            random.setstate(python)
        assign(self._seeds(), state["seeds"])
        torch = sys.modules.get("torch")
        if torch is not None and state["torch"] is not None:
            torch.set_rng_state(torch.from_numpy(np.array(state["torch"], np.uint8)))


def _tensorflow_gradients(
    model: Any, forward: Callable[..., Any], batch: tuple[Any, ...], variables: list[Any]
) -> tuple[Any, Any, list[Any]]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value, output, scaled = forward(batch)
    return value, output, tape.gradient(scaled, [v.value for v in variables])


def _torch_gradients(
    model: Any, forward: Callable[..., Any], batch: tuple[Any, ...], variables: list[Any]
) -> tuple[Any, Any, list[Any]]:
    model.zero_grad()
    value, output, scaled = forward(batch)
    scaled.backward()
    return value, output, [v.value.grad for v in variables]


def _general() -> Any:
    """The generator of whatever draws in Keras without one of its own, if any has."""
    return global_state.get_global_attribute("global_seed_generator")


def _takes(model: Any) -> int:
    """How many inputs the model's call takes one by one."""
    known = inspect.signature(model.call).parameters.values()
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(p.kind == inspect.Parameter.VAR_POSITIONAL for p in known):
        return sys.maxsize
    return sum(p.kind in places and p.name not in ("training", "mask") for p in known)


class _Batches:
    """The batches of a PyDataset, as often as wished."""

    def __init__(self, dataset: Any):
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __iter__(self) -> Iterator[Any]:
        yield from (self._dataset[i] for i in range(len(self._dataset)))
        self._dataset.on_epoch_end()
