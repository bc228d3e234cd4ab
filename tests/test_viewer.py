"""The viewer and the designer, driven in a real browser as a user would."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from headless import go_without, open_browser, open_page

from qcircuit_adapt.circuit import Circuit
from qcircuit_adapt.circuit_file import read_circuit
from qcircuit_adapt.draw import draw_svg
from qcircuit_adapt.draw.html import to_html
from qcircuit_adapt.library import load_circuit, names

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUANTA = load_circuit("quanta-16-8-8-4")
LORA = load_circuit("lora-4096-r16")
RICH = Circuit.parse(
    "a=8 b=3 c=2 d=4 | a c -> r=6, b -> b=4 s=2, r per d, per d b, b d {frozen}, "
    "d b {share=g5 name=twin}, r d {rank=2}, r d -> x=2 y=3, -> y b x s",
    name="rich",
)
PHONE = {"viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@contextmanager
def view(browser: Browser, folder: Path, *circuits: Circuit, **options: Any) -> Iterator[Page]:
    path = folder / "page.html"
    path.write_text(to_html(circuits), encoding="utf-8")
    with open_page(browser, path.as_uri(), **options) as page:
        page.wait_for_selector(".gate")
        yield page


def number(page: Page, name: str) -> str:
    return page.locator(f'[data-number="{name}"] dd').first.inner_text()


def gate(page: Page, name: str) -> Any:
    """A gate's first box: the middle of the whole may lie on a neck, or on a wire."""
    return page.locator(f'.gate[data-gate="{name}"] .face').first


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    # A phone's own innerWidth grows with a page that is too wide.
    assert page.viewport_size
    wide = page.evaluate("Math.max(document.documentElement.scrollWidth, innerWidth)")
    return int(wide) - page.viewport_size["width"]


def test_the_page_shows_the_picture_and_the_proved_numbers(
    browser: Browser, tmp_path: Path
) -> None:
    with view(browser, tmp_path, QUANTA) as page:
        assert page.title() == "quanta-16-8-8-4 · qcircuit"
        assert page.locator("h1").inner_text() == "quanta-16-8-8-4"
        assert page.locator(".gate").count() == 6
        assert number(page, "parameters") == "43,008"
        assert number(page, "degrees of freedom") == "42,211"
        assert number(page, "rank of T") == "4,096"
        assert number(page, "MACs per token") == "1,835,008"
        assert page.locator("#source").inner_text() == QUANTA.text
        assert page.locator("#gates tbody tr").count() == 6
        assert page.locator("#circuits").is_hidden()
        assert page.locator("#editor").is_hidden()


def test_pointing_at_a_gate_tells_what_it_is(browser: Browser, tmp_path: Path) -> None:
    with view(browser, tmp_path, QUANTA) as page:
        tip = page.locator("#tip")
        assert tip.is_hidden()
        gate(page, "g3").hover()
        assert tip.inner_text().split("\n") == [
            "g3: a=16 d=4",
            "shape 16 × 4 × 16 × 4",
            "4,096 parameters",
            "262,144 MACs per token (14.3 %)",
            "step 3 of 6",
            "on the smallest cut: a=16",
        ]
        page.locator("h1").hover()
        assert tip.is_hidden()


def test_a_click_chooses_a_gate_and_another_lets_it_go(browser: Browser, tmp_path: Path) -> None:
    with view(browser, tmp_path, RICH) as page:
        gate(page, "twin").click()
        panel = page.locator("#gate")
        assert "twin" in panel.inner_text()
        assert "frozen, shares the tensor of g5" in panel.inner_text()
        chosen = page.locator(".gate.chosen")
        assert chosen.get_attribute("data-gate") == "twin"
        assert chosen.get_attribute("aria-pressed") == "true"
        assert "twin" in page.locator("#live").inner_text()
        gate(page, "twin").click()
        assert page.locator(".gate.chosen").count() == 0
        page.locator("#gates button", has_text="g7").click()
        assert page.locator(".gate.chosen").get_attribute("data-gate") == "g7"


