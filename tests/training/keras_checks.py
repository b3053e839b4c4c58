"""What has to hold of fit with Keras models, on whichever backend KERAS_BACKEND says.

tests/lift/test_keras.py runs this file once for each, in a process that has Keras already.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import layers

import gobhir
from gobhir.lang import use_language
from gobhir.training import (
    Callback,
    Diverged,
    EarlyStopping,
    History,
    Run,
    evaluate,
    fit,
    metrics,
    plots,
    predict,
)
from gobhir.training.backends import backend_of
from gobhir.training.backends.base import LOSSES

BACKEND = os.environ["KERAS_BACKEND"]
on_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="asks TensorFlow something")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype(np.float32)
Y = X[:, :3].argmax(1)
PICTURES = RNG.normal(size=(20, 6, 6, 1)).astype(np.float32)
WORDS = RNG.integers(0, 9, size=(20, 5))


def network(dropout: float = 0.2) -> Any:
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, "tanh", kernel_regularizer=keras.regularizers.L2(0.01)),
            layers.BatchNormalization(),
            layers.Dropout(dropout),
            layers.Dense(3),
        ]
    )


def small() -> Any:
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((6,)), layers.Dense(4, "tanh"), layers.Dense(3)])


def quiet(*args: Any, **settings: Any) -> History:
    """Without graphs, where they are not what is asked about: tracing takes longer than these
    trainings."""
    return fit(*args, **({"progress": False, "compile": False} | settings))


def numbers(model: Any) -> list[np.ndarray]:
    return [np.array(keras.ops.convert_to_numpy(v)) for v in model.weights]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


# -- beside Keras's own fit -----------------------------------------------------------------------


def convolutions() -> Any:
    keras.utils.set_random_seed(2)
    x = keras.Input((6, 6, 1))
    h = layers.Conv2D(3, 3, activation="relu")(x)
    h = layers.MaxPooling2D()(layers.SpatialDropout2D(0.3)(h))
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(h)))


class Sentences(keras.Model):
    """Words of which 0 is none; it has its weights when it has seen the first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.words = layers.Embedding(9, 4, mask_zero=True)
        self.mean = layers.GlobalAveragePooling1D()
        self.out = layers.Dense(1, activation="sigmoid", activity_regularizer="l2")

    def call(self, x: Any) -> Any:
        return self.out(self.mean(self.words(x)))


def sentences() -> Any:
    keras.utils.set_random_seed(3)
    return Sentences()


