"""The lesson's HTML: the DOM that the front end relies on, and nothing that could act."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from gobhir.course import read_lesson
from gobhir.course.markdown import parser
from gobhir.course.notebooks import lesson_notebook
from gobhir.course.outputs import html_output, output_html
from gobhir.course.text import day_address


class Tree(HTMLParser):
    """Element names with attributes, and whether tags close in order."""

    VOID = {"img", "input", "br", "hr"}

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag, **attributes):
        wanted = {name.replace("_", "-"): value for name, value in attributes.items()}
        return [
            a
            for t, a in self.elements
            if t == tag and all(a.get(name) == value for name, value in wanted.items())
        ]


@pytest.fixture(params=["bn", "en"])
def page(request, sample):
    return Tree(sample.render(request.param))


def test_every_block_is_a_section_in_order(page, sample):
    sections = [attrs for tag, attrs in page.elements if tag == "section"]
    blocks = sample.in_language("bn")
    assert [s["id"] for s in sections] == [b.id for b in blocks]
    for section, block in zip(sections, blocks, strict=True):
        assert section["class"] == f"block block-{block.kind}"
        assert section["data-kind"] == block.kind


def test_the_parts_that_the_front_end_looks_for(page):
    assert page.all("div", data_cell="code-loss", data_tags="")
    assert page.all("div", data_cell="code-check", data_tags="proof experiment")
    assert page.all("code", **{"class": "language-python"})
    assert page.all("div", data_predict="predict-loss", data_hides="code-loss")
    assert page.all("div", data_exercise="neuron")
    kinds = {a["data-quiz"]: a["data-type"] for a in page.all("fieldset")}
    assert kinds == {"recall-sigmoid": "choice", "sum": "number", "steps": "order"}
    (widget,) = page.all("div", data_widget="glass")
    state = json.loads(widget["data-state"])
    assert state["lang"] in ("bn", "en")
    assert [len(row) for row in state["network"]["weights"][0]] == [2]
    assert page.all("details", **{"class": "solution"})[0].keys() >= {"hidden"}


def test_a_section_begins_before_the_box_of_its_question(changed):
    line = "If the sum grows, does"
    lesson = read_lesson(changed("lesson.md", line, f"## Uphill\n\n{line}"))
    html = lesson.render("en")
    assert re.search(r'>Uphill</h2>\s*<div class="predict" data-predict="predict-sign"', html)
    assert "<p>If the sum grows" in html.split('data-predict="predict-sign"')[1]
    cells = {cell.id: cell.source for cell in lesson_notebook(lesson, "en").cells}
    assert cells["predict-sign"].startswith("## Uphill\n\n### ")


def test_an_options_text_is_one_element(sample):
    html = sample.render("en")
    assert (
        '<input type="radio" name="predict-predict-sign" value="up"> <span>rises</span></' in html
    )
    assert 'value="1"> <span>between -1 and 1, always</span></label>' in html
    assert '<li data-value="1"><span>add</span> ' in html


def test_a_wide_table_scrolls_in_its_own_box(page):
    assert len(page.all("div", **{"class": "table"}, tabindex="0")) == len(page.all("table")) == 2


def test_numbers_come_from_the_code(sample):
    html = sample.render("en")
    assert 'data-tex="z = 0.2(0.5) + (-0.4)(0.1) = 0.06"' in html
    assert re.search(r'<span class="num" title="from the code: y:g">1</span>', html)
    assert "⟨?⟩" not in html
    assert r"\v{" not in html


def test_stored_outputs_are_in_place(sample):
    html = sample.render("bn")
    cell = html[html.index('data-cell="code-loss"') :]
    assert '<pre class="output output-stdout">0.1176\n</pre>' in cell[: cell.index("</section>")]


def test_a_term_is_annotated_where_it_first_stands(sample):
    bangla, english = sample.render("bn"), sample.render("en")
    assert len(re.findall(r'data-term="weight"', bangla)) == 1
    assert 'title="weight: তারের সংখ্যা' in bangla
    assert 'title="ওয়েট: the number on a wire' in english


def test_raw_html_in_a_lesson_is_shown_as_text(changed):
    evil = "<script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1))"
    folder = changed("lesson.md", "A neuron first multiplies by its weights.", evil)
    html = read_lesson(folder).render("en")
    assert "&lt;script&gt;" in html
    tree = Tree(html)
    assert not tree.all("script")
    assert not any("onerror" in attrs for _, attrs in tree.elements)
    assert not any(str(a.get("href", "")).startswith("javascript") for _, a in tree.elements)


def test_days_are_linked_and_report_goes_to_the_notes(page):
    addresses = [a["href"] for a in page.all("a")]
    assert day_address("day:6") in addresses
    assert day_address("day:6").startswith("day06-")
    assert day_address("day:55") == "../#day-55"  # no lesson yet
    assert page.all("a", data_report="notes")


@pytest.mark.parametrize(
    "content",
    [
        "<script>alert(1)</script>",
        "<b onclick=x()>b</b>",
        "<form action=/></form>",
        "<iframe src=x></iframe>",
        "<style>b{}</style>",
        "<a href='javascript:x()'>a</a>",
        "<svg onload=x()></svg>",
        "<p style='position:fixed'>p</p>",
        "<!-- x --><b>",
        "<b></template><script>x()</script>",
        "<div id=gobhir-config>{}</div>",
    ],
)
def test_html_that_could_act_is_kept_as_text_in_a_template(content):
    html = html_output(content)
    assert html.startswith('<div class="output"><template class="sandboxed">')
    inside = html[html.index("sandboxed") + 11 : html.index("</template></div>")]
    assert "<" not in inside


def test_plain_html_is_shown_as_it_is():
    table = '<table class="dataframe"><tr><td>1</td></tr></table>'
    assert html_output(table) == f'<div class="output output-html">{table}</div>'


def test_markdown_outputs_show_formulas_and_no_html():
    data = {"text/markdown": "# x\n\n$a<b$ <script>1</script>", "text/plain": "x"}
    html = output_html({"output_type": "display_data", "data": data})
    assert 'data-tex="a&lt;b"' in html
    assert "<script" not in html
    assert "<h3>x</h3>" in html


def test_an_error_is_one_line():
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["..."]}
    assert output_html(error) == '<pre class="output output-error">ValueError: no</pre>'


def test_no_line_ends_before_a_bangla_ending():
    html = parser().render("PyTorch-এর `W`-তে, 3-4-1")
    assert "PyTorch-\u2060এর" in html and "</code>-\u2060তে" in html and "3-4-1" in html
