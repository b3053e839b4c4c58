"""How a teacher shows one op of a network for images or tokens: its own sentence, the general
formula, one number with nothing skipped, the rest as maps. forward.py asks here first."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gobhir.derivation.arrays import LongSum
from gobhir.derivation.expression import Expr, Index, Num, Sym, within
from gobhir.derivation.rounding import decimals, significant
from gobhir.derivation.step import Count, Line, Piece, Say
from gobhir.explain.pages.lettered import forward_line
from gobhir.explain.pages.lines import dots, element_line, scalar_line
from gobhir.explain.pages.maps import maps, middle, place
from gobhir.explain.quantity import Quantity, element, size
from gobhir.explain.reading import Reading
from gobhir.explain.rules import standard

TOP = 3
"""So many of the greatest terms of a very long sum are shown."""

Pieces = list[Piece]


def shown(r: Reading, q: Quantity) -> Pieces | None:
    """The pieces of a step that this file knows; None for others."""
    assert q.record is not None
    known = _STEPS.get(q.record.op.name)
    if known is None or (known is _met and q.name.base not in "sS"):
        return None
    own = [Say(f"rules.op.{q.record.op.name}")] if q.record.op.name != "add" else []
    return [*own, *known(r, q)]


def one(r: Reading, q: Quantity, index: Index) -> Pieces:
    """Where it stands, and its line."""
    where = place(r, q, index)
    hidden = dots(q.expr, index, q.shape) if r.mode == "exact" else []
    key = "rules.maps.one_long" if hidden else "rules.maps.one"
    out: Pieces = [] if where is None else [Say(key, {"place": where})]
    return [*out, element_line(q, index, r.mode), *hidden]


# keys: rules.maps.one, rules.maps.one_long


def rest(r: Reading, q: Quantity) -> Pieces:
    """All the others, as maps."""
    return [] if size(q.shape) == 1 else [Say("rules.family.rest"), *maps(r, q)]


# -- forward ----


def _slides(r: Reading, q: Quantity) -> Pieces:
    """Convolution and pooling."""
    assert q.record is not None
    settings = q.record.settings
    use = r.use(q)
    assert use is not None
    kernel = settings.get("kernel") or use.arrays[1].shape[2:]
    said = {"kernel": _times(kernel), "stride": _times(settings["stride"])}
    padded = any(settings["padding"])
    out: Pieces = [Say("rules.slides.settings", said)]
    if padded:
        key = "rules.slides.no_winner" if q.record.op.name == "max_pool" else "rules.slides.padding"
        out.append(Say(key, {"padding": _times(settings["padding"])}))
    if any(d > 1 for d in settings.get("dilation", ())):
        out.append(Say("rules.slides.dilation", {"dilation": _times(settings["dilation"])}))
    if settings.get("groups", 1) > 1:
        out.append(Say("rules.slides.groups", {"groups": Count(settings["groups"])}))
    general = forward_line(r, q)
    if general is not None:
        out.append(general)
        if q.record.op.name == "conv_transpose" and any(s > 1 for s in settings["stride"]):
            out.append(Say("rules.slides.painters"))
    out += one(r, q, middle(q, padded))
    if q.record.op.name == "max_pool":
        out.append(Say("rules.slides.winner"))
    return out + rest(r, q)


def _times(sizes: tuple[int, ...]) -> str:
    return " × ".join(map(str, sizes))


def _resampled(r: Reading, q: Quantity) -> Pieces:
    return [*one(r, q, (0,) * len(q.shape)), *rest(r, q)]


def _standardised(r: Reading, q: Quantity) -> Pieces:
    """Mean, variance, standardised number, then scale and shift."""
    assert q.record is not None and q.expr is not None
    out: Pieces = []
    index = (0,) * len(q.shape)
    where = place(r, q, index)
    if where is not None:
        out.append(Say("rules.standard.one", {"place": where}))
    words = {"mu": "mean", "v": "variance", "q": "square", "xhat": "standard"}
    for h in r.helpers.get(q.record, []):
        assert h.expr is not None
        key = words[h.name.base]
        if q.record.op.name == standard.RUNNING:
            out.append(Say("rules.standard.running"))
        out.append(Say(f"rules.standard.{key}"))
        at = within(index, h.shape)
        if _plain(h.expr):
            out.append(Line(h.sym, (h.expr,)))
        out.append(element_line(h, at, r.mode))
        out += dots(h.expr, at, h.shape) if r.mode == "exact" else []
    if any(x is not None for x in q.record.inputs[1:3]):
        out.append(Say("rules.standard.scale"))
    if _plain(q.expr):
        out.append(Line(q.sym, (q.expr,)))
    out.append(element_line(q, index, r.mode))
    return out + rest(r, q)


# keys: rules.standard.mean, rules.standard.variance, rules.standard.square
# keys: rules.standard.standard


def _plain(e: Expr) -> bool:
    """Whether the whole can be written with letters: without numbers from other places."""
    return not any(type(n).__name__ in ("Taken", "Scattered", "Rearranged") for n in e.walk())


def _dropped(r: Reading, q: Quantity) -> Pieces:
    """Which were off, and by how much the others grew."""
    use = r.use(q)
    assert use is not None
    noise = np.broadcast_to(np.asarray(use.arrays[1]), np.shape(use.arrays[0]))
    off, scale = noise == 0, noise.max(initial=0.0)
    mask = use.operands[1]
    counts = {"off": Count(int(off.sum())), "count": Count(noise.size)}
    out: Pieces = [Say("rules.dropout.off", counts)]
    if scale:
        amount = Num(significant(decimals(float(scale))))
        out.append(Say("rules.dropout.scale", {"scale": amount, "mask": mask}))
    assert q.expr is not None
    out.append(Line(q.sym, (q.expr,)))
    sizes = np.abs(np.asarray(use.arrays[0], float))
    for wanted in (~off, off):
        if wanted.any():
            found = int(np.where(wanted, sizes, -1.0).argmax())
            at = np.unravel_index(found, noise.shape)[len(noise.shape) - len(q.shape) :]
            out.append(element_line(q, tuple(int(i) for i in at), r.mode))
    return out + rest(r, q)


def _looked_up(r: Reading, q: Quantity) -> Pieces:
    """Which row the first token took, and which tokens come twice."""
    use = r.use(q)
    assert use is not None
    tokens = np.ravel(np.asarray(use.arrays[0]))
    index = (0,) * len(q.shape)
    values = {
        "token": Count(int(tokens[0])),
        "row": Count(int(tokens[0]) + 1),
        "W": use.operands[1],
    }
    out: Pieces = []
    length = use.record.settings["max_norm"]
    if length is not None:
        out.append(Say("rules.embedding.shortened", {"length": f"{length:g}", "W": values["W"]}))
    out += [Say("rules.embedding.row", values), element_line(q, index, r.mode)]
    seen, often = np.unique(tokens, return_counts=True)
    if often.max(initial=1) > 1:
        most = int(often.argmax())
        twice = {"token": Count(int(seen[most])), "count": Count(int(often[most]))}
        out.append(Say("rules.embedding.twice", twice))
    return out + rest(r, q)


def _joined(r: Reading, q: Quantity) -> Pieces:
    use = r.use(q)
    assert use is not None
    shapes = ", ".join(" × ".join(map(str, np.shape(a))) for a in use.arrays)
    whole = " × ".join(map(str, use.record.value.shape))
    said: Pieces = [Say("rules.joined.shapes", {"shapes": shapes, "whole": whole})]
    assert q.expr is not None
    if all(isinstance(e, Sym) for e in use.operands):
        said.append(Line(q.sym, (q.expr,)))
    return said + rest(r, q)


def _met(r: Reading, q: Quantity) -> Pieces:
    """A residual sum."""
    assert q.expr is not None
    said: Pieces = [Say("rules.residual.meet")]
    if _plain(q.expr):
        said.append(Line(q.sym, (q.expr,)))
    return [*said, *one(r, q, (0,) * len(q.shape)), *rest(r, q)]


_STEPS: dict[str, Callable[[Reading, Quantity], Pieces]] = {
    **dict.fromkeys(("conv", "conv_transpose", "max_pool", "avg_pool"), _slides),
    "resample": _resampled,
    **dict.fromkeys((*standard.OPS, standard.RUNNING), _standardised),
    **dict.fromkeys(("dropout", "alpha_dropout"), _dropped),
    "embedding": _looked_up,
    **dict.fromkeys(("cat", "stack"), _joined),
    "add": _met,
}

KNOWN = _STEPS.keys() - {"add"}
"""Ops that make a network more than layers of neurons."""


# -- backward ----


def greatest_terms(r: Reading, q: Quantity, index: Index) -> Pieces:
    """Of a very long sum: its greatest terms in full, and the signed sum of the others."""
    assert q.expr is not None
    found = [n for n in (element(q.expr, index, q.shape),) if isinstance(n, LongSum)]
    if not found or r.mode != "exact":
        return []
    (whole,) = found
    top = whole.largest(TOP)
    left = float(whole.values.sum() - whole.values[top].sum())
    sizes = float(np.abs(whole.values).sum())
    share = (
        float(np.abs(whole.values[top]).sum()) / sizes if sizes and math.isfinite(sizes) else 0.0
    )
    out: Pieces = [Say("rules.kernel.greatest", {"count": Count(whole.count)})]
    out += [scalar_line(None, whole.term(k), r.mode) for k in top]
    values = {"count": Count(whole.count - len(top)), "share": f"{share:.0%}"}
    return [*out, Say("rules.why.rest", {**values, "rest": Num(significant(decimals(left)))})]
