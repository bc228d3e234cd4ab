"""The direction of imports, read from the source by ast; the rules are in `broken_rules`."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "qcircuit_adapt"
ROOT = Path(__file__).resolve().parents[1]

# Each may import only those to its left, wherever in the file the import stands.
CORE = ("errors", "notation", "axes", "gate", "declaration", "circuit")
# circuit.py is where a user starts, so its methods reach forward, inside functions.
REACHES_FORWARD = "circuit"

# What is heavy to import, and the only places that may import it. A place covers what is below it.
HOMES = {
    "torch": ("nn", "hf", "demo", "experiments"),
    "transformers": ("hf", "demo", "experiments"),
    "peft": ("hf", "demo", "experiments"),
    "matplotlib": (
        "demo",
        "draw.budget",
        "draw.figure",
        "draw.front",
        "draw.inspection",
        "draw.mpl",
        "draw.overview",
        "draw.spectrum",
        "draw.style",
        "draw.tensor_network",
        "draw.tree",
        "experiments.picture",
    ),
    "distributed": ("design.pool",),
    "starlette": ("serve",),
    "uvicorn": ("serve",),
}
# Distributions that import torch themselves.
AS_TORCH = ("accelerate", "safetensors.torch", "torch")
# Our own parts that may import torch when they are imported.
TORCH_SIDE = ("nn", "hf", "demo", "experiments")
# Outside the torch side, where a function may import it.
MAY_IMPORT_TORCH_SIDE_LATE = ("", "circuit", "compiler.plan", "cli")

# The checker of certificates distrusts the rest: of ours it shares the parser, and itself.
CHECKER = "verify"
CHECKER_SHARES = ("circuit", "errors", "gate")

FORBIDDEN = {
    "draw": ("compiler", "hf", "nn"),
    "analysis": ("compiler", "design", "draw"),
    "design": ("draw", "hf", "nn", "serve"),
    "hf": ("draw",),
    "survey": ("draw", "hf", "nn", "serve"),
}


@dataclass(frozen=True)
class Import:
    """One imported module: the file and line that ask for it, its dotted name, and when."""

    path: str
    line: int
    target: str
    late: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def module_name(path: Path, *, root: Path) -> str:
    """The dotted name of a source file: ``qcircuit_adapt.draw`` for ``draw/__init__.py``."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part(module: str) -> str | None:
    """A module's name inside the package (``""`` for the package itself); None for others."""
    return None if not within(module, PACKAGE) else module.removeprefix(PACKAGE).removeprefix(".")


def within(module: str, *places: str) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def is_plain(module: str) -> bool:
    """Say whether a module is of the standard library, or numpy's."""
    name = module.split(".")[0]
    return name in sys.stdlib_module_names or name == "numpy"


class ImportCollector(ast.NodeVisitor):
    """Collects a file's imports; those under ``if TYPE_CHECKING`` never run and are left out."""

    def __init__(self, path: Path, *, root: Path, modules: frozenset[str]) -> None:
        self.path = path.relative_to(root).as_posix()
        self.modules = modules
        self.depth = 0
        self.found: list[Import] = []

    def add(self, node: ast.stmt | ast.expr, target: str) -> None:
        self.found.append(Import(self.path, node.lineno, target, late=self.depth > 0))

    def visit_function(self, node: ast.AST) -> None:
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = visit_function  # noqa: N815

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for child in node.orelse:
                self.visit(child)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        source = node.module or ""
        if node.level:
            package = self.path.split("/")[: -node.level]
            source = ".".join([*package, *filter(None, [source])])
        for alias in node.names:
            name = f"{source}.{alias.name}"
            # Of ours we know which names are modules; elsewhere the longer name does no harm.
            ours = within(source, PACKAGE)
            self.add(node, name if not ours or name in self.modules else source)

    def visit_Call(self, node: ast.Call) -> None:
        match node:
            case ast.Call(
                func=ast.Attribute(attr="import_module")
                | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(target)), *_],
            ):
                self.add(node, target)
        self.generic_visit(node)


