"""Start Gobhir, or test it, from a fresh clone: only Python is needed.

    python3 start.py             install what is missing, then open the studio   (make start)
    python3 start.py test        install what is missing, then check everything  (make test)
    python3 start.py quick       what can be checked in about a minute           (make quick)
    python3 start.py format      put the code into its form                      (make format)
    python3 start.py bench       a training step, side by side with PyTorch      (make bench)
    python3 start.py evaluate    every project on its real data                  (make evaluate)

On Windows: py start.py. Everything is installed into .venv beside this file, nothing elsewhere.
This file is plain enough for an old Python to read, so that it can say which one is needed.
"""

import os
import sys

if sys.version_info < (3, 11):
    import subprocess

    for name in ("python3.14", "python3.13", "python3.12", "python3.11"):
        try:  # a newer one may stand beside the default
            sys.exit(subprocess.call([name] + sys.argv))
        except OSError:
            pass
    sentence = "Gobhir needs Python 3.11 or newer, this is {}. Get one at python.org."
    if (os.environ.get("GOBHIR_LANG") or os.environ.get("LANG") or "").startswith("bn"):
        sentence = "Gobhir চালাতে Python 3.11 বা নতুন লাগে, এটা {}। python.org থেকে নামিয়ে নাও।"
    sys.exit(sentence.format(sys.version.split()[0]))

import argparse
import contextlib
import errno
import hashlib
import json
import queue
import re
import shutil
import signal
import subprocess
import threading
import time
import tomllib

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
WINDOWS = os.name == "nt"
PYTHON = os.path.join(VENV, *(("Scripts", "python.exe") if WINDOWS else ("bin", "python")))
STATE = os.path.join(VENV, "gobhir.json")  # what is installed
MARK = os.path.join(VENV, "unfinished")  # .venv is being written to: do not trust it
LOG = os.path.join(VENV, "install.log")
COMMANDS = ["start", "test", "quick", "format", "bench", "evaluate"]
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"

# Two parts of the house that stand on the standard library alone.
sys.path += [os.path.join(ROOT, "frontend"), os.path.join(ROOT, "src", "gobhir", "lang")]
import bundle
import catalogue


def text(key, **values):
    """The sentence, from src/gobhir/lang/<language>/start.toml."""
    return catalogue.t(
        "start." + key, command="py start.py" if WINDOWS else "python3 start.py", **values
    )


def say(key, **values):
    print(text(key, **values), flush=True)


class Stop(Exception):
    """What keeps us from going on, as one sentence for the person at the screen."""


# --- what is installed, and what should be -----------------------------------------------------


