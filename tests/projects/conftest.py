"""The command line of projects, as a learner calls it; weights that stand for ImageNet's."""

from __future__ import annotations

import sys

import pytest

from gobhir.cli import main
from gobhir.lang import use_language


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """run("project", ..., lang="bn") -> exit code, what is said, what is complained of; in an empty
    folder."""
    monkeypatch.chdir(tmp_path)

    def go(*argv: str, lang: str = "en") -> tuple[int, str, str]:
        monkeypatch.setenv("GOBHIR_LANG", lang)
        monkeypatch.setattr(sys, "argv", ["gobhir", *argv])
        use_language(None)
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return left.value.code or 0, out, err

    yield go
    use_language(None)


@pytest.fixture
def learned_backbone(tmp_path, monkeypatch):
    """In place of ImageNet's weights (13 MB, which are not ours to ship) some drawn by chance,
    where those would be kept."""
    import torch
    from safetensors.torch import save_file

    from gobhir import datasets
    from gobhir.datasets.finding import own_folder
    from gobhir.projects.images.networks.efficientnet_lite import EfficientNetLite0

    monkeypatch.setenv("GOBHIR_HOME", str(tmp_path / "home"))
    card = datasets.entry("efficientnet_lite0")
    own_folder(card).mkdir(parents=True)
    torch.manual_seed(3)
    state = {k: v for k, v in EfficientNetLite0(1).state_dict().items() if "head" not in k}
    save_file(
        state, own_folder(card) / f"efficientnet_lite0-{card.files[0].sha256[:8]}.safetensors"
    )
    return state
