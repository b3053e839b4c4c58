"""What the page is told, as JSON: cameras and their health, events, zones, lines, rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gobhir.lang import t
from gobhir.projects.cctv.clock import local, utc, wall
from gobhir.projects.cctv.config import Camera, wishes
from gobhir.projects.cctv.rules import RULES, Rule
from gobhir.projects.cctv.sentences import unpacked
from gobhir.projects.cctv.store import Row
from gobhir.projects.film import hidden
from gobhir.projects.settings import Wish

SILENT = 10.0
"""Seconds without a beat after which the page says so."""


def event(row: Row, zone: str, lang: str) -> dict[str, Any]:
    """One event. clip, thumb: whether there is one."""
    return {
        "id": row.id,
        "camera": row.camera,
        "kind": row.kind,
        "title": kind_title(row.kind, lang),
        "place": row.place,
        "began": local(row.began, zone),
        "utc": row.began,
        "lasted": round(row.lasted, 1),
        "over": row.ended is not None,
        "sentence": row.sentence.text(lang),
        "score": round(row.score, 3),
        "thumb": bool(row.thumb),
        "clip": bool(row.clip),
        "seen": row.seen,
    }


def kind_title(kind: str, lang: str) -> str:
    """What a rule is called on the page. keys: dashboard.rule.*"""
    return t(f"dashboard.rule.{kind}", lang) if kind in RULES else kind


def day(text: str, zone: str) -> tuple[str, str]:
    """From when until when (UTC texts) a day such as 2026-02-21 lasts in the time zone. ValueError
    where it is none."""
    first = date.fromisoformat(text)
    where = ZoneInfo(zone) if zone else None
    ends = (datetime.combine(d, time()) for d in (first, first + timedelta(days=1)))
    began, over = (d.replace(tzinfo=where) if where else d.astimezone() for d in ends)
    return utc(began.timestamp()), utc(over.timestamp())


def health(
    camera: Camera, beat: Mapping[str, Any] | None, now: float, zone: str, lang: str
) -> dict[str, Any]:
    """How a camera is. state: "starting", "watching", "trouble" or "silent"."""
    said: dict[str, Any] = {
        "name": camera.name,
        "source": hidden(camera.source),
        "zones": [{"name": z.name, "points": z.points} for z in camera.zones],
        "lines": [{"name": x.name, "points": x.points} for x in camera.lines],
    }
    if beat is None:
        return {**said, "state": "starting", "trouble": None}
    trouble = beat.get("trouble")
    sentence = unpacked(trouble).text(lang) if trouble else None
    silent = abs(now - wall(beat["beat"])) > SILENT
    well = "watching" if beat.get("frames") else "starting"
    names = ("fps", "frames", "dropped", "broken", "people", "deaths", "megabytes")
    return {
        **said,
        **{name: beat.get(name, 0) for name in names},
        "state": "trouble" if trouble else "silent" if silent else well,
        "trouble": sentence,
        "beat": local(beat["beat"], zone),
        "last": local(beat["last"], zone) if beat.get("last") else "",
    }


def marks(camera: Camera, lang: str) -> dict[str, Any]:
    """What the editor shows of a camera: zones, lines, its rules with their values."""
    return {
        "name": camera.name,
        "zones": [{"name": z.name, "points": z.points} for z in camera.zones],
        "lines": [{"name": x.name, "points": x.points} for x in camera.lines],
        "rules": [rule(one) for one in camera.rules],
        "kinds": {
            kind: {
                "title": kind_title(kind, lang),
                "measured": made.measured,
                "fields": [field(wish, lang) for wish in wishes(made)],
            }
            for kind, made in RULES.items()
        },
    }


def rule(one: Rule) -> dict[str, Any]:
    """A rule as the page sends it back."""
    return {"kind": one.kind, **{w.name: getattr(one, w.name) for w in wishes(type(one))}}


def field(wish: Wish, lang: str) -> dict[str, Any]:
    """One field of a form: its limits, the sentence that says what it is, and what it means where
    nothing is said."""
    return {
        "name": wish.name,
        "kind": wish.kind.__name__,
        "default": wish.default,
        "low": wish.low,
        "high": wish.high,
        "choices": list(wish.choices),
        "optional": wish.optional,
        "none": t("dashboard.page.as_measured", lang) if wish.optional else "",
        "help": t(wish.help, lang),
    }


def camera_table(camera: Camera, asked: Any) -> dict[str, Any]:
    """A camera as cctv.toml has it, with the zones, lines and rules that the page sends."""
    table = {wish.name: getattr(camera, wish.name) for wish in wishes(Camera)}
    for name in ("zones", "lines", "rules"):
        table[name[:-1]] = asked.get(name) if isinstance(asked, dict) else None
    if isinstance(table["rule"], list):
        table["rule"] = [
            {k: v for k, v in one.items() if v is not None} if isinstance(one, dict) else one
            for one in table["rule"]
        ]
    return table
