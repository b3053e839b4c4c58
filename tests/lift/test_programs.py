"""Training scripts as people write them (programs/), run as `gobhir explain` runs them: the first
step and a later one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gobhir.explain.script import run_script
from gobhir.lift.lifting import lift
from tests.lift.test_torch_watch import agrees

BESIDE = {"engine_loop"}
"""Modules that a program imports."""
PROGRAMS = [p for p in sorted(Path(__file__).parent.glob("programs/*.py")) if p.stem not in BESIDE]
ROUGH = {"small_gpt", "scaled"}
"""Under autocast: bfloat16 has two digits."""
OPAQUE = {"own_function": {"Round"}, "normed_weights": {"torch._weight_norm"}}


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
        assert "." in name or name in ("between", "logit_scale", "W1", "b1", "W2", "b2"), name
    page = run.explain(folded=True)
    for lang in ("bn", "en"):
        assert page.to_text(lang) and page.to_html(lang)
