"""The folders of three data sets as they are published, with their frame-level truth.

UCSD Ped1, Ped2     Train/Train001/001.tif, Test/Test001/001.tif, masks Test/Test001_gt/001.bmp
(V. Mahadevan et al. 2010, http://www.svcl.ucsd.edu/projects/anomaly/dataset.htm;
of Ped1 not every clip has masks: only those that have are a test)
Avenue              training_videos/01.avi, testing_videos/01.avi, masks `volLabel` in 1_label.mat
(C. Lu, J. Shi, J. Jia 2013, https://www.cse.cuhk.edu.hk/leojia/projects/detectabnormal/dataset.html)
ShanghaiTech        training/videos/01_001.avi, testing/frames/01_0014/000.jpg,
                    testing/test_frame_mask/01_0014.npy
(W. Liu et al. 2018, https://svip-lab.github.io/dataset/campus_dataset.html)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gobhir.datasets import read_picture
from gobhir.lang import say
from gobhir.projects.anomaly.footage import Clip, pictures


@dataclass(frozen=True)
class Published:
    """kind: which of the three; train: normal footage; test: footage with labels."""

    kind: str
    train: list[Clip]
    test: list[Clip]


def published(folder: Path) -> Published | None:
    """The data set in the folder; None where it is laid out as none of them. ValueError where
    something of it is missing."""
    for marks, reader in LAYOUTS:
        if all((folder / mark).is_dir() for mark in marks):
            found = reader(folder)
            if not found.train or not found.test:
                said = {"folder": folder, "train": len(found.train), "test": len(found.test)}
                raise ValueError(say("anomaly.bad.published", **said))
            return found
    return None


def ucsd(folder: Path) -> Published:
    """A frame is unusual where any pixel of its mask is set."""

    def truth(clip: Path) -> np.ndarray:
        masks = pictures(clip.with_name(f"{clip.name}_gt"))
        return np.array([read_picture(mask, "L").any() for mask in masks], bool)

    train = [Clip(p.name, str(p)) for p in _folders(folder / "Train")]
    inside = [p for p in _folders(folder / "Test") if not p.name.endswith("_gt")]
    test = [Clip(p.name, str(p), truth(p)) for p in inside if p.with_name(f"{p.name}_gt").is_dir()]
    return Published("UCSD", train, test)


def avenue(folder: Path) -> Published:
    """`volLabel` is a row of masks, one a frame."""
    from scipy.io import loadmat

    labels = {int(p.stem.split("_")[0]): p for p in folder.rglob("[0-9]*_label.mat")}

    def truth(film: Path) -> np.ndarray:
        path = labels.get(int(film.stem))
        if path is None:
            raise ValueError(
                say("anomaly.bad.mask", name=film.stem, file=f"{int(film.stem)}_label.mat")
            )
        try:
            masks = loadmat(path)["volLabel"].ravel()
        except Exception as error:  # SciPy has several of its own for what is no such file
            raise ValueError(say("anomaly.bad.mat", path=path, reason=error)) from None
        return np.array([np.asarray(mask).any() for mask in masks], bool)

    train = [Clip(p.stem, str(p)) for p in _films(folder / "training_videos")]
    test = [Clip(p.stem, str(p), truth(p)) for p in _films(folder / "testing_videos")]
    return Published("Avenue", train, test)


def shanghaitech(folder: Path) -> Published:
    """A row of 0 and 1 for each clip of the test."""

    def truth(clip: Path) -> np.ndarray:
        path = folder / "testing" / "test_frame_mask" / f"{clip.name}.npy"
        if not path.is_file():
            raise ValueError(say("anomaly.bad.mask", name=clip.name, file=path.name))
        return np.load(path, allow_pickle=False).ravel().astype(bool)

    train = [Clip(p.stem, str(p)) for p in _films(folder / "training" / "videos")]
    test = [Clip(p.name, str(p), truth(p)) for p in _folders(folder / "testing" / "frames")]
    return Published("ShanghaiTech", train, test)


LAYOUTS: list[tuple[tuple[str, ...], Callable[[Path], Published]]] = [
    (("Train", "Test"), ucsd),
    (("training_videos", "testing_videos"), avenue),
    (("training/videos", "testing/frames"), shanghaitech),
]


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _films(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() == ".avi")
