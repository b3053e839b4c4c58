"""What comes back, and when: quiz items that were answered wrong, in Leitner's boxes.

A wrong answer puts the item into the first box; each right answer on a day when it is due moves it
one box up, and the boxes wait 1, 2, 4, 8 and 16 days: the doubling of B. Settles and B. Meeder, "A
Trainable Spaced Repetition Model for Language Learning" (ACL 2016), of the boxes of S. Leitner, "So
lernt man lernen" (1972). After the last box it does not come back.

Not FSRS, whose package we looked at: its weights are fitted to very many reviews of each learner,
while this is a handful of questions a week; and here anybody can say why a question is there today.
Nothing is stored but the answers themselves: the boxes are worked out from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from gobhir.course.plan import lesson_folders, read_toml
from gobhir.learner.store import Store

WAITS = (1, 2, 4, 8, 16)
"""Days that each box waits."""


@dataclass(frozen=True)
class Card:
    """A quiz item in a box (from 0), and the day from which it is asked."""

    slug: str
    item: str
    box: int
    due: date


def place(tries: Iterable[tuple[bool, date]]) -> tuple[int, date] | None:
    """(box, day from which it is due) after these answers, oldest first; None: in no box."""
    at: tuple[int, date] | None = None
    for right, day in tries:
        if not right:
            at = (0, day + timedelta(WAITS[0]))
        elif at is not None and day >= at[1]:
            box = at[0] + 1
            at = (box, day + timedelta(WAITS[box])) if box < len(WAITS) else None
    return at


def cards(store: Store) -> list[Card]:
    """Every item that lies in a box, the longest due first. What the course has no more is out."""
    tries, found = store.tries(), []
    folders = lesson_folders()
    known = {
        slug: {item.get("id") for item in read_toml(folders[slug] / "quiz.toml").get("item", [])}
        for slug in {slug for slug, _ in tries}
        if slug in folders and (folders[slug] / "quiz.toml").exists()
    }
    for (slug, item), answers in tries.items():
        if item not in known.get(slug, ()) or all(right for right, _ in answers):
            continue  # an exercise, or a question that was never wrong
        at = place((right, date.fromtimestamp(when)) for right, when in answers)
        if at is not None:
            found.append(Card(slug, item, *at))
    return sorted(found, key=lambda card: (card.due, card.slug, card.item))


def due(store: Store, today: date | None = None) -> list[Card]:
    """The cards to be asked today."""
    today = today or date.today()
    return [card for card in cards(store) if card.due <= today]
