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

    def filled(layer: Any, weight: np.ndarray, bias: np.ndarray | None = None) -> Any:
        layer.W.data = np.ascontiguousarray(weight)
        if bias is not None:
            layer.b.data = bias
        return layer

    def dense(name: str) -> Any:
        weight, bias = w[f"{name}.weight"].T, w[f"{name}.bias"]
        return filled(L.Linear(len(bias)), weight, bias)

    def conv(name: str) -> Any:
        bias = w[f"{name}.bias"]
        return filled(L.Conv2d(len(bias), 3), w[f"{name}.weight"], bias)

    class Small(Model):
        def __init__(self) -> None:
            super().__init__()
            self.l0, self.l2 = dense("0"), dense("2")

        def forward(self, x: Any) -> Any:
            return F.sigmoid(self.l2(F.sigmoid(self.l0(x))))

    class MLP(Model):
        def __init__(self) -> None:
            super().__init__()
            self.l0, self.l2, self.l4 = dense("0"), dense("2"), dense("4")

        def forward(self, x: Any) -> Any:
            return self.l4(F.relu(self.l2(F.relu(self.l0(x)))))

    class CNN(Model):
        def __init__(self) -> None:
            super().__init__()
            self.l0, self.l3, self.l7 = conv("0"), conv("3"), dense("7")

        def forward(self, x: Any) -> Any:
            x = F.pooling(F.relu(self.l0(x)), 2, 2)
            x = F.pooling(F.relu(self.l3(x)), 2, 2)
            return self.l7(F.reshape(x, (x.shape[0], -1)))

    class LastStep(Model):
        """DeZero's LSTM has one bias: the other stands in the weight's row for an input of 1."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.out = L.LSTM(128), dense("out")
            for k, gate in enumerate("ifuo"):
                rows = slice(128 * k, 128 * (k + 1))
                bias = w["lstm.bias_ih_l0"][rows]
                weight = np.vstack([w["lstm.weight_ih_l0"][rows].T, bias])
                entering, again = getattr(self.lstm, f"x2{gate}"), getattr(self.lstm, f"h2{gate}")
                filled(entering, weight, w["lstm.bias_hh_l0"][rows])
                filled(again, w["lstm.weight_hh_l0"][rows].T)

        def forward(self, x: Any) -> Any:
            self.lstm.reset_state()
            for t in range(x.shape[1]):
                h = self.lstm(x[:, t])
            return self.out(h)

    if workload.name == "W4":
        x = np.concatenate([x, np.ones_like(x[:, :, :1])], axis=2)
    model = {"W1": Small, "W2": MLP, "W3": CNN, "W4": LastStep}[workload.name]()
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
