"""The ports: what the flows need from the outside world. Adapters implement them structurally."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.entry import Entry
from stratus_cli.model.plan import Plan, Refusal
from stratus_cli.model.ref import ClusterIdentity, Ref, ServedKind
from stratus_cli.model.release import Declared
from stratus_cli.model.snapshot import Snapshot


class Clock(Protocol):
    """Time. The twin's clock is virtual: sleeping advances the simulation."""

    def now(self) -> datetime:
        """Now, UTC, with tzinfo."""

    def monotonic(self) -> float:
        """Seconds since some start; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class Cluster(Protocol):
    """Reads and writes of raw JSON objects. Live, recorded and twin implement it.

    Errors: model.errors.ClusterUnreachable when there is no answer at all, else the subclass of
    ClusterAnswer that fits the status. Objects given out are fresh copies the caller may change.
    """

    def identity(self) -> ClusterIdentity:
        """Which cluster, as whom."""

    def list_pages(self, kind: str, namespace: str | None) -> Iterable[bytes]:
        """The raw JSON List documents of one kind, page by page; namespace None = all.

        Credential-like values are already masked (kube.redact). Secrets: metadata only.
        Raises RequestTimeout, Forbidden, NotFound (kind not served) or Truncated text as
        ClusterAnswer; a caller turns these into gaps.
        """

    def get(self, ref: Ref) -> dict[str, Any] | None:
        """The whole object as the server has it now (never from a cache), or None if absent.

        Of a Secret the values are seals (kube.seals), which a write turns into values again; where
        values may not be read (policy read-secrets, a recording) there is no `data` at all.
        """

    def create(self, item: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """POST. Returns the server's answer. Conflict (AlreadyExists) when it is there."""

    def replace(self, item: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """PUT with the uid and resourceVersion that `item` carries as preconditions.

        Stale resourceVersion: Conflict. Another uid: Invalid or Conflict.
        """

    def delete(
        self,
        ref: Ref,
        *,
        uid: str,
        resource_version: str = "",
        orphan: bool = False,
        evict: bool = False,
        dry_run: bool = False,
    ) -> None:
        """DELETE with preconditions. orphan: leave dependents alone.

        evict: of a pod, as an Eviction: ClusterAnswer of status 429 when a PodDisruptionBudget
        has no room for it now.
        """

    def kind_of(self, word: str) -> ServedKind | None:
        """The kind served by KIND.GROUP, PLURAL.GROUP or KIND.VERSION.GROUP; None: there is none.

        Asked once per word. ClusterAnswer when the server does not say. list_pages takes such a
        word, too.
        """

    def seal(self, value: bytes) -> str:
        """What stands for this value in a Secret that is written later by this process."""

    def allowed(self, verb: str, ref: Ref) -> bool | None:
        """SelfSubjectAccessReview; None when the question itself was refused.

        verb: of the API, or "evict".
        """

    def logs(self, pod: Ref, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """Last lines, redacted. Raises NotFound when there is no (previous) instance."""

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        """GET below the API server, e.g. its service proxy."""


class Source(Protocol):
    """One source of telemetry. name is what gaps and the report call it."""

    name: str

    def read(self, snap: Snapshot) -> Snapshot:
        """The snapshot with this source's signals added, or with a gap that says why not."""


@runtime_checkable
class Windowed(Protocol):
    """A source that counts over a window."""

    def count_since(self, moment: datetime | None, *, noise: bool = False) -> None:
        """From now on count only what came after this moment; None: over the usual window.

        noise: tell, too, how much each figure varies by itself, and what the alerts rest on.
        """


class Journal(Protocol):
    """Append-only file. append returns once the record is on disk (fsync)."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found on opening and a person should know."""

    path: str

    def append(self, entry: Entry) -> None:
        """Write one record. JournalError when it cannot be made durable."""

    def entries(self) -> Sequence[Entry]:
        """Every record so far, oldest first."""

    def reserve(self, records: int) -> None:
        """Allocate room for this many more records, so that a full disk shows before a write."""


class Rehearsal(Protocol):
    """Runs a plan on a model of the cluster."""

    def rehearse(self, plan: Plan, snap: Snapshot) -> tuple[tuple[Refusal, ...], tuple[str, ...]]:
        """(what will certainly go wrong, what the model cannot know)."""


class Answer(Protocol):
    """What a person decided about a shown plan."""

    choice: str  # "yes", "stop", "next" or "edit"
    lines: tuple[str, ...]  # the edited kubectl lines when choice is "edit"


class Operator(Protocol):
    """The person at the terminal, or --auto."""

    def approve(self, plan: Plan, incident: Incident | None) -> Answer:
        """Show the plan and ask. Raises Refused when nobody can be asked."""

    def confirm(self, question: str) -> bool:
        """A yes/no question whose default is no."""


class Progress(Protocol):
    """Chatter for the person who waits. Goes to stderr."""

    def stage(self, name: str) -> None:
        """A stage begins: Detection, Diagnosis, Mitigation, Validation, Rollback ..."""

    def note(self, text: str) -> None:
        """One line of what happened."""

    def waiting(self, what: str, elapsed_s: float, limit_s: float) -> None:
        """What is being waited for; called repeatedly."""


class Diagnoser(Protocol):
    """Proposes causes beside the deterministic ones (agents)."""

    def diagnose(
        self, incident: Incident, snap: Snapshot, runbooks: Sequence[str]
    ) -> tuple[Diagnosis, ...]:
        """Ranked causes. Raises agents' own errors; the deterministic result then stands."""


class Planner(Protocol):
    """Proposes kubectl lines for an incident (agents)."""

    def propose(
        self, incident: Incident, snap: Snapshot, runbooks: Sequence[str], learnt: Sequence[str]
    ) -> tuple[tuple[str, ...], ...]:
        """Candidates, best first; each a tuple of kubectl lines."""


class Interrupt(Protocol):
    """Ctrl-C and its kind. The first one sets `requested`; waits poll it and roll back.

    The second one raises KeyboardInterrupt where the process is, leaving the transaction open.
    """

    requested: bool


@dataclass(frozen=True)
class Limits:
    """Bounds of reading and writing, all in seconds unless said otherwise."""

    read_timeout_s: float = 15.0
    budget_s: float = 900.0
    max_attempts: int = 3
    max_writes: int = 20  # bounded risk window K of TNR (assumption A3)
    stability_s: float = 5.0  # how long the good state must hold before the verdict
    poll_s: float = 1.0
    watch_s: float = 60.0  # watch after the commit; 0 for none


@dataclass(frozen=True)
class Policy:
    """What may be written. From the configuration file."""

    protected_namespaces: tuple[str, ...] = ("kube-system", "kube-public", "kube-node-lease")
    protected_names: tuple[str, ...] = ()
    use_lease: bool = True
    rehearse: bool = True
    auto: bool = False
    """Whether nobody is asked: what a person would have to weigh is refused."""
    pause_owner: bool = False
    """Whether an owner that would put the change back is suspended first (--pause-owner)."""
    irreversible: bool = False
    """Whether a person takes what cannot be undone upon himself (--irreversible)."""
    fast: bool = False  # restart also what would see a new ConfigMap value by itself


@dataclass(frozen=True)
class Ports:
    """Everything a flow may use. cli/wiring.py builds it once. None: not available or not asked.

    who: the person or job, for the journal. known_good: a recording taken when well; manifests: a
    folder of what was meant to be.
    """

    cluster: Cluster
    clock: Clock
    operator: Operator
    progress: Progress
    interrupt: Interrupt
    who: str
    journal: Journal | None = None
    sources: tuple[Source, ...] = ()
    rehearsal: Rehearsal | None = None
    known_good: Cluster | None = None
    manifests: Declared | None = None
    diagnoser: Diagnoser | None = None
    planner: Planner | None = None
    limits: Limits = Limits()
    policy: Policy = Policy()
