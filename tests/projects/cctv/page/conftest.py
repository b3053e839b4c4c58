"""A dashboard with two cameras, events, pictures and a clip, and nothing that runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from gobhir.lang import say
from gobhir.projects.cctv import config
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.live import noted, picture_of
from gobhir.projects.cctv.page import access
from gobhir.projects.cctv.page import app as dashboard
from gobhir.projects.cctv.page.access import Access
from gobhir.projects.cctv.page.app import Dashboard
from gobhir.projects.cctv.ring import jpeg
from gobhir.projects.cctv.store import Store
from tests.projects.cctv.staged import box_at, film, picture

TOML = """\
# what I watch
time_zone = "Asia/Dhaka"

[[camera]]
name = "gate" # the one at the front
source = "rtsp://me:secret@10.0.0.2/yard"

# nobody belongs here at night
[[camera.zone]]
name = "yard"
points = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]] # drawn in June

[[camera.rule]]
kind = "loitering"
zone = "yard"
limit = 45 # seconds

[[camera]]
name = "door"
source = "0"
rule = []
"""
NOON = 1_750_053_600.0
"""2025-06-16 06:00 UTC, noon in Dhaka."""
PASSWORD = "four words are plenty"
HERE = "http://127.0.0.1:8765"


class Running:
    """A Supervisor that only remembers."""

    def __init__(self, system: config.System, once: bool = False) -> None:
        self.system, self.once = system, once
        self.changes: list[config.System] = []

    def change(self, system: config.System) -> None:
        self.changes.append(system)
        self.system = system


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / config.FILE).write_text(TOML, encoding="utf-8")
    clip = film(tmp_path / "clips" / "gate" / "a.mp4", [picture([box_at(0.5, 0.8)])] * 20)
    thumb = clip.with_suffix(".jpg")
    thumb.write_bytes(jpeg(picture([box_at(0.5, 0.8)])))
    store = Store(tmp_path)
    for k in range(5):
        said = say("cctv.found.loitering", person=k, seconds=60 + k, limit=45, place="yard")
        kind = "intrusion" if k == 4 else "loitering"
        event = Event(kind, "yard", k, said, np.zeros(4), 0.9, 0, 2.5, NOON + (k - 2) * 43_200)
        event.clip, event.thumb = "clips/gate/a.mp4", "clips/gate/a.jpg"
        store.add("door" if k == 3 else "gate", event)
        store.update(event, closed=True)
    note = {"people": [{"id": 7, "box": [0.45, 0.5, 0.55, 0.8]}]}
    path = picture_of(tmp_path, "gate")
    path.parent.mkdir()
    path.write_bytes(noted(jpeg(picture([box_at(0.5, 0.8)])), note))
    store.close()
    return tmp_path


@pytest.fixture
def running(folder: Path) -> Iterator[Running]:
    yield Running(config.load(folder))


def client(folder: Path, running: Running, needed: bool = False, **more) -> TestClient:
    access = Access(folder, needed)
    made = Dashboard(folder, running, access, {"127.0.0.1", "localhost"}, **more)
    return TestClient(made.app, base_url=HERE, raise_server_exceptions=False)


def xsrf(asked: TestClient) -> dict[str, str]:
    page = asked.get("/").text
    settings = re.search(r'id="settings">(.*?)</script>', page, re.S)
    assert settings
    return {"x-xsrf": json.loads(settings[1])["xsrf"]}


@pytest.fixture
def asked(folder: Path, running: Running, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """What asks the dashboard, without waiting long for a picture that never comes."""
    monkeypatch.setattr(dashboard, "FRESH", 0.2)
    return client(folder, running)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed for a test's while only."""
    monkeypatch.setattr(access, "COST", (2, 1, 1))
