"""`gobhir export`: the learner's own repository, ready to publish: their notes, solved exercises,
notebooks, pictures, a README in their language, and the MIT licence where they wish it.

What it wrote it remembers by digest in .gobhir.json, so that running it again brings its own files
up to date and never touches one that the learner wrote or changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gobhir.course.exercises import read_exercises
from gobhir.course.lesson import Lesson, load
from gobhir.course.notebooks import lesson_notebook, notebook_name
from gobhir.course.pictures import picture
from gobhir.course.plan import Day, all_slugs, entries, lesson_folder
from gobhir.course.today import finished
from gobhir.lang import digits, say, t
from gobhir.learner.notes import Notes, write_whole
from gobhir.learner.store import Store

MANIFEST = ".gobhir.json"
MIT = """MIT License

Copyright (c) {year} {name}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software
and associated documentation files (the "Software"), to deal in the Software without
restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING
BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


@dataclass(frozen=True)
class Written:
    """What an export did: files it wrote, and files it left alone as they are the learner's."""

    written: list[Path]
    kept: list[Path]


def export(store: Store, folder: Path, lang: str, name: str = "", licence: bool = False) -> Written:
    """Write the learner's repository into `folder`. ValueError: it is their working folder."""
    here, home = folder.absolute().resolve(), store.folder.resolve()
    if here == home or here in home.parents:
        raise ValueError(say("book.export.inside", folder=folder))
    files = dict(_files(store, lang))
    if licence:
        files["LICENSE"] = MIT.format(year=date.today().year, name=name).encode()
    files["README.md"] = _readme(store, list(files), lang, licence).encode()
    return _write(folder, files)


def _write(folder: Path, files: dict[str, bytes]) -> Written:
    manifest = folder / MANIFEST
    ours: dict[str, str] = json.loads(manifest.read_text("utf-8")) if manifest.exists() else {}
    done = Written([], [])
    for name, content in files.items():
        path = folder / name
        if path.exists() and _digest(path.read_bytes()) not in (ours.get(name), _digest(content)):
            done.kept.append(path)
            continue
        write_whole(path, content)
        ours[name] = _digest(content)
        done.written.append(path)
    write_whole(manifest, json.dumps(ours, indent=1, sort_keys=True).encode())
    return done


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _files(store: Store, lang: str) -> Iterator[tuple[str, bytes]]:
    """(name, content) of everything but README and licence."""
    progress, notes = store.all_progress(), Notes(store)
    beside = {path.name: path for path in notes.folder.glob("*.md")}
    for name in sorted(beside.keys() - {f"{slug}.md" for slug in all_slugs()}):
        yield f"notes/{name}", beside[name].read_bytes()
    for slug in all_slugs():
        text = notes.read(slug).text
        if text:
            yield f"notes/{slug}.md", text.encode()
        if slug not in progress and not text:
            continue
        yield from _solved(store, slug, progress.get(slug, {"done": {}})["done"])
        lesson = load(slug)
        yield f"notebooks/{notebook_name(lesson)}", _notebook(store, lesson, lang)
        yield f"slides/{slug}.html", lesson.slides(lang).encode()
        for block in lesson.blocks:
            if block.kind == "widget":
                svg = picture(block.options["make"]).fallback_svg(lang)
                yield f"pictures/{slug}-{block.id}.svg", svg.encode()


def _solved(store: Store, slug: str, done: dict[str, object]) -> Iterator[tuple[str, bytes]]:
    """The exercises that were passed: the file in the learner's folder, else the last right answer
    that was given in the studio."""
    answers = {a["item"]: a["answer"] for a in store.answers(slug) if a["correct"]}
    for exercise in read_exercises(lesson_folder(slug) / "exercises.toml"):
        file = store.folder / "practice" / slug / f"{exercise.id}.py"
        if done.get(exercise.id) is not True:
            continue
        if file.exists():
            yield f"exercises/{slug}/{exercise.id}.py", file.read_bytes()
        elif exercise.id in answers:
            yield f"exercises/{slug}/{exercise.id}.py", f"{answers[exercise.id]}\n".encode()


def _notebook(store: Store, lesson: Lesson, lang: str) -> bytes:
    """The learner's copy from JupyterLab where there is one, else the lesson's notebook."""
    import nbformat

    name = Path(notebook_name(lesson))
    own = store.folder / "notebooks" / f"{name.stem}.{lang}.ipynb"
    if own.exists():
        return own.read_bytes()
    text: str = nbformat.writes(lesson_notebook(lesson, lang))
    return text.encode()


def _readme(store: Store, names: list[str], lang: str, licence: bool) -> str:
    def said(key: str, **values: object) -> str:  # keys: book.export.*
        return t(f"book.export.{key}", lang, **values)

    progress, activity = store.all_progress(), store.activity()
    state = {
        "days": len(activity),
        "minutes": round(sum(activity.values())),
        "lessons": len(finished(progress)),
    }
    counts = {key: digits(count, lang) for key, count in state.items()}
    lines = [f"# {said('readme_title')}", said("readme_lead"), said("readme_state", **counts)]
    columns = ("notes", "exercises", "notebook", "slides", "pictures")
    table = [
        f"| {said('lesson')} | " + " | ".join(map(said, columns)) + " |",
        "|---" * (1 + len(columns)) + "|",
    ]
    for entry in entries():
        if entry.slug is None:
            continue
        book = f"notebooks/{notebook_name(load(entry.slug))}"
        found = [
            [name for name in names if name.startswith(f"notes/{entry.slug}.")],
            [name for name in names if name.startswith(f"exercises/{entry.slug}/")],
            [name for name in names if name == book],
            [name for name in names if name == f"slides/{entry.slug}.html"],
            [name for name in names if name.startswith(f"pictures/{entry.slug}-")],
        ]
        if any(found):
            number = f"{digits(entry.number, lang)}. " if isinstance(entry, Day) else ""
            cells = [", ".join(f"[{Path(name).stem}]({name})" for name in cell) for cell in found]
            table.append(f"| {number}{entry.title[lang]} | " + " | ".join(cells) + " |")
    if len(table) > 2:
        lines.append("\n".join(table))
    lines += [said("licence")] if licence else []
    return "\n\n".join([*lines, f"<sub>{said('made')}</sub>"]) + "\n"
