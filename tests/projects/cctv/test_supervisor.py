"""The supervisor: a process each, started again, one system a folder, nothing forgotten."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from gobhir.lang import LANGUAGES, say
from gobhir.projects.cctv.clock import SetClock, utc
from gobhir.projects.cctv.config import (
    Camera,
    Clips,
    Keeping,
    Looking,
    System,
    Telling,
    as_toml,
    parse,
)
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.process import Health, Order, Told
from gobhir.projects.cctv.retention import Retention
from gobhir.projects.cctv.rules import RULES
from gobhir.projects.cctv.store import Store
from gobhir.projects.cctv.supervisor import SILENCE, Supervisor, start_process
from gobhir.projects.cctv.webhook import Webhook, post
from gobhir.projects.cctv.zones import Zone
from gobhir.projects.lock import Lock


class Actor:
    """A camera's process as the supervisor sees it: says what stands in the script, then ends."""

    def __init__(self, script):
        self.script, self.killed, self.exitcode = list(script), False, None
        self.sent: list = []

    def poll(self) -> bool:
        return bool(self.script) and self.script[0] is not None

    def recv(self):
        return self.script.pop(0)

    def is_alive(self) -> bool:
        if self.script and self.script[0] is None:  # silent for ever
            return not self.killed
        if not self.script:
            self.exitcode = -9
        return bool(self.script) and not self.killed

    def send(self, word):
        self.sent.append(word)
        self.script = []

    def kill(self):
        self.killed = True

    def join(self, seconds): ...
    def close(self): ...


def supervised(tmp_path: Path, scripts: dict[str, list], clock: SetClock):
    started: list[tuple[str, float]] = []
    heard: list[tuple[str, str]] = []

    def start(order):
        started.append((order.camera, clock.run))
        actor = Actor(scripts[order.camera].pop(0))
        return actor, actor

    cameras = tuple(Camera(name, "0", rules=()) for name in scripts)
    made = Supervisor(
        tmp_path,
        System(cameras=cameras),
        clock=clock,
        start=start,
        told=lambda camera, sentence: heard.append((camera, sentence.key)),
    )
    return made, started, heard


def test_a_dead_camera_is_started_again_later_each_time_and_others_go_on(tmp_path: Path) -> None:
    clock = SetClock()
    beat = Told("beat", Health(fps=5.0))
    scripts = {
        "a": [[beat], [beat], [beat], [Told("done")]],
        "b": [[beat] * 5 + [Told("done")]],
    }
    made, started, heard = supervised(tmp_path, scripts, clock)
    made.run()
    times = [at for name, at in started if name == "a"]
    assert np.diff(times) == pytest.approx([1, 2, 4], abs=0.3)
    assert [name for name, _ in started].count("b") == 1
    assert heard == [("a", "cctv.supervisor.died")] * 3
    assert Store(tmp_path).cameras()["b"]["fps"] == 5.0


def test_a_silent_camera_is_ended_and_started_again(tmp_path: Path) -> None:
    clock = SetClock()
    made, started, heard = supervised(tmp_path, {"a": [[None], [Told("done")]]}, clock)
    made.run()
    assert heard == [("a", "cctv.supervisor.silent")]
    assert started[1][1] == pytest.approx(SILENCE + 1, abs=0.5)


def test_a_camera_that_can_never_work_is_said_and_left(tmp_path: Path) -> None:
    failed = Told("failed", sentence=say("film.missing", source="x.mp4"))
    event = Told("event", sentence=say("cctv.found.intrusion_anywhere", person=1))
    scripts = {"a": [[failed]], "b": [[event, Told("done")]]}
    made, started, heard = supervised(tmp_path, scripts, SetClock())
    made.run()
    assert heard == [("a", "film.missing"), ("b", "cctv.found.intrusion_anywhere")]
    assert len(started) == 2 and made.workers[0].failure is not None
    kept = Store(tmp_path).cameras()["a"]["trouble"]
    assert kept == {"key": "film.missing", "values": {"source": "x.mp4"}}


