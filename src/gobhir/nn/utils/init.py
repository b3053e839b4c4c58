"""Layers that are made without drawing their first weights, because others will be put in."""

from __future__ import annotations

from inspect import signature
from typing import Any

from gobhir.engine.random import get_rng_state, set_rng_state
from gobhir.lang import say
from gobhir.nn.module import Module


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """module_cls(*args, **kwargs), its parameters new memory whose numbers mean nothing; no random
    number is used up. RuntimeError for what is no Module or knows no `device`."""
    if not issubclass(module_cls, Module):
        raise RuntimeError(say("errors.nn.skip_init", name=module_cls.__name__))
    if "device" not in signature(module_cls).parameters:
        raise RuntimeError(say("errors.nn.skip_init", name=module_cls.__name__))
    before = get_rng_state()
    made = module_cls(*args, **kwargs)
    set_rng_state(before)
    return made.to_empty(device=kwargs.get("device", "cpu"))
