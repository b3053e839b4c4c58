"""Sentences that are kept, or sent to another process, and are still read in every language: also
a sentence within a sentence stays one, and no text of whatever language was in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gobhir.lang import Message


def packed(message: Message) -> dict[str, Any]:
    """As JSON can say it: {"key": ..., "values": {...}}."""
    return {"key": message.key, "values": {k: _packed(v) for k, v in message.values.items()}}


def unpacked(kept: Mapping[str, Any]) -> Message:
    """The sentence that `packed` gave."""
    values = kept["values"].items()
    return Message(kept["key"], {k: unpacked(v) if isinstance(v, dict) else v for k, v in values})


def plain(message: Message) -> Message:
    """The same sentence with values that every process can read."""
    return unpacked(packed(message))


def _packed(value: object) -> Any:
    if isinstance(value, Message):
        return packed(value)
    return value if isinstance(value, (str, int, float)) else str(value)
