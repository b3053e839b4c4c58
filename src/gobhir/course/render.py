"""A lesson as HTML, made on the server: the page is complete before any script runs.

Every block is `<section class="block block-KIND" id="PAIR" data-kind="KIND">`; formulas are spans
with data-tex; raw HTML in lesson text is shown as text.
"""

from __future__ import annotations

import base64
import json
from html import escape
from typing import Any

from gobhir.course.exercises import Exercise
from gobhir.course.grading import block_of
from gobhir.course.lesson import Block, Lesson
from gobhir.course.outputs import output_html
from gobhir.course.parsons import pieces
from gobhir.course.pictures import picture
from gobhir.course.plan import Text, report_address
from gobhir.course.quiz import QuizItem
from gobhir.course.text import Writer, day_address, heading_apart, split_at_rule, split_paragraphs
from gobhir.lang import digits


def render(lesson: Lesson, lang: str) -> str:
    """The body of the lesson's page: header, blocks in order, the sheet after the end card."""
    return "\n".join(LessonWriter(lesson, lang).parts())


def render_items(lesson: Lesson, lang: str, items: list[str]) -> str:
    """Quiz items of a lesson by themselves, as they stand on its page."""
    page = LessonWriter(lesson, lang)
    return "\n".join(page.quiz_item(lesson.quiz_item(i), block_of(lesson, i)) for i in items)


