"""The errors of the package, and how they are worded.

Every error says what is wrong, where (with a caret under the place), how it came about, and what to
write instead. ``str(error)`` is the whole text; the parts are attributes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

_PLACE_WIDTH = 72


@dataclass(frozen=True)
class Place:
    """Where in a text an error is.

    Attributes:
        label: What the text is, for example ``"gate 2 of 6"``.
        text: The text itself.
        start: First character of the wrong part.
        stop: One past its last character.
    """

    label: str
    text: str
    start: int
    stop: int

    def __str__(self) -> str:
        """Return two lines: the label with the text, and carets under the wrong part."""
        start, stop, text = self.start, max(self.stop, self.start + 1), self.text
        if len(text) > _PLACE_WIDTH:
            first = max(0, start - _PLACE_WIDTH // 2)
            text = ("..." if first else "") + text[first : first + _PLACE_WIDTH]
            shift = first - (3 if first else 0)
            start, stop = start - shift, min(stop - shift, len(text) + 1)
        lead = f"  in {self.label}:  "
        return f"{lead}{text}\n{' ' * (len(lead) + start)}{'^' * (stop - start)}"


class CircuitError(ValueError):
    """The base of every error this package raises on purpose.

    Attributes:
        problem: The rule that is broken, with what was expected and what was found.
        place: Where, or None.
        cause: How the offending value came to be, or an empty text.
        cure: What to write instead, or an empty text.
    """

    def __init__(
        self, problem: str, *, place: Place | None = None, cause: str = "", cure: str = ""
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = place
        self.cause = cause
        self.cure = cure

    def __str__(self) -> str:
        """Return problem, place, cause and cure, a line each (the place: two)."""
        lines = [self.problem]
        if self.place:
            lines.append(str(self.place))
        lines += [f"  {part}" for part in (self.cause, self.cure) if part]
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with all parts, so that errors cross process borders whole."""
        return _rebuild, (type(self), self.problem, self.place, self.cause, self.cure)


def _rebuild(
    kind: type[CircuitError], problem: str, place: Place | None, cause: str, cure: str
) -> CircuitError:
    return kind(problem, place=place, cause=cause, cure=cure)


class NotationError(CircuitError):
    """A text does not follow the notation."""


class WireError(CircuitError):
    """A gate names a wire that is not there, or one that already is."""


class SizeError(CircuitError):
    """Two sizes that must agree do not."""


class GateError(CircuitError):
    """A gate's name or options contradict each other or the circuit."""


class LimitError(CircuitError):
    """A circuit is larger than any this package will build."""


class FamilyError(CircuitError):
    """A family is unknown, or has no circuit of the asked sizes."""


class FileError(CircuitError):
    """A file cannot be read as a circuit, or cannot be written."""


class LibraryError(CircuitError):
    """A shipped circuit, or the folder it ships in, is not there."""


class TensorError(CircuitError):
    """A gate's tensor is missing or has another shape than the gate's."""


class CertificateError(CircuitError):
    """A certificate's evidence does not support its claim."""


class OptionError(CircuitError, TypeError):
    """A configuration has an option that is unknown, or that has a value it cannot have."""


class AdaptError(CircuitError):
    """A model cannot be adapted as asked; it is left as it was."""


class ModelError(CircuitError):
    """A model cannot be loaded, or is of a kind that cannot be trained here."""


class DataError(CircuitError):
    """A text to train on cannot be read, or is too short."""


class ServeError(CircuitError):
    """The designer cannot be served."""


class DesignError(CircuitError):
    """A budget or a search asks for what there cannot be."""


class ExperimentError(CircuitError):
    """An experiment's file says what there cannot be, or asks for what is not here."""


def nearest(word: str, choices: Iterable[str], *, noun: str = "one") -> str:
    """Return a sentence that names the choices nearest to a word.

    Example:
        >>> nearest("frozne", ["frozen", "rank"])
        "Did you mean 'frozen'?"
        >>> nearest("zzz", ["frozen", "rank"], noun="options")
        "The options are 'frozen', 'rank'."
        >>> nearest("zzz", [])
        'There are none.'
    """
    known = list(dict.fromkeys(choices))
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    if not known:
        return "There are none."
    if len(known) == 1:
        return f"There is only {known[0]!r}."
    shown = ", ".join(map(repr, known[:8])) + (", ..." if len(known) > 8 else "")
    return f"The {noun if noun != 'one' else 'choices'} are {shown}."