def test_a_changed_camera_finishes_and_starts_anew_and_others_go_on(tmp_path: Path) -> None:
    clock = SetClock()
    scripts = {"a": [[None], [Told("done")]], "b": [[None]]}
    made, started, heard = supervised(tmp_path, scripts, clock)
    new = Camera("a", "0", zones=(Zone("z", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))),), rules=())
    actors: dict[str, Actor] = {}
    start = made.start

    def kept(order):
        orders.append(order)
        actors[order.camera], pipe = start(order)
        return actors[order.camera], pipe

    orders: list = []
    made.start = kept
    sleep = clock.sleep

    def later(seconds: float) -> None:
        sleep(seconds)
        if clock.run == pytest.approx(5.0, abs=0.05):
            first.append(actors["a"])
            made.change(replace(made.system, cameras=(new, made.system.cameras[1])))
        if clock.run > 10:
            made.stop()

    first: list[Actor] = []
    clock.sleep = later
    made.run()
    assert first[0].sent == ["stop"] and not first[0].killed  # it could finish what it wrote
    assert [name for name, _ in started] == ["a", "b", "a"]
    assert [len(parse(o.text).cameras[0].zones) for o in orders] == [0, 0, 1]
    assert not heard and made.system.cameras[0] == new and made.workers[0].over


def test_with_a_page_it_stays_when_all_films_are_over(tmp_path: Path) -> None:
    clock = SetClock()
    made, started, _ = supervised(tmp_path, {"a": [[Told("done")], [Told("done")]]}, clock)
    made.stay = True
    sleep = clock.sleep

    def later(seconds: float) -> None:
        sleep(seconds)
        if clock.run == pytest.approx(20.0, abs=0.05):
            made.change(replace(made.system, clips=Clips(blur=False)))  # shown once more
        if clock.run > 30:
            made.stop()

    clock.sleep = later
    made.run()
    assert [round(at) for _, at in started] == [0, 20]


def test_cameras_come_and_go_and_only_what_changed_starts_anew(tmp_path: Path) -> None:
    clock = SetClock()
    scripts = {"a": [[None]], "b": [[None], [None]], "c": [[None], [None]], "d": [[None]]}
    made, started, heard = supervised(tmp_path, scripts, clock)
    a, b, c, d = made.system.cameras
    systems = {
        2.0: System(cameras=(a, b, c)),
        4.0: System(cameras=(a, b, c), time_zone="UTC", keep=Keeping(days=1), webhook=Telling("x")),
        6.0: System(cameras=(a, replace(b, quiet=9.0))),
        8.0: System(cameras=(a, replace(b, quiet=9.0), c)),  # c again
    }
    made.change(System(cameras=(a, b, c, d)))
    sleep = clock.sleep

    def later(seconds: float) -> None:
        before = clock.run
        sleep(seconds)
        for at, system in systems.items():
            if before < at <= clock.run:
                made.change(system)
        if clock.run > 10:
            names.extend(w.camera.name for w in made.workers)
            made.stop()

    names: list[str] = []
    clock.sleep = later
    made.run()
    assert [(name, round(at)) for name, at in started] == [
        ("a", 0), ("b", 0), ("c", 0), ("d", 0), ("b", 6), ("c", 8),
    ]  # fmt: skip
    assert names == ["a", "b", "c"] and not heard


def test_who_is_told_and_what_is_kept_is_taken_up_while_it_runs(tmp_path: Path) -> None:
    clock, store = SetClock(), Store(tmp_path)
    kept(store, [clock.now() - 3 * 86400, clock.now() - 10], 1)
    webhook = Webhook(store, Telling("http://old/"), "", clock, post=lambda *_: posted.append(_))
    retention = Retention(store, Keeping(), clock)
    posted: list = []
    made = Supervisor(tmp_path, System(), clock=clock)
    made.change(System(time_zone="UTC", keep=Keeping(days=1), webhook=Telling("http://new/")))
    made._adopt(webhook, retention)
    assert webhook.step() == 1 and posted[0][0] == "http://new/"
    retention.tidy()
    assert len(store.events()) == 1


