"""Slips in an optimizer's step: SGD, momentum, weight decay, Adam and its like."""

from __future__ import annotations

from collections.abc import Iterator

from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Function,
    Negative,
    Power,
    Product,
    Sum,
    Sym,
    number,
)
from gobhir.explain.checking.sheet import Entry, Sheet
from gobhir.explain.checking.slip import changed, dropped, kind_of, put, slip

# -- the update ----


def _step(entry: Entry) -> Sum | None:
    """w - eta g, for the entry that is the new w."""
    own = entry.of is not None and entry.name.base == entry.of.name.base
    own = own and entry.new and entry.phase == "update"
    return entry.expr if own and isinstance(entry.expr, Sum) else None


@slip
def uphill(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    e = _step(entry)
    if e is not None:
        terms = (t.body if isinstance(t, Negative) else t for t in e.terms)
        yield Sum(tuple(terms))


@slip
def no_rate(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    rate = kind_of(Sym, lambda s: number(1) if s.name.base == "eta" else None)
    yield changed(_step(entry), rate)


@slip
def only_the_step(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    e = _step(entry)
    rest = [] if e is None or entry.of is None else [t for t in e.terms if t is not entry.of.sym]
    if e is not None and len(rest) == len(e.terms) - 1:
        yield Sum(tuple(rest))
        yield Negative(Sum(tuple(rest)))


@slip
def not_updated(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if _step(entry) is not None and entry.of is not None:
        yield entry.of.sym


@slip
def no_correction(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """Adam's moments without the correction for their start at 0."""
    if entry.phase == "update" and entry.name.base.endswith("hat"):
        yield changed(entry.expr, kind_of(Fraction, lambda e: e.left))


# -- weight decay and momentum ----


def _named(e: Expr, base: str) -> bool:
    """Whether this setting (lambda, mu, ...) is in it."""
    return any(isinstance(n, Sym) and n.name.base == base for n in e.walk())


def _sets(entry: Entry, *bases: str) -> bool:
    """Whether this line of the update gives one of these."""
    return entry.phase in ("update", "between") and entry.name.base in bases


def _own(entry: Entry) -> bool:
    return entry.new and entry.of is not None and entry.name.base == entry.of.name.base


@slip
def no_decay(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """The weight decay left out: of the gradient, or of AdamW's first line."""
    if _sets(entry, "g") or _own(entry):
        yield dropped(entry.expr, lambda t: _named(t, "lambda"))


@slip
def decay_sign(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if (_sets(entry, "g") or _own(entry)) and isinstance(entry.expr, Sum):
        turned = [_turned(t) if _named(t, "lambda") else t for t in entry.expr.terms]
        different = any(a is not b for a, b in zip(turned, entry.expr.terms, strict=True))
        yield Sum(tuple(turned)) if different else None


def _turned(e: Expr) -> Expr:
    return e.body if isinstance(e, Negative) else Negative(e)


def _velocity(entry: Entry, sheet: Sheet) -> Entry | None:
    """The velocity that this line (the new w) reads."""
    found = (e for e in sheet.needs(entry) if e.new and e.name.base == "v")
    return next(found, None) if _step(entry) is not None else None


@slip
def no_momentum(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if _sets(entry, "v"):
        yield dropped(entry.expr, lambda t: _named(t, "mu"))


@slip
def velocity_sign(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """mu v - g, and then w - eta v: the minus of the other way of writing, but not its plus."""
    if _sets(entry, "v") and entry.expr is not None and not _named(entry.expr, "beta2"):
        terms = entry.expr.terms if isinstance(entry.expr, Sum) else (entry.expr,)
        yield Sum(tuple(t if _named(t, "mu") else _turned(t) for t in terms))


@slip
def velocity_mean(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """mu v + (1 - mu) g: a running mean, as in Adam."""
    if _sets(entry, "v") and isinstance(entry.expr, Sum) and _named(entry.expr, "mu"):
        mu = next(n for n in entry.expr.walk() if isinstance(n, Sym) and n.name.base == "mu")
        rest = Sum((number(1), Negative(mu)))
        terms = (t if _named(t, "mu") else Product((rest, t)) for t in entry.expr.terms)
        yield Sum(tuple(terms))


@slip
def old_velocity(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """The velocity (or m, or v) from before this step, in the new w."""
    for e in sheet.needs(entry) if entry.phase == "update" else ():
        if e.new and e.expr is not None and e.name.base in ("v", "m") and not _sets(entry, "v"):
            read = (n for n in e.expr.walk() if isinstance(n, Sym) and n.shape == e.shape)
            old = next((n for n in read if n.name.base == e.name.base), None)
            yield put(entry, sheet, e, old) if old is not None else None


# -- Adam and its like ----


@slip
def betas_exchanged(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """beta2 in m and beta1 in v."""
    betas = {e.name.base: e.sym for e in sheet.entries if e.name.base in ("beta1", "beta2")}
    other = {"beta1": "beta2", "beta2": "beta1"}
    if _sets(entry, "m", "v", "mhat", "vhat") and len(betas) == 2:
        turned = kind_of(Sym, lambda s: betas[other[s.name.base]] if s.name.base in betas else None)
        yield changed(entry.expr, turned)


@slip
def moments_exchanged(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """m where v belongs, and v where m belongs, in the new w."""
    needs = {e.name.base: e for e in sheet.needs(entry)} if _own(entry) else {}
    for a, b in (("mhat", "vhat"), ("m_hat", "v_hat"), ("m", "v")):
        if a in needs and b in needs:
            swap = {needs[a]: needs[b].sym, needs[b]: needs[a].sym}

            def change(e: Expr, swap: dict[Entry, Sym] = swap) -> Expr | None:
                found = sheet.of(e)
                return swap.get(found[0]) if found is not None else None

            yield changed(entry.expr, change)


@slip
def epsilon_inside(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    def under(e: Sum) -> Expr | None:
        root, *rest = e.terms
        small = len(rest) == 1 and _named(rest[0], "epsilon")
        if small and isinstance(root, Function) and root.name == "sqrt":
            return Function("sqrt", (Sum((*root.arguments, rest[0])),))
        return None

    yield changed(_step(entry), kind_of(Sum, under))


@slip
def no_root(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    bare = kind_of(Function, lambda e: e.arguments[0] if e.name == "sqrt" else None)
    yield changed(_step(entry), bare)


@slip
def gradient_not_squared(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    if _sets(entry, "v"):
        yield changed(entry.expr, kind_of(Power, lambda p: p.left))


@slip
def squared_too_much(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """((1 - beta) g)^2 for (1 - beta) g^2."""

    def whole(e: Product) -> Expr | None:
        powers = [t for t in e.terms if isinstance(t, Power)]
        if len(powers) != 1:
            return None
        inside = tuple(t.left if isinstance(t, Power) else t for t in e.terms)
        return Power(Product(inside), powers[0].right)

    if _sets(entry, "v"):
        yield changed(entry.expr, kind_of(Product, whole))


@slip
def no_complement(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """g where (1 - beta) g is due."""

    def alone(e: Product) -> Expr | None:
        kept = tuple(t for t in e.terms if not _complement(t))
        return Product(kept) if 0 < len(kept) < len(e.terms) else None

    if _sets(entry, "m", "v"):
        yield changed(entry.expr, kind_of(Product, alone))


def _complement(e: Expr) -> bool:
    settings = ("beta1", "beta2", "alpha", "rho")
    return isinstance(e, Sum) and any(_named(e, base) for base in settings)
