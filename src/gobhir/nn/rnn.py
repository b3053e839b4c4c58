"""Recurrent layers: RNN, LSTM, GRU.

One step of each stands in engine/ops/recurrent.py, a whole layer in engine/ops/recurrent_layers.py.
Here stand the parameters, and how layers and directions are put together.
"""

from __future__ import annotations

import math
from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.creation import empty, zeros
from gobhir.engine.drawing import marked
from gobhir.engine.functions.publish import check_operands
from gobhir.engine.ops import recurrent
from gobhir.engine.ops.joining import cat, stack
from gobhir.engine.ops.linear import linear
from gobhir.engine.ops.recurrent_layers import gru_layer, lstm_layer, rnn_layer
from gobhir.engine.tape import state
from gobhir.lang import say, warn
from gobhir.nn import functional as F
from gobhir.nn import init
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter
from gobhir.nn.rnn_cell import pair_of_states
from gobhir.nn.utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_STEPS = {
    "LSTM": recurrent.lstm_step,
    "GRU": recurrent.gru_step,
    "RNN_TANH": recurrent.tanh_step,
    "RNN_RELU": recurrent.relu_step,
}


class RNNBase(Module):
    """Layers of one kind over one another, in one or both directions.

    Parameters of layer k: weight_ih_lk (gates * hidden, in), weight_hh_lk (gates * hidden,
    hidden or proj), bias_ih_lk, bias_hh_lk (gates * hidden), weight_hr_lk (proj, hidden) where
    there is a projection; those of the way back end in _reverse.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        _check_settings(input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        if mode not in _GATES:
            raise ValueError(say("errors.rnn.mode", mode=mode, known=", ".join(_GATES)))
        self.mode, self.input_size, self.hidden_size = mode, input_size, hidden_size
        self.num_layers, self.bias, self.batch_first = num_layers, bias, batch_first
        self.dropout, self.bidirectional, self.proj_size = float(dropout), bidirectional, proj_size
        directions, shown = self._directions, proj_size or hidden_size
        self._weight_names: list[list[str]] = []
        for layer in range(num_layers):
            size = shown * directions if layer else input_size
            for suffix in ("", "_reverse")[:directions]:
                rows = _GATES[mode] * hidden_size
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (rows, size),
                    "weight_hh": (rows, shown),
                }
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                named = {f"{name}_l{layer}{suffix}": shape for name, shape in shapes.items()}
                for name, shape in named.items():
                    setattr(self, name, Parameter(empty(*shape, device=device, dtype=dtype)))
                self._weight_names.append(list(named))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def reset_parameters(self) -> None:
        """Draw all parameters anew, evenly from [-k, k), k = 1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._weight_names]

    @property
    def _flat_weights_names(self) -> list[str]:
        """The names of the parameters in a row; Dive into Deep Learning initialises by them."""
        return [name for names in self._weight_names for name in names]

    def flatten_parameters(self) -> None:
        """For programs written for a GPU; here there is nothing to do."""

    def _state_sizes(self) -> list[int]:
        """How many numbers each state has: h, and c of an LSTM."""
        return [self.proj_size or self.hidden_size]

    def _read(self, input: Any, given: tuple[Tensor, ...] | None) -> tuple[Any, list[Tensor]]:
        """All h of the last layer, arranged as the input is, and the last states of all layers."""
        packed = input if isinstance(input, PackedSequence) else None
        x, batched = (packed.data, True) if packed else self._as_batch(input, given)
        self._check_input(packed.data if packed else input, 2 if packed else input.ndim)
        if given is not None and not batched:
            given = tuple(s.unsqueeze(1) for s in given)
        if packed is None and self.batch_first:
            x = x.transpose(0, 1)
        if not x.shape[0]:
            raise RuntimeError(say("errors.rnn.empty", module=type(self).__name__))
        sizes = None if packed is None else packed.batch_sizes.tolist()
        states = self._first_states(given, x, x.shape[1] if sizes is None else sizes[0])
        if packed is not None and given is not None and packed.sorted_indices is not None:
            states = [s[:, packed.sorted_indices] for s in states]
        out, states = self._through_layers(x, states, sizes)
        if packed is not None:
            if packed.unsorted_indices is not None:
                states = [s[:, packed.unsorted_indices] for s in states]
            return PackedSequence(out, *packed[1:]), states
        if self.batch_first:
            out = out.transpose(0, 1)
        if not batched:
            return out.squeeze(0 if self.batch_first else 1), [s.squeeze(1) for s in states]
        return out, states

    def _as_batch(self, input: Tensor, given: Any) -> tuple[Tensor, bool]:
        """The input with a batch dimension, and whether it had one."""
        name = type(self).__name__
        check_operands(input, *(given or ()))
        if input.ndim not in (2, 3):
            raise ValueError(say("errors.rnn.input_dims", module=name, shape=input.shape))
        for s in given or ():
            if s.ndim != input.ndim:
                shapes = {"shape": s.shape, "input": input.shape}
                raise RuntimeError(say("errors.rnn.hidden_dims", want=input.ndim, **shapes))
        if input.ndim == 3:
            return input, True
        return input.unsqueeze(0 if self.batch_first else 1), False

    def _check_input(self, x: Tensor, dims: int) -> None:
        weight = self.all_weights[0][0]
        if x.dtype != weight.dtype:
            raise ValueError(say("errors.rnn.dtype", got=x.dtype, want=weight.dtype))
        if x.ndim != dims:
            raise RuntimeError(say("errors.rnn.dims", want=dims, shape=x.shape))
        if x.shape[-1] != self.input_size:
            drawn = marked(x.shape, -1)
            raise RuntimeError(say("errors.rnn.input_size", want=self.input_size, shape=drawn))

    def _first_states(
        self, given: tuple[Tensor, ...] | None, x: Tensor, batch: int
    ) -> list[Tensor]:
        """The states to start from, one for each layer and direction: (layers, B, size)."""
        count = self.num_layers * self._directions
        wanted = [(count, batch, size) for size in self._state_sizes()]
        if given is None:
            return [zeros(*shape, dtype=x.dtype) for shape in wanted]
        for s, shape in zip(given, wanted, strict=True):
            if s.shape != shape:
                raise RuntimeError(say("errors.rnn.hidden_shape", want=shape, got=s.shape))
        return list(given)

    def _through_layers(
        self, x: Tensor, states: list[Tensor], sizes: list[int] | None
    ) -> tuple[Tensor, list[Tensor]]:
        last: list[list[Tensor]] = [[] for _ in states]
        for layer in range(self.num_layers):
            shown = []
            for reverse in (False, True)[: self._directions]:
                k = layer * self._directions + reverse
                start = [s[k] for s in states]
                out, *ends = self._layer(x, start, self.all_weights[k], reverse, sizes)
                shown.append(out)
                for seen, end in zip(last, ends, strict=True):
                    seen.append(end)
            x = shown[0] if len(shown) == 1 else cat(*shown, dim=shown[0].ndim - 1)
            if self.dropout and self.training and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout)
        return x, [stack(*seen, dim=0) for seen in last]

    def _layer(
        self,
        x: Tensor,
        start: list[Tensor],
        parameters: list[Parameter],
        reverse: bool,
        sizes: list[int] | None,
    ) -> Any:
        """One layer in one direction: all h, then the last states."""
        weights: list[Any] = [*parameters[: 4 if self.bias else 2]]
        weights += [None] * (4 - len(weights))
        step = _projecting(parameters[-1]) if self.proj_size else _STEPS[self.mode]
        if sizes is not None:
            return recurrent.walk_packed(step, x, start, weights, sizes, reverse)
        if self.proj_size or state.tape is not None:
            # A tape is there to be read: step by step.
            return recurrent.walk(step, x, start, weights, reverse)
        options = {"reverse": reverse, "learn_x": x.requires_grad}
        if self.mode == "LSTM":
            return lstm_layer(x, *start, *weights, **options)[:3]
        if self.mode == "GRU":
            return gru_layer(x, *start, *weights, **options)[:2]
        return rnn_layer(x, *start, *weights, relu=self.mode == "RNN_RELU", **options)[:2]

    def extra_repr(self) -> str:
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }
        changed = [
            f"{name}={getattr(self, name)}"
            for name, default in defaults.items()
            if getattr(self, name) != default
        ]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


