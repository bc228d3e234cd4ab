"""Every error of a declaration, every line of its text."""

from __future__ import annotations

import copy
import pickle

import pytest

from qcircuit_adapt import Adapter, Axis, Circuit, Gate, Term
from qcircuit_adapt.errors import (
    CircuitError,
    GateError,
    LimitError,
    NotationError,
    Place,
    SizeError,
    WireError,
)

TEXTS: list[tuple[str, type[CircuitError], str]] = [
    (
        "a=2 b=3",
        NotationError,
        "expected one '|' between the axes and the gates, found 0.\n"
        "  in circuit text:  a=2 b=3\n"
        "                           ^\n"
        '  Write axes, a bar, then gates: "a=16 b=8 | a b, b".',
    ),
    (
        "a=2 | a | a",
        NotationError,
        "expected one '|' between the axes and the gates, found 2.\n"
        "  in circuit text:  a=2 | a | a\n"
        "                            ^\n"
        '  Write axes, a bar, then gates: "a=16 b=8 | a b, b".',
    ),
    (
        "a=2 | a,, a",
        NotationError,
        "there is nothing between two commas, or after the last one.\n"
        "  in circuit text:  a=2 | a,, a\n"
        "                            ^\n"
        "  Write a gate there, or remove the comma.",
    ),
    (" | ", NotationError, "circuit 'it' has no axes.\n  Name at least one: \"a=16 b=8 | a b\"."),
    (
        "a=2 a=3 | a",
        WireError,
        "axis 'a' is named twice.\n"
        "  in circuit 'it', axes:  a=2 a=3\n"
        "                              ^^^\n"
        "  Give each axis its own name.",
    ),
    (
        "a=2 b | a",
        SizeError,
        "axis 'b' has no size.\n"
        "  in circuit 'it', axes:  a=2 b\n"
        "                              ^\n"
        '  Write "b=8".',
    ),
    (
        "a=2 -> b=3 | a",
        NotationError,
        "expected a wire, found '->'.\n"
        "  in circuit 'it', axes:  a=2 -> b=3\n"
        "                              ^^\n"
        '  Wires read "a=16 b=8".',
    ),
    (
        "a=0 | a",
        NotationError,
        "wire 'a' needs a size of 1 or more (and at most 15 digits) after '='.\n"
        "  in circuit 'it', axes:  a=0\n"
        "                            ^\n"
        '  Write a whole number: "a=8".',
    ),
    (
        "a=9999999999999999 | a",
        NotationError,
        "wire 'a' needs a size of 1 or more (and at most 15 digits) after '='.\n"
        "  in circuit 'it', axes:  a=9999999999999999\n"
        "                            ^^^^^^^^^^^^^^^^\n"
        '  Write a whole number: "a=8".',
    ),
    (
        "a=2 | a + a",
        NotationError,
        "unexpected character '+'.\n"
        "  in circuit 'it', gate 1 of 1:  a + a\n"
        "                                   ^\n"
        '  A gate reads "a b", "a b -> a=4 b", "b per a" or "a b {rank=4}".',
    ),
    (
        "a=2 | a, a ->",
        NotationError,
        "expected the wires after '->'.\n"
        "  in circuit 'it', gate 2 of 2:  a ->\n"
        "                                     ^\n"
        '  A gate reads "a b", "a b -> a=4 b", "b per a" or "a b {rank=4}".',
    ),
    (
        "a=2 | a per",
        NotationError,
        "expected the control wires after 'per'.\n"
        "  in circuit 'it', gate 1 of 1:  a per\n"
        "                                      ^\n"
        '  A gate reads "a b", "a b -> a=4 b", "b per a" or "a b {rank=4}".',
    ),
    (
        "a=2 | {frozen}",
        NotationError,
        "a gate needs at least one wire.\n"
        "  in circuit 'it', gate 1 of 1:  {frozen}\n"
        "                                 ^^^^^^^^\n"
        '  A gate reads "a b", "a b -> a=4 b", "b per a" or "a b {rank=4}".',
    ),
    (
        "a=2 | a {rank=}",
        NotationError,
        "option 'rank' has no value after '='.\n"
        "  in circuit 'it', gate 1 of 1:  a {rank=}\n"
        "                                         ^\n"
        '  A gate reads "a b", "a b -> a=4 b", "b per a" or "a b {rank=4}".',
    ),
    (
        "a=2 | a {frozen",
        NotationError,
        "expected '}' after the options.\n"
        "  in circuit 'it', gate 1 of 1:  a {frozen\n"
        "                                          ^\n"
        '  A gate reads "a b", "a b -> a=4 b", "b per a" or "a b {rank=4}".',
    ),
    (
        "a=2 | a {frozen} a",
        NotationError,
        "expected '->', 'per' or '{', found 'a'.\n"
        "  in circuit 'it', gate 1 of 1:  a {frozen} a\n"
        "                                            ^\n"
        '  A gate reads "a b", "a b -> a=4 b", "b per a" or "a b {rank=4}".',
    ),
    (
        "a=2 | a {frozne}",
        NotationError,
        "unknown option 'frozne'.\n"
        "  in circuit 'it', gate 1 of 1:  a {frozne}\n"
        "                                    ^^^^^^\n"
        "  Did you mean 'frozen'?",
    ),
    (
        "a=2 | a {rank=2 rank=3}",
        NotationError,
        "option 'rank' stands twice.\n"
        "  in circuit 'it', gate 1 of 1:  a {rank=2 rank=3}\n"
        "                                           ^^^^^^",
    ),
    (
        "a=2 | a {frozen=1}",
        NotationError,
        "option 'frozen' takes no value.\n"
        "  in circuit 'it', gate 1 of 1:  a {frozen=1}\n"
        "                                    ^^^^^^^^\n"
        '  Write "{frozen}".',
    ),
    (
        "a=2 | a {share}",
        NotationError,
        "option 'share' needs a value.\n"
        "  in circuit 'it', gate 1 of 1:  a {share}\n"
        "                                    ^^^^^\n"
        '  Write "{share=g1}".',
    ),
    (
        "a=2 | a {rank=two}",
        NotationError,
        "option 'rank' cannot be 'two'.\n"
        "  in circuit 'it', gate 1 of 1:  a {rank=two}\n"
        "                                    ^^^^^^^^\n"
        '  Write "{rank=4}".',
    ),
    (
        "a=2 | a {init=zreo}",
        NotationError,
        "option 'init' cannot be 'zreo'.\n"
        "  in circuit 'it', gate 1 of 1:  a {init=zreo}\n"
        "                                    ^^^^^^^^^\n"
        "  Did you mean 'zero'?",
    ),
    (
        "alpha=2 beta=3 | alpha beta, alhpa",
        WireError,
        "gate 'g2' acts on wire 'alhpa', which is not there.\n"
        "  in circuit 'it', gate 2 of 2:  alhpa\n"
        "                                 ^^^^^\n"
        "  Did you mean 'alpha'?",
    ),
    (
        "a=2 b=3 | a b -> r=4, b per a",
        WireError,
        "gate 'g2' acts on wire 'b', which is not there.\n"
        "  in circuit 'it', gate 2 of 2:  b per a\n"
        "                                 ^\n"
        "  wire 'b' ends at gate 'g1'.\n"
        "  There is only 'r'.",
    ),
    (
        "a=2 b=3 | b, a -> b=2",
        WireError,
        "gate 'g2' gives wire 'b', which is there already.\n"
        "  in circuit 'it', gate 2 of 2:  a -> b=2\n"
        "                                      ^^^\n"
        "  wire 'b' comes from gate 'g1'.\n"
        "  Give it another name, or let gate 'g2' take 'b' too.",
    ),
    (
        "a=2 b=3 | a a",
        WireError,
        "gate 'g1' takes wire 'a' twice.\n"
        "  in circuit 'it', gate 1 of 1:  a a\n"
        "                                 ^^^\n"
        "  Name each wire once; a control wire (per) is not also acted on.",
    ),
    (
        "a=2 | a -> b=2 b=3",
        WireError,
        "gate 'g1' gives wire 'b' twice.\n"
        "  in circuit 'it', gate 1 of 1:  a -> b=2 b=3\n"
        "                                 ^^^^^^^^^^^^\n"
        "  Name each wire once; a control wire (per) is not also acted on.",
    ),
    (
        "a=2 b=3 | -> c=3 per a, b",
        WireError,
        "gate 'g1' must take and give at least one wire each, or be diagonal (per only).\n"
        "  in circuit 'it', gate 1 of 2:  -> c=3 per a\n"
        "                                 ^^^^^^^^^^^^\n"
        '  Use a wire of size 1 to start or end one: "a -> a=1".',
    ),
    (
        "a=2 b=8 c=8 | b c -> b=8 c, a b=16 -> a b",
        SizeError,
        "gate 'g2' expects wire 'b' to have size 16, but it carries 8.\n"
        "  in circuit 'it', gate 2 of 2:  a b=16 -> a b\n"
        "                                   ^^^^\n"
        "  wire 'b' got size 8 from gate 'g1'.\n"
        "  Let gate 'g1' give \"b=16\", or act with 'g2' on size 8.",
    ),
    (
        "a=2 | a -> r",
        SizeError,
        "gate 'g1' gives a new wire 'r' without a size.\n"
        "  in circuit 'it', gate 1 of 1:  a -> r\n"
        "                                      ^\n"
        '  Write "r=8" after "->".',
    ),
    (
        "a=2 | a {name=g2}, a",
        GateError,
        "two gates are called 'g2': gate 1 and gate 2.\n"
        "  in circuit 'it', gate 2 of 2:  a\n"
        "                                 ^\n"
        "  Names are distinct; a gate without one is called g and its position.",
    ),
    (
        "a=2 | a {name=per}",
        GateError,
        "'per' cannot name a gate.\n"
        "  in circuit 'it', gate 1 of 1:  a {name=per}\n"
        "                                 ^^^^^^^^^^^^\n"
        "  Use letters, digits and '_', starting with a letter; 'per' is a keyword.",
    ),
    (
        "a=2 | per a {rank=2}",
        GateError,
        "gate 'g1' is diagonal and cannot have a rank.\n"
        "  in circuit 'it', gate 1 of 1:  per a {rank=2}\n"
        "                                 ^^^^^^^^^^^^^^\n"
        "  Remove the rank.",
    ),
    (
        "a=2 | a, a {share=g1 frozen}",
        GateError,
        "gate 'g2' shares the tensor of 'g1' and cannot have options of its own.\n"
        "  in circuit 'it', gate 2 of 2:  a {share=g1 frozen}\n"
        "                                 ^^^^^^^^^^^^^^^^^^^\n"
        "  Give rank, init and frozen to 'g1'.",
    ),
    (
        "a=2 | a {name=first}, a {share=frist}",
        GateError,
        "gate 'g2' shares the tensor of 'frist', which is not there.\n"
        "  in circuit 'it', gate 2 of 2:  a {share=frist}\n"
        "                                    ^^^^^^^^^^^\n"
        "  Did you mean 'first'?",
    ),
    (
        "a=2 | a, a {share=g1}, a {share=g2}",
        GateError,
        "gate 'g3' shares the tensor of 'g2', which has none of its own.\n"
        "  in circuit 'it', gate 3 of 3:  a {share=g2}\n"
        "                                    ^^^^^^^^\n"
        "  Share 'g1'.",
    ),
    (
        "a=2 | a {share=g1}",
        GateError,
        "gate 'g1' shares the tensor of 'g1', which has none of its own.\n"
        "  in circuit 'it', gate 1 of 1:  a {share=g1}\n"
        "                                    ^^^^^^^^\n"
        "  Remove 'share'.",
    ),
    (
        "a=2 b=3 | a, b {share=g1}",
        SizeError,
        "gate 'g2' shares the tensor of 'g1', which has shape (2, 2), but needs (3, 3).\n"
        "  in circuit 'it', gate 2 of 2:  b {share=g1}\n"
        "                                    ^^^^^^^^\n"
        "  Shapes count (per..., to..., on...).\n"
        "  Act on wires of the same sizes in the same order, or drop 'share'.",
    ),
    (
        "a=2 b=2 | a b -> c=2, c -> d=2 e=2 {share=g1}",
        SizeError,
        "gate 'g2' shares the tensor of 'g1', which has shape ((), (2,), (2, 2)), but needs "
        "((), (2, 2), (2,)).\n"
        "  in circuit 'it', gate 2 of 2:  c -> d=2 e=2 {share=g1}\n"
        "                                               ^^^^^^^^\n"
        "  Shapes count ((per...), (to...), (on...)).\n"
        "  Act on wires of the same sizes in the same order, or drop 'share'.",
    ),
    (
        "a=2 b=3 | a b -> r=6, -> a",
        WireError,
        "output 'a' is not one of the last wires.\n"
        "  in circuit 'it', outputs:  a\n"
        "                             ^\n"
        "  wire 'a' ends at gate 'g1'.\n"
        "  There is only 'r'.",
    ),
    (
        "a=2 b=3 | a, -> b",
        WireError,
        "the outputs leave out 'a'.\n"
        "  in circuit 'it', outputs:  b\n"
        "                             ^\n"
        '  Name every last wire once: "-> a b".',
    ),
    (
        "a=2 b=3 | a, -> b a b",
        WireError,
        "the outputs name a wire twice.\n"
        "  in circuit 'it', outputs:  b a b\n"
        "                             ^^^^^\n"
        '  Name every last wire once: "-> a b".',
    ),
    (
        "a=2 b=3 | a, -> b=4 a",
        SizeError,
        "output 'b' is said to have size 4, but it carries 3.\n"
        "  in circuit 'it', outputs:  b=4 a\n"
        "                             ^^^\n"
        "  Leave the size out: the gates decide it.",
    ),
    (
        "a=1000 b=1000 | a, a b",
        LimitError,
        "circuit 'it' has 1,000,001,000,000 parameters up to gate 'g2'; at most 10,000,000,000 are "
        "allowed.\n"
        "  in circuit 'it', gate 2 of 2:  a b\n"
        "                                 ^^^\n"
        "  Split the wires into smaller axes, or give the gate a rank.",
    ),
    (
        "a=100000 b=100000 | a {rank=1}",
        LimitError,
        "circuit 'it' carries 10,000,000,000 numbers per token; at most 16,777,216 are allowed.\n"
        "  Use smaller axes.",
    ),
    (
        " ".join(f"a{n}=1" for n in range(25)) + " | a0",
        LimitError,
        "circuit 'it' has 25 wires at a time; at most 24 are allowed.\n  Merge some of the axes.",
    ),
    (
        "a=2 | " + ",".join(["a"] * 10_001),
        LimitError,
        "circuit 'it' has 10,001 gates; at most 10,000 are allowed.\n"
        "  Use fewer, larger gates or fewer rounds.",
    ),
    (
        "a=2 | " + "a" * 1_000_000,
        LimitError,
        "the text has 1,000,006 characters; at most 1,000,000 are read.\n"
        "  Build large circuits in Python from a family, or in parts joined by '>>'.",
    ),
]


