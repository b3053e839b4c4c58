"""What happens around every optimizer's step: hooks, and gobhir.compile looking on."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from gobhir.engine.tape import state
from gobhir.lang import say

if TYPE_CHECKING:
    from gobhir.optim.optimizer import Optimizer


def with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` with the hooks before and after it; once, where a step calls that of its base."""

    @wraps(step)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        self: Optimizer = args[0]
        if self._stepping is not False:
            if self._stepping is None and state.recorder is not None:
                state.recorder.refuse("python", name=type(self).__name__)
            return step(*args, **kwargs)
        if state.recorder is not None:  # gobhir.compile is watching
            return state.recorder.optimizer_step(*args, **kwargs)
        for hook in tuple(self._before_step):
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(say("errors.optim.pre_hook", got=changed))
                args, kwargs = changed
        self._stepping = True
        if self._opt_called is False:
            self._opt_called = True
        try:
            out = step(*args, **kwargs)
        finally:
            self._stepping = False
        for hook in tuple(self._after_step):
            hook(self, args, kwargs)
        return out

    return wrapped
