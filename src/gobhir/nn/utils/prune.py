"""Pruning: weights that count little are held at 0 by a mask, and the rest goes on learning.

A pruned `weight` becomes `weight_orig`, a parameter, times `weight_mask`, a buffer of 0 and 1,
before every forward. Behaviour: https://docs.pytorch.org/tutorials/intermediate/pruning_tutorial.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from numbers import Integral, Real
from typing import Any, ClassVar

from gobhir.engine import Tensor
from gobhir.engine.creation import ones_like, zeros_like
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.random import rand, rand_like
from gobhir.engine.tape import no_grad
from gobhir.lang import say
from gobhir.nn.module import Module
from gobhir.nn.utils.convert_parameters import parameters_to_vector


class BasePruningMethod:
    """Base of all methods; a subclass says in `compute_mask` which numbers stay. PRUNING_TYPE:
    "unstructured", numbers one by one, among those that are left; "structured", whole slices along
    `self.dim`, among those with something left; "global", the mask as it is."""

    PRUNING_TYPE: ClassVar[str] = "unstructured"
    _tensor_name: str

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """1 where a number stays, 0 where not. t: how much each counts; default_mask: what was
        pruned before."""
        raise NotImplementedError

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def apply_mask(self, module: Module) -> Tensor:
        """The tensor with zeros where the mask has them."""
        original = getattr(module, self._tensor_name + "_orig")
        mask = getattr(module, self._tensor_name + "_mask")
        return mask.to(original.dtype) * original

    @classmethod
    def apply(
        cls,
        module: Module,
        name: str,
        *args: Any,
        importance_scores: Tensor | None = None,
        **kwargs: Any,
    ) -> BasePruningMethod:
        """Prune the tensor `name` of the module, further where it is pruned already."""
        method = cls(*args, **kwargs)
        method._tensor_name = name
        before = next(_hooks(module, name), None)
        weight = getattr(module, name)
        scores = weight if importance_scores is None else importance_scores
        if scores.shape != weight.shape:
            raise AssertionError(say("errors.nn.prune_scores", got=scores.shape, want=weight.shape))
        with no_grad():
            if before is None:
                mask = method.compute_mask(scores, default_mask=ones_like(weight))
            else:
                mask = _further(method, scores, getattr(module, name + "_mask").clone())
        if before is None:
            delattr(module, name)
            module.register_parameter(name + "_orig", weight)
        else:
            _unhook(module, before)
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """t with zeros where it is pruned, without a module."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError(say("errors.nn.prune_scores", got=scores.shape, want=t.shape))
        before = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=before)

    def remove(self, module: Module) -> None:
        """Make the tensor, zeros and all, an ordinary parameter again."""
        name = self._tensor_name
        with no_grad():
            pruned = self.apply_mask(module)
        delattr(module, name)
        original: Any = module._parameters.pop(name + "_orig")
        original.data = pruned
        del module._buffers[name + "_mask"]
        setattr(module, name, original)


def _hooks(module: Module, name: str | None = None) -> Iterator[Any]:
    """The module's pruning methods, for the tensor `name` or for any."""
    for entry in module._hooks.before:
        method: Any = entry.call
        if isinstance(method, BasePruningMethod) and name in (None, method._tensor_name):
            yield method


def _unhook(module: Module, method: Any) -> None:
    module._hooks.before[:] = [e for e in module._hooks.before if e.call is not method]


def _further(method: Any, t: Tensor, mask: Tensor) -> Tensor:
    """The mask after the method has chosen among what it left."""
    place: Any
    if method.PRUNING_TYPE == "unstructured":
        place = mask.eq(1)
    elif method.PRUNING_TYPE == "structured":
        dim = method.dim % t.ndim
        others = tuple(d for d in range(t.ndim) if d != dim)
        place = (*(slice(None),) * dim, mask.sum(others) != 0)
    elif method.PRUNING_TYPE == "global":
        place = (slice(None),) * t.ndim
    else:
        raise ValueError(say("errors.nn.prune_type", got=method.PRUNING_TYPE))
    mask[place] = method.compute_mask(t[place], default_mask=mask[place]).to(mask.dtype)
    return mask


