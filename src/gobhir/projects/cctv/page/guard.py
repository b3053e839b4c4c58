"""What holds for every request: under which name it came, who sends it, what a browser may do with
the answer."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gobhir.deploy.serve.limits import Refused
from gobhir.deploy.serve.listening import called, spoken
from gobhir.lang import say
from gobhir.projects.cctv.page.access import Access

COOKIE = "gobhir-cctv"
XSRF = "x-xsrf"
OPEN = ("/login", "/privacy", "/static/")
"""What is shown to everybody: nothing in it is anybody's."""
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        "img-src 'self' blob: data:; media-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # no-referrer would make a form say that it comes from nowhere (Origin: null)
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

Refuse = Callable[[Request, Refused], Awaitable[Response]]


class Guard:
    """ASGI middleware. hosts: names under which the dashboard may be called, beside addresses
    (which nobody can point elsewhere, as they can a name) where `addresses` is true."""

    def __init__(
        self, app: Any, access: Access, hosts: set[str], addresses: bool, refuse: Refuse
    ) -> None:
        self._app, self._access, self._refuse = app, access, refuse
        self._hosts, self._addresses = {host.lower() for host in hosts}, addresses

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        request = Request(scope)
        try:
            answer = self._stopped(request)
        except Refused as refused:
            answer = await self._refuse(request, refused)
        await (answer or self._app)(scope, receive, sending)

    def _stopped(self, request: Request) -> Response | None:
        """None: let in. Refused for strangers; a way to the login for people."""
        headers = request.headers
        self._check_host(headers.get("host", ""))
        reading = request.method in ("GET", "HEAD")
        if headers.get("sec-fetch-site") == "cross-site" and (
            not reading or headers.get("sec-fetch-mode") != "navigate"
        ):
            raise Refused(403, "foreign", say("deploy.refuse.foreign"))
        session = self._access.session(request.cookies.get(COOKIE, ""))
        request.scope["visitor"] = session
        path = request.url.path
        if session is None and not path.startswith(OPEN):
            if reading and not path.startswith("/api/"):
                return RedirectResponse(f"/login?lang={spoken(request)}", 303)
            raise Refused(401, "login", say("dashboard.login.needed"))
        if not reading:
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != headers.get("host"):
                raise Refused(403, "foreign", say("deploy.refuse.foreign"))
            if path != "/login":
                token = headers.get(XSRF, "").encode()
                if session is None or not secrets.compare_digest(token, session.xsrf.encode()):
                    raise Refused(403, "xsrf", say("dashboard.refuse.xsrf"))
        return None

    def _check_host(self, host: str) -> None:
        name = called(host)
        if name in self._hosts:
            return
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            pass
        else:
            if self._addresses:
                return
        raise Refused(421, "host", say("dashboard.refuse.host", got=host[:60] or "-"))
