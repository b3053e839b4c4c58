"""PyTorch's `torch.autograd`: gradients asked for by name."""

from gobhir.engine.backward import backward, grad
from gobhir.engine.tape import enable_grad, no_grad

__all__ = ["backward", "enable_grad", "grad", "no_grad"]
