"""`gobhir.story`: many steps of somebody's training, watched, and what happened in them told."""

from __future__ import annotations

import html
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gobhir.derivation.step import Derivation
from gobhir.explain.stories.findings import Finding
from gobhir.explain.stories.pages import StoryPages, born_page
from gobhir.explain.stories.symptoms import findings
from gobhir.explain.stories.told import Told, marked
from gobhir.lang import check_language, language, say
from gobhir.lift.diary import Diary
from gobhir.lift.listening import Listener
from gobhir.training import Callback

if TYPE_CHECKING:
    from gobhir.training import Run

SUFFIXES = (".html", ".json", ".txt", ".png", ".svg", ".pdf")


class Story(Callback):
    """Watches a training, and tells what happened in it.

        with gobhir.story(model, optimizer) as s:
            for x, y in loader:            # your own loop, as it is
                optimizer.zero_grad()
                loss = loss_of(model(x), y)
                loss.backward()
                optimizer.step()
        s.show()

    or, as a callback, `gobhir.fit(..., callbacks=[story := gobhir.story()])`; in Keras
    `model.fit(..., callbacks=[story.callback()])`.

    model, optimizer: Gobhir's or PyTorch's; fit gives its own. every: every how-many-th step is
    watched. to: a file in which the story is kept whatever ends the training, as in `save`.

    Nothing is changed: weights, buffers, optimizer and random numbers are, to the last bit, what
    they would have been. (Only `gobhir.compile` is put aside, the step runs as it is written; and
    in a step that is kept in full Gobhir's LSTM, GRU and RNN add up in another order: the last
    digit of a float32 may differ.) Where something happens, the next step is kept in full, and
    `explain` opens it.
    An exception or Ctrl-C inside goes on its way, and what was seen until then stays.

    After 2,000 watched steps only every other one is kept, and so on; of parameters above 65,536
    numbers a sample of that many is measured, of a batch 64 examples.
    """

    def __init__(self, model: Any = None, optimizer: Any = None, *, every: int = 1, to: Any = None):
        if (model is None) != (optimizer is None):
            raise TypeError(say("errors.story.both"))
        if not isinstance(every, int) or every < 1:
            raise ValueError(say("errors.story.every", every=every))
        if to is not None:
            _check_suffix(to)
        self.every, self.to = every, to
        self._listener: Listener | None = None
        self._pages: StoryPages | None = None
        self._open = False
        if model is not None:
            self._listen(model, optimizer)

    def _listen(self, model: Any, optimizer: Any) -> None:
        self._listener = _listener(model, optimizer, self.every)
        self._listener.pages = self._pages = StoryPages(model)

    # -- around a loop of one's own, or in fit ----

    def __enter__(self) -> Self:
        if self._listener is None:
            raise TypeError(say("errors.story.both"))
        if self._open or self.diary.steps:
            raise RuntimeError(say("errors.story.again"))
        self._open = True
        self._listener.attach()
        return self

    def __exit__(self, kind: Any, *trouble: object) -> None:
        self._close("" if kind is None else kind.__name__)

    def callback(self) -> Any:
        """For Keras: `model.fit(..., callbacks=[story.callback()])`. Weights, changes and losses
        are seen on every backend, gradients where Keras runs on PyTorch; single ops are not."""
        from gobhir.lift.keras_ears import KerasEars

        return KerasEars(self.every, self._keras_begins, lambda: self._close(""))

    def _keras_begins(self, listener: Any) -> None:
        if self._listener is not None:
            raise RuntimeError(say("errors.story.again"))
        self._listener, self._open = listener, True
        listener.pages = self._pages = StoryPages(listener.model)

    def on_fit_begin(self, run: Run) -> None:
        self._listen(run.model, run.optimizer)
        self.__enter__()

    def on_fit_exit(self, run: Run, trouble: BaseException | None) -> None:
        self._close("" if trouble is None else type(trouble).__name__)

    def _close(self, trouble: str) -> None:
        if not self._open or self._listener is None:
            return
        self._open = False
        if self._pages is not None:
            self._pages.close()
        self._listener.detach()
        self.diary.interrupted = trouble
        if self.to is not None:
            self.save(self.to)

    # -- what was seen ----

    @property
    def diary(self) -> Diary:
        """The numbers: losses, norms by step and parameter, shares of silent units."""
        if self._listener is None:
            raise RuntimeError(say("errors.story.nothing"))
        return self._listener.diary

    @property
    def findings(self) -> list[Finding]:
        """What happened, as data: keys and numbers, in no language. Empty if all is well."""
        return findings(self.diary)

    @property
    def pages(self) -> list[int]:
        """The steps that `explain` opens, counted from 1."""
        birth = self.diary.birth
        kept = [] if self._pages is None else list(self._pages.watches)
        return sorted({*kept, *([] if birth is None else [birth.step + 1])})

    def explain(self, step: int | None = None, **options: Any) -> Derivation:
        """One step as a full page, as `gobhir.explain` makes it.

        Where something happens, the next step is kept in full; `pages` lists these. step: one of
        them; default: the first. options: mode, reference and folded as in `gobhir.explain`. The
        step in which a NaN was born opens as far as it can be worked out: op by op.
        IndexError, saying which there are, for a step that was not kept.
        """
        known = self.pages
        if not known:
            raise IndexError(say("errors.story.no_pages"))
        step = known[0] if step is None else step
        if step not in known:
            listed = ", ".join(map(str, known))
            raise IndexError(say("errors.story.page", step=step, known=listed))
        birth = self.diary.birth
        if birth is not None and step == birth.step + 1:
            return born_page(self.diary)
        assert self._pages is not None
        return self._pages.watches[step].explain(1, **options)

    def text(self, lang: str | None = None) -> str:
        """The story in sentences."""
        return "\n".join(self._told(lang).lines())

    def _told(self, lang: str | None) -> Told:
        lang = language() if lang is None else check_language(lang)
        found, birth = self.findings, self.diary.birth
        kept = {f.kind: step for f in found if self._pages and (step := self._pages.of(f.kind))}
        if birth is not None:  # of that step there is no more than the ops; before it there may be
            last = max((s for s in self.pages if s <= birth.step), default=birth.step + 1)
            kept = {kind: min(step, last) for kind, step in kept.items()}
            kept["nan"] = birth.step + 1
        return Told(self.diary, found, lang, kept)

    def show(self, lang: str | None = None) -> None:
        """Print the story."""
        print(self.text(lang))

    __str__ = text

    def plot(self, path: Any = None, *, lang: str | None = None) -> Any:
        """One picture: layers down, steps across. Returns matplotlib's figure; path: where it is
        kept as well (.png, .svg, .pdf)."""
        from gobhir.explain.stories.picture import draw

        figure = draw(self.diary, self.findings, language() if lang is None else lang)
        if path is not None:
            figure.savefig(Path(path).expanduser(), dpi=150)
        return figure

    def save(self, path: Any, lang: str | None = None) -> None:
        """Keep the story: .html (sentences and picture, one file), .txt, .json (findings and
        numbers), .png, .svg or .pdf (the picture)."""
        suffix = _check_suffix(path)
        target = Path(path).expanduser()
        if suffix in (".png", ".svg", ".pdf"):
            self.plot(target, lang=lang)
            return
        make = {".html": self._html, ".txt": lambda lang: self.text(lang) + "\n"}
        content = self._json() if suffix == ".json" else make[suffix](lang)
        target.write_text(content, encoding="utf-8", newline="\n")

    def _json(self) -> str:
        diary = self.diary
        told = {
            "steps": diary.steps,
            "interrupted": diary.interrupted,
            "findings": [asdict(f) for f in self.findings],
            "parameters": [asdict(w) for w in diary.parameters],
            "losses": diary.losses,
            "watched": {
                "step": [row.step + 1 for row in diary.rows],
                "lr": [row.lr for row in diary.rows],
                **{k: diary.table(k).tolist() for k in ("gradient", "weight", "update")},
            },
            "units": {key: {str(s + 1): v for s, v in u.shares.items()}
                      for key, u in diary.units.items()},
            "records": {str(s + 1): [asdict(r) for r in rows] for s, rows in diary.records.items()},
        }  # fmt: skip
        return json.dumps(_plain(told), indent=1, allow_nan=False) + "\n"

    def _html(self, lang: str | None) -> str:
        from gobhir.explain.stories.picture import as_svg

        told = self._told(lang)
        lang = told.lang
        parts = [f"<h1>{html.escape(told('page.title'))}</h1>"]
        parts += [f"<p>{marked(line)}</p>" for line in told.summary()]
        for level, title, sentences in told.chapters():
            parts.append(f'<section class="{level}"><h2>{marked(title)}</h2>')
            parts += [f"<p>{marked(sentence)}</p>" for sentence in sentences]
            parts.append("</section>")
        if self.diary.rows:
            parts.append(f"<figure>{as_svg(self.diary, told.findings, lang)}</figure>")
        for step, rows in self.diary.records.items():
            parts.append(f"<details><summary>{marked(told('page.record', step=step + 1))}")
            parts.append("</summary><pre>")
            parts += [html.escape(line) + "\n" for line in told.record(rows)]
            parts.append("</pre></details>")
        return _PAGE.format(lang=lang, title=html.escape(told("page.title")), body="\n".join(parts))


