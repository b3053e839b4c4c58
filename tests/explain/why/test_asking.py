"""Every number on a page that can be clicked: its question is one that `why` answers, and the
answer is about the very number that stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gobhir
from gobhir.derivation import html
from gobhir.derivation.latex import latex
from gobhir.derivation.marks import Marked, told_apart
from gobhir.derivation.step import Derivation, Line, Say
from gobhir.examples import network
from gobhir.explain import explanation
from gobhir.explain.explanation import Explanation
from gobhir.lang import LANGUAGES


def house(sizes: str = "4-4-1", **how: Any) -> Explanation:
    e = network(sizes, how.pop("activation", None), how.pop("loss", None), **how)
    return gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")


class Reader(nn.Module):
    """Reads a sequence, by steps or all at once."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.out = inner, nn.Linear(4, 1)

    def forward(self, x: Any) -> Any:
        attends = isinstance(self.inner, nn.MultiheadAttention)
        out, _ = self.inner(x, x, x) if attends else self.inner(x)
        return self.out(out[:, -1])


def reading(make: Callable[[], Any], folded: bool = False) -> Explanation:
    torch.manual_seed(2)
    model = Reader(make()).double()
    x, y = torch.randn(1, 3, 4).double(), torch.randn(1, 1).double()
    step = (model, x, y, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.1))
    return gobhir.explain(*step, reference="differences")


PAGES = {
    "4-4-1": lambda: house(),
    "batch": lambda: house("3-4-3", loss="cross_entropy", optimizer="adam", batch=3),
    "exact": lambda: house("12-10-3", activation="tanh", seed=1),
    "one": lambda: house("1-1-1"),
}
OPENED = {
    "lstm": lambda: reading(lambda: nn.LSTM(4, 4, batch_first=True)),
    "gru": lambda: reading(lambda: nn.GRU(4, 2, 2, batch_first=True, bidirectional=True)),
    "attention": lambda: reading(lambda: nn.MultiheadAttention(4, 2, batch_first=True)),
}


@pytest.fixture(params=PAGES, scope="module")
def page(request: pytest.FixtureRequest) -> Explanation:
    return PAGES[request.param]()


@pytest.fixture(params=PAGES | OPENED, scope="module")
def any_page(request: pytest.FixtureRequest) -> Explanation:
    return (PAGES | OPENED)[request.param]()


def marks(markup: str) -> list[tuple[str, str]]:
    """(what can be clicked, its question) all over a page."""
    found = []
    places = re.finditer(r'<span class="math" data-asks="([^"]*)">([^<]*)</span>', markup)
    for place in places:
        tex = unescape(place[2])
        for one in unescape(place[1]).split(";"):
            start, end, question = one.split(" ", 2)
            found.append((tex[int(start) : int(end)], question))
    return found


def worth(e: Explanation, question: str) -> float:
    """The number that the question is about, from the recorded arrays alone."""
    asked = e.trace.find(question)
    index = asked.index or ()
    if asked.kind == "change":
        return float(e.trace.updates[asked.node].after["w"][index])
    array = e.trace.gradient(asked.node) if asked.kind == "grad" else e.trace.value(asked.node)
    return float(np.asarray(array)[index])


def test_a_number_is_asked_about_by_what_it_is(any_page: Explanation) -> None:
    """What is written at a marked place is the value of what its question names."""
    numbers = 0
    for written, question in marks(html.fragment(any_page, "en")):
        tex = re.fullmatch(r"(-?[\d.]+)(?:\\times10\^\{(-?\d+)\})?", written)
        if tex is None:
            continue  # a name
        numbers += 1
        shown = float(tex[1]) * 10.0 ** int(tex[2] or 0)
        exact = worth(any_page, question)
        apart = min(abs(shown - exact), abs(shown + exact))  # "... - 0.2": the sign stands apart
        assert apart <= 0.02 * abs(exact) + 3e-4, (written, question, exact)
    assert numbers > 10


