"""`gobhir practice`: waits for keys and for the learner's file to be saved, one thing at a time.

The file is looked at ten times a second, which works on every disk, those of a network too; the
key r runs it by hand. Keys that are pressed while a program runs are dropped.
"""

from __future__ import annotations

import asyncio
import functools
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from prompt_toolkit.input import create_input
from rich.console import Console
from rich.style import Style
from rich.text import Text

from gobhir.course.checking import expected, stop_programs
from gobhir.course.practice import screen
from gobhir.course.practice.bench import Bench, Placed
from gobhir.course.practice.screen import Line, View
from gobhir.help import room
from gobhir.learner.refusal import Refusal

T = TypeVar("T")

LOOK = 0.1
QUIET = 60.0
"""Seconds without a save after which the key r is pointed out."""
LEAVE = ("c-c", "c-d")
BANGLA_KEYS = dict(zip("নহলচরতভসদ", "nhlcrtvsq", strict=True))
"""What a phonetic Bangla keyboard sends for the same keys."""


def write(console: Console, lines: list[Line]) -> None:
    for line in lines:
        style = Style.parse(screen.STYLES[line.style])
        if line.link is not None:
            style += Style(link=line.link.as_uri())
        console.print(Text(line.text, style))


class Watch:
    """One sitting: what is on the screen, and what each key does."""

    def __init__(self, bench: Bench, entry: Placed, console: Console | None = None):
        self.bench, self.view = bench, View(entry)
        self.console = console or Console(highlight=False)
        self.events: asyncio.Queue[str] = asyncio.Queue()
        self.busy = False
        self.resetting = False
        self.leaving = False
        self.seen: tuple[int, int] | None = None  # how the file was when it was last read
        self.keys: dict[str, Callable[[], object]] = {
            "n": self.next, "h": self.hint, "l": self.list, "t": self.working, "v": self.trace,
            "s": self.solution, "x": self.reset,
        }  # fmt: skip

    async def run(self) -> None:
        """Until q (or Ctrl-C, Ctrl-D)."""
        source = create_input()

        def pressed() -> None:
            for press in source.read_keys():
                key = str(getattr(press.key, "value", press.key))
                self.leaving |= key in LEAVE
                if not self.busy or self.leaving:
                    self.events.put_nowait(key)

        with source.raw_mode(), source.attach(pressed):
            looking = asyncio.create_task(self.look())
            try:
                await self.open(self.view.entry)
                while await self.answer(await self.events.get()):
                    pass
            finally:
                looking.cancel()
                source.flush_keys()
        self.console.print(Text(self.bench.t("practice.watch.end")))

    async def look(self) -> None:
        """Tell of every save, of a changed window, and once of the key r."""
        size, since, told = shutil.get_terminal_size(), time.monotonic(), False
        while True:
            await asyncio.sleep(LOOK)
            if self.leaving:
                stop_programs()
            now = stamp(self.bench.path(self.view.entry))
            if now is not None and now != self.seen and not self.busy:
                await asyncio.sleep(LOOK / 2)  # an editor may still be writing
                self.events.put_nowait("saved")
                since = time.monotonic()
                self.seen = now
            if shutil.get_terminal_size() != size:
                size = shutil.get_terminal_size()
                self.events.put_nowait("resized")
            if not told and time.monotonic() - since > QUIET:
                told = True
                self.events.put_nowait("quiet")

    # -- events ---------------------------------------------------------------------------------

    async def answer(self, event: str) -> bool:
        """Do what the event asks for; False: that was all."""
        key = BANGLA_KEYS.get(event, event.lower())
        if key in LEAVE or (key == "q" and self.view.picking is None):
            return False
        resetting, self.resetting = self.resetting, False
        if key == "saved":
            await self.check()
        elif key == "quiet":
            self.view.asked.append(Line(self.bench.t("practice.watch.quiet"), "quiet"))
        elif self.view.picking is not None:
            await self.pick(key)
        elif key in ("r", "c-m", "c-j"):
            await self.check()
        elif key == "c":
            await self.check_all()
        elif key == "x" and resetting:
            await self.begin_again()
        elif key in self.keys:
            outcome = self.keys[key]()
            if asyncio.iscoroutine(outcome):
                await outcome
        self.draw()
        return True

    async def open(self, entry: Placed) -> None:
        """Turn to an exercise; what the learner has written already is run at once."""
        self.view = View(entry)
        self.seen = stamp(self.bench.file(entry))
        text = self.bench.file(entry).read_text(encoding="utf-8", errors="replace")
        if not self.bench.untouched(entry, text):
            await self.check()
        asyncio.get_running_loop().run_in_executor(None, expected, entry.exercise)
        self.draw()

    async def check(self) -> None:
        self.view.picking, self.view.asked = None, []
        try:
            self.seen = stamp(self.bench.file(self.view.entry))
            self.view.verdict = await self.wait(lambda: self.bench.check(self.view.entry))
        except Refusal as refusal:
            self.view.asked = [Line(refusal.message.text(self.bench.lang), "wrong")]
        except ValueError as error:
            self.view.asked = [Line(str(error), "wrong")]

    async def check_all(self) -> None:
        """Run every file that the learner has; stay at the first one that does not pass."""
        begun = [e for e in self.bench.entries if self.bench.path(e).exists()]
        failed: list[Placed] = []
        for entry in begun:
            try:
                verdict = await self.wait(functools.partial(self.bench.check, entry))
            except ValueError:
                failed.append(entry)  # its own screen says why
            else:
                failed += [] if verdict.passed else [entry]
        if failed and self.view.entry not in failed:
            await self.open(failed[0])
        self.view.asked = [Line(self.bench.t("practice.watch.all", **self.bench.counted(
            right=len(begun) - len(failed), count=len(begun))))]  # fmt: skip

    async def wait(self, work: Callable[[], T]) -> T:
        """Say that it takes a moment, do the work, and drop what was typed meanwhile."""
        self.console.print(Text(self.bench.t("course.command.checking"), "dim"))
        self.busy = True
        try:
            return await asyncio.to_thread(work)
        finally:
            self.busy = False

    async def pick(self, key: str) -> None:
        """In the list: up, down, Enter; anything else leads back."""
        at, count = self.view.picking or 0, len(self.bench.entries)
        if key in ("up", "k"):
            self.view.picking = (at - 1) % count
        elif key in ("down", "j"):
            self.view.picking = (at + 1) % count
        elif key in ("c-m", "c-j"):
            await self.open(self.bench.entries[at])
        else:
            self.view.picking = None

    # -- keys -----------------------------------------------------------------------------------

    async def next(self) -> None:
        entry = self.bench.next_undone(self.view.entry)
        if entry is None:
            self.say("practice.all_done")
        else:
            await self.open(entry)

    def hint(self) -> None:
        if self.view.entry.exercise.hints:
            number, text = self.bench.hint(self.view.entry)
            self.view.asked = screen.hinted(self.bench, self.view.entry, number, text)

    def list(self) -> None:
        self.view.picking = self.bench.entries.index(self.view.entry)

    async def working(self) -> None:
        entry, verdict = self.view.entry, self.view.verdict
        text = await self.wait(lambda: self.bench.working(entry, verdict, room()))
        self.view.asked = [Line(line) for line in text.splitlines()]

    def trace(self) -> None:
        trace = screen.trace_of(self.view.verdict, self.bench.path(self.view.entry).name)
        self.view.asked = [Line(line) for line in trace.splitlines()]

    def solution(self) -> None:
        solution = self.bench.solution(self.view.entry)
        if solution is None:
            self.say("practice.not_yet", **self.bench.left(self.view.entry))
        else:
            self.view.asked = screen.solved(self.bench, solution)

    def reset(self) -> None:
        self.resetting = True
        self.say("practice.watch.reset", file=self.bench.path(self.view.entry).name)

    async def begin_again(self) -> None:
        backup = self.bench.reset(self.view.entry)
        await self.open(self.view.entry)
        if backup is not None:
            self.say("practice.was_reset", file=backup)

    def say(self, key: str, **values: object) -> None:
        self.view.asked = [Line(self.bench.t(key, **values))]

    def draw(self) -> None:
        self.console.clear()
        write(self.console, screen.page(self.bench, self.view))
        write(self.console, [Line(), screen.bar(self.bench, self.view.entry)])
        write(self.console, screen.keys(self.bench, self.view))


def stamp(file: Path) -> tuple[int, int] | None:
    """What changes when a file is saved; None where there is none."""
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


def watch(bench: Bench, entry: Placed) -> None:
    """Practise at `entry` until the learner leaves. Needs a terminal."""
    asyncio.run(Watch(bench, entry).run())
