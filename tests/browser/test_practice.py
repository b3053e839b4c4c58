"""Predictions, quiz and exercises in the page, and that they are remembered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from gobhir.course import Lesson
from gobhir.lang import t
from tests.browser.conftest import Visit, Visiting, cell, ready, write
from tests.studio.conftest import Running, Start

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser


def prediction(page: Page, name: str) -> Locator:
    return page.locator(f'.predict[data-predict="{name}"]')


def item(page: Page, name: str) -> Locator:
    return page.locator(f'.quiz-item[data-quiz="{name}"]')


def saved(page: Page, part: str) -> None:
    """Wait until the server knows that `part` is done."""
    page.wait_for_function(
        """async ([slug, part]) => {
            const answer = await fetch(`/gobhir/api/progress/${slug}`);
            return (await answer.json()).done[part] !== undefined;
        }""",
        arg=["day09-backpropagation", part],
    )


def test_an_output_is_covered_until_the_learner_has_predicted(
    visiting: Visiting, start: Start, learners_folder: object
) -> None:
    visit = visiting(start(learners_folder))
    page = visit.lesson("bn")
    box, outputs = (
        prediction(page, "predict-shape"),
        cell(page, "code-backprop").locator(".cell-outputs"),
    )
    expect(outputs).to_be_hidden()
    expect(box.locator(".predict-after")).to_be_hidden()
    box.get_by_role("button", name=t("course.predict.check", "bn")).click()
    expect(box.locator(".predict-verdict")).to_have_text(t("course.quiz.no_answer", "bn"))
    expect(outputs).to_be_hidden()
    box.get_by_role("textbox").fill("(৪,4)")  # Bangla digits are digits
    page.keyboard.press("Enter")
    expect(box.locator(".predict-verdict")).to_have_text(t("course.predict.right", "bn"))
    expect(outputs).to_contain_text("(4, 4)")

    choice = prediction(page, "predict-update")
    choice.get_by_role("radio").first.check()
    choice.get_by_role("button", name=t("course.predict.check", "bn")).click()
    expect(choice.locator(".predict-verdict.wrong")).to_contain_text("লস বাড়বে")
    prediction(page, "predict-cut").get_by_role(
        "button", name=t("course.predict.show", "bn")
    ).click()
    expect(cell(page, "code-cut").locator(".cell-outputs")).to_be_visible()
    saved(page, "predict-cut")

    page.reload()  # and it stays so
    ready(page)
    expect(outputs).to_be_visible()
    expect(box.get_by_role("textbox")).to_have_value("(৪,4)")
    expect(choice.get_by_role("radio").first).to_be_checked()
    expect(cell(page, "code-nudge").locator(".cell-outputs")).to_be_hidden()
    assert page.locator(".lesson-progress").evaluate("bar => bar.value") > 0


def test_running_a_cell_does_not_give_its_prediction_away(visit: Visit) -> None:
    page = visit.lesson()
    box = cell(page, "code-backprop")
    box.locator(".run").click()
    expect(box.locator(".cell-status")).to_have_text(t("studio.run.predict", "en"))
    expect(box.locator(".cell-outputs")).to_be_hidden()


def test_quiz_explains_right_and_wrong_answers(visit: Visit, lesson: Lesson) -> None:
    page = visit.lesson("bn")
    wire = item(page, "one-wire")
    check = t("course.quiz.check", "bn")
    wire.get_by_role("button", name=check).click()
    expect(wire.locator(".quiz-explanation")).to_have_text(t("course.quiz.no_answer", "bn"))
    wire.get_by_role("textbox").fill("৯৯")
    page.keyboard.press("Enter")
    expect(wire.locator(".quiz-explanation.wrong")).to_contain_text(t("studio.quiz.wrong", "bn"))
    number = lesson.outputs("bn")["quiz"]["answers"]["dW2[0, 3]"]
    wire.get_by_role("textbox").fill(str(number))
    page.keyboard.press("Enter")
    expect(wire.locator(".quiz-explanation.right")).to_contain_text(t("studio.quiz.right", "bn"))

    question = lesson.quiz_item("who-moves")
    right = next(n for n, option in enumerate(question.options) if option.correct)
    box = item(page, "who-moves")
    for place in (right - 1 if right else 1, right):
        box.get_by_role("radio").nth(place).check()
        box.get_by_role("button", name=check).click()
        kind = "right" if place == right else "wrong"
        expect(box.locator(f".quiz-explanation.{kind} > span")).not_to_be_empty()
    page.reload()
    ready(page)
    expect(box).to_have_class("quiz-item solved")


def test_parts_are_put_in_order_by_keyboard(visit: Visit) -> None:
    page = visit.lesson()
    box = item(page, "training-flow")
    rows = box.locator("li")
    wanted = sorted(int(row.get_attribute("data-value") or 0) for row in rows.all())
    for place in wanted:
        row = box.locator(f'li[data-value="{place}"]')
        while row.evaluate("row => [...row.parentNode.children].indexOf(row)") > place:
            row.locator(".up").focus()
            page.keyboard.press("Enter")
    box.locator(".quiz-check").focus()
    page.keyboard.press("Enter")
    expect(box.locator(".quiz-explanation.right")).to_be_visible()


def test_an_exercise_from_the_first_try_to_the_solution(visit: Visit, lesson: Lesson) -> None:
    exercise = lesson.exercise("output_delta")
    wrong = exercise.wrong[0]
    page = visit.lesson()
    box = page.locator('.exercise[data-exercise="output_delta"]')
    hints, solution = box.locator(".hints > details"), box.locator(".solution")
    expect(hints.nth(0)).to_be_visible()
    expect(hints.nth(1)).to_be_hidden()
    hints.nth(0).locator("summary").click()
    expect(hints.nth(1)).to_be_visible()  # one by one

    write(page, box, wrong.code)
    box.get_by_role("button", name=t("course.exercise.check", "en")).click()
    verdict = box.locator(".verdict.wrong")
    expect(verdict.locator("dd.cause")).to_have_text(re.sub("[`$]", "", wrong.message["en"]))
    labels = verdict.locator("dt").all_inner_texts()
    assert labels[:2] == [t("course.verdict.got", "en"), t("course.verdict.want", "en")]
    expect(verdict.locator("li.wrong code").first).to_have_text(exercise.tests[0].call)
    expect(solution).to_be_hidden()

    page.reload()  # the code is kept
    ready(page)
    expect(box.locator(".exercise-stub")).to_contain_text("def output_delta")
    assert box.locator(".exercise-stub").inner_text().strip() == wrong.code.strip()
    write(page, box, exercise.solution)
    page.keyboard.press("Shift+Enter")
    expect(box.locator(".verdict.right .verdict-summary")).to_contain_text("3")
    expect(solution).to_be_visible()
    expect(box).to_have_class("exercise solved")


def test_on_a_phone_an_exercise_is_solved_by_touching_its_lines(
    visiting: Visiting, start: Start, learners_folder: object, lesson: Lesson
) -> None:
    visit = visiting(start(learners_folder), width=360, has_touch=True)
    page = visit.lesson()
    box = page.locator('.exercise[data-exercise="output_delta"]')
    bank, program = box.locator(".parsons-bank .line"), box.locator(".parsons-program > li")
    check = box.get_by_role("button", name=t("course.exercise.check", "en"))
    expect(box.locator(".exercise-stub")).to_be_hidden()
    wrong = next(w for w in lesson.exercise("output_delta").wrong if w.id == "forgot-slope")
    bank.filter(has_text="return p - y").tap()
    bank.filter(has_text="def output_delta").tap()
    program.filter(has_text="def").locator(".line").press("ArrowUp")
    check.tap()
    cause = box.locator(".verdict.wrong dd.cause")
    expect(cause).to_have_text(re.sub("[`$]", "", wrong.message["en"]))
    box.locator(".working summary").tap()
    expect(box.locator(".working pre")).to_contain_text("= 0.6368 - 1\n")

    hints = box.locator(".hints > details")
    hints.nth(0).locator("summary").tap()
    saved(page, "output_delta.hints")

    page.reload()  # what was put together is kept, and so are the hints that were read
    ready(page)
    expect(program).to_have_count(2)
    expect(hints.nth(1)).to_be_visible()
    expect(hints.nth(2)).to_be_hidden()
    program.nth(1).locator(".line").press("Delete")
    bank.filter(has_text="(p - y) * p").tap()
    check.tap()
    expect(box.locator(".verdict.right")).to_be_visible()
    expect(box.locator(".solution")).to_be_visible()

    grips = box.locator(".parsons-program .grip")
    first = program.nth(0).inner_text()
    grips.nth(0).drag_to(program.nth(1), target_position={"x": 20, "y": 60})
    expect(program.nth(1)).to_have_text(first, use_inner_text=True)


def test_an_answer_the_server_cannot_take_is_said(visit: Visit, studio: Running) -> None:
    visit.server_may_be_silent = True
    page = visit.lesson()
    page.route("**/gobhir/api/quiz/**", lambda route: route.abort())
    box = item(page, "one-wire")
    box.get_by_role("textbox").fill("1")
    page.keyboard.press("Enter")
    expect(box.locator(".quiz-explanation.trouble")).to_have_text(
        t("studio.server.unreachable", "en")
    )
