"""The process that kernels are forked from: it has imported what notebooks import, and does nothing else.

Run as `python -m edumetrics.batch.zygote` with a socket on file descriptor 0. It answers one JSON line with another:
`{"start": {"argv": [...], "env": {...}, "cwd": "..."}}` with `{"pid": N}`, `{"poll": N}` with `{"code": C}`, null while
the kernel lives. When the socket closes (its owner ended, however it did) it kills the kernels that are left, and ends.

It opens no database and starts no thread: nothing that a fork would copy half.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
from typing import Any

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # as in `execute`

# What the stage notebooks import, directly or through the package.
PRELOADED = (
    "ipykernel.kernelapp",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib_inline.backend_inline",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "psycopg2",
    "edumetrics.stages.end",
    "edumetrics.stages.post_analysis",
    "edumetrics.stages.pre_exam",
    "edumetrics.stages.pre_sem",
    "edumetrics.stages.show",
    "edumetrics.stages.weekly",
)


def serve(connection: socket.socket) -> None:
    """Answer requests until the other end is closed, then kill what is left."""
    ended: dict[int, int | None] = {}
    # An owner that ended before it read our last answer closed the connection as well.
    broken_off = contextlib.suppress(ConnectionResetError, BrokenPipeError)
    with broken_off, connection, connection.makefile("rw", encoding="utf-8") as stream:
        for line in stream:
            request = json.loads(line)
            if "start" in request:
                pid = _fork(connection, **request["start"])
                ended[pid] = None
                answer: dict[str, int | None] = {"pid": pid}
            else:
                answer = {"code": _poll(request["poll"], ended)}
            stream.write(json.dumps(answer) + "\n")
            stream.flush()
    for pid in (pid for pid in ended if _poll(pid, ended) is None):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _poll(pid: int, ended: dict[int, int | None]) -> int | None:
    """The exit code of a kernel, as `subprocess` has it: negative for a signal; None while it lives."""
    if ended[pid] is None:
        known, status = os.waitpid(pid, os.WNOHANG)
        ended[pid] = os.waitstatus_to_exitcode(status) if known else None
    return ended[pid]


def _fork(connection: socket.socket, argv: list[str], env: dict[str, str], cwd: str) -> int:
    pid = os.fork()
    if pid:
        # Both sides set the group, so that it stands whoever comes first.
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        return pid
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    connection.close()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    os._exit(_kernel(argv))


def _kernel(argv: list[str]) -> int:
    app: Any = importlib.import_module("ipykernel.kernelapp").IPKernelApp
    sys.argv = ["ipykernel_launcher", *argv]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # The forking process is the parent: the kernel ends with it.
        app.launch_instance([*argv, f"--IPKernelApp.parent_handle={os.getppid()}"])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def main() -> None:
    """Import, and serve."""
    # An interrupt from the terminal goes to the whole group: whoever asked for kernels decides what becomes of them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for name in PRELOADED:
        importlib.import_module(name)
    serve(socket.socket(fileno=os.dup(0)))


if __name__ == "__main__":
    main()
