"""What stands beside layers and optimizers in PyTorch's `torch.utils`: data loading.
Stands on engine/ and lang/; training and all above may import it.
Start reading in data/__init__.py.
"""

from gobhir.utils import data

__all__ = ["data"]
