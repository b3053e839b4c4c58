"""Which function of the engine a function of PyTorch is: the one of the same name.

The engine speaks PyTorch's names, arguments and defaults, so there is no table of ops; here stand
only the few that go by another name, and what else has to be known of a function by its name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from operator import attrgetter
from types import FunctionType
from typing import Any

from torch.autograd import grad
from torch.overrides import resolve_name

Own = Callable[..., Any] | None

DRAWN = frozenset(
    [
        f"torch.{name}"
        for name in (
            "rand",
            "rand_like",
            "randn",
            "randn_like",
            "randint",
            "randint_like",
            "randperm",
            "normal",
            "bernoulli",
            "multinomial",
            "poisson",
            "empty",
            "empty_like",
        )
    ]  # fmt: skip
    + [
        f"torch.Tensor.{name}"
        for name in (
            "normal_",
            "uniform_",
            "bernoulli_",
            "random_",
            "exponential_",
            "log_normal_",
            "cauchy_",
            "geometric_",
            "bernoulli",
            "multinomial",
            "new_empty",
        )
    ]  # fmt: skip
)
"""What gives random numbers, or whatever lay in memory."""

DRAWS = frozenset(
    [
        f"torch.nn.functional.{name}"
        for name in (
            "dropout",
            "dropout1d",
            "dropout2d",
            "dropout3d",
            "alpha_dropout",
            "feature_alpha_dropout",
            "rrelu",
            "scaled_dot_product_attention",
            "fractional_max_pool2d",
            "fractional_max_pool3d",
        )
    ]  # fmt: skip
    + ["torch.dropout", "torch.lstm", "torch.gru", "torch.rnn_tanh", "torch.rnn_relu"]
)
"""What may draw random numbers beside what it computes."""

UNSEEN = frozenset(f"torch.Tensor.{name}" for name in ("grad.__get__", "grad.__set__", "backward"))
"""What is looked after elsewhere."""

_FLOATS = frozenset(("Tensor.float", "Tensor.half", "Tensor.bfloat16"))
"""All of them are float64 here."""

_known: dict[Any, tuple[str, Own]] = {}


def counterpart(function: Any) -> tuple[str, Own]:
    """The function's name, and the engine's own function of that name."""
    found = _known.get(function)
    if found is None:
        name = "torch.autograd.grad" if function is grad else resolve_name(function)
        name = name or getattr(function, "__qualname__", type(function).__name__)
        name = name.replace("_VariableFunctionsClass.", "torch.")
        found = _known[function] = name, _own(name)
    return found


def _own(name: str) -> Own:
    import gobhir
    from gobhir.lift import recurrent
    from gobhir.nn.utils.parametrizations import with_length

    short = name.removeprefix("torch.").removeprefix("functional.")
    special = getattr(recurrent, short, None) if short in recurrent.__all__ else None
    if special is not None:
        return special
    if short == "_weight_norm":
        return with_length
    if name in DRAWN or not name.startswith("torch."):
        return None
    if short in _FLOATS:
        return attrgetter("double")(gobhir.Tensor)
    if short.endswith(".__get__"):
        return attrgetter(short.removeprefix("Tensor.").removesuffix(".__get__"))
    found: Any = gobhir
    for part in short.split("."):
        found = getattr(found, part, None)
    return found if callable(found) else None


def opened(function: Any, name: str, args: Any, kwargs: Any) -> Callable[..., Any] | None:
    """A function of PyTorch, written in Python, that is to be watched from inside: what the engine
    does not have, and attention with dropout inside."""
    if not isinstance(function, FunctionType) or not function.__module__.startswith("torch."):
        return None
    if name.startswith(("torch.Tensor.", "torch.autograd.", "torch.nn.init.")):
        return None
    if name.endswith(".multi_head_attention_forward"):
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        if not given["dropout_p"] or not given.get("training", True):
            return None
    elif counterpart(function)[1] is not None and not name.endswith(".gumbel_softmax"):
        return None  # what that draws is seen inside
    return _without_the_question(function)


def _without_the_question(function: FunctionType) -> Callable[..., Any]:
    """The function without its first line, which asks whether somebody overrides it."""
    asks = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
    names = {**function.__globals__, **dict.fromkeys(asks, lambda *_: False)}
    copy = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def writes(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the call may write into what it is given."""
    last = name.rpartition(".")[2]
    return (
        (last.endswith("_") and not last.endswith(("__", "requires_grad_")))
        or last in _WRITERS
        or bool(kwargs.get("inplace"))
        or "out" in kwargs
        or (".functional." in name and any(a is True for a in args))
    )


def cut_table(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The table whose longer rows the call cuts to max_norm before it looks them up; else None."""
    if not name.endswith((".embedding", ".embedding_bag")):
        return None
    length = kwargs.get("max_norm", args[3] if len(args) > 3 else None)
    if ".functional." not in name or length is None:
        return None
    return kwargs["weight"] if "weight" in kwargs else args[1]


_IN_PLACE = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
_WRITERS = frozenset(
    ["__setitem__", "__set__", "batch_norm", "instance_norm"] + [f"__i{n}__" for n in _IN_PLACE]
)
