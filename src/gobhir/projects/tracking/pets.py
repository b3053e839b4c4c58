"""The boxes of PETS 2009, as XML in the format CVML.

    <dataset><frame number="0"><objectlist>
        <object id="9"><box h="75.17" w="31.03" xc="514.7" yc="195.3"/></object> ...

Source: T. List, R. Fisher (2004), CVML, https://doi.org/10.1109/ICPR.2004.1334367; the boxes: A.
Milan, in https://github.com/crowdbotp/OpenTraj
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from gobhir.lang import say
from gobhir.projects.tracking.files import Rows


def read_cvml(path: str | Path) -> Rows:
    """Who is where in which frame. ValueError where the file is no such XML."""
    rows = []
    try:
        root = ElementTree.parse(path).getroot()
        for frame in root.iter("frame"):
            number = int(frame.attrib["number"])
            for thing in frame.iter("object"):
                box = thing.find("box")
                if box is None:
                    raise KeyError("box")
                x, y, w, h = (float(box.attrib[name]) for name in ("xc", "yc", "w", "h"))
                if number < 0 or not np.isfinite([x, y, w, h]).all() or w <= 0 or h <= 0:
                    raise ValueError(f"frame {number}, object {thing.attrib['id']}")
                place = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
                rows.append((number, int(thing.attrib["id"]), *place, 1.0))
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise ValueError(say("tracking.bad.cvml", path=path, reason=error)) from None
    if not rows:
        raise ValueError(say("tracking.bad.cvml", path=path, reason="<object>"))
    return Rows.of(rows)
