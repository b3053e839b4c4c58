"""Keras models under fit, on TensorFlow and on PyTorch.

Data stay NumPy arrays in Gobhir's own loaders, so that the same seed gives the same batches as
with the other frameworks; a batch becomes tensors when its turn comes.
"""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import global_seed_generator

import gobhir
from gobhir.lang import say
from gobhir.training.backends import keras_below as below
from gobhir.training.backends.base import Backend, Step, clips
from gobhir.training.backends.keras_callbacks import as_told
from gobhir.training.backends.keras_losses import Loss, last_activation
from gobhir.training.backends.keras_optimizer import (
    KerasOptimizer,
    assign,
    by_name,
    copies,
    numbers,
)
from gobhir.training.processes import place

FEW = 4
"""So many batches of a pass without training are answered before a graph is made for the others:
tracing it takes longer than they do."""


class KerasBackend(Backend):
    """A keras.Model: functional, sequential, or a class of its own."""

    framework = gobhir
    """Whose loaders, generators and random numbers are used for the data."""

    def __init__(self, model: Any):
        if below.ON not in below.KNOWN:
            raise ValueError(say("errors.keras.backend", backend=below.ON))
        super().__init__(model)
        self._loss: Loss | None = None
        self._evaluating = False
        self._asked = 0
        """So many batches of this pass without training have been answered."""
        self._made: dict[Any, Any] = {}
        """Steps and answers by what they were made from: each is traced once only."""

    # -- where and how it computes ---------------------------------------------------------------

    def settle(self, device: str | None, precision: str) -> None:
        here = below.device()
        if device not in (None, "auto", here, f"{here}:0"):
            raise ValueError(say("errors.keras.device", device=device, here=here))
        policies = {"fp32": None, "bf16": "mixed_bfloat16", "fp16": "mixed_float16"}
        if precision not in policies:
            known = ", ".join(policies)
            raise ValueError(say("errors.training.precision", precision=precision, known=known))
        policy, now = policies[precision], getattr(self.model.dtype_policy, "name", "")
        if policy not in (None, now):
            raise ValueError(say("errors.keras.precision", precision=precision, policy=policy))
        if place().size > 1:
            raise ValueError(say("errors.training.processes_one", framework="Keras"))

    @contextmanager
    def deterministic(self) -> Iterator[None]:
        with below.deterministic(self.model):
            yield

    def callback(self, wish: Any) -> Any:
        return as_told(wish)

    # -- tensors ---------------------------------------------------------------------------------

    def tensor(self, value: Any) -> Any:
        if isinstance(value, gobhir.Tensor) or (hasattr(value, "detach") and below.ON != "torch"):
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
        asks = self._loss is not None and self._loss.logits is not None
        asks = asks and not last_activation(self.model)
        if self._built and not asks:
            return
        with self.evaluating():
            output = self._call([self.tensor(x) for x in inputs], training=False)
        if asks and self._loss is not None and hasattr(output, "shape"):
            self._loss.look_at(numbers(output))

    # -- names -----------------------------------------------------------------------------------

    def loss(self, wish: Any) -> Loss:
        """By a name of fit's, which means what it means for PyTorch; or Keras's own, by name, as an
        object or a function (y_true, y_pred); or a function (output, target)."""
        loss = self._loss = Loss(self.model, wish, str(self.dtype))
        self.of_sums = loss.reduction == "sum"
        if loss.logits and (activation := last_activation(self.model)):
            loss.warn_of(activation)
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
        self._optimizer = KerasOptimizer(wish, variables)
        return self._optimizer

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
        clip: Callable[..., Any] | None,
        shows: bool = True,
    ) -> Step:
        key = "step", loss, id(optimizer), clip, shows
        if key not in self._made:

            def step(*batch: Any) -> tuple[Any, Any]:
                optimizer.zero_grad()
                with self.adding_up(True):
                    output, value = self.answer(batch, loss)
                    self.backward(value)
                self.update(optimizer, clip)
                return value, output if shows else None

            self._made[key] = step
        return self._made[key]

    def answer(self, batch: tuple[Any, ...], loss: Any = None) -> tuple[Any, Any]:
        training, key = not self._evaluating, ("answer", loss, self._evaluating)
        if key not in self._made:

            def answer(*batch: Any) -> tuple[Any, Any]:
                output = self._call(batch[:-1], training)
                return output, None if loss is None else loss(output, batch[-1])

            self._made[key] = answer
        answers = self._made[key]
        self._asked += 1
        if self.compiles and self._evaluating and self._asked > FEW:
            answers = self.compiled(answers)
        return answers(*batch)

    @contextmanager
    def adding_up(self, last: bool) -> Iterator[None]:
        with below.tape() as self._tape:
            yield

    def backward(self, value: Any) -> None:
        optimizer = self._optimizer
        scaled = optimizer.inner.scale_loss(value)
        if below.ON == "torch":
            scaled.backward()
        else:
            optimizer.add(self._tape.gradient(scaled, [v.value for v in optimizer.variables]))

    def scale_gradients(self, factor: float) -> None:
        optimizer = self._optimizer
        found = optimizer.gradients
        optimizer.zero_grad()
        optimizer.add([None if g is None else ops.convert_to_tensor(g) * factor for g in found])

    def update(self, optimizer: KerasOptimizer, clip: Callable[..., Any] | None) -> None:
        found = optimizer.gradients
        if clip is not None:
            found = clip(found, optimizer.inner.scale_loss(1.0))
        with below.no_grad():
            optimizer.apply(found)
        if below.ON == "tensorflow":
            optimizer.zero_grad()  # in a graph these are its own, and no use outside it

    @property
    def compiles(self) -> bool:  # type: ignore[override]
        """TensorFlow's graphs are the usual way there; what shall run eagerly does."""
        return below.ON == "tensorflow" and not getattr(self.model, "run_eagerly", False)

    def compiled(self, step: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
        key = "compiled", step, *sorted(settings.items())
        if key not in self._made:
            self._made[key] = below.compiled(step, **settings)
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
        before, self._evaluating, self._asked = self._evaluating, True, 0
        try:
            with below.no_grad():
                yield
        finally:
            self._evaluating = before

    def weights(self) -> dict[str, Any]:
        return copies(self.model.weights)

    def put_weights(self, weights: Any) -> None:
        assign(self.model.weights, weights)

    def ruined(self) -> str | None:
        learning = self.model.trainable_variables
        return next((v.path for v in learning if not np.isfinite(numbers(v)).all()), None)

    @property
    def anomaly(self) -> str:
        return below.ANOMALY[below.ON]

    @contextmanager
    def looking_for_nan(self) -> Iterator[None]:
        with below.looking_for_nan():
            yield

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
        assign(self._seeds()[: len(state["seeds"])], state["seeds"])
        torch = sys.modules.get("torch")
        if torch is not None and state["torch"] is not None:
            torch.set_rng_state(torch.from_numpy(np.array(state["torch"], np.uint8)))


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