def collect_imports(root: Path) -> dict[str, list[Import]]:
    """The imports of each module of the package under a root."""
    paths = {module_name(path, root=root): path for path in sorted((root / PACKAGE).rglob("*.py"))}
    found = {}
    for module, path in paths.items():
        collector = ImportCollector(path, root=root, modules=frozenset(paths))
        collector.visit(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
        found[module] = collector.found
    return found


def broken_rules(module: str, imports: Mapping[str, list[Import]]) -> Iterator[str]:
    """Say, for every import of a module that breaks a rule: file, line, import and rule."""
    here = part(module)
    assert here is not None
    for one in imports[module]:
        there = part(one.target)
        says = f"{one} imports {one.target}"
        if here in CORE and there is not None and not (one.late and here == REACHES_FORWARD):
            allowed = CORE[: CORE.index(here)]
            if there not in allowed:
                names = ", ".join(allowed) or "nothing"
                yield f"{says}, but {here} may import of ours only: {names}"
        trusted = (CHECKER, *CHECKER_SHARES)
        if within(here, CHECKER) and there is not None and not within(there, *trusted):
            names = ", ".join(CHECKER_SHARES)
            yield f"{says}, but {CHECKER} may import of ours only: {names}"
        if within(here, CHECKER) and there is None and not is_plain(one.target):
            yield f"{says}, but {CHECKER} may import of others only numpy"
        for user, targets in FORBIDDEN.items():
            if within(here, user) and there is not None and within(there, *targets):
                yield f"{says}, but {user} imports none of: {', '.join(targets)}"
        for heavy, homes in HOMES.items():
            spellings = AS_TORCH if heavy == "torch" else (heavy,)
            late = MAY_IMPORT_TORCH_SIDE_LATE if heavy == "torch" and one.late else ()
            if (
                within(one.target, *spellings)
                and not within(here, *homes)
                and not within(here, *late)
            ):
                yield f"{says}, but {heavy} is imported only in: {', '.join(homes)}"
        if there is not None and within(there, *TORCH_SIDE) and not within(here, *TORCH_SIDE):
            if not one.late:
                yield f"{says}, but outside a function only these may: {', '.join(TORCH_SIDE)}"
            elif not within(here, *MAY_IMPORT_TORCH_SIDE_LATE):
                names = ", ".join(place or "__init__" for place in MAY_IMPORT_TORCH_SIDE_LATE)
                yield f"{says}, but inside a function only these may: {names}"
    for heavy, homes in HOMES.items():
        chain = () if within(here, *homes) else find_chain(module, heavy, imports)
        # A chain of one is a direct import, reported above.
        if len(chain) > 1:
            steps = ", ".join(f"{one} imports {one.target}" for one in chain)
            yield f"importing {module} imports {heavy}, which only {', '.join(homes)} may: {steps}"


def find_chain(module: str, heavy: str, imports: Mapping[str, list[Import]]) -> tuple[Import, ...]:
    """A shortest chain of imports by which importing a module imports a heavy one, or ()."""
    spellings = AS_TORCH if heavy == "torch" else (heavy,)
    queue: list[tuple[str, tuple[Import, ...]]] = [(module, ())]
    seen = {module}
    for current, chain in queue:
        for one in imports[current]:
            if one.late:
                continue
            if within(one.target, *spellings):
                return (*chain, one)
            # Importing a.b.c runs a, a.b and a.b.c.
            pieces = one.target.split(".")
            for stop in range(1, len(pieces) + 1):
                name = ".".join(pieces[:stop])
                if name in imports and name not in seen:
                    seen.add(name)
                    queue.append((name, (*chain, one)))
    return ()


IMPORTS = collect_imports(ROOT)


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_module_keeps_the_direction(module: str) -> None:
    broken = dict.fromkeys(broken_rules(module, IMPORTS))
    assert not broken, "\n".join(broken)


def test_the_rules_speak_of_modules_that_exist() -> None:
    """A renamed module must not slip out of its rule."""
    places = {CHECKER, *CHECKER_SHARES, *CORE, *TORCH_SIDE, *FORBIDDEN, *MAY_IMPORT_TORCH_SIDE_LATE}
    places |= {place for places in (*HOMES.values(), *FORBIDDEN.values()) for place in places}
    names = {f"{PACKAGE}.{place}" if place else PACKAGE for place in places}
    assert names - IMPORTS.keys() == set()


def test_import_is_light() -> None:
    heavy = [*HOMES, "networkx"]
    code = f"import sys, {PACKAGE}; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("files", "where", "rule"),
    [
        (
            {"axes.py": "import math\nfrom qcircuit_adapt.gate import Gate\n"},
            "axes.py:2 imports qcircuit_adapt.gate",
            "axes may import of ours only: errors, notation",
        ),
        (
            {"errors.py": "from . import notation\n", "notation.py": ""},
            "errors.py:1 imports qcircuit_adapt.notation",
            "errors may import of ours only: nothing",
        ),
        (
            {"gate.py": "def f():\n    from qcircuit_adapt import Circuit\n"},
            "gate.py:2 imports qcircuit_adapt",
            "gate may import of ours only: errors, notation, axes",
        ),
        (
            {"circuit.py": "from qcircuit_adapt.draw import svg\n"},
            "circuit.py:1 imports qcircuit_adapt.draw",
            "circuit may import of ours only: errors, notation, axes, gate, declaration",
        ),
        (
            {"compiler/path.py": "import torch.nn as nn\n"},
            "compiler/path.py:1 imports torch.nn",
            "torch is imported only in: nn, hf, demo, experiments",
        ),
        (
            {"analysis/count.py": "def f():\n    import torch\n"},
            "analysis/count.py:2 imports torch",
            "torch is imported only in: nn, hf, demo, experiments",
        ),
        (
            {"adapter.py": "from safetensors import torch\n"},
            "adapter.py:1 imports safetensors.torch",
            "torch is imported only in: nn, hf, demo, experiments",
        ),
        (
            {"adapter.py": "import importlib\nimportlib.import_module('torch')\n"},
            "adapter.py:2 imports torch",
            "torch is imported only in: nn, hf, demo, experiments",
        ),
        (
            {"draw/svg.py": "import matplotlib\n"},
            "draw/svg.py:1 imports matplotlib",
            f"matplotlib is imported only in: {', '.join(HOMES['matplotlib'])}",
        ),
        (
            {"nn/linear.py": "from peft import PeftModel\n"},
            "nn/linear.py:1 imports peft.PeftModel",
            "peft is imported only in: hf, demo, experiments",
        ),
        (
            {"cli.py": "def f():\n    import transformers\n"},
            "cli.py:2 imports transformers",
            "transformers is imported only in: hf, demo, experiments",
        ),
        (
            {"draw/text.py": "from qcircuit_adapt.compiler.plan import Plan\n"},
            "draw/text.py:1 imports qcircuit_adapt.compiler.plan",
            "draw imports none of: compiler, hf, nn",
        ),
        (
            {"analysis/cut.py": "from qcircuit_adapt import draw\n", "draw/__init__.py": ""},
            "analysis/cut.py:1 imports qcircuit_adapt.draw",
            "analysis imports none of: compiler, design, draw",
        ),
        (
            {"verify/cut.py": "def f():\n    from qcircuit_adapt import wires\n", "wires.py": ""},
            "verify/cut.py:2 imports qcircuit_adapt.wires",
            "verify may import of ours only: circuit, errors, gate",
        ),
        (
            {"verify/cut.py": "import networkx\n"},
            "verify/cut.py:1 imports networkx",
            "verify may import of others only numpy",
        ),
        (
            {"hf/layer.py": "def f():\n    import qcircuit_adapt.draw.svg\n"},
            "hf/layer.py:2 imports qcircuit_adapt.draw.svg",
            "hf imports none of: draw",
        ),
        (
            {"cli.py": "from qcircuit_adapt.nn import operator\n"},
            "cli.py:1 imports qcircuit_adapt.nn",
            "outside a function only these may: nn, hf, demo, experiments",
        ),
        (
            {"cli.py": "def f():\n    import uvicorn\n"},
            "cli.py:2 imports uvicorn",
            "uvicorn is imported only in: serve",
        ),
        (
            {"survey.py": "from qcircuit_adapt.draw import svg\n"},
            "survey.py:1 imports qcircuit_adapt.draw",
            "survey imports none of: draw, hf, nn, serve",
        ),
        (
            {"compiler/cost.py": "def f():\n    from qcircuit_adapt.nn import operator\n"},
            "compiler/cost.py:2 imports qcircuit_adapt.nn",
            "inside a function only these may: __init__, circuit, compiler.plan, cli",
        ),
    ],
)
def test_a_broken_rule_is_reported(
    files: dict[str, str], where: str, rule: str, tmp_path: Path
) -> None:
    assert broken_in_first(files, root=tmp_path) == [f"{PACKAGE}/{where}, but {rule}"]


