"""The judge "reviewer": reads the agent's code as a syntax tree and never runs it."""

from __future__ import annotations

import ast
import builtins
import sys
from typing import TYPE_CHECKING, Any

from scoring import Finding, read_rubric, reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import SimpleNamespace

CRITERIA = "interface proportion complexity documentation error_handling tidiness".split()  # noqa: SIM905 - shorter
STATEMENTS = (60, 150)
"""Up to the first number of statements is in proportion, from the second on it is not at all."""
BRANCHES = (8, 20)
"""The same for the branches of the most complex function."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
ENDING = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def review(_prompt: str, paths: SimpleNamespace) -> dict[str, Any]:
    """Return the reply on one run; the harness calls this in a process of its own."""
    return reply(read_rubric(paths.experiment / "rubric.yaml"), findings(paths.workspace))


def findings(workspace: Path | None) -> dict[str, Finding]:
    """Judge the criteria of the category ``code``."""
    sources = {} if workspace is None else dict(read_sources(workspace))
    try:
        trees = {name: ast.parse(text) for name, text in sources.items()}
    except (SyntaxError, ValueError, RecursionError) as error:
        return dict.fromkeys(CRITERIA, Finding(0.0, f"the code cannot be parsed: {error}"))
    if "durations.py" not in trees:
        return dict.fromkeys(CRITERIA, Finding(0.0, "there is no durations.py"))
    modules = list(trees.values())
    return {
        "interface": interface(trees["durations.py"]),
        "proportion": proportion(modules),
        "complexity": complexity(modules),
        "documentation": documentation(modules),
        "error_handling": faulty(2, [*error_faults(modules)]),
        "tidiness": faulty(4, [*tidiness_faults(trees)]),
    }


def read_sources(workspace: Path) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of the Python files that are no tests."""
    for path in sorted(workspace.rglob("*.py")):
        inside = not path.is_symlink() and path.is_file()
        if inside and not path.name.startswith("test_"):
            yield path.relative_to(workspace).as_posix(), path.read_text("utf-8", "replace")


def faulty(most: int, faults: list[str]) -> Finding:
    """Take the same off for each fault; nothing is left at ``most``."""
    return Finding(max(0.0, 1 - len(faults) / most), "; ".join(faults) or "no fault found")


def between(value: int, bounds: tuple[int, int]) -> float:
    """Return 1 up to the first bound, 0 from the second on, and a share between them."""
    good, bad = bounds
    return min(1.0, max(0.0, (bad - value) / (bad - good)))


