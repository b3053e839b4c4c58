"""How a tensor's numbers lie in memory, and views of them.

NumPy may lay out a result otherwise than PyTorch would (a convolution's channels last, say). A
computed tensor counts as contiguous all the same: only a view, and an array from outside that is
not in rows, show strides of their own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.engine.arguments import Sizes, checked
from gobhir.engine.dtypes import as_dtype
from gobhir.engine.functions.publish import method, of_tensor
from gobhir.engine.functions.shapes import filled, place, sizes_of
from gobhir.engine.ops import shapes, windows
from gobhir.engine.storage import Storage, storage_of
from gobhir.engine.tensor import Tensor, View
from gobhir.lang import say


def _laid_out(x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays that lie to each other as x does to the memory it is a view of, were that in
    rows. They are for looking at strides; the numbers in them mean nothing."""
    if x._view is None:
        flat = x.array if x.array.flags.c_contiguous else np.empty(x.array.shape, x.dtype)
        return flat, flat
    root = x._view.root.array
    if root.flags.c_contiguous:
        return x.array, root
    seen = root = np.empty(root.shape, root.dtype)
    for op, settings in x._view.looks:
        seen = op.forward(seen, **settings)
    return seen, root


@method
def is_contiguous(self: Any, *, memory_format: Any = None) -> bool:
    """Whether the numbers follow one another in memory, row by row."""
    return bool(_laid_out(self)[0].flags.c_contiguous)


@method
def contiguous(self: Any, *, memory_format: Any = None) -> Any:
    """The tensor itself where its numbers follow one another in memory, else a copy in rows."""
    return self if is_contiguous(self) else shapes.clone(self)


