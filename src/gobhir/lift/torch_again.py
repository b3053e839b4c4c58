"""A recorded call of PyTorch's, run once more by PyTorch: in float64, with its own gradient, or for
the random numbers that it drew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from gobhir.lift.torch_values import tensors_in
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
        results = [t.detach().numpy() for t in self._run([_tensor(a) for a in arrays])]
        return results[0] if len(results) == 1 else tuple(results)

    def pull(self, arrays: Any, cotangents: Any) -> tuple[Any, ...]:
        """What each input receives."""
        given = [_tensor(a) for a in arrays]
        leaves = [t.requires_grad_() if t.is_floating_point() else t for t in given]
        results = self._run([t.clone() for t in leaves])
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
    array = np.asarray(getattr(a, "array", a))
    return torch.from_numpy(np.array(array))


@contextmanager
def drawing(call: Call) -> Iterator[Any]:
    """`kept(shape, p)`: what the dropouts inside the call kept, one after the other."""
    with torch.random.fork_rng(devices=[]):
        if call.draws is not None:
            torch.set_rng_state(call.draws)

        given = Again(call).inputs[0]

        def kept(shape: tuple[int, ...], p: float) -> np.ndarray:
            ones = torch.ones(shape)
            if given.shape == shape and given.strides and "dropout" in call.name:
                ones = torch.empty_strided(shape, given.strides).fill_(1.0)
            return torch.nn.functional.dropout(ones, p).numpy() > 0

        yield kept