def read_state():
    try:
        with open(STATE, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def wanted_state():
    """Everything whose change means: install again."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "hatch_build.py"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    # A moved clone and an upgraded Python leave a venv behind that no longer works.
    return {"root": ROOT, "python": os.path.realpath(PYTHON), "project": digest.hexdigest()}


def is_installed(state, extras, torch):
    wanted = wanted_state()
    return (
        all(state.get(key) == value for key, value in wanted.items())
        and os.path.exists(PYTHON)
        and set(extras) <= set(state.get("extras", []))
        and not wants_torch(state, torch)
    )


def wants_torch(state, torch):
    """torch: "yes", "no", or None: install it once, then keep to what was said or found."""
    have = state.get("torch")  # a version, "left out", "not found", or None: never asked
    if torch is None:
        return have is None
    return torch == "yes" and have in (None, "left out", "not found")


# --- installing --------------------------------------------------------------------------------


@contextlib.contextmanager
def alone():
    """One install at a time; the lock goes with its process, however that ends."""
    try:
        file = open(os.path.join(ROOT, ".venv.lock"), "w")
    except OSError:
        raise Stop(text("error.not_writable", path=ROOT)) from None
    with file:
        try:
            if WINDOWS:
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Stop(text("error.busy")) from None
        yield


def install(extras, torch):
    make_venv()
    state = read_state()
    if bundle.find_node() and not bundle.is_current():
        say("step.bundle")
        bundle.bundle()
    wanted = dict(wanted_state(), extras=sorted(set(extras) | set(state.get("extras", []))))
    if any(state.get(key) != value for key, value in wanted.items()) or not bundle.is_current():
        say("step.packages")
        extras = ",".join(wanted["extras"])
        pip("install", "--editable", ROOT + ("[" + extras + "]" if extras else ""))
        state.update(wanted)
        write_state(state)
    if wants_torch(state, torch):
        state["torch"] = install_torch()
    else:
        state.setdefault("torch", "left out")
    write_state(state)


def write_state(state):
    with open(STATE + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file, indent=1)
    os.replace(STATE + ".new", STATE)


def make_venv():
    if os.path.exists(PYTHON) and not os.path.exists(MARK):
        known = read_state().get("python")
        if known in (None, os.path.realpath(PYTHON)):
            return
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        raise Stop(text("error.no_venv")) from None
    if os.path.exists(VENV):
        say("step.repair")
        shutil.rmtree(VENV)
    else:
        say("step.first")
    say("step.venv")
    os.mkdir(VENV)
    open(MARK, "w").close()
    # The Python below, should this one belong to the .venv that was just removed.
    python = getattr(sys, "_base_executable", None) or sys.executable
    made = subprocess.run([python, "-m", "venv", VENV], capture_output=True, text=True)
    if made.returncode != 0:
        print(made.stdout + made.stderr)
        raise Stop(text("error.no_venv"))
    os.remove(MARK)


def pip_command(*arguments):
    return [PYTHON, "-m", "pip", *arguments, "--disable-pip-version-check", "--no-input"]


def pip(*arguments):
    """Run pip, showing what it is at; raise Stop with the reason when it fails."""
    environment = dict(os.environ, PYTHONIOENCODING="utf-8", PYTHONUNBUFFERED="1")
    process = subprocess.Popen(
        pip_command(*arguments, "--progress-bar=off"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        encoding="utf-8",
        errors="replace",
    )
    lines = queue.Queue()

    def read():
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    story = [""]
    progress = Progress()
    with open(LOG, "a", encoding="utf-8") as log:
        while story[-1] is not None:
            with contextlib.suppress(queue.Empty):
                story.append(lines.get(timeout=0.5))
                log.write(story[-1] or "")
                # Up to here pip has only fetched. From here on a power cut leaves half a package.
                if (story[-1] or "").startswith("Installing collected packages"):
                    open(MARK, "w").close()
            if story[-1] and not story[-1].startswith(("WARNING", "  ")):
                progress.said = story[-1].strip()
            progress.show()
    progress.end()
    if process.wait() < 0:
        raise KeyboardInterrupt  # pip was killed: the mark stays
    with contextlib.suppress(FileNotFoundError):
        os.remove(MARK)
    if process.returncode != 0:
        raise Stop(reason_of("".join(story[:-1])))


class Progress:
    """The last thing pip said and the seconds since it began: one live line, or one every 15 s."""

    def __init__(self):
        self.start = time.monotonic()
        self.live = sys.stdout.isatty()
        self.next = 15.0
        self.said = ""

    def show(self):
        seconds = time.monotonic() - self.start
        message = "  {:3.0f} s  {}".format(seconds, self.said)
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            print("\r" + message[:width].ljust(width), end="", flush=True)
        elif seconds > self.next:
            print(message[:100], flush=True)
            self.next = seconds + 15

    def end(self):
        if self.live:
            print("\r" + " " * (shutil.get_terminal_size().columns - 1), end="\r")
        print("  {:3.0f} s".format(time.monotonic() - self.start), flush=True)


def reason_of(story):
    """One sentence for what stopped pip."""
    if re.search(r"No space left|Errno 28\b", story):
        return text("error.disk_full")
    if re.search(r"Errno 13\b|Permission denied|Errno 30\b", story):
        return text("error.not_writable", path=ROOT)
    if re.search(r"NewConnectionError|NameResolution|(Connect|Read)Timeout|ProxyError", story):
        return text("error.no_network")
    print("\n".join(story.splitlines()[-30:]))
    return text("error.pip", path=LOG)


# --- PyTorch -----------------------------------------------------------------------------------


def install_torch():
    """Install a PyTorch that brings no CUDA along; its version, or "not found"."""
    say("step.torch_search")
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        (requirement,) = tomllib.load(file)["project"]["optional-dependencies"]["torch"]
    found = installed_torch() or find_torch(requirement)
    if found is None:
        return "not found"
    version, address = found
    if address:
        say("step.torch", version=version)
        pip("install", "torch @ " + address)
    return version


def installed_torch():
    """(version, None) of a PyTorch that .venv already has, else None."""
    asked = "from importlib.metadata import version; print(version('torch'))"
    answer = subprocess.run([PYTHON, "-c", asked], capture_output=True, text=True)
    return (answer.stdout.strip(), None) if answer.returncode == 0 else None


def find_torch(requirement):
    """(version, address) of the first build on offer that is for the CPU alone, else None.

    On Linux the ordinary index has builds that pull in gigabytes of CUDA. So the files that
    pip was given (find-links) come first, then PyTorch's own CPU index, and what the ordinary
    index offers is taken only where it stands on no CUDA package.
    """
    linux = sys.platform == "linux"
    sources = [["--no-index"], ["--index-url", TORCH_CPU_INDEX] if linux else None, []]
    for source in filter(lambda source: source is not None, sources):
        offer = dry_run(requirement, source)
        if offer is None:
            continue
        needs = offer["metadata"].get("requires_dist", [])
        if not linux or not any(re.match(r"nvidia-|cuda-|triton", need) for need in needs):
            archive = offer["download_info"]["archive_info"].get("hashes", {}).get("sha256")
            address = offer["download_info"]["url"] + ("#sha256=" + archive if archive else "")
            return offer["metadata"]["version"], address
    return None


def dry_run(requirement, source):
    """What pip would install for the requirement from that source, else None."""
    command = pip_command(
        "install", "--dry-run", "--no-deps", "--ignore-installed", "--only-binary=:all:",
        "--quiet", "--report=-", "--timeout=10", "--retries=1", *source, requirement,
    )  # fmt: skip
    try:
        answer = subprocess.run(command, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        return json.loads(answer.stdout)["install"][0]
    except (subprocess.TimeoutExpired, ValueError, LookupError):
        return None


# --- the commands ------------------------------------------------------------------------------


def prepare(extras, torch):
    """Install what is missing; the state that .venv is in now."""
    if not (is_installed(read_state(), extras, torch) and bundle.is_current()):
        with alone():
            install(extras, torch)
            if read_state()["torch"] == "not found":
                say("step.torch_not_found")
    return read_state()


def start(options):
    state = prepare([], options.torch)
    if state["torch"] == "left out":
        say("step.torch_left_out")
    command = [PYTHON, "-m", "gobhir", "studio"]
    if options.port:
        command.append("--port={}".format(options.port))
    if options.no_browser:
        command.append("--no-browser")
    if WINDOWS:
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the studio: it saves and ends
        return subprocess.call(command)
    os.execv(PYTHON, command)  # nothing of this script stays in the way


def test(arguments):
    needs_torch(prepare(["test", "projects"], "yes"))
    return subprocess.call([PYTHON, os.path.join(ROOT, "tests", "run.py"), *arguments])


def format_code():
    prepare(["test"], None)
    os.chdir(ROOT)
    subprocess.call([PYTHON, "-m", "ruff", "check", "--fix-only", "--quiet", "."])
    return subprocess.call([PYTHON, "-m", "ruff", "format", "."])


def bench(arguments):
    needs_torch(prepare([], "yes"))
    return subprocess.call([PYTHON, "-m", "benchmarks", *arguments], cwd=ROOT)


def evaluate(arguments):
    needs_torch(prepare(["projects"], "yes"))
    return subprocess.call([PYTHON, "-m", "benchmarks.evaluate", *arguments], cwd=ROOT)


def needs_torch(state):
    if state["torch"] == "not found":
        raise Stop(text("error.torch_needed"))


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # Windows consoles know less
    parser = argparse.ArgumentParser(description=text("help.about"), add_help=False)
    parser.add_argument(
        "command", nargs="?", default="start", choices=COMMANDS, help=text("help.command")
    )
    parser.add_argument("-h", "--help", action="help", help=text("help.help"))
    parser.add_argument("--torch", choices=["yes", "no"], help=text("help.torch"))
    parser.add_argument(
        "--no-torch", dest="torch", action="store_const", const="no", help=text("help.no_torch")
    )
    parser.add_argument("--port", type=int, help=text("help.port"))
    parser.add_argument("--no-browser", action="store_true", help=text("help.no_browser"))
    options, rest = parser.parse_known_args()
    if rest and options.command in ("start", "format"):
        parser.error("unknown: " + " ".join(rest))
    try:
        if options.command == "format":
            return format_code()
        if options.command == "bench":
            return bench(rest)
        if options.command == "evaluate":
            return evaluate(rest)
        if options.command == "start":
            return start(options)
        return test(["--quick", *rest] if options.command == "quick" else rest)
    except KeyboardInterrupt:
        return text("step.interrupted")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return text("error.disk_full")
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return text("error.not_writable", path=error.filename)
        raise
    except (Stop, bundle.BundleError) as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main())
