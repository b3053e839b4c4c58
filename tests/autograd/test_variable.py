"""Variable, as old programs write it."""

from __future__ import annotations

import gobhir
from gobhir.autograd import Variable


def test_a_variable_is_a_tensor_over_the_same_memory() -> None:
    x = gobhir.ones(2)
    v = Variable(x, requires_grad=True)
    (v * v).sum().backward()
    assert v.grad is not None and v.grad.tolist() == [2.0, 2.0]
    assert isinstance(v, gobhir.Tensor) and isinstance(x, Variable)
    assert not x.requires_grad and not Variable(v).requires_grad
    x.fill_(3.0)
    assert v.tolist() == [3.0, 3.0]
    assert not isinstance([1.0], Variable)