@method
@checked
def stride(self: Any, dim: int | None = None) -> Any:
    """How many numbers further in memory the next one along each dimension (or `dim`) lies."""
    seen = _laid_out(self)[0]
    if seen.size:
        found = tuple(s // seen.itemsize for s in seen.strides)
    else:  # nothing lies anywhere: as if it were in rows of at least one
        sizes = [max(n, 1) for n in seen.shape]
        found = tuple(math.prod(sizes[i + 1 :]) for i in range(seen.ndim))
    return found if dim is None else found[place(dim, self.ndim)]


@method
def storage_offset(self: Any) -> int:
    """Where in its memory the tensor begins, in numbers."""
    seen, root = _laid_out(self)
    begin: int = seen.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    return begin // seen.itemsize


@method
def storage(self: Any) -> Storage:
    """The memory itself, as one row of numbers that all views of it share."""
    return storage_of(self)


@method
def untyped_storage(self: Any) -> Storage:
    """The memory itself, byte by byte."""
    numbers = storage_of(self)
    return Storage(numbers.numbers.view(np.uint8), self._changes)


@method
def data_ptr(self: Any) -> int:
    """The address of the first number."""
    return int(self.array.__array_interface__["data"][0])


@method
def view(self: Any, *sizes: Any, size: Any = None, dtype: Any = None) -> Any:
    """The same memory under another shape; one -1 is worked out. RuntimeError when no strides
    can show it so: reshape() copies where it must. `x.view(dtype)`, without a shape, reads the
    same bytes as other numbers; `x.to(dtype)` keeps the numbers."""
    if dtype is not None or (len(sizes) == 1 and isinstance(sizes[0], (np.dtype, type))):
        return _read_as(self, as_dtype(sizes[0] if dtype is None else dtype))
    wished = sizes_of(sizes if size is None else (size,))
    shape = filled(wished, self.array.size, self.array.shape)
    if self._view is not None and not is_contiguous(self):
        try:
            _laid_out(self)[0].reshape(shape, copy=False)
        except ValueError:
            message = say("errors.shape.view", x=self.array.shape, shape=shape)
            raise RuntimeError(message) from None
    return shapes.reshape(self, shape=shape)


def _read_as(x: Any, dtype: np.dtype) -> Any:
    """RuntimeError where numbers of another size do not fill the last dimension."""
    if dtype == x.dtype:
        return shapes.reshape(x, shape=x.array.shape)
    old, new, steps = x.array.itemsize, dtype.itemsize, stride(x)
    fits = old == new or (steps and steps[-1] == 1)
    if old < new and fits:
        places = (x.array.shape[-1], storage_offset(x), *steps[:-1])
        fits = not any(n % (new // old) for n in places)
    if not fits:
        raise RuntimeError(say("errors.shape.read_as", x=x.array.shape, old=x.dtype, new=dtype))
    return windows.read_as(x, dtype=dtype)


@method
def resize_(self: Any, *sizes: Any, memory_format: Any = None) -> Any:
    """This very tensor with other sizes, in rows of the memory that it has; where more is needed it
    moves to larger memory, filled up with zeros, and its views stay behind. RuntimeError for a
    tensor under autograd: reshape() and pad() have gradients."""
    if self.requires_grad:
        raise RuntimeError(say("errors.tensor.resize_grad"))
    shape = sizes_of(sizes)
    if not sizes or min(shape, default=0) < 0:
        raise (RuntimeError if sizes else TypeError)(say("errors.shape.negative", shape=shape))
    begin, count = storage_offset(self), math.prod(shape)
    memory = storage_of(self).numbers
    if self._view is None:
        memory = self.array.reshape(-1)  # NumPy may have laid it out otherwise than in rows
    if begin + count > memory.size:
        memory = np.append(memory, np.zeros(begin + count - memory.size, self.dtype))
    root = Tensor._wrap(memory)
    root._changes = self._changes
    self.array = memory[begin : begin + count].reshape(shape)
    steps = [s // memory.itemsize for s in self.array.strides]
    looks = {"size": shape, "stride": steps, "storage_offset": begin}
    self._view = View(root, (None, windows.AsStrided, looks), self._changes[2])
    self._changed("resize_")
    return self


@of_tensor
def resize_as_(input: Any, the_template: Tensor, *, memory_format: Any = None) -> Any:
    """This very tensor with the sizes of another; see resize_()."""
    return resize_(input, the_template.array.shape)


@method
@checked
def view_as(self: Any, other: Tensor) -> Any:
    """The same memory under other's shape."""
    return view(self, other.array.shape)


@method
@checked
def unfold(self: Any, dimension: int, size: int, step: int) -> Any:
    """Every window of `size` neighbours along `dimension`, each `step` after the one before; what
    is in a window stands along a new last dimension. A view."""
    at = place(dimension, self.ndim)
    length = self.array.shape[at] if self.ndim else 1
    if not 0 <= size <= length or step < 1:
        raise RuntimeError(say("errors.shape.unfold", size=size, step=step, length=length))
    if not self.ndim:
        return shapes.reshape(self, shape=(1,))[:size]
    return windows.unfold(self, dimension=at, size=size, step=step)


@of_tensor
def as_strided(input: Any, size: Sizes, stride: Sizes, storage_offset: int | None = None) -> Any:
    """A view of the tensor's memory by strides of one's own: out[i, j] is the number at
    storage_offset + i * stride[0] + j * stride[1]."""
    size, stride = sizes_of((size,)), sizes_of((stride,))
    source, begin = input, storage_offset
    if is_contiguous(input):
        begin = 0 if begin is None else begin - input.storage_offset()
    else:
        begin = input.storage_offset() if begin is None else begin
        source = input._view.root
    if len(size) != len(stride) or min(stride, default=0) < 0 or begin < 0:
        raise RuntimeError(say("errors.shape.as_strided", size=size, stride=stride))
    last = begin + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if 0 not in size and last >= source.array.size:
        raise RuntimeError(say("errors.shape.as_strided", size=size, stride=stride))
    return windows.as_strided(source, size=size, stride=stride, storage_offset=begin)
