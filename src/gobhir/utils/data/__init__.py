"""Data sets, samplers, and the DataLoader that makes batches of them, under PyTorch's names.
Stands on engine/ and lang/; training and all above may import it.
Start reading in dataset.py, then sampler.py, then dataloader.py.
"""

from typing import Any

from gobhir.engine.absent import missing
from gobhir.engine.paths import offer
from gobhir.utils.data.collate import default_collate, default_convert
from gobhir.utils.data.dataloader import DataLoader, get_worker_info
from gobhir.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from gobhir.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]

# Where collate functions of one's own look for PyTorch's.
offer(__name__, "_utils", {})
offer(f"{__name__}._utils", "collate", {f.__name__: f for f in (default_collate, default_convert)})


def __getattr__(name: str) -> Any:
    raise missing(__name__, name)
