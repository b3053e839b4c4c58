"""+, -, *, /, //, %, ** and their kin, as operators, functions, methods and in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from gobhir.engine.apply import apply
from gobhir.engine.arguments import Number
from gobhir.engine.dtypes import promoted
from gobhir.engine.functions.publish import (
    alias,
    as_operand,
    binary,
    both,
    function,
    in_place,
    method,
    number,
    of_tensor,
    takes_out,
    unary,
)
from gobhir.engine.inplace import become, into
from gobhir.engine.op import Op
from gobhir.engine.ops import arithmetic, elementary, linear
from gobhir.engine.tensor import Tensor
from gobhir.lang import say, warn


def _refuse_bool(*operands: Any) -> None:
    """RuntimeError for the difference of truth values: it could mean several things."""
    for x in operands:
        if x is True or x is False or (isinstance(x, Tensor) and x.array.dtype.kind == "b"):
            raise RuntimeError(say("errors.arithmetic.bool_minus"))


# -- functions and methods ----

mul = binary(arithmetic.mul, numbers="both")
neg = unary(arithmetic.neg)
remainder = binary(arithmetic.remainder, numbers="either")
fmod = binary(arithmetic.fmod)
floor_divide = binary(arithmetic.floor_divide, numbers="both")
hypot = binary(arithmetic.hypot, numbers="")
unary(arithmetic.reciprocal)
alias("multiply", mul)
alias("negative", neg)


def _scaled(other: Any, alpha: Any, dtype: np.dtype) -> Any:
    """alpha * other. RuntimeError for an alpha that a result of this dtype cannot take in."""
    if alpha is True or alpha is False:
        if dtype.kind != "b":
            raise RuntimeError(say("errors.arithmetic.alpha_bool"))
    elif isinstance(alpha, float) and dtype.kind in "biu":
        raise RuntimeError(say("errors.arithmetic.alpha_float", dtype=dtype))
    if isinstance(other, (bool, int, float)):
        return bool(alpha * other) if dtype.kind == "b" else alpha * other
    return (other.to(dtype) * alpha).to(dtype)


def result_dtype(*operands: Any) -> np.dtype:
    """The dtype that these have in common."""
    return promoted([x.array if isinstance(x, Tensor) else x for x in operands])


def _operands(input: Any, other: Any) -> tuple[Any, Any]:
    if not isinstance(input, Tensor):
        input = number(input)
        if not isinstance(other, Tensor):
            input = Tensor._wrap(np.asarray(input, result_dtype(input, number(other))))
    return input, other if isinstance(other, Tensor) else number(other)


@in_place
@both
def add(input: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Any:
    """input + alpha * other."""
    input, other = _operands(input, other)
    if type(alpha) is not int or alpha != 1:
        other = _scaled(other, alpha, result_dtype(input, other))
    result = apply(arithmetic.Add, input, other)
    return result if out is None else into(out, result)


@in_place
@both
def sub(input: Any, other: Any, *, alpha: Any = 1, out: Tensor | None = None) -> Any:
    """input - alpha * other."""
    input, other = _operands(input, other)
    _refuse_bool(input, other)
    if type(alpha) is not int or alpha != 1:
        other = _scaled(other, alpha, result_dtype(input, other))
    result = apply(arithmetic.Sub, input, other)
    return result if out is None else into(out, result)


alias("subtract", sub)


@function
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """other - alpha * input."""
    return sub(other, as_operand(input), alpha=alpha)


_QUOTIENTS = {
    None: arithmetic.Div,
    "floor": arithmetic.FloorDivide,
    "trunc": arithmetic.TruncDivide,
}


@in_place
@both
def div(
    input: Any, other: Any, *, rounding_mode: str | None = None, out: Tensor | None = None
) -> Any:
    """input / other; rounded down with rounding_mode "floor", towards 0 with "trunc"."""
    if rounding_mode not in _QUOTIENTS:
        raise RuntimeError(say("errors.arithmetic.rounding_mode", mode=repr(rounding_mode)))
    result = apply(_QUOTIENTS[rounding_mode], *_operands(input, other))
    return result if out is None else into(out, result)


alias("divide", div)
alias("true_divide", div)


@in_place
@both
def pow(input: Any, exponent: Any, *, out: Tensor | None = None) -> Any:
    """input ** exponent; one of the two may be a number."""
    if not isinstance(exponent, Tensor):
        exponent, input = number(exponent), as_operand(input)
    elif not isinstance(input, Tensor):
        input = number(input)
    result = apply(arithmetic.Pow, input, exponent)
    return result if out is None else into(out, result)


@both
def float_power(input: Any, exponent: Any, *, out: Tensor | None = None) -> Any:
    """input ** exponent in float64, whatever came in."""
    if isinstance(input, Tensor):
        input = input.double()
    if isinstance(exponent, Tensor):
        exponent = exponent.double()
    return pow(input, exponent, out=out)


@method
def float_power_(self: Tensor, exponent: Any) -> Tensor:
    """float_power, in place; self must be float64 already."""
    if self.dtype != np.float64:
        raise RuntimeError(say("errors.tensor.inplace_dtype", got="float64", want=self.dtype))
    return become(self, "float_power_", lambda x: float_power(x, exponent))


@in_place
@of_tensor
@takes_out
def square(input: Any) -> Any:
    """input ** 2."""
    return pow(input, 2)


@of_tensor
def positive(input: Any) -> Any:
    """input itself; RuntimeError for truth values, which have no sign."""
    if as_operand(input).dtype.kind == "b":
        raise RuntimeError(say("errors.arithmetic.bool_plus"))
    return input


@in_place
@of_tensor
@takes_out
def addcmul(input: Any, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Any:
    """input + value * tensor1 * tensor2."""
    operands = [as_operand(x) for x in (input, tensor1, tensor2)]
    if isinstance(value, float) and result_dtype(*operands).kind != "f":
        value = int(value)
    return arithmetic.addcmul(*operands, value=value)


@in_place
@of_tensor
@takes_out
def addcdiv(input: Any, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Any:
    """input + value * tensor1 / tensor2. RuntimeError when both are of whole numbers."""
    operands = [as_operand(x) for x in (input, tensor1, tensor2)]
    if all(x.dtype.kind != "f" for x in operands[1:]):
        raise RuntimeError(say("errors.arithmetic.addcdiv"))
    return arithmetic.addcdiv(*operands, value=value)


@in_place
@of_tensor
@takes_out
def lerp(input: Any, end: Tensor, weight: Number | Tensor) -> Any:
    """input + weight * (end - input); weight a number or a Tensor. All of one dtype."""
    given = [as_operand(input), as_operand(end)]
    if input.dtype.kind != "f":
        raise NotImplementedError(say("errors.dtype.not_for", op="lerp", dtype=input.dtype))
    given += [weight] if isinstance(weight, Tensor) else []
    for x in given[1:]:
        if x.dtype != input.dtype:
            raise RuntimeError(say("errors.arithmetic.one_dtype", x=input.dtype, y=x.dtype))
    return arithmetic.lerp(input, end, weight if len(given) == 3 else number(weight))


# -- operators ----


def _operator(op: type[Op], swapped: bool = False, numbers: bool = True) -> Any:
    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, Tensor):
            if numbers and isinstance(other, (int, float)):
                other = float(other) if isinstance(other, np.float64) else other
            elif isinstance(other, (np.generic, np.ndarray)):
                other = Tensor._wrap(np.asarray(other))
            else:
                return NotImplemented
        return apply(op, other, self) if swapped else apply(op, self, other)

    operator.__name__ = op.name
    operator.__doc__ = op.__doc__
    return operator


def in_place_operator(compute: Callable[..., Any], name: str) -> Any:
    """What `x += y` means: NotImplemented, and no error, for what is no number."""

    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, int, float, np.generic, np.ndarray)):
            return NotImplemented
        return become(self, name, lambda x: compute(x, other))

    return operator


def _checked(operator: Any) -> Any:
    def minus(self: Tensor, other: Any) -> Any:
        _refuse_bool(self, other)
        return operator(self, other)

    return minus


for _symbol, _op in {
    "add": arithmetic.Add,
    "sub": arithmetic.Sub,
    "mul": arithmetic.Mul,
    "truediv": arithmetic.Div,
    "floordiv": arithmetic.FloorDivide,
    "mod": arithmetic.Remainder,
    "pow": arithmetic.Pow,
    "matmul": linear.MatMul,
}.items():
    _numbers = _op is not linear.MatMul
    _direct, _swapped = (_operator(_op, swapped, _numbers) for swapped in (False, True))
    if _op is arithmetic.Sub:
        _direct, _swapped = _checked(_direct), _checked(_swapped)
    setattr(Tensor, f"__{_symbol}__", _direct)
    setattr(Tensor, f"__r{_symbol}__", _swapped)
    if _numbers:
        setattr(Tensor, f"__i{_symbol}__", in_place_operator(_direct, f"{_op.name}_"))

Tensor.__neg__ = neg
Tensor.__pos__ = positive  # type: ignore[operator]
Tensor.__abs__ = unary(elementary.abs)
alias("absolute", Tensor.__abs__)


def _take_factor_first(name: str, factor: str, count: int) -> None:
    """Let x.add_(2, y) stand for x.add_(y, alpha=2), with a warning: old optimizers write so."""
    change = getattr(Tensor, name)

    @wraps(change)
    def either(self: Tensor, *args: Any, **named: Any) -> Tensor:
        if len(args) > count and factor not in named:
            warn(say("errors.arithmetic.factor_first", name=name, factor=factor))
            named[factor], *args = args  # type: ignore[assignment]
        return change(self, *args, **named)

    setattr(Tensor, name, either)


for _name, _factor, _count in (
    ("add_", "alpha", 1),
    ("sub_", "alpha", 1),
    ("addcmul_", "value", 2),
    ("addcdiv_", "value", 2),
):
    _take_factor_first(_name, _factor, _count)