def half() -> Any:
    """Keras scales its loss then."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return network()
    finally:
        keras.config.set_dtype_policy("float32")


DROPS = 0.2 if BACKEND == "tensorflow" else 0.0
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
OWN: dict[str, Any] = {
    # On PyTorch Dropout draws from PyTorch's numbers, and Keras's fit takes some of these itself.
    "rows": (lambda: network(DROPS), (X, Y), SPARSE, "cross_entropy", {}),
    "pictures": (convolutions, (PICTURES, Y[:20]), SPARSE, SPARSE, {}),
    "words": (sentences, (WORDS, Y[:20] % 2), "binary_crossentropy", "bce", {"clipnorm": 0.1}),
}
if BACKEND == "tensorflow":
    OWN["half precision"] = half, (X[:24], Y[:24]), SPARSE, "cross_entropy", {}


@pytest.mark.parametrize("kind", OWN)
def test_it_is_kerass_own_fit(kind: str) -> None:
    make, (x, y), theirs, ours, clip = OWN[kind]
    adam = keras.optimizers.Adam
    own = make()
    own.compile(adam(0.01, **clip), theirs, run_eagerly=True)
    told = own.fit(
        x, y, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_data=(x, y),
        validation_batch_size=5,
    ).history  # fmt: skip
    model = make()
    held_out = torch.utils.data.DataLoader(list(zip(x, y, strict=True)), 5)
    settings: Any = {"batch_size": 8, "shuffle": False, "validation": held_out}
    run = quiet(model, (x, y), ours, adam(0.01, **clip), 2, compile="auto", **settings)
    close = {"rtol": 2e-3, "atol": 1e-4} if kind == "half precision" else {"rtol": 2e-5}
    np.testing.assert_allclose(run["loss"], told["loss"], **close)
    np.testing.assert_allclose(run["val_loss"], told["val_loss"], **close)
    for mine, kerass in zip(numbers(model), numbers(own), strict=True):
        np.testing.assert_allclose(mine, kerass, rtol=1e-3, atol=2e-3 if "half" in kind else 1e-5)
    output = np.asarray(predict(model, x))
    np.testing.assert_allclose(output, own.predict(x, verbose=0), atol=1e-2)


# -- beside Gobhir and PyTorch --------------------------------------------------------------------


def three() -> list[Any]:
    """The same network three times: PyTorch's first weights, turned round for Keras."""
    torch.manual_seed(1)
    made = []
    for f in (torch, gobhir):
        n = f.nn
        made.append(n.Sequential(n.Linear(6, 8), n.Tanh(), n.Linear(8, 3)))
    first = {k: v.numpy() for k, v in made[0].state_dict().items()}
    made[1].load_state_dict({k: gobhir.tensor(v) for k, v in first.items()})
    model = keras.Sequential([keras.Input((6,)), layers.Dense(8, "tanh"), layers.Dense(3)])
    model.set_weights([first[f"{i}.{name}"].T for i in (0, 2) for name in ("weight", "bias")])
    return [*made, model]


THREE: dict[str, dict[str, Any]] = {
    "sgd": {"lr": 0.1, "clip_norm": 0.3},
    "adam": {"clip_value": 0.01},
    "adamw": {"scheduler": lambda o: schedules(o).StepLR(o, 1, 0.5)},
    "rmsprop": {"scheduler": lambda o: schedules(o).ReduceLROnPlateau(o, patience=0)},
    "adagrad": {
        "scheduler": lambda o: schedules(o).OneCycleLR(o, 0.1, total_steps=6, cycle_momentum=False)
    },
    "adadelta": {},
    "adamax": {},
}


def schedules(optimizer: Any) -> Any:
    return (torch if isinstance(optimizer, torch.optim.Optimizer) else gobhir).optim.lr_scheduler


@pytest.mark.parametrize("optimizer", THREE)
def test_three_engines_tell_the_same_history(optimizer: str) -> None:
    """One seed: the same examples held out, the same order, the same batches."""
    settings: Any = {"validation": 0.2, "batch_size": 20, "seed": 4} | THREE[optimizer]
    found, answers = [], []
    for model in three():
        run = quiet(model, (X, Y), "cross_entropy", optimizer, 3, ["accuracy", "f1"], **settings)
        answers.append(np.asarray(predict(model, X)))
        found.append([[v for k, v in row.items() if k != "seconds"] for row in run])
    for other, answer in zip(found[1:], answers[1:], strict=True):
        np.testing.assert_allclose(other, found[0], rtol=1e-5)
        # Adding epsilon under RMSprop's root is almost, but not quite, adding it to the root.
        np.testing.assert_allclose(
            answer, answers[0], atol=1e-4 if optimizer == "rmsprop" else 1e-5
        )