def interface(module: ast.Module) -> Finding:
    """Look for parse, humanize, and for calls that run on import."""
    defined = {node.name: node for node in module.body if isinstance(node, Function)}
    faults = [
        f"{name} is {problem}"
        for name in ("parse", "humanize")
        if (problem := interface_problem(defined.get(name)))
    ]
    faults += [
        f"line {node.lineno} runs on import"
        for node in module.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    return faulty(2, faults)


def interface_problem(function: Function | None) -> str | None:
    """Say why a function is not what the task asks for, as far as one can see."""
    if function is None:
        return "missing"
    positional = [*function.args.posonlyargs, *function.args.args]
    required = len(positional) - len(function.args.defaults)
    if required > 1 or not (positional or function.args.vararg):
        return "not callable with one argument"
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if len(body) == 1 and isinstance(body[0], ast.Raise | ast.Pass):
        return "a stub"
    if not any(isinstance(node, ast.Return) and node.value for node in ast.walk(function)):
        return "without a return value"
    return None


def proportion(modules: list[ast.Module]) -> Finding:
    """Count statements; docstrings are none."""
    nodes = [node for module in modules for node in ast.walk(module)]
    statements = sum(isinstance(node, ast.stmt) and not is_text(node) for node in nodes)
    return Finding(between(statements, STATEMENTS), f"{statements} statements")


def is_text(node: ast.AST) -> bool:
    """Return whether a node is a text that stands alone: a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def complexity(modules: list[ast.Module]) -> Finding:
    """Find the function with the most branches."""
    branches = {
        node.name: sum(map(branches_of, ast.walk(node)))
        for module in modules
        for node in ast.walk(module)
        if isinstance(node, Function)
    }
    if not branches:
        return Finding(0.0, "there is no function")
    worst = max(branches, key=branches.__getitem__)
    return Finding(between(branches[worst], BRANCHES), f"{worst} has {branches[worst]} branches")


def branches_of(node: ast.AST) -> int:
    """Return how many ways a node adds."""
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    loops = ast.For | ast.While | ast.comprehension
    return isinstance(node, loops | ast.If | ast.IfExp | ast.ExceptHandler | ast.match_case)


def documentation(modules: list[ast.Module]) -> Finding:
    """Count what has a docstring among modules and public definitions."""
    public = [
        node
        for module in modules
        for node in [module, *module.body]
        if isinstance(node, ast.Module)
        or (isinstance(node, Definition) and not node.name.startswith("_"))
    ]
    documented = sum(ast.get_docstring(node) is not None for node in public)
    return Finding(documented / len(public), f"{documented} of {len(public)} have a docstring")


def error_faults(modules: list[ast.Module]) -> Iterator[str]:
    """Yield where errors are swallowed, where the program ends, and if nothing is refused."""
    nodes = [node for module in modules for node in ast.walk(module)]
    for node in nodes:
        if isinstance(node, ast.ExceptHandler):
            all_types = node.type is None or name_of(node.type) in ("Exception", "BaseException")
            if all_types and not any(isinstance(step, ast.Raise) for step in node.body):
                yield f"line {node.lineno} catches everything"
            if all(isinstance(step, ast.Pass | ast.Continue) for step in node.body):
                yield f"line {node.lineno} swallows an error"
        elif isinstance(node, Function) and node.name != "main" and ends_program(node):
            yield f"{node.name} ends the program"
    if not any(isinstance(node, ast.Raise) for node in nodes):
        yield "nothing is ever raised"


def ends_program(function: Function) -> bool:
    """Return whether a function calls exit or raises SystemExit."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(name_of(node.func) in ("sys.exit", "exit", "quit", "SystemExit") for node in calls)


def name_of(node: ast.expr) -> str:
    """Return the dotted name that an expression is, or an empty text."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def tidiness_faults(trees: dict[str, ast.Module]) -> Iterator[str]:
    """Yield names without use or without definition, code behind the end, foreign imports."""
    modules = list(trees.values())
    known = sys.stdlib_module_names | {name.partition("/")[0].removesuffix(".py") for name in trees}
    nodes = [node for module in modules for node in ast.walk(module)]
    read = names_in(nodes, ast.Load)
    used = read | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    for name in sorted(top_level_names(modules) - used - {"parse", "humanize", "main"}):
        yield f"{name} is not used"
    for name in sorted(read - bound_names(nodes) - set(dir(builtins))):
        yield f"{name} is not defined"
    for node in nodes:
        for block in (getattr(node, "body", None), getattr(node, "orelse", None)):
            for step in block[:-1] if isinstance(block, list) else ():
                if isinstance(step, ENDING):
                    yield f"nothing gets past line {step.lineno}"
        for name in imported(node):
            if name.partition(".")[0] not in known:
                yield f"{name} is not in the standard library"


def names_in(nodes: list[ast.AST], context: type[ast.expr_context]) -> set[str]:
    """Return the names that are read, or those that are bound."""
    found = (node for node in nodes if isinstance(node, ast.Name))
    return {node.id for node in found if isinstance(node.ctx, context)}


def imported(node: ast.AST) -> list[str]:
    """Return the modules that a node imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def bound_by_import(node: ast.AST) -> list[str]:
    """Return the names that an import binds."""
    if not isinstance(node, ast.Import | ast.ImportFrom) or "__future__" in imported(node):
        return []
    return [alias.asname or alias.name.partition(".")[0] for alias in node.names]


def top_level_names(modules: list[ast.Module]) -> set[str]:
    """Return what modules bind: imports, definitions, and constants."""
    names = set()
    for node in [step for module in modules for step in module.body]:
        names.update(bound_by_import(node))
        if isinstance(node, Definition):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def bound_names(nodes: list[ast.AST]) -> set[str]:
    """Return every name that is bound anywhere; scopes are not told apart."""
    names = {"__name__", "__file__", "__doc__"} | names_in(nodes, ast.Store)
    for node in nodes:
        names.update(bound_by_import(node))
        for attribute in ("name", "arg", "rest"):  # definitions, arguments, except, match
            name = getattr(node, attribute, None)
            if isinstance(name, str):
                names.add(name)
    return names
