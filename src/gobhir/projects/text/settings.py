"""What can be changed about the text project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

from gobhir.lang import say
from gobhir.projects.settings import Training, setting

MODELS = ("bag", "cnn", "lstm", "transformer")
READER: dict[str, Any] = {"tokenizer": "bpe", "dims": 64}
USUAL: dict[str, dict[str, Any]] = {
    "bag": {"tokenizer": "characters", "dims": 4},
    "cnn": READER,
    "lstm": READER,
    "transformer": READER,
}
"""What suits each kind of network where nothing else is asked for. Runs of five characters are what
a bag reads best; the others would need many steps for as much."""
LENGTHS = {"characters": 256, "words": 64, "bpe": 64}


@dataclass(frozen=True)
class Settings(Training):
    """The texts, how they are cut into pieces, the networks, and their training."""

    about: ClassVar[str] = "text.about"
    inputs: ClassVar[str] = "text.inputs"

    data: str = setting("sazzad", "text.setting.data")
    text: str = setting("text", "text.setting.text")
    label: str = setting("label", "text.setting.label")
    tokenizer: Literal["auto", "characters", "words", "bpe"] = setting(
        "auto", "text.setting.tokenizer"
    )
    vocabulary: int = setting(4000, "text.setting.vocabulary", low=10, high=200_000)
    max_length: int = setting(0, "text.setting.max_length", low=0, high=4096)
    lower: bool = setting(True, "text.setting.lower")
    model: Literal["all", "bag", "cnn", "lstm", "transformer"] = setting(
        "all", "text.setting.model"
    )
    ngrams: int = setting(5, "text.setting.ngrams", low=1, high=6)
    dims: int = setting(0, "text.setting.dims", low=0, high=1024)
    layers: int = setting(1, "text.setting.layers", low=1, high=12)
    heads: int = setting(4, "text.setting.heads", low=1, high=64)
    dropout: float = setting(0.3, "text.setting.dropout", low=0, high=0.95)
    forget: float = setting(0.1, "text.setting.forget", low=0, high=0.95)
    smoothing: float = setting(0.1, "text.setting.smoothing", low=0, high=0.95)
    patience: int = 3
    lr: float = 0.002

    def __post_init__(self) -> None:
        super().__post_init__()
        dims = self.dims or READER["dims"]
        if "transformer" in self.models and dims % self.heads:
            raise ValueError(say("text.bad.heads", dims=dims, heads=self.heads))

    @property
    def models(self) -> tuple[str, ...]:
        """The kinds of network that are asked for."""
        return MODELS if self.model == "all" else (self.model,)

    def of(self, kind: str) -> Self:
        """The settings of one kind of network, with nothing left open."""
        asked: dict[str, Any] = {"model": kind}
        if self.tokenizer == "auto":
            asked["tokenizer"] = USUAL[kind]["tokenizer"]
        open_ones = [name for name in USUAL[kind] if not getattr(self, name)]
        full = replace(self, **asked, **{name: USUAL[kind][name] for name in open_ones})
        return replace(full, max_length=full.max_length or LENGTHS[full.tokenizer])
