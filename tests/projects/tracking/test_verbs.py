"""Train, evaluate, run, as the command line does, on a street that is drawn here."""

from __future__ import annotations

import av
import numpy as np
import pytest

from gobhir.projects import Project
from gobhir.projects.detection.boxes import Detections
from gobhir.projects.film import Film, Frame, frames
from gobhir.projects.results import Results
from gobhir.projects.tracking import data
from gobhir.projects.tracking.evaluate import intervals
from gobhir.projects.tracking.files import Rows, mot, read_mot
from gobhir.projects.tracking.metrics import measure
from gobhir.projects.tracking.train import kept
from gobhir.projects.tracking.tune import backwards, worth


@pytest.fixture
def street(tmp_path):
    """A folder as the MOTChallenge has them: four people, some detections missed, some made up."""
    draw = np.random.default_rng(0)
    truth, seen = [], []
    for t in range(120):
        for k in range(4):
            x, y = (3 + k) * t % 400, 40.0 + 30 * k
            truth.append((t, k + 1 + 10 * ((3 + k) * t // 400), x, y, x + 20, y + 60, 1))
            if draw.random() > 0.15:
                a, b = draw.normal(0, 1.5, 2)
                seen.append((t, -1, x + a, y + b, x + a + 20, y + b + 60, draw.uniform(0.3, 1)))
        if draw.random() < 0.3:
            x, y = draw.uniform(0, 300, 2)
            seen.append((t, -1, x, y, x + 20, y + 60, draw.uniform(0.05, 0.5)))
    folder = tmp_path / "street"
    for name, rows in (("gt", truth), ("det", seen)):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.txt").write_text(mot(Rows.of(rows)))
    return folder


def test_tuned_measured_and_run(street, tmp_path, capsys) -> None:
    project, folder = Project("tracking"), tmp_path / "out"
    project.train(project.settings(data=str(street), trials=6), folder)
    assert len((folder / "trials.csv").read_text().splitlines()) == 13
    found = project.evaluate(folder)
    again = Results.load(folder)
    assert [m.numbers for m in again.models] == [m.numbers for m in found.models]
    tuned, joined = found.models[0].numbers, found.baselines[1].numbers
    assert tuned["mota"].value > 0.8 and tuned["idf1"].value > joined["idf1"].value
    assert tuned["mota"].low is None and tuned["mota"].n == 60  # too short to draw pieces of it
    for file in ("results.bn.html", "results.en.html", "card.bn.md", "card.en.md"):
        assert (folder / file).stat().st_size > 500

    to = tmp_path / "tracks.txt"
    project.run([str(street / "det" / "det.txt")], folder, to=str(to))
    truth = read_mot(street / "gt" / "gt.txt")
    assert measure(truth, read_mot(to)).mota > 0.8
    assert str(to) in capsys.readouterr().out


def test_an_interval_narrows_with_more_of_the_same() -> None:
    draw = np.random.default_rng(0)
    truth = [(t, k, 9 * k, 0, 9 * k + 9, 20, 1) for t in range(1600) for k in range(3)]
    tracks = [row for row in truth if draw.random() < 0.8]
    found = [
        intervals(Rows.of(truth).between(0, end), Rows.of(tracks).between(0, end), 0.5)["mota"]
        for end in (160, 1600)
    ]
    assert all(one.low < one.value < one.high for one in found)
    assert found[1].low < 0.8 < found[1].high
    few, many = (one.high - one.low for one in found)
    assert many < few / 2
    # Of independent frames the width is known: 1.96 deviations of a binomial on each side.
    assert many == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / 4800), rel=0.3)


def test_tuning_never_ends_below_where_it_began(street, tmp_path) -> None:
    project = Project("tracking")
    settings = project.settings(data=str(street), trials=4, seed=3)
    options = project.train(settings, tmp_path)
    todo = data.task(settings, tmp_path)

    def reached(one) -> float:
        part, truth = todo.part("train"), todo.true("train")
        ways = [(truth, todo.seen), (backwards(truth, part)[1], backwards(todo.seen, part)[1])]
        return worth([measure(a, data.follow(b, part, one)) for a, b in ways])

    assert reached(options) >= reached(None)
    assert kept(tmp_path) == options == project.train(settings, tmp_path)


def test_without_trials_no_annotated_video_is_needed(tmp_path) -> None:
    project = Project("tracking")
    options = project.train(project.settings(trials=0, data="nowhere"), tmp_path)
    assert options == type(options)() == kept(tmp_path)


def test_a_video_with_boxes_in_it(tmp_path, monkeypatch, capsys) -> None:
    """The detector is replaced by one that sees the bright square; all else is as it is."""

    class Bright:
        def __call__(self, frame: np.ndarray) -> Detections:
            y, x = np.nonzero(frame[..., 0] > 128)
            return Detections.of([(x.min(), y.min(), x.max() + 1, y.max() + 1)] if len(x) else [])

    monkeypatch.setattr(
        "gobhir.projects.detection.onnx.open_detector", lambda *a, **wishes: Bright()
    )
    pictures = np.zeros((20, 65, 121, 3), np.uint8)
    for t, picture in enumerate(pictures):
        picture[20:44, 2 * t + 5 : 2 * t + 21] = 255
    video, out, to = tmp_path / "in.mp4", tmp_path / "out.mp4", tmp_path / "tracks.txt"
    with Film(video, 10) as film:
        for t, picture in enumerate(pictures):
            film.add(t * (0.1 if t < 10 else 0.2), picture)
    project = Project("tracking")
    project.train(project.settings(trials=0), tmp_path)
    project.run([str(video)], tmp_path, to=str(to), drawn=str(out))
    assert f"The result is in {out}" in capsys.readouterr().out
    before = video.read_bytes()
    for wrong in ({"drawn": str(video)}, {"to": str(video)}):
        with pytest.raises(ValueError, match="over itself"):
            project.run([str(video)], tmp_path, **{"to": str(to), **wrong})
    assert video.read_bytes() == before
    tracks = read_mot(to)
    assert tracks.ids.tolist() == [1] * 20
    np.testing.assert_allclose(tracks.boxes[10], [25, 20, 41, 44], atol=2)
    marked = list(frames(out))
    assert len(marked) == 20 and marked[0].pixels.shape == (64, 120, 3)
    assert [f.seconds for f in marked] == pytest.approx([f.seconds for f in frames(video)])
    assert marked[10].pixels[20:44, 25:41].std() > 20  # a coloured frame around what was plain
    assert not list(tmp_path.glob("*.part"))
    with av.open(str(out)) as file:
        assert file.streams.video[0].codec_context.name == "h264"


def test_what_cannot_be_followed_says_why(street, tmp_path, monkeypatch) -> None:
    project = Project("tracking")
    with pytest.raises(ValueError, match="nowhere"):
        project.train(project.settings(data="nowhere"), tmp_path)
    with pytest.raises(FileNotFoundError, match="train"):
        project.run(["x.mp4"], tmp_path / "none")
    project.train(project.settings(trials=0), tmp_path)
    with pytest.raises(FileNotFoundError, match=r"x\.mp4"):
        project.run([str(tmp_path / "x.mp4")], tmp_path)
    with pytest.raises(ValueError, match="2"):
        project.run(["a", "b"], tmp_path)
    seen = street / "det" / "det.txt"
    with pytest.raises(ValueError, match="--drawn"):
        project.run([str(seen)], tmp_path, drawn="x.mp4")
    (tmp_path / "no.mp4").write_bytes(b"no video" * 99)
    with pytest.raises(ValueError, match=r"no\.mp4"):
        list(frames(tmp_path / "no.mp4"))
    (tmp_path / "tracker.json").write_text('{"sure": "much"}')
    with pytest.raises(ValueError, match=r"tracker\.json"):
        project.run([str(seen)], tmp_path)
    seen.unlink()
    with pytest.raises(ValueError, match=r"det/det\.txt"):
        project.train(project.settings(data=str(street)), tmp_path)
    (street / "gt" / "gt.txt").write_text("1,1,0,0,5,9,1\n")
    seen.write_text("1,-1,0,0,5,9,1\n9,-1,0,0,5,9,1\n")
    with pytest.raises(ValueError, match="--share"):
        project.train(project.settings(data=str(street)), tmp_path)


def test_detections_are_made_once_and_anew_for_another_wish(tmp_path, monkeypatch) -> None:
    calls = []

    def looked(video, settings):
        calls.append(settings.least)
        yield Frame(0, 0.0, np.zeros((9, 9, 3), np.uint8)), Detections.of([(0, 0, 4, 8)], [0.5])

    monkeypatch.setattr(data, "looked", looked)
    video = tmp_path / "x.mp4"
    video.write_bytes(b"frames")
    settings = Project("tracking").settings
    first = data.detected(video, settings(least=0.1), tmp_path)
    again = data.detected(video, settings(least=0.1), tmp_path)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    data.detected(video, settings(least=0.2), tmp_path)
    video.write_bytes(b"other frames")
    data.detected(video, settings(least=0.2), tmp_path)
    assert calls == [0.1, 0.2, 0.2]
