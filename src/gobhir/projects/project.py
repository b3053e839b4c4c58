"""A project: settings, and three verbs: train, evaluate, run.

`gobhir.projects.NAME` is a package; `settings.py` in it has `Settings`, and each verb is a function
in a file of its name:

    train(settings, folder, *, ...)             learns, and leaves the model in the folder; keeps
                                                its settings there (`settings.save(folder)`) as soon
                                                as data and network stand, so that a wish that
                                                cannot be fulfilled changes nothing
    evaluate(settings, folder, *, ...)          measures it; gives Results, and writes their page
    run(settings, folder, inputs, *, ...)       does what it is for, with the user's own inputs

What stands behind the star are the verb's own options: `resume: Annotated[bool, "key"] = False`.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

from gobhir.lang import say
from gobhir.projects.lock import Lock
from gobhir.projects.settings import Settings, Wish
from gobhir.training.processes import is_main_process

VERBS = ("train", "evaluate", "run")


def projects() -> list[str]:
    """The names of all projects: the packages here that have settings."""
    here = Path(__file__).parent
    packages = [found.name for found in pkgutil.iter_modules([str(here)]) if found.ispkg]
    return sorted(name for name in packages if (here / name / "settings.py").is_file())


@dataclass(frozen=True)
class Project:
    """The project called `name`. KeyError when there is none of that name."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in projects():
            known = ", ".join(projects())
            raise KeyError(say("projects.bad.name", name=self.name, known=known))

    @cached_property
    def settings(self) -> type[Settings]:
        """The class of its settings."""
        found: type[Settings] = self._module("settings").Settings
        return found

    @property
    def folder(self) -> Path:
        """Where it keeps its model, unless told otherwise: beside where the learner stands."""
        return Path("gobhir-projects") / self.name

    def verb(self, name: str) -> Callable[..., Any]:
        """The function of that name. With the first of them its frameworks are imported."""
        found: Callable[..., Any] = getattr(self._module(name), name)
        return found

    def wishes(self, verb: str) -> Iterator[Wish]:
        """What the command line of a verb can be told, beside the settings."""
        function = self.verb(verb)
        hints = get_type_hints(function, include_extras=True)
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY:
                kind, help = get_args(hints[name])
                yield Wish.of(name, kind, parameter.default, help)

    def train(self, settings: Settings, folder: Path | None = None, **options: Any) -> Any:
        """Train it in a folder; the settings are kept beside the model. ValueError while another
        process trains there."""
        folder = folder or self.folder
        alone: Any = nullcontext()  # of several processes (torchrun) the first one holds it
        if is_main_process():
            alone = Lock(folder, ".training", "projects.lock.held")
        with alone:
            return self.verb("train")(settings, folder, **options)

    def evaluate(self, folder: Path | None = None, **options: Any) -> Any:
        """Measure what was trained in the folder, by the settings that stand there."""
        folder = folder or self.folder
        return self.verb("evaluate")(self.settings.load(folder), folder, **options)

    def run(self, inputs: list[str], folder: Path | None = None, **options: Any) -> Any:
        """Let what was trained in the folder work on the inputs."""
        folder = folder or self.folder
        return self.verb("run")(self.settings.load(folder), folder, inputs, **options)

    def _module(self, name: str) -> Any:
        return import_module(f"gobhir.projects.{self.name}.{name}")
