"""Little training programs, each with one mistake that textbooks warn of, and healthy ones. All run
on PyTorch and on Gobhir (`fw`), and give their story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gobhir
from gobhir.explain.stories.story import Story
from tests.explain import trainings as tr

FAULTS: dict[str, tuple[set[str], Callable[[Any], Story]]] = {}
"""By name: which findings tell of the mistake (one of them has to be there), and the program."""
HEALTHY: dict[str, Callable[[Any], Story]] = {}


def fault(*kinds: str) -> Callable[[Any], Any]:
    def enter(program: Callable[[Any], Story]) -> Callable[[Any], Story]:
        FAULTS[program.__name__] = set(kinds), program
        return program

    return enter


def healthy(program: Callable[[Any], Story]) -> Callable[[Any], Story]:
    HEALTHY[program.__name__] = program
    return program


def scaled(model: Any, by: float, *names: str) -> Any:
    """The model with these matrices (all, if none is named) `by` times as large."""
    with gobhir.no_grad():
        for name, p in model.named_parameters():
            if p.ndim > 1 and (not names or any(n in name for n in names)):
                p.data.mul_(by)
    return model


def texts(count: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """(rows of 12 word numbers below 30, whether words below 15 are in the majority)."""
    rng = np.random.default_rng(5)
    words = rng.integers(0, 30, (count, 12))
    return words, ((words < 15).sum(1) > 6).astype(np.int64)


def points(count: int = 600, share: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Points of two overlapping clouds (count, 2), and to which of them each belongs; `share` of
    them to the second."""
    rng = np.random.default_rng(6)
    y = (rng.random(count) < share).astype(np.int64)
    x = rng.normal(0, 1, (count, 2)) + 0.7 * y[:, None]
    return x.astype(np.float32), y


def small(fw: Any, inputs: int, outputs: int, activation: str = "ReLU") -> Any:
    nn = fw.nn
    act = getattr(nn, activation)
    return nn.Sequential(nn.Linear(inputs, 16), act(), nn.Linear(16, outputs))


def reader(fw: Any, kind: str = "LSTM") -> Any:
    """Words, a recurrent layer, two classes."""
    nn = fw.nn

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(30, 8)
            self.rnn = getattr(nn, kind)(8, 16, batch_first=True)
            self.out = nn.Linear(16, 2)

        def forward(self, x: Any) -> Any:
            return self.out(self.rnn(self.embedding(x))[0].mean(1))

    return Net()


def by_cells(fw: Any, kind: str) -> Any:
    """Rows of a digit, read one after the other by a cell."""
    nn = fw.nn

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.cell = getattr(nn, kind)(8, 24)
            self.out = nn.Linear(24, 10)

        def forward(self, x: Any) -> Any:
            rows, state, total = x.reshape(-1, 8, 8), None, 0.0
            for k in range(8):
                state = self.cell(rows[:, k], state)
                total = total + (state[0] if isinstance(state, tuple) else state)
            return self.out(total / 8)

    return Net()


# -- twenty-two mistakes ----


@fault("lr_high")
def learning_rate_too_high(fw: Any) -> Story:
    return tr.told(fw, tr.mlp, tr.sgd(5.0), 200)


@fault("lr_low")
def learning_rate_too_low(fw: Any) -> Story:
    return tr.told(fw, tr.mlp, tr.sgd(1e-5), 200)


@fault("vanishing")
def many_sigmoid_layers(fw: Any) -> Story:
    return tr.told(fw, lambda fw: tr.deep(fw, "Sigmoid", 6), tr.adam(1e-3), 200)


