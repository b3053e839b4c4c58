"""The Python side: what can be drawn, what is refused and how, the still picture."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest
import traitlets

import gobhir
from gobhir import nn
from gobhir.lang import LANGUAGES
from gobhir.widgets import GlassNetwork
from gobhir.widgets.drawing import short


def both(trouble):
    """The message of an error in both languages."""
    message = trouble.value.args[0]
    return [message.text(lang) for lang in LANGUAGES]


def model(*layers):
    return nn.Sequential(*layers)


def test_the_house_example_and_ones_own_numbers():
    picture = GlassNetwork(x=[1, 2, 3, 4], y=[0], lr=0.1)
    assert picture.network["x"] == [1.0, 2.0, 3.0, 4.0]
    assert (picture.network["y"], picture.network["lr"]) == ([0.0], 0.1)
    assert picture.network["weights"][0][1] == [0.7, 0.3, -0.6, 0.1]


def test_a_model_of_ones_own():
    gobhir.manual_seed(0)
    own = model(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    picture = GlassNetwork(own, x=[0.1, -0.2], y=[1, 0])
    assert picture.network["activations"] == ["tanh", "identity"]
    assert picture.network["biases"][1] == pytest.approx(own[2].bias.tolist(), rel=1e-6)
    out = own(gobhir.tensor([0.1, -0.2]))
    assert picture.numbers().output == pytest.approx(out.tolist(), rel=1e-5)


def test_a_pytorch_model():
    torch = pytest.importorskip("torch")
    own = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    assert GlassNetwork(own, x=[1, 2, 3]).numbers().output == pytest.approx(
        own(torch.tensor([1.0, 2.0, 3.0])).detach().numpy(), rel=1e-5
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GlassNetwork("4-4-x"), ["4-4-x"]),
        (lambda: GlassNetwork("4-99-1"), ["4-99-1", "6"]),
        (lambda: GlassNetwork("2-2-2-2-2"), ["2-2-2-2-2", "3"]),
        (lambda: GlassNetwork(x=[1, 2]), ["x", "4", "2"]),
        (lambda: GlassNetwork(x=[1, 2, 3, float("nan")]), ["x", "nan"]),
        (lambda: GlassNetwork(x=[1, 2, 3, "4"]), ["x", "4"]),
        (lambda: GlassNetwork(y=[1e9]), ["y", "1000000000.0"]),
        (lambda: GlassNetwork(lr=-1), ["lr", "-1"]),
        (lambda: GlassNetwork(model(nn.Linear(2, 2, bias=False))), ["Linear"]),
        (lambda: GlassNetwork(model(nn.Sigmoid())), ["Sigmoid"]),
        (lambda: GlassNetwork(model(nn.Linear(2, 2), nn.Softmax(-1))), ["Softmax"]),
        (lambda: GlassNetwork(model(nn.Linear(2, 2), nn.Tanh(), nn.Tanh())), ["Tanh"]),
        (lambda: GlassNetwork(3), ["int"]),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_both_languages(make, words):
    with pytest.raises(ValueError) as trouble:
        make()
    for message in both(trouble):
        assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", 9),
        ("step", -1),
        ("selected", "n3.1"),
        ("selected", "w1.2.3'\"<b>"),
        ("lang", "fr"),
        ("moves", [["w9.1.1", 1]]),
        ("moves", [["w1.1.1", float("inf")]]),
        ("moves", [["lr", 11]]),
        ("moves", [["go", 0.5]]),
        ("moves", [["go", 1500], ["go", 1500]]),
        ("moves", ["go"]),
        ("moves", [["go", True]]),
        ("moves", [["go", 1]] * 201),
    ],
)
def test_traits_refuse_what_makes_no_sense_and_keep_what_they_had(name, value):
    picture = GlassNetwork(lang="en")
    before = getattr(picture, name)
    with pytest.raises(traitlets.TraitError) as trouble:
        setattr(picture, name, value)
    assert len(set(both(trouble))) == 2
    assert getattr(picture, name) == before


def test_the_network_cannot_be_replaced_behind_the_picture():
    with pytest.raises(traitlets.TraitError):
        GlassNetwork().network = {}


def test_moves_change_what_now_and_the_drawing_say():
    picture = GlassNetwork(lang="en")
    loss = picture.numbers().loss
    picture.moves = [["go", 5]]
    assert picture.numbers().loss < loss
    assert short(picture.numbers().loss) in picture.fallback_svg()


def test_the_page_gets_both_languages_and_plain_json():
    state = json.loads(json.dumps(GlassNetwork().page_state("bn")))
    assert state["lang"] == "bn" and state["address"] == "glass"
    bn, en = state["strings"]["bn"], state["strings"]["en"]
    assert bn.keys() == en.keys()
    # Only marks without words may be the same in both.
    assert {key for key in bn if bn[key] == en[key]} == {"thing.wire"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_still_picture_stands_alone_and_holds_the_engines_numbers(lang):
    picture = GlassNetwork()
    drawn = picture.fallback_svg(lang)
    root = ET.fromstring(drawn)
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    numbers = picture.numbers()
    for layer in range(2):
        for z, a, d in zip(numbers.z[layer], numbers.a[layer], numbers.deltas[layer], strict=True):
            assert {f"z {short(z)}", short(a), f"δ {short(d)}"} <= texts
        for row in picture.network["weights"][layer]:
            assert {short(w) for w in row} <= texts
    assert "0.6368" in root.attrib["aria-label"] and root.attrib["lang"] == lang
    assert bool(re.search("[\u0980-\u09ff]", root.attrib["aria-label"])) == (lang == "bn")
    assert "script" not in drawn and "href" not in drawn


def test_short_numbers():
    shown = [short(v) for v in (0, -0.0, 0.5, -0.00807244, 12.34567, 123456.0, 3e-9, -1e-5)]
    assert shown == ["0", "0", "0.5", "−0.0081", "12.346", "1.2·10⁵", "3·10⁻⁹", "−1·10⁻⁵"]
    assert [short(v) for v in (float("nan"), float("inf"), float("-inf"))] == ["NaN", "∞", "−∞"]


def test_a_notebook_that_is_only_looked_at_still_shows_the_picture():
    data, _ = GlassNetwork(lang="bn")._repr_mimebundle_()
    assert data["image/svg+xml"].startswith("<svg")
    assert "application/vnd.jupyter.widget-view+json" in data


def test_without_the_bundle_the_picture_says_how_to_make_it(monkeypatch, tmp_path):
    from gobhir.widgets import picture

    monkeypatch.setattr(picture, "MODULES", tmp_path)
    assert "python frontend/bundle.py" in GlassNetwork(lang="en")._esm
