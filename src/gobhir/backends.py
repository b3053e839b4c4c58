"""What computes, as PyTorch programs ask: none of the accelerators is there. Switches that they
set (`backends.cudnn.deterministic = True`) are kept and change nothing."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]


class Backend:
    """One of PyTorch's backends, which Gobhir has not."""

    def __init__(self, **switches: Any):
        self.__dict__.update(switches)

    def is_available(self) -> bool:
        """False."""
        return False

    def is_built(self) -> bool:
        """False."""
        return False

    def version(self) -> None:
        """None."""


cuda = Backend(matmul=Backend(allow_tf32=False))
cudnn = Backend(enabled=False, deterministic=True, benchmark=False)
mkldnn = Backend(enabled=False)
mps, mkl, openmp = Backend(), Backend(), Backend()

for _name in __all__:  # so that `import gobhir.backends.cudnn as cudnn` finds it
    sys.modules[f"{__name__}.{_name}"] = globals()[_name]