@fault("exploding")
def recurrent_weights_above_one(fw: Any) -> Story:
    def make(fw: Any) -> Any:
        nn = fw.nn

        class Net(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.rnn = nn.RNN(1, 24, nonlinearity="relu", batch_first=True)
                self.out = nn.Linear(24, 10)

            def forward(self, x: Any) -> Any:
                return self.out(self.rnn(x.reshape(-1, 64, 1))[0][:, -1])

        return scaled(Net(), 3.0, "hh")

    return tr.told(fw, make, tr.sgd(0.01), 60)


@fault("dead")
def biases_far_below_zero(fw: Any) -> Story:
    def make(fw: Any) -> Any:
        model = tr.mlp(fw)
        model[0].bias.data.fill_(-6.0)
        return model

    return tr.told(fw, make, tr.adam(1e-3), 150)


@fault("scale")
def inputs_not_normalised(fw: Any) -> Story:
    x, y = tr.digits()
    return tr.told(fw, lambda fw: tr.mlp(fw, "Tanh"), tr.sgd(0.1), 200, data=(255 * x, y))


@fault("scale")
def one_feature_in_other_units(fw: Any) -> Story:
    x, y = points()
    salary = np.stack([x[:, 0], 30_000 + 9_000 * x[:, 1]], 1).astype(np.float32)
    return tr.told(fw, lambda fw: small(fw, 2, 2), tr.sgd(0.1), 200, data=(salary, y))


@fault("labels")
def labels_shuffled(fw: Any) -> Story:
    x, y = tr.digits(6000)
    wrong = np.random.default_rng(3).permutation(y)
    return tr.told(fw, tr.mlp, tr.adam(1e-3), 320, data=(x, wrong))


@fault("softmax_twice")
def softmax_before_the_loss(fw: Any) -> Story:
    return tr.told(fw, lambda fw: tr.mlp(fw, softmax=True), tr.adam(), 100)


@fault("zero_grad")
def zero_grad_forgotten(fw: Any) -> Story:
    return tr.told(fw, tr.mlp, tr.sgd(0.01), 100, zero=False)


@fault("eval_mode")
def eval_forgotten(fw: Any) -> Story:
    fw.manual_seed(0)
    model = tr.cnn(fw)
    optimizer = tr.adam()(fw, model)

    def validate(k: int) -> None:
        if k % 25 == 24:
            with fw.no_grad():
                for start in (0, 100, 200):
                    model(fw.tensor(tr.digits()[0][start : start + 100]))

    with gobhir.story(model, optimizer) as story:
        tr.steps(fw, model, optimizer, 100, before=validate)
    return story


@fault("batch_of_one")
def batch_norm_with_one_example(fw: Any) -> Story:
    x, y = tr.digits()
    fw.manual_seed(0)
    model = tr.cnn(fw)
    optimizer = tr.adam()(fw, model)
    loss_of = fw.nn.CrossEntropyLoss()
    with gobhir.story(model, optimizer) as story:
        for k in range(150):
            optimizer.zero_grad()
            loss_of(model(fw.tensor(x[k : k + 1])), fw.tensor(y[k : k + 1])).backward()
            optimizer.step()
    return story


@fault("dropout")
def dropout_too_high(fw: Any) -> Story:
    nn = fw.nn

    def make(fw: Any) -> Any:
        return nn.Sequential(
            nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.95), nn.Linear(48, 10)
        )  # the 0.05 that was meant is what is kept

    return tr.told(fw, make, tr.adam(), 150)


@fault("decay")
def weight_decay_too_strong(fw: Any) -> Story:
    return tr.told(fw, tr.mlp, tr.sgd(0.1, weight_decay=0.5), 200)


@fault("summed")
def a_sum_over_a_large_batch(fw: Any) -> Story:
    x, y = tr.digits()
    fw.manual_seed(0)
    model = tr.mlp(fw)
    optimizer = tr.sgd(0.1)(fw, model)
    loss_of = fw.nn.CrossEntropyLoss(reduction="sum")
    with gobhir.story(model, optimizer) as story:
        for k in range(60):
            rows = slice(32 * (k % 3), 32 * (k % 3) + 512)
            optimizer.zero_grad()
            loss_of(model(fw.tensor(x[rows])), fw.tensor(y[rows])).backward()
            optimizer.step()
    return story


@fault("left_out")
def embedding_not_given_to_the_optimizer(fw: Any) -> Story:
    def optimizer(fw: Any, model: Any) -> Any:
        return fw.optim.Adam([*model.rnn.parameters(), *model.out.parameters()], lr=1e-2)

    return tr.told(fw, reader, optimizer, 80, data=texts())


@fault("frozen")
def frozen_by_mistake(fw: Any) -> Story:
    def make(fw: Any) -> Any:
        model = tr.mlp(fw)
        for p in model[:4].parameters():
            p.requires_grad_(False)
        return model

    return tr.told(fw, make, tr.adam(), 150)


@fault("nan")
def logarithm_of_zero(fw: Any) -> Story:
    def loss(p: Any, y: Any) -> Any:
        p = fw.sigmoid(40 * p)  # soon 0 and 1 to the last digit
        return -(y * fw.log(p) + (1 - y) * fw.log(1 - p)).mean()

    x, y = points()
    data = x, y[:, None].astype(np.float32)
    return tr.told(fw, lambda fw: small(fw, 2, 1), tr.sgd(0.1), 150, data=data, loss=loss)


