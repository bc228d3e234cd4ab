"""How much longer a training step of an adapted layer takes than of the frozen layer alone.

A step is forward and backward, to x and to all that is trained. Each variant is timed between two
timings of the frozen layer and divided by their mean; variants come in random order in every round.
Printed are the median of these ratios and, in brackets, their quartiles: CPU time of the process on
one thread, or with `--device cuda` the time between CUDA events. The other columns are counted and
do not depend on the machine, in input vectors ("rows") for each token: what autograd keeps beyond x
and the parameters, the most memory allocated at once, and what is read and written beyond the
frozen layer's; calls; flops of matrix products over the frozen layer's.

    python benchmarks/step.py --quick
    python benchmarks/step.py --json step.json --picture step.svg
    python benchmarks/step.py --shape 4096 --tokens 512 --tokens 2048 --dtype float32
    python benchmarks/step.py --circuit "quanta(axes=4)" --d-in 4096 --d-out 1024 --tokens 512
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

# The profiler tells each start and stop unless told not to, before torch is imported.
os.environ.setdefault("KINETO_LOG_LEVEL", "9")

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch import nn
from training import cases
from training.cases import DTYPES, SHAPES, Cell
from training.clock import cpu_seconds, cuda_seconds, forget, paired_ratios, step
from training.count import count
from training.picture import draw
from training.report import Result, Row, table, to_data
from training.variants import Frozen, make_ready, variants

WIDTH = 112
"""What a table takes, also where the output is not a terminal."""


def main(arguments: list[str] | None = None) -> None:
    options = read_options(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # Adapters warn about what they are not compiled with; what is measured is what they then do.
    warnings.simplefilter("ignore")
    console = Console()
    console.width = max(console.width, WIDTH)
    results: list[Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    cells = find_cells(options)
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        whole = progress.add_task("cells", total=len(cells))
        for number, cell in enumerate(cells, 1):
            progress.update(whole, description=f"cell {number} of {len(cells)}")
            results.append(measure(cell, options, progress))
            console.print(table(results[-1]))
            progress.advance(whole)
            if options.json:
                # After every cell, so that a run that is stopped leaves what it measured.
                text = json.dumps(to_data(results, device=options.device), indent=2)
                options.json.write_text(text + "\n", encoding="utf-8")
    if options.picture and results:
        draw(results, options.picture)


def read_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [shape.name for shape in SHAPES]
    parser.add_argument("--shape", action="append", choices=names, help="only this; repeatable")
    parser.add_argument("--tokens", action="append", type=int, help="only this many; repeatable")
    parser.add_argument("--dtype", action="append", choices=list(DTYPES), help="only this type")
    parser.add_argument("--variant", action="append", help="only those with this in their name")
    parser.add_argument("--circuit", help="a circuit of yours in place of the shapes")
    parser.add_argument("--d-in", type=int, default=4096, help="of --circuit")
    parser.add_argument("--d-out", type=int, help="of --circuit; by default --d-in")
    parser.add_argument("--rounds", type=int, help="how often each is timed; 9, 3 if --quick")
    parser.add_argument(
        "--quick", action="store_true", help="two shapes, 64 tokens, 3 rounds, no BOFT"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--picture", type=Path, help="draw here: .svg, .png or .pdf")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (3 if options.quick else 9)
    if options.rounds < 2:
        parser.error("--rounds must be 2 or more: quartiles need two timings.")
    if any(tokens < 1 for tokens in options.tokens or ()):
        parser.error("--tokens must be 1 or more.")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch finds no GPU.")
    return options


def find_cells(options: argparse.Namespace) -> list[Cell]:
    """Return what is to be measured, smallest first within a shape."""
    gpu = options.device == "cuda"
    shapes = [
        shape
        for shape in SHAPES
        if shape.name in (options.shape or (cases.QUICK_SHAPES if options.quick else names()))
    ]
    if options.circuit:
        d_out = options.d_out or options.d_in
        shapes = [cases.own_shape(options.circuit, options.d_in, d_out)]
    usual = cases.TOKENS_ON_GPU if gpu else cases.QUICK_TOKENS if options.quick else cases.TOKENS
    dtypes = options.dtype or (["bfloat16"] if gpu else usual_dtypes())
    return [
        Cell(shape, tokens, dtype)
        for shape in shapes
        for dtype in dtypes
        for tokens in options.tokens or usual
    ]


def usual_dtypes() -> list[str]:
    """Leave bfloat16 out where the processor has no instructions for it: a step takes minutes."""
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return list(DTYPES)
    print("bfloat16 is left out: this processor only emulates it. Ask for it with --dtype.")
    return ["float32"]


def names() -> list[str]:
    return [shape.name for shape in SHAPES]


def measure(cell: Cell, options: argparse.Namespace, progress: Progress) -> Result:
    """Build, count and time all variants of a cell."""
    device, dtype = options.device, DTYPES[cell.dtype]
    x = torch.randn(cell.tokens, cell.shape.d_in, dtype=dtype, device=device, requires_grad=True)
    gradient = torch.randn(cell.tokens, cell.shape.d_out, dtype=dtype, device=device)
    base = Frozen(cell).to(device)
    models: dict[str, nn.Module] = {}
    left_out: list[tuple[str, str]] = []
    found = variants(cell, device=device)
    wanted = {
        name: build
        for name, build in found.items()
        if not options.variant or any(word in name for word in options.variant)
        # At 64 tokens one step of BOFT takes as long as all the others together.
        if not (options.quick and name.startswith("BOFT") and not options.variant)
    }
    task = progress.add_task(str(cell), total=len(wanted) * (options.rounds + 1))
    for name, build in wanted.items():
        try:
            model = make_ready(build(), device=device)
            step(model, x, gradient)
            trained = [p for p in model.parameters() if p.requires_grad]
            if any(p.grad is None for p in trained):
                raise ValueError("it does not train")
            models[name] = model
        except (ValueError, RuntimeError, ImportError, NotImplementedError) as error:
            left_out.append((name, str(error).splitlines()[0]))
            progress.advance(task, options.rounds)
        progress.advance(task)
    step(base, x, gradient)
    counts = {name: count(model, x, gradient) for name, model in models.items()}

    def work(model: nn.Module) -> Callable[[], None]:
        def once() -> None:
            forget(model, x)
            step(model, x, gradient)

        return once

    ratios = paired_ratios(
        work(base),
        {name: work(model) for name, model in models.items()},
        clock=cuda_seconds if device == "cuda" else cpu_seconds,
        rounds=options.rounds,
        tick=functools.partial(lambda _, task: progress.advance(task), task=task),
    )
    progress.remove_task(task)
    rows = tuple(
        Row(
            name,
            sum(p.numel() for p in model.parameters() if p.requires_grad),
            ratios[name],
            counts[name],
        )
        for name, model in models.items()
    )
    result = Result(cell, count(base, x, gradient), rows, tuple(left_out))
    del models
    gc.collect()
    return result


if __name__ == "__main__":
    main()
