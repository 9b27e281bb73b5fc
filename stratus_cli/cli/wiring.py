"""Builds the adapters from the options.

The only place that knows which adapter stands behind a port. Tests and the demo put another
`Wiring` in its place; the commands do not notice.
"""

from __future__ import annotations

import getpass
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from stratus_cli.cli.clock import SystemClock
from stratus_cli.cli.folders import config_folder, redaction_key, state_folder
from stratus_cli.cli.operator import Terminal, edit_lines
from stratus_cli.cli.options import Options
from stratus_cli.knowledge.runbook import Runbook
from stratus_cli.model.errors import UsageError
from stratus_cli.model.ports import Clock, Cluster, Journal, Rehearsal, Source
from stratus_cli.model.ref import ClusterIdentity
from stratus_cli.model.release import Declared

if TYPE_CHECKING:
    from stratus_cli.kube.redact import Redactor


class Wiring:
    """The real world: a kubeconfig or a recording, the machine's clock, the terminal."""

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.env: Mapping[str, str] = os.environ if env is None else env
        self.stdin = stdin or sys.stdin
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr

    def clock(self) -> Clock:
        """Real time."""
        return SystemClock()

    def who(self) -> str:
        """The person or job, for the journal and the Lease."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = f"uid {os.getuid()}"
        return f"{user}@{socket.gethostname()}"

    def config_file(self) -> Path:
        """The configuration file, whether it is there or not."""
        named = self.env.get("STRATUS_CONFIG", "")
        return Path(named) if named else config_folder(self.env) / "config.toml"

    def last_report(self) -> Path:
        """Where the last run's report is kept for `stratus report`."""
        return state_folder(self.env) / "last-report.json"

    def cluster(self, options: Options) -> Cluster:
        """The cluster or recording that the options name."""
        if options.recording:
            return self.recorded(options.recording)
        from stratus_cli.cluster.live import LiveCluster

        return LiveCluster(
            options.kubeconfig or None,
            options.context or None,
            timeout_s=options.timeout,
            redactor=self.redactor(),
            read_secrets=options.read_secrets,
            helm_releases=options.helm_releases and options.read_secrets,
            tls_dates=options.tls_dates and options.read_secrets,
        )

    def recorded(self, path: str) -> Cluster:
        """A recording as a cluster that can only be read."""
        from stratus_cli.cluster.recorded import RecordedCluster

        return RecordedCluster(path)

    def manifests(self, options: Options) -> Declared | None:
        """The folder of --manifests, if one was given."""
        if not options.manifests:
            return None
        from stratus_cli.cluster.manifests import ManifestFolder

        return ManifestFolder(options.manifests, self.redactor())

    def redactor(self) -> Redactor:
        """The one redactor, with this person's key."""
        from stratus_cli.kube.redact import Redactor

        return Redactor(redaction_key(self.env))

    def sources(self, options: Options, cluster: Cluster) -> tuple[Source, ...]:
        """Telemetry: at the URLs given, or behind the API server's service proxy."""
        from stratus_cli.telemetry.alertmanager import AlertmanagerSource
        from stratus_cli.telemetry.prometheus import PrometheusSource
        from stratus_cli.telemetry.traces import TraceSource

        return (
            PrometheusSource(cluster, url=options.prometheus_url),
            AlertmanagerSource(cluster, url=options.alertmanager_url),
            TraceSource(cluster),
        )

    def rehearsal(self) -> Rehearsal:
        """The twin, loaded from the snapshot of the moment."""
        from stratus_cli.cluster.twin.rehearsal import TwinRehearsal

        return TwinRehearsal()

    def journal_path(self, options: Options, identity: ClusterIdentity) -> Path:
        """The journal of this cluster."""
        from stratus_cli.journal.file import default_path

        if options.journal:
            return Path(options.journal)
        return Path(default_path(state_folder(self.env), identity))

    def has_journals(self) -> bool:
        """Whether this person has any journal, so that a first look costs no extra read."""
        return bool(self.journals(Options()))

    def journals(self, options: Options) -> tuple[Path, ...]:
        """The journal named, or all that are here; what was set aside or archived is not."""
        if options.journal:
            path = Path(options.journal)
            return (path,) if path.exists() else ()
        found = (state_folder(self.env) / "journals").glob("*.jsonl")
        return tuple(sorted(path for path in found if "." not in path.stem))

    def journal(
        self, options: Options, identity: ClusterIdentity
    ) -> AbstractContextManager[Journal]:
        """The journal, opened for writing. A context manager that holds the file's lock."""
        from stratus_cli.journal.file import FileJournal

        path = self.journal_path(options, identity)
        return FileJournal(path, identity, redactor=self.redactor())

    def runbooks(self, options: Options) -> tuple[Runbook, ...]:
        """The shipped runbooks, and before them those of --runbooks (same slug: theirs)."""
        from stratus_cli.knowledge.runbook import default_directory, load

        own: tuple[Runbook, ...] = ()
        if options.runbooks:
            folder = Path(options.runbooks)
            if not folder.is_dir():
                raise UsageError(
                    "there is no such folder of runbooks", str(folder), "Name one with --runbooks."
                )
            own = load(folder)
        slugs = {runbook.slug for runbook in own}
        shipped = load(default_directory())
        return (*own, *(runbook for runbook in shipped if runbook.slug not in slugs))

    def terminal(self) -> Terminal:
        """Where questions are put."""
        return Terminal(
            self.stderr,
            self.stdin,
            lambda lines: edit_lines(lines, self.env, self.stderr, self.stdin),
        )
