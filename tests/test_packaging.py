"""What is shipped: the wheel's contents, and that it works where there is no source tree."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.parser import BytesParser
from pathlib import Path
from site import getsitepackages

import pytest

from qcircuit_adapt import locate
from qcircuit_adapt.errors import LibraryError

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "transformers", "peft", "matplotlib")
SECONDS_TO_IMPORT = 1.0


def run(*command: object, cwd: Path) -> str:
    """Run a command away from the source tree's influence; its output, or a failure showing it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTHONNOUSERSITE"] = "1"
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def build(kind: str, *, source: Path, into: Path) -> Path:
    run(sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "-o", into, source, cwd=into)
    (built,) = into.iterdir()
    return built


def relative_files(folder: Path) -> set[str]:
    """Every file under a folder that a wheel should carry, as paths relative to the folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix()
        for path in files
        if "__pycache__" not in path.parts and path.name != ".DS_Store"
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", source=ROOT, into=tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def unpacked_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sdist = build("sdist", source=ROOT, into=tmp_path_factory.mktemp("sdist"))
    into = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    (folder,) = into.iterdir()
    return folder


@pytest.fixture(scope="module")
def installed_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the wheel in it, and this one's dependencies behind."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=folder)
    # A .pth file appends, so the wheel comes first; and a .pth file inside an appended folder is
    # not read, so an editable install in this environment stays out.
    purelib = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    )
    behind = "".join(f"{path}\n" for path in getsitepackages())
    (Path(purelib.strip()) / "dependencies.pth").write_text(behind)
    return python


def run_installed(python: Path, code: str, *, folder: Path) -> str:
    """Run a script from an otherwise empty folder, on the installed package and on no other."""
    script = folder / "script.py"
    script.write_text(code)
    prefix = python.parents[1]
    where = run(
        python, "-c", "import qcircuit_adapt; print(qcircuit_adapt.__file__)", cwd=folder
    ).strip()
    assert Path(where).is_relative_to(prefix), f"tested {where}, not the wheel in {prefix}"
    return run(python, script, cwd=folder)


@pytest.mark.parametrize("name", ["circuits", "viz"])
def test_shared_folder_holds_no_python(name: str) -> None:
    assert [str(path) for path in (ROOT / name).rglob("*.py*")] == []


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("circuits", ["qcircuit_adapt/families/", "qcircuit_adapt/library.py"]),
        ("viz", ["qcircuit_adapt/draw/"]),
    ],
)
def test_first_line_says_where_the_python_is(name: str, where: list[str]) -> None:
    first = (ROOT / name / "README.md").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("There is no Python here")
    for path in where:
        assert f"`{path}`" in first
        assert (ROOT / path).exists()


def test_locator_finds_the_source_tree() -> None:
    assert locate.shared_folder("circuits") == ROOT / "circuits"
    assert locate.shared_folder("viz") == ROOT / "viz"


def test_locator_prefers_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "qcircuit_adapt"
    for folder in (package / "share" / "circuits", tmp_path / "circuits"):
        folder.mkdir(parents=True)
        (folder / "index.toml").touch()
    monkeypatch.setattr(locate, "_PACKAGE", package)
    assert locate.shared_folder("circuits") == package / "share" / "circuits"


def test_locator_passes_over_a_folder_without_its_sentinel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "circuits").mkdir()
    package = tmp_path / "qcircuit_adapt"
    monkeypatch.setattr(locate, "_PACKAGE", package)
    with pytest.raises(LibraryError) as caught:
        locate.shared_folder("circuits")
    wheel, source = package / "share" / "circuits", tmp_path / "circuits"
    assert str(caught.value).splitlines() == [
        "the shipped folder 'circuits' was not found: no 'index.toml' in either of its places.",
        f"  looked in '{wheel}' (a wheel), then in '{source}' (a source tree).",
        "  Install qcircuit-adapt again, or run from a complete checkout.",
    ]


def test_wheel_installs_one_package(wheel_names: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"qcircuit_adapt"}


def test_wheel_carries_the_package_whole(wheel_names: set[str]) -> None:
    package = {f"qcircuit_adapt/{name}" for name in relative_files(ROOT / "qcircuit_adapt")}
    assert package <= wheel_names
    assert "qcircuit_adapt/py.typed" in wheel_names


@pytest.mark.parametrize("name", ["circuits", "viz"])
def test_wheel_carries_shared_folder_whole(wheel_names: set[str], name: str) -> None:
    prefix = f"qcircuit_adapt/share/{name}/"
    shared = {entry.removeprefix(prefix) for entry in wheel_names if entry.startswith(prefix)}
    assert shared == relative_files(ROOT / name)
    assert not [entry for entry in shared if Path(entry).suffix.startswith(".py")]


def test_wheel_carries_circuits_and_gallery(wheel_names: set[str]) -> None:
    share = "qcircuit_adapt/share"
    assert f"{share}/circuits/index.toml" in wheel_names
    assert f"{share}/viz/README.md" in wheel_names
    assert [n for n in wheel_names if n.startswith(f"{share}/viz/gallery/") and n.endswith(".svg")]


def test_wheel_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        metadata = BytesParser().parsebytes(archive.read(path))
        commands = archive.read(path.replace("METADATA", "entry_points.txt")).decode()
        assert path.replace("METADATA", "licenses/LICENSE") in archive.namelist()
    assert metadata["Name"] == "qcircuit-adapt"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "qcircuit = qcircuit_adapt.cli:main" in commands.splitlines()
    # The exact pins of constraints.txt are for our tests; users get ranges.
    requirements = metadata.get_all("Requires-Dist", failobj=[])
    assert not [requirement for requirement in requirements if "==" in requirement.split(";")[0]]


def test_sdist_carries_the_tests(unpacked_sdist: Path) -> None:
    tests = {path.name for path in (ROOT / "tests").glob("*.py")}
    assert tests == {path.name for path in (unpacked_sdist / "tests").glob("*.py")}
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "Makefile"):
        assert (unpacked_sdist / name).is_file(), name


def test_sdist_builds_the_same_wheel(
    unpacked_sdist: Path, wheel_names: set[str], tmp_path: Path
) -> None:
    again = build("wheel", source=unpacked_sdist, into=tmp_path)
    with zipfile.ZipFile(again) as archive:
        assert set(archive.namelist()) == wheel_names


def test_installed_wheel_loads_every_circuit(installed_python: Path, tmp_path: Path) -> None:
    code = (
        "import qcircuit_adapt as qa\n"
        "from qcircuit_adapt import library\n"
        "for name in library.names():\n"
        "    qa.load_circuit(name)\n"
        "    print(name)\n"
    )
    loaded = run_installed(installed_python, code, folder=tmp_path).split()
    shipped = {path.stem for path in (ROOT / "circuits").glob("*.toml")} - {"index"}
    assert sorted(loaded) == sorted(shipped)
    assert loaded


def test_installed_wheel_finds_its_own_folders(installed_python: Path, tmp_path: Path) -> None:
    code = (
        "from qcircuit_adapt.locate import shared_folder\n"
        "print(shared_folder('circuits'))\n"
        "print(shared_folder('viz'))\n"
    )
    for folder in run_installed(installed_python, code, folder=tmp_path).splitlines():
        assert Path(folder).is_relative_to(installed_python.parents[1])


def test_installed_command_answers(installed_python: Path, tmp_path: Path) -> None:
    assert "demo" in run(installed_python, "-m", "qcircuit_adapt", "--help", cwd=tmp_path)
    assert "demo" in run(installed_python.with_name("qcircuit"), "--help", cwd=tmp_path)


def test_installed_wheel_imports_fast_and_light(installed_python: Path, tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "start = time.process_time()\n"
        "import qcircuit_adapt\n"
        "print(time.process_time() - start)\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    seconds, heavy = [], set()
    for _ in range(3):
        first, second = run_installed(installed_python, code, folder=tmp_path).splitlines()
        seconds.append(float(first))
        heavy.update(second.split())
    assert heavy == set()
    assert min(seconds) < SECONDS_TO_IMPORT
