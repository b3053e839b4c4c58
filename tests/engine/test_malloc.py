"""Freed memory is used again: a step that makes the arrays it made before asks the system for
no new pages."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gobhir.engine.malloc import keep_freed_memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks glibc")
def test_no_new_pages_for_the_same_arrays() -> None:
    import resource

    if not keep_freed_memory():
        pytest.skip("another C library")

    def step() -> None:
        held = [np.ones(300_000) for _ in range(5)]
        del held

    step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        step()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert faults < 5 * 300_000 * 8 // 4096  # fewer than the pages of a single step
