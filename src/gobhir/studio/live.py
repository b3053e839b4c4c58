"""Pages in the cells of a lesson. The studio shows them itself and asks here, in the learner's
kernel, why a number is this number; its greeting to the kernel calls `start`. No web server is
needed, and what is heavy is imported when there is a page to show."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import Any

from gobhir.derivation.step import Derivation

MIME = "application/vnd.gobhir.page+json"
KEPT = 32
"""Pages that can still be asked, the last ones: each holds its step."""
_pages: dict[str, Derivation] = {}


def start() -> None:
    """From now on a page alone on the last line of a cell is shown by the studio."""
    Derivation.live = staticmethod(shown)


def shown(page: Derivation) -> dict[str, Any]:
    """What the kernel says of a page: the page itself, by which name it is asked, and what is
    shown where nobody asks."""
    from gobhir.derivation.html import fragment

    name = token_hex(8)
    _pages[name] = page
    for old in list(_pages)[:-KEPT]:
        del _pages[old]
    return {MIME: {"page": name, "html": fragment(page)}, **page.plain_bundle()}


def answer(request: str) -> Any:
    """`request`: {"page": its name, "ask": "0[0, 3]", "lang": "bn"}. {"html": ...}, or what went
    wrong as {"message": {"bn": ..., "en": ...}}."""
    from gobhir.derivation.html import reply
    from gobhir.lang import say
    from gobhir.studio.desk import told
    from gobhir.studio.pasted import Answer

    asked = json.loads(request)
    page = _pages.get(asked["page"])
    if page is None:
        return Answer(told(RuntimeError(say("studio.run.page_gone"))))
    try:
        return Answer(html=reply(page, asked["ask"], asked["lang"]))
    except Exception as error:  # said on the page
        return Answer(told(error))
