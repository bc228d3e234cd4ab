"""What is refused before any request is answered: other hosts, other origins, large bodies.

Pages of other sites can send requests to a server on this computer. They cannot choose the
``Origin`` and ``Host`` that the browser sends, so these decide. A name of theirs that leads to this
computer (DNS rebinding) still shows in ``Host``.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 65_536
"""Bytes of a request's body."""

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


class BodyError(Exception):
    """A body went on beyond `MAX_BODY` bytes."""


class Guard:
    """An ASGI application around another, which sees only requests that may be answered.

    Args:
        app: The application.
        host: The host it is served on.
    """

    def __init__(self, app: ASGIApp, *, host: str) -> None:
        self.app = app
        self.host = host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            # A connection of another kind is closed before it is accepted.
            await send({"type": "websocket.close", "code": 1008})
            return
        if refusal := self.refuse(scope):
            await _reply(send, *refusal)
            return
        count = 0

        async def receive_some() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > MAX_BODY:
                raise BodyError
            return message

        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                pairs = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *pairs]
            await send(message)

        try:
            await self.app(scope, receive_some, send_safely)
        except BodyError:
            if not started:
                await _reply(send, 413, f"the request has more than {MAX_BODY:,} bytes.")

    def refuse(self, scope: Scope) -> tuple[int, str] | None:
        """Return the status and the reason if a request is to be refused."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 421, "the request is for another host."
        for origin in headers.get("origin", ()):
            if origin != f"http://{hosts[0]}":
                return 403, "the request comes from another site."
        sites = headers.get("sec-fetch-site", ())
        visit = scope["method"] == "GET" and scope["path"] == "/"
        if not visit and any(site not in ("same-origin", "none") for site in sites):
            return 403, "the request comes from another site."
        if scope["method"] == "POST":
            kinds = headers.get("content-type", [""])
            if [kind.partition(";")[0].strip().lower() for kind in kinds] != ["application/json"]:
                return 415, "the request is not JSON."
        lengths = headers.get("content-length", ())
        if any(not length.isdigit() or int(length) > MAX_BODY for length in lengths):
            return 413, f"the request has more than {MAX_BODY:,} bytes."
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in ("localhost", self.host):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        # An address is no name that another site could have made lead here.
        return address.is_loopback or not is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Say whether only this computer reaches what is served on a host.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _reply(send: Send, status: int, reason: str) -> None:
    body = json.dumps({"refused": reason}).encode()
    pairs: Iterable[tuple[str, str]] = (
        *_HEADERS.items(),
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        ("connection", "close"),
    )
    headers = [(name.encode(), value.encode()) for name, value in pairs]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
