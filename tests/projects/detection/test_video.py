"""Films: frames with their times, upright; and what is no film."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from gobhir.projects.detection.video import Film, Frame, frames, is_video


def shade(k: int) -> np.ndarray:
    return np.full((48, 64, 3), 20 * k, np.uint8)


def test_what_is_written_is_read_again_with_its_times(tmp_path) -> None:
    times = [0, 0.1, 0.15, 0.5, 1.0, 1.04]
    with Film(tmp_path / "a.mp4", 25) as film:
        for k, seconds in enumerate(times):
            film.add(Frame(k, seconds, shade(k)))
    found = list(frames(str(tmp_path / "a.mp4")))
    assert [f.number for f in found] == list(range(6))
    assert [f.seconds for f in found] == pytest.approx(times, abs=0.002)
    assert [f.pixels.mean() for f in found] == pytest.approx([20 * k for k in range(6)], abs=4)
    assert found[0].pixels.shape == (48, 64, 3)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_a_browser_can_play_it_also_where_sizes_are_odd(tmp_path) -> None:
    with Film(tmp_path / "a.mp4", 25) as film:
        film.add(Frame(0, 0.0, np.zeros((49, 65, 3), np.uint8)))
    with av.open(tmp_path / "a.mp4") as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.pix_fmt == "yuv420p"
        assert (stream.width, stream.height) == (64, 48)


def test_a_film_that_failed_is_not_left_half_written(tmp_path) -> None:
    with pytest.raises(RuntimeError), Film(tmp_path / "a.mp4", 25) as film:
        film.add(Frame(0, 0.0, shade(1)))
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def film_of(path, count: int, codec: str = "libx264") -> None:
    with av.open(path, "w") as out:
        stream = out.add_stream(codec, 10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        picture = np.random.default_rng(0).integers(0, 40, (48, 64, 3)).astype(np.uint8)
        picture[:24, :32] = 250
        for k in range(count):
            picture = np.roll(picture, 0 if count < 10 else 7, 1)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def test_what_a_telephone_filmed_sideways_stands_upright(tmp_path) -> None:
    film_of(tmp_path / "a.mp4", 3)
    data = (tmp_path / "a.mp4").read_bytes()
    # The track's matrix, for no turn and for a quarter to the right (ISO 14496-12, 8.3.2).
    one, none = (1 << 16).to_bytes(4, "big"), bytes(4)
    last = (1 << 30).to_bytes(4, "big")
    straight = one + none * 3 + one + none * 3 + last
    minus = (-(1 << 16) % (1 << 32)).to_bytes(4, "big")
    turned = none + one + none + minus + none * 4 + last
    head = data.index(b"tkhd")
    at = data.index(straight, head)
    (tmp_path / "b.mp4").write_bytes(data[:at] + turned + data[at + 36 :])
    (first, *_) = frames(str(tmp_path / "b.mp4"))
    assert first.pixels.shape == (64, 48, 3)
    # What was above on the left is above on the right after a quarter turn to the right.
    assert first.pixels[:30, 26:].mean() > 200 > 50 > first.pixels[:30, :22].mean()


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "cannot be read as a film"), (b"no film" * 50, "cannot be read")]
)
def test_what_is_no_film_is_said(tmp_path, content, told) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(ValueError, match=told):
        list(frames(str(tmp_path / "a.mp4")))


def test_sound_alone_is_no_film(tmp_path) -> None:
    with av.open(tmp_path / "a.mp4", "w") as out:
        stream = out.add_stream("aac", 8000)
        silence = np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with pytest.raises(ValueError, match="no moving pictures"):
        list(frames(str(tmp_path / "a.mp4")))


def test_a_film_that_was_cut_off_gives_what_it_has(tmp_path) -> None:
    film_of(tmp_path / "a.avi", 60, "mpeg4")
    data = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "b.avi").write_bytes(data[: len(data) * 6 // 10])
    assert 0 < len(list(frames(str(tmp_path / "b.avi")))) < 60


def test_an_address_that_does_not_answer_is_given_up() -> None:
    with pytest.raises(ConnectionError, match="does not answer"):
        list(frames("rtsp://127.0.0.1:9/none", timeout=1))
    with pytest.raises(FileNotFoundError, match=r"none\.mp4"):
        list(frames("none.mp4"))


def test_films_cameras_and_addresses_are_told_from_pictures() -> None:
    assert all(is_video(s) for s in ("0", "a.MP4", "rtsp://x/y", "http://x", "b/c.avi"))
    assert not any(is_video(s) for s in ("a.jpg", "folder", "7.png"))
