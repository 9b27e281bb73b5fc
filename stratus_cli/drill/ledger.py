"""Every write of the drill on record before it is made: in its journal, and, whole, in its keep.

The journal is one like any other (kept apart, so that Stratus under test does not find the answer
in it); credentials are masked there. The keep holds what was before, unmasked, mode 0600: without
it a later `drill heal` could not restore. A Secret outside the drill's namespaces is not touched.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stratus_cli.drill.api import Item
from stratus_cli.drill.errors import DrillError
from stratus_cli.kube.normal import normal_form
from stratus_cli.model.entry import Begin, Done, End, Failed, Intent
from stratus_cli.model.errors import RequestTimeout, StratusError
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ports import Clock, Journal
from stratus_cli.model.ref import Ref


class Keep:
    """One file per app: the healthy objects, and what an injection touched. {} when there is none.

    {"fault", "tx", "healthy": {key: raw}, "touched": [[key, raw before or null], ...]}
    """

    def __init__(self, folder: Path, app: str) -> None:
        self.path = folder / f"{app}.json"
        self.data: dict[str, Any] = {}
        try:
            self.data = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            raise DrillError(
                f"the drill's notes cannot be read ({error})", str(self.path)
            ) from error

    @property
    def fault(self) -> str:
        """The id of the fault that is in, or ""."""
        return str(self.data.get("fault", ""))

    @property
    def touched(self) -> list[tuple[str, Item | None]]:
        """In the order of the first touch."""
        return [(name, before) for name, before in self.data.get("touched", ())]

    @property
    def healthy(self) -> dict[str, Item]:
        """Raw objects of when all was well."""
        return dict(self.data.get("healthy", {}))

    def touch(self, key: str, before: Item | None) -> None:
        """Before the first write to an object."""
        if all(name != key for name, _ in self.touched):
            self.data.setdefault("touched", []).append([key, before])
            self.save()

    def save(self, **values: Any) -> None:  # noqa: ANN401  # JSON
        """On disk before this returns."""
        self.data.update(values)
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self.path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(self.data, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, self.path)

    def clear(self) -> None:
        """The fault is healed; what was healthy stays known."""
        self.save(fault="", tx="", touched=[])


class Ledger:
    """One transaction in the drill's journal. kind: "drill" or "undo"."""

    def __init__(self, journal: Journal, clock: Clock, who: str) -> None:
        self._journal = journal
        self._clock = clock
        self._who = who
        self.tx = ""
        self._step = 0

    def begin(self, kind: str, title: str, plan: Mapping[str, Any], undoes: str = "") -> str:
        """Open it; its id."""
        known = {entry.tx for entry in self._journal.entries()}
        number = len(known) + 1
        while f"drill-{number}" in known:
            number += 1
        self.tx, self._step = f"drill-{number}", 0
        now = self._clock.now()
        self._journal.append(Begin(self.tx, now, kind, "", title, self._who, plan, undoes))
        return self.tx

    def write(
        self,
        ref: Ref,
        before: Item | None,
        after: Item | None,
        call: Callable[[], Item | None],
    ) -> Item | None:
        """Intent, call, and what came of it."""
        self._step += 1
        old = None if before is None else normal_form(before)
        new = None if after is None else normal_form(after)
        now = self._clock.now()
        self._journal.append(Intent(self.tx, now, self._step, ref, old, new, f"drill: {ref}"))
        try:
            answer = call()
        except StratusError as error:
            applied = None if isinstance(error, RequestTimeout) else False
            now = self._clock.now()
            self._journal.append(Failed(self.tx, now, self._step, str(error), applied))
            raise
        uid = str((answer or {}).get("metadata", {}).get("uid", ""))
        form = None if answer is None else normal_form(answer)
        self._journal.append(Done(self.tx, self._clock.now(), self._step, uid, form))
        return answer

    def end(self, why: str, *, state: TransactionState = TransactionState.COMMITTED) -> None:
        """Close it."""
        self._journal.append(End(self.tx, self._clock.now(), state, why, self._step))
