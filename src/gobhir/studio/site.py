"""`gobhir site`: the course as files that need no server: for a phone, a disk, a school's server.

The studio's own templates, with addresses between files. Scripts are classic ones, for a browser
loads no modules from a disk; quizzes are graded, and progress kept, in the reader's browser.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from gobhir.lang import LANGUAGES, catalogue, digits, say, t
from gobhir.studio.book import coverage_names, glossary_cards
from gobhir.studio.pages import script_json, square, strings, where
from gobhir.studio.static import FOLDER as BUNDLE

HERE = Path(__file__).parent
MARK = ".gobhir-site"
HOME = "gobhir-home:/"
"""Stands for the site's home in an address, until the page's own place is known."""
PARTS = ("fonts", "katex")


def write_site(folder: Path) -> int:
    """Write the site into `folder`, which is new, empty, or an earlier site; how many pages there
    are. ValueError for a folder with something else in it."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise ValueError(say("book.site.other", folder=folder))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("", encoding="utf-8")
    count = 0
    for lang in LANGUAGES:
        for name, html in _Site(lang).pages():
            file = folder / lang / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(html, encoding="utf-8")
            count += 1
    (folder / "index.html").write_text(_door(), encoding="utf-8")
    _write_static(folder / "static")
    return count


def _door() -> str:
    """The first page: the language that the browser prefers, or a link to each."""
    links = "".join(
        f'<p><a lang="{lang}" href="{lang}/index.html">{t("studio.page.language", lang)}</a></p>'
        for lang in LANGUAGES
    )
    return (
        '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{t('studio.page.name', 'en')}</title>{links}<script>location.replace("
        '(navigator.language.startsWith("bn") ? "bn" : "en") + "/index.html")</script>\n'
    )


def _write_static(folder: Path) -> None:
    for part in PARTS:
        shutil.copytree(BUNDLE / part, folder / part, dirs_exist_ok=True)
    for name in ("studio/studio.css", "site/site.js"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(BUNDLE / name, folder / name)
    for widget in (BUNDLE / "widgets").glob("*.js"):
        text = json.dumps(widget.read_text(encoding="utf-8"))
        source = f"(globalThis.gobhirWidgets ??= {{}})[{json.dumps(widget.stem)}] = {text};\n"
        file = folder / "site" / "widgets" / widget.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    for lang in LANGUAGES:
        (folder / "site" / f"index.{lang}.js").write_text(_index(lang), encoding="utf-8")


def _index(lang: str) -> str:
    """What the site's search looks through, as a script."""
    from gobhir.course.search import index

    items = [
        {
            "kind": item.kind,
            "address": _file_of(item.address),
            "title": item.title[lang],
            "said": item.said[lang][:200],
            "names": item.names,
            "body": item.body,
        }
        for item in index()
        if item.kind != "op"
    ]
    return f"globalThis.gobhirIndex = {json.dumps(items, ensure_ascii=False)};\n"


def _file_of(address: str) -> str:
    """`lesson/day09-x#why` as `lesson/day09-x.html#why`."""
    page, mark, anchor = address.partition("#")
    return f"{page or 'index'}.html{mark}{anchor}"


class _Site:
    """The pages in one language."""

    def __init__(self, lang: str):
        self.lang, self.other = lang, next(other for other in LANGUAGES if other != lang)
        loader = FileSystemLoader(HERE / "templates")
        self.templates = Environment(loader=loader, autoescape=True)

    def pages(self) -> Iterator[tuple[str, str]]:
        """(name below the language's folder, HTML) of every page."""
        from gobhir.course import load
        from gobhir.course.plan import all_slugs

        yield self.page("index.html", "home.html", **self.home())
        yield self.page("search.html", "search.html", query="")
        yield self.page("glossary.html", "glossary.html", cards=glossary_cards(self.lang))
        yield self.page("coverage.html", "coverage.html", **coverage_names(self.lang))
        for slug in all_slugs():
            yield self.lesson(slug)
            yield f"lesson/{slug}.slides.html", load(slug).slides(self.lang)

    def page(self, name: str, template: str, **names: Any) -> tuple[str, str]:
        up = "../" * (name.count("/") + 1)
        config = {
            "baseUrl": "",
            "lang": self.lang,
            "slug": names.get("slug"),
            "static": f"{up}static/",
            "strings": self.strings(),
            "theme": "auto",
        }
        html = self.templates.get_template(template).render(
            site=True,
            lang=self.lang,
            other=self.other,
            languages=(self.lang, self.other),
            t=t,
            say=lambda key, **values: t(key, self.lang, **values),
            home=HOME,
            static=f"{up}static",
            config=script_json(config),
            theme="auto",
            **names,
        )
        return name, self.addressed(html, name)

    def strings(self) -> dict[str, str]:
        said = catalogue(self.lang)
        more = [key for key in said if key.startswith(("book.search.", "studio.home.share"))]
        return strings(self.lang) | {key: said[key] for key in more}

    def addressed(self, html: str, name: str) -> str:
        """Every link as the way from this file to another."""
        home = "../" * name.count("/")

        def link(match: re.Match[str]) -> str:
            address = match[1]
            if address.startswith(HOME):
                address = home + _file_of(address.removeprefix(HOME))
            elif address.startswith("?lang="):
                address = f"{home}../{self.other}/{name}"
            elif address.startswith("../"):
                address = home + _file_of(address.removeprefix("../"))
            elif re.fullmatch(r"[a-z0-9-]+", address):  # another lesson
                address = f"{address}.html"
            return f'href="{address}"'

        html = html.replace(f'action="{HOME}search"', f'action="{home}search.html"')
        return re.sub(r'(?<=\s)href="((?!#|https?:|data:|(?:\.\./)+static/)[^"]*)"', link, html)

    def home(self) -> dict[str, Any]:
        from gobhir.course.outline import outline
        from gobhir.course.plan import plus, weeks

        def made(entry: Any) -> dict[str, Any]:
            parts = " ".join(outline(entry.slug).parts) if entry.slug else ""
            return square(entry, {}, self.lang) | {"parts": parts}

        found: list[dict[str, Any]] = [
            {
                "number": digits(week.number, self.lang),
                "title": week.title[self.lang],
                "goal": week.goal[self.lang],
                "days": [made(day) for day in week.days],
            }
            for week in weeks()
        ]
        extra = [made(entry) for entry in plus()]
        squares = [day for week in found for day in week["days"]] + extra
        first = next((day for day in squares if day["open"]), None)
        return {"weeks": found, "plus": extra, "first": first, "habit": {"begun": False}}

    def lesson(self, slug: str) -> tuple[str, str]:
        from gobhir.course import load
        from gobhir.course.grading import facts
        from gobhir.course.plan import entries

        lesson = load(slug)
        entry = next(entry for entry in entries() if entry.slug == slug)
        body = lesson.render(self.lang)
        body = body.replace('href="?view=slides"', f'href="{slug}.slides.html"')
        return self.page(
            f"lesson/{slug}.html",
            "lesson.html",
            slug=slug,
            title=lesson.title(self.lang),
            where=where(entry, self.lang),
            body=Markup(body),  # our own lesson, rendered by the course
            quiz=script_json(facts(lesson, self.lang)),
        )