def test_gradients_that_are_added_up() -> None:
    """Of four batches of 8: as of one of 32; the last one of its epoch has what is left."""
    found = []
    for size, accumulate in ((8, 4), (32, 1)):
        torchs, _, model = three()
        for one in (torchs, model):
            settings: Any = {"batch_size": size, "accumulate": accumulate, "seed": 3}
            run = quiet(one, (X, Y), "cross_entropy", "sgd", 2, lr=0.1, clip_norm=0.5, **settings)
            found.append([*run["loss"], *np.asarray(predict(one, X)).ravel()])
    for other in found[1:]:
        np.testing.assert_allclose(other[2:], found[0][2:], atol=1e-5)
    np.testing.assert_allclose(found[0][:2], found[1][:2], rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_our_names_mean_what_they_mean_for_pytorch(name: str) -> None:
    scores = RNG.normal(size=(8, 3)).astype(np.float32)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    output = {"nll": np.log(p), "kl_div": np.log(p), "bce": p}.get(name, scores)
    targets = [p[::-1].copy()]
    if name in ("cross_entropy", "nll"):
        targets = [Y[:8], *([p[::-1].copy()] if name == "cross_entropy" else [])]
    loss = backend_of(network()).loss(name)
    loss.model = keras.Sequential()  # of which no weight is too large
    for target in targets:
        theirs = getattr(torch.nn, LOSSES[name])()(torch.tensor(output), torch.tensor(target))
        mine = loss(keras.ops.convert_to_tensor(output), keras.ops.convert_to_tensor(target))
        assert float(mine) == pytest.approx(float(theirs), rel=1e-5)


# -- losses, as Keras users write them ------------------------------------------------------------


def test_losses_of_every_kind() -> None:
    def ours(output: Any, target: Any) -> Any:
        return keras.ops.mean(keras.ops.square(output - target))

    def theirs(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.square(y_true - y_pred) * (1 + 0 * y_pred), axis=-1)

    mse = keras.losses.MeanSquaredError
    names = "mse", "mean_squared_error"
    wishes = [*names, mse, mse(), keras.losses.mean_squared_error, ours, theirs]
    data = X[:20], X[:20, :3]
    found = [quiet(small(), data, wish, "sgd", shuffle=False)["loss"] for wish in wishes]
    np.testing.assert_allclose(found, [found[0]] * len(found), rtol=1e-6)
    total = evaluate(network(), (X, X[:, :3]), mse(reduction="sum"), batch_size=16)["loss"]
    penalty = float(keras.ops.convert_to_numpy(sum(network().losses)))
    per_row = evaluate(network(), (X, X[:, :3]), mse())["loss"] - penalty
    assert total == pytest.approx(per_row + 4 * penalty / 50, rel=1e-5)

    with pytest.raises(ValueError, match="cross_entropy"):
        quiet(network(), (X, Y), "crossentropie")
    with pytest.raises(TypeError, match="50"):
        quiet(network(), (X, Y), lambda output, target: output[:, 0])
    with pytest.raises(TypeError, match="float"):
        quiet(network(), (X, Y), lambda output, target: 1.0)


def test_softmax_twice_is_said_and_a_loss_that_wants_it() -> None:
    ends = keras.Sequential([keras.Input((6,)), layers.Dense(3, activation="softmax")])
    with pytest.warns(UserWarning, match="cross_entropy.*softmax.*sparse_categorical"):
        quiet(ends, (X, Y), "cross_entropy")
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(1), layers.Activation("sigmoid")])
    x = keras.Input((6,))
    with pytest.warns(UserWarning, match="bce_with_logits.*sigmoid"):
        quiet(keras.Model(x, inner(x)), (X, Y[:, None] > 1), "bce_with_logits")

    class Softmax(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x: Any) -> Any:
            return keras.ops.softmax(self.dense(x))

    with pytest.warns(UserWarning, match="softmax"):
        quiet(Softmax(), (X, Y), SPARSE)
    with pytest.warns(UserWarning, match="sparse_categorical_crossentropy.*probabilities"):
        evaluate(network(), (X, Y), "sparse_categorical_crossentropy")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        quiet(ends, (X, Y), "sparse_categorical_crossentropy", metrics="accuracy")
        quiet(inner, (X, (Y[:, None] > 1)), "bce", metrics=["accuracy", "auc"])
        quiet(network(), (X, Y), "cross_entropy")


# -- data -----------------------------------------------------------------------------------------