@fault("symmetry")
def all_weights_zero(fw: Any) -> Story:
    def make(fw: Any) -> Any:
        model = tr.mlp(fw, "Sigmoid")
        for p in model.parameters():
            p.data.fill_(0.0)
        return model

    return tr.told(fw, make, tr.sgd(0.1), 200)


@fault("symmetry")
def all_weights_alike(fw: Any) -> Story:
    def make(fw: Any) -> Any:
        model = tr.mlp(fw)
        for p in model.parameters():
            p.data.fill_(0.1)
        return model

    return tr.told(fw, make, tr.adam(), 200)


@fault("imbalance")
def nearly_always_the_same_class(fw: Any) -> Story:
    return tr.told(fw, lambda fw: small(fw, 2, 2), tr.sgd(0.1), 320, data=points(2000, 0.02))


@fault("gate")
def saturated_gates(fw: Any) -> Story:
    return tr.told(fw, lambda fw: scaled(tr.recurrent(fw), 100), tr.sgd(1e-3), 60)


@fault("gate")
def saturated_gates_of_a_cell(fw: Any) -> Story:
    return tr.told(fw, lambda fw: scaled(by_cells(fw, "GRUCell"), 100), tr.sgd(1e-3), 60)


@fault("momentum")
def momentum_too_high(fw: Any) -> Story:
    return tr.told(fw, tr.mlp, tr.sgd(0.1, momentum=0.995), 300)


# -- and healthy ones ----


@healthy
def plain_network(fw: Any) -> Story:
    return tr.told(fw, tr.mlp, tr.adam(1e-3), 300)


@healthy
def plain_descent(fw: Any) -> Story:
    return tr.told(fw, tr.mlp, tr.sgd(0.1, momentum=0.9, weight_decay=1e-4), 200)


@healthy
def convolutions(fw: Any) -> Story:
    return tr.told(fw, tr.cnn, tr.adam(1e-3), 120)


@healthy
def words_and_lstm(fw: Any) -> Story:
    return tr.told(fw, reader, tr.adam(1e-2), 200, data=texts())


@healthy
def words_and_gru(fw: Any) -> Story:
    return tr.told(fw, lambda fw: reader(fw, "GRU"), tr.adam(1e-2), 200, data=texts())


@healthy
def a_cell_by_hand(fw: Any) -> Story:
    return tr.told(fw, lambda fw: by_cells(fw, "LSTMCell"), tr.adam(1e-2), 200)


@healthy
def attention(fw: Any) -> Story:
    return tr.told(fw, tr.encoder, tr.adam(1e-3), 120)


@healthy
def regression(fw: Any) -> Story:
    x, _ = points()
    y = (x[:, :1] * 2 - x[:, 1:] + 1).astype(np.float32)
    return tr.told(
        fw, lambda fw: small(fw, 2, 1), tr.sgd(0.05), 300, data=(x, y), loss=fw.nn.MSELoss()
    )


@healthy
def two_classes_that_overlap(fw: Any) -> Story:
    x, y = points()
    data = x, y[:, None].astype(np.float32)
    loss = fw.nn.BCEWithLogitsLoss()
    return tr.told(fw, lambda fw: small(fw, 2, 1), tr.adam(1e-2), 300, data=data, loss=loss)


@healthy
def autoencoder(fw: Any) -> Story:
    x, _ = tr.digits()
    nn = fw.nn

    def make(fw: Any) -> Any:
        return nn.Sequential(
            nn.Linear(64, 24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 64), nn.Sigmoid()
        )

    return tr.told(fw, make, tr.adam(3e-3), 250, data=(x, x), loss=nn.MSELoss())


@healthy
def one_class_in_ten(fw: Any) -> Story:
    x, y = points(2000, 0.1)
    x = x + 1.5 * y[:, None].astype(np.float32)
    return tr.told(fw, lambda fw: small(fw, 2, 2), tr.adam(1e-2), 320, data=(x, y))


@healthy
def summed_on_purpose(fw: Any) -> Story:
    loss = fw.nn.CrossEntropyLoss(reduction="sum")
    return tr.told(fw, tr.mlp, tr.sgd(0.003), 200, loss=loss)
