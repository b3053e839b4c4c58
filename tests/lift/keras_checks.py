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
from gobhir.derivation.step import Line, Say
from gobhir.explain.pages.schedule import learning_rate
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


def eagerly(name: str, optimizer: Any = "sgd", **options: Any) -> tuple[Any, Any, Any]:
    """As `made`, where it is all the same that TensorFlow would compile the step besides: the one
    that is looked at runs eagerly either way, and that two runs are one step is checked below."""
    return made(name, optimizer, run_eagerly=True, **options)


def lifted(watch: Watch) -> Lifted:
    (step,) = lift(watch.trace)
    return step


def agrees(step: Lifted) -> None:
    """Every result, gradient and new weight is what Keras had, but for its rounding."""
    for call in step.carried:
        assert step.distance(call) < 1e-5, call.name
    assert step.used is not None and step.step.stepped is not None
    found = step.step.backwards[-1].found
    biggest = max(float(np.abs(g.read()).max()) for _, g in found.values())
    for change in step.step.stepped.changes:
        p = change.parameter
        off = np.abs(change.grad.read() - step.used.grads[p]).max()
        assert off < 1e-4 * biggest, p.name
        assert apart(change.after.read(), step.tensors[p].array) < 1e-5, p.name


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        (name, optimizer)
        for i, name in enumerate(NETWORKS)
        for j, optimizer in enumerate(OPTIMIZERS)
        if (i + j + (BACKEND == "tensorflow")) % 2  # each pair on one backend or the other
    ],
)
def test_a_step_is_lifted(name: str, optimizer: str) -> None:
    compiled = name in ("mlp", "lstm", "vae")
    model, x, y = (made if compiled else eagerly)(name, OPTIMIZERS[optimizer]())
    model.train_on_batch(x, y)  # so that the optimizer has a state
    with gobhir.watch() as watch:
        model.train_on_batch(x, y)
    step = lifted(watch)
    agrees(step)
    assert not step.opaque and not watch.trace.unlinked
    names = {call.name for call in step.carried}
    assert not names & {"torch.matmul", "MatMul", "torch.mean", "Mean", "torch.tanh", "Tanh"}
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