class Examples:
    def __len__(self) -> int:
        return 50

    def __getitem__(self, i: int) -> Any:
        return X[i], Y[i]


class Cut(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, i: int) -> Any:
        return X[16 * i : 16 * i + 16], Y[16 * i : 16 * i + 16]


def forms() -> dict[str, Any]:
    tensors = torch.tensor(X), torch.tensor(Y)
    found = {
        "float64 and lists": (X.astype(np.float64), Y.tolist()),
        "Keras's tensors": (keras.ops.convert_to_tensor(X), keras.ops.convert_to_tensor(Y)),
        "Gobhir's": (gobhir.tensor(X), gobhir.tensor(Y)),
        "PyTorch's": tensors,
        "PyTorch's loader": torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(*tensors), 16
        ),
        "examples": Examples(),
        "PyDataset": Cut(workers=1),
    }
    if BACKEND == "tensorflow":
        import tensorflow as tf

        found["tf.data"] = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    return found


def test_data_in_every_form() -> None:
    expected = small()
    settings: Any = {"batch_size": 16, "seed": 1, "shuffle": False}
    rows = quiet(expected, (X, Y), "cross_entropy", metrics="accuracy", **settings)
    for name, data in forms().items():
        model = small()
        run = quiet(model, data, "cross_entropy", metrics="accuracy", **settings)
        assert same(numbers(model), numbers(expected)), name
        assert run["loss"] == rows["loss"] and run["accuracy"] == rows["accuracy"]
        assert tuple(predict(model, data).shape) == (50, 3)


