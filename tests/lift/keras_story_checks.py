"""Stories of a `fit` of Keras's, on whichever backend KERAS_BACKEND says. test_keras.py runs this
file once for each."""

from __future__ import annotations

import os
from typing import Any

import keras
import numpy as np
import pytest

import gobhir
from gobhir.explain.stories.story import Story
from tests.explain.trainings import digits

if os.environ["KERAS_BACKEND"] == "torch":
    import torch

    torch.set_num_threads(1)


def model(softmax: bool = True, **settings: Any) -> Any:
    keras.utils.set_random_seed(1)
    last = keras.layers.Dense(10, "softmax" if softmax else None)
    return keras.Sequential([keras.Input((64,)), keras.layers.Dense(32, "relu", **settings), last])


def told(net: Any, optimizer: Any, epochs: int = 4, **options: Any) -> Story:
    net.compile(optimizer, "sparse_categorical_crossentropy")
    story = gobhir.story(**options)
    net.fit(*digits(), 32, epochs, verbose=0, shuffle=False, callbacks=[story.callback()])
    return story


def kinds(story: Story) -> list[str]:
    return [f.kind for f in story.findings]


def test_a_healthy_fit_shows_nothing() -> None:
    story = told(model(), keras.optimizers.Adam(3e-3), 6)
    assert story.findings == [] and story.diary.steps == 180
    assert story.diary.losses[-1] < 0.5 * story.diary.losses[0]


def test_the_losses_are_each_batch_s_own() -> None:
    net = model()
    x, y = digits()
    first = keras.ops.convert_to_numpy(net(x[:32]))
    own = -np.log(first[np.arange(32), y[:32]]).mean()
    story = told(net, keras.optimizers.SGD(1e-12), 1)
    assert story.diary.losses[0] == pytest.approx(own, rel=1e-4)
    last = keras.ops.convert_to_numpy(net(x[-32:]))
    own = -np.log(last[np.arange(32), y[-32:]]).mean()
    assert story.diary.losses[-1] == pytest.approx(own, rel=1e-3)


def test_learning_rates() -> None:
    story = told(model(), keras.optimizers.SGD(20.0))
    assert "lr_high" in kinds(story) or "nan" in kinds(story)
    assert kinds(told(model(), keras.optimizers.SGD(1e-6))) == ["lr_low"]


def test_settings_and_weights() -> None:
    zeros = told(model(kernel_initializer="zeros"), keras.optimizers.SGD(0.1))
    assert kinds(zeros)[0] == "symmetry"
    net = model()
    net.layers[0].trainable = False
    assert "frozen" in kinds(told(net, keras.optimizers.Adam(1e-3)))


def test_a_noticed_step_opens_as_a_page() -> None:
    story = told(model(), keras.optimizers.SGD(20.0))
    page = story.explain()
    loss = float(page.run.loss.value)
    assert loss == pytest.approx(story.diary.losses[story.pages[0] - 1], rel=1e-2)
    assert len(page.to_text("bn")) > 1_000


def test_the_fit_is_the_same() -> None:
    ends = []
    for watched in (False, True):
        net = model()
        net.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
        callbacks = [gobhir.story().callback()] if watched else []
        net.fit(*digits(), 32, 1, verbose=0, shuffle=False, callbacks=callbacks)
        ends.append([w.tobytes() for w in net.get_weights()])
    assert ends[0] == ends[1]
