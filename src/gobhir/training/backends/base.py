"""What all backends share. Gobhir speaks PyTorch's names, so most of it is written once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gobhir.lang import say
from gobhir.training.processes import Alone, place

Step = Callable[..., tuple[Any, Any]]
"""One training step: inputs and target in, (loss, output or None) out; the parameters have
moved."""

LOSSES = {
    "cross_entropy": "CrossEntropyLoss",
    "nll": "NLLLoss",
    "bce": "BCELoss",
    "bce_with_logits": "BCEWithLogitsLoss",
    "mse": "MSELoss",
    "l1": "L1Loss",
    "mae": "L1Loss",
    "huber": "HuberLoss",
    "smooth_l1": "SmoothL1Loss",
    "kl_div": "KLDivLoss",
}
# Losses whose target is a floating number of the model's own dtype.
_OF_NUMBERS = {"BCELoss", "BCEWithLogitsLoss", "MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss"}
_OF_CLASSES = {"CrossEntropyLoss", "cross_entropy", "NLLLoss", "nll_loss"}


def needs_closure(optimizer: Any) -> bool:
    """Whether a step of this optimizer computes the loss several times."""
    return type(optimizer).__name__ == "LBFGS"


def clips(norm: float | None, value: float | None) -> bool:
    """Whether gradients are to be kept small. ValueError where a limit is none."""
    for name, most in (("clip_norm", norm), ("clip_value", value)):
        if most is not None and not most > 0:
            raise ValueError(say("errors.training.clip", name=name, value=most))
    return norm is not None or value is not None


def kind_of(loss: Any) -> str:
    """The name of a loss's class, or of the one of PyTorch's that means the same."""
    return getattr(loss, "kind", type(loss).__name__)


class Backend:
    """A model, and how its framework is spoken to."""

    framework: Any
    """The module with `nn`, `optim`, `utils.data`, `no_grad`, `manual_seed`."""
    compiles = False
    """Whether fit compiles the step by itself."""

    precision = "fp32"
    group = Alone()
    """This process, and the others that train with it."""
    of_sums = False
    """Whether the loss is a sum over the examples of its batch, not their mean."""

    def __init__(self, model: Any):
        self.model = model
        self.dtype = self._model_dtype()

    # -- where and how it computes ---------------------------------------------------------------

    def settle(self, device: str | None, precision: str) -> None:
        """Move the model to `device` (None: it stays where it is), compute in `precision`, and
        find the other processes of this run. ValueError for what is not there."""
        name = self.framework.__name__
        if device not in (None, "auto", "cpu"):
            raise ValueError(say("errors.training.device_one", device=device, framework=name))
        if precision != "fp32":
            told = {"precision": precision, "framework": name}
            raise ValueError(say("errors.training.precision_one", **told))
        if place().size > 1:
            raise ValueError(say("errors.training.processes_one", framework=name))

    @contextmanager
    def deterministic(self) -> Iterator[None]:
        """Inside, the same run from the same seed gives the same numbers, to the bit."""
        yield

    def by_itself(self) -> None:
        """From here on this process computes without the others."""
        self.group = Alone()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint has to keep of how it computes."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""

    # -- what a framework says in its own way --------------------------------------------------

    def tensor(self, value: Any) -> Any:
        """An array, a list, or another framework's tensor as a tensor where the model is."""
        raise NotImplementedError

    def ready(self, source: Any) -> Iterator[Any] | None:
        """The batches of a loader of its own that are tuples of tensors where the model is, the
        target last; None where they have to be made so."""
        return None

    def undisturbed(self, step: Step, source: Any) -> Step:
        """The step for a batch of `source` that follows on another one, where in between only
        fit itself and the source have been at work."""
        return step

    def array(self, tensor: Any) -> np.ndarray:
        """A tensor's numbers, not shared with it."""
        raise NotImplementedError

    def value(self, loss: Any) -> Any:
        """The loss as a Python number; a tensor where asking for a number would make the
        accelerator wait."""
        raise NotImplementedError

    def cat(self, tensors: list[Any]) -> Any:
        """Tensors one after the other."""
        raise NotImplementedError

    def kept(self, tensor: Any) -> Any:
        """A tensor's numbers as they are now, whatever the next step does to it."""
        raise NotImplementedError

    def kept_pair(self, output: Any, target: Any) -> tuple[Any, Any]:
        """Both as they are now; where a score for each class stands in the output, the classes
        are its axis 1."""
        return self.kept(output), self.kept(target)

    def joined(self, kept: Sequence[Any]) -> Any:
        """What was kept of several batches as one array or tensor."""
        raise NotImplementedError

    def compiled(self, step: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
        """The step, recorded once and replayed."""
        raise NotImplementedError

    def _model_dtype(self) -> np.dtype:
        """The dtype of the model's first floating parameter, as NumPy calls it."""
        raise NotImplementedError

    # -- names ----------------------------------------------------------------------------------

    def loss(self, wish: Any) -> Callable[..., Any]:
        """A loss function: `wish` itself, or the one of that name or class."""
        if isinstance(wish, str):
            name = LOSSES.get(wish.lower())
            if name is None or not hasattr(self.framework.nn, name):
                raise ValueError(say("errors.training.loss", name=wish, known=", ".join(LOSSES)))
            wish = getattr(self.framework.nn, name)
        if isinstance(wish, type):
            wish = wish()
        if not callable(wish):
            key = "loss_data" if hasattr(wish, "__len__") else "loss_type"
            # keys: errors.training.loss_data, errors.training.loss_type
            raise TypeError(say(f"errors.training.{key}", type=type(wish).__name__))
        self.of_sums = getattr(wish, "reduction", "mean") == "sum"
        return wish

    def optimizer(self, wish: Any, lr: float | None) -> Any:
        """An optimizer: `wish` itself, or the one of that name or class over all that can learn."""
        base = self.framework.optim.Optimizer
        if isinstance(wish, str):
            kinds = {
                name.lower(): kind
                for name, kind in vars(self.framework.optim).items()
                if isinstance(kind, type) and issubclass(kind, base) and kind is not base
            }
            if wish.lower() not in kinds:
                known = ", ".join(sorted(kinds))
                raise ValueError(say("errors.training.optimizer", name=wish, known=known))
            wish = kinds[wish.lower()]
        if isinstance(wish, type) and issubclass(wish, base):
            learning = [p for p in self.model.parameters() if p.requires_grad]
            if not learning:
                raise ValueError(say("errors.training.nothing_learns"))
            return wish(learning) if lr is None else wish(learning, lr=lr)
        if not hasattr(wish, "param_groups"):
            raise TypeError(say("errors.training.optimizer_type", type=type(wish).__name__))
        if lr is not None:
            raise ValueError(say("errors.training.lr_twice"))
        own = {id(p) for p in self.model.parameters()}
        if not any(id(p) in own for group in wish.param_groups for p in group["params"]):
            raise ValueError(say("errors.training.foreign_optimizer"))
        return wish

    def columns(self, values: tuple[Any, ...], loss: Any) -> tuple[Any, ...]:
        """Arrays and lists as tensors: floating ones in the model's dtype, so that they can be
        multiplied with its weights; the last one, the target, as the loss wants it. ValueError
        where there is none, and the loss wants class numbers."""
        name = getattr(loss, "__name__", kind_of(loss))
        if len(values) == 1 and name in _OF_CLASSES:
            raise ValueError(say("errors.training.alone", loss=name))
        out = []
        for i, value in enumerate(values):
            if self.framework.is_tensor(value):
                out.append(value)
                continue
            try:
                array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
            except ValueError:  # NumPy's word for rows of different lengths
                raise ValueError(say("errors.tensor.ragged")) from None
            if array.dtype.kind not in "fiub":
                array = _as_numbers(array)
            of_numbers = i and i == len(values) - 1 and kind_of(loss) in _OF_NUMBERS
            if array.dtype.kind == "f" or (of_numbers and array.dtype.kind in "iub"):
                array = array.astype(self.dtype, copy=False)
            elif array.dtype.kind in "iu":
                array = array.astype(np.int64, copy=False)
            out.append(self.framework.as_tensor(array))
        return tuple(out)

    def row_loader(self, dataset: Any, batch_size: int, shuffle: bool, lend: bool) -> Any:
        """A DataLoader over examples that have numbers. lend: each batch's inputs may lie where
        the last one's did, since nobody looks back at them."""
        return self.framework.utils.data.DataLoader(
            dataset, batch_size, shuffle=shuffle, generator=self.own_generator(shuffle)
        )

    def own_generator(self, shuffle: bool) -> Any:
        """In order nothing is left to chance; so that no random numbers are taken from the model,
        a loader without shuffling has a generator of its own (every DataLoader draws from one)."""
        return None if shuffle else self.framework.Generator()

    # -- the model -------------------------------------------------------------------------------

    def step(
        self, loss: Any, optimizer: Any, clip: Callable[[], Any] | None, shows: bool = True
    ) -> Step:
        """Forward, loss, backward, update: the five lines of every training loop. shows: whether
        the model's output is given back beside the loss, for metrics; else None is."""

        def gradients(*batch: Any) -> tuple[Any, Any]:
            optimizer.zero_grad()
            output, value = self.answer(batch, loss)
            self.backward(value)
            return value, output if shows else None

        def step(*batch: Any) -> tuple[Any, Any]:
            found = gradients(*batch)
            self.update(optimizer, clip)
            return found

        def searching(*batch: Any) -> tuple[Any, Any]:
            found = []

            def closure() -> Any:
                found.append(gradients(*batch))
                if clip is not None:
                    clip()
                return found[-1][0]

            optimizer.step(closure)
            return found[0]  # as it was before the search

        return searching if needs_closure(optimizer) else step

    def answer(self, batch: tuple[Any, ...], loss: Any = None) -> tuple[Any, Any]:
        """What the model makes of a batch's inputs, and its loss, where there is a loss
        function."""
        output = self.model(*batch[:-1])
        return output, None if loss is None else loss(output, batch[-1])

    def backward(self, value: Any) -> None:
        """Add the loss's gradients to those of the parameters."""
        try:
            value.backward()
        except AttributeError:
            if hasattr(value, "backward"):
                raise
            kind = type(value).__name__
            raise TypeError(say("errors.training.loss_result", type=kind)) from None

    def update(self, optimizer: Any, clip: Callable[[], Any] | None) -> None:
        """Move the weights."""
        if clip is not None:
            clip()
        optimizer.step()

    def scale_gradients(self, factor: float) -> None:
        """Multiply all gradients by `factor`."""
        for p in self.model.parameters():
            if p.grad is not None:
                p.grad.mul_(factor)

    @contextmanager
    def adding_up(self, last: bool) -> Iterator[None]:
        """Around a backward pass whose gradients are added to earlier ones; `last`: the weights
        move after it."""
        yield

    def clipping(self, norm: float | None, value: float | None) -> Callable[[], Any] | None:
        """What keeps gradients small between backward and update; None when nothing is to."""
        if not clips(norm, value):
            return None
        tools, parameters = self.framework.nn.utils, list(self.model.parameters())

        def clip() -> None:
            if value is not None:
                tools.clip_grad_value_(parameters, value)
            if norm is not None:
                tools.clip_grad_norm_(parameters, norm)

        return clip

    @contextmanager
    def training(self) -> Iterator[None]:
        """The model in training mode, and afterwards as it was. Parts that are in evaluation
        mode within a model in training mode (a frozen BatchNorm) stay so."""
        with self._modes_kept():
            if not self.model.training:
                self.model.train()
            yield

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """The model in evaluation mode and without autograd, and afterwards as it was."""
        with self._modes_kept(), self.framework.no_grad():
            self.model.eval()
            yield

    @contextmanager
    def _modes_kept(self) -> Iterator[None]:
        modes = [(module, module.training) for module in self.model.modules()]
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode

    def weights(self) -> dict[str, Any]:
        """A copy of all that the model has learned."""
        return {name: t.detach().clone() for name, t in self.model.state_dict().items()}

    def ruined(self) -> str | None:
        """The name of the first parameter that holds NaN or infinity, if one does."""
        named = self.model.named_parameters()
        return next((name for name, p in named if not self._finite(p)), None)

    def _finite(self, tensor: Any) -> bool:
        return bool(self.framework.isfinite(tensor.detach()).all())

    @property
    def anomaly(self) -> str:
        """What a learner writes to be told where a NaN is born."""
        return f"with {self.framework.__name__}.autograd.detect_anomaly():"

    @contextmanager
    def looking_for_nan(self) -> Iterator[None]:
        """Inside, a step in which a NaN is born raises RuntimeError, whose argument says where."""
        with self.framework.autograd.detect_anomaly():
            yield

    def callback(self, wish: Any) -> Any:
        """What is told in the place of a callback that belongs to the framework; others as they
        are."""
        return wish

    def put_weights(self, weights: Mapping[str, Any]) -> None:
        """Give the model the weights that `weights` copied."""
        self.model.load_state_dict(dict(weights))

    # -- chance ----------------------------------------------------------------------------------

    def seed(self, seed: int) -> None:
        """Start the framework's random numbers."""
        self.framework.manual_seed(seed)

    def random_state(self) -> Any:
        """Where the framework's random numbers stand."""
        return self.framework.get_rng_state()

    def put_random_state(self, state: Any) -> None:
        """Go back to where `random_state` was."""
        self.framework.set_rng_state(state)

    def generators(self, loaders: list[Any]) -> list[Any]:
        """The generators that the loaders draw their orders from, each once."""
        found: list[Any] = []
        for loader in loaders:
            holders = [loader, getattr(loader, "sampler", None)]
            holders.append(getattr(loader, "batch_sampler", None))
            holders.append(getattr(holders[-1], "sampler", None))
            for holder in holders:
                one = getattr(holder, "generator", None)
                if isinstance(one, self.framework.Generator) and all(one is not g for g in found):
                    found.append(one)
        return found


def _as_numbers(array: np.ndarray) -> np.ndarray:
    """Python's own numbers, as a table of several kinds holds them. TypeError for texts."""
    try:
        if array.dtype.kind == "O" and not any(isinstance(x, str) for x in array.flat):
            return array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    raise TypeError(say("errors.training.words", example=array.reshape(-1)[:1].tolist()))