def reading(*read: Any) -> tuple[Any, Any, Any]:
    """A model that reads sentences of different lengths, filled up with 0."""
    keras.utils.set_random_seed(1)
    given = [keras.layers.Input((5,)), keras.layers.Embedding(9, 3, mask_zero=True)]
    model = keras.Sequential([*given, *read, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    tokens = np.array([[5, 4, 8, 0, 0], [1, 5, 5, 8, 3], [0, 0, 2, 6, 1]])
    return model, tokens, np.ones((3, 1), "float32")


RECURRENT: list[Any] = [
    ("LSTM", {"dropout": 0.3}, ""),
    ("LSTM", {"recurrent_dropout": 0.3, "dropout": 0.2, "seed": 2}, "each gate has a d of its own"),
    ("GRU", {"recurrent_dropout": 0.3, "dropout": 0.2}, "each gate has a d of its own"),
    ("SimpleRNN", {"recurrent_dropout": 0.3, "activation": "relu"}, "some of the remembered"),
    ("GRU", {"reset_after": False}, "shuts the reset gate"),
    ("LSTM", {"activation": "relu", "recurrent_activation": "hard_sigmoid"}, ""),
    ("GRU", {"go_backwards": True, "return_sequences": True, "zero_output_for_mask": True}, ""),
]


@pytest.mark.parametrize("kind, options, said", RECURRENT)
def test_a_recurrent_layer_is_read_gate_by_gate(kind: str, options: Any, said: str) -> None:
    one = getattr(keras.layers, kind)(2, **options)
    more = [keras.layers.Flatten()] if one.return_sequences else []
    model, x, y = reading(one, *more)
    with gobhir.watch() as watch:
        model.train_on_batch(x, y)
    step = lifted(watch)
    agrees(step)
    assert kind in {call.name for call in step.carried} and not watch.trace.unlinked
    page = " ".join(watch.explain().to_text("en").split())
    assert "The mask m is 1" in page and said in page
    assert "(1 − M⟨²⟩)" in page or "(1 − M⟨³⟩)" in page or "(1 − M⟨⁴⟩)" in page


def attending(layer: Any, **called: Any) -> Any:
    given = keras.layers.Input((5,))
    words = keras.layers.Embedding(9, 4, mask_zero=True)(given)
    both = [words, words]
    found = layer(both, **called) if type(layer).__name__ == "Attention" else layer(*both, **called)
    found = found[0] if isinstance(found, (tuple, list)) else found
    mean = keras.layers.GlobalAveragePooling1D()(found)
    model = keras.Model(given, keras.layers.Dense(1)(mean))
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    return model


ATTENTION: list[Any] = [
    ("MultiHeadAttention", {"num_heads": 2, "key_dim": 2}, {"use_causal_mask": True}),
    ("MultiHeadAttention", {"num_heads": 1, "key_dim": 2, "dropout": 0.3}, {}),
    ("MultiHeadAttention", {"num_heads": 1, "key_dim": 2}, {"return_attention_scores": True}),
    ("Attention", {"dropout": 0.2}, {"use_causal_mask": True}),
]


@pytest.mark.parametrize("kind, options, called", ATTENTION)
def test_attention_with_masks_is_one_call(kind: str, options: Any, called: Any) -> None:
    keras.utils.set_random_seed(1)
    model = attending(getattr(keras.layers, kind)(**options), **called)
    tokens = np.array([[5, 4, 8, 0, 0], [1, 5, 5, 8, 3], [0, 0, 2, 6, 1]])
    with gobhir.watch() as watch:
        model.train_on_batch(tokens, np.ones((3, 1)))
    step = lifted(watch)
    agrees(step)
    names = {call.name for call in step.carried}
    assert {kind, "GlobalAveragePooling1D"} <= names and not watch.trace.unlinked
    page = " ".join(watch.explain().to_text("en").split())
    assert "A mask closes some places" in page and watch.explain().to_text("bn")


UNLIKE: list[Any] = [
    ("sparse_categorical_crossentropy", {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5, 3: 1.0, 4: 0.1}}),
    ("sparse_categorical_crossentropy", {"sample_weight": np.array([1.0, 2, 0, 0.5, 3])}),
    ("mse", {"sample_weight": np.array([1.0, 2, 0, 0.5, 3])}),
]


@pytest.mark.parametrize("loss, weights", UNLIKE)
def test_losses_that_do_not_count_alike_are_one_loss(loss: str, weights: Any) -> None:
    model, x, y = made("mlp")
    model.compile("sgd", loss, run_eagerly=True)
    y = np.eye(5)[y] if loss == "mse" else y
    with gobhir.watch() as watch:
        model.train_on_batch(x, y, **weights)
    step = lifted(watch)
    agrees(step)
    assert "LossFunctionWrapper" in {call.name for call in step.carried}
    page = watch.explain()
    assert "do not count alike" in page.to_text("en") and page.to_text("bn")


def test_places_without_a_word_cost_nothing() -> None:
    each = keras.layers.TimeDistributed(keras.layers.Dense(2, "tanh"))
    model, x, _ = reading(keras.layers.GRU(2, return_sequences=True), each)
    model.compile("sgd", "mse", run_eagerly=True)
    with gobhir.watch() as watch:
        model.train_on_batch(x, np.ones((3, 5, 1)))
    step = lifted(watch)
    agrees(step)
    assert "TimeDistributed" in {call.name for call in step.carried}
    assert "divided by the 11 that are left" in " ".join(watch.explain().to_text("en").split())


LOSSES = ["hinge", "squared_hinge", "log_cosh", "poisson", "kl_divergence", "cosine_similarity"]
LOSSES += ["mean_squared_logarithmic_error", "mean_absolute_percentage_error"]


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_is_one_call(loss: str) -> None:
    model, x, y = made("mlp")
    model.compile("sgd", loss, run_eagerly=True)
    with gobhir.watch() as watch:
        model.train_on_batch(x, np.eye(5, dtype="float32")[y] + ("percentage" in loss))
    step = lifted(watch)
    agrees(step)
    assert "LossFunctionWrapper" in {call.name for call in step.carried}


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
    ("Ftrl", {"l1_regularization_strength": 0.001, "beta": 0.1}),
    ("Adam", {"gradient_accumulation_steps": 2}),
    ("Muon", {}),
    ("Lamb", {}),
    ("Adafactor", {}),
]


