"""What the CNN saw of each clip, computed once and kept beside the model: of a CNN that does not
learn it never changes, and the readers learn from it in seconds."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save

from gobhir.lang import Count, t
from gobhir.projects.settings import write
from gobhir.projects.video.clips import Clips
from gobhir.projects.video.data import view
from gobhir.projects.video.network import ClipNet
from gobhir.projects.video.settings import Settings

FOLDER = "features"
AT_ONCE = 4
"""Clips."""


def features(clips: Clips, model: ClipNet, settings: Settings, folder: Path) -> torch.Tensor:
    """(views, N, frames, seen): the first view is the clip as it is, the others look by chance.
    Those that were kept in the folder are read, others computed, and what is of no use any more is
    taken away."""
    place = folder / FOLDER
    what = blake2b(clips.pixels.tobytes(), digest_size=8).hexdigest()
    paths = [place / f"{_key(settings, what, k)}.safetensors" for k in range(settings.views)]
    missing = [k for k, path in enumerate(paths) if not path.is_file()]
    if missing:
        print(t("video.looking", clips=Count(len(clips)), views=Count(len(missing))))
    for k in missing:
        found = looked(clips, model, settings, k)
        write(paths[k], save({"features": found.half()}))
    for path in place.glob("*.safetensors"):
        if path not in paths:
            path.unlink()
    return torch.stack([load_file(path)["features"].float() for path in paths])


@torch.no_grad()
def looked(clips: Clips, model: ClipNet, settings: Settings, number: int) -> torch.Tensor:
    """One view of all clips, (N, frames, seen)."""
    draw = np.random.default_rng([settings.seed, number]) if number else None
    model.eval()
    found = []
    for start in range(0, len(clips), AT_ONCE):
        some = clips.pixels[start : start + AT_ONCE]
        found.append(model.features(torch.stack([view(one, settings, draw) for one in some])))
    return torch.cat(found)


def _key(settings: Settings, clips: str, number: int) -> str:
    """The name of a view: other clips or another wish make it another."""
    names = ("frames", "size", "sampling", "see", "cnn", "seed")
    wishes = {name: getattr(settings, name) for name in names}
    if settings.pretrained and not number:
        del wishes["seed"]
    text = json.dumps([clips, number, wishes], sort_keys=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()
