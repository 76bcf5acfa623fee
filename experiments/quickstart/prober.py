"""The judge "prober": calls the agent's code with generated durations.

Usage: prober.py RUN_DIR; the reply goes to stdout. The prompt on stdin is not needed.

What each call must give is known from how its argument was made. The calls run in a copy of
the workspace, in another process, with a time limit; so do the commands the answer shows.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, cycle, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoring import Finding, read_rubric, reply

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
ERROR = {"raised": "ValueError"}
CALLS_LIMIT = 25.0
COMMAND_LIMIT = 25.0
MOST_COMMANDS = 6

COMMAND = "python3 durations.py "
BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Probe:
    """One call and the answer that is right; ``criterion`` is an id of the rubric."""

    criterion: str
    function: str
    argument: str | int
    expected: dict[str, Any]


def main(run_dir: Path) -> None:
    """Judge one run and print the reply."""
    with tempfile.TemporaryDirectory(dir=".") as scratch:
        copy = Path(scratch, "workspace").resolve()
        workspace = run_dir / "workspace"
        if workspace.is_dir() and not workspace.is_symlink():
            shutil.copytree(workspace, copy, symlinks=True)
        else:
            copy.mkdir()
        findings = probe(copy, Path(scratch, "answers"))
        findings |= repeat_commands(run_dir, copy, Path(scratch, "printed"))
    print(json.dumps(reply(read_rubric(HERE / "rubric.yaml"), findings), indent=2))


def probe(workspace: Path, answers: Path) -> dict[str, Finding]:
    """Make all calls and count, by criterion, how many gave what they must."""
    probes = [*parsing(), *formatting(), *errors()]
    calls = json.dumps([[each.function, each.argument] for each in probes])
    with answers.open("wb") as sink:
        try:
            child = [sys.executable, "-I", "-B", str(HERE / "probe_child.py")]
            subprocess.run(  # noqa: S603 - our own program
                child,
                cwd=workspace,
                input=calls.encode(),
                stdout=sink,
                stderr=subprocess.DEVNULL,
                timeout=CALLS_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            pass  # what is not answered by now counts as wrong
    imported, *given = [*read_answers(answers), {"raised": "nothing"}][: len(probes) + 1]
    if imported["raised"] is not None:
        reason = f"durations.py cannot be imported ({imported['raised']})"
        return {each.criterion: Finding(0.0, reason) for each in probes}
    given += [{"raised": "no answer"}] * (len(probes) - len(given))
    return count(list(zip(probes, given, strict=True)))


def read_answers(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the answers up to the first line that was cut off."""
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def count(answered: list[tuple[Probe, dict[str, Any]]]) -> dict[str, Finding]:
    """Turn answers into findings that quote the first wrong one."""
    findings = {}
    for criterion in dict.fromkeys(each.criterion for each, _ in answered):
        mine = [(each, answer) for each, answer in answered if each.criterion == criterion]
        wrong = [(each, answer) for each, answer in mine if answer != each.expected]
        reason = f"{len(mine) - len(wrong)} of {len(mine)} calls are right"
        if wrong:
            each, answer = wrong[0]
            reason += f"; {each.function}({each.argument!r}): {shown(answer)}"
            reason += f", expected {shown(each.expected)}"
        # half of the calls right is worth nothing: refusing or accepting everything gets so far
        findings[criterion] = Finding(max(0.0, 1 - 2 * len(wrong) / len(mine)), reason)
    return findings


def shown(answer: dict[str, Any]) -> str:
    """Put an answer in words."""
    if "raised" in answer:
        return str(answer["raised"])
    return repr(answer["value"]) if "value" in answer else f"a {answer['type']}"


def number(value: int) -> dict[str, Any]:
    """Return the answer that is this number."""
    return {"type": "int", "value": value}


def parsing() -> Iterator[Probe]:
    """Yield what parse must read: every set of units, every spacing, many fractions."""
    amounts = cycle((1, 30, 7, 100, 59, 2, 12))
    units = [subset for size in range(1, 6) for subset in combinations(UNITS, size)]
    spacings = [("", " ", ""), ("", "", ""), (" ", "  ", " "), ("\t", "", ""), ("", " ", "  ")]
    for subset, (inside, between, around) in product(units, spacings):
        parts = [(next(amounts), unit) for unit in subset]
        total = sum(amount * UNITS[unit] for amount, unit in parts)
        text = around + between.join(f"{amount}{inside}{unit}" for amount, unit in parts) + around
        plain = (inside, between, around) == spacings[0]
        yield Probe("parse_units" if plain else "parse_spacing", "parse", text, number(total))
        if plain:
            yield Probe("parse_units", "parse", text.upper(), number(total))
    for text, exact in fractions():
        if exact.denominator == 1:
            yield Probe("parse_fractions", "parse", text, number(int(exact)))


