"""Pruning: weights, or whole channels, that matter little are taken out.

By magnitude: the smallest weights become 0, which leaves the shapes as they are, and the file small
once it is zipped (Han et al. 2015, Learning both weights and connections). By channel: the
filters with the smallest sum of magnitudes go, and with them what reads them, which makes the
network itself smaller and quicker (Li et al. 2017, Pruning filters for efficient ConvNets).
Models of torch.nn and of gobhir.nn alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from gobhir.deploy.export import array_of, framework_of
from gobhir.lang import say
from gobhir.training import Callback

if TYPE_CHECKING:
    from gobhir.training import Run


class Masks(Callback):
    """Which weights stay: 0 and 1 by parameter name. As a callback of `fit` it keeps the others
    at 0 while the network learns on."""

    def __init__(self, model: Any, masks: dict[str, np.ndarray]):
        self._model, self.masks = model, masks
        self.apply()

    def apply(self) -> None:
        """Put 0 where a mask has 0; in a loop of your own, after each optimizer.step()."""
        framework = framework_of(self._model)
        named = dict(self._model.named_parameters())
        with framework.no_grad():
            for name, mask in self.masks.items():
                named[name].mul_(_like(framework, mask, named[name]))

    @property
    def sparsity(self) -> float:
        """The share of the masked weights that is 0."""
        whole = sum(m.size for m in self.masks.values())
        return 1 - sum(float(m.sum()) for m in self.masks.values()) / whole

    def on_batch_end(self, run: Run) -> None:
        self.apply()

    def on_fit_end(self, run: Run) -> None:
        self.apply()  # the best epoch's weights may come from before


def prune(
    model: Any, amount: float, scope: str = "global", names: Sequence[str] | None = None
) -> Masks:
    """Set the share `amount` (0 to 1) of the weights with the smallest magnitude to 0.

    scope: "global": the smallest of all together; "layer": the same share of each parameter.
    names: the parameters to prune (default: all of two or more dimensions: no biases, no norms).
    ValueError for an amount, a scope or a name that does not fit.
    """
    if not 0 <= amount <= 1:
        raise ValueError(say("deploy.prune.amount", amount=amount))
    if scope not in ("global", "layer"):
        raise ValueError(say("deploy.prune.scope", scope=scope))
    framework_of(model)
    parameters = dict(model.named_parameters())
    wanted = [n for n, p in parameters.items() if p.ndim > 1] if names is None else list(names)
    unknown = [n for n in wanted if n not in parameters]
    if unknown or not wanted:
        known = ", ".join(parameters)
        raise ValueError(say("deploy.prune.names", names=", ".join(unknown) or "-", known=known))
    sizes = {n: np.abs(array_of(parameters[n])) for n in wanted}
    masks = {n: np.ones(a.shape, a.dtype) for n, a in sizes.items()}
    groups = [wanted] if scope == "global" else [[n] for n in wanted]
    for group in groups:
        flat = np.concatenate([sizes[n].reshape(-1) for n in group])
        keep = np.ones(len(flat), bool)
        keep[np.argsort(flat, kind="stable")[: round(amount * len(flat))]] = False
        ends = np.cumsum([sizes[n].size for n in group])[:-1]
        for n, part in zip(group, np.split(keep, ends), strict=True):
            masks[n][...] = part.reshape(masks[n].shape)
    return Masks(model, masks)


def prune_in_steps(
    model: Any,
    amount: float,
    steps: int,
    tune: Callable[[Masks], Any],
    scope: str = "global",
    names: Sequence[str] | None = None,
) -> Masks:
    """Prune to the share `amount` in `steps`, each of which takes the same share of what is left,
    and calls `tune` with the masks, so that the network can learn on in between:

        prune_in_steps(model, 0.9, 4, lambda masks: fit(model, data, callbacks=[masks], ...))
    """
    if steps < 1 or not 0 <= amount < 1:
        raise ValueError(say("deploy.prune.amount", amount=amount))
    for k in range(1, steps + 1):
        masks = prune(model, 1 - (1 - amount) ** (k / steps), scope, names)
        tune(masks)
        masks.apply()
    return masks


def prune_channels(model: Any, amount: float) -> Any:
    """A smaller Sequential: of every convolution but for a last one the share `amount` of filters
    with the smallest sum of magnitudes is gone, with what reads them in the layers behind it.

    model: a Sequential (of Sequentials) of Conv2d without groups, BatchNorm2d, activations,
    pooling, Dropout, Flatten and Linear. It stays as it is; the new one has copies of its numbers.
    ValueError for any other module, whose reading of channels is not known here.
    """
    if not 0 <= amount < 1:
        raise ValueError(say("deploy.prune.amount", amount=amount))
    framework = framework_of(model)
    nn, layers = framework.nn, list(_layers(model, framework))
    weighted = [m for _, m in layers if isinstance(m, (nn.Conv2d, nn.Linear))]
    made: list[Any] = []
    left: np.ndarray | None = None  # the channels that are left of what the next layer reads
    before = 0  # how many there were
    for _, layer in layers:
        new = deepcopy(layer)
        if isinstance(layer, nn.Conv2d):
            weight = array_of(layer.weight)
            weight = weight if left is None else weight[:, left]
            rows = np.arange(len(weight))
            if layer is not weighted[-1]:
                gone = min(round(amount * len(rows)), len(rows) - 1)
                order = np.argsort(np.abs(weight).sum((1, 2, 3)), kind="stable")
                rows = np.sort(order[gone:])
            _put(framework, new, weight=weight[rows], bias=rows)
            new.in_channels, new.out_channels = weight.shape[1], len(rows)
            left, before = rows, len(weight)
        elif isinstance(layer, nn.BatchNorm2d) and left is not None:
            _put(framework, new, weight=left, bias=left, running_mean=left, running_var=left)
            new.num_features = len(left)
        elif isinstance(layer, nn.Linear) and left is not None:
            # Each channel is a block of columns, as Flatten lays them.
            weight = array_of(layer.weight).reshape(layer.out_features, before, -1)[:, left]
            weight = weight.reshape(layer.out_features, -1)
            _put(framework, new, weight=weight)
            new.in_features, left = weight.shape[1], None
        made.append(new)
    small = nn.Sequential(*made)
    small.training = model.training
    return small


_PASSING = (
    "ReLU", "LeakyReLU", "GELU", "SiLU", "ELU", "Hardswish", "Tanh", "Sigmoid", "Identity",
    "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "Dropout", "Dropout2d",
    "Softmax", "LogSoftmax",
)  # fmt: skip
"""Modules that handle each channel for itself, or come where there are none."""


def _layers(model: Any, framework: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The layers of a Sequential, and of those in it. ValueError for another module."""
    nn = framework.nn
    if not isinstance(model, nn.Sequential):
        raise ValueError(say("deploy.prune.module", name=prefix or "model", type=_kind(model)))
    for name, layer in model._modules.items():  # also what stands there twice
        path = f"{prefix}.{name}".strip(".")
        if isinstance(layer, nn.Sequential):
            yield from _layers(layer, framework, path)
            continue
        known = (nn.Conv2d, nn.BatchNorm2d, nn.Linear, nn.Flatten)
        fits = isinstance(layer, known) or _kind(layer) in _PASSING
        grouped = isinstance(layer, nn.Conv2d) and layer.groups != 1
        odd = isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) != (1, -1)
        if not fits or grouped or odd:
            raise ValueError(say("deploy.prune.module", name=path, type=_kind(layer)))
        yield path, layer


def _put(framework: Any, layer: Any, **parts: np.ndarray) -> None:
    """Give a layer other numbers: an array, or which of those that it has."""
    for name, part in parts.items():
        old = getattr(layer, name)
        if old is None:
            continue
        new = _like(framework, part if part.dtype.kind == "f" else array_of(old)[part], old)
        if isinstance(old, framework.nn.Parameter):
            new = framework.nn.Parameter(new, requires_grad=old.requires_grad)
        setattr(layer, name, new)


def _kind(module: Any) -> str:
    return type(module).__name__


def _like(framework: Any, array: np.ndarray, tensor: Any) -> Any:
    """An array as a tensor of the dtype, and where there are such on the device, of another."""
    made = framework.tensor(np.ascontiguousarray(array), dtype=tensor.dtype)
    return made.to(tensor.device) if framework.__name__ == "torch" else made