class LessonWriter(Writer):
    """One lesson in one language, a method for every kind of block."""

    def __init__(self, lesson: Lesson, lang: str):
        super().__init__(lang, lesson.outputs(lang), lesson.folder)
        self.lesson, self.blocks = lesson, lesson.in_language(lang)

    # the page, top to bottom

    def parts(self) -> list[str]:
        parts = [self.header()]
        sheet_open = False
        for block in self.blocks:
            if "sheet" in block.options and not sheet_open:
                parts.append(f'<h2 class="sheet-title">{self.t("course.lesson.sheet")}</h2>')
                sheet_open = True
            parts.append(self.section(block))
        parts.append(self.changelog())
        return parts

    def header(self) -> str:
        meta, lang = self.lesson.meta, self.lang
        parts = [
            '<header class="lesson-head">',
            f'<p class="lesson-kicker">{self.kicker()}</p>',
            f"<h1>{self.inline(self.lesson.title(lang), '')}</h1>",
        ]
        if "question" in meta:
            parts.append(
                f'<p class="lesson-question">{self.inline(meta["question"][lang], "")}</p>'
            )
        if "can_do" in meta:
            items = "".join(f"<li>{self.inline(verb, '')}</li>" for verb in meta["can_do"][lang])
            title = self.t("course.lesson.can_do")
            parts.append(f'<div class="can-do"><p>{title}</p><ul>{items}</ul></div>')
        if meta.get("prerequisites"):
            items = "".join(f"<li>{self.prerequisite(p)}</li>" for p in meta["prerequisites"])
            title = self.t("course.lesson.prerequisites")
            parts.append(f'<div class="prerequisites"><p>{title}</p><ul>{items}</ul></div>')
        return "\n".join([*parts, "</header>"])

    def kicker(self) -> str:
        """ "Day 9 · about 45 minutes"."""
        day = digits(self.lesson.day, self.lang)
        minutes = digits(self.lesson.meta.get("minutes", ""), self.lang)
        name = (
            self.t("course.lesson.day", day=day) if self.lesson.day else self.t("book.plus.title")
        )
        time = self.t("course.lesson.minutes", minutes=minutes) if minutes else ""
        return " · ".join(part for part in (name, time) if part)

    def prerequisite(self, entry: dict[str, Any]) -> str:
        day = self.t("course.lesson.day", day=digits(entry["day"], self.lang))
        address = escape(day_address(f"day:{entry['day']}"))
        return f'<a href="{address}">{day}</a> {self.inline(entry[self.lang], "")}'

    def changelog(self) -> str:
        entries = "".join(
            f"<li><time>{escape(str(e['date']))}</time> {self.inline(e[self.lang], '')}</li>"
            for e in self.lesson.meta.get("changelog", [])
        )
        title = self.t("course.lesson.changelog")
        return f'<details class="changelog"><summary>{title}</summary><ul>{entries}</ul></details>'

    def section(self, block: Block) -> str:
        marks = ""
        if block.options.get("slide"):
            marks += " data-slide"
        if rows := block.options.get("sheet"):
            marks += f' data-sheet="{escape(" ".join(rows))}"'
        body = getattr(self, block.kind)(block)
        return (
            f'<section class="block block-{block.kind}" id="{block.id}" '
            f'data-kind="{block.kind}"{marks}>\n{body}\n</section>'
        )

    # one method a kind of block

    def prose(self, block: Block) -> str:
        return self.markdown(block.source, block.id)

    def formula(self, block: Block) -> str:
        return f'<div class="formula-card">{self.markdown(block.source, block.id)}</div>'

    def misconception(self, block: Block) -> str:
        parts = [f"<h3>{self.t('course.misconception.title')}</h3>"]
        labels = ("think", "why", "counter")  # keys: course.misconception.*
        for part, text in zip(labels, split_paragraphs(block.source), strict=False):
            label, body = self.t(f"course.misconception.{part}"), self.markdown(text, block.id)
            parts.append(f'<div class="{part}"><p class="label">{label}</p>{body}</div>')
        return "\n".join(parts)

    def code(self, block: Block) -> str:
        saved = self.stored.get(block.id, {})
        outputs = "\n".join(output_html(output) for output in saved.get("outputs", []))
        source = f'<code class="language-python">{escape(block.source)}</code>'
        source = f'<pre class="cell-source">{source}</pre>'
        if {"folded", "data"} & set(block.tags):
            key = "course.lesson.data" if "data" in block.tags else "course.lesson.source"
            source = f'<details class="folded"><summary>{self.t(key)}</summary>{source}</details>'
        tags = escape(" ".join(block.tags))
        return (
            f'<div class="cell" data-cell="{block.id}" data-tags="{tags}">{source}'
            f'<div class="cell-outputs">{outputs}</div></div>'
        )

    def predict(self, block: Block) -> str:
        answer = self.stored.get(block.id, {}).get("answer")
        question, after = split_at_rule(block.source)
        heading, question = heading_apart(question)
        kind = block.options.get("type", "number")
        name = f"predict-{block.id}"
        if kind == "choice":
            choices: dict[str, Text] = block.options["choices"]
            field = "".join(
                f'<label><input type="radio" name="{name}" value="{escape(value)}"> '
                f"<span>{self.inline(text[self.lang], block.id)}</span></label>"
                for value, text in choices.items()
            )
        else:
            mode = ' inputmode="decimal"' if kind == "number" else ""
            label = self.t("course.predict.answer")
            field = (
                f'<label>{label} <input type="text" name="{name}"{mode} autocomplete="off"></label>'
            )
        facts = {"type": kind, "answer": answer, "tolerance": block.options.get("tolerance", 0)}
        hides = self.next_code(block)
        return (
            f"{self.markdown(heading, block.id)}"
            f'<div class="predict" data-predict="{block.id}" data-hides="{hides}" '
            f'data-facts="{escape(json.dumps(facts, ensure_ascii=False))}">'
            f'<p class="label">{self.t("course.predict.title")}</p>'
            f"{self.markdown(question, block.id)}"
            f"<form>{field} <button>{self.t('course.predict.check')}</button> "
            f'<button type="button" class="show">{self.t("course.predict.show")}</button></form>'
            f'<div class="predict-verdict" aria-live="polite"></div>'
            f'<div class="predict-after">{self.markdown(after, block.id)}</div></div>'
        )

    def next_code(self, block: Block) -> str:
        after = self.blocks[self.blocks.index(block) + 1 :]
        return next((b.id for b in after if b.kind == "code"), "")

    def widget(self, block: Block) -> str:
        made = picture(block.options["make"])
        state = json.dumps(made.page_state(self.lang), ensure_ascii=False)
        alt = escape(block.options.get("alt", {}).get(self.lang, ""))
        coded = base64.b64encode(made.fallback_svg(self.lang).encode()).decode()
        svg = f'<img alt="{alt}" src="data:image/svg+xml;base64,{coded}">'
        name = escape(block.options["widget"])
        return (
            f'<div class="widget" data-widget="{name}" aria-label="{alt}" '
            f'data-state="{escape(state)}">{svg}</div>'
        )

    def exercise(self, block: Block) -> str:
        exercise = self.lesson.exercise(block.options["exercise"])
        title = self.inline(exercise.title[self.lang], block.id)
        lines = escape(json.dumps(pieces(exercise), ensure_ascii=False))
        return (
            f'<div class="exercise" data-exercise="{exercise.id}" data-pieces="{lines}">'
            f"<h3>{self.t('course.exercise.title')}: {title} "
            f'<span class="difficulty difficulty-{exercise.difficulty}">'
            f"{self.difficulty(exercise)}</span></h3>"
            f"{self.markdown(exercise.task[self.lang], block.id)}{self.given(exercise)}"
            f'<pre class="exercise-stub"><code class="language-python">{escape(exercise.stub)}'
            f'</code></pre><div class="exercise-verdict" aria-live="polite"></div>'
            f'<div class="hints">{self.hints(exercise, block.id)}</div>'
            f'<details class="solution" hidden><summary>{self.t("course.exercise.solution")}'
            f'</summary><pre><code class="language-python">{escape(exercise.solution)}</code></pre>'
            f"</details></div>"
        )

    def given(self, exercise: Exercise) -> str:
        if not exercise.given:
            return ""
        code = f'<pre><code class="language-python">{escape(exercise.given)}</code></pre>'
        label = self.t("course.exercise.given")
        return f'<details class="given"><summary>{label}</summary>{code}</details>'

    def difficulty(self, exercise: Exercise) -> str:
        # keys: course.exercise.easy course.exercise.medium course.exercise.hard
        return self.t(f"course.exercise.{exercise.difficulty}")

    def hints(self, exercise: Exercise, where: str) -> str:
        count = digits(len(exercise.hints), self.lang)
        parts = []
        for number, hint in enumerate(exercise.hints, 1):
            here = digits(number, self.lang)
            label = self.t("course.exercise.hint", number=here, count=count)
            body = self.markdown(hint[self.lang], where)
            parts.append(f"<details><summary>{label}</summary>{body}</details>")
        return "".join(parts)

    def quiz(self, block: Block) -> str:
        items = [self.lesson.quiz_item(name) for name in block.options["items"]]
        return "\n".join(self.quiz_item(item, block.id) for item in items)

    def quiz_item(self, item: QuizItem, where: str) -> str:
        recall = ""
        if item.recall:
            day = digits(item.recall, self.lang)
            recall = f'<span class="recall">{self.t("course.quiz.recall", day=day)}</span> '
        texts = [self.inline(o.text[self.lang], where) for o in item.options]
        if item.type == "choice":
            field = "".join(
                f'<label><input type="radio" name="quiz-{item.id}" value="{i}"> '
                f"<span>{text}</span></label>"
                for i, text in enumerate(texts)
            )
        elif item.type == "point":
            field = self.pointing(item, texts)
        elif item.type == "order":
            up, down = self.t("course.quiz.up"), self.t("course.quiz.down")
            moves = (
                f'<button type="button" class="up" aria-label="{up}">↑</button>'
                f'<button type="button" class="down" aria-label="{down}">↓</button>'
            )
            rows = (
                f'<li data-value="{i}"><span>{texts[i]}</span> {moves}</li>'
                for i in item.shuffled()
            )
            field = f"<ol>{''.join(rows)}</ol>"
        else:
            label = self.t("course.quiz.number")
            field = (
                f'<label>{label} <input type="text" inputmode="decimal" autocomplete="off" '
                f'name="quiz-{item.id}"></label>'
            )
        return (
            f'<fieldset class="quiz-item" data-quiz="{item.id}" data-type="{item.type}">'
            f"<legend>{recall}{self.inline(item.text[self.lang], where)}</legend>{field}"
            f'<button type="button" class="quiz-check">{self.t("course.quiz.check")}</button>'
            f'<div class="quiz-explanation" aria-live="polite"></div></fieldset>'
        )

    def pointing(self, item: QuizItem, texts: list[str]) -> str:
        """The picture with a radio button over each place; its name is for those who do not see."""
        spots = "".join(
            f'<label style="left:{left:g}%;top:{top:g}%;width:{width:g}%;height:{height:g}%">'
            f'<input type="radio" name="quiz-{item.id}" value="{i}"> '
            f'<span class="visually-hidden">{text}</span></label>'
            for i, (text, (left, top, width, height)) in enumerate(
                zip(texts, (o.at for o in item.options), strict=True)
            )
        )
        coded = base64.b64encode((self.folder / item.picture).read_bytes()).decode()
        return (
            f'<div class="pointing"><img alt="" src="data:image/svg+xml;base64,{coded}">'
            f"{spots}</div>"
        )

    def notes(self, block: Block) -> str:
        title, prompt = self.t("course.notes.title"), self.markdown(block.source, block.id)
        return f'<h2>{title}</h2><div class="notes-prompt">{prompt}</div>'

    def endcard(self, block: Block) -> str:
        card = self.lesson.meta.get("endcard", {})
        parts = [f'<div class="endcard"><h2>{self.t("course.endcard.title")}</h2>']
        if "trick" in card:
            label = self.t("course.endcard.trick")
            trick = self.inline(card["trick"][self.lang], block.id)
            parts.append(f'<p class="trick"><span class="label">{label}</span> {trick}</p>')
        parts.append(self.markdown(block.source, block.id))
        if "tomorrow" in card:
            label = self.t("course.endcard.tomorrow")
            tomorrow = self.inline(card["tomorrow"][self.lang], block.id)
            parts.append(f'<p class="tomorrow"><span class="label">{label}</span> {tomorrow}</p>')
        report = escape(report_address())
        target = f'href="{report}"' if report else 'href="#my-notes" data-report="notes"'
        parts.append(
            f'<p class="endcard-links"><a class="slides" href="?view=slides">'
            f'{self.t("course.endcard.slides")}</a> <a class="print" href="?view=print">'
            f'{self.t("course.endcard.print")}</a> <a class="report" {target}>'
            f"{self.t('course.endcard.report')}</a></p></div>"
        )
        return "\n".join(parts)
