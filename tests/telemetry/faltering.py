"""A web program for the bed: answers 500 after FAIL_AFTER requests, or when UPSTREAM does."""

import http.server
import json
import os
import socketserver
import urllib.request

UPSTREAM = os.environ.get("UPSTREAM", "")
FAIL_AFTER = int(os.environ.get("FAIL_AFTER") or 10**9)
counts = {200: 0, 500: 0}


def answer() -> int:
    """The status of the next request."""
    if sum(counts.values()) >= FAIL_AFTER:
        return 500
    if UPSTREAM:
        try:
            urllib.request.urlopen(UPSTREAM, timeout=2).read()
        except OSError as error:
            line = {"level": "error", "message": f"upstream {UPSTREAM} failed: {error}"}
            print(json.dumps(line), flush=True)
            return 500
    return 200


class Handler(http.server.BaseHTTPRequestHandler):
    """`/`, `/healthz` and `/metrics`."""

    def do_GET(self) -> None:
        """Answer one request."""
        status, body = 200, b"ok"
        if self.path == "/metrics":
            lines = (f'http_requests_total{{code="{code}"}} {n}\n' for code, n in counts.items())
            body = "".join(lines).encode()
        elif self.path == "/":
            status = answer()
            counts[status] += 1
            level = "error" if status >= 500 else "info"
            line = {"level": level, "message": f"GET / {status}", "status": status}
            print(json.dumps(line), flush=True)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the lines above are the log."""


class Server(http.server.ThreadingHTTPServer):
    """Asks no DNS for its own name."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, without the getfqdn of http.server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "app", self.server_address[1]


if __name__ == "__main__":
    Server(("", 8080), Handler).serve_forever()
