"""Cameras with Bangla names, from the file to the page: addresses, folders, events."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from gobhir.lang import say
from gobhir.projects.cctv import config
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.live import noted, picture_of
from gobhir.projects.cctv.ring import jpeg
from gobhir.projects.cctv.store import Store
from tests.projects.cctv.page.conftest import NOON, Running, client, xsrf
from tests.projects.cctv.staged import box_at, picture


@pytest.mark.parametrize("name", ["গেট-১", "রান্নাঘর", "র\u200d্যাক", "বো\u09afর্ড"])
def test_a_bangla_name_works_from_the_file_to_the_page(name: str, tmp_path: Path) -> None:
    written = unicodedata.normalize("NFD", name)  # as some keyboards, and macOS, write it
    (tmp_path / config.FILE).write_text(
        f'# আমার ক্যামেরা\n[[camera]]\nname = "{written}" # সামনে\nsource = "0"\n', encoding="utf-8"
    )
    running = Running(config.load(tmp_path))
    own = unicodedata.normalize("NFC", name)
    assert [camera.name for camera in running.system.cameras] == [own]
    still = jpeg(picture([box_at(0.5, 0.8)]))
    store, thumb = Store(tmp_path), Path("clips", own, "a.jpg")
    (tmp_path / thumb).parent.mkdir(parents=True)
    (tmp_path / thumb).write_bytes(still)
    said = say("cctv.found.intrusion", person=1, place="উঠান")
    event = Event("intrusion", "উঠান", 1, said, np.zeros(4), 0.9, 0, 2.5, NOON)
    event.thumb = thumb.as_posix()
    store.add(own, event)
    store.beat(own, "0", {"trouble": None, "frames": 1})
    picture_of(tmp_path, own).parent.mkdir()
    picture_of(tmp_path, own).write_bytes(noted(still, {"people": []}))
    asked = client(tmp_path, running)
    (health,) = asked.get("/api/cameras").json()["cameras"]
    assert (health["name"], health["state"]) == (own, "watching")
    for spelled in (own, written):
        address = quote(spelled)
        assert asked.get(f"/camera/{address}").status_code == 200
        assert asked.get(f"/api/cameras/{address}/picture").status_code == 200
        events = asked.get("/api/events", params={"camera": spelled}).json()["events"]
        assert [event["camera"] for event in events] == [own]
    assert asked.get(f"/api/events/{events[0]['id']}/thumb").content == still
    now = asked.get(f"/api/cameras/{quote(own)}").json()
    zone = {"name": "উঠান", "points": [[0, 0], [1, 0], [1, 1]]}
    asking = {k: now[k] for k in ("version", "lines", "rules")} | {"zones": [zone]}
    done = asked.put(f"/api/cameras/{quote(own)}", json=asking, headers=xsrf(asked))
    assert done.status_code == 200, done.text
    assert config.load(tmp_path).cameras[0].zones[0].name == "উঠান"
    text = (tmp_path / config.FILE).read_text(encoding="utf-8")
    assert "# আমার ক্যামেরা" in text and "# সামনে" in text
