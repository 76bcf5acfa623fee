"""Workers of pytest-xdist on other machines: what ``--tx`` asks for, and hosts that disappear.

Of pytest-xdist it touches ``make_reltoroot``, the ``NodeManager``'s ``roots``, ``setup_node``,
and ``teardown_nodes``, and ``DSession``'s ``_clone_node``, ``_active_nodes``, and
``shouldstop``.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Any

import execnet
import pytest
from xdist import workermanage

from harness import files
from harness.layouts.parts import session_mark
from harness.plugin.specs import worker_specs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.layouts import Layout

REFUSALS = (OSError, EOFError, execnet.HostNotFound)
"""What execnet raises where nobody answers."""


class UnreachableError(Exception):
    """A worker cannot be started where ``--tx`` says."""


def problems(config: pytest.Config) -> Iterator[str]:
    """Yield what is wrong with the way to other machines, before any is called."""
    for text in dict.fromkeys(map(str, worker_specs(config))):
        spec = execnet.XSpec(text)
        if not (spec.popen or spec.chdir):
            yield (
                f"--tx {text}: say where the project lies on that machine, as in "
                f"--tx {text}//chdir=/shared/project"
            )
    if config.getoption("rsyncdir") or config.getini("rsyncdirs"):
        yield (
            "--rsyncdir would have workers judge copies of the experiments, where their "
            "judgments would stay; use a directory that all machines share (chdir=), "
            "or --judge-shard and python -m harness merge"
        )


def put_mark(layout: Layout) -> Path:
    """Put an empty directory into an experiment by which workers know it, wherever they see it."""
    path = session_mark(layout, secrets.token_hex(8))
    files.make_directory(path, root=layout.experiment.root)
    return path


@contextlib.contextmanager
def reached(config: pytest.Config) -> Iterator[None]:
    """Turn what is raised where nobody answers into a usage error."""
    try:
        yield
    except UnreachableError as error:
        raise pytest.UsageError(str(error)) from None
    except REFUSALS as error:  # pytest-xdist starts proxies before it calls any hook
        proxies = config.getoption("px", None)  # since 3.7
        if not proxies:
            raise
        raise pytest.UsageError(
            f"--px {' --px '.join(proxies)}: cannot be reached ({_why(error)})"
        ) from None


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class Others:
    """The workers of a session on other machines; made once pytest-xdist is about to start them.

    They get the arguments as they were given, and nothing is copied to them: pytest-xdist
    would refuse every path that does not lie in a directory that it copies. Relative paths
    are found from a worker's own directory, its ``chdir``.
    """

    def __init__(self, dsession: Any, say: Callable[[str], None]) -> None:
        self._dsession = dsession
        self._say = say
        manager = dsession.nodemanager
        manager.roots = []
        self._setup, manager.setup_node = manager.setup_node, self._reach
        self._end, manager.teardown_nodes = manager.teardown_nodes, self._end_all
        self._clone, dsession._clone_node = dsession._clone_node, self._replace  # noqa: SLF001 - no hook
        self._translate = getattr(workermanage, "make_reltoroot", None)
        workermanage.make_reltoroot = lambda _roots, args: args

    def close(self) -> None:
        """Give pytest-xdist what belongs to all of its sessions back."""
        workermanage.make_reltoroot = self._translate

    def _reach(self, spec: execnet.XSpec, *args: Any) -> Any:
        try:
            return self._setup(spec, *args)
        except REFUSALS as error:
            text = str(spec).removeprefix("execmodel=main_thread_only//")
            raise UnreachableError(f"--tx {text}: cannot be reached ({_why(error)})") from None

    def _end_all(self) -> None:
        """End the workers; those behind a proxy that is gone cannot be told any more."""
        try:
            self._end()
        except OSError:
            # Nobody waits for them, now or at exit; the proxies that are left end, too.
            self._dsession.nodemanager.group._gateways_to_join.clear()  # noqa: SLF001 - no method
            with contextlib.suppress(OSError):
                self._end()

    def _replace(self, node: Any) -> None:
        """Start another worker in the place of one that died, or go on without it."""
        session = self._dsession
        # Another one would end so, too, and pytest-xdist would start them for ever.
        why = "it ended before it had collected anything"
        if node in session.sched.node2collection:
            try:
                self._clone(node)
            except UnreachableError as error:
                why = str(error)
            else:
                return
        self._say(f"{node.gateway.id} is not replaced: {why}")
        others = session._active_nodes - {node}  # noqa: SLF001 - there is no hook
        if not (others and self._goes_on(session.sched)):
            session.shouldstop = "no worker is left; run the same command again"
            session.triggershutdown()

    def _goes_on(self, sched: Any) -> bool:
        """Have the other workers do without the one that is gone; False if none can."""
        if not sched.collection_is_completed:
            sched.numnodes -= 1
            if sched.collection_is_completed:
                sched.schedule()
            return True
        return bool(getattr(sched, "take_over", lambda: True)())
