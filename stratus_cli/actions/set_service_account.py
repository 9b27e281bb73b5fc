"""Set the ServiceAccount of a workload's pods. Reversible: the former one is put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, target, update
from stratus_cli.actions.containers import opened
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

FIELDS = ("serviceAccountName", "serviceAccount")
"""The second is the older name of the first; the API server keeps both alike."""


@dataclass(frozen=True)
class SetServiceAccount:
    """account: a name in the workload's namespace."""

    KIND: ClassVar[str] = "set-service-account"
    ref: Ref
    account: str

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of the pod template."""
        it = opened(read, self.ref)
        if isinstance(it, Refusal):
            return it
        account = Ref("ServiceAccount", self.ref.namespace, self.account, "v1")
        if self.account != "default" and read.get(account) is None:
            # The API server would refuse every new pod.
            return Refusal("exists", f"there is no {account}", "create it first")
        for name in FIELDS:
            if name in it.spec or name == FIELDS[0]:
                it.spec[name] = self.account
        text = line("set", "serviceaccount", target(self.ref), self.account, ref=self.ref)
        return update(it.before, it.after, self.ref, text)
