"""What is built and installed: the wheel, the source distribution, the public names."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import os
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

import harness
from harness.yaml_text import parse_yaml

if TYPE_CHECKING:
    from email.message import Message

ROOT = Path(__file__).resolve().parent.parent
DIST_INFO = f"pytest_judge_panel-{harness.__version__}.dist-info"
LEFT_BEHIND = ("__pycache__", ".mypy_cache", ".ruff_cache")


def build(directory: Path) -> tuple[Path, Path]:
    """Build both distributions with what is installed, without a network."""
    for module in ("build", "hatchling"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs the package {module!r} (the extra 'dev')")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = directory.glob("*.whl")
    (source,) = directory.glob("*.tar.gz")
    return wheel, source


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the wheel and the source distribution of the checkout."""
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(distributions: tuple[Path, Path]) -> zipfile.ZipFile:
    """Return the built wheel, open."""
    return zipfile.ZipFile(distributions[0])


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    """Return the wheel's metadata."""
    return Parser().parsestr(wheel.read(f"{DIST_INFO}/METADATA").decode())


def package_files() -> set[str]:
    """Return the names of the package's files in the checkout."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "harness").rglob("*")
        if path.is_file() and not set(LEFT_BEHIND) & set(path.parts)
    }


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """A user gets the modules and py.typed; no tests, no experiments, no benchmarks."""
    about = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
    assert "harness/py.typed" in package_files()
    assert set(wheel.namelist()) == package_files() | {f"{DIST_INFO}/{name}" for name in about}


def test_the_wheel_runs_on_every_platform_with_a_new_enough_python(
    wheel: zipfile.ZipFile, metadata: Message
) -> None:
    """The wheel is pure Python, and pip refuses it for a Python that is too old."""
    tags = Parser().parsestr(wheel.read(f"{DIST_INFO}/WHEEL").decode()).get_all("Tag")
    assert (tags, metadata["Requires-Python"]) == (["py3-none-any"], ">=3.11")


def test_the_metadata_name_the_distribution_and_its_extras(metadata: Message) -> None:
    """The distribution is called pytest-judge-panel; its extras are the documented ones."""
    assert metadata["Name"] == "pytest-judge-panel"
    assert metadata["License-Expression"] == "MIT"
    extras = {"http", "report", "parquet", "inspect", "all", "test", "dev"}
    assert set(metadata.get_all("Provides-Extra", [])) == extras
    assert metadata.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_workflow_checks_every_python_that_is_promised() -> None:
    """CI runs .ci/run on the versions of Python that the metadata name, and on no others."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = [c.rpartition(" ")[2] for c in project["classifiers"] if "Python :: 3." in c]
    workflow = parse_yaml((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["check"]
    assert job["strategy"]["matrix"] == {"python": promised}
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


CHANGES = """\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-01-02

### Added

- More.
"""


@pytest.mark.parametrize(
    ("tag", "changelog", "problem"),
    [
        ("v1.2.0", CHANGES, None),
        ("1.2.0", CHANGES, "the tag is 1.2.0, the version 1.2.0; tag v1.2.0 or change the version"),
        (
            "v1.3.0",
            CHANGES,
            "the tag is v1.3.0, the version 1.2.0; tag v1.2.0 or change the version",
        ),
        (
            "v1.2.0",
            CHANGES.replace("## [1.2.0]", "- Later.\n\n## [1.2.0]"),
            "CHANGELOG.md: move what is under [Unreleased] below a heading for 1.2.0",
        ),
        (
            "v1.2.0",
            CHANGES.replace(" - 2026-01-02", ""),
            "CHANGELOG.md: there is no '## [1.2.0] - YYYY-MM-DD' with something below it",
        ),
        (
            "v1.2.0",
            CHANGES.partition("### Added")[0],
            "CHANGELOG.md: there is no '## [1.2.0] - YYYY-MM-DD' with something below it",
        ),
    ],
)
def test_a_release_is_what_its_tag_says(tag: str, changelog: str, problem: str | None) -> None:
    """Nothing is published unless tag, version, and changelog agree."""
    check = runpy.run_path(str(ROOT / ".ci" / "check-release"))
    assert check["problem"](tag, '__version__ = "1.2.0"\n', changelog) == problem


def test_the_release_is_checked_built_by_ci_and_published_without_a_token() -> None:
    """Only the last job may publish, by the registry's trust, what .ci/run has built."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    workflow = parse_yaml(text)
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    run = [step["run"] for step in build["steps"] if "run" in step]
    assert run == ['.ci/check-release "$GITHUB_REF_NAME"', ".ci/run"]
    assert workflow["permissions"] == {"contents": "read"}
    assert publish["permissions"] == {"id-token": "write"}
    assert (publish["needs"], "secrets." in text) == ("build", False)


def test_the_changelog_keeps_its_form() -> None:
    """Headings are versions with dates, the newest first, and sections have the known names."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *released = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert first == "[Unreleased]"
    found = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d", line) for line in released]
    assert None not in found
    versions = [tuple(map(int, match.groups())) for match in found if match is not None]
    assert versions == sorted(set(versions), reverse=True)
    sections = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_mutation_tests_are_told_modules_and_tests_that_are_there() -> None:
    """A renamed module does not drop out of the mutation tests unseen."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    told = tools["mutmut"]
    named = [*told["only_mutate"], *told["pytest_add_cli_args_test_selection"]]
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_version_is_a_semantic_one() -> None:
    """Three numbers, and perhaps what comes before a release."""
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+|\.dev\d+)?", harness.__version__)


def test_the_version_has_one_source(metadata: Message) -> None:
    """The built version is that of the imported package."""
    assert metadata["Version"] == harness.__version__


def test_pytest_finds_the_plugin_by_its_own_module_name(wheel: zipfile.ZipFile) -> None:
    """The entry point has the module's name, so a conftest that names it does not clash."""
    points = configparser.ConfigParser(delimiters=("=",))
    points.read_string(wheel.read(f"{DIST_INFO}/entry_points.txt").decode())
    found = {section: dict(points[section]) for section in points.sections()}
    assert found == {
        "console_scripts": {"judge-panel": "harness.__main__:main"},
        "pytest11": {"harness.plugin": "harness.plugin"},
    }


def test_the_source_distribution_is_enough_to_run_the_tests(
    distributions: tuple[Path, Path],
) -> None:
    """It holds every file under version control, and nothing that git ignores."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    with tarfile.open(distributions[1]) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    tracked = {name for name in git("ls-files", "-z") if (ROOT / name).exists()}
    assert tracked - names == set()
    assert git("check-ignore", "-z", "--no-index", "--stdin", given="\0".join(names)) == set()


def git(*arguments: str, given: str = "") -> set[str]:
    """Return the names that git answers with."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, input=given, capture_output=True, text=True, check=False
    )
    assert not done.stderr
    return set(filter(None, done.stdout.split("\0")))


@pytest.mark.parametrize("name", sorted({*harness.__all__} - {"__version__"}))
def test_a_public_name_is_what_it_says(name: str) -> None:
    """Every public name loads and is the class or function of that name."""
    found = getattr(harness, name)
    assert (found.__name__, found.__module__.partition(".")[0]) == (name, "harness")


def test_type_checkers_see_the_names_that_are_loaded() -> None:
    """The imports for type checkers and the table of lazy names agree, name by name."""
    tree = ast.parse(Path(harness.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "importlib"
        for alias in node.names
        if alias.asname == alias.name
    }
    assert set(seen) == {*harness.__all__} - {"__version__"}
    for name, module in seen.items():
        assert getattr(import_module(str(module)), name) is getattr(harness, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not public says so, as any module does."""
    with pytest.raises(AttributeError) as caught:
        harness.nonsense  # type: ignore[attr-defined]  # noqa: B018 - the access is the test
    assert str(caught.value) == "module 'harness' has no attribute 'nonsense'"


def test_importing_the_package_loads_nothing_else() -> None:
    """``import harness`` and ``dir(harness)`` pay for no module that is not asked for."""
    program = (
        "import sys; before = set(sys.modules); import harness; dir(harness); "
        "print(sorted(n for n in set(sys.modules) - before "
        "if n.partition('.')[0] not in sys.stdlib_module_names))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "['harness']\n"


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with the wheel, beside the dependencies of this one."""
    home = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    site = home / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    wheel.extractall(site)  # noqa: S202 - we built it
    (site / "others.pth").write_text(f"{Path(msgspec.__file__).parent.parent}\n")
    return home / "bin" / "python"


def outside(python: Path, *arguments: str | Path, directory: Path) -> str:
    """Return what an installed Python prints in a directory of its own."""
    done = subprocess.run(
        [python, *arguments],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "HOME": str(directory), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_installed_wheel_judges_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    """What pip installs is enough: plugin, command, templates, and the programs that run alone."""
    place = outside(
        installed, "-c", "import harness; print(harness.__file__)", directory=tmp_path
    ).strip()
    assert Path(place).is_relative_to(installed.parent.parent)
    outside(installed, "-m", "harness", "new", "mine", directory=tmp_path)
    said = outside(installed, "-m", "pytest", "mine", "--parallel", "4", directory=tmp_path)
    assert "judged 4, failed to judge 0, consensus regenerated 2" in said
    outside(installed, "-m", "harness", "report", "mine", "-o", "page.html", directory=tmp_path)
    assert "starter" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_type_checker_finds_the_types_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    """mypy, strict, sees py.typed and accepts what others write against the public names."""
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("needs the package 'mypy' (the extra 'dev')")
    sample = tmp_path / "api.py"
    sample.write_text((ROOT / "tests" / "typing" / "api.py").read_text(encoding="utf-8"))
    check = ("-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache")
    python = Path(sys.executable)
    said = outside(python, *check, "--python-executable", installed, sample, directory=tmp_path)
    assert said == "Success: no issues found in 1 source file\n"
