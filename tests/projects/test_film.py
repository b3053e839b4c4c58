"""Films: frames with their times, upright; and what is no film."""

from __future__ import annotations

import socket
import threading
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import av
import numpy as np
import pytest

from gobhir.lang import LANGUAGES
from gobhir.projects.film import (
    Counts,
    Film,
    decoded,
    frames,
    hidden,
    is_video,
    name_of,
    stamped,
)
from tests.projects.cctv.staged import box_at, film, picture


def shade(k: int) -> np.ndarray:
    return np.full((48, 64, 3), 20 * k, np.uint8)


def test_what_is_written_is_read_again_with_its_times(tmp_path) -> None:
    times = [0, 0.1, 0.15, 0.5, 1.0, 1.04]
    with Film(tmp_path / "a.mp4", 25) as film:
        for k, seconds in enumerate(times):
            film.add(seconds, shade(k))
    found = list(frames(str(tmp_path / "a.mp4")))
    assert [f.number for f in found] == list(range(6))
    assert [f.seconds for f in found] == pytest.approx(times, abs=0.002)
    assert [f.pixels.mean() for f in found] == pytest.approx([20 * k for k in range(6)], abs=4)
    assert found[0].pixels.shape == (48, 64, 3)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_a_browser_can_play_it_also_where_sizes_are_odd(tmp_path) -> None:
    with Film(tmp_path / "a.mp4", 25) as film:
        film.add(5.0, np.zeros((49, 65, 3), np.uint8))
    with av.open(tmp_path / "a.mp4") as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.pix_fmt == "yuv420p"
        assert (stream.width, stream.height) == (64, 48)
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # it starts before it is all there


def test_a_film_that_failed_is_not_left_half_written(tmp_path) -> None:
    with pytest.raises(RuntimeError), Film(tmp_path / "a.mp4", 25) as film:
        film.add(0.0, shade(1))
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


