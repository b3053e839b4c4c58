"""MOTChallenge lines and PETS XML, in and out."""

from __future__ import annotations

import numpy as np
import pytest

from gobhir.projects.tracking.files import Rows, mot, read_mot
from gobhir.projects.tracking.pets import read_cvml

XML = """<?xml version="1.0" encoding="utf-8"?>
<dataset name="PETS"><frame number="0"><objectlist>
<object id="9"><box h="75.17" w="31.03" xc="514.7" yc="195.27"/></object>
<object id="15"><box h="80" w="40" xc="100" yc="100"/></object></objectlist></frame>
<frame number="1"><objectlist/></frame>
<frame number="2"><objectlist>
<object id="9"><box h="75" w="31" xc="510" yc="195"/></object></objectlist></frame></dataset>"""


def test_there_and_back(tmp_path) -> None:
    rows = Rows.of([(3, 7, 1.5, 2, 11.5, 22, 0.75), (0, -1, 0, 0, 5, 9, 0.25)])
    path = tmp_path / "x.txt"
    path.write_text(mot(rows))
    assert path.read_text().splitlines()[0] == "1,-1,0.00,0.00,5.00,9.00,0.2500,-1,-1,-1"
    again = read_mot(path)
    np.testing.assert_array_equal(again.frames, [0, 3])
    np.testing.assert_array_equal(again.ids, [-1, 7])
    np.testing.assert_array_equal(again.boxes, rows.boxes)
    assert again.detections(3).boxes.tolist() == [[1.5, 2, 11.5, 22]]
    assert not len(again.detections(1))


def test_of_the_truth_what_is_not_to_be_measured_is_left_out(tmp_path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,0,0,5,9,1,1,1\n1,2,0,0,5,9,0,8,1\n\n2,1,1,0,5,9,1,1,0.5\n")
    assert read_mot(path).ids.tolist() == [1, 1]


@pytest.mark.parametrize(
    "line",
    ["hello", "1,1,0,0,5", "0,1,0,0,5,9,1", "1,1,0,0,-5,9,1", "1,1,nan,0,5,9,1", "1;1;0;0;5;9;1"],
)
def test_a_wrong_line_is_named(tmp_path, line: str) -> None:
    path = tmp_path / "gt.txt"
    path.write_text(f"1,1,0,0,5,9,1\n{line}\n")
    with pytest.raises(ValueError, match="line 2|লাইন 2"):
        read_mot(path)


def test_pets(tmp_path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(XML)
    rows = read_cvml(path)
    assert rows.frames.tolist() == [0, 0, 2] and rows.ids.tolist() == [9, 15, 9]
    assert rows.boxes[1].tolist() == [80, 60, 120, 140]


@pytest.mark.parametrize(
    "text", ["no xml", "<dataset/>", XML.replace('h="80"', ""), XML.replace('h="80"', 'h="-80"')]
)
def test_other_xml_is_refused(tmp_path, text: str) -> None:
    path = tmp_path / "x.xml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"x\.xml"):
        read_cvml(path)