def test_the_contraction_is_stepped_through(browser: Browser, tmp_path: Path) -> None:
    with view(browser, tmp_path, QUANTA) as page:
        told, steps = page.locator("#told"), page.locator("#track button")
        assert steps.count() == 6
        assert page.locator("#back").is_disabled()
        for name in ("g1", "g2", "g3"):
            page.locator("#forth").click()
            assert page.locator(".gate.now").get_attribute("data-gate") == name
        assert told.inner_text().startswith("Step 3 of 6 · t2 × g3 · ...abcd,ADad->...AbcD")
        done = page.locator(".gate.done").evaluate_all("all => all.map(one => one.dataset.gate)")
        assert done == ["g1", "g2"]
        front = page.locator(".wire.front").evaluate_all("all => all.map(one => one.dataset.told)")
        assert sorted(one.split("\n")[1] for one in front) == [
            "from g1 to g4",
            "from g2 to g4",
            "from g3 to g5",
            "from g3 to the output",
        ]
        page.keyboard.press("[")
        assert told.inner_text().startswith("Step 2 of 6")
        steps.nth(5).click()
        assert page.locator("#forth").is_disabled()
        assert page.locator(".gate.now").get_attribute("data-gate") == "g6"


def test_what_is_multiplied_before_the_input_comes_is_marked(
    browser: Browser, tmp_path: Path
) -> None:
    with view(browser, tmp_path, RICH) as page:
        steps = page.locator("#track button").count()
        page.locator("#forth").click()
        first = page.locator("#told").inner_text()
        assert " x " not in first.split("·")[1]
        held = page.locator(".gate.held, .gate.now").count()
        assert held
        for _ in range(steps - 1):
            page.keyboard.press("]")
        assert page.locator(".gate.done, .gate.now").count() == len(RICH.gates)
        ends = page.locator(".wire.front").evaluate_all("all => all.map(one => one.dataset.to)")
        assert set(ends) == {"the output"}


def test_the_contraction_plays_and_pauses(browser: Browser, tmp_path: Path) -> None:
    with view(browser, tmp_path, LORA) as page:
        play = page.locator("#play")
        play.click()
        assert play.get_attribute("aria-label") == "Pause"
        page.wait_for_function(
            "() => document.querySelector('#told').textContent.includes('Step 2 of 2')"
        )
        page.wait_for_function("() => document.querySelector('#play').ariaLabel === 'Play'")
        page.keyboard.press("p")
        assert play.get_attribute("aria-label") == "Pause"
        page.keyboard.press("p")
        assert play.get_attribute("aria-label") == "Play"


def test_cut_order_and_sizes_are_shown_and_hidden(browser: Browser, tmp_path: Path) -> None:
    with view(browser, tmp_path, LORA) as page:
        cut, order, sizes = (page.locator(f"#{name}") for name in ("cut", "order", "sizes"))
        # A cut that binds is shown at once, solid where the rank attains it.
        assert cut.get_attribute("aria-pressed") == "true"
        assert page.locator(".overlay .bound").text_content() == "rank ≤ 16"
        assert page.locator(".overlay .cut.dashed").count() == 0
        assert "rank T ≤ 16, attained" in page.locator("#legend").inner_text()
        cut.click()
        assert page.locator(".overlay .cut").count() == 0
        order.click()
        assert page.locator(".overlay text").all_text_contents() == ["1", "2"]
        label = page.locator(".wire .size").first
        assert label.is_visible()
        page.keyboard.press("s")
        assert sizes.get_attribute("aria-pressed") == "false"
        assert not label.is_visible()


def test_a_cut_through_a_gate_of_bounded_rank_lies_on_it(browser: Browser, tmp_path: Path) -> None:
    with view(browser, tmp_path, RICH) as page:
        assert page.locator(".overlay .bound").text_content() == "rank ≤ 16"
        # A line, and a cross each: on b, on s, and on both boxes of g7.
        assert page.locator(".overlay .cut").count() == 1 + 4
        box, line = gate(page, "g7").bounding_box(), page.locator(".overlay .cut").first
        drawn = line.bounding_box()
        assert box
        assert drawn
        assert drawn["x"] <= box["x"] + box["width"] <= drawn["x"] + drawn["width"]


