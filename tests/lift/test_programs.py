"""Training scripts as people write them (programs/), run as `gobhir explain` runs them: the first
step and a later one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
import torch

import gobhir
from gobhir.explain.script import run_script
from gobhir.lang import LANGUAGES
from gobhir.lift.lifting import lift
from tests.lift.networks import NETWORKS
from tests.lift.test_torch_watch import agrees

BESIDE = {"engine_loop"}
"""Modules that a program imports."""
PROGRAMS = [p for p in sorted(Path(__file__).parent.glob("programs/*.py")) if p.stem not in BESIDE]
ROUGH = {"small_gpt", "scaled"}
"""Under autocast: bfloat16 has two digits."""
OPAQUE = {"own_function": {"Round"}}
NAMES = {"between", "logit_scale", "W1", "b1", "W2", "b2", "kernel", "shift", "weight", "bias"}
"""What parameters are called that belong to no layer."""


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        yield


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_a_program_is_opened(path: Path, step: int) -> None:
    run = run_script(str(path), [], step)
    assert (run.ended, run.count, run.trouble) == ("step", step, "")
    lifted = list(lift(run.watch.trace))[-1]
    agrees(lifted, *((2e-2, 5e-2) if path.stem in ROUGH else (2e-5, 1e-4)))
    assert {call.name for call in lifted.opaque} == OPAQUE.get(path.stem, set())
    assert not run.watch.trace.unlinked
    for name in run.watch.steps[-1].parameters.values():
        assert "." in name or name in NAMES, name
    page = run.explain(folded=True)
    assert page.to_text(LANGUAGES[step - 1]) and page.to_html(LANGUAGES[step - 2])


FACES = ["to_text", "to_html", "to_markdown", "to_latex", "to_json", "to_slides"]


@pytest.mark.slow
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_a_program_has_its_page_in_full(path: Path) -> None:
    run = run_script(str(path), [], 1)
    page = run.explain(folded=False)
    assert set(page.reading.unruled) <= {"Round"}
    assert page.to_text("en") and page.to_html("bn")


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("folded", [True, False])
def test_a_network_has_its_page(name: str, folded: bool) -> None:
    torch.manual_seed(1)
    make, batch, loss = NETWORKS[name]
    model = make()
    optimizer = torch.optim.Adam(model.parameters())
    page = gobhir.explain(model, *batch(), loss, optimizer, mode="exact", folded=folded)
    assert folded or not page.reading.unruled
    for face, lang in zip(FACES, cycle(LANGUAGES[:: 1 if folded else -1]), strict=False):
        assert getattr(page, face)(lang)
