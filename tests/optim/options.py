"""Every optimizer's options, by name: for the tests beside PyTorch, and of the rules."""

from __future__ import annotations

from itertools import product
from typing import Any

ADAM = {
    "lr": [0.02],
    "betas": [(0.9, 0.999), (0.5, 0.6), (0.0, 0.9)],
    "eps": [1e-8, 1e-2],
    "weight_decay": [0, 0.1],
    "amsgrad": [False, True],
    "maximize": [False, True],
}
TABLE: dict[str, dict[str, list[Any]]] = {
    "SGD": {
        "lr": [0.1],
        "momentum": [0, 0.9],
        "dampening": [0, 0.3],
        "weight_decay": [0, 0.1],
        "nesterov": [False, True],
        "maximize": [False, True],
    },
    "Adagrad": {
        "lr": [0.1],
        "lr_decay": [0, 0.1],
        "weight_decay": [0, 0.1],
        "initial_accumulator_value": [0, 0.5],
        "eps": [1e-10, 1e-2],
        "maximize": [False, True],
    },
    "Adadelta": {
        "lr": [1.0],
        "rho": [0.9, 0.0, 1.0],
        "eps": [1e-6, 1e-2],
        "weight_decay": [0, 0.1],
        "maximize": [False, True],
    },
    "RMSprop": {
        "lr": [0.01],
        "alpha": [0.99, 0.5],
        "eps": [1e-8, 1e-2],
        "weight_decay": [0, 0.1],
        "momentum": [0, 0.9],
        "centered": [False, True],
        "maximize": [False, True],
    },
    "Adam": ADAM | {"decoupled_weight_decay": [False, True]},
    "AdamW": ADAM | {"betas": [(0.9, 0.999)], "eps": [1e-8]},
    "NAdam": {
        "lr": [0.01],
        "betas": [(0.9, 0.999), (0.5, 0.6)],
        "eps": [1e-8, 1e-2],
        "weight_decay": [0, 0.1],
        "momentum_decay": [0, 4e-3],
        "decoupled_weight_decay": [False, True],
        "maximize": [False, True],
    },
    "RAdam": {
        "lr": [0.01],
        "betas": [(0.9, 0.999), (0.5, 0.6), (0.9, 0.9)],
        "eps": [1e-8, 1e-2],
        "weight_decay": [0, 0.1],
        "decoupled_weight_decay": [False, True],
        "maximize": [False, True],
    },
    "Adamax": {
        "lr": [0.01],
        "betas": [(0.9, 0.999), (0.5, 0.6)],
        "eps": [1e-8, 1e-2],
        "weight_decay": [0, 0.1],
        "maximize": [False, True],
    },
    "Rprop": {
        "lr": [0.01],
        "etas": [(0.5, 1.2), (0.3, 1.1)],
        "step_sizes": [(1e-6, 50), (0.005, 0.02)],
        "maximize": [False, True],
    },
    "ASGD": {
        "lr": [0.1],
        "lambd": [1e-4, 0.1],
        "alpha": [0.75, 0.5],
        "t0": [1e6, 3],
        "weight_decay": [0, 0.1],
        "maximize": [False, True],
    },
}


def allowed(options: dict[str, Any]) -> bool:
    """Whether PyTorch accepts them together."""
    return not options.get("nesterov") or bool(options["momentum"] and not options["dampening"])


def combinations(name: str) -> list[dict[str, Any]]:
    """All of them that are allowed."""
    table = TABLE[name]
    made = (dict(zip(table, values, strict=True)) for values in product(*table.values()))
    return [options for options in made if allowed(options)]


def few(name: str) -> list[dict[str, Any]]:
    """One change from the first combination at a time, and all last values at once."""
    table = TABLE[name]
    first = {key: values[0] for key, values in table.items()}
    made = [first] + [first | {k: v} for k, values in table.items() for v in values[1:]]
    last = first | {key: values[-1] for key, values in table.items()}
    if name == "SGD":
        made += [first | {"momentum": 0.9, "nesterov": True}, last | {"nesterov": False}]
    return [options for options in [*made, last] if allowed(options)]
