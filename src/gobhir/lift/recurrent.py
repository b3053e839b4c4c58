"""torch.lstm and its kin: what PyTorch's recurrent layers call, by the engine's own layers."""

from __future__ import annotations

from typing import Any

from gobhir import nn
from gobhir.engine import Tensor
from gobhir.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

__all__ = [
    "_pack_padded_sequence", "_pad_packed_sequence", "gru", "gru_cell", "lstm", "lstm_cell",
    "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell",
]  # fmt: skip


def _layer(kind: Any, options: dict[str, Any], given: Any, hx: Any, weights: Any, rest: Any) -> Any:
    """Run a layer of this kind on these weights. rest: has_biases, num_layers, dropout, train,
    bidirectional and, unless the input is packed, batch_first."""
    bias, layers, dropout, train, both = rest[:5]
    first = rest[5] if len(rest) > 5 else False
    states = list(hx) if isinstance(hx, (tuple, list)) else [hx]
    hidden = weights[1].shape[0] // {nn.LSTM: 4, nn.GRU: 3}.get(kind, 1)
    projected = states[0].shape[-1] if states[0].shape[-1] != hidden else 0
    if projected:
        options = {**options, "proj_size": projected}
    size = weights[0].shape[1]
    layer = kind(
        size, hidden, layers, bias=bias, batch_first=first, dropout=dropout, bidirectional=both,
        **options,
    )  # fmt: skip
    names = [name for group in layer._weight_names for name in group]
    for name, weight in zip(names, weights, strict=True):
        del layer._parameters[name]
        object.__setattr__(layer, name, weight)
    layer.train(train)
    out, states = layer(given, hx if isinstance(hx, Tensor) else tuple(hx))
    return (out, *states) if isinstance(states, tuple) else (out, states)


def _whole(kind: Any, **options: Any) -> Any:
    def run(x: Tensor, second: Any, third: Any, *rest: Any) -> Any:
        if not isinstance(rest[0], (tuple, list)):  # x, hx, weights, ...
            return _layer(kind, options, x, second, third, rest)
        # packed: data, batch_sizes, hx, weights, ...
        packed = PackedSequence(x, second)
        out, *states = _layer(kind, options, packed, third, rest[0], rest[1:])
        return (out.data, *states)

    return run


lstm = _whole(nn.LSTM)
gru = _whole(nn.GRU)
rnn_tanh = _whole(nn.RNN, nonlinearity="tanh")
rnn_relu = _whole(nn.RNN, nonlinearity="relu")


def _cell(kind: Any, **options: Any) -> Any:
    def run(x: Tensor, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
        cell = kind(x.shape[-1], w_hh.shape[1], bias=b_ih is not None, **options)
        given = {"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh}
        for name, weight in given.items():
            cell._parameters.pop(name, None)
            object.__setattr__(cell, name, weight)
        return cell(x, tuple(hx) if isinstance(hx, (tuple, list)) else hx)

    return run


lstm_cell = _cell(nn.LSTMCell)
gru_cell = _cell(nn.GRUCell)
rnn_tanh_cell = _cell(nn.RNNCell, nonlinearity="tanh")
rnn_relu_cell = _cell(nn.RNNCell, nonlinearity="relu")


def _pack_padded_sequence(x: Tensor, lengths: Any, batch_first: bool) -> tuple[Tensor, Tensor]:
    packed = pack_padded_sequence(x, lengths, batch_first)
    return packed.data, packed.batch_sizes


def _pad_packed_sequence(
    data: Tensor, sizes: Tensor, batch_first: bool, padding: float, total: int
) -> tuple[Tensor, Tensor]:
    return pad_packed_sequence(PackedSequence(data, sizes), batch_first, padding, total)
