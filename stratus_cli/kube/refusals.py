"""What the API server says when it refuses a pod: which quota, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass

# k8s.io/apiserver, admission plugin resourcequota:
# "exceeded quota: NAME, requested: a=1, used: a=2, limited: a=2"
# "failed quota: NAME: must specify limits.memory for: app; requests.cpu for: app"
_EXCEEDED = re.compile(r"exceeded quota: ([^,\s]+), requested: (.*?), used: .*?, limited: ")
_DEMANDS = re.compile(r"failed quota: ([^:\s]+): must specify (.*)", re.DOTALL)
_DEMANDED = re.compile(r"([a-z][\w./-]*) for: ")


@dataclass(frozen=True, slots=True)
class QuotaRefusal:
    """demands: resources the pod must set; empty when the quota is used up.

    exceeded: resources that are used up.
    """

    quota: str
    demands: tuple[str, ...] = ()
    exceeded: tuple[str, ...] = ()


def quota_refusal(message: str) -> QuotaRefusal | None:
    """The quota that refused a pod, or None when it was something else."""
    demanding = _DEMANDS.search(message)
    if demanding is not None:
        name, rest = demanding.groups()
        demands = _DEMANDED.findall(rest) or [word for word in rest.split(",") if word.strip()]
        return QuotaRefusal(name, tuple(sorted({word.strip() for word in demands})))
    exceeded = _EXCEEDED.search(message)
    if exceeded is not None:
        name, requested = exceeded.groups()
        resources = sorted({part.partition("=")[0].strip() for part in requested.split(",")})
        return QuotaRefusal(name, exceeded=tuple(resources))
    return None
