"""Random numbers under the names of torch.random: seeds, and where the stream stands.
Stands on engine/random.py, where tensors of random numbers are made.
Start reading in engine/generator.py.
"""

from gobhir.engine.generator import Generator, default_generator
from gobhir.engine.random import (
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]