class Two(keras.Model):
    """Two inputs one by one, and two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = layers.Dense(1), layers.Dense(1)

    def call(self, x: Any, z: Any, training: bool = False) -> Any:
        return [self.a(x), self.b(z)]


def test_several_inputs_and_outputs() -> None:
    def loss(outputs: Any, y: Any) -> Any:
        return keras.ops.mean(keras.ops.square(sum(outputs) - y))

    a, b = keras.Input((6,)), keras.Input((6,))
    functional = keras.Model([a, b], layers.Dense(1)(a) + layers.Dense(1)(b))
    target = X[:, :1] - 2 * X[:, 1:2]
    for model, function in ((functional, "mse"), (Two(), loss)):
        metric = "r2" if model is functional else ()
        run = quiet(model, (X, X[::-1].copy(), target), function, "adam", 15, metric, lr=0.05)
        assert run["loss"][-1] < 0.5 * run["loss"][0]
    outputs = predict(model, (X, X, target))
    assert isinstance(outputs, tuple) and tuple(outputs[1].shape) == (50, 1)


def test_classes_in_the_last_axis() -> None:
    """A class for each pixel: Keras has channels last, and so have the metrics then."""
    model = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 1)])
    truth = (PICTURES[..., 0] > 0).astype(np.int64)
    run = quiet(model, (PICTURES, truth), "cross_entropy", "adam", 30, "accuracy", lr=0.1)
    right = np.asarray(predict(model, PICTURES)).argmax(-1) == truth
    found = evaluate(model, (PICTURES, truth), "cross_entropy", "accuracy")
    assert found["accuracy"] == pytest.approx(right.mean()) and right.mean() > 0.9
    assert run["accuracy"][-1] > 0.9


def test_one_column_is_its_own_target() -> None:
    model = keras.Sequential([keras.Input((6,)), layers.Dense(6)])
    run = quiet(model, X, "mse", epochs=5, lr=0.05)
    assert run["loss"][-1] < run["loss"][0]


# -- chance, checkpoints, callbacks ---------------------------------------------------------------


def test_seeds_repeat_to_the_bit() -> None:
    found = []
    model = network(0.5)
    start = numbers(model)
    for seed in (1, 1, 2):
        model.set_weights(start)
        quiet(
            model, (X, Y), "cross_entropy", epochs=2, batch_size=25, seed=seed, deterministic=True
        )
        found.append(numbers(model))
    assert same(found[0], found[1]) and not same(found[0], found[2])


class PullThePlug(Callback):
    def __init__(self, epoch: int):
        self.epoch = epoch

    def on_batch_end(self, run: Run) -> None:
        if (run.epoch, run.batch) == (self.epoch, 2):
            raise ConnectionError("the plug")


OPTIMIZERS: dict[str, Any] = {
    "adam": lambda: keras.optimizers.Adam(0.01, amsgrad=True),
    "nadam": lambda: keras.optimizers.Nadam(0.01),
    "scheduled": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.9), momentum=0.9, nesterov=True
    ),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_run_that_was_cut_off_goes_on_to_the_bit(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"

    def train(file: Path | None, plug: int, resume: bool = False) -> tuple[Any, History]:
        model = network()
        halves: Any = {"scheduler": lambda o: schedules(o).MultiStepLR(o, [1, 2], 0.5)}
        run = quiet(
            model, (X, Y), "cross_entropy", OPTIMIZERS[kind](), 3, "accuracy",
            [EarlyStopping(4), PullThePlug(plug)], batch_size=16, validation=0.2, seed=3,
            checkpoint=file, resume=resume, compile="auto" if kind == "adam" else False,
            **({} if kind == "scheduled" else halves),
        )  # fmt: skip
        return model, run

    whole, run = train(None, 99)
    with pytest.raises(ConnectionError):
        train(path, 3)
    gobhir.manual_seed(77)
    keras.utils.set_random_seed(77)
    keras.random.normal((1,))
    again, resumed = train(path, 99, resume=True)
    assert same(numbers(whole), numbers(again))
    for name in set(run.names) - {"seconds"}:
        assert resumed[name] == run[name], name
    assert len(set(run["lr"])) == 3


def test_a_checkpoint_of_another_model(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    quiet(network(), (X, Y), "cross_entropy", checkpoint=path)
    other = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
    with pytest.raises(ValueError, match=r"0\.kernel.*\(6, 8\).*\(6, 3\)"):
        quiet(other, (X, Y), "cross_entropy", epochs=2, checkpoint=path, resume=True)
    with pytest.raises(ValueError, match="RMSprop"):
        quiet(network(), (X, Y), "cross_entropy", "rmsprop", checkpoint=path, resume=True)


def test_early_stopping_gives_the_best_weights_back() -> None:
    model = small()
    kept: list[list[np.ndarray]] = []
    run = quiet(
        model, (X, Y), "cross_entropy", "sgd", 30, validation=(X[:10], (Y[:10] + 1) % 3), lr=0.2,
        callbacks=[EarlyStopping(3), lambda run: kept.append(numbers(model))],
    )  # fmt: skip
    best = int(np.argmin(run["val_loss"]))
    assert run.stopped == "early" and len(run) == best + 4
    assert same(numbers(model), kept[best])


def test_only_training_drops_and_counts() -> None:
    """Dropout and moving averages belong to training; a frozen layer stays as it is."""
    model = network(0.5)
    before = numbers(model)
    assert np.array_equal(predict(model, X), predict(model, X))
    assert same(numbers(model), before)
    model.layers[0].trainable = False
    quiet(model, (X, Y), "cross_entropy")
    kernel, bias, *others = numbers(model)
    assert same([kernel, bias], before[:2])
    assert not any(np.array_equal(a, b) for a, b in zip(others, before[2:], strict=True))


class Counts(keras.Model):
    """How often Python came by."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3)
        self.times: list[bool] = []

    def call(self, x: Any, training: bool = False) -> Any:
        self.times.append(training)
        return self.dense(x)


