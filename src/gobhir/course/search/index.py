"""What can be found: lessons, their parts under a heading, the glossary's terms, the ops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from gobhir.course.glossary import glossary
from gobhir.course.outline import outlines
from gobhir.course.plan import Text, all_slugs, entries, lesson_folder
from gobhir.course.search.folding import fold
from gobhir.lang import LANGUAGES, t

KINDS = ("term", "lesson", "op", "part")
"""Of two that match as well, the earlier kind comes first. keys: book.search.*"""


@dataclass(frozen=True)
class Item:
    """Something that can be found. `address` is below the studio's own; `said` is a sentence to
    show beside the title; `names` and `body` are what is searched, folded."""

    kind: str
    address: str
    title: Text
    said: Text
    names: tuple[str, ...]
    body: str


def _item(kind: str, address: str, title: Text, said: Text, *names: str, body: str = "") -> Item:
    folded = dict.fromkeys(fold(name) for name in (*title.values(), *names))
    return Item(kind, address, title, said, tuple(folded), body or fold(" ".join(said.values())))


def index() -> tuple[Item, ...]:
    """Everything that can be found; made again when a lesson changed."""
    files = [lesson_folder(slug) / "lesson.md" for slug in all_slugs()]
    states = tuple((file, file.stat().st_mtime_ns) for file in files)
    return _index(states)


@lru_cache(maxsize=2)
def _index(states: object) -> tuple[Item, ...]:
    return (*_lessons(), *_terms(), *_ops())


def _lessons() -> Iterator[Item]:
    numbers = {entry.slug: getattr(entry, "number", 0) for entry in entries() if entry.slug}
    for outline in outlines():
        number = numbers[outline.slug]
        address, question = f"lesson/{outline.slug}", outline.meta.get("question", {})
        said = {lang: _plain(question.get(lang, "")) for lang in LANGUAGES}
        names = (outline.slug, f"day {number}", f"দিন {number}") if number else (outline.slug,)
        yield _item("lesson", address, outline.meta["title"], said, *names)
        text = (lesson_folder(outline.slug) / "lesson.md").read_text(encoding="utf-8")
        blocks: dict[str, dict[str, str]] = {}
        for pair, lang, source in _BLOCK.findall(text):
            blocks.setdefault(pair, {})[lang] = source
        for pair, sources in blocks.items():
            heading = {lang: _HEADING.search(source) for lang, source in sources.items()}
            if len(sources) < len(LANGUAGES) or not all(heading.values()):
                continue
            title = {lang: _plain(found[1]) for lang, found in heading.items() if found}
            plain = {lang: _plain(source) for lang, source in sources.items()}
            said = {lang: outline.meta["title"][lang] for lang in LANGUAGES}
            body = fold(" ".join(plain.values()))
            yield _item("part", f"{address}#{pair}", title, said, body=body)


_BLOCK = re.compile(
    r'^\+\+\+ \{(?=[^\n]*"pair": "([\w-]+)")(?=[^\n]*"lang": "(\w+)")[^\n]*\n'
    r"(.*?)(?=^\+\+\+ |\Z)",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)


def _terms() -> Iterator[Item]:
    for term in glossary():
        title = {"bn": term.bn, "en": term.en}
        yield _item("term", f"glossary#{term.id}", title, term.meaning, *term.variants)


def _ops() -> Iterator[Item]:
    import gobhir  # noqa: F401  registers the ops
    from gobhir.engine import OPS
    from gobhir.explain.cards.card import sentence

    for name, op in sorted(OPS.items()):
        said = {lang: t(sentence(op), lang) for lang in LANGUAGES}
        yield _item("op", f"op/{name}", dict.fromkeys(LANGUAGES, name), said)


def _plain(markdown: str) -> str:
    """Markdown without its marks, its formulas and its values."""
    text = re.sub(r"\{\w+\}`[^`]*`|\$\$?[^$]*\$\$?|```.*?```", " ", markdown, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"[*_`#|>]+", " ", text).split())
