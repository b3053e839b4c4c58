"""`gobhir.watch`: the page of a step that runs in PyTorch, or in Gobhir."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.lang import catalogue
from tests.lift.networks import NETWORKS

LANGUAGES = ("bn", "en")


def small(framework: Any) -> tuple[Any, Any, Any]:
    """The same network, in either framework, with its optimizer and a step of it."""
    nn = framework.nn
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    weights = np.random.default_rng(0)
    for p in model.parameters():
        with framework.no_grad():
            p.copy_(framework.tensor(weights.standard_normal(tuple(p.shape)).round(1).tolist()))
    updates = framework.optim.SGD(model.parameters(), lr=0.1)
    x = framework.tensor([[0.5, 0.1], [0.2, -0.3]], dtype=framework.float64)
    y = framework.tensor([[1.0], [0.0]], dtype=framework.float64)

    def step() -> None:
        updates.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        updates.step()

    return model, updates, step


def body(page: Any, lang: str) -> str:
    """The page without what it says about how the step was recorded, and without the checks."""
    text: str = page.to_text(lang)
    start, end = ("\n0. ", "\n5. ") if lang == "en" else ("\n০. ", "\n৫. ")
    return text[text.index(start) : text.index(end)]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_step_in_pytorch_reads_like_one_in_gobhir(lang: str) -> None:
    pages = []
    for framework in (torch, gobhir):
        _, _, step = small(framework)
        with gobhir.watch() as watched:
            step()
        pages.append(body(watched.explain(), lang))
    assert pages[0] == pages[1]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_network_has_its_page(name: str) -> None:
    make, batch, loss_of = NETWORKS[name]
    torch.manual_seed(0)
    model, (x, y) = make(), batch()
    updates = torch.optim.Adam(model.parameters())
    with gobhir.watch() as watched:
        loss_of(model(x), y).backward()
        updates.step()
    page = watched.explain(folded=True)
    for lang in LANGUAGES:
        assert page.to_text(lang) and page.to_html(lang)
    path, p = max(model.named_parameters(), key=lambda pair: float(pair[1].grad.abs().max()))
    index = np.unravel_index(int(p.grad.abs().argmax()), p.shape)
    answer = watched.why(f"{path}[{', '.join(map(str, index))}]").to_text("en")
    digits = f"{abs(float(p.grad[index])):.4g}".rstrip("0")
    assert digits in answer


def test_explain_takes_a_model_of_pytorchs_and_leaves_it_as_it_was() -> None:
    model, updates, step = small(torch)
    step()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state, numbers = updates.state_dict(), torch.get_rng_state()
    grads = [p.grad for p in model.parameters()]
    x, y = [[0.5, 0.1]], [[1.0]]
    page = gobhir.explain(model, x, y, torch.nn.MSELoss(), updates)
    assert "2-3-1 tanh" in page.to_text("en")
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert updates.state_dict()["state"] == state["state"]
    assert torch.equal(numbers, torch.get_rng_state())
    assert all(p.grad is g for p, g in zip(model.parameters(), grads, strict=True))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_happened_on_the_way_is_said(lang: str) -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    updates = torch.optim.SGD(model.parameters(), 0.1)
    model(torch.ones(1, 3)).sum().backward()
    with gobhir.watch() as watched:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(torch.randn(4, 3)).pow(2).sum()
        loss.backward()
        (model(torch.randn(4, 3)).pow(2).sum() / 2).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        updates.step()
    notes = {note.key.removeprefix("rules.watch.") for note in watched.steps[0].notes}
    assert notes == {"autocast", "losses", "left", "scaled", "distance"}
    text = " ".join(watched.explain().to_text(lang).split())
    for key in notes - {"distance", "losses", "left", "scaled"}:
        assert catalogue(lang)[f"rules.watch.{key}"].format(framework="PyTorch") in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_step_that_never_comes(lang: str) -> None:
    with gobhir.watch() as watched:
        torch.nn.Linear(2, 2)(torch.ones(1, 2))
    gobhir.use_language(lang)
    try:
        with pytest.raises(RuntimeError, match=r"backward\(\)"):
            watched.show()
    finally:
        gobhir.use_language(None)


def test_a_nan_is_named_where_it_was_born() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    with torch.no_grad():
        model[0].bias.fill_(float("inf"))
    with gobhir.watch() as watched:
        (model(torch.ones(1, 2)) - model(torch.ones(1, 2))).sum().backward()
    with pytest.raises(ValueError, match="NaN|infinit"):
        watched.show()


def test_other_steps_than_the_first() -> None:
    _, _, step = small(torch)
    with gobhir.watch() as watched:
        step()
        step()
    assert len(watched.steps) == 2
    with pytest.raises(IndexError, match="2"):
        watched.explain(3)


def test_watches_may_be_nested() -> None:
    _, _, step = small(torch)
    with gobhir.watch() as outer, gobhir.watch() as inner:
        step()
    assert len(outer.steps) == len(inner.steps) == 1


@pytest.mark.parametrize(
    ("model", "loss", "said"),
    [
        (torch.nn.ReLU(), torch.nn.MSELoss(), "no parameter"),
        (torch.nn.Linear(2, 1), lambda z, y: (z - y) ** 2, r"4, 1"),
        (torch.nn.Linear(2, 1), lambda z, y: 1.0, "float"),
        (torch.nn.Linear(2, 1), lambda z, y: z.detach().sum(), "detach"),
        (torch.nn.Linear(2, 1), "mse", "str"),
    ],
)
def test_what_cannot_be_explained_is_said(model: Any, loss: Any, said: str) -> None:
    gobhir.use_language("en")
    try:
        with pytest.raises((TypeError, ValueError)) as trouble:
            gobhir.explain(model, torch.randn(4, 2), torch.randn(4, 1), loss)
        assert re.search(said, str(trouble.value)), trouble.value
    finally:
        gobhir.use_language(None)


def test_the_page_calls_the_layers_by_their_own_names() -> None:
    """Letters on the board, names in the model: the page says which is which."""
    torch.manual_seed(0)
    make, batch, loss = NETWORKS["lenet"]
    model, (x, y) = make(), batch()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gobhir.watch() as w:
        loss(model(x), y).backward()
        optimizer.step()
    told = w.explain().to_text("en")
    forward = told[told.index("1. Forward") : told.index("2. ")]
    labels = [line.split()[-1] for line in forward.splitlines() if line.startswith("Layer ")]
    modules = [name for name in labels if name in dict(model.named_modules())]
    assert modules == labels and {"conv1", "norm1", "conv2", "fc1", "fc2"} <= set(labels)
    start = told[told.index("What the letters are called") : told.index("1. Forward")]
    for path, parameter in model.named_parameters():
        (line,) = (line for line in start.splitlines() if path in line.split())
        assert line.split()[2::2] == [str(n) for n in parameter.shape], line
