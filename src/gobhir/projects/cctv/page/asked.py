"""What a browser sends, read with care: bodies of a bounded size, JSON that is some, numbers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request

from gobhir.deploy.serve.limits import Refused
from gobhir.lang import say

LARGEST = 256 * 1024
"""Bytes of a request's body."""
SLOW = 10.0
"""Seconds for sending it."""


async def body(request: Request) -> bytes:
    """All of it. Refused where it is too large or too slow."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(SLOW):
            async for part in request.stream():
                size += len(part)
                if size > LARGEST:
                    said = say("dashboard.refuse.body", most=LARGEST)
                    raise Refused(413, "body", said, Connection="close")
                parts.append(part)
    except TimeoutError:
        said = say("deploy.refuse.slow", seconds=SLOW)
        raise Refused(408, "slow", said, Connection="close") from None
    except ClientDisconnect:
        raise Refused(400, "length", say("deploy.refuse.length")) from None
    return b"".join(parts)


def content(sent: bytes) -> Any:
    """The JSON in a body. Refused where it is none."""
    try:
        found = json.loads(sent, parse_constant=_nothing)
        json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        raise Refused(400, "json", say("dashboard.refuse.json")) from None
    return found


def number(text: str) -> int:
    """A whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 18 and int(text) > 0):
        raise Refused(422, "number", say("dashboard.refuse.number", got=text[:40]))
    return int(text)


def ticked(asked: Any) -> bool:
    """Whether it says which events were seen, or not."""
    if not isinstance(asked, dict) or type(asked.get("seen")) is not bool:
        return False
    ids = asked.get("ids")
    if not isinstance(ids, list) or len(ids) > 1000:
        return False
    return all(type(one) is int and 0 < one < 2**62 for one in ids)


def _nothing(word: str) -> None:
    raise ValueError(word)  # NaN and Infinity are no JSON
