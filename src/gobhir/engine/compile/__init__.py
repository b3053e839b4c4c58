"""gobhir.compile: a step is recorded once, as the NumPy calls that it makes, and then replayed.
Knows Tensor, tape and random numbers, and no op; training and all above may import it.
Start reading in recorder.py, then replay.py.

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    step = gobhir.compile(step, verbose=True)
    for x, y in loader:
        print(step(x, y).item())
    print(step.source())  # of a small network: the step as plain Python, line by line

The first call runs as it is written and is watched, the second is recorded, the third is checked
against the step itself; from then on the calls are replayed. Another shape, mode or setting is
recorded anew; a learning rate, weights written by hand, loaded states count at once. What a list
of calls cannot hold (a number taken out of a tensor and used, a tensor kept elsewhere) is noticed:
the step then runs as it is written, and `verbose` says why. Of a list or dictionary around the
step, up to a hundred entries are watched with what is in them, and up to a thousand by which they
are; numbers and texts up to 20,000 bytes.

surroundings.py, reached.py,        what a step works on, and what it looks up from outside
  guards.py
recorder.py, recorded.py,           one run written down
  traced.py, hidden.py, reading.py
program.py, plan.py, memory.py,     what is left out, where results are kept, how a call is
  lowering.py                       carried out
flat.py                             parameters and optimizer state end to end
replay.py, gradients.py,            one recorded run, and what it shows
  results.py
step.py, case.py, compare.py        which run fits a call, and whether to trust it
graph.py                            models that are differentiated outside
unroll.py, names.py, rules.py,      small networks as plain Python
  source.py, live.py, quick.py
split.py, workers.py                half a batch here, half in a second process or thread
product.py, blas.py                 products of matrices as BLAS likes them
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gobhir.engine.compile.step import Compiled
from gobhir.lang import say


def compile(
    model: Callable[..., Any] | None = None,
    *,
    verbose: bool = False,
    threads: int = 1,
    disable: bool = False,
    **options: Any,
) -> Any:
    """What does the same as `model`, a step function or a Module, and faster. Also a decorator.

    verbose: say what is recorded, and why something runs as it is written. threads: 2 gives half
    of each batch to a second process forked from this one, or where there is no fork to a thread
    (RuntimeError where examples of a batch meet, as in BatchNorm, or numbers are drawn, as in
    dropout). disable: give back `model` as it is. PyTorch's
    other options (mode, backend, fullgraph, dynamic) are accepted and mean nothing here.
    """
    unknown = options.keys() - {"mode", "backend", "fullgraph", "dynamic", "options"}
    if unknown:
        raise TypeError(say("errors.compile.option", name=min(unknown)))
    if threads not in (1, 2):
        raise ValueError(say("errors.compile.threads", threads=threads))
    if model is None:
        return lambda given: compile(given, verbose=verbose, threads=threads, disable=disable)
    if not callable(model):
        raise TypeError(say("errors.compile.callable", type=type(model).__name__))
    return model if disable else Compiled(model, verbose, threads)


__all__ = ["Compiled", "compile"]