def fractions() -> Iterator[tuple[str, Fraction]]:
    """Yield numbers with one and two decimals, with every unit, and what they come to."""
    for unit, size in UNITS.items():
        for hundredths in range(1, 500):
            whole, rest = divmod(hundredths, 100)
            if rest:
                decimals = f"{rest:02}".rstrip("0")
                yield f"{whole}.{decimals}{unit}", Fraction(hundredths, 100) * size


def formatting() -> Iterator[Probe]:
    """Yield what humanize must write: numbers around the multiples of units, and cubes."""
    around = {
        times * size + step
        for times, size, step in product(range(1, 20), UNITS.values(), (-1, 0, 1))
    }
    for seconds in sorted((around | {root**3 for root in range(200)}) - {0}):
        words, rest = [], seconds
        for unit, size in UNITS.items():
            amount, rest = divmod(rest, size)
            words += [f"{amount}{unit}"] if amount else []
        text = {"type": "str", "value": " ".join(words)}
        yield Probe("format_parts", "humanize", seconds, text)
        yield Probe("round_trip", "round_trip", seconds, number(seconds))
    yield Probe("format_zero", "humanize", 0, {"type": "str", "value": "0s"})


def errors() -> Iterator[Probe]:
    """Yield what must be refused."""
    sizes = list(UNITS.values())
    for length in (2, 3):
        for units in product(UNITS, repeat=length):
            order = [sizes.index(UNITS[unit]) for unit in units]
            if order != sorted(set(order)):
                text = " ".join(f"{amount}{unit}" for amount, unit in enumerate(units, 1))
                yield Probe("reject_order", "parse", text, ERROR)
    spoilt = "-1{} +1{} {} 1{}x x1{} 1{}, 1e1{} 1..5{} 1_0{} 1{}5 1:30{} ?{}".split()  # noqa: SIM905 - shorter
    for pattern, unit in product([*spoilt, "1 2{}", "1{} 5", "1{} and", "1{} -1s"], UNITS):
        yield Probe("reject_rest", "parse", pattern.format(unit), ERROR)
    for text in ("", " ", "5", "1.5", "soon", "1 year"):
        yield Probe("reject_rest", "parse", text, ERROR)
    for text, exact in fractions():
        if exact.denominator != 1:
            yield Probe("reject_part_seconds", "parse", text, ERROR)
    for seconds in (-1, -60, -86_400):
        yield Probe("reject_negative", "humanize", seconds, ERROR)


def repeat_commands(run_dir: Path, workspace: Path, printed: Path) -> dict[str, Finding]:
    """Repeat the commands that the answer shows; nothing is found if it shows none."""
    wrong = []
    commands = list(shown_commands(run_dir))[:MOST_COMMANDS]
    for command, expected in commands:
        text = run_command(command, workspace, printed)
        if text.split() != expected.split():
            last_line = text.strip().rpartition("\n")[2]
            wrong.append(f"{command!r} printed {last_line!r}")
    if not commands:
        return {}
    reason = "; ".join([f"{len(commands) - len(wrong)} of {len(commands)} as shown", *wrong])
    return {"transcript": Finding(1 - len(wrong) / len(commands), reason)}


def shown_commands(run_dir: Path) -> Iterator[tuple[str, str]]:
    """Yield the commands in the blocks of code of the answer, with the lines below each."""
    answer = next((path for path in sorted(run_dir.glob("output.*")) if path.is_file()), None)
    text = "" if answer is None else answer.read_text("utf-8", "replace")
    for block in BLOCK.findall(text):
        for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = entry.partition("\n")
            if command.startswith(COMMAND):
                yield command, expected


def run_command(command: str, workspace: Path, printed: Path) -> str:
    """Return what a shown command prints; no shell is involved."""
    try:
        argv = [sys.executable, "-B", "durations.py", *shlex.split(command[len(COMMAND) :])]
        with printed.open("wb") as sink:
            subprocess.run(  # noqa: S603 - running the agent's program is the purpose
                argv,
                cwd=workspace,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                timeout=COMMAND_LIMIT,
                check=False,
            )
    except (subprocess.TimeoutExpired, ValueError) as error:
        return f"({type(error).__name__})"
    return printed.read_text("utf-8", "replace")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
