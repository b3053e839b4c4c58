"""A recurrent network that reads a window and writes the steps ahead, in Gobhir, PyTorch, Keras."""

from __future__ import annotations

from typing import Any

LAYERS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def forecaster(nn: Any, cell: str, inputs: int, hidden: int, layers: int, ahead: int) -> Any:
    """(batch, window, inputs) -> (batch, ahead). nn: gobhir.nn or torch.nn, which speak alike;
    cell: "rnn", "lstm" or "gru"."""

    class Forecaster(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = getattr(nn, LAYERS[cell])(inputs, hidden, layers, batch_first=True)
            self.head = nn.Linear(hidden, ahead)
            # At first every answer is the naive forecast: nothing moves.
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

        def forward(self, x: Any) -> Any:
            states, _ = self.recurrent(x)
            return self.head(states[:, -1])

    return Forecaster()


def keras_forecaster(
    keras: Any, cell: str, inputs: int, hidden: int, layers: int, ahead: int
) -> Any:
    """The same in Keras, whose layers are called so that its weights have PyTorch's names."""
    kinds = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
    recurrent = [
        kinds[cell](hidden, return_sequences=k < layers - 1, name=f"recurrent_l{k}")
        for k in range(layers)
    ]
    head = keras.layers.Dense(ahead, kernel_initializer="zeros", name="head")
    return keras.Sequential([keras.Input((None, inputs)), *recurrent, head])
