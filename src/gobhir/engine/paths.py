"""Places where PyTorch keeps what stands elsewhere here: `from gobhir.nn.modules.loss import ...`
finds a module that no file was written for."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def offer(home: str, name: str, names: dict[str, Any]) -> None:
    """Let these names stand in the module `home.name`, which is made where it is not there."""
    path = f"{home}.{name}"
    made = ModuleType(path, f"What torch.{path.partition('.')[2]} offers.")
    module = sys.modules.setdefault(path, made)
    vars(module).update(names)
    setattr(sys.modules[home], name, module)
