"""Start kernels by forking a process that has imported everything, which saves a cold start.

Each kernel is a process with its own environment: the next kernel does not see its options, modules
and variables. On systems that cannot fork, papermill starts kernels in its usual way.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from edumetrics.settings import SECRETS

# On macOS a fork after the system's frameworks are loaded crashes; Windows has no fork.
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"
# The process ends as soon as its socket closes; this limit is for one that hangs.
GRACE_SECONDS = 5


def remove_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the settings that no notebook needs."""
    return {name: value for name, value in environ.items() if name not in SECRETS}


class ForkServer:
    """The process that kernels are forked from.

    It starts at once, and imports its modules while this process goes on.
    """

    def __init__(self) -> None:
        # A socket pair also tells the other side that this process is gone, however it ended.
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "edumetrics.batch.forkserver"]
            self._process = subprocess.Popen(
                command, stdin=theirs.fileno(), env=remove_secrets(os.environ)
            )
        self._socket = ours
        self._stream = ours.makefile("rw", encoding="utf-8")

    def start_kernel(self, argv: list[str], env: dict[str, str], cwd: str) -> ForkedKernel:
        """Fork a kernel and return it.

        Args:
            argv: the command line of `ipykernel_launcher`, without the program.
            env: the kernel's whole environment.
            cwd: the kernel's working directory.
        """
        answer = self._send_request({"start": {"argv": argv, "env": env, "cwd": cwd}})
        return ForkedKernel(self, answer["pid"])

    def get_exit_code(self, pid: int) -> int | None:
        """Return the exit code of a kernel; None while it lives."""
        code: int | None = self._send_request({"poll": pid})["code"]
        return code

    def close(self) -> None:
        """End the process and every kernel that is left."""
        # The process reads the end of its input, kills the kernels and exits.
        self._stream.close()
        self._socket.close()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer; a killed kernel when the process is gone."""
        try:
            self._stream.write(json.dumps(request) + "\n")
            self._stream.flush()
            answer: dict[str, Any] = json.loads(self._stream.readline() or "{}")
        except (OSError, ValueError):
            answer = {}
        # The kernels are children of that process, and end with it. The caller sees a dead kernel.
        return answer or {"pid": 0, "code": -signal.SIGKILL}


class ForkedKernel:
    """A forked kernel, with the part of `subprocess.Popen` that a kernel manager uses."""

    # The manager closes these streams when they are not None.
    stdin = stdout = stderr = None

    def __init__(self, nursery: ForkServer, pid: int) -> None:
        self.nursery, self.pid = nursery, pid

    def poll(self) -> int | None:
        """Return the exit code; None while the kernel lives."""
        return self.nursery.get_exit_code(self.pid)

    def wait(self) -> int:
        """Return the exit code of a kernel that has ended."""
        # It need not block: the manager polls until the kernel has ended, and waits only then.
        return self.poll() or 0

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel and its children."""
        # The number of a process that has ended may belong to another one by now.
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def kill(self) -> None:
        """End the kernel at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)


class ForkedKernelManager(AsyncKernelManager):
    """A kernel manager that forks kernels from the process that `open_kernel_manager` started."""

    nursery: ForkServer

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        # The fork takes the place of the process that the provisioner would start.
        provisioner: Any = self.provisioner
        # In `python -m ipykernel_launcher -f connection.json ...` the kernel's arguments follow the
        # module.
        arguments = kernel_cmd[kernel_cmd.index("ipykernel_launcher") + 1 :]
        child = self.nursery.start_kernel(
            arguments, options["env"], options.get("cwd") or str(Path.cwd())
        )
        provisioner.process, provisioner.pid, provisioner.pgid = child, child.pid, child.pid
        # The manager itself does this after a launch of its own.
        self._reconcile_connection_info(provisioner.connection_info)


@contextmanager
def open_kernel_manager() -> Iterator[type[AsyncKernelManager]]:
    """Yield the kernel manager to use in the block; kill the kernels that are left at its end."""
    if not CAN_FORK:
        yield AsyncKernelManager
        return
    started = ForkServer()
    try:
        # nbclient takes a class and creates the manager itself: the process travels on the class.
        yield type("ForkedKernelManager", (ForkedKernelManager,), {"nursery": started})
    finally:
        started.close()
