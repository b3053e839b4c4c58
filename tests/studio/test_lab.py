"""JupyterLab beside the lessons: loaded at its first visit, the lesson's notebook made once.

A stand-in package answers for JupyterLab, so that the test needs no JupyterLab and knows when it
was loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from tests.studio.conftest import Running, start_studio

LAB = """
from pathlib import Path
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.extension.application import ExtensionApp
from tornado import web

Path(r"{loaded}").write_text("loaded")

class Page(JupyterHandler):
    @web.authenticated
    def get(self, path=""):
        self.finish("this is the lab at " + str(path))

class LabApp(ExtensionApp):
    name = "lab"
    load_other_extensions = True

    @classmethod
    def get_extension_package(cls):
        return "jupyterlab"

    def initialize_handlers(self):
        self.handlers = [(r"lab(/.*)?", Page)]
"""

PACKAGE = """
def _jupyter_server_extension_points():
    from jupyterlab.labapp import LabApp
    return [{"module": "jupyterlab.labapp", "app": LabApp}]
"""


@pytest.fixture
def with_lab(tmp_path: Path) -> Iterator[Running]:
    """A studio beside which something called JupyterLab is installed."""
    package = tmp_path / "site" / "jupyterlab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE)
    (package / "labapp.py").write_text(LAB.format(loaded=tmp_path / "loaded"))
    running = start_studio(tmp_path / "gobhir", PYTHONPATH=str(tmp_path / "site"))
    yield running
    running.kill()


@pytest.mark.slow
def test_lab_loads_at_its_first_visit(with_lab: Running, slug: str, tmp_path: Path) -> None:
    assert 'id="open-lab"' in with_lab.get(f"/gobhir/lesson/{slug}").text
    assert with_lab.get("/lab", cookies=False).status == 302
    assert not (tmp_path / "loaded").exists()
    first = with_lab.get("/lab/tree/notes?x=1")
    assert first.status == 302 and first.headers["Location"] == "/lab/tree/notes?x=1"
    assert (tmp_path / "loaded").exists()
    assert with_lab.get("/lab/tree/notes").text == "this is the lab at /tree/notes"
    assert with_lab.get("/lab").status == 200


@pytest.mark.parametrize("lang", ("bn", "en"))
def test_a_lesson_opens_as_a_notebook(with_lab: Running, slug: str, lang: str) -> None:
    answer = with_lab.get(f"/gobhir/lab/{slug}?lang={lang}")
    assert answer.status == 302
    where = answer.headers["Location"]
    assert where.startswith("/lab/tree/notebooks/") and where.endswith(f".{lang}.ipynb")
    file = with_lab.home / where.removeprefix("/lab/tree/")
    notebook = nbformat.read(file, as_version=4)
    assert any(cell.cell_type == "code" for cell in notebook.cells)
    assert with_lab.get(where).status == 200
    file.write_text("the learner's own work")
    assert with_lab.get(f"/gobhir/lab/{slug}").headers["Location"] == where
    assert file.read_text() == "the learner's own work"


def test_only_lessons_open_in_lab(with_lab: Running, tmp_path: Path) -> None:
    assert with_lab.get("/gobhir/lab/day99-nothing").status == 404
    assert not (tmp_path / "loaded").exists()


@pytest.mark.slow
def test_without_jupyterlab_nothing_is_offered(studio: Running, slug: str) -> None:
    page = studio.get(f"/gobhir/lesson/{slug}")
    if '"lab":true' in page.text:
        pytest.skip("JupyterLab is installed here")
    assert 'id="open-lab"' not in page.text
    assert studio.get("/lab").status == 404
    assert studio.get(f"/gobhir/lab/{slug}").status == 404


@pytest.mark.slow
def test_a_broken_jupyterlab_is_said_readably(tmp_path: Path, start, slug: str) -> None:
    package = tmp_path / "site" / "jupyterlab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "labapp.py").write_text("import a_package_that_is_missing")
    running = start(tmp_path / "gobhir", PYTHONPATH=str(tmp_path / "site"))
    answer = running.get("/lab")
    assert answer.status == 500 and "a_package_that_is_missing" in answer.text
    assert running.get(f"/gobhir/lesson/{slug}").status == 200
