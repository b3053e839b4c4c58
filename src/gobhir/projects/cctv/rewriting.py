"""Changes to cctv.toml that leave alone what they are not about: comments, order, blank lines.

The text is cut into blocks, a header with the lines below it. What comes out is read again: where
it does not say what was meant (tables written inline, say), the whole file is written anew, without
its comments.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gobhir.projects.cctv.config import (
    FILE,
    SECTIONS,
    Camera,
    Looking,
    System,
    as_toml,
    default_rules,
    parse,
    value_text,
    wishes,
)
from gobhir.projects.naming import composed
from gobhir.projects.settings import write

_HEADER = re.compile(r"\s*\[{1,2}\s*([\w.-]+)\s*\]{1,2}\s*(#.*)?$")


def rewritten(text: str, system: System) -> tuple[str, bool]:
    """A text that means `system` as the old one did something else, and whether its comments could
    stay."""
    try:
        changed = _changed(text, system)
        if parse(changed) == system:
            return changed, True
    except (ValueError, KeyError, IndexError):
        pass
    return as_toml(system), "#" not in text


def save(system: System, folder: Path) -> None:
    """Let the cctv.toml that is there mean `system`, whole or not at all; its comments stay where
    they can."""
    path = folder / FILE
    write(path, rewritten(path.read_text(encoding="utf-8-sig"), system)[0])


@dataclass
class Block:
    """A header, the comments right above it, the lines below it. fresh: it was not in the text."""

    name: str
    head: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    fresh: bool = False

    @property
    def content(self) -> dict[str, Any]:
        return tomllib.loads("\n".join(self.body))

    @property
    def text(self) -> list[str]:
        return [*self.head, *self.body]


def _changed(text: str, system: System) -> str:
    groups: list[list[Block]] = []
    """Sections, and cameras each with what belongs to it, as they stand in the text."""
    for block in _blocks(text):
        if block.name.startswith("camera."):
            groups[-1].append(block)
        else:
            groups.append([block])
    old = [group for group in groups if group[0].name == "camera"]
    for name in ("", *SECTIONS):
        section = getattr(system, name) if name else system
        found = next((group[0] for group in groups if group[0].name == name), None)
        block = _filled(f"[{name}]", found, _values(section), _defaults(type(section)))
        if found is None and block.body:
            at = groups.index(old[0]) if old else len(groups)
            groups.insert(at, [block])
    known = {composed(group[0].content["name"]): group for group in old}
    for camera in system.cameras:
        group = known.pop(camera.name, None)
        if group is None:
            at = groups.index(old[-1]) + 1 if old else len(groups)
            group = []
            groups.insert(at, group)
            old.append(group)
        group[:] = _camera(group, camera, system.detector)
    gone = list(known.values())
    return _joined(block for group in groups if group not in gone for block in group)


def _camera(group: list[Block], camera: Camera, usual: Looking) -> list[Block]:
    """The blocks of a camera that is as `camera`. usual: the system's detector."""
    said = {k: v for k, v in _values(camera).items() if not group or k != "name"}
    own = _filled("[[camera]]", group[0] if group else None, said, {"quiet": Camera.quiet})
    old = group[1:]
    given = any(block.name == "camera.rule" for block in old) or "rule" in own.content
    new: list[Block] = []
    if camera.detector is not None:
        block = next((b for b in old if b.name == "camera.detector"), None)
        have, common = block.content if block else {}, _values(usual)
        wanted = {
            k: None if v == common[k] and have.get(k) != v else v
            for k, v in _values(camera.detector).items()
        }
        new.append(_filled("[camera.detector]", block, wanted, {}))
    for zone in camera.zones:
        new.append(_marked("zone", zone.name, zone.points, old))
    for line in camera.lines:
        new.append(_marked("line", line.name, line.points, old))
    if given or camera.rules != default_rules():  # which are meant where nothing is said
        if not camera.rules and "rule" not in own.content:
            _append(own, "rule = []")
        if camera.rules:
            own.body = [line for line in own.body if not re.match(r"\s*rule\s*=\s*\[\s*\]", line)]
        left = [block for block in old if block.name == "camera.rule"]
        for rule in camera.rules:
            block = next((b for b in left if b.content.get("kind") == rule.kind), None)
            if block is not None:
                left.remove(block)
            wanted = {"kind": rule.kind, **_values(rule)}
            new.append(_filled("[[camera.rule]]", block, wanted, _defaults(type(rule))))
    return [own, *new]


