"""The command `gobhir cctv`: init, run, events, password, evaluate, adapt."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from gobhir.help import Command, Group, columns
from gobhir.lang import Message, language, say, t
from gobhir.projects.cctv import config
from gobhir.projects.cctv.clock import local
from gobhir.projects.cctv.store import FILE as DATABASE
from gobhir.projects.film import frames, is_video, name_of
from gobhir.projects.lock import Lock
from gobhir.projects.naming import composed

app = typer.Typer(
    cls=Group, add_completion=False, invoke_without_command=True, rich_markup_mode=None
)
option = typer.Option
Folder = Annotated[str, option("--folder", metavar="FOLDER", help="cctv.command.folder")]
Lang = Annotated[str | None, option("--lang", metavar="bn|en", help="cli.option.lang")]
Sources = Annotated[list[str] | None, typer.Argument(metavar="SOURCE", help="cctv.command.sources")]
Called = Annotated[
    list[str] | None, option("--name", metavar="HOST", help="dashboard.command.called")
]
HOME, START = "gobhir-projects/cctv", "gobhir-projects/detection"


@app.callback(help="cctv.command.about")
def about(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@app.command(cls=Command, help="cctv.command.init")
def init(sources: Sources = None, folder: Folder = HOME, lang: Lang = None) -> None:
    place = Path(folder)
    path = place / config.FILE
    if path.exists():
        raise ValueError(say("cctv.command.exists", path=path))
    config.save(config.System(cameras=cameras(sources or ["0"])), place)
    print(t("cctv.command.written", path=path, next=_line(folder, "run")))


@app.command(cls=Command, help="cctv.command.run")
def run(
    sources: Sources = None,
    folder: Folder = HOME,
    fast: Annotated[bool, option("--fast", help="cctv.command.fast")] = False,
    host: Annotated[str, option(metavar="ADDRESS", help="dashboard.command.host")] = "127.0.0.1",
    port: Annotated[str, option(metavar="8765", help="dashboard.command.port")] = "8765",
    called: Called = None,
    no_page: Annotated[bool, option("--no-page", help="dashboard.command.no_page")] = False,
    lang: Lang = None,
) -> None:
    from gobhir.projects.cctv.supervisor import Supervisor

    place = Path(folder)
    system = chosen(place, sources or [])
    if no_page and not system.cameras:  # a page can be given some
        raise ValueError(say("cctv.config.no_camera", path=place / config.FILE))
    door = None
    if not no_page:
        from gobhir.projects.cctv.page.serving import Door

        with Lock(place, "cctv.lock", "cctv.held"):  # who runs here already has the port, too
            door = Door(place, host, _count("--port", port), set(called or ()))

    def begun() -> None:
        print(t("cctv.command.running", count=len(system.cameras), folder=place), flush=True)
        for camera in system.cameras:
            if system.looking(camera).adapted:
                print(t("cctv.command.adapted", camera=camera.name), flush=True)
        if door is not None:
            door.open(supervisor)
            print(t("dashboard.command.at", url=door.url), flush=True)

    def told(camera: str, sentence: Message) -> None:
        print(f"{camera}: {sentence.text(language())}", flush=True)

    supervisor = Supervisor(
        place,
        system,
        pace=not fast,
        lang=language(),
        begun=begun,
        told=told,
        stay=door is not None,
        once=bool(sources),
    )
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda *_: supervisor.stop())
    try:
        supervisor.run()
    finally:
        if door is not None:
            door.close()
    failed = [w for w in supervisor.workers if w.failure is not None]
    raise typer.Exit(2 if failed and len(failed) == len(supervisor.workers) else 0)


@app.command(cls=Command, help="cctv.command.events")
def events(
    folder: Folder = HOME,
    camera: Annotated[str | None, option(metavar="CAMERA", help="cctv.command.camera")] = None,
    kind: Annotated[str | None, option(metavar="KIND", help="cctv.command.kind")] = None,
    count: Annotated[str, option(metavar="20", help="cctv.command.count")] = "20",
    lang: Lang = None,
) -> None:
    from gobhir.projects.cctv.store import Store

    place = Path(folder)
    if not (place / DATABASE).exists():
        raise FileNotFoundError(say("cctv.command.no_events", folder=place))
    most = _count("--count", count)
    zone = config.load(place).time_zone if (place / config.FILE).exists() else ""
    rows = []
    only = composed(camera) if camera is not None else None
    for row in Store(place).events(camera=only, kind=kind, limit=most):
        said = f"{row.camera}: {row.sentence.text(language())}"
        rows.append((local(row.began, zone), f"{said} ({row.clip})" if row.clip else said))
    print(columns(rows) if rows else t("cctv.command.nothing"))


@app.command(cls=Command, help="dashboard.command.password")
def password(folder: Folder = HOME, lang: Lang = None) -> None:
    from gobhir.projects.cctv.page.access import set_password

    set_password(Path(folder), _typed())
    print(t("dashboard.command.set"))


@app.command(cls=Command, help="cctv.command.evaluate")
def evaluate(
    to: Annotated[str | None, option("--to", metavar="FILE", help="cctv.command.to")] = None,
    lang: Lang = None,
) -> None:
    from gobhir.projects.cctv.evaluate import evaluate as measured

    measured(Path(to) if to else None)


@app.command(cls=Command, help="cctv.command.adapt")
def adapt(
    source: Annotated[str, typer.Argument(metavar="CAMERA", help="cctv.command.adapt_source")],
    folder: Folder = HOME,
    labels: Annotated[str | None, option(metavar="FOLDER", help="cctv.command.labels")] = None,
    start: Annotated[str, option(metavar="FOLDER", help="cctv.command.start")] = START,
    minutes: Annotated[str, option(metavar="2", help="cctv.adapt.minutes")] = "2",
    share: Annotated[str, option(metavar="0.7", help="cctv.adapt.share")] = "0.7",
    size: Annotated[str, option(metavar="416", help="detection.setting.size")] = "416",
    every: Annotated[str, option(metavar="2", help="cctv.adapt.every")] = "2",
    count: Annotated[str, option(metavar="200", help="cctv.adapt.count")] = "200",
    seed: Annotated[str, option(metavar="0", help="projects.setting.seed")] = "0",
    lang: Lang = None,
) -> None:
    from gobhir.projects.cctv import adapt as adapting

    given = {"minutes": minutes, "share": share, "size": size}
    given |= {"every": every, "count": count, "seed": seed}
    wishes = config.wishes(adapting.Plan)
    plan = adapting.Plan(**{wish.name: wish.read(given[wish.name]) for wish in wishes})
    place = Path(folder)
    name = named(place, source)
    own = Path(labels) if labels else adapting.place_of(place, name) / "labels"
    if labels is None and not own.exists():
        drafted = adapting.draft(place, name, own, plan)
        again = _line(folder, "adapt", name)
        print(t("cctv.command.drafted", count=drafted, folder=own, next=again))
        return
    with Lock(adapting.place_of(place, name), ".adapting", "projects.lock.held"):
        adapting.adapt(place, name, own, Path(start), plan)


def _line(folder: str, *words: str) -> str:
    """A command line of this folder, to be typed next."""
    return shlex.join(["gobhir", "cctv", *words, *(["--folder", folder] if folder != HOME else [])])


def _count(option: str, text: str) -> int:
    """An option's whole number. ValueError where it is none."""
    if not (text.strip().isdecimal() and len(text) < 10):
        raise ValueError(say("cli.bad.count", option=option, text=text))
    return int(text)