def test_circuits_are_switched_between_and_seen_on_the_plot(
    browser: Browser, tmp_path: Path
) -> None:
    sweep = [load_circuit(name) for name in names()]
    with view(browser, tmp_path, *sweep) as page:
        assert page.locator("#plot .dot").count() == len(sweep)
        assert page.locator("#choice option").all_text_contents() == list(names())
        page.locator("#choice").select_option(label="lora-4096-r16")
        assert page.locator("h1").inner_text() == "lora-4096-r16"
        assert number(page, "rank of T") == "16"
        here = page.locator('#plot .dot[aria-current="true"]')
        assert here.get_attribute("aria-label") == "lora-4096-r16: 131,072 parameters, 32"
        page.locator("#against").select_option("rank")
        assert here.get_attribute("aria-label") == "lora-4096-r16: 131,072 parameters, 16"
        heights = {
            (dot.get_attribute("aria-label") or "").split(":")[0]: dot.get_attribute("cy")
            for dot in page.locator("#plot .dot").all()
        }
        # The least rank of all stands lowest.
        assert max(names(), key=lambda name: float(heights[name] or 0)) == "tt-lora-16-16-16-r8"
        # Two circuits have the same numbers; clicking their place goes through both.
        for name in ("monarch-64-64", "khatri-rao-4096", "monarch-64-64"):
            page.locator("#plot .dot[data-index='24']").click(force=True)
            assert page.locator("h1").inner_text() == name
        page.locator("#list button", has_text="kronecker-64-64").click()
        assert page.locator("h1").inner_text() == "kronecker-64-64"
        page.locator("#after").click()
        assert page.locator("h1").inner_text() == names()[names().index("kronecker-64-64") + 1]
        page.keyboard.press(",")
        assert page.locator("h1").inner_text() == "kronecker-64-64"


def test_a_circuit_whose_freedom_is_not_known_is_not_plotted(
    browser: Browser, tmp_path: Path
) -> None:
    long = Circuit("a=2 b=2", ["a b"] * 70, name="long")
    with view(browser, tmp_path, QUANTA, long) as page:
        page.locator("#against").select_option("freedom")
        assert page.locator("#plot .dot").count() == 1
        page.locator("#after").click()
        assert number(page, "degrees of freedom") == "—"
        assert page.locator(".gate").count() == 70


def test_the_picture_is_exported_as_it_is_drawn(browser: Browser, tmp_path: Path) -> None:
    with view(browser, tmp_path, RICH, accept_downloads=True) as page:
        gate(page, "g1").click()
        with page.expect_download() as caught:
            page.locator("#export").click()
        assert caught.value.suggested_filename == "rich.svg"
        exported = ElementTree.parse(caught.value.path()).getroot()
    drawn = ElementTree.fromstring(draw_svg(RICH))
    assert [(one.tag, one.attrib, one.text) for one in exported.iter()] == [
        (one.tag, one.attrib, one.text) for one in drawn.iter()
    ]


def test_the_text_is_copied(browser: Browser, tmp_path: Path) -> None:
    with view(browser, tmp_path, RICH) as page:
        page.locator("#copy").click()
        page.wait_for_function("() => document.querySelector('#copy').textContent === 'Copied'")
        field = page.locator("#copy")
        assert field.is_visible()
        page.evaluate(
            "document.body.append("
            "Object.assign(document.createElement('textarea'), { id: 'pasted' }))"
        )
        page.locator("#pasted").focus()
        page.keyboard.press("Control+v")
        assert page.locator("#pasted").input_value() == RICH.text


def test_everything_is_reached_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    with view(browser, tmp_path, QUANTA) as page:
        focused = "document.activeElement.dataset.gate ?? document.activeElement.id"
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate(focused) == "g1":
                break
        assert page.evaluate(focused) == "g1"
        page.keyboard.press("ArrowRight")
        assert page.evaluate(focused) == "g2"
        assert page.locator("#tip").inner_text().startswith("g2: b=8 d=4")
        page.keyboard.press("Enter")
        assert page.locator(".gate.chosen").get_attribute("data-gate") == "g2"
        page.keyboard.press("End")
        assert page.evaluate(focused) == "g6"
        page.keyboard.press("ArrowDown")
        assert page.evaluate(focused) in {"g4", "g5"}
        page.keyboard.press("Escape")
        assert page.locator(".gate.chosen").count() == 0
        # One stop for the whole picture: the next is the first button below it.
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == "cut"


