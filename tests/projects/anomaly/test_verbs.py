"""Train, evaluate, run, and cctv's rule, on a yard that is drawn here."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gobhir.projects import Project
from gobhir.projects.anomaly.footage import clips, sampled
from gobhir.projects.anomaly.scorer import Stream, open_camera
from gobhir.projects.cctv.rules.scored import OPENERS
from gobhir.projects.film import Frame
from gobhir.projects.film import frames as read
from gobhir.projects.results import Results
from tests.projects.anomaly.drawn import film, yard


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A published folder with a labelled test, and what was trained on it."""
    folder = tmp_path_factory.mktemp("yard")
    for kind, count, seed, across in (
        ("training", 900, 0, range(0)),
        ("testing", 160, 1, range(80, 120)),
    ):
        frames, labels = yard(count, seed, across)
        if kind == "training":
            film(folder / "training" / "videos" / "01_001.avi", frames)
            continue
        for name in ("01_0001", "01_0002"):
            place = folder / "testing" / "frames" / name
            place.mkdir(parents=True)
            for k, pixels in enumerate(frames):
                Image.fromarray(pixels).save(place / f"{k:03}.jpg", quality=95)
            masks = folder / "testing" / "test_frame_mask"
            masks.mkdir(exist_ok=True)
            np.save(masks / f"{name}.npy", labels)
    project, out = Project("anomaly"), tmp_path_factory.mktemp("out")
    small = {"width": 64, "height": 48, "side": 16, "code": 6, "rate": 10.0, "fps": 10.0}
    small |= {"smooth": 0.5, "pause": 0.3, "epochs": 4, "lr": 0.003, "alarms": 30.0}
    project.train(project.settings(data=str(folder), **small), out)
    return project, out


def test_what_was_trained_is_measured(trained) -> None:
    project, out = trained
    found = project.evaluate(out)
    again = Results.load(out)
    assert [m.numbers for m in again.models] == [m.numbers for m in found.models]
    own, motion = found.models[0].numbers, found.baselines[0].numbers
    assert found.main == "auc" and own["auc"].value > 0.9 >= motion["auc"].value - 0.1
    alarms = own["false_alarms"]
    count = alarms.value * alarms.n / 10 / 3600
    assert alarms.method == "poisson" and alarms.low <= alarms.value <= alarms.high
    assert alarms.n == 224 and count == pytest.approx(round(count))
    assert alarms.low <= 30 <= alarms.high  # what was wished for is not contradicted
    assert found.pictures and len(found.tables) == 2
    for file in ("results.bn.html", "results.en.html", "card.bn.md", "card.en.md"):
        assert (out / file).stat().st_size > 500
    assert "guilty" in (out / "card.en.md").read_text()


def test_it_says_when_something_unusual_happens(trained, tmp_path, capsys) -> None:
    project, out = trained
    frames, _ = yard(200, 5, range(100, 140))
    source = film(tmp_path / "today.mp4", frames)
    table = project.run([source], out, to=str(tmp_path / "found"), alarms=2.0)
    assert len(table) == 1
    start, end = table.loc[0, ["start", "end"]]
    assert 9.9 <= start < 11 and 13 < end < 15 and table.loc[0, "value"] > 0.8
    kept = pd.read_csv(tmp_path / "found" / "scores.csv")
    assert len(kept) == 199 and kept.seconds.is_monotonic_increasing
    (picture,) = (tmp_path / "found").glob("today-*.png")
    pixels = np.asarray(Image.open(picture)).astype(int)
    red = (pixels[..., 0] - pixels[..., 1]).reshape(3, 16, 4, 16).mean((1, 3))
    assert red.max() > 30 and red.argmax() % 4 >= 2  # the side on which it crossed
    said = capsys.readouterr().out
    assert "unusual" in said and str(tmp_path / "found") in said
    few = project.run([source], out, frames=50)
    assert len(few) == 0


def test_the_rule_of_the_camera_system_opens_it_and_no_torch_is_needed(trained, tmp_path) -> None:
    _, out = trained
    scorer = OPENERS["unusual"](str(out / "model.onnx"))
    source = film(tmp_path / "today.mp4", yard(200, 5, range(100, 140))[0])
    frames = np.stack([frame.pixels for frame in read(source)])
    said = np.array([scorer(frames[k : k + 6]) for k in range(0, 138, 6)])
    usual, unusual = said[:16], said[18:22]  # a single look may err: it is for a few alarms an hour
    assert said.min() >= 0 and said.max() <= 1
    assert np.median(usual) < 0.8 <= unusual.min()
    with pytest.raises(ValueError, match="64 x 48"):
        scorer(np.zeros((6, 40, 200, 3), np.uint8))
    code = (
        "import sys; from gobhir.projects.cctv.rules.scored import OPENERS;"
        f"OPENERS['unusual']({str(out / 'model.onnx')!r}); print('torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_frame_by_frame_is_the_same_as_all_at_once(trained) -> None:
    _, out = trained
    camera = open_camera(out / "model.onnx")
    frames, _ = yard(40, 7)
    stream = Stream(camera)
    one_by_one = [found[0] for f in frames if (found := stream.add(f)) is not None]
    raw = camera.scores(np.stack([camera.see(f) for f in frames]))
    expected = [raw[max(0, k - camera.watch.window + 1) : k + 1].mean() for k in range(len(raw))]
    np.testing.assert_allclose(one_by_one, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("fps", "rate", "expected"),
    [(10, 5, 2.0), (25, 5, 5.0), (30, 7.5, 4.0), (24, 5, 4.8), (4, 5, 1.0)],
)
def test_frames_are_looked_at_by_an_even_beat(fps, rate, expected) -> None:
    film = (Frame(k, k / fps, np.zeros((1, 1, 3), np.uint8)) for k in range(40 * fps))
    wanted = [f.number for f, looked in sampled(film, rate) if looked]
    assert np.mean(np.diff(wanted)) == pytest.approx(expected, rel=0.02)
    assert np.ptp(np.diff(wanted)) <= 1


def test_what_cannot_be_done_says_why(small, tmp_path) -> None:
    project = Project("anomaly")
    frames, _ = yard(40)
    source = film(tmp_path / "short.mp4", frames)
    (tmp_path / "empty").mkdir()
    for wishes, said in (
        ({"data": "nowhere"}, "nowhere"),
        ({"data": str(tmp_path / "empty")}, "neither pictures nor films"),
        ({"data": source, "width": 70}, "--width 70"),
        ({"data": source, "side": 18}, "multiple of 4"),
        ({"data": source, "only": "02"}, "short"),
        ({"data": source, "rate": 0.1}, "--rate"),
        ({"data": source, "pause": 60.0}, "--pause"),
        ({"data": source, "share": 0.9, "minutes": 0.04}, 'for the part "check"'),
    ):
        with pytest.raises(ValueError, match=said):
            project.train(project.settings(**{**small, "epochs": 1, **wishes}), tmp_path / "out")
    assert not (tmp_path / "out").exists(), "all of it was said before anything was learned"
    with pytest.raises(FileNotFoundError, match="train"):
        project.run(["x.mp4"], tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"model\.onnx"):
        open_camera(tmp_path / "model.onnx")
    assert [c.name for c in clips(str(tmp_path))] == ["short"]


def test_a_cameras_password_is_in_no_name() -> None:
    (clip,) = clips("rtsp://me:secret@10.0.0.2/yard?password=secret")
    assert clip.name == "yard"
    assert clips("0")[0].name == "webcam-0" and clips("a/b.mp4")[0].name == "b"
