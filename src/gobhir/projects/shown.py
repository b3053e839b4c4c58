"""Numbers as a page of results shows them: as many digits as the interval allows, shares in
percent. What was measured is in ASCII digits in both languages, what is counted in their own.
"""

from __future__ import annotations

import math

from gobhir.evaluation import Estimate
from gobhir.evaluation.report import SHARES
from gobhir.lang import digits, t

DASH = "–"
MINUS = "−"


def value(one: Estimate, name: str = "") -> str:
    """The number alone: 99.31%, 42.7, or a dash where there is none."""
    return _written(one.value, *_places(one, name))


def interval(one: Estimate, name: str = "") -> str:
    """From where to where it may lie: 99.05–99.52%; "" where that is unknown."""
    if one.low is None or one.high is None:
        return ""
    places, percent = _places(one, name)
    return _between(_written(one.low, places, percent), _written(one.high, places, percent))


def points(one: Estimate, name: str, lang: str) -> tuple[str, str]:
    """A difference and its interval; of shares in percentage points."""
    places, percent = _places(one, name)
    texts = [_written(v, places, percent) for v in (one.value, one.low, one.high) if v is not None]
    first, *ends = [text.removesuffix("%") for text in texts]
    told = t("projects.page.points", lang, value=first) if percent else first
    return told, _between(*ends) if ends else ""


def plain(number: float) -> str:
    """A number without an interval: whole ones as they are, others with four digits."""
    if not math.isfinite(number):
        return DASH
    if isinstance(number, int):
        return f"{number:,}".replace("-", MINUS)
    alike = 1e-3 <= abs(number) < 1e4  # as many digits in each row of a table
    return (f"{number:#.4g}" if alike else f"{number:.4g}").replace("-", MINUS)


def lasted(seconds: float, lang: str) -> str:
    """How long something took, in the words one would use."""
    if seconds < 90:
        return t("projects.page.seconds", lang, count=digits(f"{seconds:.1f}", lang))
    if seconds < 5400:
        return t("projects.page.minutes", lang, count=digits(f"{seconds / 60:.1f}", lang))
    return t("projects.page.hours", lang, count=digits(f"{seconds / 3600:.1f}", lang))


def _between(low: str, high: str) -> str:
    return f"{low.removesuffix('%')}{' … ' if MINUS in low else DASH}{high}"


def _places(one: Estimate, name: str) -> tuple[int, bool]:
    """How many decimals mean something, and whether it is a share to be shown in percent."""
    percent = name in SHARES
    wide = None if one.low is None or one.high is None else one.high - one.low
    if not wide:
        return (2, True) if percent else (4, False)
    half = wide / 2 * (100 if percent else 1)
    # Two digits of the interval's half width: beyond them a number says nothing.
    return min(2 if percent else 4, max(0, 1 - math.floor(math.log10(half)))), percent


def _written(number: float, places: int, percent: bool) -> str:
    if not math.isfinite(number):
        return DASH
    number = round(number * 100 if percent else number, places) or 0.0  # no minus before a zero
    return f"{number:,.{places}f}{'%' if percent else ''}".replace("-", MINUS)
