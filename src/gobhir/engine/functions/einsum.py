"""einsum: sums of products, written with a letter for each dimension.

Two operands at a time are brought into the form of one (stacked) matrix product, where that is
what they are: letters of both that stay are the stack, letters of both that go are summed over.
https://docs.pytorch.org/docs/stable/generated/torch.einsum.html
"""

from __future__ import annotations

import math
import string
from typing import Any

from gobhir.engine.arguments import shown, whole
from gobhir.engine.functions.publish import as_operand, function
from gobhir.engine.ops import linear, shapes
from gobhir.engine.ops.diagonals import diagonal
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


@function
def einsum(equation: str | Tensor, *operands: Any) -> Any:
    """`einsum("ij,jk->ik", A, B)` is A @ B, `einsum("ii->i", A)` A's diagonal. Letters that do not
    stand after the arrow are summed over; without an arrow those that appear once stay, in
    alphabetical order. "..." stands for all other dimensions. RuntimeError for an equation that
    does not fit the operands. `einsum(A, [0, 1], B, [1, 2], [0, 2])` says the same in numbers."""
    if isinstance(equation, Tensor):
        equation, operands = _in_letters((equation, *operands))
    if not isinstance(equation, str):
        raise TypeError(say("errors.linalg.einsum_equation", got=shown(equation)))
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    tensors = [as_operand(t) for t in operands]
    terms, output = _read(equation, tensors)
    pairs = [_single(t, term) for t, term in zip(tensors, terms, strict=True)]
    sizes = _sizes(pairs, equation)
    x, have = pairs[0]
    for n, (y, more) in enumerate(pairs[1:], 2):
        later = set(output).union(*(term for _, term in pairs[n:]))
        x, have = _product(x, have, y, more, later)
    x, have = _sum_out(x, have, set(output))
    if have != output:
        x = shapes.permute(x, dims=tuple(have.index(c) for c in output))
        if len(tensors) > 1:
            x._view = None  # nobody else sees the product: it may count as laid out like this
    full = tuple(sizes[c] for c in output)
    return x if x.array.shape == full else shapes.expand(x, shape=full)


