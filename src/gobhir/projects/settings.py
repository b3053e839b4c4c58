"""A project's settings: one frozen dataclass, which the command line, the file `settings.json` and
the page of results all read.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

import numpy as np

from gobhir import from_numpy
from gobhir.lang import say
from gobhir.serialization import not_written, replace, save
from gobhir.training.processes import is_main_process

FILE = "settings.json"


def setting(default: Any, help: str, low: float | None = None, high: float | None = None) -> Any:
    """A field of a project's settings.

    help: the key of the sentence that says what it is; low, high: the smallest and the largest
    number that makes sense.
    """
    return dataclasses.field(default=default, metadata={"help": help, "low": low, "high": high})


@dataclass(frozen=True)
class Wish:
    """One thing that can be asked for: a field of the settings, or a verb's own option.

    kind: bool, int, float or str. choices: the words that there are, for a Literal. optional:
    whether None is one of its values.
    """

    name: str
    kind: type
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False

    @classmethod
    def of(cls, name: str, annotation: Any, default: Any, help: str, **limits: Any) -> Self:
        """From an annotation: `int`, `float | None`, `Literal["adam", "sgd"]`, ..."""
        parts = [part for part in get_args(annotation) if part is not NoneType]
        choices: tuple[str, ...] = ()
        kind = annotation
        if get_origin(annotation) is Literal:
            choices, kind = get_args(annotation), str
        elif parts:
            (kind,) = parts
        optional = NoneType in get_args(annotation)
        return cls(name, kind, default, help, choices=choices, optional=optional, **limits)

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")

    def read(self, text: str) -> Any:
        """The value that a command line's word means. ValueError when it means none."""
        if self.kind not in (int, float):
            return self.checked(text)
        try:
            number = self.kind(text)
        except ValueError:
            kind = "count" if self.kind is int else "number"
            raise ValueError(say(f"cli.bad.{kind}", option=self.option, text=text)) from None
            # keys: cli.bad.count, cli.bad.number
        return self.checked(number)

    def checked(self, value: Any) -> Any:
        """`value`, if it is one that makes sense. ValueError or TypeError when it is not."""
        if value is None and self.optional:
            return value
        fits = isinstance(value, self.kind) or (self.kind is float and type(value) is int)
        if not fits or (self.kind is not bool and isinstance(value, bool)):
            kind = say(f"projects.kind.{self.kind.__name__}")  # keys: projects.kind.*
            said = {"option": self.name, "kind": kind, "value": repr(value)}
            raise TypeError(say("projects.bad.kind", **said))
        if self.choices and value not in self.choices:
            known = ", ".join(self.choices)
            raise ValueError(say("projects.bad.choice", option=self.name, value=value, known=known))
        if self.kind in (int, float):
            low = -math.inf if self.low is None else self.low
            high = math.inf if self.high is None else self.high
            if not (low <= value <= high and math.isfinite(value)):
                where: dict[str, Any] = {"option": self.name, "low": low, "high": high}
                key = "range" if math.isfinite(high) else "least"
                raise ValueError(say(f"projects.bad.{key}", value=value, **where))
                # keys: projects.bad.range, projects.bad.least
        return value


@dataclass(frozen=True)
class Settings:
    """What every project can be told. A project adds its own fields, each by `setting`."""

    about: ClassVar[str]
    """The key of the sentence that says what the project is."""
    inputs: ClassVar[str]
    """The key of the sentence that says what `run` can be given."""

    seed: int = setting(0, "projects.setting.seed", low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        for wish in type(self).wishes():
            wish.checked(getattr(self, wish.name))

    @classmethod
    def wishes(cls) -> Iterator[Wish]:
        """All fields, a project's own first. A class that only changes the default of a field above
        it (`epochs: int = 60`) leaves what is said of it as it is."""
        hints = get_type_hints(cls)
        line = [base for base in cls.__mro__ if dataclasses.is_dataclass(base)]
        first = {f.name: k for k, base in enumerate(line) for f in dataclasses.fields(base)}
        fields = [f for base in reversed(line) for f in dataclasses.fields(base)]
        told = {f.name: f.metadata for f in fields if f.metadata}
        for field in sorted(dataclasses.fields(cls), key=lambda field: first[field.name]):
            yield Wish.of(field.name, hints[field.name], field.default, **told[field.name])

    def save(self, folder: Path) -> None:
        """Write them to `settings.json` in the folder, whole or not at all."""
        text = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"
        write(folder / FILE, text)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote. FileNotFoundError when nothing was trained there, ValueError when the
        file is not such settings."""
        path = folder / FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(say("projects.bad.untrained", folder=folder)) from None
        except ValueError as error:
            raise ValueError(say("projects.bad.file", path=path, reason=error)) from None
        known = {wish.name for wish in cls.wishes()}
        if not isinstance(content, dict) or not set(content) <= known:
            extra = ", ".join(set(content) - known) if isinstance(content, dict) else content
            raise ValueError(say("projects.bad.file", path=path, reason=extra))
        return cls(**content)


@dataclass(frozen=True)
class Training(Settings):
    """What a project whose network learns by `fit` can be told beside."""

    epochs: int = setting(20, "projects.setting.epochs", low=1)
    patience: int = setting(0, "projects.setting.patience", low=0)
    batch_size: int = setting(32, "projects.setting.batch_size", low=1)
    lr: float = setting(0.001, "projects.setting.lr", low=1e-9, high=10)
    weight_decay: float = setting(0.01, "projects.setting.weight_decay", low=0, high=10)
    device: str = setting("cpu", "projects.setting.device")
    precision: Literal["fp32", "bf16", "fp16"] = setting("fp32", "projects.setting.precision")
    deterministic: bool = setting(False, "projects.setting.deterministic")

    def __post_init__(self) -> None:
        super().__post_init__()
        engine = getattr(self, "engine", "torch")
        if self.precision != "fp32" and engine != "torch":
            told = {"precision": self.precision, "engine": engine}
            raise ValueError(say("projects.bad.precision", **told))
        if self.device not in ("cpu", "auto") and engine != "torch":
            raise ValueError(say("projects.bad.device", device=self.device, engine=engine))


def write(path: Path, content: str | bytes) -> None:
    """Put `content` in the file's place, whole or not at all. OSError with what to do. Of several
    processes (torchrun) only the first one writes."""
    if not is_main_process():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as trouble:
        raise not_written(path, trouble) from None
    replace(path, content.encode() if isinstance(content, str) else content)


def write_weights(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As `write`: arrays by name as safetensors."""
    if is_main_process():
        save({name: from_numpy(np.asarray(a, order="C")) for name, a in arrays.items()}, path)


def of_training(path: Path) -> Path:
    """A file that training leaves in a project's folder. FileNotFoundError where none was left."""
    if not path.is_file():
        raise FileNotFoundError(say("projects.bad.untrained", folder=path.parent))
    return path
