"""`gobhir cctv adapt`: frames to correct, training on earlier ones, numbers of later ones."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import evaluate as benchmark
from gobhir.lang import LANGUAGES
from gobhir.projects import Project
from gobhir.projects.cctv.adapt import Plan, adapt, divided, draft, epochs_in
from gobhir.projects.cctv.commands import named
from gobhir.projects.cctv.config import Camera, Looking, System, as_toml, load, parse, save
from gobhir.projects.cctv.draft import corrected, labelled, now_and_then
from gobhir.projects.cctv.process import build, health
from gobhir.projects.cctv.source import FileSource
from gobhir.projects.detection import train
from gobhir.projects.detection.boxes import Detections
from gobhir.projects.detection.formats import Boxed, Sample, read_yolo
from gobhir.projects.detection.settings import Settings
from gobhir.projects.film import Frame, frames
from gobhir.projects.results import Results, words
from gobhir.projects.tracking.files import Rows
from tests.projects.cctv.staged import box_at, film, picture
from tests.projects.detection.test_verbs import Small

TINY = {"size": 64, "epochs": 1, "batch_size": 4, "mosaic": 0.0}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A detector of a few layers: what is tested is the way, not the strength."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(train, "Network", Small)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def walk(tmp_path) -> tuple[Path, Rows]:
    """A film of somebody in red who walks by, and where they are."""
    return walking(tmp_path / "walk.mp4")


def walking(path: Path, turned: int = 1) -> tuple[Path, Rows]:
    """turned: -1, and they are in blue."""
    boxes = [box_at(0.1 + 0.02 * k, 0.8) for k in range(40)]
    film(path, (picture([box])[..., ::turned] for box in boxes))
    return path, Rows.of((k, 1, *box, 1) for k, box in enumerate(boxes))


@pytest.fixture
def home(tmp_path, walk, red_detector) -> Path:
    """A folder with a cctv.toml of one camera, whose detector sees all that is red."""
    looking = Looking(model=str(red_detector), person="0", tile=0)
    cameras = Camera("walk", str(walk[0])), Camera("other", "0")
    save(System(detector=looking, cameras=cameras), tmp_path / "home")
    return tmp_path / "home"


def test_frames_are_drafted_with_what_the_present_detector_sees(home, walk, tmp_path) -> None:
    plan = Plan(every=1.0, count=3)
    assert draft(home, "walk", tmp_path / "labels", plan) == 3
    boxed = read_yolo(tmp_path / "labels")
    assert [s.path.name for s in boxed.samples] == [f"{1000 * k:09}.jpg" for k in range(3)]
    for k, sample in enumerate(boxed.samples):
        assert sample.boxes[0] == pytest.approx(walk[1].detections(10 * k).boxes[0], abs=2)
    assert corrected(tmp_path / "labels") == (0, 3)
    (tmp_path / "labels/labels/000001000.txt").write_text("")
    assert corrected(tmp_path / "labels") == (1, 3)
    with pytest.raises(FileExistsError, match="labels"):
        draft(home, "walk", tmp_path / "labels", plan)


def test_nothing_is_left_where_nobody_is_in_sight(tmp_path) -> None:
    shown = [Frame(k, k, picture([])) for k in range(3)]
    with pytest.raises(ValueError, match="Nobody"):
        labelled(shown, lambda frame: Detections.of(), tmp_path / "labels")
    assert not list(tmp_path.iterdir())


def test_a_camera_is_drafted_until_ctrl_c() -> None:
    def camera():
        yield from (Frame(k, k / 10, None) for k in range(25))
        raise KeyboardInterrupt

    assert [f.number for f in now_and_then(camera(), 1.0, 99)] == [0, 10, 20]
    assert [f.number for f in now_and_then(camera(), 0.2, 99)] == list(range(0, 25, 2))
    assert [f.number for f in now_and_then(camera(), 0.0, 4)] == [0, 1, 2, 3]


def test_later_frames_are_held_back_and_only_people_count(tmp_path) -> None:
    def sample(name: str, part: str = "") -> Sample:
        boxes = np.array([(0, 0, 5, 9), (1, 1, 6, 8)], np.float32)
        return Sample(Path(name), (10, 10), boxes, np.array([1, 0]), part)

    names = [f"frame-{k}.png" for k in (10, 9, 2, 1)]
    boxed = Boxed(("dog", "person"), tuple(map(sample, names)))
    found = divided(boxed, tmp_path, "person", 0.5)
    assert [s.path.name for s in found.samples] == names[::-1]
    assert [s.part for s in found.samples] == ["train", "train", "test", "test"]
    assert found.names == ("person",)
    assert all(s.boxes.tolist() == [[0, 0, 5, 9]] and s.classes == 0 for s in found.samples)
    own = Boxed(("x",), (sample("b", "train"), sample("a", "test")))
    assert [s.part for s in divided(own, tmp_path, "person", 0.5).samples] == ["test", "train"]
    with pytest.raises(ValueError, match="cat"):
        divided(Boxed(("dog", "cat"), ()), tmp_path, "person", 0.5)


def test_twice_the_time_is_twice_the_epochs(home, walk, tmp_path, monkeypatch) -> None:
    truth = walk[1]
    labelled(frames(walk[0]), lambda f: truth.detections(f.number), tmp_path / "labels")
    ticks = iter([10.0, 13.0, 10.0, 13.0])  # three steps in three seconds
    monkeypatch.setattr("gobhir.projects.cctv.adapt.time.perf_counter", lambda: next(ticks))
    settings = Project("detection").settings(data=str(tmp_path / "labels"), **TINY)
    assert epochs_in(settings, 80.0) == 10  # 32 of 40 frames are learned from: 8 steps
    assert epochs_in(settings, 1.0) == 1


def test_it_is_trained_measured_and_said_to_be_adapted(
    red_detector, blue_detector, tmp_path, monkeypatch, capsys
) -> None:
    video, truth = walking(tmp_path / "walk.mp4", -1)
    labelled(frames(video), lambda f: truth.detections(f.number), tmp_path / "shapes")
    backbone = "efficientnet_lite0"  # not the usual one, and it stays
    wishes = {**TINY, "data": str(tmp_path / "shapes"), "lr": 0.01, "backbone": backbone}
    monkeypatch.setattr(train, "imagenet", lambda: None)
    # What the networks learn is the detection project's to test, and exporting takes seconds: that
    # of before sees what the camera saw, the adapted one what it shows.
    seen = {"start": red_detector, "training": blue_detector}
    monkeypatch.setattr(
        train, "to_onnx", lambda *given: shutil.copy(seen[given[-1].parent.name], given[-1])
    )
    system = System(detector=Looking(model=str(red_detector), person="0", tile=0))
    plan = Plan(minutes=0.005, share=0.5, size=64)
    found = benchmark.adapted(video, truth, tmp_path, system, plan, **wishes)
    ours, present, begun = (m.numbers["ap50"] for m in [*found.models, *found.baselines])
    assert Settings.load(tmp_path / "adapted/walk/training").backbone == backbone
    assert ours.value == 1 and present.value == begun.value == 0 and ours.n == 10
    for lang in LANGUAGES:
        word = {"en": "adapted", "bn": "মানিয়ে নেওয়া"}[lang]
        assert word in words(found.title, lang) and word in words(found.models[0].name, lang)
        assert word in (tmp_path / f"adapted/walk/results.{lang}.html").read_text("utf-8")
    assert Results.load(tmp_path / "adapted/walk").models[0].numbers == found.models[0].numbers
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path)
    benchmark.keep("kept", found)
    assert "adapted" in benchmark.row("kept")
    (camera,) = load(tmp_path).cameras
    assert camera.detector is not None and camera.detector.adapted
    assert Path(camera.detector.model) == tmp_path / "adapted/walk/detector.onnx"
    assert "cctv.toml" in capsys.readouterr().out
    watch = build(load(tmp_path), camera)
    assert health(watch, FileSource(str(video)), 0.0).adapted


def test_what_cannot_be_adapted_says_why_and_changes_nothing(home, tmp_path, monkeypatch) -> None:
    plan, start = Plan(every=0.5, minutes=0.01, size=64), tmp_path / "untrained"
    draft(home, "walk", tmp_path / "labels", plan)
    before = (home / "cctv.toml").read_text()
    with pytest.raises(ValueError, match="Nobody has corrected"):
        adapt(home, "walk", tmp_path / "labels", start, plan)
    next((tmp_path / "labels/labels").glob("*.txt")).write_text("")
    with pytest.raises(FileNotFoundError, match="untrained"):
        adapt(home, "walk", tmp_path / "labels", start, plan)
    with pytest.raises(ValueError, match="nowhere"):
        named(home, "nowhere")
    assert (home / "cctv.toml").read_text() == before and not (home / "adapted").exists()
    assert named(home, "other") == "other" == named(home, "0")
    monkeypatch.setattr("gobhir.projects.cctv.commands.frames", lambda _: iter([None]))
    assert named(home, "rtsp://host/yard") == "yard" == load(home).cameras[-1].name


def test_a_camera_may_have_a_detector_of_its_own() -> None:
    own = Looking(model="mine.onnx", tile=0, adapted=True)
    cameras = Camera("a", "0", detector=own), Camera("b", "1")
    system = System(detector=Looking(score=0.5), cameras=cameras)
    assert parse(as_toml(system)) == system
    assert system.looking(cameras[0]) == own
    assert system.looking(cameras[1]) == system.detector
    text = '[detector]\nscore = 0.5\n[[camera]]\nsource = "0"\n[camera.detector]\ntile = 0\n'
    (camera,) = parse(text).cameras
    assert camera.detector == replace(Looking(), score=0.5, tile=0)  # what is not said stays
    with pytest.raises(ValueError, match="camera '1': detector: tail"):
        parse(text + "tail = 1\n")