def test_what_is_read_aloud_has_names(browser: Browser, tmp_path: Path) -> None:
    with view(browser, tmp_path, QUANTA, LORA) as page:
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("button, select, input, [role=button]")]
                .filter((one) => !one.closest("[hidden], dialog") && !one.getAttribute("aria-label")
                    && !one.getAttribute("aria-labelledby") && !one.textContent.trim()
                    && !one.labels?.length)
                .map((one) => one.outerHTML)"""
        )
        assert nameless == []
        # An image would hide its parts.
        assert page.locator("#stage > svg").get_attribute("role") == "group"
        first = page.locator('.gate[data-gate="g1"]')
        assert first.get_attribute("role") == "button"
        assert (first.get_attribute("aria-label") or "").startswith("g1: c=8 d=4, shape 8 × 4")
        assert page.locator("#live").get_attribute("aria-live") == "polite"
        assert page.locator("main h1").count() == 1


@pytest.mark.parametrize(
    "circuits",
    [
        [QUANTA],
        [RICH],
        [load_circuit(name) for name in names()],
        [Circuit("a=2 b=2", ["a b"] * 40, name="x" * 90)],
    ],
)
def test_at_phone_width_nothing_sticks_out(
    circuits: list[Circuit], browser: Browser, tmp_path: Path
) -> None:
    with view(browser, tmp_path, *circuits, **PHONE) as page:
        assert overflow(page) <= 0
        gate(page, "g1").tap()
        page.locator("#order").tap()
        page.locator("#forth").tap()
        assert page.locator(".gate.chosen").count() == 1
        assert overflow(page) <= 0


def test_light_and_dark_are_the_system_s_or_chosen(browser: Browser, tmp_path: Path) -> None:
    ground = "getComputedStyle(document.querySelector('#figure')).backgroundColor"
    face = "document.querySelector('.gate .face').getAttribute('fill')"
    with view(browser, tmp_path, QUANTA, color_scheme="dark") as page:
        assert (page.evaluate(ground), page.evaluate(face)) == ("rgb(16, 22, 29)", "#143a5a")
        page.locator("#theme").click()
        assert page.locator("#theme").inner_text() == "Theme: light"
        assert (page.evaluate(ground), page.evaluate(face)) == ("rgb(255, 255, 255)", "#dbe9f6")
        page.locator("#theme").click()
        page.emulate_media(color_scheme="light")
        assert (page.evaluate(ground), page.evaluate(face)) == ("rgb(16, 22, 29)", "#143a5a")


def test_a_name_is_shown_and_not_run(browser: Browser, tmp_path: Path) -> None:
    name = """</script><img src=x onerror="document.title='run'"><b>&lt;"""
    with view(browser, tmp_path, Circuit("a=2", ["a"], name=name)) as page:
        assert page.locator("h1").inner_text() == name
        assert page.title() == f"{name} · qcircuit"
        assert page.locator("img").count() == 0


def test_the_page_without_data_says_so(browser: Browser, tmp_path: Path) -> None:
    with open_page(browser, Path(__file__).parents[1].joinpath("viz/viewer.html").as_uri()) as page:
        assert "There is no circuit to show" in page.locator("#stage").inner_text()


# The designer.


@dataclass(frozen=True)
class Served:
    """A designer that runs: where it is, and where it saves."""

    url: str
    folder: Path
    process: subprocess.Popen[str]


@contextmanager
def serve(folder: Path, *, port: int = 0) -> Iterator[Served]:
    command = [sys.executable, "-m", "qcircuit_adapt", "serve", "--no-open", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--folder", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        said = process.stdout.readline()
        match = re.search(r"http://127\.0\.0\.1:\d+/", said)
        assert match, said
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(match.group(), timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield Served(match.group(), folder, process)
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        go_without(f"no {error.name}: pip install 'qcircuit-adapt[serve]'")
    with serve(tmp_path_factory.mktemp("circuits")) as served:
        yield served


@contextmanager
def design(browser: Browser, served: Served, **options: Any) -> Iterator[Page]:
    with open_page(browser, served.url, **options) as page:
        page.wait_for_selector(".gate")
        yield page


def wait_for_number(page: Page, name: str, value: str) -> None:
    page.wait_for_function(
        "([name, value]) => "
        "document.querySelector(`[data-number='${name}'] dd`).textContent === value",
        arg=[name, value],
    )


def choose_wire(page: Page, name: str, *, start: str) -> None:
    """Click a piece of wire in its visible middle."""
    piece = page.locator(f'.wire[data-wire="{name}"][data-from="{start}"]')
    spot = piece.evaluate(
        """(one) => {
            const line = one.querySelector(".line"), length = line.getTotalLength();
            for (let n = 1; n < 40; n += 1) {
                const point = line.getPointAtLength((length * n) / 40);
                const at = point.matrixTransform(line.getScreenCTM());
                if (one.contains(document.elementFromPoint(at.x, at.y))) return [at.x, at.y];
            }
            return null;
        }"""
    )
    assert spot, f"wire {name} from {start} is covered"
    page.mouse.click(*spot)


def test_numbers_follow_the_text(browser: Browser, served: Served) -> None:
    with design(browser, served) as page:
        assert number(page, "parameters") == "43,008"
        text = page.locator("#text")
        text.fill("x=64 | x -> r=4, r -> y=64")
        wait_for_number(page, "parameters", "512")
        assert number(page, "rank of T") == "4"
        assert number(page, "degrees of freedom") == "496"
        assert page.locator(".gate").count() == 2
        assert page.locator("#error").is_hidden()
        text.fill("lora(d_in=32, rank=2)")
        wait_for_number(page, "parameters", "128")


def test_an_error_has_a_caret_and_marks_the_text(browser: Browser, served: Served) -> None:
    with design(browser, served) as page:
        page.locator("#text").fill("a=4 b=3 | a b,\nb qq")
        error = page.locator("#error")
        error.wait_for(state="visible")
        assert error.locator("pre").text_content() == "b qq\n  ^^"
        assert error.inner_text().startswith("WireError: gate 'g2' acts on wire 'qq', which is")
        assert "The wires are 'a', 'b'." in error.inner_text()
        assert page.locator("#marks mark").text_content() == "qq"
        # The picture of the last good text stays, and says so.
        assert number(page, "parameters") == "43,008"
        assert "last text without errors" in page.locator("#acts").inner_text()
        page.locator("#text").fill("a=4 b=3 | a b,\nb")
        error.wait_for(state="hidden")
        assert page.locator("#marks mark").count() == 0
        wait_for_number(page, "parameters", "153")


def test_gates_are_added_moved_and_removed_by_clicking(browser: Browser, served: Served) -> None:
    with design(browser, served) as page:
        text = page.locator("#text")
        text.fill("a=4 b=3 c=2 | a b, b c")
        wait_for_number(page, "parameters", "180")
        choose_wire(page, "a", start="g1")
        choose_wire(page, "c", start="g2")
        page.locator("#acts button", has_text="Add gate on a c").click()
        wait_for_number(page, "parameters", "244")
        assert text.input_value() == "a=4 b=3 c=2 | a b, b c, a c"
        gate(page, "g1").click()
        page.locator("#acts button", has_text="Later").click()
        page.wait_for_function(
            "() => document.querySelector('#text').value.includes('b c, a b, a c')"
        )
        assert text.input_value() == "a=4 b=3 c=2 | b c, a b, a c"
        page.locator(".gate.chosen").wait_for()
        page.keyboard.press("Escape")
        gate(page, "g3").click()
        page.locator("#acts button", has_text="Remove g3").click()
        wait_for_number(page, "parameters", "180")
        assert text.input_value() == "a=4 b=3 c=2 | b c, a b"


def test_a_gate_is_moved_to_other_wires(browser: Browser, served: Served) -> None:
    with design(browser, served) as page:
        page.locator("#text").fill("a=4 b=4 c=2 | a, c")
        wait_for_number(page, "parameters", "20")
        gate(page, "g1").click()
        choose_wire(page, "b", start="the input")
        page.locator("#acts button", has_text="Move g1 to b").click()
        page.wait_for_function("() => document.querySelector('#text').value.includes('| c, b')")


def test_pieces_of_wire_that_never_meet_are_not_chosen_together(
    browser: Browser, served: Served
) -> None:
    with design(browser, served) as page:
        page.locator("#text").fill("a=4 b=4 c=2 | a b, b c")
        wait_for_number(page, "parameters", "320")
        choose_wire(page, "b", start="g1")
        choose_wire(page, "a", start="g1")
        assert page.locator("#acts button.main").inner_text() == "Add gate on a b"
        # Before the first gate there is no wire that comes from it.
        choose_wire(page, "b", start="the input")
        assert page.locator("#acts button.main").inner_text() == "Add gate on b"
        page.locator("#acts button.main").click()
        page.wait_for_function("() => document.querySelector('#text').value.includes('| b, a b')")


def test_wires_are_chosen_by_keyboard(browser: Browser, served: Served) -> None:
    with design(browser, served) as page:
        page.locator("#text").fill("a=4 b=3 | a")
        wait_for_number(page, "parameters", "16")
        page.locator('.gate[data-gate="g1"]').focus()
        for _ in range(8):
            page.keyboard.press("ArrowDown")
            if page.evaluate("document.activeElement.dataset.wire") == "b":
                break
        page.keyboard.press("Enter")
        add = page.locator("#acts button", has_text="Add gate on b")
        add.focus()
        page.keyboard.press("Enter")
        wait_for_number(page, "parameters", "25")


def test_what_cannot_be_done_is_told_and_changes_nothing(browser: Browser, served: Served) -> None:
    with design(browser, served) as page:
        page.locator("#text").fill("a=4 b=3 | a -> r=2, r b")
        wait_for_number(page, "parameters", "44")
        gate(page, "g1").click()
        page.locator("#acts button", has_text="Remove g1").click()
        page.locator("#error").wait_for(state="visible")
        assert "acts on wire 'r', which is not there" in page.locator("#error").inner_text()
        assert page.locator("#text").input_value() == "a=4 b=3 | a -> r=2, r b"


def test_changes_are_undone_and_done_again(browser: Browser, served: Served) -> None:
    with design(browser, served) as page:
        text = page.locator("#text")
        before = text.input_value()
        text.fill("a=4 b=3 | a b")
        wait_for_number(page, "parameters", "144")
        page.locator("#undo").click()
        assert text.input_value() == before
        wait_for_number(page, "parameters", "43,008")
        assert page.locator("#undo").is_disabled()
        text.press("Control+Shift+z")
        wait_for_number(page, "parameters", "144")
        text.press("Control+z")
        wait_for_number(page, "parameters", "43,008")
        text.fill("a=2 | a")
        assert page.locator("#redo").is_disabled()
        # What was undone before a change is no longer in the way.
        page.locator("#undo").click()
        assert text.input_value() == before


def test_circuits_are_opened_and_saved(browser: Browser, served: Served) -> None:
    with design(browser, served) as page:
        page.locator("#open").click()
        page.locator("#opening-list").get_by_role(
            "button", name="lora-4096-r16", exact=True
        ).click()
        wait_for_number(page, "parameters", "131,072")
        assert page.locator("#title").input_value() == "lora-4096-r16"
        page.locator("#title").fill("mine")
        page.locator("#save").click()
        page.locator("#saving").wait_for(state="visible")
        assert page.locator("#file").input_value() == "mine.toml"
        page.locator("#write").click()
        page.locator("#saving").wait_for(state="hidden")
        path = served.folder / "mine.toml"
        assert read_circuit(path) == Circuit.parse(LORA.text, name="mine")
        # It asks before it replaces.
        page.locator("#text").fill("a=2 | a")
        page.locator("#save").click()
        page.locator("#write").click()
        said = page.locator("#saving-said")
        page.wait_for_function("() => document.querySelector('#saving-said').textContent")
        assert said.inner_text() == "mine.toml is there already. Replace it?"
        assert read_circuit(path).parameters == 131_072
        page.locator("#write", has_text="Replace it").click()
        page.locator("#saving").wait_for(state="hidden")
        assert read_circuit(path).parameters == 4
        page.locator("#open").click()
        page.locator("#opening-list button", has_text="mine.toml").click()
        page.locator("#opening").wait_for(state="hidden")
        wait_for_number(page, "parameters", "4")
        page.locator("#text").fill("a=2 | b")
        page.locator("#save").click()
        page.locator("#write").click()
        page.wait_for_function(
            "() => document.querySelector('#saving-said').textContent.includes(\"'b'\")"
        )
        assert read_circuit(path).parameters == 4
    path.unlink()


def test_nothing_is_lost_when_the_server_stops(browser: Browser, tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        port = int(served.url.rstrip("/").rsplit(":", 1)[1])
        context = browser.new_context()
        page = context.new_page()
        page.goto(served.url)
        page.wait_for_selector(".gate")
        page.locator("#text").fill("a=5 | a")
        wait_for_number(page, "parameters", "25")
    notice = page.locator("#notice")
    page.locator("#text").fill("a=6 | a")
    notice.wait_for(state="visible")
    assert "does not answer" in notice.inner_text()
    with serve(tmp_path, port=port):
        notice.wait_for(state="hidden")
        wait_for_number(page, "parameters", "36")
        page.reload()
        wait_for_number(page, "parameters", "36")
        assert page.locator("#text").input_value() == "a=6 | a"
        page.locator("#undo").click()
        wait_for_number(page, "parameters", "43,008")
    context.close()


def test_the_designer_fits_a_phone(browser: Browser, served: Served) -> None:
    with design(browser, served, **PHONE) as page:
        assert overflow(page) <= 0
        page.locator("#text").fill("a=16 b=8 c=8 d=4 | c d, b zzzzzzzzzzzzzzzzzzzzzzzzzzzz, a d")
        page.locator("#error").wait_for(state="visible")
        assert overflow(page) <= 0
        page.locator("#open").tap()
        page.locator("#opening").wait_for(state="visible")
        assert overflow(page) <= 0
