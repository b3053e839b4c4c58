"""The playground's desk: its numbers against PyTorch, its limits, and what a damaged state gets."""

from __future__ import annotations

import copy
import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gobhir.lang import Message
from gobhir.studio.playground import ACTIVATIONS, MOST, OPTIMIZERS, OUTPUTS, State, playground
from gobhir.studio.worker import MOST as MOST_WORKERS
from gobhir.studio.worker import Worker
from tests.studio.conftest import PATIENCE, Running, Start

HOUSE: dict[str, Any] = {
    "v": 1,
    "layers": [[4, "sigmoid"], [1, "sigmoid"]],
    "loss": "half",
    "x": [[0.5, 0.1, 0.9, 0.3]],
    "y": [[1]],
    "optimizer": {"name": "sgd", "lr": 0.5},
    "steps": 100,
}
TORCH_ACTIVATIONS = {
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
    "leaky_relu": torch.nn.LeakyReLU,
}
TORCH_OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


def with_(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(HOUSE), **changes}


@st.composite
def states(draw: st.DrawFn) -> dict[str, Any]:
    """A small state of any kind."""
    tenths = st.integers(-20, 20).map(lambda n: n / 10)
    loss = draw(st.sampled_from(list(OUTPUTS)))
    layers = draw(
        st.lists(
            st.tuples(st.integers(1, 4), st.sampled_from(list(ACTIVATIONS))).map(list),
            min_size=1,
            max_size=3,
        )
    )
    if OUTPUTS[loss]:
        layers[-1][1] = OUTPUTS[loss]
    out = layers[-1][0]
    inputs, rows = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    targets = {"cross_entropy": st.integers(0, out - 1), "bce": st.integers(0, 1)}.get(loss, tenths)
    width = 1 if loss == "cross_entropy" else out
    name = draw(st.sampled_from(list(OPTIMIZERS)))
    optimizer: dict[str, Any] = {"name": name, "lr": draw(st.sampled_from([0.01, 0.1]))}
    if "momentum" in OPTIMIZERS[name][1]:
        optimizer["momentum"] = draw(st.sampled_from([0, 0.9]))
    if name == "sgd":
        optimizer["nesterov"] = optimizer["momentum"] > 0 and draw(st.booleans())
    optimizer["weight_decay"] = draw(st.sampled_from([0, 0.1]))

    def table(numbers: st.SearchStrategy[Any], width: int) -> Any:
        row = st.lists(numbers, min_size=width, max_size=width)
        return draw(st.lists(row, min_size=rows, max_size=rows))

    return {
        "v": 1,
        "layers": layers,
        "loss": loss,
        "x": table(tenths, inputs),
        "y": table(targets, width),
        "optimizer": optimizer,
        "batch": draw(st.integers(0, rows)),
        "seed": draw(st.integers(0, 50)),
        "steps": 12,
    }


