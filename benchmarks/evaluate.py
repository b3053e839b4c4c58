"""Every project on its real data: trained, measured, and results/NAME.json keeps what came out.

    make evaluate                 all of them; GOBHIR_DATA names the folder with the larger data
    python -m benchmarks.evaluate tables-wine digits

What is quoted anywhere is read from these files. Pictures and texts of single examples stay out of
them: they are other people's.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gobhir import datasets
from gobhir.evaluation.report import SHARES
from gobhir.projects import Project
from gobhir.projects.keeping import plain, typed
from gobhir.projects.results import Results, words
from gobhir.projects.tracking.files import Rows
from gobhir.projects.tracking.pets import read_cvml

RESULTS = Path(__file__).parent.parent / "results"
RUNS: dict[str, tuple[str, dict[str, object]]] = {
    "tables-diabetes": ("tables", {"data": "diabetes", "engine": "all"}),
    "tables-breast_cancer": ("tables", {"data": "breast_cancer", "engine": "all"}),
    "tables-wine": ("tables", {"data": "wine", "engine": "all"}),
    "sequences-seattle_weather": ("sequences", {"data": "seattle_weather"}),
    "sequences-co2": ("sequences", {"data": "co2"}),
    "text-sazzad": ("text", {"data": "sazzad"}),
    "text-socian": ("text", {"data": "socian"}),
    "text-movie_reviews": ("text", {"data": "movie_reviews"}),
    "text-absa_cricket": ("text", {"data": "absa_cricket", "model": "bag"}),
    "digits": ("digits", {}),
    "digits-mnist_10k": ("digits", {"data": "mnist_10k"}),
    "digits-fashion_mnist": ("digits", {"data": "fashion_mnist", "augment": 0.3}),
    "images-pennfudan_yolo": ("images", {"data": "pennfudan_yolo", "size": 96, "epochs": 2}),
    "images-pennfudan_people": (
        "images",
        {"data": "pennfudan_people", "size": 96, "epochs": 3, "batch_size": 16},
    ),
    "detection-pennfudan_yolo": ("detection", {"precision": "bf16"}),
    "detection-pennfudan_imagenet": (
        "detection",
        {"precision": "bf16", "backbone": "efficientnet_lite0", "size": 384, "epochs": 60},
    ),
    "video-fight_surv_clips": ("video", {}),
    "anomaly-vtest": ("anomaly", {}),
}
"""NAME: the project, and what its settings are beside the usual ones."""
MORE: dict[str, dict[str, object]] = {
    "digits": {"smaller": True},
    "images-pennfudan_people": {"switches": 3},
    "detection-pennfudan_yolo": {"folds": True},
    "detection-pennfudan_imagenet": {"folds": True},
    "anomaly-vtest": {"one_class": True},
}
"""NAME: what its evaluation is told."""


ADAPTED = "detection-vtest_adapted"
SYSTEMS = ("cctv-vtest", ADAPTED)
"""What is no project of three verbs, and measures itself."""


def evaluate(name: str, folder: Path) -> None:
    """Train and measure one of RUNS in the folder, and keep its numbers."""
    kind, wishes = RUNS[name]
    project = Project(kind)
    project.train(project.settings(**wishes), folder)
    found = project.evaluate(folder, **MORE.get(name, {}))
    keep(name, found)


def keep(name: str, found: Results, *places: Path) -> None:
    """Its numbers, without what is other people's; files in `places` are named as seen from there,
    since no other machine has these folders."""
    kept = dataclasses.replace(found, mistakes=[], pictures=[])
    text = json.dumps(plain(kept), indent=1, ensure_ascii=False) + "\n"
    for place in places:
        text = text.replace(json.dumps(f"{place}{os.sep}")[1:-1], "")
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")


def adapted(
    video: Path, truth: Rows, place: Path, system: Any = None, plan: Any = None, **wishes: object
) -> Results:
    """Our detector, trained on photographs (the usual ones, or as `wishes` say), goes on learning
    for two minutes on the first half of a film, each second frame of it with its true boxes, and is
    measured on the second half beside the detector that cameras have (of the cctv `system`)."""
    from gobhir.projects.cctv.adapt import Plan, adapt
    from gobhir.projects.cctv.config import Camera, System, save
    from gobhir.projects.cctv.draft import labelled
    from gobhir.projects.film import frames

    project = Project("detection")
    project.train(project.settings(**wishes), place / "start")
    shown = (frame for frame in frames(video) if frame.number % 2 == 0)
    labelled(shown, lambda frame: truth.detections(frame.number), place / "labels")
    camera = Camera(video.stem, str(video))
    save(dataclasses.replace(system or System(), cameras=(camera,)), place)
    plan = plan or Plan(minutes=2, share=0.5)
    return adapt(place, video.stem, place / "labels", place / "start", plan)


def row(name: str) -> str:
    """The main numbers of one of RUNS as a row of the READMEs' table: the model's, and those of the
    baseline that is hardest to beat, each with its 95 % interval."""
    found = typed(Results, json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))
    model, baseline = found.models[0], found.baselines[found.best_baseline]
    cells = [name, found.main]
    for one in (model, baseline):
        number = one.numbers[found.main]
        share = found.main in SHARES
        value, *ends = (
            f"{x:.1%}".rstrip("%") if share else f"{x:.3g}"
            for x in (number.value, number.low, number.high)
            if x is not None
        )
        between = f" ({' to '.join(ends)})" if ends else ""  # of what never differs there is none
        cells.append(f"{words(one.name, 'en')} {value}{' %' if share else ''}{between}")
    return f"| {' | '.join(cells)} |"


def percent(number: Any) -> str:
    """A share with its interval: "93.9 % (90.7 to 97.1)"."""
    value, low, high = (f"{100 * number[key]:.1f}" for key in ("value", "low", "high"))
    return f"{value} % ({low} to {high})"


def detectors(measured: Iterable[tuple[str, dict[str, Any]]]) -> list[str]:
    """Of each of several (name, results/detection-*.json), the mean of its five trainings as a row
    of the READMEs' table: AP50 and AP75, looking once and twice."""
    rows = []
    for name, found in measured:
        *_, mean = found["tables"][0]["rows"]
        cells = [name, *(percent(mean[k]) for k in (1, 2, 4, 5))]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def rules(measured: dict[str, Any]) -> list[str]:
    """results/cctv-vtest.json as rows of the READMEs' table: precision and recall of each measured
    rule, by the whole system and by the same rules on what merely moves."""
    rows = []
    for kind, own in measured["rules"].items():
        cells = [kind]
        for one in (own, measured["baseline"][kind]):
            for name in ("precision", "recall"):
                number = one[name]
                value, low, high = (f"{number[key]:.2f}" for key in ("value", "low", "high"))
                cells.append(f"{value} ({low} to {high})")
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def main() -> None:
    """Measure what the command line names, or all."""
    names = sys.argv[1:] or [*RUNS, *SYSTEMS]
    unknown = [name for name in names if name not in RUNS and name not in SYSTEMS]
    if unknown:
        known = ", ".join([*RUNS, *SYSTEMS])
        sys.exit(f"There is no {', '.join(unknown)}. There are: {known}.")
    if not os.environ.get("GOBHIR_DATA"):
        sys.exit("Say where the larger data lie: GOBHIR_DATA=/folder make evaluate")
    if "cctv-vtest" in names:
        from gobhir.projects.cctv.evaluate import evaluate as cameras

        cameras(RESULTS / "cctv-vtest.json")
    if ADAPTED in names:
        paths = datasets.load("vtest_gt").paths
        with tempfile.TemporaryDirectory() as folder:
            truth = read_cvml(paths["PETS2009-S2L1.xml"])
            video = paths["vtest.avi"]
            keep(ADAPTED, adapted(video, truth, Path(folder)), Path(folder), video.parent)
    names = [name for name in names if name in RUNS or name == ADAPTED]
    for name in (name for name in names if name != ADAPTED):
        with tempfile.TemporaryDirectory() as folder:
            evaluate(name, Path(folder))
    print("\n".join(row(name) for name in names))


if __name__ == "__main__":
    main()
