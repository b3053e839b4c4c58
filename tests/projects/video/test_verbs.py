"""Train, evaluate, run, as the command line does, and what the cameras ask of the model."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pandas as pd
import pytest
import torch

from gobhir.projects import Project
from gobhir.projects.cctv.rules.scored import OPENERS, Fight
from gobhir.projects.film import frames
from gobhir.projects.learning import model_file, told
from gobhir.projects.results import Results
from gobhir.projects.video import features as cache
from gobhir.projects.video import train as stages
from gobhir.projects.video.data import Part, shown, task
from gobhir.projects.video.network import ClipNet, network
from gobhir.projects.video.scorer import Clip, fight
from gobhir.projects.video.simple import motion, simple
from gobhir.projects.video.train import READER, of_fold, opened
from gobhir.training import Checkpoint
from tests.projects.video.staged import film, pictures

TINY = {"size": 32, "frames": 6, "folds": 2, "views": 1, "cnn": "small", "hidden": 16}
TINY |= {"epochs": 40, "batch_size": 4, "lr": 0.01, "dropout": 0.0}


@pytest.fixture(scope="module")
def trained(films, tmp_path_factory):
    """The project's folder after `train`."""
    project, folder = Project("video"), tmp_path_factory.mktemp("out")
    wishes = {**TINY, "see": "changes"}  # a CNN that knows nothing sees little in a frame
    project.train(project.settings(data=str(films), **wishes), folder)
    return folder


def test_measured_on_sources_that_it_has_not_seen(trained) -> None:
    found = Project("video").evaluate(trained)
    assert Results.load(trained).models == found.models
    accuracy = found.models[0].numbers["accuracy"]
    assert accuracy.value >= 0.85 and accuracy.groups == accuracy.n == 24
    by_name = {one.name.key: one.numbers["accuracy"].value for one in found.baselines}
    assert by_name["video.moving"] >= 0.9 and by_name["evaluation.name.majority"] == 0.5
    assert set(by_name) >= {"video.svm"} and "video.single" not in by_name
    assert [row[1:3] for row in found.tables[0].rows] == [[12, 12], [12, 12]]
    for file in ("results.bn.html", "results.en.html", "card.bn.md", "card.en.md"):
        assert (trained / file).stat().st_size > 500


def test_the_file_says_what_the_network_says(trained, films) -> None:
    settings = Project("video").settings.load(trained)
    clips = task(settings).clips
    clip, model = Clip(trained / "model.onnx"), opened(settings, 2, trained, None)
    warm = told(trained).temperature
    with torch.no_grad():
        logits = model(shown(clips.pixels[[0, 19]])).numpy()
    for pixels, one in zip(clips.pixels[[0, 19]], logits, strict=True):
        shares = clip(pixels)
        assert shares.sum() == pytest.approx(1)
        assert shares.argmax() == one.argmax()
        # The temperature makes it more or less sure, by one factor for all clips.
        assert np.log(shares[0] / shares[1]) * warm == pytest.approx(one[0] - one[1], abs=2e-3)


def test_a_camera_asks_for_fights(trained) -> None:
    scorer = OPENERS["fight"](str(trained / "model.onnx"))
    draw = np.random.default_rng(7)
    wild, calm = (np.stack(list(pictures(draw, 16, kind))) for kind in (True, False))
    assert scorer(wild) > 0.5 > scorer(calm)
    rule = Fight(model=str(trained / "model.onnx"))
    assert rule._scorer()(wild) == scorer(wild)


