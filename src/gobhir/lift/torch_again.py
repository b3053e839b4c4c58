"""A recorded call of PyTorch's, run once more by PyTorch: in float64, with its own gradient, or for
the random numbers that it drew."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from gobhir.engine import random
from gobhir.lift.torch_values import numbers, tensors_in
from gobhir.lift.trace import Call, Value, exchanged


class Again:
    """One call, to be run on other numbers. `inputs`: its values, in the order of the arguments."""

    def __init__(self, call: Call):
        self.call = call
        self.inputs: list[Value] = []
        exchanged((call.args, call.kwargs), self._note)

    def _note(self, x: Any) -> Any:
        if isinstance(x, Value):
            self.inputs.append(x)
        return x

    def _run(self, given: list[Any]) -> list[Any]:
        try:
            return self._called(given)
        except RuntimeError:  # some functions know float32 alone, such as those of fake_quantize
            results = self._called([_floats(t, torch.float32) for t in given])
            return [_floats(t, torch.float64) for t in results]

    def _called(self, given: list[Any]) -> list[Any]:
        rest = iter(given)
        args, kwargs = exchanged(
            (self.call.args, self.call.kwargs), lambda x: next(rest) if isinstance(x, Value) else x
        )
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            if self.call.draws is not None:
                torch.set_rng_state(self.call.draws)
            return list(tensors_in(self.call.foreign(*args, **kwargs)))

    def run(self, arrays: Any) -> Any:
        """The results for these arrays."""
        results = [numbers(t) for t in self._run([_tensor(a) for a in arrays])]
        return results[0] if len(results) == 1 else tuple(results)

    def pull(self, arrays: Any, cotangents: Any) -> tuple[Any, ...]:
        """What each input receives."""
        leaves = [_tensor(a) for a in arrays]
        for t, value in zip(leaves, self.inputs, strict=True):
            t.requires_grad = value.learns and t.is_floating_point()
        with torch.enable_grad():  # it may be asked for in the middle of a backward
            copies = [t.clone() for t in leaves]
        results = self._run(copies)
        wanted = [t for t in leaves if t.requires_grad]
        seeds = cotangents if isinstance(cotangents, tuple) else (cotangents,)
        pairs = [(r, _tensor(s)) for r, s in zip(results, seeds, strict=True) if r.requires_grad]
        found = iter(
            torch.autograd.grad(
                [r for r, _ in pairs], wanted, [s for _, s in pairs], allow_unused=True
            )
            if pairs
            else [None] * len(wanted)
        )
        out = []
        for t in leaves:
            g = next(found) if t.requires_grad else None
            out.append(None if g is None else g.detach().numpy())
        return tuple(
            np.zeros(t.shape) if g is None else g for g, t in zip(out, leaves, strict=True)
        )


def _tensor(a: Any) -> Any:
    array = np.ascontiguousarray(getattr(a, "array", a))
    return torch.from_numpy(array).clone()  # memory that PyTorch may make larger


def _floats(t: Any, dtype: Any) -> Any:
    return t.to(dtype) if t.is_floating_point() else t


@contextmanager
def drawing(call: Call) -> Iterator[Any]:
    """`kept(shape, p)`: what the dropouts inside the call kept, one after the other. What else the
    engine draws meanwhile it draws from where PyTorch's random numbers stood."""
    with torch.random.fork_rng(devices=[]), random.fork_rng():
        if call.draws is not None:
            torch.set_rng_state(call.draws)
            random.set_rng_state(_as_ours(call.draws))

        given = Again(call).inputs[0]

        def kept(shape: tuple[int, ...], p: float) -> np.ndarray:
            ones = torch.ones(shape)
            if given.shape == shape and given.strides and "dropout" in call.name:
                ones = torch.empty_strided(shape, given.strides).fill_(1.0)
            return torch.nn.functional.dropout(ones, p).numpy() > 0

        yield kept


def _as_ours(state: Any) -> dict[str, Any]:
    """A state of PyTorch's generator as the engine's, which draws the same numbers: the seed, how
    many words are left, which comes next, then the 624 words of mt19937, each in 64 bits."""
    memory = state.numpy().tobytes()
    seed, left, _, place = struct.unpack_from("<QiiQ", memory)
    words = np.frombuffer(memory, "<u8", 624, struct.calcsize("<QiiQ")).astype(np.uint32)
    return {"seed": seed, "words": ("MT19937", words, 624 if left == 1 else place), "spare": None}
