"""HTTP to one API server: deadlines, credentials, and failures as errors of the model.

Must not know any kind. Never retries a write; a read is repeated when the connection it was given
turned out to be closed, when the server asks to wait (429), or after credentials were renewed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from stratus_cli.cluster import answers
from stratus_cli.cluster.kubeconfig import Access, access, pool
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.errors import ClusterAnswer, ClusterUnreachable

CONNECTIONS = 32
CONNECT_S = 5.0
LARGEST_B = 256 * 1024 * 1024  # one page of 500 objects, each of etcd's limit of 1.5 MB, is rarer
CHUNK_B = 1 << 20
LONGEST_WAIT_S = 5.0


@dataclass(frozen=True)
class Reply:
    """One answer below 300."""

    status: int
    body: bytes


class Transport:
    """Requests to one API server. Safe to use from several threads."""

    def __init__(
        self,
        kubeconfig: str | None,
        context: str | None,
        *,
        timeout_s: float,
        redactor: Redactor,
    ) -> None:
        self._source = (kubeconfig, context)
        self.timeout_s = timeout_s
        self.redactor = redactor
        self._lock = threading.Lock()
        self._use(access(kubeconfig, context))

    def read(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accept: str = "application/json",
        timeout_s: float = 0.0,
    ) -> bytes:
        """GET. The body of the answer."""
        limit_s = timeout_s or self.timeout_s
        deadline = time.monotonic() + limit_s
        renewed = False
        while True:
            try:
                return self._send("GET", path, query, None, accept, deadline, limit_s).body
            except ClusterUnreachable:
                if renewed or not self._renew():
                    raise
                renewed = True
            except _Repeat as repeat:
                wait_s = min(repeat.wait_s, LONGEST_WAIT_S)
                if time.monotonic() + wait_s >= deadline:
                    raise repeat.error from None
                time.sleep(wait_s)

    def write(
        self,
        method: str,
        path: str,
        body: bytes,
        query: Mapping[str, str] | None = None,
        *,
        content_type: str = "application/json",
    ) -> bytes:
        """POST, PUT, PATCH or DELETE, once. RequestTimeout when what came of it is not known."""
        deadline = time.monotonic() + self.timeout_s
        accept = "application/json"
        try:
            reply = self._send(
                method, path, query, body, accept, deadline, self.timeout_s, content_type
            )
        except _Repeat as repeat:
            raise repeat.error from None
        return reply.body

    def where(self, path: str) -> str:
        """What an error is about: the server and the path."""
        # NOTE: without the slash, "@host" in a path would make the server a user name.
        return f"{self.access.server}/{path.lstrip('/')}"

    def _use(self, given: Access) -> None:
        self.access = given
        self._pool = pool(given.configuration, CONNECTIONS)

    def _renew(self) -> bool:
        """Ask the plugin for new credentials. False when none made them."""
        if not self.access.can_refresh:
            return False
        with self._lock:
            self._use(access(*self._source))
        return True

    def _headers(self, accept: str, body: bytes | None, content_type: str) -> dict[str, str]:
        headers = {"Accept": accept, "User-Agent": "stratus", "Accept-Encoding": "gzip"}
        if body is not None:
            headers["Content-Type"] = content_type
        with self._lock:  # the official client may renew a token here
            key = self.access.configuration.get_api_key_with_prefix("authorization")
        if key:
            headers["Authorization"] = key
        return headers

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        accept: str,
        deadline: float,
        limit_s: float,
        content_type: str = "application/json",
    ) -> Reply:
        import urllib3
        from urllib3 import exceptions

        left_s = max(deadline - time.monotonic(), 0.001)
        url = self.where(quote(path, safe="/:@!$&'()*+,;=~%")) + (
            f"?{urlencode(query)}" if query else ""
        )
        where = self.where(path)
        response: Any = None
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers=self._headers(accept, body, content_type),
                timeout=urllib3.Timeout(connect=min(CONNECT_S, left_s), read=left_s),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            data = _body(response, deadline)
        except (exceptions.NewConnectionError, exceptions.ConnectTimeoutError) as error:
            raise self._unreachable(error) from error
        except (exceptions.SSLError, exceptions.ProxyError) as error:
            raise self._unreachable(error) from error
        except (exceptions.ReadTimeoutError, TimeoutError) as error:
            raise answers.timed_out(where, limit_s) from error
        except (exceptions.HTTPError, OSError) as error:
            raise _broken(response, where, is_read=body is None, error=error) from error
        finally:
            if response is not None:
                response.close()
        if response.status == 429:
            busy = answers.error_of(429, data, where, self.redactor.text)
            raise _Repeat(busy, _seconds(response.headers.get("Retry-After")))
        if response.status >= 300:
            raise answers.error_of(response.status, data, where, self.redactor.text)
        return Reply(response.status, data)

    def _unreachable(self, error: Exception) -> ClusterUnreachable:
        text = str(error)
        server = self.access.server
        if "certificate" in text or "SSL" in text or "TLS" in text:
            why = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
            return ClusterUnreachable(
                f"no trusted TLS connection to the API server ({why or 'TLS failed'})",
                server,
                "Check certificate-authority in the kubeconfig, the server's name and the clock.",
            )
        if "Timeout" in type(error).__name__:
            why = f"no connection within {min(CONNECT_S, self.timeout_s):g} s"
        elif "Name or service not known" in text or "resolve" in text.lower():
            why = "its name is not known"
        elif "refused" in text:
            why = "connection refused"
        else:
            why = text.rpartition(": ")[2][:120]
        return ClusterUnreachable(
            f"the API server cannot be reached ({why})",
            server,
            "Check that it runs, the network or VPN, and --context.",
        )


class _Repeat(Exception):  # not an error to a person
    """This request may be sent again after a while; error stands when it may not."""

    def __init__(self, error: Exception, wait_s: float) -> None:
        super().__init__()
        self.error = error
        self.wait_s = wait_s


def _broken(response: Any, where: str, *, is_read: bool, error: Exception) -> Exception:  # noqa: ANN401
    """The connection failed after it was made."""
    if response is not None:
        return answers.truncated(where)
    if not is_read:
        return answers.broken_off(where)
    plain = ClusterAnswer(0, "Disconnected", f"the connection broke ({error})"[:160], where)
    return _Repeat(plain, 0.2)


def _body(response: Any, deadline: float) -> bytes:  # noqa: ANN401  # urllib3's
    """The whole body. A server that sends a little now and then does not get past the deadline."""
    parts: list[bytes] = []
    size = 0
    while True:
        if time.monotonic() > deadline:
            raise TimeoutError
        part = response.read1(CHUNK_B)
        if not part:
            break
        size += len(part)
        if size > LARGEST_B:
            raise OSError("the answer is too large")
        parts.append(part)
    response.release_conn()
    return b"".join(parts)


def _seconds(text: str | None) -> float:
    """Retry-After; 1 s when it is missing or a date."""
    return float(text) if text and text.isdigit() else 1.0
