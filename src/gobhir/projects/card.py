"""The model card: what a model is for, what not, what it learned from, its numbers, where it
fails, how it is run (Mitchell et al. 2019, https://arxiv.org/abs/1810.03993). Markdown, in one
language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from gobhir.evaluation.report import title as number_title
from gobhir.lang import counted, digits, t
from gobhir.projects import shown
from gobhir.projects.results import Card, Data, Results, words
from gobhir.projects.verdict import verdict

PARTS = ("train", "validation", "calibration", "check", "test")


def markdown(results: Results, lang: str) -> str:
    """The whole card."""
    return "\n\n".join(_Card(results, lang).whole()) + "\n"


def rendered(results: Results, lang: str) -> str:
    """The card inside the page of results, which has the numbers and the settings already."""
    from markdown_it import MarkdownIt

    source = "\n\n".join(_Card(results, lang, "###").shared())
    return str(MarkdownIt("commonmark", {"html": False}).render(source))


def run(results: Results, lang: str) -> Iterator[tuple[str, str]]:
    """Where, when and by what it was measured: (name, text)."""

    def name(key: str) -> str:
        return t(f"projects.card.{key}", lang)  # keys: projects.card.*

    if results.seed is not None and "seed" not in results.settings:
        yield name("seed"), str(results.seed)
    if results.seconds:
        yield name("seconds"), shown.lasted(results.seconds, lang)
    yield name("machine"), words(dict(results.machine), lang)
    version = f"Gobhir {results.version}"
    yield name("version"), f"{version} ({results.commit})" if results.commit else version
    yield name("date"), digits(results.date, lang)


class _Card:
    def __init__(self, results: Results, lang: str, level: str = "##"):
        self.r, self.lang, self.level = results, lang, level

    def say(self, name: str, /, **values: object) -> str:
        return t(f"projects.card.{name}", self.lang, **values)

    def head(self, name: str) -> str:
        return f"{self.level} {self.say(f'heading.{name}')}"

    def whole(self) -> Iterator[str]:
        yield f"# {self.say('title', name=_safe(words(self.r.title, self.lang)))}"
        if self.r.about:
            yield _safe(words(self.r.about, self.lang))
        yield from self.shared()
        yield self.head("numbers")
        yield from self.numbers()
        yield self.head("run")
        yield "\n".join(f"- {name}: {_safe(text)}" for name, text in run(self.r, self.lang))
        if self.r.settings:
            yield f"```json\n{json.dumps(self.r.settings, indent=2, ensure_ascii=False)}\n```"

    def shared(self) -> Iterator[str]:
        """What only the card says."""
        card = self.r.card
        if card is not None:
            yield from self.told(card)
        if self.r.data is not None:
            yield self.head("data")
            yield from self.data(self.r.data)
        if card is not None:
            yield self.head("limits")
            yield self.listed([words(one, self.lang) for one in card.limits])
            yield self.head("use")
            yield "```sh\n" + "\n".join(card.run) + "\n```"

    def told(self, card: Card) -> Iterator[str]:
        yield self.head("model")
        if card.model:
            yield _safe(words(card.model, self.lang))
        yield self.say("licence", licence=_safe(card.licence))
        yield self.head("purpose")
        yield _safe(words(card.purpose, self.lang))
        yield self.head("not_for")
        yield self.listed([words(one, self.lang) for one in card.not_for])

    def data(self, data: Data) -> Iterator[str]:
        what = _safe(words(data.what, self.lang))
        yield f"**{_safe(words(data.name, self.lang))}**" + (f": {what}" if what else "")
        yield self.say(
            "parts",
            parts=", ".join(
                self.say(
                    "part",
                    name=self.say(name) if name in PARTS else _safe(name),
                    count=counted(count, self.lang),
                )
                for name, count in data.parts.items()
            ),
        )
        if data.split:
            yield _safe(words(data.split, self.lang))
        rows = [
            (self.say("source"), data.source),
            (self.say("data_licence"), data.licence or self.say("no_licence")),
            (self.say("cite"), data.cite),
        ]
        yield "\n".join(f"- {name}: {_safe(text)}" for name, text in rows if text)
        if data.note:
            yield _safe(words(data.note, self.lang))

    def numbers(self) -> Iterator[str]:
        r = self.r
        number = r.models[0].numbers[r.main]
        n, level = counted(number.n, self.lang), digits(f"{number.level * 100:g}", self.lang)
        yield self.say("measured", n=n, level=level)
        if gain := verdict(r, self.lang).gain:
            yield _safe(gain)
        models = [*r.models, *r.baselines]
        names = list(dict.fromkeys(name for model in models for name in model.numbers))
        rows = [
            ["", *(number_title(name, self.lang) for name in names)],
            ["---"] * (len(names) + 1),
        ]
        for model in models:
            cells = []
            for name in names:
                one = model.numbers.get(name)
                between = "" if one is None else shown.interval(one, name)
                value = "" if one is None else shown.value(one, name)
                cells.append(f"{value} ({between})" if between else value)
            rows.append([_safe(words(model.name, self.lang)), *cells])
        yield "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def listed(self, items: list[str]) -> str:
        return "\n".join(f"- {_safe(item)}" for item in items)


def _safe(text: str) -> str:
    """A text whose signs mean nothing in Markdown; addresses and `code` stay."""
    parts = re.split(r"(`[^`\n]+`|https?://\S+)", " ".join(text.split()))
    plain = [re.sub(r"([\\*\[\]<>|#]|(?<!\w)_|_(?!\w))", r"\\\1", part) for part in parts[::2]]
    plain += [""] * (len(parts[1::2]) + 1 - len(plain))
    return "".join(a + b for a, b in zip(plain, [*parts[1::2], ""], strict=True))
