"""A connection has so long for each thing that it does: uvicorn itself has no limit for a request
whose head trickles in byte by byte, nor for a client that does not read its answer, and a few
hundred of those would take the places of all others.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class Patient(H11Protocol):
    """uvicorn's protocol for HTTP/1.1 that waits `seconds` for the head of a request (and for the
    rest of one that is answered already), and three times as long until its answer has been taken:
    the service itself has as long for reading the body, and for working out the answer."""

    def __init__(self, *args: Any, seconds: float, **settings: Any):
        super().__init__(*args, **settings)
        self._seconds = seconds
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin(self._seconds)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:  # a whole head has come
            self._begin(3 * self._seconds)

    def on_response_complete(self) -> None:
        before = self.cycle
        super().on_response_complete()
        self._begin(self._seconds if self.cycle is before else 3 * self._seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._end is not None:
            self._end.cancel()

    def _begin(self, seconds: float) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = self.loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()
        elif not self.transport.is_closing():
            if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
                self.transport.write(_LATE)
            self.transport.close()


_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
