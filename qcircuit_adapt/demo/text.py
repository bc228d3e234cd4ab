"""Text to train on: two that every Python brings along, or a file, split by document."""

from __future__ import annotations

import hashlib
import json
import re
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qcircuit_adapt.errors import DataError, Place, nearest

# Ample for a demonstration, and little enough to be split and tokenized in seconds.
MOST_CHARACTERS = 4_000_000
PASSAGE = 2_000

# Present, as source, in the standard library of every Python since 3.11.
PACKAGES = (
    "asyncio", "collections", "concurrent", "email", "html", "http", "importlib", "json", "logging",
    "multiprocessing", "re", "unittest", "urllib", "wsgiref", "xml", "xmlrpc", "zoneinfo",
)  # fmt: skip


@dataclass(frozen=True)
class Text:
    """Documents, split three ways by the digest of each: the same split on every run.

    Attributes:
        name: What to call the text in reports.
        train: The documents to train on, in an order that mixes them.
        validation: The documents a learning rate is chosen on.
        held_out: The documents a reported loss is measured on.
    """

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    held_out: tuple[str, ...]

    @property
    def documents(self) -> tuple[str, ...]:
        """All documents."""
        return self.train + self.validation + self.held_out

    @property
    def digest(self) -> str:
        """A number in hexadecimal that changes with any character or with the split."""
        parts = [list(part) for part in (self.train, self.validation, self.held_out)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def documentation() -> Text:
    """Return the topics of the Python language reference that ``help()`` shows.

    Raises:
        DataError: This Python was installed without them.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise DataError(
            "this Python has no documentation topics (pydoc_data.topics).",
            cause="They belong to the standard library, but were left out here.",
            cure="Install a whole Python, or give a model of your own: --model NAME_OR_PATH.",
        ) from None
    return split_documents("Python language reference", topics.values())


def library_source() -> Text:
    """Return the source files of the standard library's `PACKAGES`.

    Raises:
        DataError: This Python was installed without sources.
    """
    library = Path(sysconfig.get_path("stdlib"))
    files = [file for name in PACKAGES for file in sorted((library / name).rglob("*.py"))]
    if len(files) < len(PACKAGES):
        raise DataError(
            f"this Python has no source of its standard library in {str(library)!r}.",
            cause="It was installed without, or with the library in one archive.",
            cure="Give a text of your own: --data FILE.",
        )
    return split_documents(
        "Python standard library source", (file.read_text(encoding="utf-8") for file in files)
    )


def read_file(path: Path) -> Text:
    """Read a text file, cut into passages, or a ``.jsonl`` file with a ``text`` field in each line.

    At most the first `MOST_CHARACTERS` characters are used.

    Raises:
        DataError: The file is not there, is not text, is too short to be split, or a line of a
            ``.jsonl`` file has no text; the line is named.
    """
    documents = _json_lines(path) if path.suffix == ".jsonl" else _passages(path)
    return split_documents(path.name, documents)


def split_documents(name: str, documents: Iterable[str]) -> Text:
    """Split documents three ways: a tenth of the characters held out, a tenth for validation.

    Whole documents are assigned in the order of their digests; a document that occurs twice counts
    once, so that no part holds a document of another.

    Raises:
        DataError: There are fewer than three documents.
    """
    distinct = dict.fromkeys(document for document in documents if document.strip())
    if len(distinct) < 3:
        raise DataError(
            f"the text {name!r} has {len(distinct)} distinct documents, but the split needs three.",
            cause="One part is trained on, one chooses the learning rate, one is held out.",
            cure="Give a longer text, or a .jsonl file with more lines.",
        )
    ordered = sorted(distinct, key=lambda text: hashlib.sha256(text.encode()).digest())
    share = sum(map(len, ordered)) // 10
    first = _first_of(ordered[:-2], share)
    second = first + _first_of(ordered[first:-1], share)
    return Text(name, tuple(ordered[second:]), tuple(ordered[first:second]), tuple(ordered[:first]))


def _first_of(documents: list[str], characters: int) -> int:
    """Return how many documents, from the first, hold this many characters; at least one."""
    total = 0
    for count, document in enumerate(documents, 1):
        total += len(document)
        if total >= characters:
            return count
    return len(documents)


def _read_start(path: Path) -> str:
    """Return the start of a file's text."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MOST_CHARACTERS)
    except FileNotFoundError:
        siblings = path.parent.iterdir() if path.parent.is_dir() else ()
        raise DataError(
            f"there is no file {str(path)!r}.",
            cure=nearest(path.name, sorted(sibling.name for sibling in siblings), noun="files"),
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"the file {str(path)!r} is not UTF-8 text: {error.reason}.",
            cure="Give plain text, or a .jsonl file with a 'text' field in each line.",
        ) from None
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {error.strerror}.") from None


def _passages(path: Path) -> Iterator[str]:
    """Cut a text at empty lines into passages of about `PASSAGE` characters."""
    passage = ""
    for paragraph in re.split(r"\n\s*\n", _read_start(path)):
        # A text without empty lines is one paragraph.
        for start in range(0, len(paragraph), PASSAGE):
            passage += paragraph[start : start + PASSAGE] + "\n\n"
            if len(passage) >= PASSAGE:
                yield passage
                passage = ""
    yield passage


def _json_lines(path: Path) -> Iterator[str]:
    text = _read_start(path)
    lines = text.split("\n")
    if len(text) == MOST_CHARACTERS:
        lines.pop()  # It may be cut short.
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _text_field(line, label=f"{path.name}, line {number}")


def _text_field(line: str, *, label: str) -> str:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        place = Place(label, line, error.pos, error.pos + 1)
        raise DataError(
            f"the line is not JSON: {error.msg}.",
            place=place,
            cure='Write one object per line: {"text": "..."}.',
        ) from None
    place = Place(label, line, 0, len(line))
    if not isinstance(record, dict) or "text" not in record:
        fields = list(record) if isinstance(record, dict) else []
        raise DataError(
            "the line has no field 'text'.",
            place=place,
            cause=f"Its fields are {', '.join(map(repr, fields))}." if fields else "",
            cure='Write one object per line: {"text": "..."}.',
        )
    if not isinstance(record["text"], str):
        kind = type(record["text"]).__name__
        raise DataError(f"the field 'text' is of type {kind}, not a string.", place=place)
    return record["text"]
