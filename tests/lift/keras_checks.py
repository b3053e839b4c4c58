"""What has to hold of a Keras step that was watched, on whichever backend KERAS_BACKEND says.

test_keras.py runs this file once for each.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import gobhir
from gobhir.explain.watching import Watch
from gobhir.lift.lifting import Lifted, apart, lift
from tests.lift.keras_networks import NETWORKS

BACKEND = os.environ["KERAS_BACKEND"]
on_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="asks TensorFlow something")
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "SGD": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda: keras.optimizers.Adam(0.01),
}


def made(name: str, optimizer: Any = "sgd", **options: Any) -> tuple[Any, Any, Any]:
    keras.utils.set_random_seed(1)
    make, batch, loss = NETWORKS[name]
    model, (x, y) = make(), batch()
    model.compile(optimizer, loss(), **options)
    return model, x, y


def lifted(watch: Watch) -> Lifted:
    (step,) = lift(watch.trace)
    return step


def agrees(step: Lifted) -> None:
    """Every result, gradient and new weight is what Keras had, but for its rounding."""
    for call in step.step.calls:
        assert step.distance(call) < 1e-5, call.name
    assert step.used is not None and step.step.stepped is not None
    found = step.step.backwards[-1].found
    biggest = max(float(np.abs(g.read()).max()) for _, g in found.values())
    for change in step.step.stepped.changes:
        p = change.parameter
        off = np.abs(change.grad.read() - step.used.grads[p]).max()
        assert off < 1e-4 * biggest, p.name
        assert apart(change.after.read(), step.tensors[p].array) < 1e-5, p.name


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_is_lifted(name: str, optimizer: str) -> None:
    model, x, y = made(name, OPTIMIZERS[optimizer]())
    model.train_on_batch(x, y)  # so that the optimizer has a state
    with gobhir.watch() as watch:
        model.train_on_batch(x, y)
    step = lifted(watch)
    agrees(step)
    assert not step.opaque and not watch.trace.unlinked
    assert type(step.optimizer).__name__ == optimizer
    named = {v.name for v in step.leaves if v.learns}
    paths = {v.path.removeprefix(f"{model.name}/") for v in model.trainable_variables}
    assert {name.replace(".", "/") for name in named} == paths
    assert [call for call in step.step.calls if call.kernels]
    scopes = {call.scope[-1] for call in step.step.calls if len(call.scope) > 1}
    assert scopes & {layer.name for layer in model.layers}
    if optimizer == "Adam":  # the page can be written, and is checked by PyTorch, too
        assert watch.explain().to_text("bn") and watch.explain().to_text("en")


def trained(name: str, watched: bool, by_fit: bool) -> tuple[Any, list[Any]]:
    model, x, y = made(name, "adam", metrics=["mse"] if name == "vae" else ["accuracy"])
    if by_fit:
        watch = gobhir.watch()
        many = [np.concatenate([a] * 3) for a in (x, y)]
        calls = [watch.callback(step=2)] if watched else []
        said: Any = model.fit(
            *many, batch_size=len(x), epochs=2, verbose=0, callbacks=calls
        ).history
        assert not watched or len(watch.steps) == 1
    else:
        said = []
        for k in range(3):
            with gobhir.watch() if watched and k == 1 else warnings.catch_warnings():
                said.append(model.train_on_batch(x, y))
    return said, [np.array(v) for v in (*model.variables, *model.optimizer.variables)]


@pytest.mark.parametrize("by_fit", [True, False])
@pytest.mark.parametrize("name", ["lenet", "vae"])
def test_the_training_is_the_same_to_the_bit(name: str, by_fit: bool) -> None:
    said, variables = trained(name, True, by_fit)
    plainly, same = trained(name, False, by_fit)
    assert str(said) == str(plainly)
    for a, b in zip(variables, same, strict=True):
        assert np.array_equal(a, b)


RULES: list[Any] = [
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("RMSprop", {}),
    ("Adagrad", {}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adamax", {}),
    ("AdamW", {"weight_decay": 0.1}),
    ("Adam", {"amsgrad": True}),
    ("Lion", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {}),
    ("Nadam", {}),
]


@pytest.mark.parametrize("kind, options", RULES)
def test_the_rule_of_each_optimizer(kind: str, options: Any) -> None:
    model, x, y = made("mlp", getattr(keras.optimizers, kind)(**options))
    model.train_on_batch(x, y)
    with gobhir.watch() as watch:
        model.train_on_batch(x, y)
    step = lifted(watch)
    agrees(step)
    assert len(step.tape.updates) == 4
    if kind == "Nadam":  # only before and after
        assert step.optimizer is None
    else:
        assert type(step.optimizer).__name__ == kind and step.tape.updates[0].rule


def test_clipped_gradients() -> None:
    for clip in ({"global_clipnorm": 0.01}, {"clipvalue": 0.001}):
        model, x, y = made("mlp", keras.optimizers.SGD(0.1, **clip))
        with gobhir.watch() as watch:
            model.train_on_batch(x, y)
        step = lifted(watch)
        agrees(step)
        assert step.used is not None
        if "clipvalue" in clip:
            assert step.used.limit == pytest.approx(0.001)
        else:
            assert 0 < step.used.scale < 1


def test_a_frozen_layer_learns_nothing() -> None:
    model, x, y = made("mlp")
    model.get_layer("hidden").trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    with gobhir.watch() as watch:
        model.train_on_batch(x, y)
    step = lifted(watch)
    agrees(step)
    assert {v.name for v in step.leaves if v.learns} == {"out.kernel", "out.bias"}


def test_nothing_of_the_watch_stays_behind() -> None:
    from keras.src.optimizers.base_optimizer import BaseOptimizer

    places = [(keras.Layer, "__call__"), (BaseOptimizer, "apply")]
    places += [(BaseOptimizer, "_clip_gradients")]
    before = [getattr(where, name) for where, name in places]
    model, x, y = made("mlp")
    model.train_on_batch(x, y)
    function = model.train_function
    with pytest.raises(ZeroDivisionError), gobhir.watch() as watch:
        model.train_on_batch(x, y)
        raise ZeroDivisionError
    assert [getattr(where, name) for where, name in places] == before
    assert model.train_function is function
    seen = len(watch.trace.events)
    model.train_on_batch(x, y)
    assert len(watch.trace.events) == seen


def test_the_page_in_both_languages() -> None:
    model = keras.Sequential(
        [
            keras.layers.Input((2,)),
            keras.layers.Dense(2, activation="tanh", name="hidden"),
            keras.layers.Dense(1, name="out"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    watch = gobhir.watch()
    x, y = np.array([[0.5, -1.0]], "float32"), np.array([[1.0]], "float32")
    model.fit(x, y, epochs=2, verbose=0, callbacks=[watch.callback(step=2)])
    for lang in ("bn", "en"):
        page = watch.explain().to_text(lang)
        assert "kernel⁽¹⁾" in page and "kernel⁽²⁾" in page and "tanh" in page
    assert "kernel⁽²⁾" in watch.why("out.kernel[1, 0]").to_text("en")


@on_tensorflow
def test_a_loop_of_ones_own_and_an_op_that_the_engine_does_not_have() -> None:
    import tensorflow as tf

    w = tf.Variable([[0.5, -0.2], [0.1, 0.3]])

    @tf.function
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.cumsum(tf.tanh(x @ w), axis=1, reverse=True) ** 2)
        w.assign_sub(0.1 * tape.gradient(loss, w))
        return loss

    with gobhir.watch() as watch:
        step(tf.constant([[1.0, 2.0]]))
    (found,) = lift(watch.trace)
    assert [call.name for call in found.opaque] == ["Cumsum"]
    assert "function" in watch.trace.notes and not watch.trace.unlinked
    (leaf, (_, gradient)) = next(iter(found.step.backwards[-1].found.items()))
    assert found.tensors[leaf].grad.numpy() == pytest.approx(gradient.read(), rel=1e-5)
