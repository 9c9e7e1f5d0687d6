"""Kernels forked from a process that has imported everything, so that a stage does not pay for a cold start.

Each kernel is a process of its own with an environment of its own: options set, modules imported and variables left in
one are not seen by the next. Where there is no fork, papermill starts kernels as it always does.
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

CAN_FORK = (
    hasattr(os, "fork") and sys.platform != "darwin"
)  # forking after its frameworks are loaded crashes on macOS
GRACE_SECONDS = 5
SECRETS = ("SMTP_URL", "SECRET_KEY", "MAIL_FROM", "REPLY_TO", "OPERATOR_EMAIL")


def for_notebooks(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without what only mail needs: a notebook has no use for it."""
    return {name: value for name, value in environ.items() if name not in SECRETS}


class Nursery:
    """The process that kernels are forked from; it is started at once, and imports while others work."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "edumetrics.batch.zygote"]
            self._process = subprocess.Popen(
                command, stdin=theirs.fileno(), env=for_notebooks(os.environ)
            )
        self._socket = ours
        self._stream = ours.makefile("rw", encoding="utf-8")

    def start(self, argv: list[str], env: dict[str, str], cwd: str) -> Child:
        """Fork a kernel."""
        return Child(self, self._ask({"start": {"argv": argv, "env": env, "cwd": cwd}})["pid"])

    def poll(self, pid: int) -> int | None:
        """The exit code of a kernel; None while it lives."""
        code: int | None = self._ask({"poll": pid})["code"]
        return code

    def close(self) -> None:
        """End the process, and with it every kernel that is left."""
        self._stream.close()
        self._socket.close()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._stream.write(json.dumps(request) + "\n")
            self._stream.flush()
            answer: dict[str, Any] = json.loads(self._stream.readline() or "{}")
        except (OSError, ValueError):
            answer = {}
        # The process that kernels are children of is gone, and they with it.
        return answer or {"pid": 0, "code": -signal.SIGKILL}


class Child:
    """A forked kernel, with as much of `subprocess.Popen` as a kernel manager asks for."""

    stdin = stdout = stderr = None

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.nursery, self.pid = nursery, pid

    def poll(self) -> int | None:
        """The exit code; None while it lives."""
        return self.nursery.poll(self.pid)

    def wait(self) -> int:
        """The exit code of a kernel that has ended: the manager polls before it waits."""
        return self.poll() or 0

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel and its children."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class ForkedKernelManager(AsyncKernelManager):
    """Starts kernels in a nursery, which `kernels` gives it."""

    nursery: Nursery

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        provisioner: Any = self.provisioner
        # python -m ipykernel_launcher -f connection.json ...: what comes after the module is for the kernel.
        arguments = kernel_cmd[kernel_cmd.index("ipykernel_launcher") + 1 :]
        child = self.nursery.start(arguments, options["env"], options.get("cwd") or str(Path.cwd()))
        provisioner.process, provisioner.pid, provisioner.pgid = child, child.pid, child.pid
        self._reconcile_connection_info(provisioner.connection_info)


@contextmanager
def kernels() -> Iterator[type[AsyncKernelManager]]:
    """The kernel manager to use within; kernels that are left at the end are killed."""
    if not CAN_FORK:
        yield AsyncKernelManager
        return
    started = Nursery()
    try:
        yield type("ForkedKernelManager", (ForkedKernelManager,), {"nursery": started})
    finally:
        started.close()
