"""The places of a graph's nodes in a picture: in rows, each below all that it takes in, with as few
crossings and bends as a few passes over the rows find."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

PASSES = 8
LANE = 0.5
"""How much room a wire that passes a row takes there; a node takes 1."""

Edge = tuple[int, int]


@dataclass(frozen=True)
class Places:
    """width: of the widest row. node: (x of its middle, row). wires: for each edge, in order, the
    places that it goes through."""

    width: float
    node: list[tuple[float, int]]
    wires: list[list[tuple[float, int]]]


def places(count: int, edges: Sequence[Edge]) -> Places:
    """Places of nodes 0 to count - 1. edges: (from, to), from < to."""
    rows = _rows(count, edges)
    room = [1.0] * count
    chains: list[list[int]] = []
    for a, b in edges:  # in every row that it passes a wire has a place of its own
        through = list(range(len(rows), len(rows) + rows[b] - rows[a] - 1))
        rows += range(rows[a] + 1, rows[b])
        room += [LANE] * len(through)
        chains.append([a, *through, b])
    above: dict[int, list[int]] = defaultdict(list)
    below: dict[int, list[int]] = defaultdict(list)
    for chain in chains:
        for a, b in zip(chain, chain[1:], strict=False):
            below[a].append(b)
            above[b].append(a)
    order: list[list[int]] = [[] for _ in range(max(rows) + 1)]
    for n, depth in enumerate(rows):
        order[depth].append(n)
    x = [0.0] * len(rows)
    for row in order:
        _spread(row, x, room, [float(k) for k in range(len(row))])
    for k in range(PASSES):
        beside, way = (above, order) if k % 2 == 0 else (below, order[::-1])
        for row in way:
            wish = {n: _mean([x[m] for m in beside[n]], x[n]) for n in row}
            row.sort(key=wish.__getitem__)
            _spread(row, x, room, [wish[n] for n in row])
    left = min(x[n] - room[n] / 2 for n in range(len(rows)))
    right = max(x[n] + room[n] / 2 for n in range(len(rows)))
    at = [(round(x[n] - left, 3), rows[n]) for n in range(len(rows))]
    return Places(round(right - left, 3), at[:count], [[at[n] for n in chain] for chain in chains])


def _rows(count: int, edges: Sequence[Edge]) -> list[int]:
    """Each node as high as what it takes in allows; what takes nothing in, just above its first
    user."""
    rows = [0] * count
    for a, b in sorted(edges, key=lambda edge: edge[1]):
        rows[b] = max(rows[b], rows[a] + 1)
    fed = {b for _, b in edges}
    for n in range(count):
        users = [rows[b] for a, b in edges if a == n]
        if n not in fed and users:
            rows[n] = min(users) - 1
    return rows


def _spread(row: list[int], x: list[float], room: list[float], wish: list[float]) -> None:
    """Each where it wishes to be, as far as the others beside it leave room."""
    end = float("-inf")
    for n, wished in zip(row, wish, strict=True):
        x[n] = max(wished, end + room[n] / 2)
        end = x[n] + room[n] / 2
    moved = _mean([x[n] - wished for n, wished in zip(row, wish, strict=True)], 0.0)
    for n in row:
        x[n] -= moved


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