class Identity(BasePruningMethod):
    """Prunes nothing, but sets up the mask."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class _Share(BasePruningMethod):
    """One that prunes `amount`: so many, or such a share."""

    def __init__(self, amount: float):
        if not isinstance(amount, Real):
            raise TypeError(say("errors.nn.prune_amount", got=amount))
        if amount < 0 or (not isinstance(amount, Integral) and amount > 1):
            raise ValueError(say("errors.nn.prune_amount", got=amount))
        self.amount: Any = amount

    def _count(self, n: int) -> int:
        """How many of n go."""
        count = int(self.amount) if isinstance(self.amount, Integral) else round(self.amount * n)
        if count > n:
            raise ValueError(say("errors.nn.prune_many", amount=count, n=n))
        return count


class _OneByOne(_Share):
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count, mask = self._count(t.numel()), default_mask.clone()
        if count:
            mask.view(-1)[self._least(t, count)] = 0
        return mask

    def _least(self, t: Tensor, count: int) -> Tensor:
        raise NotImplementedError


class RandomUnstructured(_OneByOne):
    """Numbers that chance picks."""

    def _least(self, t: Tensor, count: int) -> Tensor:
        drawn: Any = rand_like(t)
        return drawn.view(-1).topk(count)[1]


class L1Unstructured(_OneByOne):
    """The numbers nearest to 0."""

    def _least(self, t: Tensor, count: int) -> Tensor:
        size: Any = t.abs()
        return size.reshape(-1).topk(count, largest=False)[1]


class _Slices(_Share):
    PRUNING_TYPE = "structured"
    dim: int

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.ndim <= 1:
            raise ValueError(say("errors.nn.prune_dims", shape=t.shape))
        if not -t.ndim <= self.dim < t.ndim:
            raise IndexError(say("errors.nn.dim_range", dim=self.dim, shape=t.shape))
        n = t.shape[self.dim]
        count = self._count(n)
        if not count:
            return default_mask
        mask: Any = zeros_like(t)
        mask[(*(slice(None),) * (self.dim % t.ndim), self._kept(t, n, count))] = 1
        return mask * default_mask.to(mask.dtype)

    def _kept(self, t: Tensor, n: int, count: int) -> Tensor:
        raise NotImplementedError


class RandomStructured(_Slices):
    """Slices along `dim` that chance picks."""

    def __init__(self, amount: float, dim: int = -1):
        super().__init__(amount)
        self.dim = dim

    def _kept(self, t: Tensor, n: int, count: int) -> Tensor:
        drawn: Any = rand(n)
        return drawn > drawn.kthvalue(count)[0]


class LnStructured(_Slices):
    """The slices along `dim` with the smallest n-norm."""

    def __init__(self, amount: float, n: Any, dim: int = -1):
        super().__init__(amount)
        self.n, self.dim = n, dim

    def _kept(self, t: Tensor, n: int, count: int) -> Tensor:
        others = tuple(d for d in range(t.ndim) if d != self.dim % t.ndim)
        return FUNCTIONS["norm"](t, p=self.n, dim=others).topk(n - count)[1]


class CustomFromMask(BasePruningMethod):
    """What a mask of one's own says."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor):
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if default_mask.shape != self.mask.shape:
            shapes = {"got": self.mask.shape, "want": default_mask.shape}
            raise AssertionError(say("errors.nn.prune_scores", **shapes))
        return default_mask * self.mask.to(default_mask.dtype)


def identity(module: Module, name: str) -> Module:
    """Set up a mask of ones for the module's tensor `name`. Returns the module, as all of these."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune `amount` numbers (or such a share, where it is a float) that chance picks."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: float, importance_scores: Tensor | None = None
) -> Module:
    """Prune the `amount` numbers nearest to 0, or those with the lowest importance_scores."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune `amount` slices along `dim` that chance picks."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module,
    name: str,
    amount: float,
    n: Any,
    dim: int,
    importance_scores: Tensor | None = None,
) -> Module:
    """Prune the `amount` slices along `dim` with the smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune where `mask` is 0."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several tensors, (module, name) pairs, as if they were one: a share of all numbers."""
    if not isinstance(parameters, Iterable):
        raise TypeError(say("errors.nn.prune_pairs", type=type(parameters).__name__))
    pairs, scores = list(parameters), importance_scores or {}
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(say("errors.nn.prune_type", got=method.PRUNING_TYPE))
    with no_grad():
        all_scores = parameters_to_vector(
            [scores.get((m, name), getattr(m, name)) for m, name in pairs]
        )
        masks = [getattr(m, f"{name}_mask", ones_like(getattr(m, name))) for m, name in pairs]
        mask = _further(method, all_scores, parameters_to_vector(masks))
    at = 0
    for m, name in pairs:
        weight = getattr(m, name)
        custom_from_mask(m, name, mask[at : at + weight.numel()].view(weight.shape))
        at += weight.numel()


def remove(module: Module, name: str) -> Module:
    """Make the pruned tensor, zeros and all, an ordinary parameter again. ValueError where it is
    not pruned."""
    for method in list(_hooks(module, name)):
        method.remove(module)
        _unhook(module, method)
        return module
    raise ValueError(say("errors.nn.prune_not", module=type(module).__name__, name=name))


def is_pruned(module: Module) -> bool:
    """Whether anything inside the module is pruned."""
    return any(True for m in module.modules() for _ in _hooks(m))
