"""What is common to the trainings of all projects."""

from __future__ import annotations

from pathlib import Path

import pytest

from gobhir.projects.digits.settings import Settings as Digits
from gobhir.projects.learning import begin, model_file
from gobhir.projects.sequences.settings import Settings as Sequences
from gobhir.projects.settings import write
from gobhir.projects.tables.settings import Settings as Tables


@pytest.mark.parametrize(
    ("settings", "wrong", "told"),
    [
        (Digits, {"engine": "gobhir", "precision": "bf16"}, "--precision bf16"),
        (Sequences, {"engine": "keras", "precision": "fp16"}, "--engine torch"),
        (Tables, {"engine": "all", "precision": "bf16"}, "--engine all"),
        (Tables, {"device": "cuda"}, "--device cuda"),
        (Digits, {"engine": "keras", "device": "cuda"}, "by itself"),
    ],
)
def test_what_a_framework_cannot_do_is_no_setting(settings: type, wrong: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        settings(**wrong)


def test_what_was_learned_stays_where_nothing_new_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(model_file(tmp_path), b"learned")
    with pytest.raises(ValueError, match="abacus"):
        begin(Digits(device="abacus"), tmp_path)
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "2")
    with pytest.raises(ValueError, match="torchrun"):
        begin(Digits(engine="keras"), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