def _typed() -> str:
    """A new password, typed twice without being shown; or the first line of standard input."""
    if not sys.stdin.isatty():
        if not (line := sys.stdin.readline().rstrip("\r\n")):
            raise ValueError(say("dashboard.command.no_terminal"))
        return line
    from getpass import getpass

    first = getpass(t("dashboard.command.ask"))
    if getpass(t("dashboard.command.ask_again")) != first:
        raise ValueError(say("dashboard.command.differ"))
    return first


def chosen(folder: Path, sources: list[str]) -> config.System:
    """The system of the folder; with sources given, these are its cameras for this once."""
    if not sources:
        return config.load(folder)
    found = config.load(folder) if (folder / config.FILE).exists() else config.System()
    return config.replace_cameras(found, cameras(sources))


def named(folder: Path, source: str) -> str:
    """The name of the camera of that name or source in cctv.toml; one that is not there yet is
    written into it. ValueError where it is no source, OSError where it gives nothing."""
    found = config.load(folder) if (folder / config.FILE).exists() else config.System()
    for camera in found.cameras:
        if source == camera.source or composed(source) == camera.name:
            return camera.name
    if not is_video(source):
        known = ", ".join(camera.name for camera in found.cameras) or "-"
        raise ValueError(say("cctv.command.no_camera", name=source, known=known))
    (camera,) = cameras([source])
    next(frames(source))  # what gives no picture is not written down
    config.save(config.replace_cameras(found, (*found.cameras, camera)), folder)
    return camera.name


def cameras(sources: list[str]) -> tuple[config.Camera, ...]:
    """A camera for each source, named after it, with the rules that need no zone."""
    made: list[config.Camera] = []
    for source in sources:
        name = name_of(source)
        while name in [c.name for c in made]:
            name += "-2"
        made.append(config.Camera(name, source, rules=config.default_rules()))
    return tuple(made)