def _in_letters(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Numbers for dimensions as letters: 0 to 25 are A to Z, 26 to 51 a to z."""

    def word(numbers: Any) -> str:
        wrong = [n for n in numbers if n is not Ellipsis and not (whole(n) and 0 <= n < 52)]
        if wrong:
            raise ValueError(say("errors.linalg.einsum_number", number=wrong[0]))
        return "".join(
            "..." if n is Ellipsis else string.ascii_letters[(n + 26) % 52] for n in numbers
        )

    pairs, after = (given[:-1], given[-1:]) if len(given) % 2 else (given, ())
    tensors, words = pairs[::2], pairs[1::2]
    if not all(isinstance(w, (tuple, list)) for w in (*words, *after)):
        raise TypeError(say("errors.linalg.einsum_numbers"))
    return "->".join([",".join(map(word, words)), *map(word, after)]), tensors


Letters = list[Any]


def _read(equation: str, tensors: list[Any]) -> tuple[list[Letters], Letters]:
    """The letters of each operand and of the result; a number stands for each dimension of "...",
    counted from the right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    words = left.split(",")
    if len(words) != len(tensors):
        raise RuntimeError(say("errors.linalg.einsum_operands", equation=equation, n=len(tensors)))
    terms = [_letters(w, t.ndim, equation) for w, t in zip(words, tensors, strict=True)]
    dots = sorted({c for term in terms for c in term if isinstance(c, int)})
    if arrow:
        output = _expanded(right, len(dots), equation)
        dots_known = output.count(-1) <= 1
        known = {c for term in terms for c in term}
        if len(set(output)) < len(output) or not set(output) <= known or not dots_known:
            raise RuntimeError(say("errors.linalg.einsum_output", equation=equation))
        return terms, output
    all_letters = [c for term in terms for c in term if isinstance(c, str)]
    once = sorted(c for c in set(all_letters) if all_letters.count(c) == 1)
    return terms, [*dots, *once]


def _letters(word: str, ndim: int, equation: str) -> Letters:
    named = len(word.replace("...", "", 1))
    if named > ndim or ("..." not in word and named < ndim):
        raise RuntimeError(say("errors.linalg.einsum_dims", equation=equation, n=ndim, word=word))
    return _expanded(word, ndim - named, equation)


def _expanded(word: str, dots: int, equation: str) -> Letters:
    before, ellipsis, after = word.partition("...")
    for c in before + after:
        if not (c.isascii() and c.isalpha()):
            raise RuntimeError(say("errors.linalg.einsum_letter", equation=equation, letter=c))
    middle = list(range(-dots, 0)) if ellipsis else []
    return [*before, *middle, *after]


def _single(x: Any, term: Letters) -> tuple[Any, Letters]:
    """x with each letter once: of a repeated one the diagonal stays."""
    term = list(term)
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            first = term.index(c)
            second = term.index(c, first + 1)
            if x.array.shape[first] != x.array.shape[second]:
                shape = x.array.shape
                raise RuntimeError(say("errors.linalg.einsum_repeated", letter=c, shape=shape))
            x = diagonal(x, offset=0, dim1=first, dim2=second)
            del term[second], term[first]
            term.append(c)
    return x, term


def _sizes(pairs: list[tuple[Any, Letters]], equation: str) -> dict[Any, int]:
    sizes: dict[Any, int] = {}
    for x, term in pairs:
        for c, n in zip(term, x.array.shape, strict=True):
            old = sizes.setdefault(c, n)
            if n != old and 1 not in (n, old):
                shapes = [t.array.shape for t, _ in pairs]
                message = say("errors.linalg.einsum_sizes", equation=equation, shapes=shapes)
                raise RuntimeError(message)
            sizes[c] = n if old == 1 else old
    return sizes


def _sum_out(x: Any, have: Letters, wanted: set[Any]) -> tuple[Any, Letters]:
    gone = tuple(i for i, c in enumerate(have) if c not in wanted)
    return (x.sum(gone), [c for c in have if c in wanted]) if gone else (x, have)


def _product(x: Any, a: Letters, y: Any, b: Letters, later: set[Any]) -> tuple[Any, Letters]:
    """x times y, summed over the letters that nobody asks for later."""
    size = dict(zip(a, x.array.shape, strict=True))
    other = dict(zip(b, y.array.shape, strict=True))
    # A letter that one of them has alone, or that is stretched from 1 in one, is summed before.
    together = {c for c in a if c in other and size[c] == other[c]}
    x, a = _sum_out(x, a, later | together)
    y, b = _sum_out(y, b, later | together)
    summed = [c for c in a if c in together and c not in later]
    if not summed:
        return _elementwise(x, a, y, b, later)
    stack = [c for c in a if c in b and c not in summed]
    left = [c for c in a if c not in b and c not in summed]
    right = [c for c in b if c not in a and c not in summed]
    if not stack:
        x = _laid_out(x, a, [*left, *summed], len(left), len(summed))
        y = _laid_out(y, b, [*summed, *right], len(summed), len(right), flat=True)
        out = linear.matmul(x, y)
        shape = (*(size[c] for c in left), *(other[c] for c in right))
        return _shaped(out, shape), [*left, *right]
    x = _grouped(x, a, stack, left, summed)
    y = _grouped(y, b, stack, summed, right)
    out = linear.matmul(x, y)
    stacked = out.array.shape[: len(stack)]
    shape = (*stacked, *(size[c] for c in left), *(other[c] for c in right))
    return _shaped(out, shape), [*stack, *left, *right]


def _shaped(x: Any, shape: tuple[int, ...]) -> Any:
    return x if x.array.shape == shape else shapes.reshape(x, shape=shape)


def _ordered(x: Any, have: Letters, order: Letters) -> Any:
    if have == order:
        return x
    return shapes.permute(x, dims=tuple(have.index(c) for c in order))


def _laid_out(
    x: Any, have: Letters, order: Letters, first: int, second: int, flat: bool = False
) -> Any:
    """x as a factor of a product without a stack: rows may keep their dimensions, what is summed
    over becomes one, and so do the columns (where there are any)."""
    x = _ordered(x, have, order)
    shape = x.array.shape
    if flat:
        columns = (math.prod(shape[first:]),) if second else ()
        return _shaped(x, (math.prod(shape[:first]), *columns))
    return _shaped(x, (*shape[:first], math.prod(shape[first:])))


def _grouped(x: Any, have: Letters, stack: Letters, rows: Letters, columns: Letters) -> Any:
    """x as a stack of matrices: each group of letters becomes one dimension."""
    x = _ordered(x, have, [*stack, *rows, *columns])
    shape, n, m = x.array.shape, len(stack), len(stack) + len(rows)
    return _shaped(x, (*shape[:n], math.prod(shape[n:m]), math.prod(shape[m:])))


def _elementwise(x: Any, a: Letters, y: Any, b: Letters, later: set[Any]) -> tuple[Any, Letters]:
    """The product where nothing is summed over: each operand gets a 1 for what it has not."""
    full = [*a, *(c for c in b if c not in a)]
    x = _shaped(x, (*x.array.shape, *(1 for c in full if c not in a)))
    y = _ordered(y, b, [c for c in full if c in b])
    size = dict(zip([c for c in full if c in b], y.array.shape, strict=True))
    y = _shaped(y, tuple(size.get(c, 1) for c in full))
    return _sum_out(x * y, full, later)
