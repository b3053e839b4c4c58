"""A data set in memory, with its card."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gobhir.datasets.catalogue import Entry
from gobhir.lang import language, say


@dataclass(frozen=True, repr=False)
class Dataset:
    """What `load` gives.

    card: the entry of the catalogue (licence, how to cite, checksums, size).
    folder: where its files lie. paths: the files themselves by name.
    genuine: whether every file is the one that the catalogue knows, by its checksum.
    contents: what was read; the properties below give it, or say what there is instead.
    """

    card: Entry
    folder: Path
    paths: dict[str, Path]
    genuine: bool
    contents: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def images(self) -> Any:
        """(N, H, W) array of bytes or numbers, as stored."""
        return self._content("images")

    @property
    def texts(self) -> list[str]:
        """N texts, in the order of the files."""
        return self._content("texts")

    @property
    def labels(self) -> Any:
        """(N,) integers: each one's place in `classes`."""
        return self._content("labels")

    @property
    def frame(self) -> Any:
        """A pandas DataFrame; `target` is its column to be predicted, where it has one."""
        return self._content("frame")

    @property
    def splits(self) -> Any:
        """(N,) words such as "train", "dev", "test": the source's own split."""
        return self._content("splits")

    def has(self, content: str) -> bool:
        """Whether there are `images`, `texts`, `labels`, `frame` or `splits`."""
        return content in self.contents

    def classes(self, lang: str | None = None) -> list[str]:
        """The names of the classes in `lang` (default: the language in force)."""
        return [text[lang or language()] for text in self.card.classes]

    def _content(self, name: str) -> Any:
        if name not in self.contents:
            known = ", ".join(self.contents) or "paths"
            raise AttributeError(say("datasets.no_content", set=self.name, name=name, known=known))
        return self.contents[name]

    def __repr__(self) -> str:
        read = ", ".join(f"{name}: {_extent(value)}" for name, value in self.contents.items())
        return f"Dataset({self.name!r}, {read or f'{len(self.paths)} files'})"


def _extent(value: Any) -> str:
    return str(tuple(value.shape)) if hasattr(value, "shape") else str(len(value))