TURNED = {  # the matrix of an MP4's track header (ISO 14496-12, 8.3.2), and how much it turns
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


@pytest.mark.parametrize("degrees", TURNED)
def test_what_a_telephone_filmed_sideways_stands_upright(tmp_path, degrees) -> None:
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
    pixels = next(frames(path)).pixels
    assert pixels.shape == upright.shape
    assert pixels[:50].mean() > 200 > 150 > pixels[70:].mean()


class Stamp:
    def __init__(self, time):
        self.time = time


def test_time_stamps_that_are_missing_or_go_back_are_led_on() -> None:
    given = [5.0, 5.1, None, 5.3, 0.0, 0.1, 9e9]
    times = [at for at, _ in stamped((Stamp(t) for t in given), 10)]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


def test_broken_packets_are_counted_and_passed_over(tmp_path) -> None:
    path = tmp_path / "b.avi"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("png", rate=10)
        stream.height, stream.width, stream.pix_fmt = 120, 160, "rgb24"
        for k in range(10):
            rgb = picture([box_at(0.1 + 0.07 * k, 0.8)])[:120, :160]
            file.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
    content = bytearray(path.read_bytes())
    starts = [i for i in range(len(content) - 4) if content[i : i + 4] == b"\x89PNG"]
    for start in starts[3:5]:
        content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    counts = Counts()
    found = [seconds for seconds, _ in decoded(str(path), counts=counts, threads=False)]
    assert 7 <= len(found) <= 8 and counts.broken >= 1 and counts.opened == 1
    assert found[-1] == pytest.approx(0.9)


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
    with pytest.raises(ConnectionError, match="refused"):
        list(frames("rtsp://127.0.0.1:9/none", timeout=1))
    with socket.create_server(("127.0.0.1", 0)) as listening:  # takes the call, and is silent
        for kind in ("rtsp", "http"):
            with pytest.raises(ConnectionError, match="said nothing for 1 seconds"):
                list(frames(f"{kind}://127.0.0.1:{listening.getsockname()[1]}/x", timeout=1))
    with pytest.raises(FileNotFoundError, match=r"none\.mp4"):
        list(frames("none.mp4"))


@pytest.mark.parametrize(("status", "told"), [(401, "password"), (404, "path")])
def test_what_a_camera_answers_is_said(status, told) -> None:
    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Camera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(ConnectionError, match=told):
            list(frames(f"http://127.0.0.1:{server.server_port}/x", timeout=5))
        server.shutdown()


def test_a_webcam_that_is_not_there_is_said() -> None:
    with pytest.raises(ConnectionError, match=r"no webcam 77\b"):
        list(frames("77"))
    with pytest.raises(ConnectionError, match=r"no webcam 77\b"):
        list(frames("৭৭"))


def test_on_windows_a_webcam_is_opened_by_its_name(monkeypatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    opened: list[object] = []

    def open_(name: str, **options: object) -> None:
        opened.append((name, options["format"]))
        raise av.error.OSError(5, "busy")

    devices = [
        SimpleNamespace(name="@device_cm_mic", media_types=["audio"]),
        SimpleNamespace(name="@device_pnp_cam", media_types=["video"]),
    ]
    monkeypatch.setattr(av, "enumerate_input_devices", lambda kind: devices, raising=False)
    monkeypatch.setattr(av, "open", open_)
    with pytest.raises(ConnectionError, match="another program uses it"):
        list(frames("0"))
    assert opened == [("video=@device_pnp_cam", "dshow")]
    with pytest.raises(ConnectionError, match=r"no webcam 1\b"):
        list(frames("1"))
    monkeypatch.delattr(av, "enumerate_input_devices")
    with pytest.raises(ConnectionError, match="PyAV 18"):
        list(frames("0"))


def test_a_picture_is_no_film(tmp_path) -> None:
    for name in ("a.png", "a.mp4"):
        found = av.VideoFrame.from_ndarray(shade(3), format="rgb24").to_image()
        found.save(tmp_path / name, "png")
        with pytest.raises(ValueError, match="a single picture"):
            list(frames(tmp_path / name))


def test_films_cameras_and_addresses_are_told_from_pictures() -> None:
    assert all(is_video(s) for s in ("0", "a.MP4", "rtsp://x/y", "http://x", "b/c.avi"))
    assert not any(is_video(s) for s in ("a.jpg", "folder", "7.png"))


def test_what_is_wrong_is_said_wholly_in_each_language(tmp_path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no film" * 50)
    for source, kind in (("none.mp4", FileNotFoundError), (str(tmp_path / "a.mp4"), ValueError)):
        with pytest.raises(kind) as caught:
            next(frames(source))
        for lang in LANGUAGES:
            rest = caught.value.args[0].text(lang).replace(source, "")
            assert ("file" in rest or "film" in rest) == (lang == "en")


def test_passwords_are_not_shown() -> None:
    assert hidden("rtsp://me:secret@host:554/x") == "rtsp://me:***@host:554/x"
    assert hidden("film.mp4") == "film.mp4"
    with pytest.raises(ConnectionError) as caught:
        next(frames("rtsp://me:secret@127.0.0.1:9/none", timeout=1))
    assert "me:***@" in str(caught.value) and "secret" not in str(caught.value)
    asked = "http://host/video?user=me&password=se_cret&channel=1"
    assert hidden(asked) == "http://host/video?user=me&password=***&channel=1"
    path = "rtsp://host/user=me_password=secret_channel=1_stream=0.sdp"
    assert hidden("rtsp://me:sec@ret@host/x") == "rtsp://me:***@host/x"
    for source in ("rtsp://me:secret@host", "rtsp://me:sec@ret@host/", asked, path):
        assert "ret" not in name_of(source)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("0", "webcam-0"),
        ("films/my yard.mp4", "my-yard"),
        ("গেট.mp4", "গেট"),
        ("rtsp://me:secret@10.0.0.2/yard.sdp?x=1", "yard"),
        ("rtsp://me:secret@10.0.0.2:554/", "10-0-0-2-554"),
        ("rtsp://", "camera"),
        ("a" * 300 + ".mp4", "a" * 50),
    ],
)
def test_a_source_gives_a_name_that_a_folder_can_have(source, name) -> None:
    assert name_of(source) == name