def test_no_camera_waits_for_pytorch(trained) -> None:
    program = (
        "import sys, numpy as np; from gobhir.projects.video.scorer import fight;"
        f"fight({str(trained / 'model.onnx')!r})(np.zeros((9, 20, 30, 3), np.uint8));"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_stream_is_looked_at_again_and_again(trained, tmp_path, capsys) -> None:
    draw = np.random.default_rng(3)
    calm, wild = (list(pictures(draw, 40, kind)) for kind in (False, True))
    from gobhir.projects.film import Film

    with Film(tmp_path / "films" / "both.mp4", 10) as file:
        for t, picture in enumerate([*calm, *wild]):
            file.add(t / 10, picture)
    film(tmp_path / "films" / "short.mp4", draw, 5)
    project = Project("video")
    table = project.run([str(tmp_path / "films")], trained)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["source", "from", "to", "fight", "শান্ত"]
    both = table[table["source"].str.endswith("both.mp4")]
    assert both["to"].tolist() == pytest.approx([1.4, 2.4, 3.4, 4.4, 5.4, 6.4, 7.4])
    assert both["fight"].iloc[1] < 0.5 < both["fight"].iloc[-1]
    short = table[table["source"].str.endswith("short.mp4")]
    assert short[["from", "to"]].to_numpy().tolist() == [[0.0, 0.4]]
    assert len(capsys.readouterr().out.splitlines()) == 8
    to = tmp_path / "table.csv"
    project.run([str(tmp_path / "films" / "both.mp4")], trained, to=str(to), every=2.0, frames=50)
    assert pd.read_csv(to)["to"].tolist() == pytest.approx([1.4, 3.4])


def test_a_cameras_password_is_not_in_the_table(trained, films, capsys, monkeypatch) -> None:
    seen = list(frames(next(films.rglob("*.mp4"))))
    monkeypatch.setattr("gobhir.projects.video.run.frames_of", lambda source: iter(seen))
    table = Project("video").run(["rtsp://me:secret@host/x"], trained)
    assert set(table["source"]) == {"rtsp://me:***@host/x"}
    assert "secret" not in capsys.readouterr().out


def test_what_cannot_be_looked_at_says_why(trained, tmp_path) -> None:
    project = Project("video")
    with pytest.raises(ValueError, match="Say which films"):
        project.run([], trained)
    with pytest.raises(ValueError, match="--every"):
        project.run(["0"], trained, every=0.0)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        project.run(["nowhere"], trained)
    with pytest.raises(ValueError, match="no films"):
        project.run([str(tmp_path)], trained)
    with pytest.raises(FileNotFoundError, match="train"):
        project.run(["x.mp4"], tmp_path)
    settings = project.settings.load(trained)
    settings.save(tmp_path)
    with pytest.raises(FileNotFoundError, match="train"):
        project.evaluate(tmp_path)
    with pytest.raises(ValueError, match="nowhere"):
        project.train(project.settings(data="nowhere"), tmp_path)
    with pytest.raises(ValueError, match="multiple of 32"):
        project.train(project.settings(data="nowhere", size=40), tmp_path)


def test_another_network_is_no_scorer(trained, tmp_path) -> None:
    proto, other = onnx.load(trained / "model.onnx"), tmp_path / "other.onnx"
    (told,) = proto.metadata_props
    told.value = told.value.replace("fight", "dance")
    onnx.save(proto, other)
    assert Clip(other).labels["en"][0] == "dance"
    with pytest.raises(ValueError, match="'fight'; it knows: dance"):
        fight(other)
    del proto.metadata_props[:]
    onnx.save(proto, other)
    with pytest.raises(ValueError, match="no network for clips"):
        fight(other)


def test_what_the_cnn_saw_is_kept(films, tmp_path, monkeypatch) -> None:
    own = Project("video").settings(data=str(films), **TINY)
    clips, model = task(own).clips, network(own, 2)
    first = cache.features(clips, model, own, tmp_path)
    assert first.shape == (1, 24, 6, 128)
    more = Project("video").settings(data=str(films), **{**TINY, "views": 2})
    calls = []
    plain = cache.looked

    def looked(clips, model, settings, number):
        calls.append(number)
        return plain(clips, model, settings, number)

    monkeypatch.setattr(cache, "looked", looked)
    second = cache.features(clips, model, more, tmp_path)
    assert calls == [1] and torch.equal(second[0], first[0])
    assert torch.equal(cache.features(clips, model, more, tmp_path), second) and calls == [1]
    clips.pixels[0, 0, 0, 0, 0] ^= 255
    cache.features(clips, model, own, tmp_path)
    assert calls == [1, 0] and len(list((tmp_path / "features").iterdir())) == 1


def test_features_see_frames_and_what_changed() -> None:
    own = Project("video").settings(**TINY)
    model = network(own, 2)
    x = torch.rand(2, 6, 3, 32, 32)
    with torch.no_grad():
        both = model.features(x)
        alone = model.cnn.features((x[1, 4:5] * 255 - 127) / 128)
        changed = model.cnn.features(2 * (x[1, 4:5] - x[1, 3:4]) * 255 / 128)
    torch.testing.assert_close(both[1, 4], torch.cat([alone, changed], 1)[0], atol=1e-4, rtol=1e-4)
    assert torch.equal(both[:, 0, 64:], both[:, 1, 64:])


def test_order_matters_to_a_cell_and_not_to_a_mean() -> None:
    seen = torch.rand(3, 6, 128)
    for cell in ("lstm", "gru", "mean"):
        own = Project("video").settings(**{**TINY, "cell": cell})
        model = ClipNet(2, own).eval().reader
        with torch.no_grad():
            forth, back = model(seen), model(seen.flip(1))
        assert torch.allclose(forth, back, atol=1e-6) == (cell == "mean")
        assert forth.shape == (3, 2)


def test_fine_tuned_killed_and_resumed(films, tmp_path, monkeypatch) -> None:
    project, whole, folder = Project("video"), tmp_path / "whole", tmp_path / "killed"
    wishes = {**TINY, "epochs": 2, "tune": 1, "tune_blocks": 2, "cell": "lstm", "frames": 3}
    settings = project.settings(data=str(films), **wishes)
    monkeypatch.setattr(stages, "finish", lambda *given: None)  # exporting takes its time
    project.train(settings, whole)
    before, after = (
        opened(project.settings(data=str(films), **{**wishes, "tune": t}), 2, whole, 0).state_dict()
        for t in (0, 1)
    )
    same = {name: torch.equal(before[name], after[name]) for name in before}
    assert same["cnn.stem.0.weight"] and same["cnn.blocks.0.0.weight"]
    assert not same["cnn.blocks.2.0.weight"] and not same["reader.head.weight"]

    class Killed(BaseException):
        pass

    def die(*given):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "on_fit_end", die, raising=False)
        with pytest.raises(Killed):
            project.train(settings, folder)
    assert not model_file(folder, READER + of_fold(0)).exists()
    project.train(settings, folder, resume=True)
    for fold in (0, 1, None):
        one, other = (model_file(place, of_fold(fold)).read_bytes() for place in (whole, folder))
        assert one == other
    assert project.evaluate(folder).models[0].numbers["accuracy"].n == 24


