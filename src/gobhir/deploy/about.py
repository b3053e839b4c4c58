"""What an ONNX file says of itself: what goes in and how it is prepared, what comes out.

It lies in the file's own metadata, as JSON under the key `gobhir`, so that the file alone is
enough to serve the model. What is read from a file is checked as anything that a stranger sent.
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar

from gobhir.lang import LANGUAGES, say

KEY = "gobhir"
TASKS = ("classification", "regression")
GIVES = ("logits", "log_probabilities", "probabilities", "values")
LEVELS = ("characters", "words", "bpe")


@dataclass(frozen=True)
class Drawing:
    """A sign drawn or written by hand. Whatever the paper and the pen, the network sees bright ink
    on black: cropped to the ink, its longer side brought to `box`, its centre of mass in the
    middle of size x size, numbers from 0 to 1; then (x - mean) / std, in `channels` equal ones."""

    kind: ClassVar[str] = "drawing"
    size: int = 28
    box: int = 20
    channels: int = 1
    mean: float = 0.0
    std: float = 1.0


@dataclass(frozen=True)
class Picture:
    """A photograph. Its shorter side is brought to `resize` (0: to the crop), the middle
    height x width is cut out; numbers from 0 to 1, with invert 1 - x; then (x - mean) / std by
    channel (3: red, green, blue; 1: grey)."""

    kind: ClassVar[str] = "picture"
    height: int = 224
    width: int = 224
    resize: int = 0
    channels: int = 3
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    invert: bool = False


@dataclass(frozen=True)
class Text:
    """A sentence, cut into pieces by `level` (characters, words, or words and then bpe by
    `merges`). A piece's number is its place in `vocabulary`; `unknown` stands for others. Cut off
    or filled up with `pad` to `length`. lower: capital letters become small ones."""

    kind: ClassVar[str] = "text"
    level: str = "words"
    vocabulary: tuple[str, ...] = ()
    merges: tuple[tuple[str, str], ...] = ()
    length: int = 64
    pad: int = 0
    unknown: int = 1
    begin: int | None = None
    end: int | None = None
    lower: bool = True


@dataclass(frozen=True)
class Numbers:
    """A row of a table: one number for each of `names`, then (x - mean) / std where given."""

    kind: ClassVar[str] = "numbers"
    names: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


Input = Drawing | Picture | Text | Numbers
_KINDS: dict[str, Any] = {k.kind: k for k in (Drawing, Picture, Text, Numbers)}


@dataclass(frozen=True)
class About:
    """What a model is for. `labels` and `title` by language: {"bn": ..., "en": ...}; a language
    that is not there is read in another one. gives: what the first output holds. An output of
    width 1 with two labels is that of the second class. temperature: logits are divided by it
    before they become probabilities, so that these are as sure as they should be
    (`gobhir.evaluation.Temperature`).

    ValueError where something does not fit together."""

    task: str = "classification"
    gives: str = "logits"
    temperature: float = 1.0
    title: dict[str, str] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)
    input: Input | None = None

    def __post_init__(self) -> None:
        _one_of("task", self.task, TASKS)
        _one_of("gives", self.gives, GIVES)
        finite = isinstance(self.temperature, (int, float)) and 0 < self.temperature < math.inf
        _check(finite, "temperature", "> 0", self.temperature)
        fits = self.temperature == 1 or self.gives == "logits"
        _check(fits, "temperature", 1, self.temperature)
        _check(set(self.title) <= set(LANGUAGES), "title", "bn, en", sorted(self.title))
        _check(set(self.labels) <= set(LANGUAGES), "labels", "bn, en", sorted(self.labels))
        counts = {lang: len(names) for lang, names in self.labels.items()}
        _check(len(set(counts.values())) < 2, "labels", "bn = en", counts)
        if self.input is not None:
            _checked_input(self.input)

    def to_json(self) -> str:
        """The text that goes into the file."""
        content = asdict(self)
        if self.input is not None:
            content["input"] = {"kind": self.input.kind, **content["input"]}
        return json.dumps({"version": 1, **content}, ensure_ascii=False)


def about_from(given: About | dict[str, Any] | str | None) -> About | None:
    """An About from its JSON, or from the dictionary that such JSON holds; None for None.
    ValueError, naming the entry, for anything else."""
    if given is None or isinstance(given, About):
        return given
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            raise _wrong("gobhir", "JSON", given[:60] if isinstance(given, str) else "") from None
    _check(isinstance(given, dict), "gobhir", "{...}", type(given).__name__)
    assert isinstance(given, dict)
    content = {k: v for k, v in given.items() if k not in ("version", "input")}
    _check(given.get("version", 1) == 1, "version", 1, given.get("version"))
    inner = given.get("input")
    if inner is not None and not isinstance(inner, tuple(_KINDS.values())):
        _check(isinstance(inner, dict), "input", "{...}", type(inner).__name__)
        kind = inner.get("kind")
        _one_of("input.kind", kind, tuple(_KINDS))
        inner = _made(_KINDS[kind], {k: v for k, v in inner.items() if k != "kind"}, "input.")
    made: About = _made(About, {**content, "input": inner}, "")
    return made


def _made(kind: Any, content: dict[str, Any], prefix: str) -> Any:
    """A dataclass from what JSON gave, each entry in the type of its default."""
    known = {f.name: f for f in fields(kind)}
    values = {}
    for name, value in content.items():
        _check(name in known, prefix + name, ", ".join(known), name)
        f = known[name]
        like = f.default if f.default_factory is MISSING else f.default_factory()
        values[name] = _as(like, value, prefix + name)
    return kind(**values)


def _as(like: Any, value: Any, name: str) -> Any:
    if like is None:
        fits = value is None or type(value) is int or isinstance(value, tuple(_KINDS.values()))
        _check(fits, name, "int", value)
        return value
    if isinstance(like, tuple):
        _check(isinstance(value, (list, tuple)), name, "[...]", value)
        return tuple(tuple(v) if isinstance(v, list) else v for v in value)
    if isinstance(like, dict):
        _check(isinstance(value, dict), name, "{...}", value)
        texts = [t for v in value.values() for t in (v if isinstance(v, (list, tuple)) else [v])]
        _check(all(isinstance(t, str) for t in texts), name, "str", value)
        whole = name == "title"
        fits = all(isinstance(v, str) == whole for v in value.values())
        _check(fits, name, "str" if whole else "[...]", value)
        return {k: v if isinstance(v, str) else list(v) for k, v in value.items()}
    if isinstance(like, float) and type(value) is int:
        value = float(value)
    _check(type(value) is type(like), name, type(like).__name__, value)
    return value


def _checked_input(form: Input) -> None:
    if isinstance(form, Drawing):
        _whole("size", form.size, 1, 4096)
        _whole("box", form.box, 1, form.size)
        _whole("channels", form.channels, 1, 3)
        _numbers("mean", (form.mean,), 1)
        _numbers("std", (form.std,), 1, positive=True)
    elif isinstance(form, Picture):
        for name in ("height", "width"):
            _whole(name, getattr(form, name), 1, 4096)
        _whole("resize", form.resize, 0, 8192)
        _check(form.channels in (1, 3), "input.channels", "1, 3", form.channels)
        _numbers("mean", form.mean[: form.channels], form.channels)
        _numbers("std", form.std[: form.channels], form.channels, positive=True)
        least = max(form.height, form.width)
        _check(form.resize == 0 or form.resize >= least, "input.resize", f">= {least}", form.resize)
    elif isinstance(form, Text):
        _one_of("input.level", form.level, LEVELS)
        _whole("length", form.length, 1, 1 << 20)
        size = len(form.vocabulary)
        _check(size > 0, "input.vocabulary", "[...]", "[]")
        strings = all(isinstance(w, str) for w in form.vocabulary)
        _check(strings, "input.vocabulary", "str", "...")
        for name in ("pad", "unknown"):
            _whole(name, getattr(form, name), 0, size - 1)
        for name in ("begin", "end"):
            if getattr(form, name) is not None:
                _whole(name, getattr(form, name), 0, size - 1)
        pairs = all(
            isinstance(m, tuple) and len(m) == 2 and all(isinstance(p, str) for p in m)
            for m in form.merges
        )
        _check(pairs, "input.merges", "[[a, b], ...]", "...")
    else:
        for name in ("mean", "std"):
            given = getattr(form, name)
            if given:
                _numbers(name, given, len(form.names) or len(given), positive=name == "std")
        _check(all(isinstance(n, str) for n in form.names), "input.names", "str", form.names)


def _whole(name: str, value: Any, least: int, most: int) -> None:
    fits = type(value) is int and least <= value <= most
    _check(fits, f"input.{name}", f"{least}..{most}", value)


def _numbers(name: str, values: Any, count: int, positive: bool = False) -> None:
    fits = len(values) == count and all(
        isinstance(v, (int, float)) and math.isfinite(v) and (v > 0 or not positive) for v in values
    )
    _check(fits, f"input.{name}", f"{count} x {'> 0' if positive else 'float'}", values)


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    _check(value in known, name, ", ".join(known), value)


def _check(fits: bool, name: str, want: Any, got: Any) -> None:
    if not fits:
        raise _wrong(name, want, got)


def _wrong(name: str, want: Any, got: Any) -> ValueError:
    return ValueError(say("deploy.about.wrong", name=name, want=want, got=str(got)[:80]))
