"""Kernels that start at once: forked from one process that has imported what lessons import.

A kernel of its own for each notebook, as always, but IPython, NumPy, Matplotlib, pandas and PyTorch
are read once for all of them: that is most of a short lesson's time. Only where processes can be
forked safely (Linux); elsewhere, kernels start as they always do.

    with forked(): ...      every kernel that is started in here

As a program this file is the process that is forked from: `python kernels.py DESCRIPTOR`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IMPORTS = (
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "psutil",
    "gobhir.course.magic",
    "gobhir.widgets",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "pandas",
    "seaborn",
    "torch",
)
LONGEST = 1 << 20
ENDED = -1


class Kernel:
    """A forked kernel, with as much of subprocess.Popen as Jupyter asks for."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, life: socket.socket):
        self.pid, self.life = pid, life  # the kernel holds the other end for as long as it lives

    def poll(self) -> int | None:
        return ENDED if select.select([self.life], [], [], 0)[0] else None

    def wait(self, timeout: float | None = None) -> int:
        if not select.select([self.life], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return ENDED

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Server:
    """The process that kernels are forked from, at this end."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Not the hash seed under which outputs are stored: none may depend on it.
        environment = {**os.environ, "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"}
        environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self.process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno())],
            env=environment,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()

    def launch(self, argv: list[str], env: dict[str, str], cwd: str) -> Kernel:
        life, other = socket.socketpair()
        request = json.dumps({"argv": argv, "env": env, "cwd": cwd}).encode()
        socket.send_fds(self.control, [request], [other.fileno()])
        other.close()
        return Kernel(int(self.control.recv(LONGEST)), life)

    def close(self) -> None:
        self.control.close()
        self.process.wait(10)


@contextlib.contextmanager
def forked() -> Iterator[None]:
    if sys.platform != "linux":
        yield
        return
    from jupyter_client.provisioning import local_provisioner

    server: Server | None = None

    def launch(cmd: list[str], *, env: dict[str, str], cwd: Any = None, **_: Any) -> Kernel:
        nonlocal server
        server = server or Server()  # with the first kernel
        argv = cmd[cmd.index("ipykernel_launcher") :]
        return server.launch(argv, env, str(cwd or Path.cwd()))

    plainly = local_provisioner.launch_kernel
    local_provisioner.launch_kernel = launch  # type: ignore[assignment]
    try:
        yield
    finally:
        local_provisioner.launch_kernel = plainly
        if server:
            server.close()


def serve(control: socket.socket) -> None:
    """Forks a kernel for each request, until there can be none any more."""
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # with it, its kernels end
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as each kernel says
    for name in IMPORTS:
        with contextlib.suppress(ModuleNotFoundError):  # PyTorch is not everywhere
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what no kernel's collector looks at need not be copied
    while True:
        request, (life,), *_ = socket.recv_fds(control, LONGEST, 1)
        if os.fork() == 0:
            os.setsid()  # before its number is told: Jupyter asks at once for its group
            control.send(str(os.getpid()).encode())
            control.close()
            become(**json.loads(request))
        os.close(life)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def become(argv: list[str], env: dict[str, str], cwd: str) -> None:
    """This process, as the kernel that was asked for."""
    import numpy as np
    from ipykernel.kernelapp import launch_new_instance

    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env, JPY_PARENT_PID=str(os.getppid()))
    for descriptor in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    np.random.seed()  # as in a process of its own
    sys.argv = argv
    try:
        launch_new_instance()
    finally:
        os._exit(0)


if __name__ == "__main__":
    with contextlib.suppress(ValueError):  # no descriptor came: the other end is closed
        serve(socket.socket(fileno=int(sys.argv[1])))
