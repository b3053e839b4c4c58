"""Learning what one camera usually sees, and from which score on it is unusual."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch

from gobhir.deploy import export
from gobhir.deploy.opening import session
from gobhir.lang import t
from gobhir.projects import learning
from gobhir.projects.anomaly.data import Batches, Task, background, task
from gobhir.projects.anomaly.footage import pairs, some_pairs
from gobhir.projects.anomaly.network import Autoencoder, Camera
from gobhir.projects.anomaly.scorer import KEY, ONNX, Watch, all_smoothed, of_frames, squares
from gobhir.projects.anomaly.settings import Settings
from gobhir.projects.anomaly.tail import SHAPED, Tail, enough_peaks, most_peaks
from gobhir.projects.settings import write
from gobhir.training import History
from gobhir.training.processes import is_main_process


def train(
    settings: Settings, folder: Path, *, resume: Annotated[bool, "projects.resume"] = False
) -> History:
    """Learn the first part of the footage; the weights go to `model.safetensors`, the curve to
    `history.csv`, and the camera with its threshold, set on the second part, to `model.onnx`."""
    todo = task(settings)
    counts = [len(piece) - 1 for piece in todo.calibrate]
    enough_peaks(most_peaks(counts, settings.quiet), sum(counts), settings.rate)
    camera = new_camera(settings, todo)
    learning.begin(settings, folder, resume=resume)
    (folder / ONNX).unlink(missing_ok=True)
    history = learning.train_one(
        settings,
        folder,
        "",
        camera.autoencoder,
        Batches(todo.learn, camera, settings),
        "mse",
        resume=resume,
    )
    if is_main_process():  # of several (torchrun) the one that has written the weights
        learning.put_weights(camera.autoencoder.cpu(), learning.kept(folder))
        watch = _export(camera, todo, settings, folder / ONNX)
        if watch.tail.peaks < SHAPED:
            print(t("anomaly.few", peaks=watch.tail.peaks))
        wished = watch.tail.threshold(settings.alarms)
        print(t("anomaly.calibrated", alarms=f"{settings.alarms:g}", score=f"{wished:.3f}"))
    return history


def new_camera(settings: Settings, todo: Task) -> Camera:
    """The network with weights drawn by the settings' seed, in front of this camera's empty
    scene."""
    torch.manual_seed(settings.seed)
    autoencoder = Autoencoder(2, settings.side, settings.code)
    return Camera(autoencoder, settings.side, background(todo.learn))


@torch.no_grad()
def usual(camera: Camera, pieces: list[np.ndarray]) -> torch.Tensor:
    """Each square's mean error in this footage: (rows, cols)."""
    total, count = torch.zeros(camera.grid), 0
    for piece in pieces:
        for both in some_pairs(piece):
            total += camera.errors(torch.from_numpy(both)).sum(0)
            count += len(both)
    return total / count


def _export(camera: Camera, todo: Task, settings: Settings, path: Path) -> Watch:
    """The camera as one file, which knows its own threshold; whole or not at all."""
    import onnx

    camera.eval()
    camera.get_used(usual(camera, todo.learn))
    part = path.with_name("unnamed.onnx")
    try:
        export(camera, pairs(todo.learn[0][:5]), part, tolerance=1e-3)
        runs = session(part, 1)
        raw = [of_frames(squares(runs, piece)) for piece in todo.calibrate]
        file = onnx.load(part)
    finally:
        part.unlink(missing_ok=True)
    scores = all_smoothed(raw, settings.window)
    watch = Watch(
        settings.width,
        settings.height,
        list(todo.shape),
        settings.rate,
        settings.window,
        settings.quiet,
        settings.alarms,
        Tail.fit(scores, settings.rate, settings.quiet),
    )
    file.metadata_props.add(key=KEY, value=watch.to_json())
    write(path, file.SerializeToString())
    return watch
