"""The engine: Tensor, ops, the tape and what reads it (backward). NumPy only, and lang for errors.
nn, optim, explain, lift and all above may import it; it imports none of them.
Start reading in ops/activations.py (Sigmoid, a whole op on one screen), then tape.py, backward.py.

An op is called: a function (functions/) hands Tensors to `apply`, which runs the op's forward on
their arrays and leaves a Record of it. backward() reads the Records from last to first, and calls
each op's pullback. Everything else here serves one of these steps, or reads the same Records.

The core, in the order in which to read it
    tensor.py       Tensor: an array that remembers how it was computed
    op.py           what an op states of itself, and OPS, the list of all
    apply.py        running an op: arrays in, array out; Tensors in, Tensor and Record out
    tape.py         Record, Tape, and no_grad, which leaves no Records
    backward.py     the gradients, from the Records
    inplace.py      writing into a tensor's memory, and what that does to its history
    replay.py       the same step from other starting values, in float64: a derivation's check
    compile/        the same step again, fast: gobhir.compile (a floor plan of its own)

ops/: what is computed. One op, one class: forward, pullbacks, formula, local derivative, family
    elementwise     activations.py arithmetic.py elementary.py trigonometry.py rounding.py
                    choosing.py special.py incomplete.py bessel.py dropout.py
    sums, products  linear.py convolution.py correlation.py linalg.py lu.py reductions.py
                    scans.py
    moved numbers   shapes.py joining.py diagonals.py padding.py windows.py indexing.py
                    sorting.py embedding.py
    layers          softmax.py normalisation.py attention.py recurrent.py recurrent_layers.py
                    pooling.py resampling.py written.py
    losses          losses.py cross_entropy.py likelihoods.py margins.py ctc.py
    beside them     memo.py, what a forward keeps for its pullback; no_slope.py, where one ends

functions/: how it is called. PyTorch's names and arguments, as functions, methods, operators
    publish.py      gives a function its faces: gobhir.exp(x), x.exp(), x.exp_()
    results.py      results with names: values, indices
    one by one      arithmetic.py elementwise.py comparison.py
    many into few   reductions.py norms.py statistics.py counting.py sorting.py
    matrices        linalg.py matrices.py factors.py einsum.py
    places, shapes  indexing.py gathering.py scattering.py shapes.py order.py joining.py
                    diagonals.py
    about a tensor  conversion.py memory.py typed.py settings.py

Around the core
    making tensors  creation.py arrays.py dtypes.py device.py layout.py size.py
                    storage.py
    random numbers  random.py filling.py generator.py
    words, pictures printing.py drawing.py
    wrong calls     arguments.py: annotations, kept to with PyTorch's TypeError
    not here        absent.py (left out on purpose, and why), paths.py (kept elsewhere)
    small things    hooks.py, quiet.py (NumPy's warnings), malloc.py (memory is kept),
                    latest.py (a few large results are)

Where one op goes through a whole layer in few passes (Linear, Conv, Softmax, LayerNorm, Attention,
LSTMLayer, CrossEntropyLoss, ...), a simple variant in the smallest ops is its oracle: see
tests/engine/ops/test_fused.py.
"""

from gobhir.engine import (  # noqa: F401  attach the operators, and what is left out, to Tensor
    absent,
    functions,
)
from gobhir.engine.apply import apply
from gobhir.engine.backward import backward, grad
from gobhir.engine.malloc import keep_freed_memory
from gobhir.engine.op import OPS, Family, Op
from gobhir.engine.tape import Gradient, Record, Tape, Update
from gobhir.engine.tensor import Tensor

keep_freed_memory()

__all__ = [
    "OPS",
    "Family",
    "Gradient",
    "Op",
    "Record",
    "Tape",
    "Tensor",
    "Update",
    "apply",
    "backward",
    "grad",
]
