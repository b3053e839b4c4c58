"""`gobhir studio`: find a port and the learner's folder, start the server, print its address."""

from __future__ import annotations

import json
import secrets
import sys
import urllib.request
import webbrowser
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gobhir.lang import LANGUAGES, Message, check_language, language, say, use_language
from gobhir.learner.refusal import Refusal
from gobhir.learner.store import Store, learner_folder

PORT, _TRIES = 8888, 100
_MINUTES = 60
_STUDIO_SERVICES = ("api", "events", "kernels", "kernelspecs", "security", "sessions", "shutdown")


def serve(port: int | None = None, open_browser: bool = True, lang: str | None = None) -> None:
    """Run the studio on 127.0.0.1 until Ctrl-C; where one runs on this folder, show that one.

    port: the one to use, or None for the first free one from 8888. lang: "bn" or "en", remembered.
    Raises ValueError for an unknown language or an impossible port, OSError for a port in use.
    """
    if lang is not None:
        check_language(lang)
    if port is not None and not 0 < port < 65536:
        raise ValueError(say("studio.serve.port_impossible", port=port))
    folder = learner_folder()
    notice = _open_folder(folder, lang)
    _skip_slow_grammar()
    from gobhir.studio.server import address_of, can_open_browser, tell

    open_browser = open_browser and can_open_browser()
    if notice is not None:
        tell(notice.key, **notice.values)
    running = find_running(folder)
    if running is not None:
        tell("studio.serve.already", address=address_of(running))
        if open_browser:
            webbrowser.open(address_of(running))
        return
    from gobhir.studio.app import Studio

    try:
        server = Studio.initialize_server(
            argv=[],
            port=port or PORT,
            port_retries=0 if port else _TRIES,
            config=configuration(folder, open_browser),
            learner=str(folder),
        )
        server.start()
    finally:
        Studio.serverapp_class.clear_instance()


def configuration(folder: Path, open_browser: bool) -> Any:
    """Jupyter Server's settings; what is not named here keeps its own, safe default."""
    from traitlets.config import Config

    here = Path(__file__).parent
    lab = find_spec("jupyterlab") is not None
    server: dict[str, Any] = {
        "ip": "127.0.0.1",
        "open_browser": open_browser,
        "root_dir": str(folder if folder.is_dir() else Path.cwd()),
        "terminals_enabled": False,
        "max_body_size": 64 << 20,
        "max_buffer_size": 64 << 20,
        "kernel_manager_class": "gobhir.studio.kernels.Kernels",
        "log_level": "ERROR",
        "extra_template_paths": [str(here / "templates" / "server")],
        # No line a request: what the learner should hear, the page says.
        "tornado_settings": {"compress_response": True, "log_function": lambda handler: None},
    }
    if not lab:
        server["default_services"] = _STUDIO_SERVICES
    return Config(
        {
            "ServerApp": server,
            "Studio": {"log_level": "ERROR"},
            "LabApp": {  # asks no stranger for news, updates or extensions
                "log_level": "ERROR",
                "news_url": None,
                "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
                "extension_manager": "readonly",
            },
            "IdentityProvider": {
                "token": secrets.token_hex(24),
                "login_handler_class": "gobhir.studio.policy.LoginHandler",
            },
            "MappingKernelManager": {
                "transport_encryption": _kernel_encryption(),
                "cull_idle_timeout": 60 * _MINUTES,
                "cull_interval": 5 * _MINUTES,
                "cull_connected": True,
            },
            "KernelManager": {"shutdown_wait_time": 1.0},
        }
    )


def _kernel_encryption() -> str:
    """Without it any user of this computer could listen to what a kernel prints."""
    import zmq

    return "auto" if zmq.has("curve") else "disabled"


def find_running(folder: Path) -> dict[str, Any] | None:
    """What a studio that already serves this folder tells about itself, if one answers."""
    from jupyter_server.serverapp import list_running_servers

    for info in list_running_servers():
        if info.get("gobhir") == str(folder) and _answers(info):
            return dict(info)
    return None


def _answers(info: dict[str, Any]) -> bool:
    ask = urllib.request.Request(
        f"{info['url']}gobhir/api/settings", headers={"Authorization": f"token {info['token']}"}
    )
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never by a proxy
    try:
        with straight.open(ask, timeout=5) as answer:
            json.load(answer)
            return True
    except (OSError, ValueError):
        return False


def _open_folder(folder: Path, lang: str | None) -> Message | None:
    """Speak the learner's language, remember `lang`; what is wrong with the folder, if anything."""
    store = Store(folder)
    try:
        store.change_settings({} if lang is None else {"lang": lang})
        notice = store.notice
    except Refusal as refusal:
        notice = say("studio.serve.unsaved", why=refusal.message)
    remembered = store.settings().get("lang")
    use_language(lang or (remembered if remembered in LANGUAGES else language()))
    store.close()
    return notice


def _skip_slow_grammar() -> None:
    """Half of Jupyter Server's start-up builds a parser for internationalised web addresses,
    which only checks a format that none of its schemas uses; it does well without."""
    if "jsonschema" not in sys.modules:
        sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
        import_module("jsonschema")
        del sys.modules["rfc3987_syntax"]