def test_an_indirect_import_is_reported_with_its_chain(tmp_path: Path) -> None:
    files = {
        "adapter.py": "from qcircuit_adapt.compiler import plan\n",
        "compiler/__init__.py": "from qcircuit_adapt.nn import operator\n",
        "compiler/plan.py": "",
        "nn/__init__.py": "",
        "nn/operator.py": "import torch\n",
    }
    (report,) = broken_in_first(files, root=tmp_path)
    head, *chain = report.replace(": ", ", ").split(", qcircuit_adapt/")
    assert head == (
        "importing qcircuit_adapt.adapter imports torch, which only nn, hf, demo, experiments may"
    )
    assert chain == [
        "adapter.py:1 imports qcircuit_adapt.compiler.plan",
        "compiler/__init__.py:1 imports qcircuit_adapt.nn.operator",
        "nn/operator.py:1 imports torch",
    ]


@pytest.mark.parametrize(
    "files",
    [
        {"gate.py": "from qcircuit_adapt import axes, errors\n", "axes.py": "", "errors.py": ""},
        {"circuit.py": "def f():\n    from qcircuit_adapt.draw import draw\n"},
        {"__init__.py": "def __getattr__(name):\n    from qcircuit_adapt.hf import config\n"},
        {"cli.py": "def f():\n    import torch\n    from qcircuit_adapt.demo import run\n"},
        {"gate.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"},
        {"demo/run.py": "import torch, peft, transformers, matplotlib\nimport qcircuit_adapt.hf\n"},
        {"hf/model.py": "import peft\nfrom qcircuit_adapt.nn.linear import AdaptedLinear\n"},
        {
            "verify/cut.py": "import json\nimport numpy\nimport qcircuit_adapt.verify.graph\n"
            "from qcircuit_adapt.circuit import Circuit\n",
            "verify/graph.py": "",
            "circuit.py": "",
        },
        {"adapter.py": "import safetensors.numpy\nimport torchish\n"},
    ],
)
def test_what_is_allowed_is_not_reported(files: dict[str, str], tmp_path: Path) -> None:
    assert broken_in_first(files, root=tmp_path) == []


def broken_in_first(files: dict[str, str], *, root: Path) -> list[str]:
    """Write a package of these files; the rules that its first file breaks."""
    for name, text in files.items():
        path = root / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    first = module_name(root / PACKAGE / next(iter(files)), root=root)
    return list(broken_rules(first, collect_imports(root)))
