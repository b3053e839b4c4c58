"""What an op is: one record that states, side by side, everything Gobhir knows about it.

    class Sigmoid(Op):
        '''a = sigma(z), elementwise. z, a: any shape.'''

        family = Family.ELEMENTWISE
        formula = "1 / (1 + exp(-z))"      # per element; read by people, parsed by the derivation
        local = "a * (1 - a)"              # d a / d z, in what the forward pass already knows
        result = "a"

        def forward(z): ...                # on NumPy arrays
        def vjp(da, a, z): ...             # vector-Jacobian product: what dL/da says about dL/dz

From these lines come the function, the method, the gradient, its test against PyTorch,
the line on the board and the sentence under it.

*Inputs* are forward's positional parameters, *settings* its keyword-only ones. An op of several
inputs has one pullback each: `vjp_x`, `vjp_W`, ... A pullback takes the gradient of the result,
the result, the inputs, and the settings by name. It is written with operators and with the
functions of `engine.ops`, which work on arrays and Tensors alike: that is how second
derivatives come for free. Where the gradients of several inputs share their work, one `vjps`
of the same arguments gives them all, as a tuple in the order of the inputs.

forward may return a tuple: an op of several results. Its pullbacks get tuples for the gradient
and the result, with zeros where nothing came back. What forward worked out and a pullback needs
again (a mask, the gates of a cell) is one more result, which the function around the op drops.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, ClassVar


class Family(Enum):
    """What kind of op it is: one explanation rule covers a whole family."""

    ELEMENTWISE = "elementwise"
    LINEAR = "linear"
    REDUCTION = "reduction"
    REARRANGEMENT = "rearrangement"
    GATHER = "gather"
    NORMALISATION = "normalisation"
    RECURRENT = "recurrent"
    ATTENTION = "attention"
    LOSS = "loss"
    OPAQUE = "opaque"


OPS: dict[str, type[Op]] = {}
WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where one word of a class name ends: MSELoss is mse_loss, LeakyReLU leaky_relu."""


class Op:
    """Base of all ops; see the module's text for how one is written. Never instantiated."""

    family: ClassVar[Family] = Family.OPAQUE
    formula: ClassVar[str] = ""
    local: ClassVar[str | dict[str, str]] = ""
    result: ClassVar[str] = "out"

    name: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]]
    settings: ClassVar[dict[str, Any]]
    defaults: ClassVar[dict[str, Any]]
    pullbacks: ClassVar[dict[str, Callable[..., Any]]]
    forward: ClassVar[Callable[..., Any]]
    example: ClassVar[tuple[Sequence[Any], dict[str, Any]] | None] = None
    """(inputs, settings) for the op's card, where no usual numbers would do."""
    back: ClassVar[dict[str, str]] = {}
    """An input's whole gradient as textbooks give it, where there is no slope per element: in
    terms of d, the gradient of the result. For the op's card."""
    results: ClassVar[tuple[str, ...]] = ()
    """What several results are called on the op's card."""
    memos: ClassVar[int] = 0
    """How many of the last results are for the pullback's eyes only."""
    vjps: ClassVar[Callable[..., Any] | None] = None
    unread: ClassVar[tuple[int, ...]] = ()
    """Which of several results no pullback reads: these may be changed in place afterwards."""
    shape_only: ClassVar[bool] = False
    """The pullbacks look at the inputs' shapes, not at their numbers."""
    promotes: ClassVar[bool] = False
    """Inputs of different dtypes are brought to one, by PyTorch's promotion rules."""
    floats: ClassVar[bool] = False
    """Integer inputs are computed in the default floating dtype, as PyTorch's sigmoid does."""
    accepts: ClassVar[str] = ""
    """The kinds of number it is for, of b (bool), i (integer), u (unsigned), f (floating), after
    promotion; "": any. Others are turned away."""

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for key, member in list(vars(cls).items()):
            if inspect.isfunction(member):
                setattr(cls, key, staticmethod(member))
        if abstract:
            return
        cls.name = WORDS.sub("_", cls.__name__.replace("ReLU", "Relu")).lower()
        code, cls.defaults = cls.forward.__code__, cls.forward.__kwdefaults__ or {}
        count, keywords = code.co_argcount, code.co_kwonlyargcount
        several = code.co_flags & inspect.CO_VARARGS
        names = code.co_varnames
        cls.inputs = (*names[:count], *names[count + keywords : count + keywords + bool(several)])
        settings = names[count : count + keywords]
        cls.settings = {name: cls.defaults.get(name, inspect.Parameter.empty) for name in settings}
        cls.pullbacks = {
            name: pullback
            for name in cls.inputs
            if (pullback := getattr(cls, f"vjp_{name}", getattr(cls, "vjp", cls.vjps))) is not None
        }
        OPS[cls.name] = cls

    @classmethod
    def local_of(cls, name: str) -> str:
        """The local derivative with respect to the input `name`, as a formula, or ""."""
        return cls.local if isinstance(cls.local, str) else cls.local.get(name, "")