def torch_losses(raw: dict[str, Any]) -> list[float]:
    """The same training in PyTorch, from the same weights."""
    parts: list[torch.nn.Module] = []
    before = len(raw["x"][0])
    for n, activation in raw["layers"]:
        parts.append(torch.nn.Linear(before, n, dtype=torch.float64))
        if activation != "none":
            parts.append(TORCH_ACTIVATIONS[activation]())
        before = n
    model = torch.nn.Sequential(*parts)
    begun = State.read(raw).model().state_dict()
    model.load_state_dict({name: torch.tensor(v.numpy()) for name, v in begun.items()})
    chosen = {k: v for k, v in raw["optimizer"].items() if k != "name"}
    optimizer = TORCH_OPTIMIZERS[raw["optimizer"]["name"]](model.parameters(), **chosen)
    x, y = torch.tensor(raw["x"], dtype=torch.float64), torch.tensor(raw["y"], dtype=torch.float64)
    size = raw["batch"] or len(x)
    losses = []
    for step in range(raw["steps"]):
        start = step % -(-len(x) // size) * size
        p, wanted = model(x[start : start + size]), y[start : start + size]
        if raw["loss"] == "half":
            loss = 0.5 * ((p - wanted) ** 2).sum() / len(p)
        elif raw["loss"] == "mse":
            loss = torch.nn.functional.mse_loss(p, wanted)
        elif raw["loss"] == "bce":
            loss = torch.nn.functional.binary_cross_entropy(p, wanted)
        else:
            loss = torch.nn.functional.cross_entropy(p, wanted[:, 0].long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@settings(max_examples=40, deadline=None)
@given(states())
@pytest.mark.slow
def test_the_training_is_pytorchs(raw: dict[str, Any]) -> None:
    wanted = torch_losses(raw)
    got = playground(raw).losses
    np.testing.assert_allclose(got, wanted[: len(got)], rtol=1e-7, atol=1e-9)
    assert len(got) == len(wanted) or not np.isfinite(wanted[len(got)])


@settings(max_examples=15, deadline=None)
@given(states(), st.integers(0, 11))
@pytest.mark.slow
def test_a_step_starts_from_its_loss_and_is_drawn_with_its_numbers(
    raw: dict[str, Any], step: int
) -> None:
    desk = playground(raw)
    if step >= len(desk.losses):
        return
    net = desk.network(step)
    assert net is not None
    assert net["loss"] == pytest.approx(desk.losses[step], rel=1e-5, abs=1e-12)
    before = np.array(net["inputs"])
    for layer in net["layers"]:
        z = before @ np.array(layer["W"]).T + np.array(layer["b"])
        np.testing.assert_allclose(layer["z"], z, rtol=1e-3, atol=1e-4)
        before = np.array(layer.get("a", layer["z"]))


def test_the_house_network_is_the_house_network() -> None:
    answer = playground(HOUSE).answer("step", 0, "en")
    assert answer["losses"][0] == pytest.approx(0.06595018883, abs=1e-10)
    assert answer["network"]["layers"][0]["W"][0] == [0.2, -0.4, 0.1, 0.5]
    assert answer["steps"] == 100
    assert "4-4-1" in answer["html"]


def test_any_number_of_the_picture_answers_why() -> None:
    raw = with_(x=[[0.5, 0.1, 0.9, 0.3], [1, 0, 0, 1]], y=[[1], [0]])
    for desk, where in ((playground(raw), "0, "), (playground(HOUSE), "")):
        first = desk.network(3)["layers"][0]["names"]  # type: ignore[index]
        asked = (
            f"{first['W']}[1, 2]",
            f"{first['W']}.value[1, 2]",
            f"{first['b']}[3]",
            f"{first['z']}[{where}2]",
            f"{first['z']}.grad[{where}2]",
            f"{first['a']}[{where}2]",
            f"x[{where}1]",
            "loss",
        )
        for name in asked:
            for lang in ("bn", "en"):
                assert "<p>" in desk.answer("why", 3, lang, name=name)["html"]


def test_typed_weights_are_where_training_starts() -> None:
    net = playground(with_(weights={"0.weight[1, 2]": 0.25, "2.bias[0]": -3})).network(0)
    assert net is not None
    assert net["layers"][0]["W"][1] == [0.7, 0.3, 0.25, 0.1]
    assert net["layers"][1]["b"] == [-3]


DAMAGED: tuple[dict[str, Any], ...] = (
    {"v": 2},
    {"v": None},
    {"layers": []},
    {"layers": "4-4-1"},
    {"layers": [[4, "sigmoid"]] * 7},
    {"layers": [[17, "sigmoid"]]},
    {"layers": [[0, "sigmoid"]]},
    {"layers": [[True, "sigmoid"]]},
    {"layers": [[4, "swish"]]},
    {"layers": [[4, ["sigmoid"]]]},
    {"layers": [[4]]},
    {"loss": "hinge"},
    {"loss": "cross_entropy"},
    {"loss": "bce", "y": [[1.5]]},
    {"loss": "cross_entropy", "layers": [[3, "none"]], "y": [[3]]},
    {"loss": "cross_entropy", "layers": [[3, "none"]], "y": [[0.5]]},
    {"x": [[1, 2], [1]]},
    {"x": [[0.5, 0.1, 0.9, 0.3]] * 2},
    {"x": [[1e4, 0, 0, 0]]},
    {"x": [[float("nan"), 0, 0, 0]]},
    {"x": [["1", 0, 0, 0]]},
    {"x": [[]]},
    {"x": [[0] * 26]},
    {"x": [[0.5]] * 65, "y": [[1]] * 65},
    {"y": [[1, 2]]},
    {"optimizer": "sgd"},
    {"optimizer": {"name": "lion", "lr": 0.1}},
    {"optimizer": {"name": "sgd", "lr": -1}},
    {"optimizer": {"name": "sgd", "lr": 11}},
    {"optimizer": {"name": "sgd", "lr": "0.1"}},
    {"batch": -1},
    {"seed": 0.5},
    {"steps": 2001},
    {"steps": 0},
    {"mode": "fast"},
    {"weights": [1]},
    {"weights": {"0.weight[9, 9]": 1}},
    {"weights": {"0.weight[-1, 0]": 1}},
    {"weights": {"0.weight": 1}},
    {"weights": {"__class__[0]": 1}},
    {"weights": {"0.weight[1, 2]": None}},
)


@pytest.mark.parametrize("changes", DAMAGED, ids=lambda c: json.dumps(c)[:50])
def test_a_damaged_state_is_refused_with_a_sentence(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        playground(with_(**changes))
    message = caught.value.args[0]
    assert isinstance(message, Message)
    assert message.text("bn") != message.text("en")


@pytest.mark.parametrize("raw", [None, [], "state", 3, {}])
def test_what_is_no_state_at_all(raw: Any) -> None:
    with pytest.raises(ValueError):
        playground(raw)


def test_steps_that_there_are() -> None:
    desk = playground(with_(steps=5))
    assert len(desk.losses) == 5
    for step in (-1, 5):
        with pytest.raises(IndexError):
            desk.explanation(step)


def test_a_training_that_diverges_ends_and_says_so() -> None:
    raw = with_(layers=[[1, "none"]], loss="mse", x=[[3, 3, 3, 3]], y=[[1]], steps=2000)
    raw["optimizer"] = {"name": "sgd", "lr": 10}
    desk = playground(raw)
    assert 1 < len(desk.losses) < 2000
    assert all(np.isfinite(desk.losses))
    with pytest.raises(ValueError, match=str(len(desk.losses))):
        desk.explanation(len(desk.losses))


@pytest.mark.slow
def test_the_largest_desk_is_worked_out_in_time() -> None:
    raw = with_(
        layers=[[16, "relu"]] * 5 + [[16, "none"]],
        loss="cross_entropy",
        x=[[(i * k) % 7 / 7 for k in range(25)] for i in range(64)],
        y=[[i % 16] for i in range(64)],
        optimizer={"name": "adam", "lr": 0.01},
        steps=MOST["steps"],
    )
    answer = playground(raw).answer("step", MOST["steps"] - 1, "en")
    assert len(answer["losses"]) == MOST["steps"]
    assert len(json.dumps(answer)) < 3_000_000


@pytest.mark.slow
def test_a_worker_that_takes_too_long_is_ended_and_the_next_question_answered() -> None:
    worker = Worker()
    question = {"state": HOUSE, "what": "step", "step": 0, "lang": "en"}
    try:
        late = worker.ask(dict(question), seconds=0.05)
        assert late["message"]["bn"] and late["message"]["en"]
        assert worker.ask(dict(question))["answer"]["step"] == 0
    finally:
        worker.stop()


def test_the_api_answers(studio: Running) -> None:
    body = {"state": HOUSE, "step": 0, "lang": "bn"}
    answer = studio.post("/gobhir/api/play/step", body)
    assert answer.status == 200 and answer.json["losses"][0] == pytest.approx(0.06595, abs=1e-5)
    why = studio.post("/gobhir/api/play/why", {**body, "name": "0.weight[0, 0]"})
    assert why.status == 200 and "html" in why.json


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("step", {"state": {"v": 1}, "step": 0, "lang": "en"}),
        ("step", {"state": HOUSE, "step": 100, "lang": "en"}),
        ("step", {"state": HOUSE, "step": "0", "lang": "en"}),
        ("step", {"state": HOUSE, "step": 0, "lang": "fr"}),
        ("step", {"state": HOUSE, "step": 0, "lang": "en", "more": 1}),
        ("step", {"step": 0, "lang": "en"}),
        ("why", {"state": HOUSE, "step": 0, "lang": "en"}),
        ("why", {"state": HOUSE, "step": 0, "lang": "en", "name": "no.such[1]"}),
        ("why", {"state": HOUSE, "step": 0, "lang": "en", "name": "0.weight[9, 9]"}),
        ("explanation", {"state": HOUSE, "step": 0, "lang": "en"}),
    ],
)
def test_the_api_refuses_in_both_languages(studio: Running, what: str, body: Any) -> None:
    answer = studio.post(f"/gobhir/api/play/{what}", body)
    assert answer.status == 400
    message = answer.json["message"]
    assert message["bn"] and message["en"] and message["bn"] != message["en"]


def test_nobody_asks_without_the_token(studio: Running) -> None:
    body = {"state": HOUSE, "step": 0, "lang": "en"}
    assert studio.post("/gobhir/api/play/step", body, cookies=False).status in (302, 403)
    assert studio.post("/gobhir/api/play/step", body, xsrf=False).status == 403


@pytest.mark.slow
def test_workers_end_with_their_studio(start: Start, tmp_path: Path) -> None:
    studio = start(tmp_path / "gobhir")
    body = {"state": HOUSE, "step": 0, "lang": "en"}
    assert studio.post("/gobhir/api/play/step", body).status == 200
    (worker,) = psutil.Process(studio.process.pid).children()
    studio.kill()
    deadline = time.monotonic() + PATIENCE
    while runs(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(worker)


def runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
def test_many_questions_at_once_are_all_answered(studio: Running) -> None:
    studio.log_in()
    answers: dict[int, Any] = {}

    def ask(step: int) -> None:
        body = {"state": HOUSE, "step": step, "lang": "en"}
        answers[step] = studio.post("/gobhir/api/play/step", body).json

    threads = [threading.Thread(target=ask, args=(step,)) for step in range(8)]
    for thread in threads:
        thread.start()
    assert studio.get("/gobhir/api/settings").status == 200  # which never waits for them
    for thread in threads:
        thread.join(PATIENCE)
    assert [answers[step]["step"] for step in range(8)] == list(range(8))
    assert len(psutil.Process(studio.process.pid).children()) <= MOST_WORKERS


@pytest.mark.parametrize("mode", ["auto", "exact"])
@pytest.mark.parametrize(
    "changes",
    (
        # a sigmoid that is 0 to the last bit under the loss's logarithm
        {"loss": "bce", "layers": [[1, "sigmoid"]], "x": [[-1000, 0, 0, 0]], "y": [[1]]},
        {"loss": "bce", "layers": [[3, "none"], [2, "sigmoid"]], "x": [[-1000] * 4], "y": [[1, 0]]},
        # one class alone
        {"loss": "cross_entropy", "layers": [[2, "relu"], [1, "none"]], "y": [[0]]},
        # nothing at all
        {"layers": [[1, "relu"]], "x": [[0, 0, 0, 0]], "y": [[0]], "weights": {"0.bias[0]": 0}},
    ),
    ids=("saturated", "saturated, deeper", "one class", "zeros"),
)
def test_states_at_the_edge_are_worked_out(changes: dict[str, Any], mode: str) -> None:
    desk = playground(with_(**changes, mode=mode, optimizer={"name": "adam", "lr": 0.1}))
    for step in (0, 1, 99):
        answer = desk.answer("step", step, "bn")
        assert answer["html"]
        json.dumps(answer, allow_nan=False)
        assert desk.answer("why", step, "en", name="0.weight[0, 0]")["html"]
