"""A compiled step of recurrent and attention layers gives the numbers of the step itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn


class Sequences(nn.Module):
    """Words in, one number out, by the layer that is asked for."""

    def __init__(self, kind: str):
        super().__init__()
        self.words = nn.Embedding(11, 8, padding_idx=0)
        if kind == "Transformer":
            self.layer: Any = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
        elif kind == "Attention":
            self.layer = nn.MultiheadAttention(8, 2, batch_first=True)
        else:
            self.layer = getattr(nn, kind)(8, 8, batch_first=True)
        self.kind, self.out = kind, nn.Linear(8, 5)

    def forward(self, x: Any) -> Any:
        h = self.words(x)
        if self.kind == "Transformer":
            seen = self.layer(h)
        else:
            seen = self.layer(*[h] * 3)[0] if self.kind == "Attention" else self.layer(h)[0]
        return self.out(seen[:, -1])


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "Attention", "Transformer"])
def test_compiled(kind: str) -> None:
    rng = np.random.default_rng(3)
    batches = [(rng.integers(0, 11, (6, 4)), rng.integers(0, 5, 6)) for _ in range(5)]
    losses = []
    for compiled in (False, True):
        gobhir.manual_seed(1)
        model = Sequences(kind)
        optimizer = gobhir.optim.Adam(model.parameters(), lr=0.01)

        def step(x: Any, y: Any, model: Any = model, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        run = gobhir.compile(step) if compiled else step
        losses.append([run(gobhir.tensor(x), gobhir.tensor(y)).item() for x, y in batches])
        if compiled:
            assert run.reason is None
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
