"""Changes to cctv.toml that leave alone what they are not about: comments, order, blank lines.

The text is cut into blocks, a header with the lines below it. What comes out is read again: where
it does not say what was meant (tables written inline, say), the whole file is written anew, without
its comments.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gobhir.projects.cctv.config import Camera, System, as_toml, parse, value_text, wishes

_HEADER = re.compile(r"\s*\[{1,2}\s*([\w.-]+)\s*\]{1,2}\s*(#.*)?$")
_PARTS = ("zone", "line", "rule")


def rewritten(text: str, camera: Camera, system: System) -> tuple[str, bool]:
    """The text with that camera's zones, lines and rules as in `system`, and whether its comments
    could stay. system: what the new text has to mean."""
    try:
        changed = _changed(text, camera)
        if parse(changed) == system:
            return changed, True
    except (ValueError, KeyError, IndexError):
        pass
    return as_toml(system), "#" not in text


@dataclass
class Block:
    """A header, the comments right above it, the lines below it."""

    name: str
    head: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)

    @property
    def content(self) -> dict[str, Any]:
        return tomllib.loads("\n".join(self.body))

    @property
    def text(self) -> list[str]:
        return [*self.head, *self.body]


def _changed(text: str, camera: Camera) -> str:
    blocks = _blocks(text)
    starts = [i for i, block in enumerate(blocks) if block.name == "camera"]
    (start,) = (i for i in starts if blocks[i].content["name"] == camera.name)
    end = start + 1
    while end < len(blocks) and blocks[end].name.startswith("camera."):
        end += 1
    own, old = blocks[start], blocks[start + 1 : end]
    given = any(block.name == "camera.rule" for block in old) or "rule" in own.content
    new: list[Block] = []
    for zone in camera.zones:
        new.append(_marked("zone", zone.name, zone.points, old))
    for line in camera.lines:
        new.append(_marked("line", line.name, line.points, old))
    if given or camera.rules != _untold(text, camera.name):
        if not camera.rules and "rule" not in own.content:
            _append(own, "rule = []")
        if camera.rules:
            own.body = [line for line in own.body if not re.match(r"\s*rule\s*=\s*\[\s*\]", line)]
        left = [block for block in old if block.name == "camera.rule"]
        for rule in camera.rules:
            keys = {wish.name: getattr(rule, wish.name) for wish in wishes(type(rule))}
            default = {wish.name: wish.default for wish in wishes(type(rule))}
            wanted = {"kind": rule.kind, **keys}
            block = next((b for b in left if b.content.get("kind") == rule.kind), None)
            if block is not None:
                left.remove(block)
            new.append(_filled("rule", block, wanted, default))
    for before, block in zip([own, *new], new, strict=False):
        if (
            before.body
            and before.body[-1].strip()
            and not (block.head and not block.head[0].strip())
        ):
            before.body.append("")
    if new and end < len(blocks) and new[-1].body[-1].strip():
        new[-1].body.append("")
    lines = [line for block in [*blocks[: start + 1], *new, *blocks[end:]] for line in block.text]
    return "\n".join(lines).strip("\n") + "\n"


def _untold(text: str, name: str) -> Any:
    """The rules that the file means where it says nothing of them."""
    return next(c.rules for c in parse(text).cameras if c.name == name)


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
    block = next(
        (b for b in old if b.name == f"camera.{kind}" and b.content.get("name") == name), None
    )
    wanted = {"name": name, "points": [[float(f"{x:.6g}"), float(f"{y:.6g}")] for x, y in points]}
    return _filled(kind, block, wanted, {})


def _filled(
    kind: str, block: Block | None, wanted: Mapping[str, Any], default: Mapping[str, Any]
) -> Block:
    """The block with these values: only lines whose value is another one are written anew."""
    if block is None:
        block = Block(f"camera.{kind}", [f"[[camera.{kind}]]"])
    have = block.content
    body, write = block.body, _written
    for name, value in wanted.items():
        if name in have and have[name] == value:
            continue
        if name not in have and value == default.get(name, object()):
            continue
        body = _without(body, name) if name in have and value is None else body
        if value is None:
            continue
        body = _replaced(body, name, write(value)) if name in have else body
        if name not in have:
            _append(block, f"{name} = {write(value)}")
            body = block.body
        block.body = body
    block.body = body
    return block


def _written(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(f"[{x!r}, {y!r}]" for x, y in value) + "]"
    return value_text(value)


def _replaced(body: list[str], name: str, text: str) -> list[str]:
    return _edited(body, name, lambda comment: [f"{name} = {text}{comment}"])


def _without(body: list[str], name: str) -> list[str]:
    return _edited(body, name, lambda comment: [])


def _edited(body: list[str], name: str, edit: Callable[[str], list[str]]) -> list[str]:
    """The lines, with those that give `name` its value (several, for a long list) edited."""
    for first, line in enumerate(body):
        if not re.match(rf"\s*{re.escape(name)}\s*=", line):
            continue
        for last in range(first, len(body)):
            try:
                tomllib.loads("\n".join(body[first : last + 1]))
            except tomllib.TOMLDecodeError:
                continue
            return [*body[:first], *edit(_comment(body[last])), *body[last + 1 :]]
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