@pytest.mark.parametrize("kind, options", RULES)
def test_the_rule_of_each_optimizer(kind: str, options: Any) -> None:
    model, x, y = eagerly("mlp", getattr(keras.optimizers, kind)(**options))
    model.train_on_batch(x, y)
    with gobhir.watch() as watch:
        model.train_on_batch(x, y)
    step = lifted(watch)
    agrees(step)
    assert len(step.tape.updates) == 4
    ruled = [u for u in step.tape.updates if u.rule]
    if kind == "Muon":  # matrices only before and after
        assert len(ruled) == 2
        assert "Muon looks at each matrix" in watch.explain().to_text("en")
    else:
        assert type(step.optimizer).__name__ == kind and len(ruled) == 4
        assert watch.explain().to_text("en") and watch.explain().to_text("bn")


SCHEDULES = [
    ("ExponentialDecay", {"decay_steps": 10, "decay_rate": 0.9}),
    ("ExponentialDecay", {"decay_steps": 2, "decay_rate": 0.5, "staircase": True}),
    ("InverseTimeDecay", {"decay_steps": 10, "decay_rate": 0.5}),
    ("PolynomialDecay", {"decay_steps": 10, "end_learning_rate": 0.01, "power": 2.0}),
    ("CosineDecay", {"decay_steps": 10, "alpha": 0.1}),
    ("CosineDecay", {"decay_steps": 10, "warmup_target": 0.5, "warmup_steps": 5}),
    ("CosineDecay", {"decay_steps": 10, "warmup_target": 0.5, "warmup_steps": 2}),
]


@pytest.mark.parametrize("kind, options", SCHEDULES)
def test_the_formula_of_each_schedule(kind: str, options: Any) -> None:
    rates = getattr(keras.optimizers.schedules, kind)(0.1, **options)
    model, x, y = eagerly("mlp", keras.optimizers.SGD(rates))
    with gobhir.watch() as watch:
        for _ in range(4):
            model.train_on_batch(x, y)
    told, counted, line = learning_rate(watch.explain(4).run.tape.updates[0], "exact")
    assert isinstance(told, Say) and told.values == {"scheduler": kind}
    assert isinstance(counted, Say) and str(counted.values["count"].value) == "3"
    assert isinstance(line, Line) and len(line.stages) > 1
    assert float(line.result) == pytest.approx(float(rates(3)), rel=1e-4)


def test_clipped_gradients() -> None:
    for clip in ({"global_clipnorm": 0.01}, {"clipvalue": 0.001}):
        model, x, y = eagerly("mlp", keras.optimizers.SGD(0.1, **clip))
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
        assert "W⁽¹⁾ᵀ" in page and "W⁽²⁾" in page and "tanh" in page
    assert "w⁽²⁾" in watch.why("out.kernel[1, 0]").to_text("en")