@on_tensorflow
def test_a_step_is_traced_once_and_for_the_last_batch_once_more(tmp_path: Path) -> None:
    model = Counts()
    settings: Any = {"batch_size": 16, "validation": (X, Y), "checkpoint": tmp_path / "run"}
    quiet(model, (X, Y), "cross_entropy", epochs=4, compile="auto", **settings)
    assert sum(model.times) == 2
    model.times.clear()
    quiet(model, (X, Y), "cross_entropy", epochs=2, batch_size=16)
    assert sum(model.times) == 8


def test_what_a_keras_user_gets_wrong() -> None:
    with pytest.raises(ValueError, match=r"keras.Input"):
        loader = torch.utils.data.DataLoader(Examples(), 5)
        quiet(keras.Sequential([layers.Dense(3)]), loader, "cross_entropy")
    with pytest.raises(ValueError, match="trainable"):
        quiet(keras.Sequential([keras.Input((6,)), layers.Flatten()]), X, "mse")
    optimizer = keras.optimizers.Adam()
    quiet(network(), (X, Y), "cross_entropy", optimizer)
    with pytest.raises(ValueError, match="new one"):
        quiet(network(), (X, Y), "cross_entropy", optimizer)
    with pytest.raises(TypeError, match="keras.optimizers"):
        quiet(network(), (X, Y), "cross_entropy", torch.optim.Adam([torch.zeros(1)]))
    with pytest.raises(ValueError, match="adamw"):
        quiet(network(), (X, Y), "cross_entropy", "adem")
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.9)
    with pytest.raises(TypeError, match="schedule"):
        quiet(
            network(), (X, Y), "cross_entropy", keras.optimizers.Adam(decay), 2,
            scheduler=lambda o: schedules(o).StepLR(o, 1),
        )  # fmt: skip
    with pytest.raises(ValueError, match="clip_norm"):
        quiet(network(), (X, Y), "cross_entropy", clip_norm=-1)
    with pytest.raises(ValueError, match='"cpu", not "cuda:7"'):
        quiet(network(), (X, Y), "cross_entropy", device="cuda:7")
    with pytest.raises(ValueError, match="mixed_bfloat16"):
        quiet(network(), (X, Y), "cross_entropy", precision="bf16")
    with pytest.raises(ValueError, match="fp32, bf16, fp16"):
        quiet(network(), (X, Y), "cross_entropy", precision="fp8")


# -- how it may end, and who looks on -------------------------------------------------------------


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_a_loss_that_is_no_number(lang: str) -> None:
    use_language(lang)
    try:
        broken = X.copy()
        broken[37, 2] = np.nan
        model = network()
        before = numbers(model)
        with pytest.raises(Diverged) as caught:
            quiet(model, (broken, Y), "cross_entropy", shuffle=False, batch_size=25)
        assert "(12, 2)" in str(caught.value), "the number's place in the batch"
        assert same(numbers(model), before), "the model has its weights back"
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
        with pytest.raises(Diverged) as too_large:
            quiet(model, (X, X[:, :3]), "mse", keras.optimizers.SGD(1e30), 9)
        assert "1e+29" in str(too_large.value) and "clip_norm" in str(too_large.value)
        assert too_large.value.history.stopped == "diverged"
        assert all(np.isfinite(w).all() for w in numbers(model))
    finally:
        use_language(None)


def test_where_a_nan_was_born() -> None:
    """log(1 - p) where p has become exactly 1, after epochs of sound losses."""

    def loss(output: Any, y: Any) -> Any:
        p = keras.ops.sigmoid(output)
        return -keras.ops.mean(y * keras.ops.log(p) + (1 - y) * keras.ops.log(1 - p))

    x = np.linspace(-4, 4, 40, dtype=np.float32)[:, None]
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, kernel_initializer="ones")])
    with pytest.raises(Diverged) as caught:
        quiet(model, (x, (x > 0).astype(np.float32)), loss, "sgd", 200, lr=30.0, seed=0)
    assert len(caught.value.history) > 0
    assert ("op Log" if BACKEND == "tensorflow" else "Backward") in str(caught.value)
    assert all(np.isfinite(w).all() for w in numbers(model))


