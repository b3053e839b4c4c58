"""What a function's arguments may be: its annotations, kept to as PyTorch keeps to its signatures.

A bool is no dimension there, 0 is no keepdim, 1.5 no index: TypeError, before anything is
computed. `checked` reads the annotations as they stand in the source. What a function has taken
once it takes again without being asked: for each argument it remembers the types.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import CO_VARARGS
from operator import index
from typing import Any, TypeAlias, TypeVar

import numpy as np

from gobhir.engine.inplace import into
from gobhir.engine.tensor import Tensor
from gobhir.lang import Message, say

F = TypeVar("F", bound=Callable[..., Any])

Dim: TypeAlias = Any
"""An int; unlike `int | None`, None may be left out only, not given."""

Dims: TypeAlias = Any
"""An int, or a tuple or list of them."""

Ord: TypeAlias = Any
"""A number or a name: which norm."""

Sizes: TypeAlias = Any
"""A tuple or list of ints."""

Dtype: TypeAlias = Any
"""A dtype, or one of Python's or NumPy's types."""

Number: TypeAlias = Any
"""An int, a float, a bool; complex ones are refused by what would compute with them."""

Tensors: TypeAlias = Any
"""A tuple or list of Tensors."""


def whole(x: Any) -> bool:
    """Whether PyTorch takes x for a whole number: a bool is none, a tensor of one can be."""
    if isinstance(x, Tensor):
        return x.array.dtype.kind in "iu" and _one(x)
    return isinstance(x, (int, np.integer)) and not isinstance(x, bool)


def as_int(n: Any) -> int:
    """n as an int. TypeError for what is no whole number, True and False among them."""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(say("errors.shape.sizes", sizes=shown(n)))
    return index(n)


def real(x: Any) -> bool:
    """Whether PyTorch takes x for a number."""
    return _one(x) if isinstance(x, Tensor) else isinstance(x, (int, float, np.number, np.bool_))


def _one(x: Tensor) -> bool:
    return not x.array.ndim and not x.requires_grad


def _several(x: Any) -> bool:
    return isinstance(x, (tuple, list))


_RULES: dict[str, Callable[[Any], bool]] = {
    "None": lambda x: x is None,
    "int": whole,
    "Dim": whole,
    "Dims": lambda x: _several(x) or whole(x),
    "Sizes": _several,
    "Dtype": lambda x: isinstance(x, (np.dtype, type)),
    "float": real,
    "Number": lambda x: real(x) or isinstance(x, complex),
    "bool": lambda x: isinstance(x, (bool, np.bool_)),
    "str": lambda x: isinstance(x, str),
    "Tensor": lambda x: isinstance(x, Tensor),
    "Ord": lambda x: real(x) or isinstance(x, str),
    "Tensors": lambda x: _several(x) and all(isinstance(t, Tensor) for t in x),
}
_NUMPY = {"axis": "dim", "keepdims": "keepdim", "x": "input", "x1": "input", "x2": "other"}
_SAID = {"Dim": "int", "Number": "float", "Ord": "float"}
_NO = object()


def checked(f: F, tensor_first: bool = False) -> F:
    """f, which refuses with TypeError what does not fit its annotations (and in the first place
    anything but a Tensor, if so said). Knows NumPy's names of arguments, as PyTorch's functions
    do, and `out` where f was made by `takes_out`."""
    plain: Any = getattr(f, "without_out", f)
    gives_out, code = plain is not f, plain.__code__
    places = code.co_argcount
    names = code.co_varnames[: places + code.co_kwonlyargcount]
    known: dict[str, set[type]] = {name: set() for name in names}
    others: set[type] = set()  # what *args has taken
    first, second, third, *rest = [known[name] for name in names[:places]] + [others] * 3
    many = bool(code.co_flags & CO_VARARGS)

    @wraps(f)
    def call(x: Any = _NO, y: Any = _NO, z: Any = _NO, /, *more: Any, **named: Any) -> Any:
        # The usual call, with types that were taken before: no list is made, nothing is looked up.
        if x.__class__ in first:
            for name in named:
                if name not in known or named[name].__class__ not in known[name]:
                    break
            else:
                if y is _NO:
                    return plain(x, **named) if named else plain(x)
                if y.__class__ in second:
                    if z is _NO:
                        return plain(x, y, **named) if named else plain(x, y)
                    if z.__class__ in third:
                        if not more:
                            return plain(x, y, z, **named) if named else plain(x, y, z)
                        for value, types in zip(more, rest, strict=False):
                            if value.__class__ not in types:
                                break
                        else:
                            return plain(x, y, z, *more, **named)
        return slowly([a for a in (x, y, z, *more) if a is not _NO], named)

    def slowly(args: list[Any], named: dict[str, Any]) -> Any:
        """The first call with these types: every argument is looked at, NumPy's names are turned
        into PyTorch's, and `out` is filled."""
        out = named.pop("out", None) if gives_out else None
        for i, (name, value) in enumerate(zip(names[:places], args, strict=False)):
            if value.__class__ not in known[name]:
                args[i] = taken(name, value)
        for name in tuple(named):
            value = named[name]
            if name not in known and _NUMPY.get(name) in known:
                named[name := _NUMPY[name]] = named.pop(name)
            if name in known and value.__class__ not in known[name]:
                named[name] = taken(name, value)
        if many:
            others.update(map(type, args[places:]))
        result = plain(*args, **named)
        return result if out is None else into(out, result)

    def taken(name: str, value: Any) -> Any:
        """The value as f gets it. TypeError where it does not fit."""
        kinds = plain.__annotations__.get(name, "Any").split(" | ")
        if tensor_first and name == names[0]:
            kinds = ["Tensor"]
        rules = [_RULES.get(kind) for kind in kinds]
        if not any(rule is None or rule(value) for rule in rules):
            if tensor_first and name == names[0]:
                raise TypeError(say("errors.tensor.wanted", type=type_name(value)))
            raise TypeError(_explained(plain.__name__, name, kinds, value))
        if None not in rules and "Tensor" not in kinds and isinstance(value, Tensor):
            return value.item()
        if "Tensors" not in kinds:
            known[name].add(type(value))
        return value

    return call  # type: ignore[return-value]


def on_tensor(f: F) -> F:
    """f, its arguments checked, the first of them a Tensor."""
    return checked(f, tensor_first=True)


def _explained(function: str, name: str, kinds: list[str], value: Any) -> Message:
    kind = next(k for k in kinds if k != "None")
    # keys: errors.argument.*
    wanted = say(f"errors.argument.{_SAID.get(kind, kind).lower()}")
    if "None" in kinds:
        wanted = say("errors.argument.or_none", wanted=wanted)
    return say(
        "errors.argument.kind", function=function, argument=name, wanted=wanted, got=shown(value)
    )


def shown(value: Any) -> str:
    """A short value as it is written, else the name of its type."""
    plain = value is None or isinstance(value, (bool, int, float, str, tuple, list))
    return repr(value) if plain and len(repr(value)) < 20 else type_name(value)


def type_name(value: Any) -> str:
    """The name of the type, with where it comes from: there are Tensors in PyTorch too."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
