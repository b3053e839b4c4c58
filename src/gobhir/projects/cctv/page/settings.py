"""The settings as the page shows and changes them: made from config.py's own sections, so that a
new key there is a new field here. Passwords stay on this side: the page sees ***, and sends that
back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from gobhir.lang import say, t
from gobhir.projects.cctv import config
from gobhir.projects.cctv.page import told
from gobhir.projects.film import hidden
from gobhir.projects.naming import composed

VEIL = "***"


def shown(system: config.System, lang: str) -> dict[str, Any]:
    """Everything that the page's forms need: fields with their values, section by section."""
    usual = _values(system.detector)
    own = [field | _usual(field, usual, lang) for field in _fields(config.Looking, lang)]
    return {
        "sections": [_section(system, name, lang) for name in ("", *config.SECTIONS)],
        "fields": {"camera": _fields(config.Camera, lang), "detector": own},
        "cameras": [
            _values(camera)
            | {"source": hidden(camera.source), "detector": _own(camera.detector, usual)}
            for camera in system.cameras
        ],
    }


def edited(text: str, asked: Any) -> config.System:
    """What cctv.toml means with what the page sends, which looks as the file does. ValueError with
    the key that is wrong."""
    if not isinstance(asked, dict):
        raise ValueError(say("cctv.config.no_table", name="settings"))
    old = config.tables(text)
    new = old | {k: _over(old.get(k), v) for k, v in asked.items() if k != "camera"}
    if isinstance(url := _in(asked.get("webhook"), "url"), str):
        before = _in(old.get("webhook"), "url") or ""
        new["webhook"] |= {"url": _unveiled("webhook: url", url, before, veiled)}
    cameras = asked.get("camera", old.get("camera", []))
    if isinstance(cameras, list) and all(isinstance(one, dict) for one in cameras):
        known = {camera.name: table for camera, table in _cameras(text, old)}
        cameras = [_camera(one, known.get(composed(str(one.get("name"))), {})) for one in cameras]
    return config.read(new | {"camera": cameras})


def veiled(url: str) -> str:
    """A webhook's address, of which often all but the host is a secret."""
    parts = urlsplit(url)
    before, at, host = parts.netloc.rpartition("@")
    bare = not parts.query and parts.path in ("", "/")
    return (
        f"{parts.scheme}://{VEIL + at if before else ''}{host}{parts.path if bare else '/' + VEIL}"
    )


def _section(system: config.System, name: str, lang: str) -> dict[str, Any]:
    section = getattr(system, name) if name else system
    values = _values(section)
    if values.get("url"):
        values["url"] = veiled(values["url"])
    fields = _fields(type(section), lang)
    if name == "":
        fields = [field | {"suggest": sorted(available_timezones())} for field in fields]
    return {
        "name": name,
        "title": t(f"dashboard.section.{name or 'general'}", lang),
        "note": t(f"dashboard.section.{name or 'general'}_note", lang),
        # keys: dashboard.section.*
        "fields": fields,
        "values": values,
    }


def _fields(kind: type, lang: str) -> list[dict[str, Any]]:
    return [told.field(wish, lang) for wish in config.wishes(kind)]


def _usual(field: Mapping[str, Any], usual: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """A field of a camera's own detector can be left to what holds for all."""
    value = usual[field["name"]]
    if isinstance(value, bool):
        value = t("dashboard.page.on" if value else "dashboard.page.off", lang)
    elif isinstance(value, float):
        value = f"{value:g}"
    return {"optional": True, "none": t("dashboard.page.as_all", lang, value=value)}


def _values(section: Any) -> dict[str, Any]:
    return {wish.name: getattr(section, wish.name) for wish in config.wishes(type(section))}


def _own(detector: config.Looking | None, usual: Mapping[str, Any]) -> dict[str, Any]:
    """What a camera's detector has for itself; None where it is as for all."""
    own = usual if detector is None else _values(detector)
    return {name: None if value == usual[name] else value for name, value in own.items()}


def _cameras(text: str, tables: Mapping[str, Any]) -> Any:
    """The cameras of the file, each with its table."""
    return zip(config.parse(text).cameras, tables.get("camera", []), strict=True)


def _camera(asked: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """A camera's table with what the page sends of it; its zones, lines and rules stay."""
    new = {**old, **asked}
    own = asked.get("detector")
    if isinstance(own, dict):
        new["detector"] = {name: value for name, value in own.items() if value is not None}
    if not new.get("detector"):
        new.pop("detector", None)
    if isinstance(source := asked.get("source"), str):
        where = f"camera '{asked.get('name')}': source"
        new["source"] = _unveiled(where, source, old.get("source", ""), hidden)
    return new


def _unveiled(where: str, sent: str, old: str, veil: Callable[[str], str]) -> str:
    """What is meant by what the page sends. A secret stays with the address that it belongs to."""
    if old and sent == veil(old):
        return old
    if VEIL in sent:
        raise ValueError(config.at(where, say("dashboard.refuse.veil")))
    return sent.strip()


def _over(old: Any, new: Any) -> Any:
    return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new


def _in(table: Any, name: str) -> Any:
    return table.get(name) if isinstance(table, dict) else None
