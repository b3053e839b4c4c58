"""What every answer of the studio has in common: its security policy, its language, its refusals.

Host check, tokens, XSRF and Origin are Jupyter Server's own and are left as they are.
"""

from __future__ import annotations

import re
from http.client import responses
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import AuthenticatedHandler, JupyterHandler

from gobhir.lang import LANGUAGES, language, t
from gobhir.learner.refusal import Refusal

if TYPE_CHECKING:
    from gobhir.studio.app import Studio

_HOST = re.compile(r"[\w.\-]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?")


def content_security_policy(host: str) -> str:
    """The policy of our pages; `host` is the address bar's, for the kernel's websocket."""
    # The Host header is the client's word: only what looks like a host may enter the policy.
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",
            "font-src 'self'",
            "img-src 'self' data: blob:",
            f"connect-src 'self'{sockets}",
            "frame-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    )


# Slides carry their scripts inside, and a policy of their own that knows them by digest.
SLIDES_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class Policy(AuthenticatedHandler):
    """Mixed into every handler that answers with a page of ours."""

    @property
    def content_security_policy(self) -> str:
        return content_security_policy(self.request.host)

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Referrer-Policy", "same-origin")


# An HTML output may do as it likes with itself, and reach nothing: it has an origin of its own
# (sandbox), no network, no form, and only our pages may hold it.
FRAME_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob: "
    "data:; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


class StudioHandler(JupyterHandler):
    """A handler of the studio, page or API."""

    @property
    def studio(self) -> Studio:
        studio: Studio = self.settings["gobhir"]
        return studio


class LoginHandler(Policy, LoginFormHandler):
    """Jupyter Server's login, on a page of ours (templates/server/login.html)."""

    @property
    def template_namespace(self) -> dict[str, Any]:
        names = super().template_namespace
        return {**names, **page_names(self, wished_language(self, {}))}


def wished_language(handler: JupyterHandler, settings: dict[str, Any]) -> str:
    """?lang, else what the learner chose, else what the browser prefers, else `language()`."""
    for wish in (handler.get_query_argument("lang", ""), settings.get("lang", "")):
        if wish in LANGUAGES:
            return str(wish)
    preferred = handler.request.headers.get("Accept-Language", "").lower()
    return "bn" if preferred.startswith("bn") else language()


def page_names(handler: JupyterHandler, lang: str) -> dict[str, Any]:
    """What every template may use: `say("key")` in the page's language, addresses, languages."""
    return {
        "lang": lang,
        "other": next(other for other in LANGUAGES if other != lang),
        "languages": (lang, *(other for other in LANGUAGES if other != lang)),
        "t": t,
        "say": lambda key, **values: t(key, lang, **values),
        "base_url": handler.base_url,
        "home": f"{handler.base_url}gobhir/",
        "static": f"{handler.base_url}gobhir/static/{handler.settings['gobhir'].assets.version}",
    }


def reason_of(status: int, error: BaseException | None) -> Refusal:
    """The refusal to show for an error that has no words of ours."""
    if isinstance(error, Refusal):
        return error
    kinds = {400: "malformed", 401: "forbidden", 403: "forbidden", 404: "notfound", 413: "large"}
    if status == 405:
        return Refusal("malformed", reason=responses[405])
    kind = kinds.get(status, "trouble")
    if kind == "large":
        return Refusal("large", limit=1)
    return Refusal(kind, reason=responses.get(status, status))