def _check_settings(
    input_size: Any,
    hidden_size: Any,
    num_layers: Any,
    bias: Any,
    batch_first: Any,
    dropout: Any,
    proj_size: Any,
) -> None:
    number = isinstance(dropout, (int, float)) and not isinstance(dropout, bool)
    if not number or not 0 <= dropout <= 1:
        raise ValueError(say("errors.rnn.dropout", dropout=dropout))
    if dropout and num_layers == 1:
        warn(say("errors.rnn.dropout_alone", dropout=dropout))
    for name, value in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(value, bool):
            raise TypeError(say("errors.rnn.true_false", name=name, value=repr(value)))
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(value, int):
            raise TypeError(say("errors.rnn.whole", name=name, value=repr(value)))
    sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
    for name, value in sizes.items():
        if value <= 0:
            raise ValueError(say("errors.rnn.positive", name=name, value=value))
    if not 0 <= proj_size < hidden_size:
        raise ValueError(say("errors.rnn.proj_size", got=proj_size, hidden=hidden_size))


def _projecting(weight_hr: Parameter) -> Any:
    """An LSTM step whose h is made smaller by a product with weight_hr."""

    def step(*inputs: Any) -> Any:
        h, c = recurrent.lstm_step(*inputs)
        return linear(h, weight_hr), c

    return step


