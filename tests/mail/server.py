"""A real mail server on this machine that keeps what it is given, or does not."""

from __future__ import annotations

import asyncio
import email
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller

Answer = Callable[["Inbox", Any], "str | None"]
TAKEN = "250 OK"


class Inbox:
    """What arrived, and what the server answers to each message: a text, or None to break off without a word."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.refused: dict[str, str] = {}
        self.answers: list[str | None] = []
        self.tries = 0
        self.silence = asyncio.Event()

    async def handle_RCPT(  # noqa: N802 - the library's
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return TAKEN

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's
        self.tries += 1
        answer = self.answers.pop(0) if self.answers else TAKEN
        if answer == "silence":
            await self.silence.wait()
        if answer is None:
            server.transport.abort()
            return TAKEN
        if answer.startswith("250"):
            self.raw.append(envelope.content)
            self.messages.append(
                cast(EmailMessage, email.message_from_bytes(envelope.content, policy=default))
            )
        return answer

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.messages if address in str(message["To"])]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(**options: Any) -> Iterator[tuple[Inbox, int]]:
    """An inbox, and the port at which it is."""
    inbox, port = Inbox(), free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield inbox, port
    finally:
        controller.loop.call_soon_threadsafe(inbox.silence.set)
        controller.stop()