story = Story
"""By the name under which it reads well: `with gobhir.story(model, optimizer) as s`."""


def _listener(model: Any, optimizer: Any, every: int) -> Listener:
    """What can listen to a model of this framework."""
    from gobhir.nn import Module

    torch = sys.modules.get("torch")  # whoever has a PyTorch model has imported PyTorch
    ours = isinstance(model, Module)
    if not ours and (torch is None or not isinstance(model, torch.nn.Module)):
        raise TypeError(say("errors.story.model", type=type(model).__name__))
    if not hasattr(optimizer, "register_step_post_hook"):
        raise TypeError(say("errors.story.optimizer", type=type(optimizer).__name__))
    if ours:
        from gobhir.lift.engine_ears import EngineListener

        return EngineListener(model, optimizer, every)
    from gobhir.lift.torch_ears import TorchListener

    return TorchListener(model, optimizer, every)


def _plain(x: Any) -> Any:
    """With numbers that JSON has: NaN and infinity as None."""
    if isinstance(x, dict):
        return {k: _plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [_plain(v) for v in x]
    if isinstance(x, (float, np.floating)):
        return float(x) if math.isfinite(x) else None
    return x


def _check_suffix(path: Any) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(say("errors.story.suffix", path=str(path), known=", ".join(SUFFIXES)))
    return suffix


_PAGE = """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.06rem/1.7 "Noto Sans Bengali", "Noto Sans", sans-serif; max-width: 46rem;
  margin: 0 auto; padding: 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.15rem; margin: 0; }}
section {{ border-left: 4px solid #D55E00; padding: .2rem 0 .2rem 1rem; margin: 1.4rem 0; }}
section.note {{ border-color: #0072B2; }} section p {{ margin: .4rem 0; }}
code {{ overflow-wrap: anywhere; }} pre {{ overflow-x: auto; }}
figure {{ margin: 1.5rem 0; background: white; overflow-x: auto; }}
figure svg {{ width: 100%; min-width: 30rem; height: auto; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
