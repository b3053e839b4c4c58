"""The studio: the local web page, an extension of Jupyter Server. Stands on lang and course.
Only cli may import it; store.py and notes.py (the learner's folder) need no web server.
Start reading in serve.py (what `gobhir studio` does), then app.py and pages.py; the playground
begins in desk.py (what a learner may ask), playground.py (a network by touch), worker.py.
"""

from __future__ import annotations

from typing import Any


def serve(port: int | None = None, open_browser: bool = True, lang: str | None = None) -> None:
    """Run the studio on 127.0.0.1 until Ctrl-C. See gobhir.studio.serve.serve."""
    from gobhir.studio.serve import serve as run  # the web server is loaded when it is wanted

    run(port=port, open_browser=open_browser, lang=lang)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """How Jupyter Server finds the studio."""
    from gobhir.studio.app import Studio

    return [{"module": "gobhir.studio.app", "app": Studio}]
