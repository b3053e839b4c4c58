"""What the playground's page asks of a desk (desk.py): a worker answers."""

from __future__ import annotations

import asyncio
import json

from tornado import web

from gobhir.lang import LANGUAGES
from gobhir.learner.refusal import Refusal
from gobhir.studio.api import Api, aside
from gobhir.studio.worker import MOST


class PlayHandler(Api):
    """POST gobhir/api/play/<what>: {"state": ..., "step": 3, "lang": "bn", ...}"""

    at_once = asyncio.Semaphore(MOST)  # as many as there are workers; the others wait here

    @web.authenticated
    async def post(self, what: str) -> None:
        given = self.fields(state=dict, step=int, lang=str)
        if given["lang"] not in LANGUAGES:
            raise Refusal("malformed", reason="lang")
        request = {**json.loads(self.received), "what": what}
        async with self.at_once:
            answer = await aside(self.studio.workers.ask, request)
        if "message" in answer:
            self.set_status(400)
        self.answer(answer.get("answer", answer))
