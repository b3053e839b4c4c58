"""The learner's part of the command line: `gobhir plan`, `today`, `progress`, `coverage`,
`notebooks`, `slides`, `export`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gobhir.course.coverage import Place, coverage
from gobhir.course.habit import habit_of
from gobhir.course.lesson import load
from gobhir.course.notebooks import write_notebooks
from gobhir.course.outline import outline
from gobhir.course.plan import Day, Entry, all_slugs, entries, plus, weeks
from gobhir.course.portfolio import export
from gobhir.course.today import finished, missing, share, today
from gobhir.help import Command, Group, room
from gobhir.lang import LANGUAGES, check_language, digits, language, t
from gobhir.learner.notes import write_whole
from gobhir.learner.store import Store, learner_folder
from gobhir.learner.transfer import export_progress, import_progress

app = typer.Typer(cls=Group, add_completion=False, rich_markup_mode=None)

Lang = Annotated[str | None, typer.Option("--lang", metavar="bn|en", help="cli.option.lang")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="book.command.folder")]


def tongue_of(lang: str | None) -> str:
    """The language to answer in; an unknown one ends the command in one sentence."""
    try:
        return check_language(lang) if lang else language()
    except ValueError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None


@contextmanager
def learner() -> Iterator[Store]:
    """The learner's store, closed again at the end."""
    store = Store(learner_folder())
    try:
        yield store
    finally:
        store.close()


def name_of(entry: Entry, lang: str) -> str:
    """ "Day 9", or the title of a plus lesson."""
    if isinstance(entry, Day):
        return t("course.lesson.day", lang, day=digits(entry.number, lang))
    return entry.title[lang]


@app.command("plan", cls=Command, help="book.command.plan")
def show_plan(lang: Lang = None) -> None:
    """The 8 weeks and 56 days and the plus track: what has a lesson, what is done."""
    tongue = tongue_of(lang)
    with learner() as store:
        done = finished(store.all_progress())
    titles = {entry.name: name_of(entry, tongue) for entry in entries()}

    def mark(entry: Entry) -> str:
        return "✓" if entry.name in done else "●" if entry.open else "○"

    for week in weeks():
        number = digits(week.number, tongue)
        head = t("course.command.week", tongue, number=number, title=week.title[tongue])
        typer.echo(f"\n{head}: {week.goal[tongue]}")
        for day in week.days:
            typer.echo(f"  {mark(day)} {titles[day.name]}  {day.title[tongue]}")
    typer.echo(f"\n{t('book.plus.title', tongue)}: {t('book.plus.goal', tongue)}")
    for entry in plus():
        after = ", ".join(titles[name] for name in entry.needs)
        after = t("book.plus.after", tongue, entries=after)
        typer.echo(f"  {mark(entry)} {entry.title[tongue]}  ({after})")
    typer.echo(f"\n{t('book.plan.marks', tongue)}")


@app.command("today", cls=Command, help="book.command.today")
def show_today(lang: Lang = None) -> None:
    """The lesson that comes next, and what it is about."""
    tongue = tongue_of(lang)
    with learner() as store:
        progress = store.all_progress()
    entry = today(progress)
    if entry is None or entry.slug is None:
        typer.echo(t("book.today.all_done", tongue))
        return
    meta = outline(entry.slug).meta
    typer.echo(f"{name_of(entry, tongue)}: {outline(entry.slug).title(tongue)}")
    if "question" in meta:
        question = meta["question"][tongue].replace("`", "").strip()
        typer.echo(textwrap.fill(question, room(), initial_indent="  ", subsequent_indent="  "))
    percent = digits(round(100 * share(entry, progress)), tongue)
    minutes = digits(meta.get("minutes", ""), tongue)
    facts = [t("course.lesson.minutes", tongue, minutes=minutes)] if minutes else []
    facts.append(t("studio.home.share", tongue, percent=percent))
    typer.echo("  " + " · ".join(facts))
    if before := missing(entry, progress):
        names = ", ".join(name_of(e, tongue) for e in before)
        typer.echo("  " + t("book.today.before", tongue, entries=names))
    typer.echo(t("book.today.open", tongue))


@app.command("coverage", cls=Command, help="book.command.coverage")
def show_coverage(
    still_open: Annotated[bool, typer.Option("--open", help="book.command.open")] = False,
    lang: Lang = None,
) -> None:
    """Each row of the mission: where it is covered; with --open, what is still to come."""
    tongue = tongue_of(lang)
    titles = {entry.slug: name_of(entry, tongue) for entry in entries() if entry.slug}

    def place(found: Place) -> str:
        anchor = f"#{found.block}" if found.block else ""
        return found.elsewhere or f"{titles[found.slug]} ({found.slug}{anchor})"

    for part, group in groupby(coverage(), key=lambda row: row.part):
        rows = list(group)
        covered = digits(sum(bool(row.places) for row in rows), tongue)
        count = digits(len(rows), tongue)
        typer.echo(t("book.coverage.part", tongue, part=part, covered=covered, count=count))
        for row in rows:
            if bool(row.places) != still_open:
                places = "; ".join(map(place, row.places))
                typer.echo(f"  {row.id}  {row.text}" + (f"  → {places}" if places else ""))