@pytest.mark.parametrize(("text", "kind", "message"), TEXTS)
def test_texts(text: str, kind: type[CircuitError], message: str) -> None:
    with pytest.raises(CircuitError) as caught:
        Circuit.parse(text, name="it")
    assert str(caught.value) == message
    assert type(caught.value) is kind


def test_every_error_is_short() -> None:
    for _, _, message in TEXTS:
        assert len(message.splitlines()) <= 5
        assert max(map(len, message.splitlines())) <= 120


PYTHON = [
    (
        lambda: Circuit("a=2", "a"),
        "the gates are one text, 'a'; expected a list with a text for each gate.\n"
        '  Write ["a b", "b c"], or Circuit.parse(text) for a whole circuit.',
    ),
    (lambda: Circuit("a=2", [7]), "the circuit, gate 1 of 1 is 7; expected a text or a Gate."),
    (
        lambda: Circuit("a=2", ["a"], name="two\nlines"),
        "'two\\nlines' cannot name a circuit; use one printable line of text.",
    ),
    (
        lambda: Circuit("a=2 b=2", [Gate("a=4")]),
        "gate 'g1' expects wire 'a' to have size 4, but it carries 2.\n"
        "  in the circuit, gate 1 of 1:  a=4\n"
        "                                ^^^\n"
        "  wire 'a' got size 2 from the axes.\n"
        "  Let an earlier gate give \"a=4\", or act with 'g1' on size 2.",
    ),
    (
        lambda: Axis("per", 2),
        "'per' cannot name an axis.\n"
        "  Use letters, digits and '_', starting with a letter; 'per' is a keyword.",
    ),
    (lambda: Axis("a", 2.0), "axis 'a' has size 2.0; a size is a whole number, 1 or more."),
    (lambda: Gate("a=2", rank=0), "the gate has rank 0; a rank is a whole number, 1 or more."),
    (
        lambda: Gate("a=2", init="zeros"),
        "the gate has unknown init 'zeros'.\n  Did you mean 'zero'?",
    ),
    (
        lambda: Circuit.parse("a=2 b=2 | a", name="c") >> Circuit.parse("a=4 | a", name="d"),
        "cannot apply circuit 'd' after circuit 'c': it takes axes of sizes 4, but is given 2*2.\n"
        "  Compose circuits whose axes have the same sizes in the same order.",
    ),
    (
        lambda: Term(Circuit.parse("a=2 | a"), "diff"),
        "unknown form 'diff'.\n  Did you mean 'difference'?",
    ),
    (
        lambda: Term(Circuit.parse("a=2 | a", name="c"), scale=0.0),
        "the scale of circuit 'c' is 0.0.\n  Give a finite number other than 0.",
    ),
    (
        lambda: Adapter(Circuit.parse("a=2 | a {frozen}", name="c")),
        "circuit 'c' has no gate to train.\n  Remove 'frozen' from a gate, or add one.",
    ),
    (
        lambda: Adapter(Circuit.parse("a=2 | a {init=zero}, a {init=zero}"), form="zero"),
        "form 'zero' needs one gate that starts at zero, but the circuit has 'g1' and 'g2'.\n"
        "  With two of them every gradient is zero, and nothing would train.\n"
        "  Keep init=zero on one gate.",
    ),
    (
        lambda: Adapter(Circuit.parse("a=2 | a {init=zero}, a")),
        "gate 'g1' starts at zero, which only form 'zero' allows.\n"
        "  In form 'difference' the other gates would have no gradient.\n"
        "  Remove init=zero, or use form 'zero'.",
    ),
    (
        lambda: Adapter(Circuit.parse("a=2 | a {frozen init=zero}, a", name="c"), form="zero"),
        "gate 'g1' of circuit 'c' is frozen at zero.\n"
        "  The circuit stays zero whatever its other gates learn.\n"
        "  Remove 'frozen' or init=zero.",
    ),
    (lambda: Adapter([]), "an adapter needs at least one circuit."),
    (
        lambda: Adapter(Circuit.parse("a=2 | a")) + Adapter(Circuit.parse("a=3 | a")),
        "cannot add the circuit (3 -> 3) to the circuit (2 -> 2).\n"
        "  Add circuits of the same d_in and d_out.",
    ),
]


@pytest.mark.parametrize(("action", "message"), PYTHON)
def test_python(action: object, message: str) -> None:
    with pytest.raises(CircuitError) as caught:
        action()  # type: ignore[operator]
    assert str(caught.value) == message


def test_a_long_text_is_shown_around_the_place() -> None:
    place = Place("circuit", "a " * 100 + "WRONG" + " b" * 100, 200, 205)
    text, caret = str(place).splitlines()
    assert len(text) <= 90
    assert text[caret.index("^") : caret.rindex("^") + 1] == "WRONG"


def test_errors_survive_copying_and_pickling() -> None:
    with pytest.raises(CircuitError) as caught:
        Circuit.parse("a=2 | b")
    for twin in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert type(twin) is type(caught.value)
        assert str(twin) == str(caught.value)
