"""Jupyter Server as the studio runs it: quiet, in the learner's language, stopped by one Ctrl-C."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import Any

from jupyter_core.paths import secure_write
from jupyter_server.serverapp import ServerApp
from tornado.netutil import bind_sockets
from traitlets import Unicode, default

from gobhir.lang import say, t


class StudioServer(ServerApp):
    """ServerApp with our words instead of its own, and with nobody else's configuration."""

    learner = Unicode(help="the learner's folder: a second start on it finds this studio")

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        """A Jupyter configured for something else must not open or break the studio."""

    def init_signal(self) -> None:
        super().init_signal()
        signal.signal(signal.SIGINT, self._signal_stop)
        if hasattr(signal, "SIGHUP"):  # the terminal was closed
            signal.signal(signal.SIGHUP, self._signal_stop)

    def _signal_stop(self, sig: Any, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C waits for nobody
        if sig == signal.SIGINT:
            tell("studio.serve.stopping")
        self.stop(from_signal=True)

    def _find_http_port(self) -> None:
        """Take the port at once and keep it (ServerApp looks for a free one now and takes it
        later, when another studio may have it). OSError with the reason where none is to be had."""
        for port in range(self.port, self.port + self.port_retries + 1):
            try:
                self.sockets = bind_sockets(port, self.ip)
                self.port = port
                return
            except OSError as error:
                problem = error
        in_use = problem.errno == errno.EADDRINUSE
        kind = "no_port" if self.port_retries else "port_in_use" if in_use else "port_forbidden"
        # keys: studio.serve.no_port studio.serve.port_in_use studio.serve.port_forbidden
        raise OSError(say(f"studio.serve.{kind}", port=self.port)) from problem

    def _bind_http_server_tcp(self) -> bool:
        self.http_server.add_sockets(self.sockets)
        return True

    def start_app(self) -> None:
        self.write_server_info_file()
        self.write_browser_open_files()
        self.io_loop.add_callback(self.announce)

    def announce(self) -> None:
        """Say where the studio is, now that it answers, and open the browser."""
        tell("studio.serve.running", address=self.address)
        if self.open_browser:
            self.launch_browser()

    @property
    def address(self) -> str:
        """The address that lets its reader in: it leads to where the learner left."""
        return address_of(self.server_info())

    def server_info(self) -> dict[str, Any]:
        return {**super().server_info(), "gobhir": self.learner}

    @default("browser_open_file")
    def _default_browser_open_file(self) -> str:
        """In the learner's folder: browsers in a sandbox (Ubuntu's) may not read hidden folders."""
        if os.path.isdir(self.learner):
            return os.path.join(self.learner, "open-studio.html")
        return str(super()._default_browser_open_file())

    def write_browser_open_file(self) -> None:
        """It holds the token: for its owner's eyes only."""
        where = self.default_url[len(self.base_url) :]
        try:
            with secure_write(self.browser_open_file) as file:
                self._write_browser_open_file(where, file)
        except OSError:
            self.use_redirect_file = False


def address_of(info: dict[str, Any]) -> str:
    """The address with its token, from what a server tells about itself."""
    return f"{info['url']}?token={info['token']}"


def tell(key: str, **values: object) -> None:
    """Say a sentence in the terminal, at once, and on a console without Bangla in English."""
    try:
        print(t(key, **values), flush=True)
    except UnicodeEncodeError:
        print(t(key, "en", **values).encode("ascii", "replace").decode(), flush=True)


def can_open_browser() -> bool:
    """Whether there is a screen; a text browser must not take over the terminal."""
    if sys.platform in ("win32", "darwin") or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