def test_why_names_what_is_frozen_or_dead_as_keras_does() -> None:
    dead = keras.initializers.Constant(-50.0)
    x, y = np.ones((2, 3), "float32"), np.ones((2, 1), "float32")
    given = keras.layers.Input((3,))
    hidden = keras.layers.Dense(2, "relu", bias_initializer=dead, name="hidden")(given)
    kept = keras.layers.Dense(2, name="kept", trainable=False)(given)
    out = keras.layers.Dense(1, name="out")(keras.layers.Concatenate()([hidden, kept]))
    model = keras.Model(given, out)
    model.compile("sgd", "mse")
    with gobhir.watch() as watch:
        model.fit(x, y, verbose=0)
    page = watch.explain()
    for name, word in (("hidden.kernel[0, 1]", "dead"), ("kept.kernel[2, 1]", "frozen")):
        for layers in (1, None):
            assert word in page.why(name, layers).to_text("en")
    assert "moved out.kernel[2, 0] from" in " ".join(
        page.why("out.kernel.change[2, 0]", 1).to_text("en").split()
    )


def test_a_model_is_explained_and_left_as_it_was() -> None:
    model, x, y = made("lenet", keras.optimizers.Adam(0.01), metrics=["accuracy"])
    model.train_on_batch(x, y)

    def now() -> Any:
        owned = (*model.variables, *model.optimizer.variables, *model.metrics_variables)
        return [np.array(v.numpy()) for v in owned]

    before = now()
    page = gobhir.explain(model, x, y)
    other = gobhir.explain(model, x.tolist(), y, loss=model.loss, optimizer="sgd")
    assert all(np.array_equal(a, b) for a, b in zip(before, now(), strict=True))
    assert "β₂" in page.to_text("en") and "β₂" not in other.to_text("en")
    assert "conv2.kernel[0, 1, 2, 0]" in page.why("conv2.kernel[0, 1, 2, 0]").to_text("en")


WRONG: list[Any] = [
    ("no weights yet", lambda m, x, y: (keras.Sequential([keras.layers.Dense(1)]), x, y)),
    (
        "no loss yet",
        lambda m, x, y: (keras.Sequential([keras.Input((6,)), keras.layers.Dense(5)]), x, y),
    ),
    ("plain array of numbers", lambda m, x, y: (m, np.array([["one", "two"]]), y)),
    ("NaN or infinite", lambda m, x, y: (m, x * np.nan, y)),
    ("explain() needs y", lambda m, x, y: (m, x)),
    ("runs on jax here", lambda m, x, y: (m, x, y)),
]


@pytest.mark.parametrize("said, given", WRONG)
def test_what_cannot_be_explained_is_said(
    said: str, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gobhir.lift import keras_step

    if "jax" in said:
        monkeypatch.setattr(keras_step, "backend", lambda: "jax")
    with pytest.raises((ValueError, TypeError)) as error:
        gobhir.explain(*given(*made("mlp")))
    assert said in error.value.args[0].text("en") and error.value.args[0].text("bn")


def test_a_batch_that_never_comes() -> None:
    model, x, y = made("mlp")
    watch = gobhir.watch()
    model.fit(x, y, verbose=0, callbacks=[watch.callback(step=3)])
    with pytest.raises(RuntimeError) as error:
        watch.explain()
    assert "before batch 3 came: there were 1" in error.value.args[0].text("en")


@on_tensorflow
def test_a_variable_that_an_op_reads_by_itself() -> None:
    import tensorflow as tf

    w, x = tf.Variable(tf.random.normal((2, 2, 3, 4))), tf.random.normal((1, 5, 5, 3))
    with gobhir.watch() as watch, tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.nn.max_pool2d(tf.nn.conv2d(x, w, 1, "SAME"), 2, 2, "SAME") ** 2)
        gradient = tape.gradient(loss, w)
    step = lifted(watch)
    (leaf,) = step.step.backwards[-1].found
    assert not step.opaque and not watch.trace.unlinked
    assert step.tensors[leaf].grad.numpy() == pytest.approx(gradient.numpy(), rel=1e-4, abs=1e-5)


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
