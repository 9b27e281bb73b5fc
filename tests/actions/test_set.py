"""kubectl set selector and set serviceaccount, through plan, transaction and undo."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.model.plan import Refusal
from tests.actions.lifecycle import planned, refused, stand_of, there_and_back
from tests.flow.stand import Stand
from tests.flow.worlds import app, service, world

ACCOUNT = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "shopper", "namespace": "shop"},
}


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    lost = service("lost")
    return stand_of(tmp_path, world([*app("web"), *app("cart"), lost, ACCOUNT]))


def test_a_selector_is_replaced_whole_and_put_back(stand: Stand) -> None:
    after = there_and_back(stand, "kubectl set selector svc/lost app=web")
    assert after["Service/shop/lost"]["spec"]["selector"] == {"app": "web"}


def test_only_what_is_named_stays_in_the_selector(stand: Stand) -> None:
    plan = planned(stand, "kubectl set selector svc/lost tier=x,zone=y").plan
    assert plan is not None
    change = plan.steps[0].change
    assert change.after is not None
    assert change.after["spec"]["selector"] == {"tier": "x", "zone": "y"}
    assert parse_line(plan.steps[0].kubectl, "x") == parse_line(
        "kubectl set selector svc/lost tier=x,zone=y", "shop"
    )


def test_a_service_account_is_set_and_put_back(stand: Stand) -> None:
    after = there_and_back(stand, "kubectl set sa deploy/web shopper")
    spec = after["Deployment/shop/web"]["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == "shopper"
    assert spec.get("serviceAccount", "shopper") == "shopper"


def test_several_workloads_get_the_account() -> None:
    found = parse_line("kubectl set serviceaccount deploy/web deploy/cart shopper", "shop")
    assert not isinstance(found, Refusal)
    assert len(found) == 2
    assert found == parse_line("kubectl set serviceaccount deploy web cart shopper", "shop")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("kubectl set selector deploy/web app=x", "selector of a Deployment cannot be changed"),
        ("kubectl set selector svc/lost", "needs one KEY=VALUE"),
        ("kubectl set selector svc/lost app=x tier=y", "needs one KEY=VALUE"),
        ("kubectl set selector svc/lost app-", "is not KEY=VALUE"),
        ("kubectl set selector svc/lost 'app!=x'", "is not KEY=VALUE"),
        ("kubectl set selector svc/lost app=lost", "is so already"),
        ("kubectl set sa deploy/web nobody", "there is no shop/ServiceAccount/nobody"),
        ("kubectl set sa deploy/web", "is not a ServiceAccount's name"),
        ("kubectl set sa shopper", "no object is named"),
        ("kubectl set sa svc/lost shopper", "a Service has no containers"),
        ("kubectl set sa deploy/web Shopper", "is not a ServiceAccount's name"),
    ],
)
def test_what_is_refused(stand: Stand, line: str, told: str) -> None:
    assert told in refused(stand, line)
