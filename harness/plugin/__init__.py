"""The pytest adapter. A session without an experiment only pays for this module.

Everything else is imported when the first experiment is met.
"""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

import pytest

from harness.plugin import limits, looks, options, publish, quality, shard, verbs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.plugin.session import PanelSession


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make the hook known that replaces judges."""
    from harness.plugin import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and their ini twins."""
    options.add_options(parser)
    quality.add_options(parser)
    limits.add_options(parser)
    publish.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; map path arguments inside experiments to their slots."""
    for line in options.MARKERS:
        config.addinivalue_line("markers", line)
    options.check(config)
    limits.check(config)
    publish.annotate(config)
    quality.watch(config)
    idle = options.dry_run(config) or verbs.runs_nothing(config)
    if idle and config.getoption("dist", "no") != "no":
        # Nothing is run, so no worker is needed; the scan is the controller's anyhow.
        config.option.dist, config.option.tx, config.option.numprocesses = "no", [], None
    _map_arguments(config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> Iterator[None]:
    """In the controller of pytest-xdist, scan the experiments before the workers start."""
    config = session.config
    if not config.pluginmanager.hasplugin("dsession") or hasattr(config, "workerinput"):
        return (yield)
    from harness.plugin.controller import prepare

    with prepare(config):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist, before it tells what it collected, say what is not there."""
    if options.SNAPSHOT in getattr(session.config, "workerinput", ()):
        from harness.plugin.snapshot import report_absent

        report_absent(session)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Keep pytest from importing a ``conftest.py`` that lies inside a run."""
    known = early_config.known_args_namespace
    given = list(known.file_or_dir)
    if any(looks.may_lie_in_experiment(arg, early_config) for arg in given or [os.curdir]):
        from harness.plugin.arguments import anchors

        known.file_or_dir, known.confcutdir = anchors(given, early_config)
    try:
        return (yield)
    finally:
        known.file_or_dir = given


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which part of the runs the session is about."""
    part = shard.of(config)
    return None if part is None else f"judge shard: {part}"


def _map_arguments(config: pytest.Config) -> None:
    if any(looks.may_lie_in_experiment(arg, config) for arg in config.args):
        from harness.plugin.arguments import map_arguments

        map_arguments(config)


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect an experiment as such, and nothing else that lies in its directory."""
    if not looks.looks_like_experiment(path):
        return None
    from harness.plugin.directories import ExperimentDirectory

    node: pytest.Collector = ExperimentDirectory.from_parent(parent, path=path)
    return node


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the slots of an experiment from its configuration file."""
    if file_path.name not in ("experiment.yaml", "experiment.json"):
        return None
    from harness.plugin.collect import experiment_file

    return experiment_file(file_path, parent)


def panel_session(config: pytest.Config) -> PanelSession:
    """Return the session's state; made, and registered as a plugin, at the first experiment."""
    from harness.plugin.secrets import Secrets
    from harness.plugin.session import PanelSession

    found = config.pluginmanager.get_plugin(PanelSession.NAME)
    if found is None:
        found = PanelSession(config)
        config.pluginmanager.register(found, PanelSession.NAME)
        _publish(found)
        # After the session's state, so that its wrappers are outside all others.
        config.pluginmanager.register(Secrets(config, found.bench.redactor), "harness-secrets")
    assert isinstance(found, PanelSession)  # noqa: S101 - narrows the type
    return found


def _publish(panel: PanelSession) -> None:
    """Have what people look at after the session written; workers only report."""
    from harness.plugin.properties import Properties

    panel.config.pluginmanager.register(Properties(), "harness-properties")
    if not hasattr(panel.config, "workerinput"):
        from harness.plugin.publisher import Publisher

        gates = panel.config.stash.get(quality.GATES, None)
        panel.config.pluginmanager.register(Publisher(panel, gates), "harness-publisher")
        if gates is not None:  # after the publisher, so that they decide before it writes
            panel.config.pluginmanager.register(gates, "harness-quality")
