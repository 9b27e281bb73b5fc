"""A small world with two Secrets in it, and the tests' own look at their bytes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.kube.graph import Graph
from stratus_cli.model.plan import Candidate
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport
from tests.flow.small import small
from tests.flow.stand import Stand

DB = Ref("Secret", "shop", "db", "v1")
OLD, NEW, USER, OTHER = "planted-old-1f9c", "planted-new-77ab", "planted-user-30d2", "planted-b-91"
PLANTED = (OLD, NEW, USER, OTHER)
SET = (
    "kubectl -n shop patch secret/db -p"
    f' \'{{"stringData":{{"password":"{NEW}","extra":"{OTHER}"}}}}\''
)
RENAME = (
    "kubectl -n shop patch secret/db --type=json -p"
    ' \'[{"op":"move","from":"/data/password","path":"/data/pass"}]\''
)


def stand_with_secrets(folder: Path) -> Stand:
    """Secret db (password, user) and Secret cache (token)."""
    stand = small(folder)
    stand.twin.create(secret("db", password=OLD, user=USER))
    stand.twin.create(secret("cache", token=OTHER))
    return stand


def secret(name: str, **texts: str) -> dict[str, Any]:
    """A Secret as a person writes it."""
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": texts}


def planned(stand: Stand, *lines: str) -> Candidate:
    return plan_from_lines(lines, stand.reading(), Graph(stand.observe()), "shop")


def executed(stand: Stand, *lines: str) -> TransactionReport:
    """One transaction of these lines."""
    plan = planned(stand, *lines).plan
    assert plan is not None
    with stand.ports() as ports:
        return execute_plan(plan, ports, stand.observe)


def undone(stand: Stand, tx: str, **how: Any) -> TransactionReport:
    """Taken back by another process, which has seen no value yet."""
    stand.twin.forget()
    with stand.ports() as ports:
        report = undo(ports, Selector(tx=tx), accept_loss=True, observe=stand.observe, **how)
    [made] = report.transactions
    return made


def bytes_of(stand: Stand) -> dict[str, dict[str, str]]:
    """Every Secret's values in clear text, as the server has them."""
    return {
        item["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in (item.get("data") or {}).items()
        }
        for item in stand.twin.peek("Secret", "shop")
    }


def pre_images(stand: Stand) -> list[str]:
    return sorted(name for name in bytes_of(stand) if name.startswith("stratus-pre-"))
