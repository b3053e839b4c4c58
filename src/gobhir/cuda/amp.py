"""Mixed precision as PyTorch called it before torch.amp."""

from __future__ import annotations

from typing import Any

from gobhir import amp

__all__ = ["GradScaler", "autocast"]


class autocast(amp.autocast):
    """gobhir.amp.autocast("cuda")."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True):
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """gobhir.amp.GradScaler("cuda")."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__("cuda", *args, **kwargs)
