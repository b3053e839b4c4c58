"""A derivation as data: the same one comes back, and the published schema describes it."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from hypothesis import given

import gobhir
from gobhir.derivation import data
from gobhir.derivation.arrays import LongSum, Sigma, SumOver
from gobhir.derivation.expression import Expr, Leaf, Name, Num, Sum, Sym
from gobhir.derivation.places import Rearranged, Scattered, Spread, Taken
from gobhir.derivation.schema import schema, text
from gobhir.derivation.step import Count, Derivation, Fold, Line, Piece, Say, Section, Step
from gobhir.examples import network
from gobhir.lang import LANGUAGES, use_language
from tests.derivation.drawn import expressions
from tests.derivation.pages import small

PUBLISHED = Path(data.__file__).with_name("derivation.schema.json")


@cache
def pages() -> dict[str, Derivation]:
    examples = {
        "by hand": network("4-4-1"),
        "a batch": network("3-2-2", "relu", "cross_entropy", "adam", batch=2),
        "large": network("9-10-1", "tanh", "mse"),
    }
    out = {
        name: gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")
        for name, e in examples.items()
    }
    return {**out, "small": small(), "why": out["by hand"].why("0.weight[1, 2]")}


def single(*pieces: Piece) -> Derivation:
    step = Step("forward.0", "sum", "forward", "sum", "fc", {"kind": (2, 3)}, pieces)
    return Derivation(Say("rules.title.plain"), (), (Section("forward", (step,)),), "hand")


NAMES = ["by hand", "a batch", "large", "small", "why"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_derivation_comes_back(name: str) -> None:
    d = pages()[name]
    back = Derivation.from_json(d.to_json())
    assert type(back) is Derivation
    assert back.to_json() == d.to_json()
    assert [s.id for s in back] == [s.id for s in d]
    assert [s.error for s in back] == [s.error for s in d]
    for lang in LANGUAGES:
        assert back.to_markdown(lang) == d.to_markdown(lang)
        assert back.to_text(lang) == d.to_text(lang)
        assert Derivation.from_json(d.to_json(lang)).to_json() == d.to_json()


@given(expressions)
def test_every_expression_comes_back(e: Expr) -> None:
    d = single(Line(None, (e,)))
    back = Derivation.from_json(d.to_json())
    assert back.to_markdown("en") == d.to_markdown("en")


@pytest.mark.parametrize(
    "value",
    [
        Decimal("0.10"),
        Decimal("-0"),
        Decimal("NaN"),
        Decimal("Infinity"),
        np.float32(0.1),
        0.1,
        float("inf"),
        np.array([[Decimal("0.10"), Decimal("1E+3")]], object),
        np.array([0.1, np.nan, -np.inf]),
        np.array([0.1, 0.7], np.float32),
        np.zeros((0, 3)),
    ],
    ids=repr,
)
def test_numbers_keep_their_digits(value: Any) -> None:
    d = single(Line(Name("z"), (Sym(Name("x"), value), Num(value)), exact=value))
    back = Derivation.from_json(d.to_json())
    assert back.to_json() == d.to_json()
    assert str(back.steps[0].result) == str(value)
    assert valid(d)
    if np.size(value):
        assert back.to_markdown("en") == d.to_markdown("en")


def test_what_only_arrays_have_comes_back() -> None:
    x = Sym(Name("X"), np.array([[Decimal(i + 2 * j) for i in range(2)] for j in range(3)]))
    turned = Rearranged(x, "reshape", np.array([[0, 1, 2], [3, -1, 5]]))
    d = single(
        Line(Name("s"), (SumOver(x, (0,), keepdims=True),)),
        Line(None, (Spread(Num(Decimal(1)), (2, 2)),)),
        Line(None, (turned,)),
        Say("rules.opaque.shown", {"op": "x", "shapes": (2, 3), "out": Count(3), "n": True}),
    )
    places = (np.array([[0], [4]]), np.array([[0, 1]]))
    others = single(
        Line(None, (Taken(x, "window", places, Decimal("-Infinity")),)),
        Line(None, (Scattered(x, "window", lambda: np.array([0, 1, 1, 2, -1, 0]), (3,)),)),
        Line(None, (Sigma(x, (("k", 3),)),)),
    )
    long = LongSum(2, lambda k: Num(Decimal(k + 1)), lambda: np.array([1.0, 2.0]))
    assert json.loads(single(Line(None, (long,))).to_json()) == json.loads(
        single(Line(None, (Sum(long.terms),))).to_json()
    )
    assert valid(others)
    back = Derivation.from_json(others.to_json())
    assert back.to_json() == others.to_json()
    taken, scattered, sigma = (line.stages[0] for line in back.steps[0].lines)
    assert isinstance(taken, Taken) and taken.at((1, 0)).value == Decimal("-Infinity")  # type: ignore[attr-defined]
    assert scattered.floats((np.arange(3),)).tolist() == [5, 3, 3]
    assert isinstance(sigma, Sigma) and sigma.letters == (("k", 3),)
    assert valid(d)
    (step,) = Derivation.from_json(d.to_json())
    first, spread, moved = (line.stages[0] for line in step.lines)
    assert step.operands == {"kind": (2, 3)}
    assert isinstance(first, SumOver) and first.keepdims and first.axes == (0,)
    assert spread.shape == (2, 2)
    assert isinstance(moved, Rearranged) and moved.at((1, 0)).value == 3  # type: ignore[attr-defined]
    said = step.pieces[-1]
    assert isinstance(said, Say) and said.values["shapes"] == (2, 3)
    assert said.values["out"] == Count(3)


def test_folds_come_back() -> None:
    line = Line(Name("z"), (Num(Decimal("0.50")),))
    inner = Fold(Say("rules.title.loss"), (line,))
    d = single(Fold(Say("rules.title.forward"), (Say("rules.backward.define"), inner)))
    assert valid(d) and valid(d, "bn")
    assert Derivation.from_json(d.to_json()).to_html("bn") == d.to_html("bn")


def test_every_kind_of_expression_is_known() -> None:
    def all_below(cls: type) -> set[type]:
        return {cls}.union(*(all_below(c) for c in cls.__subclasses__()))

    ours = {c for c in all_below(Expr) if c.__module__.startswith("gobhir.")}
    known = {c for c in data.kinds().values() if issubclass(c, Expr)}
    assert ours - known == {Expr, Leaf, *data.BASES, *data.ON_DEMAND}


# -- in a language -------------------------------------------------------------------------------


def all_objects(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [o for x in node for o in all_objects(x)]
    if not isinstance(node, dict):
        return []
    return [node] + [o for x in node.values() for o in all_objects(x)]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_sentences_formulas_and_notes_in_a_language(lang: str) -> None:
    d = small()
    whole = json.loads(d.to_json(lang))
    page = d.to_markdown(lang)
    assert whole["lang"] == lang
    assert page.startswith(f"# {whole['title']['text']}\n")
    objects = all_objects(whole["sections"])
    for o in objects:
        if o.get("kind") == "say":
            assert o["text"] in page
        if o.get("kind") == "line":
            assert len(o["latex"]["stages"]) == len(o["stages"])
            assert all(note in page for note in o["notes"])
        if o.get("kind") == "table":
            assert all(cell in page for row in o["cells"] for cell in row)
    assert {o.get("kind") for o in objects} >= {"say", "line", "table", "section", "step"}
    assert "text" not in d.to_json()


# -- the schema ----------------------------------------------------------------------------------


@cache
def validator() -> Any:
    jsonschema_rs.meta.validate(schema())
    return jsonschema_rs.Draft202012Validator(schema())


def valid(d: Derivation, lang: str | None = None) -> bool:
    return bool(validator().is_valid(json.loads(d.to_json(lang))))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_schema_describes_what_is_written(name: str) -> None:
    assert valid(pages()[name])


def test_the_schema_describes_the_sentences_too() -> None:
    assert valid(small(), "bn") and valid(small(), "en")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("mode",), 3),
        (("version",), 2),
        (("sections",), {}),
        (("sections", 0, "steps", 0, "pieces", 0, "kind"), "song"),
        (("sections", 0, "steps", 0, "pieces", 0, "stages", 0), "0.5"),
        (("sections", 0, "steps", 0, "pieces", 0, "colour"), "red"),
        (("sections", 0, "steps", 0, "operands"), [1]),
    ],
)
def test_schema_and_reader_refuse_the_same(path: tuple[Any, ...], value: Any) -> None:
    whole = json.loads(small().to_json())
    *way, last = path
    inside = whole
    for part in way:
        inside = inside[part]
    inside[last] = value
    assert not validator().is_valid(whole)
    with pytest.raises(ValueError, match="version|is not what belongs there"):
        Derivation.from_json(whole)


def test_the_published_schema_is_that_of_the_classes() -> None:
    """To publish anew: python -m gobhir.derivation.schema > <the file>."""

    def without_words(node: Any) -> Any:
        if isinstance(node, list):
            return [without_words(x) for x in node]
        if not isinstance(node, dict):
            return node
        return {k: without_words(x) for k, x in node.items() if k != "description"}

    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert without_words(published) == without_words(json.loads(text()))


# -- what is no derivation -----------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "line 1"),
        ("[1]", "gobhir.derivation"),
        ('{"format":"gobhir.derivation","version":7}', "7"),
        ('{"format":"gobhir.derivation","version":1}', r"\$"),
        ('{"format":"gobhir.derivation","version":1,"kind":"count","value":1}', r"\$\.kind"),
        ('{"format":"gobhir.derivation","version":1,"kind":"derivation"}', "sections"),
        ("[" * 200_000, "JSON"),
    ],
)
def test_what_is_wrong_is_said(text: str, named: str, lang: str) -> None:
    use_language(lang)
    try:
        with pytest.raises(ValueError, match=named):
            Derivation.from_json(text)
    finally:
        use_language(None)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"kind": "num", "value": "four"}, "value"),
        ({"kind": "num", "value": True}, "value"),
        ({"kind": "num", "value": {"kind": "decimal"}}, "value"),
        ({"kind": "num"}, "stages"),
        ({"kind": "array", "shape": [2], "values": [1], "dtype": "int"}, "stages"),
        ({"kind": "array", "shape": [1], "values": ["x"], "dtype": "int"}, "stages"),
        ({"kind": "array", "shape": [1], "values": [1], "dtype": "complex"}, "stages"),
        ({"kind": "name", "base": "w"}, "stages"),
        ({"kind": "sum", "terms": [3]}, "terms"),
        ({"kind": ["num"]}, "kind"),
        ({"value": "0.5"}, "stages"),
    ],
)
def test_the_place_of_the_mistake_is_named(value: Any, place: str) -> None:
    whole = json.loads(small().to_json())
    whole["sections"][0]["steps"][0]["pieces"][0]["stages"] = [value]
    with pytest.raises(ValueError, match=rf"\$\.sections\[0\]\.steps\[0\].*{place}"):
        Derivation.from_json(whole)


def test_nested_too_deeply() -> None:
    whole = json.loads(small().to_json())
    deep: dict[str, Any] = {"kind": "num", "value": "1"}
    for _ in range(100_000):
        deep = {"kind": "negative", "body": deep}
    whole["sections"][0]["steps"][0]["pieces"][0]["stages"] = [deep]
    with pytest.raises(ValueError, match="too deeply"):
        Derivation.from_json(whole)