def test_every_question_on_a_page_and_in_its_answers_is_answered(any_page: Explanation) -> None:
    todo = list(dict.fromkeys(q for _, q in marks(html.fragment(any_page, "bn"))))
    seen: set[str] = set()
    while todo and len(seen) < 150:
        question = todo.pop()
        if question in seen:
            continue
        seen.add(question)
        for lang in LANGUAGES:
            told = html.reply(any_page, question, lang)
            assert "<p>" in told or "chain" in told
        todo += [q for _, q in marks(told)]
        todo += map(unescape, re.findall(r'<code data-why="([^"]+)"', told))
    assert len(seen) > 8


def test_the_line_of_a_number_makes_it(page: Explanation) -> None:
    """One layer of why: its line ends in the number that was asked for."""
    for question in ("0[0]", "0.weight.change[0, 0]", "0.weight[0, 0]", "loss"):
        if question == "0[0]" and len(np.shape(page.trace.value(page.trace.of_name["0"]))) > 1:
            question = "0[0, 0]"
        if question == "0.weight.change[0, 0]" and not page.run.tape.updates:
            continue
        exact = worth(page, question)
        (step,) = page.why(question, 1).steps
        results = [float(line.result) for line in step.lines if line.result is not None]
        assert any(r == pytest.approx(exact, rel=2e-3, abs=2e-4) for r in results), question


def test_marks_leave_a_formula_as_it_was(page: Explanation) -> None:
    for line in (one for step in page.steps for one in step.lines):
        for stage in line.stages:
            formula, _ = told_apart(Marked("en", page.asked).write(stage))
            assert formula == latex(stage, "en")


def test_a_plain_derivation_has_nothing_to_click() -> None:
    e = house()
    plain = Derivation(e.title, e.intro, e.sections, e.mode)
    markup = plain.to_html("en")
    assert not marks(markup) and " data-words=" not in markup and "<template" not in markup
    assert "data-asks" not in html.paper(e).split("<main")[1].split("</main>")[0]
    assert "data-asks" not in e.to_slides("en").split("<body>")[1].split("<script>")[0]


def test_layers_says_how_far_down() -> None:
    e = house()
    assert len(e.why("0.weight[1, 2]", 1).steps) == 1
    assert len(e.why("0.weight[1, 2]", 2).steps) == 2
    assert len(e.why("0.weight[1, 2]").steps) > 2
    with pytest.raises(ValueError, match="0"):
        e.why("0.weight[1, 2]", 0)


def test_the_saved_page_answers_all_of_a_small_network() -> None:
    e = house()
    markup = e.to_html("en")
    carried = set(re.findall(r'data-answer="([^"]+)"', markup))
    makes = set(re.findall(r'data-makes="([^"]+)"', markup))
    assert {q for _, q in marks(markup)} <= carried | makes
    assert "0[1]" in carried and "0[0]" in makes - carried


def test_a_saved_page_keeps_to_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation, "CARRIED", 3000)
    markup = house().to_html("en")
    inside = markup.split('<template class="answers">')[1].split("</template>")[0]
    answers = re.findall(
        r'<div data-answer="[^"]+">(.*?)</div>\n?(?=<div data-answer|$)', inside, re.S
    )
    assert 0 < sum(len(a.encode()) for a in answers) <= 3000


