"""Sentences within sentences: kept, sent, and still read in every language."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from gobhir.lang import LANGUAGES, say
from gobhir.projects.cctv import config
from gobhir.projects.cctv.clock import SetClock
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.page import told
from gobhir.projects.cctv.process import Told
from gobhir.projects.cctv.sentences import plain
from gobhir.projects.cctv.store import Store
from gobhir.projects.cctv.supervisor import Supervisor
from tests.projects.cctv.test_supervisor import Actor

NESTED = say(
    "cctv.config.key",
    key="camera 'a': source",
    problem=say("cctv.config.key", key=Path("x"), problem=say("cctv.config.no_source")),
)


def test_a_process_is_sent_all_languages() -> None:
    sent = pickle.loads(pickle.dumps(plain(NESTED)))
    assert [sent.text(lang) for lang in LANGUAGES] == [NESTED.text(lang) for lang in LANGUAGES]


def test_an_event_keeps_all_languages(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add("a", Event("intrusion", "", 1, NESTED, np.zeros(4), 1.0, 0.0, 0.0, 1e9))
    (row,) = store.events()
    assert [row.sentence.text(lang) for lang in LANGUAGES] == [NESTED.text(x) for x in LANGUAGES]


def test_a_cameras_trouble_is_shown_in_all_languages(tmp_path: Path) -> None:
    camera, clock = config.Camera("a", "0"), SetClock()
    actor = Actor([Told("failed", sentence=plain(NESTED))])
    Supervisor(
        tmp_path, config.System(cameras=(camera,)), clock=clock, start=lambda _: (actor, actor)
    ).run()
    beat = Store(tmp_path).cameras()["a"]
    for lang in LANGUAGES:
        assert told.health(camera, beat, clock.now(), "", lang)["trouble"] == NESTED.text(lang)
