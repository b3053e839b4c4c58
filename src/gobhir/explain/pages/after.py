"""Did it help? The loss after the step, and the three checks of a careful teacher. All exact:
whatever the page's arithmetic, these numbers are computed in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.derivation.expression import Index
from gobhir.derivation.step import Count, Piece, Say, Section, Step
from gobhir.engine import Tensor
from gobhir.engine.replay import replay
from gobhir.explain.pages.lines import inline
from gobhir.explain.reading import Reading
from gobhir.explain.recording import Recording
from gobhir.explain.why.trace import Trace

H = 1e-4
"""The wiggle: large enough for float64, small enough for the curve to be straight."""


def after(r: Reading, shown: Tensor, index: Index) -> Section:
    """The new loss (with an optimizer), then the checks that can be made."""
    pieces: list[Piece] = []
    run = r.run
    if run.after is not None:
        pieces += _helped(r)
    checks = [_size(Trace(run), *_losses(run))] if run.after is not None else []
    checks += [_wiggle(r, shown, index), _reference(r)]
    pieces.append(Say("rules.after.checks", {"count": Count(len(checks))}))
    steps = [Step("after.loss", "after", "after", "", "", {}, tuple(pieces))]
    for k, said in enumerate(checks):
        steps.append(Step(f"after.check.{k}", said.key, "after", "", "", {}, (said,)))
    return Section("after", tuple(steps))


def _losses(run: Recording) -> tuple[float, float]:
    assert run.after is not None
    (before,) = replay(run.tape, [run.loss])
    return float(before.reshape(())), float(run.after[1].reshape(()))


def loss_after(trace: Trace) -> list[Piece]:
    """The loss after the step, and whether its change is what the gradients promised."""
    run = trace.run
    assert run.after is not None
    old, new = float(run.loss.value.reshape(())), float(run.after[1].reshape(()))
    return [*_changed(old, new), _size(trace, old, new)]


def _helped(r: Reading) -> list[Piece]:
    old, new = _losses(r.run)
    out: list[Piece] = []
    (output,) = replay(r.run.tape, [r.run.output])
    assert r.run.after is not None
    if output.size == 1:
        values = {"new": inline(r.run.after[0].reshape(())), "old": inline(output.reshape(()))}
        out.append(Say("rules.after.output", {"output": r.quantities[r.run.output].sym, **values}))
    return [*out, *_changed(old, new)]


def _changed(old: float, new: float) -> list[Piece]:
    percent = f"{(new - old) / old:+.1%}".replace("-", "\N{MINUS SIGN}") if old else ""
    values = {"new": inline(new), "old": inline(old), "change": inline(new - old)}
    out: list[Piece] = [Say("rules.after.loss", {**values, "percent": percent})]
    if new > old:
        out.append(Say("rules.after.worse"))
    return out


def _size(trace: Trace, old: float, new: float) -> Say:
    """First-order prediction: the sum over all parameters of gradient times change."""
    predicted, plain = 0.0, True
    for u in trace.tape.updates:
        by, same = trace.promised(u.parameter)
        predicted, plain = predicted + by, plain and same
    actual = new - old
    key = "rules.check.size_sgd" if plain else "rules.check.size"
    closer = "rules.check.less" if abs(actual) < abs(predicted) else "rules.check.more"
    if predicted == actual == 0:
        return Say("rules.check.still")
    far = predicted == 0 or not 0.5 <= actual / predicted <= 2
    why = Say("rules.check.far" if far else closer)
    return Say(key, {"predicted": inline(predicted), "actual": inline(actual), "why": why})


def _loss_at(r: Reading, t: Tensor, index: Any, by: float) -> float:
    moved = r.run.tape.value(t).astype(float)
    moved[index] += by
    (value,) = replay(r.run.tape, [r.run.loss], {t: moved})
    return float(value.reshape(()))


def _slope(r: Reading, t: Tensor, index: Any) -> float:
    return (_loss_at(r, t, index, H) - _loss_at(r, t, index, -H)) / (2 * H)


def _wiggle(r: Reading, shown: Tensor, index: Index) -> Say:
    p = r.pulled_of[shown]
    place = np.unravel_index(
        int(np.ravel_multi_index(index, p.shape)) if p.shape else 0, shown.array.shape
    )
    wiggled, ours = _slope(r, shown, place), float(np.asarray(p.exact)[index])
    key = "rules.check.wiggle" if np.isclose(wiggled, ours, 1e-3, 1e-7) else "rules.check.kink"
    of = r.quantities[shown].sym.at(index)
    return Say(key, {"w": of, "wiggled": inline(wiggled, 6), "ours": inline(ours, 6)})


def _reference(r: Reading) -> Say:
    """All gradients against PyTorch in float64, or against wiggling every parameter."""
    ours = {t: p.exact for t, p in r.pulled_of.items() if isinstance(t, Tensor)}
    total = sum(np.size(g) for g in ours.values())
    theirs = {t: r.pulled_of[t].reference for t in ours}
    if r.by_pytorch and all(g is not None for g in theirs.values()):
        worst = max(_apart(ours[t], theirs[t]) for t in ours)
        if worst == 0:
            return Say("rules.check.torch_same", {"count": Count(total)})
        return Say("rules.check.torch", {"count": Count(total), "worst": inline(worst, 1)})
    worst = 0.0
    for t in ours:
        flat = np.ravel(ours[t])
        for k in _sample(flat.size):
            place = np.unravel_index(k, t.array.shape)
            worst = max(worst, abs(_slope(r, t, place) - float(flat[k])))
    checked = sum(len(_sample(np.size(g))) for g in ours.values())
    counts = {"count": Count(total), "checked": Count(checked), "worst": inline(worst, 1)}
    key = "rules.check.differences_all" if checked == total else "rules.check.differences"
    return Say(key, counts)


def _sample(n: int) -> list[int]:
    """Every parameter of a small network, fifty of each tensor of a large one."""
    return list(range(n)) if n <= 50 else sorted({int(i) for i in np.linspace(0, n - 1, 50)})


def _apart(a: Any, b: Any) -> float:
    return float(np.max(np.abs(np.ravel(a).astype(float) - np.ravel(b)), initial=0.0))
