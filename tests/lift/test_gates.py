"""The gates computed beside a recurrent layer: with them its formula gives what the layer gave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.lift.gates import GRU, LSTM, gates
from gobhir.lift.torch_ears import numbers


@pytest.mark.parametrize("fw", [gobhir, torch], ids=["gobhir", "torch"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"batch_first": True}, {"num_layers": 2, "bidirectional": True}, {"bias": False}],
)
def test_the_gates_lead_to_the_output(fw: Any, kind: str, settings: dict[str, Any]) -> None:
    fw.manual_seed(0)
    layer = getattr(fw.nn, kind)(3, 5, **settings).double()
    x = fw.randn(6, 4, 3).double()
    expected = layer(x)[0].detach().numpy()
    if settings.get("batch_first"):
        expected = expected.swapaxes(0, 1)
    found = dict(gates(layer, x, numbers if fw is torch else lambda t: t.array))
    last = settings.get("num_layers", 1) - 1
    ways = ["", "_reverse"][: 1 + settings.get("bidirectional", False)]
    outputs = []
    for way in ways:
        values = [found[f"l{last}{way}.{n}"] for n in (LSTM if kind == "LSTM" else GRU)]
        h = c = np.zeros((values[0].shape[1], 5))
        steps = []
        for opened in zip(*values, strict=True):
            if kind == "LSTM":
                c = opened[1] * c + opened[0] * opened[2]
                h = opened[3] * np.tanh(c)
            else:
                h = (1 - opened[1]) * opened[2] + opened[1] * h
            steps.append(h)
        outputs.append(np.stack(steps[::-1] if way else steps))
    np.testing.assert_allclose(np.concatenate(outputs, -1), expected, rtol=0, atol=1e-12)
