"""Tensors of another dtype or on another device, and what a tensor says about itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine import dtypes
from gobhir.engine.arguments import Dtype, Number, checked, on_tensor
from gobhir.engine.device import check_place
from gobhir.engine.device import device as device_type
from gobhir.engine.dtypes import as_dtype, promoted
from gobhir.engine.functions.publish import function, method, of_tensor
from gobhir.engine.functions.shapes import place
from gobhir.engine.functions.typed import NAMES
from gobhir.engine.layout import strided
from gobhir.engine.ops import shapes
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


@method
def to(
    self: Any,
    *wishes: Any,
    device: Any = None,
    dtype: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Any:
    """With another dtype, or another tensor's, or on device "cpu", the only one there is. The
    tensor itself where nothing changes and no copy is asked for."""
    kind = dtype
    for wish in (*wishes[:2], device):
        if isinstance(wish, Tensor):
            kind = wish.array.dtype
        elif isinstance(wish, (str, device_type)):
            check_place(wish)
        elif wish is not None and not isinstance(wish, (bool, np.bool_)):
            kind = wish
    kind = None if kind is None else as_dtype(kind)
    if kind is not None and kind != self.array.dtype:
        return shapes.cast(self, dtype=kind)
    return shapes.clone(self) if copy or True in wishes[2:] else self


def _to_dtype(name: str, dtype: np.dtype) -> None:
    def convert(self: Any, *, memory_format: Any = None) -> Any:
        return to(self, dtype)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"The same numbers as {dtype.name}."
    method(convert)


for _name in ("float", "double", "half", "long", "int", "short", "bool"):
    _to_dtype(_name, getattr(dtypes, _name))
_to_dtype("char", dtypes.int8)
_to_dtype("byte", dtypes.uint8)


@method
@checked
def type_as(self: Any, other: Tensor) -> Any:
    """With other's dtype."""
    return to(self, other)


@method
def cpu(self: Any, *, memory_format: Any = None) -> Any:
    """The tensor itself: it is on the CPU."""
    return self


@method
def cuda(self: Any, device: Any = None, non_blocking: bool = False) -> Any:
    """RuntimeError: Gobhir computes on the CPU."""
    raise RuntimeError(say("errors.tensor.device", device="cuda" if device is None else device))


@method
def pin_memory(self: Any, device: Any = None) -> Any:
    """The tensor itself: without another device there is nothing to pin memory for."""
    return self


@method
def tolist(self: Any) -> Any:
    """The numbers as nested Python lists; one number where there are no dimensions."""
    return self.array.tolist()


@method
def type(self: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type ("gobhir.FloatTensor"), or the tensor converted to another."""
    if dtype is None:
        return f"gobhir.{NAMES[self.array.dtype]}"
    if isinstance(dtype, str):
        found = {v: k for k, v in NAMES.items()}.get(dtype.rpartition(".")[2])
        dtype = found or dtype
    return to(self, getattr(dtype, "dtype", dtype))


@method
def size(self: Any, dim: int | None = None) -> Any:
    """The shape, or how many there are along `dim`. IndexError where there is no such."""
    shape = self.shape
    if dim is None:
        return shape
    return shape[dim] if -len(shape) <= dim < len(shape) else shape[_none(dim, len(shape))]


def _none(dim: int, count: int) -> int:
    """IndexError: even a tensor without dimensions is not forgiven here."""
    if not count:
        raise IndexError(say("errors.shape.dim_of_number", dim=dim))
    return place(dim, count)


@of_tensor
def is_floating_point(input: Any) -> bool:
    """Whether the dtype is a floating one."""
    return bool(input.array.dtype.kind == "f")


@of_tensor
def is_complex(input: Any) -> bool:
    """Whether the dtype is a complex one."""
    return bool(input.array.dtype.kind == "c")


@of_tensor
def is_conj(input: Any) -> bool:
    """False: real numbers are not conjugated."""
    return False


@of_tensor
def is_signed(input: Any) -> bool:
    """Whether the dtype has negative numbers."""
    return bool(input.array.dtype.kind in "ifc")


@function
@on_tensor
def detach(input: Tensor) -> Tensor:
    """The same numbers (shared memory), cut off from how they were computed."""
    return input.detach()


@method
def share_memory_(self: Any) -> Any:
    """The tensor itself: data loading workers do not need it moved."""
    return self


@of_tensor
def is_nonzero(input: Any) -> bool:
    """Whether the one number inside is not 0."""
    return bool(input)


@of_tensor
def is_same_size(input: Any, other: Tensor) -> bool:
    """Whether the two have one shape."""
    return bool(input.array.shape == other.array.shape)


@of_tensor
def get_device(input: Any) -> int:
    """-1, as for every tensor on the CPU."""
    return -1


@method
def is_pinned(self: Any, device: Any = None) -> bool:
    """False: without another device there is nothing to pin memory for."""
    return False


@method
def element_size(self: Any) -> int:
    """How many bytes one number takes."""
    return int(self.array.itemsize)


Tensor.itemsize = property(element_size)  # type: ignore[attr-defined]
Tensor.nbytes = property(lambda self: self.array.nbytes)  # type: ignore[attr-defined]
Tensor.ndimension = Tensor.dim  # type: ignore[attr-defined]
Tensor.layout = property(lambda self: strided)  # type: ignore[attr-defined]
Tensor.is_cpu = property(lambda self: True)  # type: ignore[attr-defined]
_NOTHING_OF = "cuda sparse sparse_csr quantized mps meta xpu xla ipu mkldnn vulkan nested"
for _name in _NOTHING_OF.split():
    setattr(Tensor, f"is_{_name}", property(lambda self: False))


def _contains(self: Any, number: Any) -> bool:
    """Whether the number is among those of the tensor."""
    if not isinstance(number, (Tensor, int, float)):
        raise RuntimeError(say("errors.tensor.contains", type=number.__class__.__name__))
    return bool((self.array == (number.array if isinstance(number, Tensor) else number)).any())


for _name, _f in {
    "__contains__": _contains,
    "__reversed__": lambda self: self.flip(0) if self.ndim else self,
    "__complex__": lambda self: complex(self.item()),
}.items():
    setattr(Tensor, _name, _f)


@function
@checked
def result_type(tensor1: Number | Tensor, tensor2: Number | Tensor) -> np.dtype:
    """The dtype that an operation on these two, tensors or numbers, has."""
    return promoted([getattr(x, "array", x) for x in (tensor1, tensor2)])


@function
@checked
def promote_types(type1: Dtype, type2: Dtype) -> np.dtype:
    """The smallest dtype of at least the kind and the size of both."""
    return dtypes.pair(as_dtype(type1), as_dtype(type2))


@function
@checked
def can_cast(from_: Dtype, to: Dtype) -> bool:
    """Whether PyTorch's rules let one dtype go into the other: never into a lower kind."""
    order = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
    old, new = order[as_dtype(from_).kind], order[as_dtype(to).kind]
    return old <= new
