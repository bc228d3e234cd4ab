"""Starting the designer: a socket, a server on it, and a browser before it."""

from __future__ import annotations

import contextlib
import socket
import sys
import webbrowser
from pathlib import Path

from qcircuit_adapt.errors import FileError, ServeError

PORT = 8765
"""The port unless another is asked for."""


def serve(*, folder: Path, host: str = "127.0.0.1", port: int = PORT, opens: bool = True) -> None:
    """Serve the designer until it is interrupted.

    Args:
        folder: The folder whose circuits are opened and saved.
        host: The address to serve on; by default one that only this computer reaches.
        port: The port, or 0 for any that is free.
        opens: Whether to open the page in a browser.

    Raises:
        FileError: The folder is not there.
        ServeError: The server's libraries are missing, or the address cannot be had.
    """
    try:
        import uvicorn

        from qcircuit_adapt.serve.app import make_app
        from qcircuit_adapt.serve.guard import is_loopback
    except ModuleNotFoundError as error:
        raise ServeError(
            f"the designer needs {error.name!r}, which is not installed.",
            cure='Run: pip install "qcircuit-adapt[serve]"',
        ) from None
    if not folder.is_dir():
        raise FileError(f"{str(folder)!r} is not a folder.", cure="Name one that is there.")
    bound = _bind(host, port)
    port = bound.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}/"
    print(f"The designer is at {url} and saves to {folder.resolve()}. Ctrl+C stops it.")
    if not is_loopback(host):
        print("Whoever reaches this address can read and write circuits in that folder.")
    sys.stdout.flush()
    if opens:
        webbrowser.open(url)
    app = make_app(folder=folder, host=host)
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=2,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[bound])


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise ServeError(
            f"cannot serve on {host}, port {port}: {error.strerror}.",
            cure="Choose another with --port, or --port 0 for any that is free.",
        ) from None
    return bound
