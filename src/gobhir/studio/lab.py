"""JupyterLab on the same server, where it is installed. It loads at its first visit, not before:
that takes a second that a learner who only reads should not wait for."""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_escape, url_path_join
from tornado import web
from tornado.httputil import HTTPServerRequest
from tornado.routing import PathMatches, Rule

from gobhir.learner.notes import write_whole
from gobhir.learner.refusal import Refusal, refusal_of
from gobhir.studio.pages import Page

PACKAGE = "jupyterlab"
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"
_loading = asyncio.Lock()


def is_installed() -> bool:
    return find_spec(PACKAGE) is not None


def is_loaded(server: ServerApp) -> bool:
    return PACKAGE in server.extension_manager.extensions


async def load(server: ServerApp) -> None:
    """Put JupyterLab's addresses on the running server; a Refusal where it is not installed."""
    async with _loading:
        if is_loaded(server):
            return
        if not is_installed():
            raise Refusal("notfound")
        try:
            await asyncio.to_thread(import_module, "jupyterlab.labapp")  # the slow part
        except ImportError as error:
            raise Refusal("trouble", reason=f"JupyterLab: {error}") from error
        server.web_app.settings["page_config_hook"] = _without_announcements
        manager = server.extension_manager
        manager.add_extension(PACKAGE, enabled=True)
        manager.link_extension(PACKAGE)
        manager.load_extension(PACKAGE)
        await manager.start_extension(PACKAGE)


def notebook(folder: Path, slug: str, lang: str) -> str:
    """The lesson's notebook in the learner's folder: written once, theirs from then on.

    Gives its path inside the folder, and a Refusal where it cannot be written.
    """
    import nbformat

    from gobhir import course
    from gobhir.course.notebooks import lesson_notebook, notebook_name

    lesson = course.load(slug)
    name = f"notebooks/{Path(notebook_name(lesson)).stem}.{lang}.ipynb"
    file = folder / name
    try:
        if not file.exists():
            write_whole(file, nbformat.writes(lesson_notebook(lesson, lang)).encode())
    except OSError as error:
        raise refusal_of(error, folder) from error
    return name


def _without_announcements(handler: Any, page_config: dict[str, Any]) -> dict[str, Any]:
    """JupyterLab greets with a question about news from elsewhere; a learner needs none."""
    disabled = page_config.get("disabledExtensions", [])
    return {**page_config, "disabledExtensions": [*disabled, ANNOUNCEMENTS]}


class LabDoor(Page):
    """GET lab, as long as JupyterLab is not loaded: load it, then go there again."""

    @web.authenticated
    async def get(self) -> None:
        await self.begin()
        await load(self.studio.serverapp)
        self.redirect(self.request.uri or self.base_url)


class LessonLab(Page):
    """GET gobhir/lab/<slug>: the lesson's notebook, in the learner's folder, in JupyterLab."""

    @web.authenticated
    async def get(self, slug: str) -> None:
        await self.begin()
        self.studio.lessons.entry(slug)
        if not is_installed():
            raise Refusal("notfound")
        path = await self.studio.off_loop(notebook, self.studio.store.folder, slug, self.lang)
        await load(self.studio.serverapp)
        self.redirect(url_path_join(self.base_url, "lab/tree", url_escape(path)))


class UntilLoaded(PathMatches):
    """Matches JupyterLab's addresses as long as JupyterLab itself does not answer there."""

    def __init__(self, server: ServerApp, path_pattern: str):
        super().__init__(path_pattern)
        self.server = server

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return None if is_loaded(self.server) else super().match(request)


def door(server: ServerApp) -> list[Rule]:
    """The rule that opens JupyterLab at its own address."""
    pattern = url_path_join(server.base_url, r"lab(?:/.*)?$")
    return [Rule(UntilLoaded(server, pattern), LabDoor)]
