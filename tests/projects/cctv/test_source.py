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
from gobhir.projects.cctv.source import Counts, FileSource, LiveSource, hidden, open_source, stamped
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


class Stamp:
    def __init__(self, time, rate=10):
        self.time, self.rate = time, rate


def test_time_stamps_that_are_missing_or_go_back_are_led_on() -> None:
    given = [5.0, 5.1, None, 5.3, 0.0, 0.1, 9e9]
    times = [at for at, _ in stamped(iter([Stamp(t) for t in given]))]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


TURNED = {  # the matrix of an MP4's track header, and how much it turns the picture
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


@pytest.mark.parametrize("degrees", TURNED)
def test_videos_of_a_turned_phone_stand_upright(tmp_path: Path, degrees: int) -> None:
    upright = picture([])
    upright[:60] = (240, 240, 240)  # the sky is bright
    stored = np.ascontiguousarray(np.rot90(upright, degrees // 90))
    path = film(tmp_path / "turned.mp4", [stored] * 3)
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (round(v * 65536).to_bytes(4, "big", signed=True) for v in TURNED[degrees])
    content[start : start + 8] = a + b
    content[start + 12 : start + 20] = c + d
    path.write_bytes(content)
    rgb = next(iter(FileSource(str(path)).frames())).rgb
    assert rgb.shape == upright.shape
    assert rgb[:50].mean() > 200 > 150 > rgb[70:].mean()


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
    with pytest.raises(OSError, match=r"x\.mp4") as caught:
        list(FileSource(str(path)).frames())
    assert caught.value.args[0].key.startswith("cctv.source.")


def test_broken_packets_are_counted_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "b.avi"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("png", rate=10)
        stream.height, stream.width, stream.pix_fmt = 120, 160, "rgb24"
        for rgb in moving(10):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(rgb[:120, :160], format="rgb24")))
    content = bytearray(path.read_bytes())
    starts = [i for i in range(len(content) - 4) if content[i : i + 4] == b"\x89PNG"]
    for start in starts[3:5]:
        content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    reads = FileSource(str(path))
    frames = [f for f in reads.frames() if f]
    assert 7 <= len(frames) <= 8 and reads.counts.broken >= 1
    assert frames[-1].seconds == pytest.approx(0.9)


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
            yield Stamp(k / 10)

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
    monkeypatch.setattr(source, "OPENING", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes the call, and says nothing
        port = deaf.getsockname()[1]
        reads = open_source(f"rtsp://127.0.0.1:{port}/x", SystemClock())
        frames = reads.frames()
        assert next(frames) is None  # whoever waits is not held up
        until = time.monotonic() + 8
        while reads.counts.trouble is None and time.monotonic() < until:
            assert next(frames) is None
        reads.close()
    assert reads.counts.trouble.key == "cctv.source.no_answer"
    assert threading.active_count() < 50


def test_passwords_are_not_shown() -> None:
    assert hidden("rtsp://me:secret@host:554/x") == "rtsp://me:***@host:554/x"
    assert hidden("film.mp4") == "film.mp4"
