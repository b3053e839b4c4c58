"""The extension of Jupyter Server: which address leads to which handler, and what they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from jinja2 import Environment
from jupyter_server.extension.application import ExtensionApp, ExtensionAppJinjaMixin

from gobhir.learner.notes import Notes
from gobhir.learner.store import Store, learner_folder
from gobhir.studio import api, book, lab, pages, play_api
from gobhir.studio.lessons import Lessons
from gobhir.studio.server import StudioServer
from gobhir.studio.static import Assets, StaticHandler
from gobhir.studio.worker import Workers

HERE = Path(__file__).parent
P = ParamSpec("P")
T = TypeVar("T")


class Studio(ExtensionAppJinjaMixin, ExtensionApp):
    """The studio as an extension: alone (`gobhir studio`) or on somebody's own Jupyter Server."""

    name = "gobhir"
    extension_url = "/gobhir/resume"
    load_other_extensions = False  # terminals, converters, language servers: not ours to start
    serverapp_class = StudioServer
    template_paths = [str(HERE / "templates")]
    jinja2_env: Environment
    serverapp: StudioServer

    @classmethod
    def get_extension_package(cls) -> str:
        return "gobhir.studio"

    def initialize_settings(self) -> None:
        self.store = Store(learner_folder())
        self.notes = Notes(self.store)
        self.lessons = Lessons()
        self.assets = Assets()
        self.workers = Workers()
        # One thread has the disk: the loop never waits for it, and saves keep their order.
        self._disk = ThreadPoolExecutor(1, "gobhir-disk")
        self.notes.mend()

    def initialize_handlers(self) -> None:
        slug, item = r"([^/]+)", r"([^/]+)"
        self.handlers = [
            (r"gobhir/static/([^/]+)/(.+)", StaticHandler, {"assets": self.assets}),
            (r"gobhir/?", pages.HomePage),
            (r"gobhir/resume", pages.ResumeHandler),
            (r"gobhir/frame", pages.FramePage),
            (r"gobhir/playground", pages.PlaygroundPage),
            (r"gobhir/coverage", book.CoveragePage),
            (r"gobhir/glossary", book.GlossaryPage),
            (r"gobhir/search", book.SearchPage),
            (rf"gobhir/op/{item}", book.OpPage),
            (r"gobhir/recall", pages.RecallPage),
            (rf"gobhir/lesson/{slug}", pages.LessonHandler),
            (rf"gobhir/lab/{slug}", lab.LessonLab),
            (rf"gobhir/api/notes/{slug}", api.NotesHandler),
            (rf"gobhir/api/progress/{slug}", api.ProgressHandler),
            (rf"gobhir/api/quiz/{slug}/{item}", api.QuizHandler),
            (rf"gobhir/api/check/{slug}/{item}", api.CheckHandler),
            (rf"gobhir/api/working/{slug}/{item}", api.WorkingHandler),
            (r"gobhir/api/play/([a-z]+)", play_api.PlayHandler),
            (r"gobhir/api/settings", api.SettingsHandler),
            (r"gobhir/.*", pages.NowhereHandler),
        ]
        if lab.is_installed() and not lab.is_loaded(self.serverapp):
            self.serverapp.web_app.add_handlers(".*$", lab.door(self.serverapp))

    async def off_loop(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` where the disk is, while the server answers others."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._disk, lambda: work(*args, **kwargs))

    async def stop_extension(self) -> None:
        self.workers.stop()
        self._disk.shutdown()
        self.store.close()
