"""The text form of a circuit: its grammar, and nothing about its meaning.

::

    circuit  =  axes "|" [gate {"," gate}] ["," "->" wires]
    gate     =  wires ["->" wires] ["per" wires] ["{" options "}"]
             |  "per" wires ["{" options "}"]
    wires    =  wire {wire}          wire    =  name ["=" size]
    options  =  option {option}      option  =  word ["=" value]

Reading gives frozen syntax nodes that remember where each part stood, so that later errors can
point at it. Whether wires exist and sizes agree is decided in `circuit.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qcircuit_adapt.errors import LimitError, NotationError, Place

MAX_GATES = 10_000
MAX_TEXT = 1_000_000
MAX_DIGITS = 15
"""Limits on what is read at all: gates in a circuit, characters in a text, digits in a size."""

KEYWORD = "per"

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<arrow>->)|(?P<word>[A-Za-z_]\w*)|(?P<number>\d+)|(?P<mark>[={}])", re.ASCII
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True)
class WireText:
    """A wire as written: a name, perhaps a size, and where it stood."""

    name: str
    size: int | None
    start: int
    stop: int


@dataclass(frozen=True)
class OptionText:
    """An option as written: a word, perhaps a value, and where it stood."""

    word: str
    value: str | None
    start: int
    stop: int


@dataclass(frozen=True)
class GateText:
    """A gate as written. ``to`` is None where the text has no arrow: wires and sizes are kept."""

    text: str
    on: tuple[WireText, ...]
    to: tuple[WireText, ...] | None
    per: tuple[WireText, ...]
    options: tuple[OptionText, ...]


@dataclass(frozen=True)
class CircuitText:
    """A circuit as written, in texts that are parsed one by one; ``outputs`` may be unstated."""

    axes: str
    gates: tuple[str, ...]
    outputs: str | None


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    stop: int


def is_name(word: str) -> bool:
    """Say whether a word can name an axis, a wire or a gate.

    Example:
        >>> is_name("hidden_1"), is_name("1st"), is_name("per")
        (True, False, False)
    """
    return bool(_NAME.fullmatch(word)) and word != KEYWORD


def split_circuit(text: str) -> CircuitText:
    """Split a circuit's text at its bar and its commas.

    Raises:
        NotationError: There is not exactly one bar, or a gate is empty.
        LimitError: More than `MAX_TEXT` characters.

    Example:
        >>> split_circuit("a=2 b=3 | a b, b {name=last}, -> b a")
        CircuitText(axes='a=2 b=3', gates=('a b', 'b {name=last}'), outputs='b a')
    """
    if len(text) > MAX_TEXT:
        raise LimitError(
            f"the text has {len(text):,} characters; at most {MAX_TEXT:,} are read.",
            cure="Build large circuits in Python from a family, or in parts joined by '>>'.",
        )
    bars = [match.start() for match in re.finditer(r"\|", text)]
    if len(bars) != 1:
        start = bars[1] if bars else len(text)
        raise NotationError(
            f"expected one '|' between the axes and the gates, found {len(bars)}.",
            place=Place("circuit text", text, start, start + 1),
            cure='Write axes, a bar, then gates: "a=16 b=8 | a b, b".',
        )
    axes, body = text.split("|")
    if not body.strip():
        return CircuitText(axes.strip(), (), None)
    pieces = body.split(",")
    start = len(axes) + 1
    for piece in pieces:
        if not piece.strip():
            raise NotationError(
                "there is nothing between two commas, or after the last one.",
                place=Place("circuit text", text, start, start + max(1, len(piece))),
                cure="Write a gate there, or remove the comma.",
            )
        start += len(piece) + 1
    gates = [piece.strip() for piece in pieces]
    outputs = gates.pop()[2:].strip() if gates[-1].startswith("->") else None
    return CircuitText(axes.strip(), tuple(gates), outputs)


def check_gate_count(count: int, *, name: str = "") -> None:
    """Refuse a circuit of more than `MAX_GATES` gates, by name."""
    if count > MAX_GATES:
        raise LimitError(
            f"circuit {name!r} has {count:,} gates; at most {MAX_GATES:,} are allowed.",
            cure="Use fewer, larger gates or fewer rounds.",
        )


def parse_wires(text: str, *, label: str) -> tuple[WireText, ...]:
    """Read wires such as ``a=16 b=8 c``.

    Args:
        text: The text.
        label: What the text is, for errors.

    Raises:
        NotationError: The text is not a list of wires.
    """
    reader = _Reader(text, label, cure='Wires read "a=16 b=8".')
    wires = reader.wires()
    reader.finish("a wire")
    return wires


def parse_gate(text: str, *, label: str) -> GateText:
    """Read a gate such as ``a b -> a=4 b per c {rank=2 name=g7}``.

    Args:
        text: The text.
        label: What the text is, for errors.

    Raises:
        NotationError: The text is not a gate.

    Example:
        >>> gate = parse_gate("a b -> r=8 {frozen}", label="gate 1 of 1")
        >>> [wire.name for wire in gate.on], gate.to[0].size, gate.options[0].word
        (['a', 'b'], 8, 'frozen')
    """
    reader = _Reader(text, label, cure=_GATES_READ)
    on = reader.wires()
    to: tuple[WireText, ...] | None = None
    per: tuple[WireText, ...] = ()
    # The arrow and "per" may come in either order: both read well.
    while True:
        if to is None and reader.take("arrow"):
            to = reader.wires(needed="the wires after '->'")
        elif not per and reader.take("word", KEYWORD):
            per = reader.wires(needed="the control wires after 'per'")
        else:
            break
    options = reader.options()
    reader.finish("'->', 'per' or '{'")
    if not on and not per:
        raise reader.error("a gate needs at least one wire", 0, len(text))
    return GateText(text, on, to, per, options)


_GATES_READ = 'A gate reads "a b", "a b -> a=4 b", "b per a" or "a b {rank=4}".'


class _Reader:
    """Reads one text token by token; the only state of the parser."""

    def __init__(self, text: str, label: str, *, cure: str) -> None:
        self.text = text
        self.label = label
        self.cure = cure
        self.tokens = list(self._tokenize())
        self.next = 0

    def _tokenize(self) -> list[_Token]:
        tokens, position = [], 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                bad = self.text[position]
                raise self.error(f"unexpected character {bad!r}", position, position + 1)
            kind = match.lastgroup or ""
            if kind != "space":
                tokens.append(_Token(kind, match.group(), match.start(), match.end()))
            position = match.end()
        return tokens

    def error(self, problem: str, start: int, stop: int, *, cure: str = "") -> NotationError:
        return NotationError(
            f"{problem}.",
            place=Place(self.label, self.text, start, stop),
            cure=cure or self.cure,
        )

    def take(self, kind: str, text: str | None = None) -> _Token | None:
        """Return the next token and step over it if it is of this kind (and text)."""
        token = self.peek()
        if token and token.kind == kind and text in (None, token.text):
            self.next += 1
            return token
        return None

    def peek(self) -> _Token | None:
        return self.tokens[self.next] if self.next < len(self.tokens) else None

    def wires(self, *, needed: str = "") -> tuple[WireText, ...]:
        """Read wires up to the first token that starts none."""
        wires: list[WireText] = []
        while (token := self.peek()) and token.kind == "word" and token.text != KEYWORD:
            self.next += 1
            size, stop = None, token.stop
            if self.take("mark", "="):
                number = self.take("number")
                if number is None or not 1 <= len(number.text.lstrip("0")) <= MAX_DIGITS:
                    raise self.error(
                        f"wire {token.text!r} needs a size of 1 or more (and at most {MAX_DIGITS} "
                        "digits) after '='",
                        *self._here(number),
                        cure=f'Write a whole number: "{token.text}=8".',
                    )
                size, stop = int(number.text), number.stop
            wires.append(WireText(token.text, size, token.start, stop))
        if needed and not wires:
            raise self.error(f"expected {needed}", *self._here())
        return tuple(wires)

    def options(self) -> tuple[OptionText, ...]:
        """Read ``{word word=value ...}`` if it is there."""
        if not self.take("mark", "{"):
            return ()
        options: list[OptionText] = []
        while word := self.take("word"):
            value = None
            if self.take("mark", "="):
                value = self.take("word") or self.take("number")
                if value is None:
                    raise self.error(f"option {word.text!r} has no value after '='", *self._here())
            stop = value.stop if value else word.stop
            options.append(OptionText(word.text, value.text if value else None, word.start, stop))
        if not self.take("mark", "}"):
            raise self.error("expected '}' after the options", *self._here())
        return tuple(options)

    def finish(self, expected: str) -> None:
        """Refuse whatever is left."""
        if token := self.peek():
            raise self.error(f"expected {expected}, found {token.text!r}", token.start, token.stop)

    def _here(self, token: _Token | None = None) -> tuple[int, int]:
        token = token or self.peek()
        return (token.start, token.stop) if token else (len(self.text), len(self.text) + 1)
