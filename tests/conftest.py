"""What all tests share: a learner's folder of their own, and a real browser."""

from __future__ import annotations

import gc
import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Workers beside each other have a core each; threads of NumPy and PyTorch beyond that would spin
# while they wait for one. Both read this when they are first imported, which is after this line.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# On a slow or busy machine a single example may take long; in CI every run draws the same ones.
settings.register_profile("quiet", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("quiet")

# A run that was started in the background ignores Ctrl-C, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

HOMES = itertools.count()
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the network cable is out
]


def pytest_collection_finish() -> None:
    """What is there by now (frameworks, thousands of tests) stays to the end: Python's collector
    need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--taste", type=int, help="run so many cases of each parametrized test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest first: none may begin when the other worker has nothing else left to do. With
    --taste, the first and the last case of each test and some between, evenly."""
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)
    most = config.getoption("--taste")
    if most is None:
        return
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault(item.nodeid.split("[")[0], []).append(item)
    kept: set[pytest.Item] = set()
    for group in cases.values():
        last = len(group) - 1
        kept |= {group[round(last * i / max(most - 1, 1))] for i in range(most)}
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


@pytest.fixture(autouse=True)
def learners_folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """No test reads or writes the notes and the progress of whoever runs it. (The folder is made
    by what writes to it: with `tmp_path` there would be one for each of all tests.)"""
    home = tmp_path_factory.getbasetemp() / f"gobhir-home-{next(HOMES)}"
    monkeypatch.setenv("GOBHIR_HOME", str(home))
    return home


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium, one a module: sync Playwright keeps an event loop running in this
    thread, which asyncio tests of other modules must not find."""
    path = chromium.find()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(chromium.MISSING, pytrace=False)
        pytest.skip(chromium.MISSING)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=BROWSER_ARGUMENTS)
        yield opened
        opened.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    missing = sum(chromium.MISSING in str(report.longrepr) for report in skipped)
    if missing:
        terminalreporter.write_line(f"{missing} browser tests were NOT run. {chromium.MISSING}")
