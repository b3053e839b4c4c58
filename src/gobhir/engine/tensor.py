"""Tensor: a NumPy array that remembers how it was computed.

Names, defaults and results are PyTorch's: https://docs.pytorch.org/docs/stable/tensors.html
Methods that are ops are attached in engine/functions; this file is the thing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from weakref import ref

import numpy as np

from gobhir.engine.arrays import first_array
from gobhir.engine.device import CPU, check_place, device
from gobhir.engine.dtypes import default_dtype
from gobhir.engine.hooks import AfterAccumulation, RemovableHandle
from gobhir.engine.printing import tensor_text
from gobhir.engine.size import Size
from gobhir.engine.tape import Record, enable_grad, state
from gobhir.lang import say


class View(NamedTuple):
    """What a tensor is a look at: `looks`, ops with their settings, applied to `root` in order.
    `at` counts the new histories that a change in place had given the memory by then. A look
    at a look only adds a link to the chain: (all before, op, settings)."""

    root: Tensor
    chain: Any
    at: int

    @property
    def looks(self) -> tuple[tuple[Any, dict[str, Any]], ...]:
        """(op, settings) for each look, the first one first."""
        found, link = [], self.chain
        while link is not None:
            link, op, settings = link
            found.append((op, settings))
        return tuple(reversed(found))


class Tensor:
    """An n-dimensional array with autograd. Made by `gobhir.tensor(...)` and its kin.

    array: the NumPy array. grad: the gradient that backward() left, same shape, or None.
    `_changes` is shared by all tensors on the same memory: how often it was changed in place, by
    which op at last, and how often such a change made a new history.
    """

    __slots__ = (
        "__dict__",  # what a program hangs on a tensor, as in w.momentum = ...; made when asked for
        "__weakref__",
        "_changes",
        "_hooks",
        "_record",
        "_view",
        "array",
        "grad",
        "requires_grad",
    )
    __array_priority__ = 1000  # so that ndarray + Tensor asks the Tensor

    if TYPE_CHECKING:
        # Operators and the methods that are ops: attached in engine/functions.
        def __add__(self, other: Any) -> Any: ...

        __radd__: Any

        def __sub__(self, other: Any) -> Any: ...

        __rsub__: Any

        def __mul__(self, other: Any) -> Any: ...

        __rmul__: Any

        def __truediv__(self, other: Any) -> Any: ...

        __rtruediv__: Any
        __pow__: Any
        __rpow__: Any
        __matmul__: Any
        __rmatmul__: Any
        __neg__: Any
        __abs__: Any
        __getitem__: Any

        def __getattr__(self, name: str) -> Any: ...

    array: np.ndarray
    grad: Tensor | None
    requires_grad: bool
    _record: Record | None

    def __init__(self, *data: Any, device: Any = None):
        """`Tensor([1, 2])` holds these numbers in the default dtype, `Tensor(2, 3)` has this
        shape and holds zeros."""
        check_place(device)
        self._set(first_array(data, default_dtype()), False)

    def _set(self, data: np.ndarray, requires_grad: bool) -> None:
        self.array = data
        self.grad = None
        self.requires_grad = requires_grad
        self._record = None
        self._changes: list[Any] = [0, "", 0]
        self._view: View | None = None
        self._hooks: list[Callable[..., Any]] | None = None

    @staticmethod
    def _wrap(data: np.ndarray, requires_grad: bool = False) -> Tensor:
        """A Tensor around this very array, nothing copied."""
        out = Tensor.__new__(Tensor)
        out._set(data, requires_grad)
        return out

    # -- what it is ----

    @property
    def shape(self) -> Size:
        """How many numbers there are along each dimension."""
        return Size(self.array.shape)

    @property
    def ndim(self) -> int:
        """How many dimensions there are."""
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype:
        """Which kind of numbers it holds: float32, int64, bool, ..."""
        return self.array.dtype

    @property
    def device(self) -> device:
        """Where it lies: the CPU."""
        return CPU

    @property
    def is_leaf(self) -> bool:
        """Made by the user, not computed (or computed without autograd)."""
        return self.grad_fn is None

    @property
    def grad_fn(self) -> Record | None:
        """The record of the op that made this tensor; None for a leaf."""
        if self._view is not None and self._view.at != self._changes[2]:
            self._look_again()
        return self._record if self.requires_grad else None

    def dim(self) -> int:
        """How many dimensions there are."""
        return self.array.ndim

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError(say("errors.tensor.len_scalar"))
        return len(self.array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError(say("errors.tensor.iterate_scalar"))
        return (self[i] for i in range(len(self.array)))

    def __repr__(self) -> str:
        return tensor_text(self)

    def __format__(self, spec: str) -> str:
        if self.array.ndim and spec:
            raise TypeError(say("errors.tensor.format", shape=self.shape, spec=spec))
        return str(self) if self.array.ndim else format(self.item(), spec)

    def __hash__(self) -> int:
        return id(self)

    @property
    def _version(self) -> int:
        """How often this memory was changed in place."""
        return self._changes[0]

    def _changed(self, op: str) -> None:
        """Note that `op` wrote into this memory."""
        self._changes[0] += 1
        self._changes[1] = op

    @property
    def _base(self) -> Tensor | None:
        """The tensor that this is a view of; None where it has a memory of its own."""
        return None if self._view is None else self._view.root

    def _is_view(self) -> bool:
        return self._view is not None

    def _look_again(self) -> None:
        """Take over the history of what this is a view of, which a change in place made new."""
        from gobhir.engine.apply import apply

        assert self._view is not None
        seen: Any = self._view.root
        with enable_grad():
            for op, settings in self._view.looks:
                seen = apply(op, seen, **settings)
        self._record, self.requires_grad = seen._record, seen.requires_grad
        self._view = self._view._replace(at=self._changes[2])

    # -- out of Gobhir, into Python and NumPy ----

    def item(self) -> Any:
        """The one number inside, as a Python number."""
        if self.array.size != 1:
            raise RuntimeError(say("errors.tensor.item", shape=self.shape))
        return self.array.item()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The array itself, sharing memory. A tensor under autograd must be detached first, or
        is, with force."""
        if self.requires_grad and state.grad_enabled and not force:
            raise RuntimeError(say("errors.tensor.numpy_grad"))
        return self.array

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """What NumPy's functions of a tensor give: np.sqrt(x) is a tensor again."""
        return Tensor._wrap(np.asarray(array))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if copy or (dtype is not None and array.dtype != dtype):
            return np.array(array, dtype=dtype)
        return array

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise RuntimeError(say("errors.tensor.bool", shape=self.shape))
        return bool(self.array)

    def __float__(self) -> float:
        return float(self._one())

    def __int__(self) -> int:
        return int(self._one())

    def _one(self) -> Any:
        if self.array.size != 1:
            raise ValueError(say("errors.tensor.item", shape=self.shape))
        return self.item()

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iub" or self.array.size != 1:
            raise TypeError(say("errors.tensor.index"))
        return int(self.array.item())

    # -- autograd ----

    @property
    def data(self) -> Tensor:
        """The same numbers (shared memory) outside autograd, changes unnoticed; `detach()` says
        what is meant, and is safer."""
        return Tensor._wrap(self.array)

    @data.setter
    def data(self, other: Tensor) -> None:
        self.array = other.array

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | None = None,
    ) -> None:
        """Fill `.grad` of every leaf with d(self)/d(leaf), added to what was there.

        gradient: dL/d(self) of the same shape; may be left out when self is one number.
        """
        from gobhir.engine.backward import backward

        backward([self], [gradient], retain_graph, create_graph, inputs)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Let backward() leave a gradient in `.grad`, or no longer. RuntimeError for a dtype that
        is not floating, and where the tensor was computed from others that learn."""
        if requires_grad and self.array.dtype.kind not in "fc":
            raise RuntimeError(say("errors.tensor.grad_dtype", dtype=self.dtype))
        if not requires_grad and not self.is_leaf:
            raise RuntimeError(say("errors.tensor.grad_of_computed"))
        if not self.requires_grad:
            self._record = None  # on a tape, what nobody differentiates has one, too
        self.requires_grad = requires_grad
        return self

    def detach(self) -> Tensor:
        """The same numbers (shared memory), cut off from how they were computed."""
        out = Tensor._wrap(self.array)
        out._changes = self._changes
        if self._view is not None and not self.array.flags.c_contiguous:
            root = Tensor._wrap(self._view.root.array)  # how its memory is laid out stays known
            root._changes = self._changes
            out._view = View(root, self._view.chain, self._changes[2])
        return out

    def detach_(self) -> Tensor:
        """Cut this very tensor off from how it was computed; it becomes a leaf without gradient."""
        if self._view is not None:
            raise RuntimeError(say("errors.tensor.detach_view"))
        self._record, self.requires_grad = None, False
        return self

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook` with this tensor's gradient during backward(); it may return another one.
        `.remove()` of what this returns takes the hook away again."""
        if not self.requires_grad:
            raise RuntimeError(say("errors.tensor.hook_no_grad"))
        owner: Any = self.grad_fn or self
        attribute = "_hooks" if owner is self else "hooks"
        hooks: list[Any] = getattr(owner, attribute) or []
        setattr(owner, attribute, hooks)
        return RemovableHandle(hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook` with this leaf itself whenever backward() has added to its `.grad`."""
        if not self.requires_grad:
            raise RuntimeError(say("errors.tensor.hook_no_grad"))
        if not self.is_leaf:
            raise RuntimeError(say("errors.tensor.hook_no_leaf"))
        self._hooks = hooks = self._hooks or []
        return RemovableHandle(hooks, AfterAccumulation(hook))

    def retain_grad(self) -> None:
        """Keep `.grad` for a computed tensor too."""
        if not self.requires_grad:
            raise RuntimeError(say("errors.tensor.hook_no_grad"))
        if self.grad_fn is not None:
            kept = ref(self)  # the graph must not hold its own results, or nothing would free it

            def keep(cotangent: Any) -> None:
                t = kept()
                if t is not None:
                    raw = not isinstance(cotangent, Tensor)
                    new = Tensor._wrap(cotangent.copy()) if raw else cotangent
                    t.grad = new if t.grad is None else t.grad + new

            self.grad_fn.retained = keep

    @property
    def retains_grad(self) -> bool:
        """Whether this is a computed tensor that keeps its `.grad`."""
        return self._record is not None and self._record.retained is not None

    def __copy__(self) -> Tensor:
        out = type(self).__new__(type(self))
        out._set(self.array, self.requires_grad)
        out.__dict__.update(self.__dict__)
        return out

    def __deepcopy__(self, memo: dict[Any, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(say("errors.tensor.deepcopy"))
        out = type(self).__new__(type(self))
        out._set(self.array.copy(), self.requires_grad)
        if self.grad is not None:
            out.grad = Tensor._wrap(self.grad.array.copy())
        memo[id(self)] = out
        out.__dict__.update(deepcopy(self.__dict__, memo))
        return out

    def __reduce__(self) -> NoReturn:
        raise TypeError(say("errors.tensor.pickle"))
