"""A pod template's anti-affinity, as a preference instead of a requirement. Pure."""

from __future__ import annotations

import copy
from typing import Any

from stratus_cli.model.objects_pod import PodSpec

APART = "podAntiAffinity"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
WEIGHT = 100  # the largest that the API allows: apart wherever it is possible


def softened(template: PodSpec) -> dict[str, Any]:
    """The template's affinity with what it requires apart as a preference.

    Only for an affinity that kube.scheduling could read.
    """
    affinity = copy.deepcopy(template.affinity)
    apart = affinity[APART]
    terms = apart.pop(REQUIRED)
    preferred = [{"weight": WEIGHT, "podAffinityTerm": term} for term in terms]
    present = apart.get(PREFERRED)
    apart[PREFERRED] = [*(present if isinstance(present, list) else ()), *preferred]
    return affinity
