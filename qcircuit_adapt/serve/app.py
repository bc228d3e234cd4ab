"""The designer's server: one page, and a few questions that the page asks in JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from qcircuit_adapt.draw.html import fill_page
from qcircuit_adapt.errors import CircuitError, NotationError
from qcircuit_adapt.library import load_circuit, names
from qcircuit_adapt.serve.answer import answer_edit, answer_text, read_text, tell_error
from qcircuit_adapt.serve.folder import Folder
from qcircuit_adapt.serve.guard import Guard

THREADS = 2
"""How many questions are worked on at a time; others wait."""

_Data = Mapping[str, Any]


def make_app(*, folder: Path, host: str = "127.0.0.1") -> Starlette:
    """Return the designer as an ASGI application.

    Args:
        folder: The folder whose circuits are opened and saved.
        host: The host it will be served on: requests for others are refused.
    """
    files = Folder(folder.resolve())
    limiter = anyio.CapacityLimiter(THREADS)

    def show_page(data: _Data) -> Response:
        return HTMLResponse(fill_page({"circuits": [], "designer": True}, title="qcircuit"))

    def list_sources(data: _Data) -> dict[str, Any]:
        return {
            "shipped": list(names()),
            "files": list(files.list_files()),
            "folder": str(files.path),
        }

    def answer(data: _Data) -> dict[str, Any]:
        return answer_text(_word(data, "text"), name=_word(data, "name"))

    def edit(data: _Data) -> dict[str, Any]:
        change = data.get("edit")
        if not isinstance(change, dict) or not isinstance(change.get("wires", []), list):
            raise NotationError("'edit' must say what to change.")
        return answer_edit(_word(data, "text"), name=_word(data, "name"), edit=change)

    def open_source(data: _Data) -> dict[str, Any]:
        name = _word(data, "source")
        if data.get("kind") == "shipped":
            if name not in names():
                raise NotationError(f"there is no shipped circuit {name!r}.")
            circuit = load_circuit(name)
        else:
            circuit = files.read(name)
        return {"text": circuit.text, "name": circuit.name}

    def save(data: _Data) -> dict[str, Any]:
        circuit = read_text(_word(data, "text"), name=_word(data, "name"))
        written = files.write(circuit, _word(data, "file"), overwrite=data.get("overwrite") is True)
        return {"saved": written, "file": data["file"], "folder": str(files.path)}

    def route(path: str, answer: Callable[[_Data], Any], *, method: str) -> Route:
        return Route(path, _respond(answer, limiter), methods=[method])

    return Starlette(
        routes=[
            route("/", show_page, method="GET"),
            route("/api/sources", list_sources, method="GET"),
            route("/api/answer", answer, method="POST"),
            route("/api/edit", edit, method="POST"),
            route("/api/open", open_source, method="POST"),
            route("/api/save", save, method="POST"),
        ],
        middleware=[Middleware(Guard, host=host)],
    )


def _respond(
    answer: Callable[[_Data], Any], limiter: anyio.CapacityLimiter
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that answers in a thread, and tells a user's mistakes as JSON."""

    async def endpoint(request: Request) -> Response:
        data: Any = {}
        if request.method == "POST":
            try:
                data = json.loads(await request.body())
            except (ValueError, RecursionError):
                data = None
            if not isinstance(data, dict):
                return JSONResponse({"refused": "the request is not a JSON object."}, 400)
        try:
            result = await anyio.to_thread.run_sync(answer, data, limiter=limiter)
        except CircuitError as error:
            # Mistakes while typing are ordinary answers, so their status is ordinary too.
            return JSONResponse({"error": tell_error(error)})
        return result if isinstance(result, Response) else JSONResponse(result)

    return endpoint


def _word(data: _Data, key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise NotationError(f"{key!r} must be a text.")
    return value
