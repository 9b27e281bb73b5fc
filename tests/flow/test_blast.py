"""The blast radius: what a change reaches, against the direction of calls too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.stand import Stand
from tests.flow.test_gate import by_hand
from tests.flow.worlds import app, broken_image


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop set image deployment/cart app=stratus/app:1",
        'kubectl -n shop patch service cart --type=merge -p \'{"spec":{"selector":{"x":"y"}}}\'',
    ],
)
def test_whoever_calls_a_service_passes_its_answers_on(tmp_path: Path, line: str) -> None:
    """The caller and its Service; not who calls something else."""
    front = app("front", env={"UPSTREAMS": "http://cart:80/"})
    other = app("other", env={"UPSTREAMS": "http://front/"})
    plan = by_hand(Stand.make(tmp_path, broken_image(*front, *other)), line)
    reached = {ref.name for ref in (*plan.blast_radius, *(step.change.ref for step in plan.steps))}
    assert reached == {"cart", "front"}
    assert {"shop/Deployment/front", "shop/Service/front"} <= {str(r) for r in plan.blast_radius}