def test_motion_is_more_where_more_moves(films) -> None:
    draw = np.random.default_rng(0)
    calm, wild = (np.stack(list(pictures(draw, 16, kind))) for kind in (False, True))
    still = np.repeat(calm[:1], 16, 0)
    none, little, much = motion(np.stack([still, calm, wild]))
    assert (none == 0).all()
    assert (much[:3] > little[:3]).all() and little[0] > 0


def test_a_baseline_is_asked_about_what_it_has_not_seen(films) -> None:
    own = Project("video").settings(data=str(films), **TINY)
    todo = task(own)
    draw = np.random.default_rng(0)
    seen = draw.normal(size=(24, 6, 128))
    # What the middle frame shows tells the classes apart, what the change shows does not.
    seen[:, 3, :64] += 6 * todo.clips.labels[:, None]
    found = simple(todo, seen, own)
    assert set(found) == {"majority", "video.moving", "video.svm", "video.single"}
    right = {name: (out.argmax(1) == todo.clips.labels).mean() for name, out in found.items()}
    assert right["video.single"] == 1 and right["majority"] == 0.5
    # Labels that nothing tells of are not known, as they would be to who has seen them.
    blind = simple(todo, draw.normal(size=(24, 6, 128)), own)["video.single"]
    assert (blind.argmax(1) == todo.clips.labels).mean() < 0.9


def test_parts_of_a_task(films) -> None:
    todo = task(Project("video").settings(data=str(films), **TINY))
    assert todo.part(1) is todo.folds[1]
    last = todo.part(None)
    assert isinstance(last, Part) and not len(last.test)
    assert len(last.train) + len(last.validation) == 24
