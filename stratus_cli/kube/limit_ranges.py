"""What the API server says when a LimitRange refuses a pod. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.kube.quantities import amount
from stratus_cli.model.objects_scheduling import LimitRange, LimitRangeItem

# plugin/pkg/admission/limitranger: "maximum memory usage per Container is 64Mi, but limit is 128Mi"
# and "minimum cpu usage per Container is 100m. No request is specified"
_BOUND = re.compile(
    r"(minimum|maximum) ([\w./-]{1,100}) usage per (Container|Pod|PersistentVolumeClaim) is "
    r"([\w.+-]{1,40}?)(?:,|\.(?:\s|$))"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """part: "min" or "max" of a LimitRange's item of this type, for a resource."""

    part: str
    resource: str
    type: str
    value: str


def bounds_said(message: str) -> tuple[Bound, ...]:
    """The bounds that a refusal names, each once, in order."""
    found = (
        Bound(kind[:3], resource, of, value)
        for kind, resource, of, value in _BOUND.findall(message)
    )
    return tuple(dict.fromkeys(found))


def items_with(item: LimitRange, bound: Bound) -> Iterator[LimitRangeItem]:
    """The parts of a LimitRange that set exactly this bound."""
    for part in item.spec.limits:
        have = (part.min if bound.part == "min" else part.max).get(bound.resource)
        if part.type == bound.type and have is not None and amount(have) == amount(bound.value):
            yield part
