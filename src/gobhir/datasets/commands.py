"""What `gobhir data` prints: the list of all data sets, a card, a check of the files."""

from __future__ import annotations

import textwrap

from gobhir.datasets.catalogue import Entry, catalogue, entry
from gobhir.datasets.fetching import megabytes
from gobhir.datasets.finding import Found, find, own_folder, strangers
from gobhir.datasets.loading import fetch_set, obtain
from gobhir.lang import language, say, t


def run(name: str, get: bool, check: bool, width: int) -> int:
    """The command; gives its exit code: 1 where a check finds something, else 0."""
    if not name:
        if get or check:
            raise ValueError(say("datasets.card.both"))
        print(listed())
        return 0
    card = entry(name)
    if get:
        _get(card)
    if check:
        return _check(card, obtain(card, download=False))
    print(told(card, width))
    return 0


def listed() -> str:
    """A line for each data set: name, size, licence, and whether it is here."""
    lines = [t("datasets.card.columns")]
    for card in catalogue().values():
        licence = card.licence or "-"
        lines.append(f"{card.name:<18}{megabytes(card.size):>9}  {licence:<31}{_where(card)}")
    return "\n".join([*lines, "", t("datasets.card.more")])


def _where(card: Entry) -> str:
    if find(card) is not None:
        if card.package is not None:
            return t("datasets.card.in_package", package=card.package.name)
        return t("datasets.card.here")
    if card.package is not None:
        return f"pip install {card.package.name}"
    if card.can_be_fetched:
        return t("datasets.card.to_fetch", set=card.name)
    return t("datasets.card.by_hand")


def told(card: Entry, width: int) -> str:
    """The card: what it is, where from, licence, how to cite, its files, where it lies."""
    lang = language()
    texts = [card.what[lang]]
    if card.note:
        texts.append(card.note[lang])
    if card.classes:
        names = ", ".join(text[lang] for text in card.classes)
        texts.append(t("datasets.card.classes", classes=names))
    texts += [
        t("datasets.card.source", source=card.source),
        t("datasets.card.licence", licence=card.licence)
        if card.licence
        else t("datasets.card.no_licence"),
        t("datasets.card.cite", cite=card.cite),
        t("datasets.card.size", size=megabytes(card.size)),
    ]
    lines = [card.name, ""]
    for text in texts:
        lines += textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    lines.append("")
    for file in card.files:
        size = megabytes(file.size)
        lines.append(t("datasets.card.file", name=file.name, size=size, sha256=file.sha256))
    if card.tree is not None:
        tree = {"name": " ".join(card.tree.parts), "count": card.tree.count}
        tree |= {"size": megabytes(card.tree.size), "sha256": card.tree.sha256}
        lines.append(t("datasets.card.files", **tree))
    found = find(card)
    if found is not None:
        where = t("datasets.card.lies", folder=found.folder)
    elif card.package is None and not card.can_be_fetched:
        where = t("datasets.card.put", folder=own_folder(card))
    else:
        where = _where(card)
    lines += ["", where]
    return "\n".join(lines)


def _get(card: Entry) -> None:
    """Fetch it where it is nowhere, and anew where what was fetched has gone bad."""
    found = find(card)
    fetched = found is not None and found.folder == own_folder(card)
    if card.can_be_fetched and (found is None or (fetched and strangers(card, found.paths))):
        fetch_set(card)
    obtain(card, download=False)


def _check(card: Entry, found: Found) -> int:
    strange = strangers(card, found.paths)
    names = [file.name for file in card.files] + list(card.tree.parts if card.tree else ())
    for name in names:
        kind = "differs" if name in strange else "same"
        print(
            t(f"datasets.card.{kind}", name=name)
        )  # keys: datasets.card.same, datasets.card.differs
    verdict = "not_right" if strange else "all_right"
    # keys: datasets.card.not_right, datasets.card.all_right
    print(t(f"datasets.card.{verdict}", set=card.name, folder=found.folder))
    return 1 if strange else 0