def test_ctrl_c_ends_with_the_best_weights(capsys: pytest.CaptureFixture[str]) -> None:
    model = network()
    kept: list[list[np.ndarray]] = []

    class Press(Callback):
        def on_epoch_end(self, run: Run) -> None:
            kept.append(numbers(run.model))

        def on_batch_end(self, run: Run) -> None:
            if (run.epoch, run.batch) == (3, 2):
                signal.raise_signal(signal.SIGINT)

    run = quiet(
        model, (X, Y), "cross_entropy", "adam", 9, callbacks=Press(), batch_size=16, compile="auto"
    )
    assert run.stopped == "interrupted" and len(run) == 2
    assert same(numbers(model), kept[int(np.argmin(run["loss"]))])
    assert "epoch 3" in capsys.readouterr().out


def test_kerass_own_callbacks(tmp_path: Path) -> None:
    model, path = small(), tmp_path / "log.csv"
    told = [
        keras.callbacks.CSVLogger(str(path)),
        keras.callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=1, min_delta=9.0),
        keras.callbacks.EarlyStopping("val_loss", patience=3, min_delta=9.0),
    ]
    settings: Any = {"validation": (X, Y), "metrics": "accuracy", "callbacks": told, "lr": 0.1}
    run = quiet(model, (X, Y), "cross_entropy", "sgd", 9, **settings)
    assert run.stopped == "callback" and run["lr"] == [0.1, 0.1, 0.05, 0.025]
    names, *rows = path.read_text().splitlines()
    assert names == "epoch,accuracy,loss,val_accuracy,val_loss" and len(rows) == 4
    assert float(rows[-1].split(",")[2]) == run["loss"][-1]
    assert model.optimizer is None


def test_a_story_of_a_fit() -> None:
    seen: list[float] = []
    keras.utils.set_random_seed(1)
    alike: Any = {"kernel_initializer": "zeros"}
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(4, "tanh", **alike), layers.Dense(3, **alike)]
    )

    class Listen(Callback):
        def on_batch_end(self, run: Run) -> None:
            seen.append(run.batch_loss)

    for story in (gobhir.story(), gobhir.story().callback()):
        seen.clear()
        told: Any = {"callbacks": [story, Listen()], "batch_size": 10, "lr": 0.1}
        quiet(model, (X, Y), "cross_entropy", "sgd", 4, **told)
        if isinstance(story, Callback):
            np.testing.assert_allclose(story.diary.losses, seen, rtol=1e-5)
            assert story.findings[0].kind == "symmetry" and story.text("bn")
            assert "6-4-3 tanh network" in story.explain().to_text("en")


def test_pictures_of_a_run() -> None:
    model = network()
    run = quiet(model, (X, Y), "cross_entropy", "adam", 2, "accuracy", validation=0.2)
    loss, accuracy = run.plot(lang="en")
    assert loss.get_legend() and accuracy.get_title() == "accuracy"
    table = metrics.confusion_matrix(predict(model, X), Y)
    assert table.sum() == 50 and plots.confusion(table).images


def test_a_fit_that_is_watched() -> None:
    watched, alone = small(), small()
    settings: Any = {"batch_size": 25, "shuffle": False, "seed": 1}
    with gobhir.watch(keep=1) as watch:
        quiet(watched, (X, Y), "cross_entropy", "sgd", 2, compile="auto", **settings)
    losses: list[float] = []

    class Listen(Callback):
        def on_batch_end(self, run: Run) -> None:
            losses.append(run.batch_loss)

    quiet(alone, (X, Y), "cross_entropy", "sgd", 2, callbacks=Listen(), **settings)
    np.testing.assert_allclose(watch.losses, losses, rtol=1e-5)
    page = watch.explain().to_text("en")
    assert "6-4-3 tanh network" in page and watch.explain().to_text("bn")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
