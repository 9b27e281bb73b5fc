"""An OpenAI-compatible server of the tests' own, over real HTTP, with scripted answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from stratus_cli.model.change import Json

LONGEST_HANG_S = 20


@dataclass(frozen=True)
class Scripted:
    """One response. hang: say nothing until the server closes. drip: one byte each 50 ms."""

    body: bytes
    status: int = 200
    hang: bool = False
    drip: bool = False


def saying(content: Json, **more: Any) -> Scripted:  # fields of Scripted
    """A chat completion with this text, or this JSON as its text."""
    text = content if isinstance(content, str) else json.dumps(content)
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1764000000,
        "model": "scripted",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {"prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280},
    }
    return Scripted(json.dumps(body).encode(), **more)


def failing(status: int, message: str = "scripted failure") -> Scripted:
    """An error response as such servers give it."""
    return Scripted(json.dumps({"error": {"message": message, "type": "error"}}).encode(), status)


@dataclass
class ModelServer:
    """url: for model_url. requests: bodies as they came, in order. script: what is still to come.

    The last answer of the script is given again and again.
    """

    url: str
    script: list[Scripted]
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def text_of(self, number: int) -> str:
        """All the text of one request's messages."""
        return "\n".join(message["content"] for message in self.requests[number]["messages"])

    def user_of(self, number: int) -> str:
        """The last message of one request."""
        return str(self.requests[number]["messages"][-1]["content"])


@contextmanager
def model_server(*script: Scripted) -> Iterator[ModelServer]:
    """Serve on a free port of this machine until the block ends."""
    state = ModelServer("", list(script))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            state.requests.append(json.loads(self.rfile.read(length)))
            state.keys.append(self.headers.get("Authorization", ""))
            answer = state.script.pop(0) if len(state.script) > 1 else state.script[0]
            if answer.hang:
                state.closing.wait(LONGEST_HANG_S)
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if answer.drip:
                self._drip(answer.body)
            else:
                self.wfile.write(answer.body)

        def _drip(self, body: bytes) -> None:
            for byte in body:
                if state.closing.wait(0.05):
                    return
                try:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                except OSError:  # the client has given up, as it should
                    return

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
