"""DeZero, the framework of "Deep Learning from Scratch 3"."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers import Step
from benchmarks.workloads import Workload


def make(workload: Workload, threads: int) -> Step:
    np.int = int  # type: ignore[attr-defined]  # DeZero was written for an older NumPy
    import dezero.functions as F
    import dezero.layers as L
    from dezero import Model, optimizers

    w = workload.weights()
    x, y = workload.batch()

    def dense(name: str) -> Any:
        layer = L.Linear(len(w[f"{name}.bias"]), in_size=w[f"{name}.weight"].shape[1])
        layer.W.data = np.ascontiguousarray(w[f"{name}.weight"].T)
        layer.b.data = w[f"{name}.bias"]
        return layer

    class Network(Model):
        def __init__(self) -> None:
            super().__init__()
            self.names = sorted({k.split(".")[0] for k in w})
            for name in self.names:
                setattr(self, f"l{name}", dense(name))

        def forward(self, x: Any) -> Any:
            for name in self.names[:-1]:
                bend = F.sigmoid if workload.name == "W1" else F.relu
                x = bend(getattr(self, f"l{name}")(x))
            x = getattr(self, f"l{self.names[-1]}")(x)
            return F.sigmoid(x) if workload.name == "W1" else x

    model = Network()
    kind = {"SGD": optimizers.SGD, "Adam": optimizers.Adam}[workload.optimizer]
    name = {"SGD": "lr", "Adam": "alpha"}[workload.optimizer]
    optimizer = kind(**{name: workload.settings["lr"]}).setup(model)
    loss_of = F.mean_squared_error if workload.loss == "mse" else F.softmax_cross_entropy

    def step() -> float:
        loss = loss_of(model(x), y)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return float(loss.data)

    return step
