"""A story's sentences, in one language."""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np

from gobhir.explain.stories.findings import Course, Finding
from gobhir.lang import catalogue, t
from gobhir.lift.diary import Diary

NAMES = 4
"""So many layers are named in a sentence; the others are counted."""


class Told:
    """The sentences of a story in one language."""

    def __init__(
        self, diary: Diary, found: list[Finding], lang: str, pages: dict[str, int] | None = None
    ):
        """pages: by symptom, the step that `Story.explain` opens."""
        self.diary, self.findings, self.lang = diary, found, lang
        self.pages = pages or {}

    def __call__(self, key: str, /, **values: object) -> str:
        return t(f"story.{key}", self.lang, **values)  # keys: story.*

    def lines(self) -> list[str]:
        out = [self("page.title"), *self.summary()]
        for k, (_, title, told) in enumerate(self.chapters(), 1):
            out += ["", f"{k}. {title}", *(f"   {sentence}" for sentence in told)]
        for step, rows in self.diary.records.items():
            out += ["", self("page.record", step=step + 1)]
            out += [f"   {line}" for line in self.record(rows)]
        return out

    def summary(self) -> list[str]:
        d, course = self.diary, Course(self.diary)
        losses = course.losses
        if not d.steps and d.birth is None:
            return [self("page.empty")]
        values = {"steps": d.steps, "watched": len(d.rows)}
        out = []
        if len(losses):
            last = float(losses[-max(1, len(losses) // 20) :].mean())
            out.append(
                self("page.summary", first=brief(float(losses[0])), last=brief(last), **values)
            )
        elif d.birth is None:
            out.append(self("page.unheard", **values))
        if d.interrupted:
            out.append(self("page.interrupted", error=d.interrupted))
        if d.details.get("compiled"):
            out.append(self("page.compiled"))
        typical = course.typical(course.ratios) if d.rows and len(course.weights) else np.zeros(0)
        if typical.any():
            out.append(self("page.ratio", ratio=brief(float(np.median(typical)))))
        if not any(f.level == "problem" for f in self.findings):
            out.append(self("page.well"))
        return out

    def chapters(self) -> list[tuple[str, str, list[str]]]:
        """(level, title, sentences) of each kind of finding: what happened in which layer, and
        once, at the end, what to try."""
        out = []
        for kind in dict.fromkeys(f.kind for f in self.findings):
            alike = [f for f in self.findings if f.kind == kind]
            told = [self.finding(f) for f in alike]
            says = list(dict.fromkeys(says for says, _ in told))
            if given := alike[0].values.get("given"):
                where = "".join(f"[{', '.join(map(str, alike[0].values['at']))}]")
                says.append(self("nan.there", index=where, given=", ".join(map(brief, given))))
            if f"story.{kind}.means" in catalogue(self.lang):
                says.append(self(f"{kind}.means"))
            says.append(told[0][1])
            if kind in self.pages:
                key = "page.open_born" if kind == "nan" else "page.open"
                says.append(self(key, step=self.pages[kind]))
                # keys: story.page.open, story.page.open_born
            out.append((alike[0].level, self(f"{kind}.title"), says))
        return out

    def finding(self, f: Finding) -> tuple[str, str]:
        """What happened, and what to try."""
        values = {key: self._value(key, v) for key, v in f.values.items()}
        values["steps"] = values.get("steps", self.diary.steps)
        values["step"] = f.step
        values["layers"] = self._names(f.layers)
        values["since"] = self("page.since", step=f.step) if f.step else ""
        if "lr" in f.values:
            values["smaller"], values["larger"] = (brief(f.values["lr"] * k) for k in (0.1, 10))
        says, advice = "says", "try"
        if f.kind == "nan":
            values |= {
                "loss": brief(self.diary.details.get("loss", math.nan)),
                "place": self._place(f),
            }
            says = "source" if f.values["source"] else f.values["phase"]
            advice = f"{says}_try"
        elif f.kind == "exploding":
            says = "early" if f.values["early"] else "grown"
            advice = f"{says}_try"
        told = self(f"{f.kind}.{says}", **values)
        told = told[0].upper() + told[1:]
        return told, self("page.try", advice=self(f"{f.kind}.{advice}", **values))

    def record(self, rows: Any) -> list[str]:
        """A step that was kept in full, an op a line; words of the language come last."""
        out = []
        for k, r in enumerate(rows):
            numbers = "  ".join(f"{brief(v):>10}" for v in (r.low, r.high, r.mean))
            where = r.layer or self("page.outside")
            strange = " " + self("page.strange", count=r.strange) if r.strange else ""
            shape = "×".join(map(str, r.shape)) or "1"
            out.append(f"{k + 1:>4}  {numbers}  {shape:>14}  {r.op}  {where}{strange}")
        return out

    def _names(self, names: tuple[str, ...]) -> str:
        shown = ", ".join(f"`{name}`" for name in names[:NAMES])
        more = len(names) - NAMES
        return shown if more <= 0 else self("page.more", names=shown, count=more)

    def _place(self, f: Finding) -> str:
        op, layer = f.values["op"], f.layers[0] if f.layers else ""
        if not op:
            return self("page.in_gradients", layer=layer) if layer else self("page.nowhere")
        return self("page.in_layer", op=op, layer=layer) if layer else self("page.in_loss", op=op)

    def _value(self, key: str, v: Any) -> Any:
        if key == "inputs":
            return ", ".join(f"{brief(low)} … {brief(high)}" for low, high in v) or "?"
        if key == "share" and v > 0.01:
            return f"{100 * v:.0f} %"
        if isinstance(v, list):
            return f"({', '.join(map(str, v))}{',' * (len(v) == 1)})"
        return brief(float(v)) if isinstance(v, (float, np.floating)) else v


def brief(x: float) -> str:
    """A number in prose: three digits, and no power of ten where a few zeros do."""
    if not math.isfinite(x):
        return "NaN" if math.isnan(x) else "∞" if x > 0 else "-∞"
    if x and (abs(x) < 1e-4 or abs(x) >= 1e5):
        return f"{x:.1e}"
    return f"{x:.3g}" if abs(x) < 1000 else f"{x:.0f}"


def marked(text: str) -> str:
    """HTML of a sentence; what stands between backticks is code."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if k % 2 else part for k, part in enumerate(parts))