@app.command(cls=Command, help="book.command.notebooks")
def notebooks(folder: Folder, lang: Lang = None) -> None:
    """Both languages go into FOLDER/bn and FOLDER/en, one into FOLDER itself."""
    langs = [tongue_of(lang)] if lang else list(LANGUAGES)
    try:
        written = write_notebooks(folder, langs)
    except OSError as error:
        refuse_writing(folder, error)
    for file in written:
        typer.echo(file)


@app.command(cls=Command, help="book.command.slides")
def slides(folder: Folder, lang: Lang = None) -> None:
    """A document for each lesson; both languages go into FOLDER/bn and FOLDER/en, one into FOLDER
    itself."""
    try:
        for tongue in [tongue_of(lang)] if lang else LANGUAGES:
            for slug in all_slugs():
                file = (folder if lang else folder / tongue) / f"{slug}.html"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(load(slug).slides(tongue), encoding="utf-8")
                typer.echo(file)
    except FileNotFoundError as error:  # the front end was not bundled
        typer.echo(error, err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        refuse_writing(folder, error)


def refuse_writing(folder: Path, error: OSError) -> NoReturn:
    typer.echo(t("course.command.no_writing", folder=folder, reason=error.strerror), err=True)
    raise typer.Exit(1) from None


Exported = Annotated[Path, typer.Argument(metavar="FILE", help="book.command.file")]
progress = typer.Typer(cls=Group, invoke_without_command=True, rich_markup_mode=None)
app.add_typer(progress, name="progress")


@progress.callback(help="book.command.progress")
def show_progress(ctx: typer.Context, lang: Lang = None) -> None:
    """Streak, minutes, how many lessons are done, what to repeat."""
    if ctx.invoked_subcommand is not None:
        return
    tongue = tongue_of(lang)
    with learner() as store:
        habit, done = habit_of(store, tongue), finished(store.all_progress())
    key = "done_one" if len(done) == 1 else "done"  # keys: book.habit.done book.habit.done_one
    lines = [
        f"{habit['streak']} · {habit['minutes']}",
        t(f"book.habit.{key}", tongue, count=digits(len(done), tongue)),
    ]
    if habit["repeat"]:
        lines.append(f"{habit['repeat']['text']}: gobhir recall")
    rows = [habit["days"][k::7] for k in range(7)]  # a column is a week, as on the home page
    lines += ["", *("  " + " ".join("·░▒▓█"[day["level"]] for day in row) for row in rows)]
    typer.echo("\n".join(lines))


@progress.command("export", cls=Command, help="book.command.export_progress")
def export_one_file(file: Exported, lang: Lang = None) -> None:
    tongue = tongue_of(lang)
    with learner() as store:
        text = export_progress(store)
    try:
        write_whole(file, text.encode())
    except OSError as error:
        refuse_writing(file, error)
    typer.echo(t("book.transfer.exported", tongue, path=file))


@progress.command("import", cls=Command, help="book.command.import_progress")
def import_one_file(file: Exported, lang: Lang = None) -> None:
    tongue = tongue_of(lang)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        typer.echo(t("course.command.no_file", tongue, file=file), err=True)
        raise typer.Exit(2) from None
    with learner() as store:
        count = import_progress(store, text)
    typer.echo(t("book.transfer.imported", tongue, count=digits(count, tongue)))


@app.command("export", cls=Command, help="book.command.export")
def export_folder(
    folder: Folder,
    licence: Annotated[
        str, typer.Option("--licence", metavar="mit|none", help="book.command.licence")
    ] = "none",
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="book.command.name")] = "",
    lang: Lang = None,
) -> None:
    """The learner's own repository."""
    tongue = tongue_of(lang)
    if licence not in ("mit", "none") or (licence == "mit" and not name.strip()):
        typer.echo(t("book.export.bad_licence", tongue), err=True)
        raise typer.Exit(2)
    try:
        with learner() as store:
            result = export(store, folder, tongue, name.strip(), licence == "mit")
    except OSError as error:
        refuse_writing(folder, error)
    count = digits(len(result.written), tongue)
    typer.echo(t("book.export.done", tongue, count=count, folder=folder))
    for path in result.kept:
        typer.echo(t("book.export.kept", tongue, path=path))
    typer.echo(t("book.export.push", tongue, folder=folder))


@app.command("search", cls=Command, help="book.command.search")
def show_search(
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help="book.command.query")],
    lang: Lang = None,
) -> None:
    """What is found, the best first, with where it is."""
    from gobhir.course.search import find

    tongue, query = tongue_of(lang), " ".join(words)
    found = find(query)
    if not found:
        typer.echo(t("book.search.nothing", tongue, query=query))
        raise typer.Exit(1)
    for item in found:
        kind = t(f"book.search.{item.kind}", tongue)  # keys: book.search.*
        other = "en" if tongue == "bn" else "bn"
        names = dict.fromkeys((item.title[tongue], item.title[other]))
        typer.echo(f"{' · '.join(names)}  ({kind}: {item.address})")
        said = textwrap.shorten(item.said[tongue], 2 * room(), placeholder=" …")
        typer.echo(textwrap.fill(said, room(), initial_indent="    ", subsequent_indent="    "))
