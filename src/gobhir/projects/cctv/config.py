"""The file cctv.toml: cameras with zones, lines and rules; the detector; what is kept and told.

system = load(folder)           # ValueError names the key that is wrong
save(system, folder)            # whole or not at all
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from gobhir.lang import Message, say
from gobhir.projects.cctv.rules import RULES, Rule
from gobhir.projects.cctv.zones import Line, Zone
from gobhir.projects.film import hidden
from gobhir.projects.naming import composed, is_name
from gobhir.projects.settings import Wish, setting, write

FILE = "cctv.toml"
SMALLEST = 1e-4
"""Of the frame: in a zone that is smaller nobody ever stands."""
T = TypeVar("T")


@dataclass(frozen=True)
class Looking:
    """The detector, and when it looks."""

    model: str = setting("pedestrian_ssdlite", "cctv.setting.model")
    kind: str = setting("", "cctv.setting.kind")
    size: int = setting(0, "cctv.setting.size", low=0, high=10000)
    person: str = setting("person", "cctv.setting.person")
    score: float = setting(0.2, "cctv.setting.score", low=0.01, high=1)
    smallest: float = setting(0.04, "cctv.setting.smallest", low=0, high=1)
    tile: int = setting(300, "cctv.setting.tile", low=0, high=10000)
    fps: float = setting(5.0, "cctv.setting.fps", low=0.1, high=100)
    threads: int = setting(1, "cctv.setting.threads", low=0, high=256)
    sweep: float = setting(10.0, "cctv.setting.sweep", low=0.1, high=86400)
    hold: float = setting(2.0, "cctv.setting.hold", low=0, high=3600)
    adapted: bool = setting(False, "cctv.setting.adapted")


@dataclass(frozen=True)
class Clips:
    """What a clip shows."""

    before: float = setting(5.0, "cctv.setting.before", low=0, high=60)
    after: float = setting(5.0, "cctv.setting.after", low=0, high=60)
    longest: float = setting(60.0, "cctv.setting.longest", low=1, high=3600)
    fps: float = setting(8.0, "cctv.setting.clip_fps", low=1, high=60)
    width: int = setting(960, "cctv.setting.width", low=64, high=7680)
    megabytes: int = setting(64, "cctv.setting.megabytes", low=1, high=4096)
    blur: bool = setting(True, "cctv.setting.blur")


@dataclass(frozen=True)
class Keeping:
    """What is deleted, the oldest first."""

    days: float = setting(14.0, "cctv.setting.days", low=0.01, high=36500)
    gigabytes: float = setting(10.0, "cctv.setting.gigabytes", low=0.001, high=1e6)
    free: float = setting(0.5, "cctv.setting.free", low=0, high=1e6)


@dataclass(frozen=True)
class Telling:
    """Who is told of an event, by an HTTP POST of JSON. No `url`: nobody."""

    url: str = setting("", "cctv.setting.url")
    timeout: float = setting(5.0, "cctv.setting.timeout", low=0.1, high=120)
    tries: int = setting(20, "cctv.setting.tries", low=1, high=1000)


@dataclass(frozen=True)
class Camera:
    """One camera: where its frames come from, what is marked in them, and what is watched for.
    detector: its own, in place of the system's."""

    name: str = setting("camera", "cctv.setting.name")
    source: str = setting("", "cctv.setting.source")
    quiet: float = setting(3.0, "cctv.setting.quiet", low=0, high=3600)
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    rules: tuple[Rule, ...] = ()
    detector: Looking | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", composed(self.name))


@dataclass(frozen=True)
class System:
    """All of cctv.toml. time_zone: in which times are shown, "" for the machine's."""

    time_zone: str = setting("", "cctv.setting.time_zone")
    detector: Looking = field(default_factory=Looking)
    clips: Clips = field(default_factory=Clips)
    keep: Keeping = field(default_factory=Keeping)
    webhook: Telling = field(default_factory=Telling)
    cameras: tuple[Camera, ...] = ()

    def looking(self, camera: Camera) -> Looking:
        """The detector of that camera: its own, or else the system's."""
        return camera.detector or self.detector


SECTIONS: dict[str, type] = {
    "detector": Looking,
    "clips": Clips,
    "keep": Keeping,
    "webhook": Telling,
}


def wishes(kind: type) -> list[Wish]:
    """The plain keys of a section, a camera or a rule."""
    hints = get_type_hints(kind)
    return [
        Wish.of(f.name, hints[f.name], f.default, **f.metadata)
        for f in dataclasses.fields(kind)
        if "help" in f.metadata
    ]


def renewed(before: System, after: System) -> set[str]:
    """The cameras of both whose process goes by something that is another now."""

    def goes_by(system: System) -> dict[str, Any]:
        return {c.name: (c, system.looking(c), system.clips) for c in system.cameras}

    old, new = goes_by(before), goes_by(after)
    return {name for name in old.keys() & new.keys() if old[name] != new[name]}


