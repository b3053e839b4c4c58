"""Reading: every frame of a file, the newest of a camera, and what is no video at all."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest

from gobhir.projects.cctv import source
from gobhir.projects.cctv.clock import SetClock, SystemClock
from gobhir.projects.cctv.newest import Newest
from gobhir.projects.cctv.source import Counts, FileSource, LiveSource, open_source
from tests.projects.cctv.staged import SHAPE, box_at, film, picture


def moving(n: int = 20):
    return (picture([box_at(0.1 + 0.7 * k / n, 0.8)]) for k in range(n))


def test_a_file_gives_every_frame_with_its_time(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", moving())
    frames = list(FileSource(str(path), SetClock(wall=1000)).frames())
    assert len(frames) == 20
    assert [f.seconds for f in frames] == pytest.approx(np.arange(20) / 10)
    assert frames[5].wall == pytest.approx(1000.5)
    assert frames[0].rgb.shape == SHAPE
    assert np.abs(frames[0].rgb.astype(int) - picture([box_at(0.1, 0.8)])).mean() < 5


def test_variable_frame_rates_keep_their_times(tmp_path: Path) -> None:
    times = [0, 0.1, 0.15, 0.9, 1.0, 3.0]
    path = film(tmp_path / "v.mp4", moving(6), times)
    assert [f.seconds for f in FileSource(str(path)).frames()] == pytest.approx(times, abs=0.002)


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "sound", "missing"])
def test_what_is_no_video_is_said_so(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.mp4"
    if kind == "text":
        path.write_text("hello" * 100)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut":
        whole = film(tmp_path / "a.mp4", moving()).read_bytes()
        path.write_bytes(whole[: len(whole) // 3])
    elif kind == "sound":
        with av.open(str(path), "w") as file:
            stream = file.add_stream("aac", rate=8000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate = 8000
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    with pytest.raises((OSError, ValueError), match=r"x\.mp4") as caught:
        list(FileSource(str(path)).frames())
    assert caught.value.args[0].key.startswith("film.")


def test_the_newest_wins_and_the_rest_is_counted() -> None:
    newest: Newest[int] = Newest(room=2)
    for k in range(10):
        newest.put(k)
    assert (newest.take(0), newest.take(0), newest.take(0)) == (8, 9, None)
    assert newest.dropped == 8
    newest.close()
    with pytest.raises(EOFError):
        newest.take(0)


def test_a_file_at_its_own_pace_ends_and_drops_for_slow_readers(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", moving(), [k / 40 for k in range(20)])
    reads = open_source(str(path), SystemClock(), pace=True)
    seen = 0
    for frame in reads.frames():
        if frame is not None:
            seen += 1
            time.sleep(0.1)
    assert reads.dropped > 0 and seen + reads.dropped == 20


def test_a_camera_that_breaks_off_is_opened_again() -> None:
    times: list[float] = []

    def camera(address: str, counts: Counts, stopped):
        times.append(time.monotonic())
        counts.opened += 1
        if counts.opened == 2:
            raise OSError("gone")
        for k in range(3):
            yield k / 10, None

    reads = LiveSource("rtsp://user:secret@nowhere/x", open=camera, first=0.1)
    began, troubles = time.monotonic(), set()
    for _ in reads.frames():
        if reads.counts.trouble is not None:
            troubles.add(reads.counts.trouble.key)
            assert "secret" not in str(reads.counts.trouble)
        if len(times) >= 3 or time.monotonic() - began > 8:
            break
    reads.close()
    assert len(times) == 3
    assert times[1] - times[0] > 0.09 and times[2] - times[1] > 0.19  # longer each time
    assert troubles


def test_an_address_that_never_answers_does_not_hold_anything_up(monkeypatch) -> None:
    monkeypatch.setattr(source, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes the call, and says nothing
        port = deaf.getsockname()[1]
        reads = open_source(f"rtsp://127.0.0.1:{port}/x", SystemClock())
        frames = reads.frames()
        assert next(frames) is None  # whoever waits is not held up
        until = time.monotonic() + 8
        while reads.counts.trouble is None and time.monotonic() < until:
            assert next(frames) is None
        reads.close()
    assert reads.counts.trouble.key == "film.late"
    assert threading.active_count() < 50
