"""Clips: what is in them, that they play in a browser, and what a killed process leaves."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from gobhir.lang import say
from gobhir.projects.cctv.blur import without_faces
from gobhir.projects.cctv.clips import ClipFile, Recorder, recover
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.ring import Ring
from tests.projects.cctv.staged import box_at, picture


def event(began: float) -> Event:
    said = say("cctv.found.intrusion_anywhere", person=1)
    return Event("intrusion", "everywhere", 1, said, np.zeros(4), 1.0, began, began, 1000 + began)


def times_in(path: Path) -> list[float]:
    with av.open(str(path)) as file:
        return [frame.time for frame in file.decode(video=0)]


def test_a_clip_is_what_a_browser_plays(tmp_path: Path) -> None:
    clip = ClipFile(tmp_path / "a" / "clip.mp4", fps=10)
    times = [7.0, 7.1, 7.2, 7.9, 8.0]
    for second in times:
        clip.add(second, picture([box_at(second - 7, 0.8)]))
    assert not clip.path.exists()  # whole, or not there at all
    clip.close()
    assert [p.name for p in clip.path.parent.iterdir()] == ["clip.mp4"]
    assert times_in(clip.path) == pytest.approx(np.array(times) - 7, abs=0.002)
    with av.open(str(clip.path)) as file:
        codec = file.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
    content = clip.path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # it starts before it is all there


def test_what_a_killed_process_leaves_is_finished(tmp_path: Path) -> None:
    clip = ClipFile(tmp_path / "k.mp4", fps=10)
    for k in range(60):
        clip.add(k / 10, picture([box_at(k / 60, 0.8)]))
    part = tmp_path / "k.mp4.part"
    left = part.read_bytes()
    clip.drop()
    assert not part.exists()
    part.write_bytes(left)
    (tmp_path / "cut.mp4.part").write_bytes(left[: len(left) - 100])
    (tmp_path / "nothing.mp4.part").write_bytes(b"")
    assert [p.name for p in recover(tmp_path)] == ["cut.mp4", "k.mp4"]
    assert len(times_in(tmp_path / "k.mp4")) >= 40
    assert len(times_in(tmp_path / "cut.mp4")) >= 20
    assert not list(tmp_path.glob("*.part"))


def recorded(tmp_path: Path, lasting: float, longest: float = 60, seconds: float = 20):
    """A camera of 10 frames a second; an event from second 8 on."""
    ring, recorder = Ring(before=2, fps=10), Recorder(after=3, longest=longest)
    happens, finished = event(8.0), []
    for k in range(round(seconds * 10)):
        second = k / 10
        still = ring.put(second, picture([]), np.zeros((0, 4)))
        if second == 8.0:
            recorder.begin(happens, ring.stills, tmp_path / "e.mp4")
        lasts = [happens] if 8 <= second < 8 + lasting else []
        finished += [(second, e) for e in recorder.step(second, still, lasts)]
    return finished, happens


def test_pre_and_post_roll(tmp_path: Path) -> None:
    finished, happens = recorded(tmp_path, lasting=4)
    assert [e for _, e in finished] == [happens]
    times = times_in(tmp_path / "e.mp4")
    assert len(times) == pytest.approx(10 * (2 + 4 + 3), abs=2)  # each frame once
    assert np.diff(times) == pytest.approx(0.1, abs=0.002)


def test_a_clip_has_an_end_even_where_the_event_has_none(tmp_path: Path) -> None:
    finished, _ = recorded(tmp_path, lasting=99, longest=5)
    assert len(finished) == 1 and times_in(tmp_path / "e.mp4")[-1] == pytest.approx(5, abs=0.2)


def test_two_events_at_once_share_a_clip(tmp_path: Path) -> None:
    recorder = Recorder(after=1)
    one, two = event(0.0), event(0.5)
    ring = Ring(fps=10)
    done = []
    for k in range(40):
        still = ring.put(k / 10, picture([]), np.zeros((0, 4)))
        if k in (0, 5):
            path = recorder.begin(one if k == 0 else two, ring.stills, tmp_path / f"{k}.mp4")
            assert path.name == "0.mp4"
        done += recorder.step(k / 10, still, [])
    assert done == [one, two]


def test_the_ring_never_passes_its_room() -> None:
    rng = np.random.default_rng(0)
    ring = Ring(before=60, fps=10, room=300_000)
    for k in range(100):
        ring.put(k / 10, rng.integers(0, 255, (120, 160, 3), np.uint8), np.zeros((0, 4)))
    assert 200_000 < ring.size <= 300_000
    assert ring.size == sum(len(s.jpeg) for s in ring.stills)
    assert ring.stills[-1].seconds == pytest.approx(9.9)


def test_the_ring_scales_boxes_with_pictures_and_keeps_sides_even() -> None:
    ring = Ring(width=101)
    still = ring.put(0, np.zeros((151, 202, 3), np.uint8), np.array([[20, 30, 60, 90]]))
    assert still.rgb().shape == (76, 100, 3)
    assert still.boxes[0] == pytest.approx([9.9, 15.1, 29.7, 45.3], abs=0.1)


def test_faces_are_blurred_and_nothing_else_is() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    blurred = without_faces(rgb, np.array([[50, 50, 90, 150], [190, -20, 230, 60]]))
    head = np.s_[50:75, 52:88]
    assert np.abs(np.diff(blurred[head].astype(int), axis=0)).mean() < 10
    assert np.abs(np.diff(rgb[head].astype(int), axis=0)).mean() > 60
    assert (blurred[85:] == rgb[85:]).all() and (blurred[:, :45] == rgb[:, :45]).all()


def blurred_share(tmp_path: Path, blur: bool) -> float:
    """How striped the head in a clip is. It is found only from 0.5 s on, the clip begins at 0."""
    striped = np.zeros((96, 128, 3), np.uint8)
    striped[::4] = striped[1::4] = 255
    recorder, ring = Recorder(after=1, blur=blur), Ring(fps=10)
    box = np.array([[40, 20, 72, 90]], np.float32)
    for k in range(12):
        seen = k >= 5
        still = ring.put(k / 10, striped, box if seen else box[:0], (1,) if seen else ())
        if k == 6:
            recorder.begin(event(0.6), ring.stills, tmp_path / f"{blur}.mp4")
        recorder.step(k / 10, still, [])
    recorder.close()
    with av.open(str(tmp_path / f"{blur}.mp4")) as file:
        heads = [f.to_ndarray(format="gray")[24:36, 44:68] for f in file.decode(video=0)]
    return float(np.mean([np.abs(np.diff(h.astype(int), axis=0)).mean() for h in heads]))


def test_clips_are_blurred_also_before_somebody_was_found(tmp_path: Path) -> None:
    assert blurred_share(tmp_path, True) < 0.25 * blurred_share(tmp_path, False)


def test_a_full_disk_leaves_no_half_clip(tmp_path: Path, monkeypatch) -> None:
    recorder, ring = Recorder(), Ring()
    ring.put(0, picture([]), np.zeros((0, 4)))
    recorder.begin(event(0.0), ring.stills, tmp_path / "e.mp4")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ClipFile, "_put", full)
    with pytest.raises(OSError, match="space"):
        recorder.close()
    assert recorder.path is None and not list(tmp_path.iterdir())