def test_a_second_system_on_the_folder_is_refused(tmp_path: Path) -> None:
    made, started, _ = supervised(tmp_path, {"a": []}, SetClock())
    with Lock(tmp_path, "cctv.lock", "cctv.held"), pytest.raises(ValueError, match=str(tmp_path)):
        made.run()
    assert not started


def test_real_processes(tmp_path: Path, red_detector: Path, visit: Path) -> None:
    """Two cameras, one of them no video: the other one's event is kept, with its clip."""
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    rules = (RULES["intrusion"](),)
    cameras = Camera("good", str(visit), 1.0, rules=rules), Camera("bad", str(bad), rules=rules)
    own = System(detector=Looking(model=str(red_detector), person="0", tile=0), cameras=cameras)
    heard = []
    made = Supervisor(tmp_path / "s", own, pace=False, told=lambda c, s: heard.append((c, s.key)))
    made.run()
    assert sorted(heard) == [
        ("bad", "film.unreadable"),
        ("good", "cctv.found.intrusion_anywhere"),
    ]
    store = Store(tmp_path / "s")
    (row,) = store.events()
    assert row.ended and (tmp_path / "s" / row.clip).stat().st_size > 1000
    health = store.cameras()["good"]
    assert health["frames"] == 80 and health["dropped"] == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to single processes")
def test_a_process_that_begins_does_not_fall_over_ctrl_c(
    tmp_path: Path, red_detector: Path
) -> None:
    looking = Looking(model=str(red_detector), person="0", tile=0)
    own = System(detector=looking, cameras=(Camera("a", str(tmp_path / "none.mp4")),))
    process, pipe = start_process(Order(str(tmp_path), "a", as_toml(own), pace=False))
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(process.pid, number)
    assert pipe.recv().sentence.key == "film.missing"
    process.join(30)
    assert process.exitcode == 0


@pytest.mark.slow
def test_a_real_process_takes_up_what_was_changed(
    tmp_path: Path, red_detector: Path, visit: Path
) -> None:
    """A film is watched with a rule, then once more with a zone where nobody comes: its events of
    before stay, and no new one is added."""
    rules = (RULES["intrusion"](),)
    camera = Camera("good", str(visit), 1.0, rules=rules)
    looking = Looking(model=str(red_detector), person="0", tile=0)
    made = Supervisor(tmp_path, System(detector=looking, cameras=(camera,)), pace=False, stay=True)
    running = threading.Thread(target=made.run)
    running.start()
    try:
        until(lambda: made.workers[0].over)
        zone = Zone("sky", ((0.0, 0.0), (1.0, 0.0), (1.0, 0.1)))
        new = replace(camera, zones=(zone,), rules=(RULES["intrusion"](zone="sky"),))
        made.change(replace(made.system, cameras=(new,)))
        until(lambda: made.workers[0].camera.zones and not made.workers[0].renew)
        until(lambda: made.workers[0].over)
    finally:
        made.stop()
        running.join(30)
    (row,) = Store(tmp_path).events()
    assert row.ended and row.clip and made.workers[0].deaths == 0


def until(done) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


# -- what is kept ----------------------------------------------------------------------------------


def kept(store: Store, walls: list[float], size: int = 1000) -> None:
    for k, at in enumerate(walls):
        said = say("cctv.found.intrusion_anywhere", person=k)
        event = Event("intrusion", "everywhere", k, said, np.zeros(4), 1.0, 0.0, 0.0, at)
        event.clip = f"clips/gate/{k}.mp4"
        path = store.folder / event.clip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        store.add("gate", event)


def clips_of(store: Store) -> list[str]:
    return sorted(p.stem for p in (store.folder / "clips").rglob("*.mp4"))


def plenty(folder: Path) -> float:
    return 1e12