def default_rules() -> tuple[Rule, ...]:
    """What is watched for when nothing is said: what needs no zone, and was measured."""
    return (RULES["intrusion"](), RULES["loitering"]())


# -- reading -------------------------------------------------------------------------------------


def load(folder: Path) -> System:
    """FileNotFoundError where there is no cctv.toml, ValueError where something in it is wrong."""
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(say("cctv.config.none", path=path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(say("cctv.config.unreadable", path=path, reason=error)) from None
    return parse(text, path)


def parse(text: str, path: Path | str = FILE) -> System:
    """The system that a text describes. ValueError with the key that is wrong."""
    return read(tables(text, path))


def tables(text: str, path: Path | str = FILE) -> dict[str, Any]:
    """What stands in the text, unchecked. ValueError where that is no TOML."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))  # Windows' editor begins with it
    except tomllib.TOMLDecodeError as error:
        raise ValueError(say("cctv.config.unreadable", path=path, reason=error)) from None


def read(tables: Mapping[str, Any]) -> System:
    """The system that tables describe. ValueError with the key that is wrong."""
    content = dict(tables)
    cameras = _tables(content.pop("camera", []), "camera")
    parts: dict[str, Any] = {
        name: _plain(kind, _table(content.pop(name, {}), name), name)
        for name, kind in SECTIONS.items()
    }
    _known(content, (*(w.name for w in wishes(System)), *SECTIONS, "camera"), "")
    system = _plain(System, content, "")
    usual = _keyed(parts["detector"])
    made = tuple(read_camera(table, number, usual) for number, table in enumerate(cameras, 1))
    system = dataclasses.replace(system, cameras=made, **parts)
    check(system)
    return system


def check(system: System) -> None:
    """What no key can say alone: names once, an address that is one, a known time zone."""
    if system.time_zone:
        try:
            ZoneInfo(system.time_zone)
        except (OSError, ValueError, KeyError):
            said = say("cctv.config.time_zone", zone=system.time_zone)
            raise ValueError(at("time_zone", said)) from None
    if system.webhook.url and not _is_address(system.webhook.url):
        raise ValueError(at("webhook: url", say("cctv.config.url", url=hidden(system.webhook.url))))
    names = [camera.name.casefold() for camera in system.cameras]
    for name in (camera.name for camera in system.cameras):
        if names.count(name.casefold()) > 1:  # not every disk tells A from a
            raise ValueError(at(f"camera '{name}'", say("cctv.config.twice", name=name)))
    for camera in system.cameras:
        _check_camera(camera)


def _is_address(url: str) -> bool:
    try:
        address = urlsplit(url)
        return address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:  # half of an IPv6 address, a port that is no number
        return False


def _check_camera(camera: Camera) -> None:
    where = f"camera '{camera.name}'"
    if not is_name(camera.name):
        raise ValueError(at(where, say("cctv.config.name", name=camera.name)))
    if not camera.source:
        raise ValueError(at(f"{where}: source", say("cctv.config.no_source")))
    places = [zone.name for zone in camera.zones] + [line.name for line in camera.lines]
    for name in places:
        if places.count(name) > 1:
            raise ValueError(at(f"{where}: {name}", say("cctv.config.twice", name=name)))
    zones, lines = [z.name for z in camera.zones], [x.name for x in camera.lines]
    for number, rule in enumerate(camera.rules, 1):
        for key, known in (("zone", zones), ("line", lines)):
            wanted = getattr(rule, key, None)
            if wanted is None or (key == "zone" and not wanted) or wanted in known:
                continue
            said = say(f"cctv.config.no_{key}", name=wanted, known=", ".join(known) or "-")
            # keys: cctv.config.no_zone, cctv.config.no_line
            raise ValueError(at(f"{where}: rule {number} ({rule.kind}): {key}", said))


def read_camera(table: dict[str, Any], number: int, usual: dict[str, Any]) -> Camera:
    """A camera as the file has it, with its zones, lines and rules; usual: what holds for its
    detector where it says nothing else. ValueError with the key that is wrong; `check` says the
    rest."""
    name = table.get("name", number)
    where = f"camera '{name}'"
    zones = [_zone(t, where) for t in _tables(table.pop("zone", []), f"{where}: zone")]
    lines = [_line(t, where) for t in _tables(table.pop("line", []), f"{where}: line")]
    asked = table.pop("rule", None)
    rules = default_rules()
    if asked is not None:
        numbered = enumerate(_tables(asked, f"{where}: rule"), 1)
        rules = tuple(_rule(t, f"{where}: rule {n}") for n, t in numbered)
    detector = None
    if (own := table.pop("detector", None)) is not None:
        own = _table(own, f"{where}: detector")
        detector = _plain(Looking, {**usual, **own}, f"{where}: detector")
    camera = _plain(Camera, table, where)
    camera = dataclasses.replace(camera, zones=tuple(zones), lines=tuple(lines))
    return dataclasses.replace(camera, rules=rules, detector=detector)


def _zone(table: dict[str, Any], where: str) -> Zone:
    name, points = _marked(table, f"{where}: zone", least=3, most=200)
    zone = Zone(name, points)
    if zone.hull < SMALLEST:
        said = say("cctv.config.small", least=f"{SMALLEST:.2%}")
        raise ValueError(at(f"{where}: zone '{name}'", said))
    return zone


def _line(table: dict[str, Any], where: str) -> Line:
    name, (a, b) = _marked(table, f"{where}: line", least=2, most=2)
    if a == b:
        raise ValueError(at(f"{where}: line '{name}'", say("cctv.config.no_length")))
    return Line(name, (a, b))


def _marked(
    table: dict[str, Any], where: str, least: int, most: int
) -> tuple[str, tuple[tuple[float, float], ...]]:
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError(at(f"{where}: name", say("cctv.config.no_name")))
    _known(table, ("name", "points"), f"{where} '{name}'")
    points = table.get("points")
    fits = isinstance(points, list) and least <= len(points) <= most
    if not fits or not all(_is_point(p) for p in points or ()):
        said = say("cctv.config.points", least=least, most=most)
        raise ValueError(at(f"{where} '{name}': points", said))
    assert isinstance(points, list)
    return name, tuple((float(x), float(y)) for x, y in points)


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 2
        and all(type(x) in (int, float) and 0 <= x <= 1 for x in point)
    )


def _rule(table: dict[str, Any], where: str) -> Rule:
    kind = table.pop("kind", "")
    if not isinstance(kind, str) or kind not in RULES:
        said = say("cctv.config.no_rule", kind=kind, known=", ".join(RULES))
        raise ValueError(at(f"{where}: kind", said))
    return _plain(RULES[kind], table, f"{where} ({kind})")


def _plain(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    known = {wish.name: wish for wish in wishes(kind)}
    _known(table, known, where)
    values = {}
    for name, value in table.items():
        try:
            values[name] = known[name].checked(value)
        except (TypeError, ValueError) as error:
            raise ValueError(at(f"{where}: {name}" if where else name, error.args[0])) from None
    return kind(**values)


def _known(table: Mapping[str, Any], known: Any, where: str) -> None:
    for name in table:
        if name not in known:
            said = say("cctv.config.unknown", known=", ".join(known))
            raise ValueError(at(f"{where}: {name}" if where else name, said))


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(at(where, say("cctv.config.no_table", name=where)))
    return value


def _tables(value: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError(at(where, say("cctv.config.no_tables", name=where.split(": ")[-1])))
    return [dict(one) for one in value]


def at(key: str, problem: Message) -> Message:
    """What is wrong, and where: key is as the file has it, such as "camera 'gate': source"."""
    return say("cctv.config.key", key=key, problem=problem)


# -- writing -------------------------------------------------------------------------------------


def save(system: System, folder: Path) -> None:
    """Check it, then write cctv.toml, whole or not at all."""
    text = as_toml(system)
    parse(text)
    write(folder / FILE, text)


def as_toml(system: System) -> str:
    """The text of cctv.toml: every key, so that one sees what there is."""
    lines = [*_keys(system)]
    for name in SECTIONS:
        lines += ["", f"[{name}]", *_keys(getattr(system, name))]
    for camera in system.cameras:
        lines += ["", "[[camera]]", *_keys(camera), *([] if camera.rules else ["rule = []"])]
        if camera.detector is not None:
            lines += ["", "[camera.detector]", *_keys(camera.detector)]
        for kind, marked in (("zone", camera.zones), ("line", camera.lines)):
            for one in marked:
                points = ", ".join(f"[{x:.6g}, {y:.6g}]" for x, y in one.points)
                named = f"name = {value_text(one.name)}"
                lines += ["", f"[[camera.{kind}]]", named, f"points = [{points}]"]
        for rule in camera.rules:
            lines += ["", "[[camera.rule]]", f'kind = "{rule.kind}"', *_keys(rule)]
    return "\n".join(lines).strip("\n") + "\n"


def _keys(section: Any) -> Iterator[str]:
    yield from (f"{name} = {value_text(value)}" for name, value in _keyed(section).items())


def _keyed(section: Any) -> dict[str, Any]:
    """The plain keys of a section that say something."""
    found = {wish.name: getattr(section, wish.name) for wish in wishes(type(section))}
    return {name: value for name, value in found.items() if value is not None}


def value_text(value: Any) -> str:
    """As it is written in TOML."""
    if isinstance(value, str):  # JSON's escapes are TOML's, but for one character
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def replace_cameras(system: System, cameras: tuple[Camera, ...]) -> System:
    """The same system with other cameras. ValueError where these do not fit."""
    changed = dataclasses.replace(system, cameras=cameras)
    check(changed)
    return changed
