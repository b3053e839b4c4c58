"""`gobhir recall`: the questions that come back today, asked on the terminal one after the other.

It reads lines and prints lines, so that it works in a pipe and with a screen reader, too.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from gobhir.course.checking import filled
from gobhir.course.grading import graded, values_of
from gobhir.course.lesson import Lesson, load
from gobhir.course.quiz import PICKED, QuizItem, read_number
from gobhir.course.recall import Card, cards, due
from gobhir.help import Command, Group
from gobhir.lang import digits, language, t
from gobhir.learner.store import Store, learner_folder

app = typer.Typer(
    cls=Group, add_completion=False, invoke_without_command=True, rich_markup_mode=None
)
Lang = Annotated[str | None, typer.Option("--lang", metavar="bn|en", help="cli.option.lang")]


@app.callback(help="practice.recall.about")
def recall(ctx: typer.Context, lang: Lang = None) -> None:
    ctx.obj = store = Store(learner_folder())
    ctx.call_on_close(store.close)
    if ctx.invoked_subcommand is not None:
        return
    waiting = due(store)
    for number, card in enumerate(waiting, 1):
        if not Question(card, language()).ask(store, number, len(waiting)):
            break
    typer.echo(coming(store))


@app.command("list", cls=Command, help="practice.recall.list")
def show_list(ctx: typer.Context, lang: Lang = None) -> None:
    """Every question that waits, and from which day it is asked."""
    for card in cards(ctx.obj):
        typer.echo(f"{card.due}  {card.slug}  {card.item}")
    typer.echo(coming(ctx.obj))


def coming(store: Store) -> str:
    """How many questions are due now, and when the next one is."""
    now, all_of_them = len(due(store)), cards(store)
    if now:
        return t("practice.recall.due", count=digits(now, language()))
    if not all_of_them:
        return t("practice.recall.none")
    return t("practice.recall.next", day=digits(all_of_them[0].due, language()))


class Question:
    """One quiz item in one language, in plain letters."""

    def __init__(self, card: Card, lang: str):
        self.card, self.lang = card, lang
        self.lesson: Lesson = load(card.slug)
        self.item: QuizItem = self.lesson.quiz_item(card.item)
        self.values = values_of(self.lesson, card.item, lang)
        count = len(self.item.options)
        self.places = self.item.shuffled() if self.item.type == "order" else list(range(count))

    def text(self, text: dict[str, str]) -> str:
        return filled(text[self.lang], self.values)

    def lines(self) -> list[str]:
        """The question, its options numbered, and how to answer."""
        shown = [] if self.item.type == "number" else self.places
        options = [self.text(self.item.options[place].text) for place in shown]
        numbered = [f"  {digits(k, self.lang)}  {text}" for k, text in enumerate(options, 1)]
        # keys: practice.recall.choice practice.recall.point practice.recall.number
        # keys: practice.recall.order
        how = t(f"practice.recall.{self.item.type}", self.lang)
        return [self.text(self.item.text), *numbered, how]

    def read(self, line: str) -> Any:
        """What was typed, as `judge` wants it. ValueError or IndexError for no answer."""
        if self.item.type == "number":
            return line
        chosen = [int(read_number(word)) - 1 for word in line.replace(",", " ").split()]
        if min(chosen) < 0:
            raise IndexError(line)
        places = [self.places[k] for k in chosen]
        if self.item.type in PICKED:
            (place,) = places
            return place
        return places

    def ask(self, store: Store, number: int, count: int) -> bool:
        """Ask until there is an answer, and keep it. False: the learner has gone."""
        shown = t("practice.recall.head", self.lang, number=digits(number, self.lang),
                  count=digits(count, self.lang), title=self.lesson.title(self.lang))  # fmt: skip
        typer.echo("\n".join([shown, "", *self.lines()]))
        while True:
            typer.echo("> ", nl=False)
            line = sys.stdin.readline()
            if not line or line.strip().lower() == "q":
                typer.echo("")
                return False
            try:
                answer = self.read(line.strip())
                right, explanation = graded(self.lesson, self.item.id, answer)
                break
            except (ValueError, IndexError, TypeError):
                typer.echo(t(f"practice.recall.{self.item.type}", self.lang))
        store.add_answer(self.card.slug, self.item.id, answer, right)
        if right:
            store.merge_progress(self.card.slug, {self.item.id: True})
        verdict = t("studio.quiz.right" if right else "studio.quiz.wrong", self.lang)
        typer.echo(f"{'✓' if right else '✗'} {verdict} {self.text(explanation)}\n")
        return True
