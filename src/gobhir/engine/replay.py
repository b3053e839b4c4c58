"""The same step again: the records of a tape, recomputed from other starting values.

This is how a derivation wiggles one weight, in float64, without touching the user's model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gobhir.engine.quiet import quietly
from gobhir.engine.tape import Record, Tape
from gobhir.engine.tensor import Tensor


def replay(
    tape: Tape,
    results: Sequence[Record],
    leaves: Mapping[Tensor, np.ndarray] | None = None,
    dtype: Any = np.float64,
) -> list[np.ndarray]:
    """The values of `results` when the leaves start from `leaves` (others as recorded), with all
    floating arithmetic in `dtype`."""
    given = leaves or {}
    values: dict[Record, Any] = {}

    def value(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        if x._record in values:
            return values[x._record]
        start = given.get(x)
        array = tape.value(x) if start is None else start
        return array.astype(dtype, copy=False) if array.dtype.kind == "f" else array

    last = max(r.order for r in results)
    records = [r for r in tape.records if r.order <= last]
    needed = {x._record: r for r in records for x in r.inputs if isinstance(x, Tensor)}
    for record in records:
        inputs = [value(x) for x in record.inputs]
        value_now = quietly(record.op.forward, inputs, record.settings)
        values[record] = value_now if isinstance(value_now, tuple) else np.asarray(value_now)
        for x in record.inputs:  # what nothing further needs is let go of
            made_by = x._record if isinstance(x, Tensor) else None
            if made_by is not None and needed[made_by] is record and made_by not in results:
                values.pop(made_by, None)
    return [values[r] for r in results]
