"""Every rule of the rubric can fail: the sample keeps them all, and each change breaks one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gobhir.course import read_lesson
from gobhir.course.rubric import RULES, Finding, lint_course, lint_lesson
from gobhir.course.rubric.numbers import symbols
from gobhir.course.rubric.practice import quiz
from gobhir.course.rubric.reading import contents, lines_of, typed_numbers
from gobhir.course.rubric.structure import minutes, order, parts, project
from tests.course.conftest import SAMPLE

BN_TRICK = 'trick: {bn: "গুণ, যোগ, চাপ।", en: "Multiply, add, squash."}'
ROW = "| $z$ | যোগফল | একটা সংখ্যা |"
LONG = "এই " * 16
PROSE = "নিউরন (neuron) প্রথমে ওয়েট (weight) দিয়ে গুণ করে।"
ENGLISH = "A neuron first multiplies by its weights."
NOTES = "নিউরন কী করে? তিন লাইনে লেখো।"
PLUS = "plus-sign"


def nfc(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", text)


def test_the_sample_keeps_every_rule(sample):
    assert lint_lesson(sample) == []


CHANGES = [
    # (file, old, new, rule, part of the message)
    # front matter
    ("lesson.md", BN_TRICK, 'trick: {bn: "", en: "x"}', "front-matter", "endcard: trick: bn"),
    ("lesson.md", "question: {bn", "questions: {bn", "front-matter", "question: bn is missing"),
    ("lesson.md", 'tomorrow: {bn: "আরও নিউরন।", ', "tomorrow: {", "front-matter", "tomorrow: bn"),
    ("lesson.md", '["work out the sum", ', "[", "front-matter", "can_do: en has 1 verbs"),
    ("lesson.md", "- {date: 2026-02-01, ", "- {", "front-matter", "changelog: 1"),
    ("lesson.md", "day: 6, bn", "day: 10, bn", "prerequisites", "day 10 does not come before"),
    (
        "lesson.md",
        "    - {day: 6,",
        '    - {day: 1, bn: "ক", en: "a"}\n' * 3 + "    - {day: 6,",
        "prerequisites",
        "4 prerequisites",
    ),
    ("lesson.md", "rows: [B110]", "rows: [B110, B999]", "rows", "there is no row B999"),
    ("lesson.md", "rows: [B110]", "rows: []", "rows", "no row of the mission"),
    ("lesson.md", "নিউরন কীভাবে উত্তর দেয়?", "কী " * 81, "front-matter", "more than 80 words"),
    # time
    ("lesson.md", "minutes: 18", "minutes: 40", "budget", "40 declared"),
    ("lesson.md", NOTES, LONG * 60 + "।", "budget", "declared"),
    ("lesson.md", PROSE, PROSE + "\n" + "কথা " * 900 + "।", "budget", "Bangla words of theory"),
    (
        "lesson.md",
        '+++ {"pair": "code-check"}',
        "".join(f'+++ {{"pair": "c{i}"}}\n```{{code-cell}} python\n1\n```\n' for i in range(11))
        + '+++ {"pair": "code-check"}',
        "budget",
        "14 code cells",
    ),
    ("lesson.md", "import math\n\nx, w", "import math\n" + "1\n" * 12 + "x, w", "cell", "16 lines"),
    ("lesson.md", "loss = 0.5 *", "loss = = 0.5 *", "cell", "invalid syntax"),
    # parts and order
    ("lesson.md", '"hand": true, ', "", "order", "worked by hand"),
    (
        "lesson.md",
        "\\v{z:.2f}\n$$\n\nতাই $\\hat y = \\v{p:.4f}$। চেয়েছিলাম {v}`y:g`",
        "1\n$$\n\nতাই",
        "pair",
        "only en: p:.4f",
    ),
    ("lesson.md", '"en": "a picture of one neuron"', '"en": ""', "card", "no alt text"),
    (
        "lesson.md",
        '+++ {"pair": "numbers"}',
        '+++ {"pair": "early"}\n```{code-cell} python\n1\n```\n+++ {"pair": "numbers"}',
        "order",
        "code comes before",
    ),
    (
        "lesson.md",
        '"pair": "mis-sum", "kind": "misconception"',
        '"pair": "mis-sum", "kind": "misconception", "sheet": ["B110"]',
        "order",
        "after the end card",
    ),
    (
        "lesson.md",
        '"pair": "by-hand", ',
        '"pair": "by-hand", "project": "brief", ',
        "project",
        "on project days",
    ),
    ("lesson.md", '"kind": "predict", "answer"', '"kind": "prose", "answer"', "parts", "predict"),
    ("lesson.md", '"kind": "misconception"', '"kind": "prose"', "parts", "misconception"),
    ("lesson.md", '"kind": "formula"', '"kind": "prose"', "parts", "0 blocks of kind formula"),
    ("lesson.md", '"kind": "notes"', '"kind": "prose"', "parts", "0 blocks of kind notes"),
    ("lesson.md", '"kind": "endcard"', '"kind": "prose"', "parts", "0 blocks of kind endcard"),
    ("lesson.md", "[proof, experiment]", "[experiment]", "parts", "tagged proof"),
    ("lesson.md", ":tags: [data]\n", "", "parts", "tagged data"),
    ("lesson.md", ', "slide": true', "", "parts", "slide"),
    ("lesson.md", '"items": ["sum", "steps"]', '"items": ["sum"]', "parts", "steps is shown 0"),
    (
        "lesson.md",
        '"exercise": "half_square"',
        '"exercise": "neuron"',
        "parts",
        "shown 2 times",
    ),
    ("lesson.md", ', "tolerance": 0.01', "", "predict", "no tolerance"),
    ("lesson.md", '"answer": "loss", ', "", "predict", "no answer"),
    ("lesson.md", ', "down": {"bn": "কমবে", "en": "falls"}', "", "predict", "no choices"),
    ("lesson.md", "না, লস একটা মাপ।\n\n", "", "card", "three paragraphs"),
    ("lesson.md", "| ৫ | আপডেট |\n", "", "card", "a table of 5 rows, not 4"),
    ("lesson.md", '"kind": "notes"', '"kind": "notes", "slide": true', "card", "goes on a slide"),
    ("lesson.md", "## By hand", "# By hand", "card", "start at ##"),
    ("lesson.md", PROSE, "![](a.svg)\n" + PROSE, "card", "a picture has no text"),
    ("lesson.md", "loss = 0.5 * (p", "loss = 0.6 * (p", "outputs", "outputs.en.json is stale"),
    # numbers and formulas
    ("lesson.md", r"$\hat y = \v{p:.4f}$", r"$\hat y = 0.5987$", "number", "0.5987 is typed"),
    ("lesson.md", "{v}`y:g`", "১৩%", "number", "13 is typed"),
    ("exercises.toml", "অর্ধেক করোনি।", "অর্ধেক 0.77 করোনি।", "number", "0.77 is typed"),
    ("quiz.toml", "আবার যোগ করো।", "আবার 0.77 করো।", "number", "0.77 is typed"),
    ("lesson.md", "| $z$ | the sum | one number |\n", "", "formula", "z is not explained"),
    ("lesson.md", ROW, "| $z$ | যোগফল | |", "formula", "all filled"),
    ("lesson.md", "$$\n\\hat y = \\sigma(z)\n$$\n", "", "formula", "displays no formula"),
    (
        "lesson.md",
        "\\sigma(\\v{z:.2f}) = \\v{p:.4f}",
        "\\sigma(z)",
        "formula",
        "numbers are put in",
    ),
    # pairs
    (
        "lesson.md",
        "0.2(0.5) + (-0.4)(0.1) = \\v{z:.2f}\n$$\n\nSo",
        "0.2\n$$\n\nSo",
        "pair",
        "formulas",
    ),
    ("lesson.md", "So $\\hat y =", "So $\\bar y =", "pair", "formulas in the text differ"),
    ("lesson.md", "We wanted {v}`y:g`", "We wanted it", "pair", "only bn: y:g"),
    ("lesson.md", "then call `math.exp`", "then call `math.log`", "pair", "only en: math.log"),
    ("lesson.md", "See [Day 6](day:6).", "See Day 6.", "pair", "links differ"),
    ("lesson.md", ENGLISH, ENGLISH + " 25 weights.", "pair", "only en: 25"),
    ("lesson.md", PROSE, PROSE + " ১২টা।", "pair", "only bn: 12"),
    ("lesson.md", PROSE, PROSE + " TODO", "unwritten", "TODO stands where a text is to be"),
    ("lesson.md", "## By hand\n", "", "pair", "headings"),
    ("lesson.md", '+++ {"lang": "en", "pair": "mis-sum"}\nThe sum', "The sum", "pair", "no en"),
    (
        "lesson.md",
        '+++ {"lang": "en", "pair": "end"}',
        '+++ {"pair": "x"}\n```{code-cell} python\n1\n```\n+++ {"lang": "en", "pair": "end"}',
        "pair",
        "right behind",
    ),
    (
        "lesson.md",
        "The loss counts mistakes.\n\nNo, it is a measure.\n\n"
        "Here the loss is {v}`loss:.4f`, with a single answer.\n",
        "\n",
        "pair",
        "empty in one language",
    ),
    ("exercises.toml", "Write `half_square(p, y)`", "Write `square`", "pair", "inline code differ"),
    ("quiz.toml", "between -1 and 1", "between -12 and 1", "pair", "only en: 12"),
    # language
    ("lesson.md", PROSE, PROSE + " यह।", "script", "DEVANAGARI LETTER YA in bn"),
    ("lesson.md", ENGLISH, ENGLISH + " 처럼", "script", "HANGUL"),
    ("lesson.md", ENGLISH, ENGLISH + " ওয়েট", "script", "BENGALI LETTER O in en"),
    ("lesson.md", PROSE, PROSE + " ক\u200dষ।", "script", "ZERO WIDTH JOINER"),
    ("quiz.toml", "সেটা tanh।", "সেটা ❤ tanh।", "script", "HEAVY BLACK HEART"),
    ("lesson.md", PROSE, PROSE + " গ্র্যাডিয়েন্টের", "spelling", "the house writes গ্রেডিয়েন্ট"),
    ("lesson.md", PROSE, PROSE + " মডেলের প্রশিক্ষণ।", "spelling", "the house says ট্রেনিং"),
    ("exercises.toml", "বর্গ করোনি।", "আপনি বর্গ।", "spelling", "the house says তুমি"),
    ("lesson.md", "(neuron)", "", "gloss", "নিউরন: (neuron) is missing"),
    ("lesson.md", NOTES, "নিউরন (neuron) কী? লেখো।", "gloss", "(neuron) is said again"),
    ("lesson.md", NOTES, ((LONG + "। ") * 30), "sentence", "16 words"),
    ("lesson.md", NOTES, "This whole paragraph is still in English.", "translated", "more Latin"),
    # practice
    (
        "exercises.toml",
        '  { bn = "ভুল আগে।", en = "The error first." },\n',
        "",
        "exercise",
        "2 hints",
    ),
    ("exercises.toml", "# TODO(1)\n    return p", "return p", "exercise", "# TODO(1)"),
    ("exercises.toml", "want = 0.125\ntolerance = 0.0001", "want = 0.125", "exercise", "toler"),
    (
        "exercises.toml",
        "You did not square it.",
        "You did not halve it.",
        "exercise",
        "same message",
    ),
    ("exercises.toml", 'misconception = "mis-sum"\n', "", "misconception", "mis-sum is used by no"),
    ("exercises.toml", '"mis-loss"', '"mis-none"', "misconception", "no misconception mis-none"),
    ("quiz.toml", "recall = 6", "recall = 8", "quiz", "no item recalls"),
    ("quiz.toml", "between -1 and 1, always", "all of the above", "quiz", "all of the above"),
    ("quiz.toml", "between -1 and 1, always", "no", "quiz", "differ much in length"),
    ("quiz.toml", "between -1 and 1, always", "between 0 and 1, always", "quiz", "read the same"),
    ("quiz.toml", "between 0 and 1, always", "between 0 and 1, always so", "quiz", "the longest"),
    (
        "quiz.toml",
        '[[item.wrong]]\nanswer = "p"\nexplain',
        "[[item.x]]\nexplain",
        "quiz",
        "no likely",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "rule", "message"), CHANGES)
def test_a_rule_finds_what_breaks_it(changed, file, old, new, rule, message):
    folder = changed(file, nfc(old), nfc(new))
    found = lint_lesson(read_lesson(folder))
    assert any(f.rule == rule and nfc(message) in f.message for f in found), found


@pytest.mark.slow
def test_every_rule_is_broken_by_some_change(changed, tmp_path):
    """No rule is there that nothing can break (form NFC and too long ids have tests below)."""
    broken: set = set()
    originals = {f.name: f.read_text(encoding="utf-8") for f in (SAMPLE).iterdir()}
    for file, old, new, *_ in CHANGES:
        folder = changed(file, nfc(old), nfc(new))
        lesson = read_lesson(folder)
        broken |= {rule for rule in RULES if rule not in broken and list(rule(lesson))}
        (folder / file).write_text(originals[file], encoding="utf-8")
    assert {rule.__name__ for rule in RULES if rule not in broken} == {"normal_form"}


def test_an_exercises_id_is_short_and_plain(changed):
    changed("lesson.md", '"exercise": "half_square"', '"exercise": "half-square"')
    folder = changed("exercises.toml", '"half_square"', '"half-square"')
    assert any("an id is" in finding.message for finding in lint_lesson(read_lesson(folder)))


def test_the_example_worked_by_hand_takes_its_numbers_from_the_code(changed):
    changed("lesson.md", ', "hand": true, "slide": true', "")
    old = '"pair": "squash", "kind": "formula"'
    folder = changed("lesson.md", old, old + ', "hand": true')
    assert not [f for f in lint_lesson(read_lesson(folder)) if f.rule == "order"]
    for tex in ("\\v{z:.2f}", "\\v{p:.4f}"):
        changed("lesson.md", tex, "z")
    assert any("binds no number" in f.message for f in lint_lesson(read_lesson(folder)))


@pytest.mark.parametrize(
    ("folder", "day", "fits"),
    [("day02-x", 1, True), ("day04-x", 1, True), ("day04-x", 2, False), ("plus-x", 56, True)],
)
def test_a_quiz_goes_back_three_days_where_there_are_three(sample, folder, day, fits):
    items = tuple(replace(item, recall=day if item.recall else None) for item in sample.quiz)
    lesson = replace(sample, slug=folder, quiz=items)
    assert any("no item recalls" in finding.message for finding in quiz(lesson)) != fits


BRIEF = (
    '+++ {"lang": "bn", "pair": "brief", "project": "brief"}\nকাজ।\n\n'
    '+++ {"lang": "en", "pair": "brief"}\nThe work.\n\n'
)
JUDGED = (
    '+++ {"lang": "bn", "pair": "judged", "project": "rubric"}\n| ক | খ |\n|---|---|\n'
    + "| গ | ঘ |\n" * 5
    + '\n+++ {"lang": "en", "pair": "judged"}\n| a | b |\n|---|---|\n'
    + "| c | d |\n" * 5
    + "\n"
)
READ = '+++ {"pair": "read"}\n```{code-cell} python\ndata_file("a.csv")\n```\n\n'
FIRST = '+++ {"pair": "numbers"}'


@pytest.mark.parametrize(
    ("added", "message"),
    [
        (BRIEF + JUDGED + READ, ""),
        (JUDGED + READ, "0 blocks are marked as the brief"),
        (BRIEF + READ, "0 blocks are marked as the rubric"),
        (BRIEF + JUDGED, "no cell reads a data set"),
        (BRIEF + JUDGED.replace("| গ | ঘ |\n", "", 1) + READ, "a table of 5 rows, not 4"),
        (BRIEF + JUDGED.replace('"rubric"', '"x"') + READ, "brief and rubric are marked"),
    ],
)
def test_a_project_has_a_brief_a_rubric_and_data(changed, added, message):
    folder = changed("lesson.md", FIRST, added + FIRST)
    lesson = replace(read_lesson(folder), slug="day21-x")
    found = [finding.message for finding in project(lesson)]
    assert message in "".join(found) and bool(found) == bool(message)


@pytest.mark.parametrize(
    ("day", "free"), [("day07-x", False), ("day14-x", True), ("day20-x", False)]
)
def test_a_project_needs_no_example_by_hand_and_one_exercise(changed, day, free):
    changed("lesson.md", '"hand": true, ', "")
    shown = '+++ {"pair": "ex-half", "kind": "exercise", "exercise": "half_square"}'
    lesson = replace(read_lesson(changed("lesson.md", shown, "")), slug=day)
    found = " ".join(finding.message for rule in (order, parts) for finding in rule(lesson))
    assert ("worked by hand" not in found) == ("blocks of kind exercise" not in found) == free


def test_precomposed_letters_are_found_and_mended(changed):
    from gobhir.course.commands import normalise

    folder = changed("lesson.md", nfc("ওয়েট (weight)"), "ও\u09dfেট (weight)")
    lesson = read_lesson(folder)
    (found,) = [finding for finding in lint_lesson(lesson) if finding.rule == "nfc"]
    assert "weight" in lesson.file.read_text(encoding="utf-8").splitlines()[found.line - 1]
    normalise(lesson)
    assert [f for f in lint_lesson(read_lesson(folder)) if f.rule == "nfc"] == []


def test_a_finding_names_its_file_and_line(changed):
    folder = changed("lesson.md", r"$\hat y = \v{p:.4f}$", r"$\hat y = 0.5987$")
    found = [f for f in lint_lesson(read_lesson(folder)) if f.rule == "number"]
    lines = (folder / "lesson.md").read_text(encoding="utf-8").splitlines()
    assert len(found) == 2
    for finding in found:
        assert "0.5987" in lines[finding.line - 1]
    assert str(found[0]).startswith(f"{folder / 'lesson.md'}:{found[0].line}: number: ")


@pytest.mark.parametrize(
    ("tex", "found"),
    [
        (r"\delta^{(2)} = (\hat y - y)\,\hat{y}(1-\hat y)", {r"\delta", r"\hat y", "y"}),
        (
            r"\frac{\partial L}{\partial W^{(1)}} = \delta\,x^{\top}",
            {"L", "W", r"\delta", "x", r"\top"},
        ),
        (r"\sigma(z)=\frac{1}{1+e^{-z}}", {r"\sigma", "z"}),
        (r"z_j = \sum_{i=1}^{n} w_{ji} x_i + b_j", {"z", "n", "w", "x", "b"}),
        (r"\text{loss} = \tfrac12 \v{p:.4f} \odot \mathrm{max}(a)", {r"\odot", "a"}),
        (r"w \leftarrow w - \eta\,\nabla L", {"w", r"\eta", r"\nabla", "L"}),
    ],
)
def test_the_symbols_of_a_formula(tex, found):
    assert symbols(tex) == found


def test_numbers_are_read_from_prose_and_formulas_but_not_from_code():
    text = "এখানে ০.৫ আর $a = 0.25$, `x = 0.75`, {v}`p:.2f`, $\\v{1.5*p:.2f}$, ১২%, 7, day09.2"
    assert [number for _, number in typed_numbers(text)] == ["0.25", "0.5", "12"]
    assert contents("১২টা, ০.৫, 3").numbers == {"12", "0.5"}


def test_lines_of_prose_leave_markup_out():
    text = (
        "## ক\n\n**খ** $x$ `y`\n\n```{tip} t\nগ\n```\n\n```python\nঘ\n```\n\n| ঙ |\n|---|\n| চ |\n"
    )
    found = [(line.kind, line.text, line.line) for line in lines_of(text)]
    assert found == [
        ("h2", "ক", 0),
        ("p", "খ \ufffc \ufffc", 2),
        ("p", "গ", 5),
        ("th", "ঙ", 12),
        ("td", "চ", 14),
    ]


def test_over_the_whole_course_the_right_option_is_not_given_away(sample, changed):
    assert lint_course([sample] * 30) != []  # the right option is always the first
    folder = changed("quiz.toml", "between 0 and 1, always", "between 0 and 1, always, everywhere")
    found = lint_course([read_lesson(folder)] * 30)
    assert any("longest in 100% of all choices in en" in finding.message for finding in found)
    assert all(isinstance(finding, Finding) for finding in found)
    assert lint_course([sample] * 5) == []  # too few to tell


def test_the_minutes_are_those_of_the_parts(sample):
    # 4 cells or predictions and a data cell, 2 easy exercises, 3 quiz items, the picture, notes
    assert 5 + 4 + 1.5 + 3 + 4 < minutes(sample) < 5 + 4 + 1.5 + 3 + 4 + 2
