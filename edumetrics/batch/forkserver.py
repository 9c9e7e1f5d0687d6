"""The process that kernels are forked from: it imports what notebooks import, and only forks.

Run it as `python -m edumetrics.batch.forkserver` with a socket on file descriptor 0. It answers
each JSON line with another. `{"start": {"argv": [...], "env": {...}, "cwd": "..."}}` is answered
with `{"pid": N}`, and `{"poll": N}` with `{"code": C}`, where C is null while the kernel lives. The
socket closes when its owner has ended, in whatever way. The process then kills the kernels that are
left, and ends.

It opens no database and starts no thread, because a fork would copy only a part of their state. The
libraries' own threads (OpenBLAS, jemalloc) are stopped or made anew by their libraries at a fork.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import warnings
from typing import Any

# Building its parser takes two seconds, and nothing here needs it: see `execute`.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

# What the stage notebooks import, directly or through the package.
PRELOADED = (
    "ipykernel.kernelapp",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib_inline.backend_inline",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "sklearn.metrics",
    "skops.io",
    "psycopg2",
    "edumetrics.stages",
    "edumetrics.stages.end",
    "edumetrics.stages.show",
)


def serve(connection: socket.socket) -> None:
    """Answer requests until the other end is closed, then kill the kernels that are left."""
    # The exit code of every kernel, by process id; None while it lives.
    ended: dict[int, int | None] = {}
    # An owner that is killed before it reads the last answer resets the connection.
    broken_off = contextlib.suppress(ConnectionResetError, BrokenPipeError)
    with broken_off, connection, connection.makefile("rw", encoding="utf-8") as stream:
        for line in stream:
            request = json.loads(line)
            if "start" in request:
                pid = _start_kernel(connection, **request["start"])
                ended[pid] = None
                answer: dict[str, int | None] = {"pid": pid}
            else:
                answer = {"code": _get_exit_code(request["poll"], ended)}
            stream.write(json.dumps(answer) + "\n")
            stream.flush()
    for pid in (pid for pid in ended if _get_exit_code(pid, ended) is None):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _get_exit_code(pid: int, ended: dict[int, int | None]) -> int | None:
    """Return the exit code of a kernel, negative for a signal as in `subprocess`; None if alive."""
    # The system reports the end of a process only once, so the code is kept.
    if ended[pid] is None:
        known, status = os.waitpid(pid, os.WNOHANG)
        ended[pid] = os.waitstatus_to_exitcode(status) if known else None
    return ended[pid]


def _start_kernel(connection: socket.socket, argv: list[str], env: dict[str, str], cwd: str) -> int:
    """Fork a kernel in a process group of its own; return its process id in the parent only."""
    pid = os.fork()
    if pid:
        # Both sides set the group, so that it exists whichever of them runs first.
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        return pid
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    # An open copy of the socket in a kernel would keep the owner's end from looking closed.
    connection.close()
    # File descriptor 0 is the socket too: it becomes /dev/null.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    # _exit, not exit: the cleanup of the forking process must not run in the kernel.
    os._exit(_run_kernel(argv))


def _run_kernel(argv: list[str]) -> int:
    """Run a kernel in this process until it ends, and return its exit code."""
    app: Any = importlib.import_module("ipykernel.kernelapp").IPKernelApp
    sys.argv = ["ipykernel_launcher", *argv]
    # The forking process ignores SIGINT, and a fork inherits that; a kernel can be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # ipykernel watches its parent, and ends when the forking process has ended.
        app.launch_instance([*argv, f"--IPKernelApp.parent_handle={os.getppid()}"])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def main() -> None:
    """Import the modules of notebooks, then serve requests."""
    # Ctrl-C in a terminal reaches every process of the group. The process that asked for the
    # kernels decides what happens to them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # matplotlib reads its backend when it is first imported, and every fork inherits it.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    # From Python 3.12 on a fork warns of any thread, also of those that libraries look after.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    for name in PRELOADED:
        importlib.import_module(name)
    serve(socket.socket(fileno=os.dup(0)))


if __name__ == "__main__":
    main()
