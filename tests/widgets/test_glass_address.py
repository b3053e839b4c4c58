"""What the page's address may hold: written and read back, and whatever else stands there."""

import pytest

from gobhir.widgets.network import read_network
from tests.widgets.node import ask

NETWORK = read_network("4-4-1")


def read(*addresses):
    return ask("read", [{"network": NETWORK, "address": address} for address in addresses])


def test_what_is_written_is_read_back():
    kept = {
        "step": 6,
        "selected": "w1.2.3",
        "moves": [["w2.1.2", 0.7], ["go", 3], ["x1", -1e-7], ["lr", 0.05], ["y1", 0], ["b1.4", 99]],
    }
    (written,) = ask("write", [kept])
    assert written.isascii() and len(written) < 80
    assert read(written) == [kept]


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "~~~",
        "s99~@w9.9.9",
        "s-1~@",
        "@__proto__~@constructor",
        "__proto__:1~constructor:2~toString:3",
        "lr:-1~lr:11~lr:NaN~lr:Infinity",
        "w1.2.3:1e999~w1.2.3:101~w1.2.3:~w1.2.3:0x10~w1.2.3:1,5",
        "w0.1.1:1~w3.1.1:1~w1.5.1:1~w1.1.5:1~x5:1~y2:1~b3.1:1~L:1",
        "go:0~go:-3~go:1.5~go:2001~go:1e9",
        "<img src=x onerror=alert(1)>",
        "%00%F0%9F~%",
        "s1" * 4000,
    ],
)
def test_hostile_addresses_change_nothing(hostile):
    assert read(hostile) == [{}]


def test_one_broken_part_does_not_take_the_good_ones_with_it():
    assert read("s3~junk~@nowhere~w2.1.2:0.7~w2.1.2:abc~go:2") == [
        {"step": 3, "moves": [["w2.1.2", 0.7], ["go", 2]]}
    ]


def test_updates_in_an_address_are_bounded():
    (found,) = read("~".join(["go:1500"] * 3))
    assert found["moves"] == [["go", 1500]]
