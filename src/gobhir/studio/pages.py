"""The pages a learner sees: home with its 56 days, a lesson with notes beside it, errors.

Rendered on the server from templates/, with the lesson's outputs already in place.
"""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, urlencode

from markupsafe import Markup
from tornado import web

from gobhir.derivation import chromium
from gobhir.lang import catalogue, digits, t
from gobhir.learner.notes import PLAYGROUND
from gobhir.learner.refusal import Refusal
from gobhir.studio.policy import (
    FRAME_POLICY,
    SLIDES_POLICY,
    Policy,
    StudioHandler,
    page_names,
    reason_of,
    wished_language,
)

SERVER_ONLY = (
    "refusal",
    "serve",
    "login",
    "home",
    "recall",
    "error",
)  # sections the front end has no use for


def script_json(value: Any) -> Markup:
    """JSON that cannot end its <script> tag, open a comment, or break a line of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def strings(lang: str, areas: tuple[str, ...] = ("course", "studio")) -> dict[str, str]:
    """The sentences that the front end says itself."""
    return {
        key: text
        for key, text in catalogue(lang).items()
        if key.split(".")[0] in areas and not (key.startswith("studio.") and _server_only(key))
    }


def _server_only(key: str) -> bool:
    return key.split(".")[1] in SERVER_ONLY


class Page(Policy, StudioHandler):
    """A page: knows the learner's settings and language, and fails readably."""

    chosen: dict[str, Any] = {}
    lang = ""
    areas: tuple[str, ...] = ("course", "studio")  # whose sentences the front end needs

    async def prepare(self) -> None:  # type: ignore[override]
        """A token in the address has become a cookie by now: it leaves the address, and with it
        the browser's history and what a learner copies for a friend."""
        await super().prepare()
        rest = parse_qsl(self.request.query, keep_blank_values=True)
        kept = urlencode([(name, value) for name, value in rest if name != "token"])
        if not self._finished and self.token_authenticated and "token" in dict(rest):
            self.redirect(self.request.path + ("?" + kept if kept else ""))

    async def begin(self) -> None:
        """Read the settings; a language asked for in the address is a choice, and remembered."""
        self.chosen = await self.studio.off_loop(self.studio.store.settings)
        self.lang = wished_language(self, self.chosen)
        asked = self.get_query_argument("lang", None)
        if asked == self.lang != self.chosen.get("lang"):
            try:
                change = {"lang": asked}
                self.chosen = await self.studio.off_loop(self.studio.store.change_settings, change)
            except Refusal:
                self.chosen["lang"] = asked  # for this page, where the folder cannot be written
        if "lang" in self.chosen:
            os.environ["GOBHIR_LANG"] = self.lang  # a kernel that is started now speaks it too

    def show(self, template: str, **names: Any) -> None:
        """Render `template` with the page's own names, its configuration and `names`."""
        config = {
            "baseUrl": self.base_url,
            "wsUrl": self.ws_url,
            "lang": self.lang,
            "slug": names.get("slug"),
            "version": self.studio.assets.version,
            "static": f"{self.base_url}gobhir/static/{self.studio.assets.version}/",
            "strings": strings(self.lang, self.areas),
            "torch": find_spec("torch") is not None,
            "lab": find_spec("jupyterlab") is not None,
            "pdf": chromium.find() is not None,
            "theme": self.chosen.get("theme", "auto"),
        }
        self.xsrf_token  # noqa: B018 (asking for it sets the cookie that the front end sends back)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Language", self.lang)
        page = self.studio.jinja2_env.get_template(template)
        self.finish(
            page.render(
                **page_names(self, self.lang),
                config=script_json(config),
                theme=config["theme"],
                lab=config["lab"],
                **names,
            )
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        refusal = reason_of(status_code, error)
        self.set_status(refusal.status if isinstance(error, Refusal) else status_code)
        self.lang = self.lang or wished_language(self, {})
        self.show("error.html", status=self.get_status(), message=refusal.message)

    def log_exception(self, *about: Any) -> None:
        if not isinstance(about[1], Refusal):
            super().log_exception(*about)


class HomePage(Page):
    """GET gobhir/"""

    @web.authenticated
    async def get(self) -> None:
        from gobhir.course.recall import due
        from gobhir.course.today import finished_entries, today

        await self.begin()
        progress = await self.studio.off_loop(self.studio.store.all_progress)
        from gobhir.course.habit import habit_of

        habit = await self.studio.off_loop(habit_of, self.studio.store, self.lang)
        weeks: list[dict[str, Any]] = [
            {
                "number": digits(week.number, self.lang),
                "title": week.title[self.lang],
                "goal": week.goal[self.lang],
                "days": [square(day, progress, self.lang) for day in week.days],
            }
            for week in self.studio.lessons.weeks()
        ]
        plus = [square(entry, progress, self.lang) for entry in self.studio.lessons.plus()]
        squares = [day for week in weeks for day in week["days"]] + plus
        opened = {square["slug"]: square for square in squares if square["open"]}
        resume = self.chosen.get("resume") or {}
        upcoming = today(progress)
        if upcoming and any(e.slug == resume.get("slug") for e in finished_entries(progress)):
            resume = {}  # that lesson is done: on to the next
        repeat = await self.studio.off_loop(due, self.studio.store)
        self.show(
            "home.html",
            repeat=digits(len(repeat), self.lang) if repeat else "",
            weeks=weeks,
            plus=plus,
            habit=habit,
            resume=opened.get(resume.get("slug")),
            anchor=resume.get("anchor"),
            first=opened[upcoming.slug] if upcoming else next(iter(opened.values()), None),
        )


def square(entry: Any, progress: dict[str, Any], lang: str) -> dict[str, Any]:
    """One square of the home page; `share`: how much of the lesson is done, 0 to 1."""
    from gobhir.course.today import share

    begun, done = entry.slug in progress, share(entry, progress)
    number = getattr(entry, "number", None)
    label = t("book.plus.title", lang)
    if number is not None:
        label = t("studio.home.day", lang, day=digits(number, lang))
    return {
        "id": f"plus-{entry.name}" if number is None else f"day-{number}",
        "label": label,
        "title": entry.title[lang],
        "slug": entry.slug,
        "open": entry.open,
        "begun": begun,
        "level": 0 if not begun else min(4, 1 + int(done * 3)),
        "percent": digits(round(done * 100), lang),
    }


class LessonHandler(Page):
    """GET gobhir/lesson/<slug>"""

    @web.authenticated
    async def get(self, slug: str) -> None:
        await self.begin()
        view = self.get_query_argument("view", "")
        if view == "slides":
            deck = await self.studio.off_loop(self.studio.lessons.slides, slug, self.lang)
            self.set_header("Content-Security-Policy", SLIDES_POLICY)
            self.finish(deck)
            return
        lesson = self.studio.lessons.page(slug, self.lang)
        entry = self.studio.lessons.entry(slug)
        self.show(
            "lesson.html",
            slug=slug,
            title=lesson.title,
            view="print" if view == "print" else "",  # the styles do the rest
            where=where(entry, self.lang),
            body=Markup(lesson.html),  # our own lesson, rendered by the course
        )


def where(entry: Any, lang: str) -> str:
    """ "Week 2 · Day 9", or the plus track."""
    if not hasattr(entry, "number"):
        return t("book.plus.title", lang)
    week, day = digits(entry.week, lang), digits(entry.number, lang)
    return t("studio.lesson.where", lang, week=week, day=day)


class RecallPage(Page):
    """GET gobhir/recall: the quiz questions that come back today."""

    @web.authenticated
    async def get(self) -> None:
        from gobhir.course.recall import cards, due

        await self.begin()
        items: dict[str, list[str]] = {}
        for card in await self.studio.off_loop(due, self.studio.store):
            items.setdefault(card.slug, []).append(card.item)
        waiting = await self.studio.off_loop(cards, self.studio.store)
        lessons = [
            {
                "slug": slug,
                "title": self.studio.lessons.page(slug, self.lang).title,
                "body": Markup(self.studio.lessons.items(slug, self.lang, tuple(names))),
            }
            for slug, names in items.items()
        ]
        self.show(
            "recall.html",
            lessons=lessons,
            next=digits(waiting[0].due, self.lang) if waiting else "",
        )


class PlaygroundPage(Page):
    """GET gobhir/playground: a network to build and to take apart, step by step."""

    areas = ("studio", "play")

    @web.authenticated
    async def get(self) -> None:
        await self.begin()
        self.show("playground.html", slug=PLAYGROUND)


class FramePage(StudioHandler):
    """GET gobhir/frame: the empty page in which an HTML output with scripts runs."""

    content_security_policy = FRAME_POLICY

    @web.authenticated
    def get(self) -> None:
        self.finish(self.studio.jinja2_env.get_template("frame.html").render())


class ResumeHandler(Page):
    """GET gobhir/resume: to the place where the learner left, else home."""

    @web.authenticated
    async def get(self) -> None:
        await self.begin()
        resume = self.chosen.get("resume") or {}
        try:
            slug = self.studio.lessons.entry(str(resume.get("slug"))).slug
            anchor = resume.get("anchor")
            place = f"lesson/{slug}" + (f"#{anchor}" if anchor else "")
        except Refusal:
            place = ""
        self.redirect(f"{self.base_url}gobhir/{place}")


class NowhereHandler(Page):
    """Anything else under gobhir/: a readable 404."""

    @web.authenticated
    async def get(self) -> None:
        await self.begin()
        raise Refusal("notfound")

    post = put = patch = delete = get
