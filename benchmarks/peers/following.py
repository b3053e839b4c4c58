"""Other trackers on a file of detections: SORT, ByteTrack, OC-SORT, BoT-SORT and C-BIoU of the
package `trackers`, and norfair. Run by the Python that has them, which need not have Gobhir:

    python following.py < request.json > answer.json

request: {"rows": [[frame, x1, y1, x2, y2, score], ...], "first": 0, "end": 397, "tracker": "SORT",
"trials": [{...}, ...]}. answer: {"version": "...", "trials": [{"tracks": [[frame, id, x1, y1, x2,
y2], ...], "seconds": 0.1}, ...]}
"""

from __future__ import annotations

import json
import random
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np

CLASSES = {
    "SORT": "SORTTracker",
    "ByteTrack": "ByteTrackTracker",
    "OC-SORT": "OCSORTTracker",
    "BoT-SORT": "BoTSORTTracker",
    "C-BIoU": "CBIoUTracker",
}
NAMES = (*CLASSES, "norfair")
OF_TRACKERS: dict[str, Any] = {
    "lost_track_buffer": (5, 90),
    "track_activation_threshold": (0.1, 0.9),
    "minimum_consecutive_frames": (1, 4),
    "minimum_iou_threshold": (0.05, 0.7),
    "minimum_iou_threshold_first_assoc": (0.05, 0.7),
    "minimum_iou_threshold_second_assoc": (0.05, 0.7),
    "minimum_iou_threshold_unconfirmed_assoc": (0.05, 0.7),
    "high_conf_det_threshold": (0.15, 0.8),
    "direction_consistency_weight": (0.0, 0.5),
    "delta_t": (1, 4),
    "buffer_ratio_first": (0.0, 0.7),
    "buffer_ratio_second": (0.0, 0.7),
}
"""The ranges that the package itself searches (`search_space`), a little wider for scores, since
another detector's scores are other numbers."""
OF_NORFAIR: dict[str, Any] = {
    "distance": ["iou", "mean_euclidean", "euclidean_by_height"],
    "distance_threshold": (0.2, 0.95),
    "hit_counter_max": (3, 40),
    "initialization_delay": (0, 4),
    "vel_variance": [0.1, 1.0, 10.0],
    "R": [0.5, 4.0, 16.0],
    "Q": [0.02, 0.1, 1.0],
    "foretold": [0, 1, 2, 4, 100],
    "smooth": [True, False],
}
"""foretold: for how many frames a box that was not seen is given out; smooth: the filter's box, not
the detection's."""
LEAST = (0.05, 0.6)
"""For all of them: detections of lower scores are left out at once."""


def drawn(name: str, count: int, seed: int) -> list[dict[str, Any]]:
    """So many settings of a tracker, by chance; the first is as its makers set it."""
    import inspect

    ranges = OF_NORFAIR
    if name != "norfair":
        known = inspect.signature(made_by(name)).parameters
        ranges = {key: limits for key, limits in OF_TRACKERS.items() if key in known}
    draw = random.Random(seed)
    found: list[dict[str, Any]] = [{}]
    for _ in range(count - 1):
        one: dict[str, Any] = {"least": draw.uniform(*LEAST)}
        for key, limits in ranges.items():
            if isinstance(limits, list):
                one[key] = draw.choice(limits)
            else:
                low, high = limits
                whole = isinstance(low, int)
                one[key] = draw.randint(low, high) if whole else draw.uniform(low, high)
        if one.get("distance") in ("mean_euclidean", "euclidean_by_height"):
            one["distance_threshold"] = draw.uniform(0.1, 1.0)
            if one["distance"] == "mean_euclidean":
                one["distance_threshold"] *= 100  # pixels
        if name == "norfair":  # which asks for this
            one["initialization_delay"] = min(
                one["initialization_delay"], one["hit_counter_max"] - 1
            )
        found.append(one)
    return found


def made_by(name: str) -> Any:
    import trackers

    return getattr(trackers, CLASSES[name])


Boxes = Iterator[tuple[int, list[float]]]


def of_trackers(name: str, wishes: dict[str, Any]) -> Callable[[np.ndarray], Boxes]:
    """A tracker of the package `trackers`: detections of one frame -> (id, box)."""
    import supervision

    more: dict[str, Any] = {"enable_cmc": False} if name == "BoT-SORT" else {}
    tracker = made_by(name)(**wishes, **more)

    def step(now: np.ndarray) -> Boxes:
        seen = supervision.Detections(
            xyxy=now[:, :4], confidence=now[:, 4], class_id=np.zeros(len(now), int)
        )
        found = tracker.update(seen)
        for box, who in zip(found.xyxy.tolist(), found.tracker_id.tolist(), strict=True):
            if who >= 0:
                yield int(who), box

    return step


def of_norfair(wishes: dict[str, Any]) -> Callable[[np.ndarray], Boxes]:
    """norfair, with the options of OF_NORFAIR."""
    import norfair

    wishes = {
        "distance": "iou",
        "distance_threshold": 0.7,
        "foretold": 100,
        "smooth": True,
    } | wishes
    foretold, smooth = wishes.pop("foretold"), wishes.pop("smooth")
    distance = wishes.pop("distance")
    filters = {key: wishes.pop(key) for key in ("R", "Q", "vel_variance") if key in wishes}

    def by_height(detection: Any, person: Any) -> float:
        away = np.linalg.norm(detection.points - person.estimate, axis=1).mean()
        return float(away / max(1.0, np.ptp(detection.points[:, 1])))

    tracker = norfair.Tracker(
        by_height if distance == "euclidean_by_height" else distance,
        filter_factory=norfair.OptimizedKalmanFilterFactory(**filters),
        **wishes,
    )
    last: dict[int, tuple[Any, int]] = {}

    def step(now: np.ndarray) -> Boxes:
        seen = [norfair.Detection(row[:4].reshape(2, 2), np.repeat(row[4], 2)) for row in now]
        for person in tracker.update(seen):
            before, lost = last.get(person.global_id, (None, 0))
            lost = 0 if person.last_detection is not before else lost + 1
            last[person.global_id] = (person.last_detection, lost)
            if lost <= foretold:
                box = person.estimate if smooth or lost else person.last_detection.points
                yield person.global_id, box.reshape(-1).tolist()

    return step


def followed(request: dict[str, Any], wishes: dict[str, Any]) -> dict[str, Any]:
    """All tracks, and how many seconds of processor time the tracker took."""
    rows, name = np.array(request["rows"], float).reshape(-1, 6), request["tracker"]
    wishes = dict(wishes)
    rows = rows[rows[:, 5] >= wishes.pop("least", 0.0)]
    step = of_norfair(wishes) if name == "norfair" else of_trackers(name, wishes)
    frames = [rows[rows[:, 0] == t, 1:] for t in range(request["first"], request["end"])]
    start, tracks = time.process_time(), []
    for t, now in enumerate(frames, request["first"]):
        tracks += [[t, who, *box] for who, box in step(now)]
    return {"tracks": tracks, "seconds": time.process_time() - start}


def main() -> None:
    request = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    name = request["tracker"]
    trials = request["trials"]
    if isinstance(trials, int):
        trials = drawn(name, trials, request["seed"])
    answer = [{"wishes": one, **followed(request, one)} for one in trials]
    package = "norfair" if name == "norfair" else "trackers"
    json.dump({"version": f"{package} {version(package)}", "trials": answer}, sys.stdout)


if __name__ == "__main__":
    main()