def test_a_gate_goes_by_its_letter_and_its_time() -> None:
    """rnn.t2.f is what PyTorch's numbers make the forget gate of step 2, and so is its gradient;
    of attention, the scores and the shares."""
    e = OPENED["lstm"]()
    torch.manual_seed(2)
    model = Reader(nn.LSTM(4, 4, batch_first=True)).double()
    x, y = torch.randn(1, 3, 4).double(), torch.randn(1, 1).double()
    cell, (h, c) = model.inner, torch.zeros(2, 1, 4).double()
    seen = {}
    for t in range(3):
        into = x[:, t] @ cell.weight_ih_l0.T + cell.bias_ih_l0 + cell.bias_hh_l0
        a = dict(zip("ifgo", (into + h @ cell.weight_hh_l0.T).chunk(4, 1), strict=True))
        i, f, o = (torch.sigmoid(a[k]) for k in "ifo")
        c = f * c + i * torch.tanh(a["g"])
        h = o * torch.tanh(c)
        step = {"i": i, "f": f, "o": o, "c": c, "h": h} | {f"a_{k}": v for k, v in a.items()}
        seen |= {f"inner.t{t + 1}.{word}": v for word, v in step.items()}
    loss = nn.functional.mse_loss(model.out(h), y)
    grads = torch.autograd.grad(loss, list(seen.values()))
    for (name, value), grad in zip(seen.items(), grads, strict=True):
        for question, array in ((name, value), (f"{name}.grad", grad)):
            wanted = array.detach().numpy()[0]
            got = [worth(e, f"{question}[0, {k}]") for k in range(4)]
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-15, err_msg=question)

    folded = reading(lambda: nn.LSTM(4, 4, batch_first=True), folded=True)
    told = folded.why("inner.t2.f.grad[0, 1]").to_markdown("en")
    value = float(grads[list(seen).index("inner.t2.f")][0, 1])
    assert f"{value:.4g}" in told and folded.asked("inner.t2.c[0, 1]")
    with pytest.raises(KeyError):
        folded.why("inner.t9.f[0, 1]")

    attending = OPENED["attention"]()
    shares = [worth(attending, f"inner.shares[0, 1, 2, {k}]") for k in range(3)]
    scores = [worth(attending, f"inner.scores[0, 1, 2, {k}]") for k in range(3)]
    np.testing.assert_allclose(shares, np.exp(scores) / np.exp(scores).sum())


class Oddities(nn.Module):
    """A dead ReLU, a saturated unit, a frozen layer, a detached branch, a parameter unused."""

    def __init__(self) -> None:
        super().__init__()
        self.dead, self.wide = nn.Linear(3, 2), nn.Linear(3, 2)
        self.frozen, self.cut = nn.Linear(3, 2), nn.Linear(3, 2)
        self.spare = nn.Linear(2, 2)
        self.head = nn.Linear(8, 1)
        with torch.no_grad():
            self.dead.bias.fill_(-50.0)
            self.wide.bias.fill_(400.0)
        self.frozen.requires_grad_(False)

    def forward(self, x: Any) -> Any:
        parts = [torch.relu(self.dead(x)), torch.tanh(self.wide(x))]
        parts += [self.frozen(x), self.cut(x).detach()]
        return self.head(torch.cat(parts, 1))


ZERO = {
    "dead.weight[0, 0]": "dead",
    "wide.weight[0, 0]": "saturated",
    "frozen.weight[0, 0]": "frozen",
    "cut.weight[1, 2]": "detached",
    "spare.weight[0, 1]": "unused",
}


@pytest.mark.parametrize("folded", [False, True])
def test_a_zero_says_why_it_is_zero(folded: bool) -> None:
    torch.manual_seed(0)
    model = Oddities()
    e = gobhir.explain(
        model, torch.randn(4, 3), torch.randn(4, 1), nn.MSELoss(),
        torch.optim.SGD(model.parameters(), lr=0.1), folded=folded, reference="torch",
    )  # fmt: skip
    for question, said in ZERO.items():
        assert html.reply(e, question, "bn")
        keys = [p.key for s in e.answer(question).steps for p in s.pieces if isinstance(p, Say)]
        assert any(k.startswith(f"rules.closed.{said}") for k in keys), (question, keys)


def test_lines_are_found_by_their_question() -> None:
    """data-makes stands at the very line that computes what it names."""
    e = house()
    line = next(p for s in e.steps for p in s.pieces if isinstance(p, Line) and p.error is not None)
    assert line.left is not None
    name = getattr(line.left, "name", line.left)
    assert f'data-makes="{e.asked(name)}"' in html.fragment(e, "en")