def test_days(tmp_path: Path) -> None:
    clock = SetClock()
    store = Store(tmp_path, clock)
    kept(store, [clock.wall - days * 86400 for days in (20, 15, 13, 1)])
    Retention(store, Keeping(days=14), clock, plenty).tidy()
    assert clips_of(store) == ["2", "3"] and len(store.events()) == 2


def test_room_takes_the_oldest_clips_and_leaves_their_events(tmp_path: Path) -> None:
    clock = SetClock()
    store = Store(tmp_path, clock)
    kept(store, [clock.wall - 1000 + k for k in range(5)], size=400_000)
    Retention(store, Keeping(gigabytes=0.001), clock, plenty).tidy()
    assert clips_of(store) == ["3", "4"]
    assert [bool(r.clip) for r in store.events(oldest_first=True)] == [False] * 3 + [True] * 2


def test_a_disk_that_fills_gives_up_the_oldest(tmp_path: Path) -> None:
    clock = SetClock()
    store = Store(tmp_path, clock)
    kept(store, [clock.wall] * 4, size=1_000_000)
    Retention(store, Keeping(free=1.0), clock, lambda folder: 0.9985e9).tidy()
    assert clips_of(store) == ["2", "3"]


def test_a_clock_that_leaps_deletes_nothing(tmp_path: Path) -> None:
    clock = SetClock()
    store = Store(tmp_path, clock)
    kept(store, [clock.wall])
    retention = Retention(store, Keeping(days=14), clock, plenty)
    clock.jump(365 * 86400)
    retention.tidy()
    assert clips_of(store) == ["0"]
    clock.jump(-2 * 365 * 86400)  # and back, too far
    retention.tidy()
    assert clips_of(store) == ["0"]


# -- who is told -----------------------------------------------------------------------------------


class Taken(BaseHTTPRequestHandler):
    answers: list[int] = []
    bodies: list[dict] = []

    def do_POST(self) -> None:
        code = Taken.answers.pop(0) if Taken.answers else 200
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if code == 200:
            Taken.bodies.append(json.loads(content))
        self.send_response(code)
        self.end_headers()

    def log_message(self, *_) -> None: ...


@pytest.fixture
def address():
    Taken.answers, Taken.bodies = [], []
    server = HTTPServer(("127.0.0.1", 0), Taken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/x"
    server.shutdown()
    server.server_close()


def test_every_event_is_told_once_whatever_the_other_side_answers(tmp_path: Path, address) -> None:
    clock = SetClock()
    store = Store(tmp_path, clock)
    kept(store, [clock.wall, clock.wall + 1])
    hook = Webhook(store, Telling(url=address), "Asia/Dhaka", clock)
    Taken.answers = [500, 503, 200, 200]
    for _ in range(10):
        hook.step()
        clock.sleep(1.0)
    assert [b["id"] for b in Taken.bodies] == [1, 2]
    told = Taken.bodies[0]
    assert set(told["sentence"]) == set(LANGUAGES)
    assert told["began"] == utc(SetClock().wall) and told["began_local"].endswith("+06")


def test_what_it_never_takes_does_not_hold_up_the_rest(tmp_path: Path, address) -> None:
    clock = SetClock()
    store = Store(tmp_path, clock)
    kept(store, [clock.wall] * 2)
    Taken.answers = [400]
    assert Webhook(store, Telling(url=address), clock=clock).step() == 1
    assert [b["id"] for b in Taken.bodies] == [2]


def test_it_waits_longer_each_time_and_gives_up(tmp_path: Path) -> None:
    clock = SetClock()
    store = Store(tmp_path, clock)
    kept(store, [clock.wall])
    attempts: list[float] = []

    def deaf(url, content, timeout):
        attempts.append(clock.run)
        raise OSError("nobody there")

    hook = Webhook(store, Telling(url="http://x", tries=4), clock=clock, post=deaf)
    for _ in range(200):
        hook.step()
        clock.sleep(0.5)
    assert np.diff(attempts) == pytest.approx([2, 4, 8])


def test_nobody_there_is_an_os_error() -> None:
    with pytest.raises(OSError):
        post("http://127.0.0.1:9/", b"{}", 0.5)
