"""Recurrent cells: one step of RNN, LSTM or GRU, for loops of one's own.

What a step computes stands in engine/ops/recurrent.py.
"""

from __future__ import annotations

import math
from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.creation import empty, zeros
from gobhir.engine.drawing import marked
from gobhir.engine.functions.publish import check_operands
from gobhir.engine.ops import recurrent
from gobhir.lang import say
from gobhir.nn import init
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """One step of one layer. weight_ih: (gates * hidden, in). weight_hh: (gates * hidden, hidden).
    bias_ih, bias_hh: (gates * hidden), None with bias=False."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, input_size),
            "weight_hh": (rows, hidden_size),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
        }
        for name, shape in shapes.items():
            wanted = bias or name.startswith("weight")
            made = Parameter(empty(*shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew, evenly from [-k, k), k = 1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def _compute(
        self, step: Any, input: Tensor, given: tuple[Tensor, ...] | None, states: int
    ) -> Any:
        name = type(self).__name__
        check_operands(input, *(given or ()))
        for x in (input, *(given or ())):
            if x.ndim not in (1, 2):
                raise ValueError(say("errors.rnn.cell_dims", module=name, shape=x.shape))
        batched = input.ndim == 2
        x = input if batched else input.unsqueeze(0)
        if given is None:
            given = (zeros(x.shape[0], self.hidden_size, dtype=x.dtype),) * states
        elif not batched:
            given = tuple(s.unsqueeze(0) for s in given)
        if x.shape[1] != self.input_size:
            drawn = marked(input.shape, -1)
            raise RuntimeError(say("errors.rnn.input_size", want=self.input_size, shape=drawn))
        want = (x.shape[0], self.hidden_size)
        for s in given:
            if s.shape != want:
                raise RuntimeError(say("errors.rnn.hidden_shape", want=want, got=s.shape))
        weight: Any = self.weight_ih
        if x.dtype != weight.dtype:
            raise RuntimeError(say("errors.rnn.dtype", got=x.dtype, want=weight.dtype))
        out = step(x, *given, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return out if batched else tuple(s.squeeze(0) for s in out)

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        parts += [] if self.bias is True else [f"bias={self.bias}"]
        kind = getattr(self, "nonlinearity", "tanh")
        return ", ".join(parts if kind == "tanh" else [*parts, f"nonlinearity={kind}"])


class RNNCell(RNNCellBase):
    """One step of an RNN. x: (B, input_size) or (input_size). hx: (B, hidden_size), zeros when
    left out. Gives the new h."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(say("errors.rnn.nonlinearity", name=self.nonlinearity))
        step = recurrent.tanh_step if self.nonlinearity == "tanh" else recurrent.relu_step
        return self._compute(step, input, None if hx is None else (hx,), 1)[0]


class LSTMCell(RNNCellBase):
    """One step of an LSTM. hx: the pair (h, c). Gives the new pair."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        h, c = self._compute(recurrent.lstm_step, input, pair_of_states(hx), 2)
        return h, c


class GRUCell(RNNCellBase):
    """One step of a GRU. Arguments and results as of RNNCell."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._compute(recurrent.gru_step, input, None if hx is None else (hx,), 1)[0]


def pair_of_states(hx: Any) -> tuple[Tensor, Tensor] | None:
    """(h, c), or None to start from zeros. RuntimeError for h alone, with which a GRU starts."""
    if hx is None or (isinstance(hx, (tuple, list)) and len(hx) == 2):
        return hx if hx is None else (hx[0], hx[1])
    raise RuntimeError(say("errors.rnn.pair", got=type(hx).__name__))
