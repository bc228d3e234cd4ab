"""The designer's server: what it answers, and each thing that it refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from strategies import circuits
from test_draw_html import read_data

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import read_circuit, write_circuit
from qcircuit_adapt.declaration import MAX_PARAMETERS
from qcircuit_adapt.draw.layout import MAX_DRAWN
from qcircuit_adapt.errors import CircuitError, FileError, ServeError
from qcircuit_adapt.library import load_circuit, names
from qcircuit_adapt.serve import run
from qcircuit_adapt.serve.answer import MAX_NAME, MAX_TYPED, answer_text, find_span, read_text
from qcircuit_adapt.serve.app import make_app
from qcircuit_adapt.serve.folder import Folder
from qcircuit_adapt.serve.guard import MAX_BODY

URL = "http://127.0.0.1:8765"
SMALL = "a=4 b=3 | a b, b -> b=2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "circuits"
    inside.mkdir()
    write_circuit(Circuit.parse(SMALL, name="mine"), inside / "mine.toml")
    write_circuit(Circuit.parse("z=2 | z", name="secret"), tmp_path / "secret.toml")
    return inside


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(make_app(folder=folder), base_url=URL) as client:
        yield client


def post(client: TestClient, path: str, **data: Any) -> dict[str, Any]:
    answer = client.post(f"/api/{path}", json=data)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


def test_the_page_is_the_viewer_with_the_designer_switched_on(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    data = read_data(answer.text)
    assert (data["circuits"], data["designer"]) == ([], True)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "access-control-allow-origin" not in answer.headers


def test_a_text_is_answered_with_numbers_and_a_picture(client: TestClient) -> None:
    circuit = post(client, "answer", text=SMALL, name="mine")["circuit"]
    assert (circuit["name"], circuit["text"], circuit["parameters"]) == ("mine", SMALL, 150)
    assert circuit["rank"] | {"reasons": None} == {
        "lower": 8,
        "upper": 8,
        "status": "proved",
        "reasons": None,
    }
    assert circuit["svg"].startswith("<svg")
    assert len(circuit["gates"]) == len(circuit["steps"]) == 2


def test_a_family_is_answered_with_its_circuit(client: TestClient) -> None:
    circuit = post(client, "answer", text=" quanta(axes=4-3-2)\n", name="")["circuit"]
    assert circuit["text"].startswith("a=4 b=3 c=2 | ")


def test_an_error_says_what_and_where(client: TestClient) -> None:
    text = "a=4 b=3 |\n a b,\n b -> q"
    assert post(client, "answer", text=text, name="it")["error"] == {
        "kind": "SizeError",
        "text": "gate 'g2' gives a new wire 'q' without a size.\n"
        "  in circuit 'it', gate 2 of 2:  b -> q\n"
        "                                      ^\n"
        '  Write "q=8" after "->".',
        "where": "circuit 'it', gate 2 of 2",
        "span": [text.index("q"), text.index("q") + 1],
    }


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a=2 b | a", "b"),
        ("a=2 b=2", ""),
        ("a=2 | a | a", "|"),
        ("a=2 | a,, a", ","),
        ("a=2 | a, bb", "bb"),
        ("a=2 | a, a {rnak=2}", "rnak=2"),
        ("a=2 b=2 | a, -> a", "a"),
        ("a=2 b=2 | a, -> a, b", "-> a"),
        ("a=2 b=2 | a, b {share=g7}", "share=g7"),
        ("a=2 b=2 | a,\n\t b  c", "c"),
        ("a=2 | a ?", "?"),
    ],
)
def test_the_place_is_found_in_the_whole_text(text: str, wrong: str) -> None:
    span = answer_text(text, name="it, gate 1 of 9")["error"]["span"]
    assert text[span[0] : span[1]] == wrong
    assert span[1] > span[0] or span[0] == len(text)
    assert span[0] >= text.rindex(wrong) or wrong in ",|"


@given(st.text(alphabet="ab=2 |,->{}per\n", max_size=30))
def test_every_text_is_answered(text: str) -> None:
    answer = answer_text(text, name="")
    assert answer.keys() in ({"circuit"}, {"error"})
    if span := answer.get("error", {}).get("span"):
        assert 0 <= span[0] <= span[1] <= max(len(text), span[0] + 1)


@given(circuits(max_gates=4))
def test_line_ends_are_spaces(circuit: Circuit) -> None:
    assert read_text(circuit.text.replace(" ", "\n"), name=circuit.name) == circuit


def test_a_place_that_is_not_in_the_text_is_not_shown() -> None:
    with pytest.raises(CircuitError) as caught:
        Circuit("a=2", ["a", "b"])
    assert caught.value.place
    assert find_span("a=2 | a, c", caught.value.place) is None


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        ({"kind": "add", "wires": ["b", "a"], "position": 1}, "a=4 b=3 | a b, b a, b -> b=2"),
        ({"kind": "remove", "gate": "g1"}, "a=4 b=3 | b -> b=2"),
        ({"kind": "place", "gate": "g1", "wires": ["a"], "position": 1}, "a=4 b=3 | a, b -> b=2"),
    ],
)
def test_an_edit_is_answered_with_the_new_text(
    edit: dict[str, Any], text: str, client: TestClient
) -> None:
    assert post(client, "edit", text=SMALL, name="", edit=edit)["circuit"]["text"] == text


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        ({"kind": "later", "gate": "g2"}, "no gate after 'g2' shares a wire with it"),
        ({"kind": "grow"}, "'grow' is no kind of edit."),
        ({"kind": "add", "wires": ["a"], "position": 3}, "3 is no position among 2 gates."),
        ({"kind": "add", "wires": ["a"], "position": -1}, "-1 is no position"),
        ({"kind": "add", "wires": ["a"], "position": True}, "True is no position"),
        ({"kind": "add", "wires": "a", "position": 0}, "'edit' must say what to change."),
        ("remove", "'edit' must say what to change."),
    ],
)
def test_an_edit_that_cannot_be_is_told(edit: object, problem: str, client: TestClient) -> None:
    error = post(client, "edit", text=SMALL, name="", edit=edit)["error"]
    assert error["text"].startswith(problem)
    assert error["span"] is None


def test_shipped_circuits_and_files_are_listed_and_opened(client: TestClient, folder: Path) -> None:
    sources = client.get("/api/sources").json()
    assert sources == {"shipped": list(names()), "files": ["mine.toml"], "folder": str(folder)}
    for name in names():
        found = post(client, "open", kind="shipped", source=name)
        assert found == {"text": load_circuit(name).text, "name": name}
    assert post(client, "open", kind="file", source="mine.toml") == {"text": SMALL, "name": "mine"}


def test_a_shipped_name_is_no_way_to_a_file(client: TestClient, folder: Path) -> None:
    for source in ("../secret.toml", str(folder / "mine.toml"), "mine.toml", "quanta(axes=2-2)"):
        error = post(client, "open", kind="shipped", source=source)["error"]
        assert error["text"] == f"there is no shipped circuit {source!r}."


def test_saving_writes_the_circuit_and_asks_before_it_replaces(
    client: TestClient, folder: Path
) -> None:
    text = "a=2 b=3 |\n a b"
    saved = post(client, "save", text=text, name="new", file="new.toml")
    assert saved == {"saved": True, "file": "new.toml", "folder": str(folder)}
    assert read_circuit(folder / "new.toml") == Circuit.parse("a=2 b=3 | a b", name="new")
    before = (folder / "mine.toml").read_bytes()
    for overwrite in ({}, {"overwrite": False}, {"overwrite": "yes"}, {"overwrite": 1}):
        answer = post(client, "save", text=text, name="new", file="mine.toml", **overwrite)
        assert answer["saved"] is False
        assert (folder / "mine.toml").read_bytes() == before
    post(client, "save", text=text, name="new", file="mine.toml", overwrite=True)
    assert read_circuit(folder / "mine.toml").name == "new"
    assert sorted(path.name for path in folder.iterdir()) == ["mine.toml", "new.toml"]


def test_a_wrong_text_is_not_saved(client: TestClient, folder: Path) -> None:
    answer = post(client, "save", text="a=2 | b", name="", file="mine.toml", overwrite=True)
    assert answer["error"]["kind"] == "WireError"
    assert read_circuit(folder / "mine.toml").name == "mine"


OUTSIDE = [
    "../secret.toml",
    "..\\secret.toml",
    "sub/x.toml",
    "/etc/passwd",
    "/tmp/x.toml",
    "C:x.toml",
    ".hidden.toml",
    "..toml",
    "x",
    "x.py",
    "x.toml\x00",
    "x\n.toml",
    "",
    "ü.toml",
    f"{'x' * 97}.toml",
]


@pytest.mark.parametrize("file", OUTSIDE)
def test_names_that_could_lead_elsewhere_are_refused(
    file: str, client: TestClient, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    for answer in (
        post(client, "open", kind="file", source=file),
        post(client, "save", text=SMALL, name="", file=file, overwrite=True),
    ):
        assert answer["error"]["kind"] == "FileError"
        assert "cannot name a circuit file here" in answer["error"]["text"]
    assert sorted(tmp_path.rglob("*")) == before
    assert read_circuit(tmp_path / "secret.toml").name == "secret"


def test_links_and_folders_are_left_alone(client: TestClient, folder: Path, tmp_path: Path) -> None:
    (folder / "link.toml").symlink_to(tmp_path / "secret.toml")
    (folder / "loose.toml").symlink_to(tmp_path / "missing.toml")
    (folder / "folder.toml").mkdir()
    assert client.get("/api/sources").json()["files"] == ["mine.toml"]
    for file in ("link.toml", "loose.toml", "folder.toml"):
        opened = post(client, "open", kind="file", source=file)
        assert opened["error"]["text"] == f"there is no circuit file {file!r} in the folder."
        saved = post(client, "save", text=SMALL, name="", file=file, overwrite=True)
        assert saved["error"]["text"].startswith(f"{file!r} is a link or a folder")
    assert read_circuit(tmp_path / "secret.toml").name == "secret"
    assert not (tmp_path / "missing.toml").exists()


def test_a_missing_file_is_named(client: TestClient) -> None:
    error = post(client, "open", kind="file", source="other.toml")["error"]
    assert error["text"] == "there is no circuit file 'other.toml' in the folder."


def test_a_folder_that_is_gone_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot list"):
        Folder(tmp_path / "gone").list_files()


REFUSED: list[tuple[Mapping[str, str], int]] = [
    ({"host": "evil.example"}, 421),
    ({"host": "evil.example:8765"}, 421),
    ({"host": "127.0.0.1.evil.example"}, 421),
    ({"host": "localhost.evil.example:8765"}, 421),
    ({"host": "192.168.0.7:8765"}, 421),
    ({"host": "evil.example@127.0.0.1:8765@evil.example"}, 421),
    ({"host": "[::1"}, 421),
    ({"host": ""}, 421),
    ({"origin": "http://evil.example"}, 403),
    ({"origin": "null"}, 403),
    ({"origin": "https://127.0.0.1:8765"}, 403),
    ({"origin": "http://127.0.0.1:3000"}, 403),
    ({"origin": "http://localhost:8765"}, 403),
    ({"sec-fetch-site": "cross-site"}, 403),
    ({"sec-fetch-site": "same-site"}, 403),
    ({"content-type": "text/plain"}, 415),
    ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ({"content-type": "multipart/form-data; boundary=application/json"}, 415),
    ({"content-length": str(MAX_BODY + 1)}, 413),
    ({"content-length": "-1"}, 413),
    ({"content-length": "lots"}, 413),
]


@pytest.mark.parametrize(("headers", "status"), REFUSED)
def test_requests_of_others_are_refused_before_they_are_read(
    headers: Mapping[str, str], status: int, client: TestClient, folder: Path
) -> None:
    body = b'{"text": "a=2 | a", "name": "", "file": "made.toml"}'
    sent = {"content-type": "application/json", **headers}
    answer = client.post("/api/save", content=body, headers=sent)
    assert answer.status_code == status
    assert set(answer.json()) == {"refused"}
    assert "access-control-allow-origin" not in answer.headers
    assert not (folder / "made.toml").exists()


def test_the_same_request_of_the_page_itself_is_answered(client: TestClient, folder: Path) -> None:
    body = b'{"text": "a=2 | a", "name": "", "file": "made.toml"}'
    for host in ("127.0.0.1:8765", "localhost:8765", "[::1]:8765"):
        headers = {
            "host": host,
            "origin": f"http://{host}",
            "sec-fetch-site": "same-origin",
            "content-type": "application/json; charset=utf-8",
        }
        assert client.post("/api/save", content=body, headers=headers).status_code == 200
    assert (folder / "made.toml").exists()


def test_other_sites_may_link_to_the_page_but_not_ask(client: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    assert client.get("/", headers=headers).status_code == 200
    assert client.get("/api/sources", headers=headers).status_code == 403
    assert client.options("/api/save", headers={"origin": "http://evil.example"}).status_code == 403


def test_two_hosts_are_one_too_many(client: TestClient) -> None:
    pairs = [("host", "127.0.0.1:8765"), ("host", "evil.example")]
    assert client.get("/", headers=pairs).status_code == 421


def test_a_body_that_grows_beyond_the_limit_is_cut_off(client: TestClient) -> None:
    def grow() -> Iterator[bytes]:
        for _ in range(MAX_BODY // 1000 + 2):
            yield b" " * 1000

    headers = {"content-type": "application/json"}
    answer = client.post("/api/answer", content=grow(), headers=headers)
    assert (answer.status_code, set(answer.json())) == (413, {"refused"})


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'"text"', b"\xff", b"[" * 5000])
def test_a_body_that_is_no_object_is_refused(body: bytes, client: TestClient) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post("/api/answer", content=body, headers=headers)
    assert (answer.status_code, set(answer.json())) == (400, {"refused"})


def test_values_of_other_types_are_errors(client: TestClient) -> None:
    assert (
        post(client, "answer", text=["a=2"], name="")["error"]["text"] == "'text' must be a text."
    )
    assert post(client, "save", text=SMALL, file=7)["error"]["text"] == "'file' must be a text."


def test_only_what_the_page_asks_is_answered(client: TestClient) -> None:
    assert client.get("/api/save").status_code == 405
    assert client.get("/viewer.html").status_code == 404
    assert client.get("/../secret.toml").status_code == 404


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a=2 | " + "a," * MAX_TYPED, f"the text has {2 * MAX_TYPED + 6:,} characters"),
        ("a=2 | " + ", ".join(["a"] * (MAX_DRAWN + 1)), f"the circuit has {MAX_DRAWN + 1} gates"),
        ("quanta(axes=2-2, rounds=300)", "the circuit has 300 gates"),
        ("quanta(axes=2-2, rounds=1000000)", "circuit 'quanta-2-2-x1000000' has 1,000,000 gates"),
        ("a=200000 | a", "circuit 'it' has 40,000,000,000 parameters"),
        ("a=99999999 | per a", "circuit 'it' carries 99,999,999 numbers per token"),
        ("a=999999999999999 b=999999999999999 | a b", "circuit 'it' carries "),
        (" ".join(f"w{n}=1" for n in range(30)) + " | w0", "circuit 'it' has 30 wires"),
    ],
)
def test_absurd_sizes_are_refused(text: str, problem: str, client: TestClient) -> None:
    error = post(client, "answer", text=text, name="it")["error"]
    assert error["kind"] == "LimitError"
    assert error["text"].startswith(problem)
    assert MAX_PARAMETERS < 40_000_000_000


def test_a_long_name_is_refused(client: TestClient) -> None:
    error = post(client, "answer", text=SMALL, name="x" * (MAX_NAME + 1))["error"]
    assert error["text"] == "the name has 101 characters; at most 100 are allowed."


@pytest.mark.parametrize(
    ("host", "asked", "status"),
    [
        ("0.0.0.0", "192.168.0.7:8765", 200),
        ("0.0.0.0", "evil.example", 421),
        ("workstation", "workstation:8765", 200),
        ("workstation", "evil.example", 421),
        ("::1", "[::1]:8765", 200),
        ("::1", "192.168.0.7:8765", 421),
    ],
)
def test_hosts_that_are_served_on_are_ours(
    host: str, asked: str, status: int, folder: Path
) -> None:
    with TestClient(make_app(folder=folder, host=host), base_url=URL) as client:
        assert client.get("/", headers={"host": asked}).status_code == status


def test_a_websocket_is_closed(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pass


def test_missing_libraries_are_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    with pytest.raises(ServeError) as caught:
        run.serve(folder=tmp_path, opens=False)
    assert str(caught.value) == (
        "the designer needs 'uvicorn', which is not installed.\n"
        '  Run: pip install "qcircuit-adapt[serve]"'
    )


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        run.serve(folder=tmp_path / "no", opens=False)
    assert str(caught.value).splitlines() == [
        f"{str(tmp_path / 'no')!r} is not a folder.",
        "  Name one that is there.",
    ]


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    taken = run._bind("127.0.0.1", 0)
    taken.listen()
    port = taken.getsockname()[1]
    with pytest.raises(ServeError) as caught:
        run.serve(folder=tmp_path, port=port, opens=False)
    taken.close()
    assert str(caught.value) == (
        f"cannot serve on 127.0.0.1, port {port}: {os.strerror(98)}.\n"
        "  Choose another with --port, or --port 0 for any that is free."
    )
