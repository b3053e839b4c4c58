"""Which door a service opens, under which names it may be called there, which language it speaks:
what every service of ours begins with."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.requests import Request

from gobhir.lang import LANGUAGES, language, say

LOCAL = {"localhost", "127.0.0.1", "[::1]"}


def listening(host: str, port: int) -> socket.socket:
    """An open door; port 0: any that is free. ValueError where it cannot be opened."""
    if port > 65535:
        raise ValueError(say("deploy.serve.port", port=port))
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as trouble:
        detail = trouble.strerror or str(trouble)
        told = say("deploy.serve.listen", host=host, port=port, detail=detail)
        raise ValueError(told) from None


def address(door: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = door.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def strict(app: Any, seconds: float, **more: Any) -> Any:
    """How uvicorn runs a service of ours: it refuses what could be read in two ways, and lets
    nobody keep it waiting for longer than `seconds` for each thing. more: uvicorn's own words."""
    import uvicorn

    from gobhir.deploy.serve.patience import Patient

    protocol: Any = partial(Patient, seconds=seconds)
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=5,
        h11_max_incomplete_event_size=32 * 1024,
        **more,
    )


def names(host: str) -> set[str] | None:
    """The names by which it may be called. On the loopback only those of this machine, so that no
    name that somebody points at it will do; elsewhere None, since we do not know them."""
    with suppress(ValueError):
        return LOCAL | {host} if ipaddress.ip_address(host).is_loopback else None
    return LOCAL if host == "localhost" else None


def called(host: str) -> str:
    """The name in a Host header, without its port."""
    host = host.rpartition("@")[2]
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() else host).lower()


def spoken(request: Request) -> str:
    """The language to answer in: the one asked for by ?lang=, else by Accept-Language, else the
    one in force."""
    wish = request.query_params.get("lang")
    if wish in LANGUAGES:
        return wish
    ranked = []
    for k, part in enumerate(request.headers.get("accept-language", "").split(",")[:20]):
        tag, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), k, tag.lower().partition("-")[0]))
        except ValueError:
            continue
    known = [tag for weight, _, tag in sorted(ranked) if tag in LANGUAGES and weight < 0]
    return known[0] if known else language()