def _values(section: Any) -> dict[str, Any]:
    return {wish.name: getattr(section, wish.name) for wish in wishes(type(section))}


def _defaults(kind: type) -> dict[str, Any]:
    return {wish.name: wish.default for wish in wishes(kind)}


def _joined(blocks: Iterable[Block]) -> str:
    """The text again, with a blank line around what is fresh."""

    def lines() -> Iterator[str]:
        before = Block("")
        for block in blocks:
            fresh, text = before.fresh or block.fresh, before.text
            if fresh and text and text[-1].strip() and block.text[0].strip():
                yield ""
            yield from block.text
            before = block

    return "\n".join(lines()).strip("\n") + "\n"


def _blocks(text: str) -> list[Block]:
    blocks = [Block("")]
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header is None:
            blocks[-1].body.append(line)
            continue
        above: list[str] = []
        before = blocks[-1].body
        while before and before[-1].lstrip().startswith("#"):
            above.insert(0, before.pop())
        blocks.append(Block(header[1], [*above, line]))
    return blocks


def _marked(kind: str, name: str, points: Any, old: list[Block]) -> Block:
    named = (b for b in old if b.name == f"camera.{kind}" and b.content.get("name") == name)
    wanted = {"name": name, "points": [[float(f"{x:.6g}"), float(f"{y:.6g}")] for x, y in points]}
    return _filled(f"[[camera.{kind}]]", next(named, None), wanted, {})


def _filled(
    header: str, block: Block | None, wanted: Mapping[str, Any], default: Mapping[str, Any]
) -> Block:
    """The block with these values: only lines whose value is another one are written anew, and
    none for what is at its default and was not said."""
    if block is None:
        block = Block(header.strip("[]"), [header], fresh=True)
    have = block.content
    block.fresh |= not block.text
    for name, value in wanted.items():
        if name in have and have[name] != value:
            text = [] if value is None else [f"{name} = {_written(value)}"]
            block.body = _edited(block.body, name, text)
        elif name not in have and value is not None and value != default.get(name, object()):
            _append(block, f"{name} = {_written(value)}")
    return block


def _written(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(f"[{x!r}, {y!r}]" for x, y in value) + "]"
    return value_text(value)


def _edited(body: list[str], name: str, new: list[str]) -> list[str]:
    """The lines, with `new` in place of those that give `name` its value (several, for a long
    list); what stands behind the value stays."""
    for first, line in enumerate(body):
        if not re.match(rf"\s*{re.escape(name)}\s*=", line):
            continue
        for last in range(first, len(body)):
            try:
                tomllib.loads("\n".join(body[first : last + 1]))
            except tomllib.TOMLDecodeError:
                continue
            comment = _comment(body[last])
            return [*body[:first], *(text + comment for text in new), *body[last + 1 :]]
    raise KeyError(name)


def _comment(line: str) -> str:
    """What stands behind a value, with the space before it. A # within quotes is none: what is
    before it is no value."""
    for at in (i for i, letter in enumerate(line) if letter == "#"):
        value = line[:at].partition("=")[2] or line[:at]
        if value.count('"') % 2 == 0 and value.count("'") % 2 == 0:
            return "  " + line[at:]
    return ""


def _append(block: Block, line: str) -> None:
    """A line more, before the blank lines at the end."""
    at = len(block.body)
    while at and not block.body[at - 1].strip():
        at -= 1
    block.body.insert(at, line)