class RNN(RNNBase):
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), or relu of it.

    x: (T, B, input_size), (B, T, input_size) with batch_first, (T, input_size) without a batch,
    or a PackedSequence. hx: (num_layers * directions, B, hidden_size), zeros when left out.
    Gives all h of the last layer, and the last h of every layer.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **others: Any,
    ):
        _refuse_projection(others)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(say("errors.rnn.nonlinearity", name=nonlinearity))
        settings = (num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, *settings)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        out, states = self._read(input, None if hx is None else (hx,))
        return out, states[0]


class LSTM(RNNBase):
    """c_t = f c_(t-1) + i g, h_t = o tanh(c_t), with gates i, f, o and candidate g from x_t and
    h_(t-1); see engine.ops.recurrent.LSTMStep.

    x as for RNN. hx: a pair (h, c), (num_layers * directions, B, hidden_size) each, zeros when
    left out. proj_size: h is made that small by one more product. Gives all h of the last layer,
    and the pair of the last h and c of every layer.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__("LSTM", *args, **kwargs)

    def _state_sizes(self) -> list[int]:
        return [self.proj_size or self.hidden_size, self.hidden_size]

    def forward(
        self, input: Any, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        out, (h, c) = self._read(input, pair_of_states(hx))
        return out, (h, c)


class GRU(RNNBase):
    """h_t = (1 - z) n + z h_(t-1), with gates r, z and candidate n from x_t and h_(t-1); see
    engine.ops.recurrent.GRUStep. Arguments and results as of RNN."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **others: Any,
    ):
        _refuse_projection(others)
        settings = (num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)
        super().__init__("GRU", input_size, hidden_size, *settings)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        out, states = self._read(input, None if hx is None else (hx,))
        return out, states[0]


def _refuse_projection(others: dict[str, Any]) -> None:
    if "proj_size" in others:
        raise ValueError(say("errors.rnn.proj_lstm"))
    if others:
        raise TypeError(say("errors.rnn.argument", name=next(iter(others))))
