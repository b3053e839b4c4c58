"""A lesson as a Jupyter notebook, one a language: made from the lesson, never edited.

It runs from top to bottom in an empty folder without network. Exercises are cells that begin with
`%%exercise`: running one checks what stands in it (see magic.py).
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gobhir.course.lesson import Block, Lesson, load
from gobhir.course.markdown import box_kind, box_title, fill_formula, parse
from gobhir.course.plan import all_slugs
from gobhir.course.quiz import PICKED, QuizItem
from gobhir.course.text import heading_apart, split_at_rule, split_paragraphs
from gobhir.lang import digits, t

if TYPE_CHECKING:
    from nbformat import NotebookNode


def notebook(slug: str, lang: str) -> NotebookNode:
    """The notebook of a lesson in `lang`, without outputs."""
    return lesson_notebook(load(slug), lang)


def lesson_notebook(lesson: Lesson, lang: str) -> NotebookNode:
    return _Notebook(lesson, lang).made()


def notebook_name(lesson: Lesson) -> str:
    """`04_backpropagation.ipynb` where the front matter says so, else after the lesson."""
    name = str(lesson.meta.get("notebook", f"{lesson.slug}.ipynb"))
    return Path(name).name


def write_notebooks(folder: Path, langs: list[str]) -> list[Path]:
    """The notebooks of all open lessons: into `folder` for one language, else into bn/ and en/."""
    import nbformat

    written = []
    for slug in all_slugs():
        lesson = load(slug)
        for lang in langs:
            place = folder if len(langs) == 1 else folder / lang
            place.mkdir(parents=True, exist_ok=True)
            file = place / notebook_name(lesson)
            nbformat.write(lesson_notebook(lesson, lang), file)
            written.append(file)
    return written


class _Notebook:
    """One notebook in the making."""

    def __init__(self, lesson: Lesson, lang: str):
        self.lesson, self.lang = lesson, lang
        self.stored = lesson.outputs(lang)
        self.cells: list[Any] = []
        self.waiting: list[tuple[str, str]] = []

    def t(self, key: str, **values: object) -> str:
        return t(key, self.lang, **values)

    def made(self) -> NotebookNode:
        import nbformat

        self.head()
        for block in self.lesson.in_language(self.lang):
            getattr(self, block.kind)(block)
            if block.kind == "code":
                self.after_predictions()
        self.after_predictions()
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        metadata = {
            "kernelspec": kernel,
            "language_info": {"name": "python"},
            "gobhir": {"lesson": self.lesson.slug, "lang": self.lang},
        }
        made: NotebookNode = nbformat.v4.new_notebook(cells=self.cells, metadata=metadata)
        nbformat.validate(made)
        return made

    # cells

    def markdown_cell(self, name: str, text: str) -> None:
        import nbformat

        if text.strip():
            cell = nbformat.v4.new_markdown_cell(text.strip(), id=name[:64])
            self.cells.append(cell)

    def code_cell(self, name: str, source: str, tags: tuple[str, ...] = ()) -> None:
        import nbformat

        metadata = {"tags": list(tags)} if tags else {}
        cell = nbformat.v4.new_code_cell(source, id=name[:64], metadata=metadata)
        self.cells.append(cell)

    # one method a kind of block

    def head(self) -> None:
        meta, lang = self.lesson.meta, self.lang
        parts = [f"# {self.lesson.title(lang)}"]
        if "question" in meta:
            parts.append(f"**{meta['question'][lang].strip()}**")
        if "can_do" in meta:
            verbs = "\n".join(f"- {verb}" for verb in meta["can_do"][lang])
            parts.append(f"{self.t('course.lesson.can_do')}:\n\n{verbs}")
        if meta.get("prerequisites"):
            items = [
                f"- {self.t('course.lesson.day', day=digits(p['day'], lang))}: {p[lang]}"
                for p in meta["prerequisites"]
            ]
            parts.append(f"{self.t('course.lesson.prerequisites')}:\n\n" + "\n".join(items))
        parts.append(f"*{self.t('course.notebook.made')}*")
        self.markdown_cell("head", "\n\n".join(parts))
        self.code_cell("install", self.install())

    def install(self) -> str:
        """The first code cell: bring in what is missing, and say which language to speak."""
        lines = [
            self.t("course.notebook.install"),
            "import importlib.util",
            "import os",
            "",
            'if importlib.util.find_spec("gobhir") is None:',
            "    %pip install --quiet gobhir",
            f'os.environ["GOBHIR_LANG"] = "{self.lang}"',
            "%load_ext gobhir.course.magic",
        ]
        return "\n".join(lines)

    def prose(self, block: Block) -> None:
        self.markdown_cell(block.id, self.text(block.source, block.id))

    formula = prose

    def code(self, block: Block) -> None:
        tags = ("raises-exception",) if "raises" in block.tags else ()
        first = f"%%needs torch {self.lesson.slug} {block.id}\n" if "torch" in block.tags else ""
        self.code_cell(block.id, first + block.source, (*block.tags, *tags))

    def misconception(self, block: Block) -> None:
        parts = [f"### {self.t('course.misconception.title')}"]
        labels = ("think", "why", "counter")  # keys: course.misconception.*
        for part, text in zip(labels, split_paragraphs(block.source), strict=False):
            label = self.t(f"course.misconception.{part}")
            parts.append(f"**{label}:** {self.text(text, block.id)}")
        self.markdown_cell(block.id, "\n\n".join(parts))

    def predict(self, block: Block) -> None:
        question, after = split_at_rule(block.source)
        heading, question = heading_apart(question)
        parts = [
            self.text(heading, block.id),
            f"### {self.t('course.predict.title')}",
            self.text(question, block.id),
        ]
        choices = block.options.get("choices", {}).values()
        parts.append("\n".join(f"- {choice[self.lang]}" for choice in choices))
        self.markdown_cell(block.id, "\n\n".join(part for part in parts if part))
        if after:
            self.waiting.append((f"{block.id}-after", self.text(after, block.id)))

    def after_predictions(self) -> None:
        """What a prediction says afterwards stands behind the cell that shows the answer."""
        for name, text in self.waiting:
            self.markdown_cell(name, text)
        self.waiting = []

    def widget(self, block: Block) -> None:
        self.code_cell(block.id, f"import gobhir.widgets\n\n{block.options['make']}")

    def exercise(self, block: Block) -> None:
        exercise = self.lesson.exercise(block.options["exercise"])
        # keys: course.exercise.*
        level = self.t(f"course.exercise.{exercise.difficulty}")
        title = f"### {self.t('course.exercise.title')}: {exercise.title[self.lang]} ({level})"
        parts = [title, self.text(exercise.task[self.lang], block.id)]
        if exercise.given:
            label = self.t("course.exercise.given")
            parts.append(self.folded(label, f"```python\n{exercise.given}\n```"))
        for number, hint in enumerate(exercise.hints, 1):
            label = self.hint_label(number, len(exercise.hints))
            parts.append(self.folded(label, self.text(hint[self.lang], block.id)))
        self.markdown_cell(block.id, "\n\n".join(parts))
        source = f"%%exercise {self.lesson.slug} {exercise.id}\n{exercise.stub.rstrip()}"
        self.code_cell(f"{block.id}-code", source)

    def hint_label(self, number: int, count: int) -> str:
        shown = {"number": digits(number, self.lang), "count": digits(count, self.lang)}
        return self.t("course.exercise.hint", **shown)

    def quiz(self, block: Block) -> None:
        parts = [f"### {self.t('course.quiz.title')}"]
        for name in block.options["items"]:
            parts += self.quiz_item(self.lesson.quiz_item(name), block.id)
        self.markdown_cell(block.id, "\n\n".join(parts))

    def quiz_item(self, item: QuizItem, where: str) -> list[str]:
        parts = [f"**{self.text(item.text[self.lang], where)}**"]
        shown = [self.text(option.text[self.lang], where) for option in item.options]
        if item.picture:
            parts.append(self.text(f"![]({item.picture})", where))
        if item.type in PICKED:
            right = next(option for option in item.options if option.correct)
            answer = f"{self.text(right.text[self.lang], where)}: "
            answer += self.text(right.explain[self.lang], where)
        else:
            answer = self.text(item.explain[self.lang], where)
        if item.type == "order":
            shown = [shown[i] for i in item.shuffled()]
        if item.type != "number":
            parts.append("\n".join(f"- {text}" for text in shown))
        return [*parts, self.folded(self.t("course.predict.show"), answer)]

    def notes(self, block: Block) -> None:
        title = f"## {self.t('course.notes.title')}"
        self.markdown_cell(block.id, f"{title}\n\n{self.text(block.source, block.id)}")
        self.markdown_cell(f"{block.id}-yours", "...")

    def endcard(self, block: Block) -> None:
        card = self.lesson.meta.get("endcard", {})
        parts = [f"## {self.t('course.endcard.title')}"]
        for name in ("trick", "tomorrow"):  # keys: course.endcard.*
            if name in card:
                label = self.t(f"course.endcard.{name}")
                parts.append(f"**{label}:** {self.text(card[name][self.lang], block.id)}")
        parts.insert(-1, self.text(block.source, block.id))
        self.markdown_cell(block.id, "\n\n".join(parts))

    # text

    def folded(self, label: str, text: str) -> str:
        return f"<details><summary>{label}</summary>\n\n{text}\n\n</details>"

    def text(self, source: str, where: str) -> str:
        """Lesson Markdown as plain Markdown: numbers put in, boxes quoted, pictures inside."""
        values = self.stored.get(where, {}).get("values", {})

        def value(expression: str) -> str:
            return str(values.get(expression.strip(), "?"))

        lines = source.splitlines()
        for token in reversed(parse(source)):
            if token.type == "fence" and token.map and (kind := box_kind(token)):
                # keys: course.lesson.note course.lesson.tip course.lesson.warning
                title = box_title(token) or self.t(f"course.lesson.{kind}")
                inside = [f"**{title}**", "", *token.content.rstrip().splitlines()]
                quoted = [f"> {line}".rstrip() for line in inside]
                lines[token.map[0] : token.map[1]] = quoted
        plain = fill_formula("\n".join(lines), value)
        plain = re.sub(r"\{v\}`([^`]*)`", lambda m: value(m[1]), plain)
        plain = re.sub(r"\[([^\]]*)\]\(day:\d+\)", r"\1", plain)
        return re.sub(r"!\[([^\]]*)\]\(([\w-]+\.svg)\)", self._picture, plain)

    def _picture(self, match: re.Match[str]) -> str:
        coded = base64.b64encode((self.lesson.folder / match[2]).read_bytes()).decode()
        return f"![{match[1]}](data:image/svg+xml;base64,{coded})"
