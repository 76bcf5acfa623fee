"""What a person sees: status counts, a line per slot, tables. From reports, never from threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.model import JUDGEABLE, WORK, SlotStatus
from harness.modes import Mode
from harness.plugin import changes, outlook, shard
from harness.plugin.collect import slot_items
from harness.plugin.coverage import coverage, coverage_lines
from harness.plugin.listing import LISTED, ORDER, Listing
from harness.plugin.signals import EXIT_TERMINATED
from harness.plugin.specs import worker_specs
from harness.plugin.summary import Clock, findings, next_line
from harness.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _pytest.terminal import TerminalReporter

    from harness.model import Slot
    from harness.plugin.collect import SlotItem
    from harness.plugin.selection import Chosen
    from harness.plugin.session import PanelSession
    from harness.scan import Scan

PROBLEMS = 5
"""Problems that are listed at the end."""


class PanelTerminal:
    """Reports of one session."""

    def __init__(self, panel: PanelSession) -> None:
        self._panel = panel
        self._config = panel.config
        self._clock = Clock()
        self._chosen: list[SlotItem] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count how long slots were at work."""
        self._clock.pytest_runtest_logreport(report)

    # --- after collection --------------------------------------------------------------------

    def pytest_report_collectionfinish(self, items: list[pytest.Item]) -> list[str]:
        """Print the slots by status, and what was asked for that needs no work."""
        quiet = self._config.option.collectonly and self._config.get_verbosity() < 0
        if quiet or self._panel.not_found:
            return []  # a list of node ids is for programs; a usage error says it all
        self._chosen = list(slot_items(items))
        lines = self.counts()
        if self._panel.dry_run:
            lines += self._would(self._chosen)
        return lines

    def _would(self, items: list[SlotItem]) -> Iterator[str]:
        """Say what a session that is not dry would do."""
        mode = self._panel.mode
        if mode is Mode.REGENERATE:
            for scanned in self._panel.scans.values():
                yield from changes.would_make(scanned, self._shown)
            yield "dry run: nothing was changed"
            return
        if mode is Mode.REPARSE:
            yield from (f"  {self._shown(line)}" for line in changes.would_change(items))
        if mode is not Mode.REPARSE and items:
            yield from outlook.estimates(self._panel, items)
        slots = f"{_slots(len(items))} {changes.WOULD[mode]}"
        yield f"dry run: {slots}; nothing was changed"

    def counts(self) -> list[str]:
        """Return the slots by status, and what was asked for that needs no work."""
        lines: list[str] = []
        for root, scanned in self._panel.scans.items():
            experiment = scanned.layout.experiment
            counts = scanned.counts()
            shown = ", ".join(f"{counts[s]} {s}" for s in ORDER if counts[s])
            lines.append(f"{safe_line(experiment.name)}: {_slots(len(scanned.slots))}: {shown}")
            lines += shard.line(self._config, scanned)
            lines += map(safe_line, self._panel.chosen[root].unmatched)
            lines += self._explain(self._panel.chosen[root], scanned)
        return lines

    def _explain(self, chosen: Chosen, scanned: Scan) -> list[str]:
        panel = self._panel
        if panel.mode is not Mode.JUDGE:
            return self._explain_mode(chosen)
        listing = Listing(self._shown, whole=self._config.get_verbosity() > 0)
        if panel.dry_run:
            root = scanned.layout.experiment.root
            items = (item for item in self._chosen if item.layout.experiment.root == root)
            slots = list({item.slot.name: item.slot for item in items}.values())
            return listing.planned(slots, scanned.slots, panel.statuses)
        named = {slot.name for slot in chosen.named}
        if set(panel.statuses) <= set(JUDGEABLE):
            lines = list(self._blocked(s for s in chosen.of_any_status if s.name not in named))
        else:
            lines = listing.by_status(chosen.slots)
        if not chosen.to_judge and not chosen.left_out:
            lines += [
                f"{slot.name} is {slot.status}{self._why_blocked(slot)}" for slot in chosen.named
            ]
            lines.append(self._nothing(chosen))
        return lines

    def _explain_mode(self, chosen: Chosen) -> list[str]:
        """Say why a session that was to do something else than judge has nothing to do."""
        nothing = changes.NOTHING.get(self._panel.mode)
        if nothing is None or chosen.to_judge or chosen.left_out:
            return []
        if self._panel.mode is Mode.REJUDGE and chosen.slots:
            whys = {s.name: self._shown(s.run.blocked or "") for s in chosen.slots[:LISTED]}
            lines = [f"{n} is complete, but its run is blocked: {why}" for n, why in whys.items()]
            return [*lines, changes.BLOCKED]
        return [*(f"{slot.name} is {slot.status}" for slot in chosen.named), nothing]

    def _nothing(self, chosen: Chosen) -> str:
        """Say why there is nothing to judge."""
        statuses, part = self._panel.statuses, shard.of(self._config)
        if not set(statuses) & set(JUDGEABLE):
            return f"nothing to judge: {' and '.join(statuses)} slots are only listed"
        if any(slot.status in WORK for slot in chosen.of_any_status):
            return f"nothing to judge: no slot is {' or '.join(statuses)}"
        return f"nothing left to judge{f' in shard {part}' if part else ''}"

    def _why_blocked(self, slot: Slot) -> str:
        return f": {self._shown(slot.why)}" if slot.status is SlotStatus.BLOCKED else ""

    def _blocked(self, slots: Iterable[Slot]) -> Iterator[str]:
        """Say which runs have nothing to judge, and why."""
        runs = {s.run.name: self._why_blocked(s) for s in slots if s.status is SlotStatus.BLOCKED}
        for name in sorted(runs)[:LISTED]:
            yield f"  {name} is blocked{runs[name]}"
        if len(runs) > LISTED:
            yield f"  ... and {len(runs) - LISTED} more are blocked"

    def _shown(self, text: str, length: int = 1000) -> str:
        """Return a message in one line, its paths as they can be typed from the root directory."""
        return safe_line(text.replace(f"{self._config.rootpath}/", ""), length)

    # --- at the end --------------------------------------------------------------------------

    def end(self, exitstatus: int) -> None:
        """Print the summary after SIGTERM: pytest prints none for exit statuses of others."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if exitstatus == EXIT_TERMINATED and reporter is not None:
            reporter.ensure_newline()
            self._summary(reporter)

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter, exitstatus: int) -> None:
        """Print the summary before pytest's own."""
        if exitstatus != pytest.ExitCode.USAGE_ERROR:
            self._summary(terminalreporter)

    def _summary(self, reporter: TerminalReporter) -> None:
        """Print coverage, totals, consensus, money and time, and what to run next: a screen."""
        panel, option = self._panel, self._config.option
        if option.collectonly or getattr(option, "no_summary", False) or not panel.scans:
            return
        plain = self._config.get_verbosity() < 0
        if panel.dry_run and plain:  # the lines after the collection said all of it
            return
        covered = [coverage(scanned, panel) for scanned in panel.scans.values()]
        if not plain:
            reporter.write_sep("=", "judge panel")
        for line in coverage_lines(covered, plain=plain):
            reporter.write_line(line)
        if panel.dry_run:
            return
        for line in self._problems():
            reporter.write_line(line, yellow=not plain)
        for line in self._totals():
            reporter.write_line(line)
        if not plain:
            reporter.write_sep("=", "consensus")
        statistics = panel.tally.statistics
        for line in [
            *findings(panel, plain=plain),
            *outlook.money(statistics.calls, self._interrupted()),
            *self._clock.lines(panel.parallel * (len(worker_specs(self._config)) or 1)),
            # Whoever must go on later is told how.
            *(outlook.put_off(statistics, self._config) or next_line(panel, covered)),
        ]:
            reporter.write_line(line)

    def _totals(self) -> list[str]:
        """Say what the session did."""
        panel, statistics = self._panel, self._panel.tally.statistics
        done = changes.totals(panel.mode, statistics, list(panel.settled.values()))
        return [done, *changes.difference(statistics)]

    def _problems(self) -> list[str]:
        """Say what a person should know beside the figures; a few lines."""
        panel = self._panel
        found = panel.tally.statistics.problems
        for settled in panel.settled.values():
            found = [*found, *settled.problems, *settled.notes]
        lines = [self._shown(problem) for problem in found[:PROBLEMS]]
        if len(found) > PROBLEMS:
            lines.append(f"... and {len(found) - PROBLEMS} more")
        if stopped := self._interrupted():
            calls = "call" if stopped == "1" else "calls"
            lines.append(f"stopped {stopped} {calls} in flight; their slots are as they were")
        return lines

    def _interrupted(self) -> str:
        """Return how many calls in flight were stopped, here or in workers; nothing if none was."""
        controller = self._config.pluginmanager.get_plugin("harness-controller")
        said, at_most = (0, 0) if controller is None else controller.stopped()
        total = self._panel.stopped + said + at_most
        return f"at most {total}" if at_most else str(total or "")


def _slots(count: int) -> str:
    return "1 slot" if count == 1 else f"{count} slots"
