"""What pods ask for: requests and limits, as scheduler and quota count them."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from functools import lru_cache

from stratus_cli.cluster.twin.store import Item
from stratus_cli.kube.quantities import parse_quantity

Amounts = dict[str, Decimal]
ZERO = Decimal(0)


@lru_cache(maxsize=4096)
def amount(text: str) -> Decimal:
    """A quantity as a number; 0 for what is none (hostile data never gets this far in writes)."""
    try:
        return parse_quantity(text)
    except ValueError:
        return ZERO


def pod_amounts(spec: Item, which: str) -> Amounts:
    """Sum of the containers' "requests" or "limits", or the largest init container's if more."""
    total: Amounts = defaultdict(Decimal)
    sidecars: Amounts = defaultdict(Decimal)
    peaks: Amounts = defaultdict(Decimal)
    for container in spec.get("containers") or ():
        for name, value in of_container(container, which).items():
            total[name] += value
    for container in spec.get("initContainers") or ():
        always = container.get("restartPolicy") == "Always"
        for name, value in of_container(container, which).items():
            if always:
                sidecars[name] += value
            else:
                peaks[name] = max(peaks[name], value + sidecars[name])
    for name in {*total, *sidecars, *peaks}:
        total[name] = max(total[name] + sidecars[name], peaks[name])
    return dict(total)


def of_container(container: Item, which: str) -> Amounts:
    """One container's amounts; a request that is missing is taken from the limit."""
    resources = container.get("resources") or {}
    chosen = dict(resources.get(which) or {})
    if which == "requests":
        chosen = {**(resources.get("limits") or {}), **chosen}
    return {name: amount(str(value)) for name, value in chosen.items()}


def is_finished(pod: Item) -> bool:
    """Succeeded or Failed: it uses nothing any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def in_cores(value: Decimal) -> str:
    """A quantity in the way the API writes cpu: "250m" or "2"."""
    milli = value * 1000
    return f"{value.normalize():f}" if milli % 1000 == 0 else f"{milli.normalize():f}m"


def in_bytes(value: Decimal) -> str:
    """A quantity in the way the API writes memory: the largest binary suffix that fits."""
    for power, suffix in ((4, "Ti"), (3, "Gi"), (2, "Mi"), (1, "Ki")):
        unit = Decimal(1024**power)
        if value and value % unit == 0:
            return f"{(value / unit).normalize():f}{suffix}"
    return f"{value.normalize():f}" if value else "0"


def shown(resource: str, value: Decimal) -> str:
    """The quantity as text, by what it measures."""
    plain = resource.rpartition(".")[2]
    if plain == "cpu":
        return in_cores(value)
    return in_bytes(value) if plain in ("memory", "ephemeral-storage", "storage") else f"{value:f}"
