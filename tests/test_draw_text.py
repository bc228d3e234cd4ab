from __future__ import annotations

import re

import pytest
from hypothesis import given
from strategies import circuits

from qcircuit_adapt import load_circuit, prove
from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.compiler.plan import compile
from qcircuit_adapt.draw import draw_text
from qcircuit_adapt.draw.layout import lay_out

PICTURES = {
    "quanta": (
        Circuit("a=16 b=8 c=8 d=4", ["c d", "b d", "a d", "b c", "a c", "a b"], name="quanta"),
        """\
quanta

a ═16══════════g3═════g5══g6══16
               │      │   │
b ━8━━━━━━━g2━━┿━━g4━━┿━━━g6━━8
           │   │  │   │
c ━8━━━g1━━┿━━━┿━━g4━━g5━━━━━━8
       │   │   │
d ─4───g1──g2──g3─────────────4

4096 -> 4096 features · 43,008 parameters (0.256 % of dense)
1,835,008 MACs per token (10.9 % of dense)""",
    ),
    "new sizes and names": (
        Circuit.parse("x=4096 | x -> r=16, r -> a=64 b=64, a -> a=8"),
        """\
x=4096 | x -> r=16, r -> a=64 b=64, a -> a=8

x ═4096══g1─r=16─g2─a=64─g3─8─8 a
                 │
                 g2─b=64──────64 b

4096 -> 512 features · 131,584 parameters (6.27 % of dense)
163,840 MACs per token (7.81 % of dense)""",
    ),
    "control, diagonal, shared, frozen, permuted": (
        Circuit.parse("a=4 b=2 c=2 | b per a, c {share=g4}, per c a {frozen}, b, -> c a b"),
        """\
a=4 b=2 c=2 | b per a, c {share=g4}, per c a {frozen}, b, -> c a b

a ═4═══●════●g3*═══════4 a #2
       │    │
b ─2───g1───┼────g4:A──2 b #3
            │
c ─2──g2:A──●g3*───────2 c #1

16 -> 16 features · 20 parameters (7.81 % of dense) · 8 frozen parameters
112 MACs per token (43.8 % of dense) · :A same tensor as every other :A
* frozen · #1 first output""",
    ),
    "no gates, size 1": (
        Circuit("a=4 b=1", [], name="identity"),
        """\
identity

a ═4══4

b ─1──1

4 -> 4 features · 0 parameters (0 % of dense) · 0 MACs per token (0 % of dense)""",
    ),
    "long names": (
        Circuit.parse(
            "attention_head=8 x=2 | attention_head x -> x {name=a_very_long_gate_name}", name="long"
        ),
        """\
long

attent…ead ═8══a_ver…ame
                   │
x ─2───────────a_ver…ame──2

16 -> 2 features · 32 parameters (100 % of dense)
32 MACs per token (100 % of dense)""",
    ),
    "wires that are skipped, end and start": (
        Circuit.parse("a=8 b=3 c=2 | a c -> r=6, b -> b=4 c=2, r c", name="gaps"),
        """\
gaps

a ═8══g1═r=6════════g3══6 r
      │             │
b ─3──┼──────g2━4━━━┿━━━4 b
      │      │      │
      │      g2─c=2─g3──2 c
      │
c ─2──g1

48 -> 48 features · 264 parameters (11.5 % of dense)
1,008 MACs per token (43.8 % of dense)""",
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture(name: str) -> None:
    circuit, picture = PICTURES[name]
    assert draw_text(circuit) == picture
    assert str(circuit) == picture


def split_footer(text: str) -> tuple[str, str]:
    body, _, footer = text.rpartition("\n\n")
    return body.split("\n", 2)[2], footer


@given(circuits(max_gates=12, max_axes=6))
def test_every_picture_fits_and_names_every_gate_on_every_wire(circuit: Circuit) -> None:
    text = draw_text(circuit)
    assert max(map(len, text.splitlines())) <= 80
    body, _ = split_footer(text)
    for gate in circuit.gates:
        names = len(re.findall(rf"\b{gate.name}\b", body))
        # A wire given in the place of one that is taken stands on the same row.
        least = max(len(gate.on), len(gate.to)) or len(gate.per)
        most = len({axis.name for axis in gate.on + gate.to}) or len(gate.per)
        assert least <= names <= most
    assert body.count("●") == sum(len(gate.per) for gate in circuit.gates)


@given(circuits(max_gates=12, max_axes=6))
def test_every_picture_tells_the_sizes_at_both_ends_and_what_is_new(circuit: Circuit) -> None:
    body, _ = split_footer(draw_text(circuit))
    first = re.findall(r"^(\w+) [─━═](\d+)", body, re.MULTILINE)
    last = re.findall(r"[─━═](\d+)(?: \w+)?(?: #\d+)?$", body, re.MULTILINE)
    assert first[: len(circuit.inputs)] == [(a.name, str(a.size)) for a in circuit.inputs]
    outputs = sorted(str(axis.size) for axis in circuit.outputs)
    assert sorted(last[-len(outputs) :]) == outputs
    for gate in circuit.gates:
        for axis in gate.to:
            if axis.name not in {taken.name for taken in gate.on}:
                assert re.search(
                    rf"\b{gate.name}(:\w+)?\*? *[─━═]+{axis.name}={axis.size}[─━═]", body
                )


def test_a_wide_picture_is_folded() -> None:
    circuit = Circuit("a=4 b=3", ["a b", "b -> b=2", "a b", "b -> b=3"] * 6, name="wide")
    assert (
        draw_text(circuit)
        == """\
wide

a ═4══g1═══════g3═══════g5═══════g7═══════g9════════g11════════g13══…
      │        │        │        │        │          │          │
b ━3━━g1━━g2─2─g3──g4━3━g5━━g6─2─g7──g8━3━g9━━g10─2─g11──g12━3━g13━━…

a ═4════════g15════════g17════════g19════════g21════════g23════════4
             │          │          │          │          │
b ━3━━g14─2─g15──g16━3━g17━━g18─2─g19──g20━3━g21━━g22─2─g23──g24━3━3

12 -> 12 features · 1,320 parameters (917 % of dense)
1,536 MACs per token (1,067 % of dense)"""
    )


def test_a_very_long_picture_says_what_is_left_out() -> None:
    body, footer = split_footer(draw_text(Circuit("a=2 b=2", ["a b"] * 203, outputs="b a")))
    assert footer.endswith("· gates 201 to 203 are not drawn")
    assert body.endswith("g200══…")
    assert "g201" not in body
    assert "#" not in footer


def test_a_cut_is_marked_on_each_wire_it_passes() -> None:
    circuit = Circuit.parse("a=16 b=8 c=8 | a b -> r=8, c, r -> a=16 b=8 per c", name="merged")
    assert (
        draw_text(circuit, certificate=prove(circuit))
        == """\
merged

a ═16══g1━r=8╳g3═a=16═16
       │      │
b ━8━━━g1     g3━b=8━━8
              │
c ━8━━╳g2━━━━━●━━━━━━━8

1024 -> 1024 features · 9,280 parameters (0.885 % of dense)
≤ 9,208 degrees of freedom (proved interval) · rank 64 (proved exact)
16,896 MACs per token (1.61 % of dense) · ╳ cut: rank = 64"""
    )


def test_raised_numbers_tell_the_order_of_contraction() -> None:
    circuit = load_circuit("quanta-16-8-8-8-to-2-8-8-8")
    picture = draw_text(circuit, plan=compile(circuit, tokens=64))
    assert picture.splitlines()[2] == "a ═16════════════g3⁵══════g5¹══g6¹─2─2"
    assert picture.endswith("saved elements per token\nraised: order of contraction")


@given(circuits(max_gates=9, max_axes=5))
def test_overlays_fit_too(circuit: Circuit) -> None:
    certificate = prove(circuit, witness=False)
    text = draw_text(circuit, certificate=certificate, plan=compile(circuit, tokens=3))
    assert max(map(len, text.splitlines())) <= 80
    cut = lay_out(circuit, certificate=certificate).cut
    body, _ = split_footer(text)
    crosses = [cross for cross in cut.crosses if not cross.gate] if cut else []
    assert body.count("╳") == len(crosses)
