"""What it all comes to, in sentences: the number that decides, and whether the model is worth more
than the best baseline. The page, the model card and the terminal say the same."""

from __future__ import annotations

from typing import NamedTuple

from gobhir.evaluation import Estimate
from gobhir.evaluation.report import title
from gobhir.lang import counted, digits, t
from gobhir.projects import shown
from gobhir.projects.results import Results, words


class Verdict(NamedTuple):
    """name and value of the number that decides; measured: on what, and how sure; gain: the
    comparison, "" where there is none; sign: good, bad or unclear."""

    name: str
    value: str
    measured: str
    gain: str
    sign: str


def verdict(results: Results, lang: str) -> Verdict:
    """The sentences in one language."""
    number = results.models[0].numbers[results.main]
    unit = words(results.unit, lang) if results.main in ("mae", "rmse") else ""
    value = " ".join([shown.value(number, results.main), unit]).strip()
    between, count = shown.interval(number, results.main), counted(number.n, lang)
    if between:
        level = digits(f"{number.level * 100:g}", lang)
        said = {"n": count, "level": level, "interval": between}
        measured = t("projects.page.between", lang, **said)
    else:
        measured = t("projects.page.measured", lang, n=count)
    return Verdict(title(results.main, lang), value, measured, *_gain(results, lang))


def _gain(results: Results, lang: str) -> tuple[str, str]:
    if not results.gains:
        return "", "unclear"
    best = results.best_baseline
    gain = results.gains[best]
    change, between = shown.points(gain, results.measure, lang)
    key, sign = _kind(gain)
    said = {"name": words(results.baselines[best].name, lang), "change": change}
    said |= {"measure": title(results.measure, lang), "interval": between}
    return t(f"projects.page.gain.{key}", lang, **said), sign  # keys: projects.page.gain.*


def _kind(gain: Estimate) -> tuple[str, str]:
    """Which sentence fits, and its sign."""
    if gain.low is None or gain.high is None:
        return "none", "unclear"
    if gain.low > 0:
        return "better", "good"
    return ("worse", "bad") if gain.high < 0 else ("same", "unclear")
