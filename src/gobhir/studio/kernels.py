"""The kernels that run the learner's code, as the studio starts them."""

from __future__ import annotations

import subprocess
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager


class Kernels(AsyncMappingKernelManager):
    """Kernels that keep out of the terminal: what the learner's code prints goes to the page, and
    what a kernel says about itself (warnings, how it was interrupted) is for nobody there."""

    async def _async_start_kernel(self, **how: Any) -> str:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        kernel: str = await super()._async_start_kernel(**{**quiet, **how})
        return kernel

    start_kernel = _async_start_kernel  # type: ignore[assignment]
