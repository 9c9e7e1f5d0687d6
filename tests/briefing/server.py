"""A server on loopback that speaks the protocol of either provider, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

Write = Callable[[str], str]


@dataclass
class ModelServer:
    """What is asked, and how it is answered.

    `write` makes the text of an answer from the question; `troubles` are what happens instead, one
    a request, and the last of them from then on where `lasting`.
    """

    write: Write
    troubles: list[str] = field(default_factory=list)
    lasting: bool = False
    url: str = ""
    requests: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def next_trouble(self) -> str:
        if not self.troubles:
            return ""
        return self.troubles[0] if self.lasting else self.troubles.pop(0)


def make_body(path: str, asked: dict[str, Any], write: Write) -> dict[str, Any]:
    text = write(asked["messages"][-1]["content"])
    if path.endswith("/messages"):
        return {
            "id": "m", "type": "message", "role": "assistant", "model": asked["model"],
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
            "usage": {"input_tokens": 70, "output_tokens": 30},
        }  # fmt: skip
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "c", "object": "chat.completion", "created": 0, "model": asked["model"],
        "choices": [choice], "usage": {"total_tokens": 100},
    }  # fmt: skip


class ModelHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def model(self) -> ModelServer:
        return cast("Http", self.server).model

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        text = self.rfile.read(length).decode()
        self.model.requests.append(f"{self.path} {dict(self.headers)} {text}")
        body = json.dumps(make_body(self.path, json.loads(text), self.model.write)).encode()
        self.answer(self.model.next_trouble(), body)

    def answer(self, trouble: str, body: bytes) -> None:
        if trouble == "slow":
            self.model.over.wait(30)
        elif trouble == "trickle":
            self.head(200, len(body))
            for byte in body:
                if self.model.over.wait(0.05):
                    return
                self.wfile.write(bytes([byte]))
        elif trouble == "broken off":
            self.head(200, len(body))
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif trouble.isdigit():
            said = b'{"error": {"type": "x", "message": "of Priya"}}'
            self.head(int(trouble), len(said), ("Retry-After", "0"))
            self.wfile.write(said)
        else:
            sent = {"no json": b"<html>", "other json": b'{"content": 7}', "empty": b"",
                    "truncated": body[: len(body) // 2]}.get(trouble, body)  # fmt: skip
            self.head(200, len(sent))
            self.wfile.write(sent)

    def head(self, status: int, length: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        kinds = ("Content-Type", "application/json"), ("Content-Length", str(length))
        for name, value in (*headers, *kinds):
            self.send_header(name, value)
        self.end_headers()


class Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, model: ModelServer) -> None:
        super().__init__(("127.0.0.1", 0), ModelHandler)
        self.model = model

    def handle_error(self, *_: object) -> None:
        """Whoever asked has gone: that is what some tests are about."""


@contextmanager
def serve_model(model: ModelServer) -> Iterator[ModelServer]:
    http = Http(model)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    model.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield model
    finally:
        model.over.set()
        http.shutdown()
        http.server_close()
        thread.join()
