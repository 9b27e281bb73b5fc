"""Keys of a Secret on the real cluster: renamed by a plan file, killed, recovered, undone; given.

Values are compared as the API has them; no planted one is in any output or file.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.cli.clock import SystemClock
from stratus_cli.cluster.live import LiveCluster
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.journal.file import FileJournal
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ports import Limits, Ports
from tests.cluster.bed import Bed
from tests.e2e.ward import FRAIL, Ward
from tests.flow.stand import Agreeing, Interrupted, Silent

OLD, USER, NEW = "planted-old-7a10", "planted-user-7a11", "planted-new-7a12"
RENAME = (
    "kubectl patch secret/db --type=json -p"
    ' \'[{"op":"move","from":"/data/password","path":"/data/pass"}]\''
)
SET = f'kubectl patch secret/db -p \'{{"stringData":{{"password":"{NEW}"}}}}\''
LIMITS = Limits(watch_s=0.0, stability_s=1.0)
ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces"


@pytest.fixture
def ward(bed: Bed, tmp_path: Path) -> Iterator[Ward]:
    """A namespace with one Secret, applied by kubectl: its last-applied annotation has values."""
    with bed.namespace() as namespace:
        meta = {"name": "db", "namespace": namespace}
        data = {"password": OLD, "user": USER}
        item = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}
        bed.apply(namespace, item)
        yield Ward(bed.api, bed.kubeconfig, namespace, tmp_path)


def secrets(ward: Ward) -> dict[str, dict[str, str]]:
    """Values in clear text, by Secret and key."""
    items = ward.api("GET", f"/api/v1/namespaces/{ward.namespace}/secrets")["items"]
    return {
        item["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in (item.get("data") or {}).items()
        }
        for item in items
    }


def check_untold(ward: Ward, *told: str) -> None:
    texts = [text.encode() for text in told]
    texts += [path.read_bytes() for path in ward.folder.rglob("*") if path.is_file()]
    for value in (OLD, USER, NEW):
        for form in (value.encode(), base64.b64encode(value.encode())):
            assert not [text for text in texts if form in text]


def last_applied(ward: Ward) -> Any:
    item = ward.api("GET", f"/api/v1/namespaces/{ward.namespace}/secrets/db")
    return item["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]


@pytest.mark.turn("killed")
@pytest.mark.parametrize("at", ["kill-write-1", "kill-wrote-1", "kill-write-2", "kill-wrote-2"])
def test_killed_at_each_write_and_recovered(ward: Ward, at: str) -> None:
    """The pre-image before the Secret: whatever is there, recover puts back and deletes."""
    before, applied = secrets(ward), last_applied(ward)
    ward.make_plan("rename", RENAME)
    alice = ward.engineer()
    killed = alice.run(*ward.execute("rename"), "--at", at, module=FRAIL)
    assert killed.code == -9, str(killed)
    recovered = alice.run(*ward.words("recover"))
    assert recovered.code == 0, str(recovered)
    assert secrets(ward) == before
    assert last_applied(ward) == applied
    check_untold(ward, str(killed), str(recovered))


@pytest.mark.turn("renamed")
def test_renamed_undone_and_redone(ward: Ward) -> None:
    """By processes that share nothing but the journal and the cluster."""
    before, applied = secrets(ward), last_applied(ward)
    ward.make_plan("rename", RENAME)
    alice = ward.engineer()
    done = alice.run(*ward.execute("rename"))
    assert done.code == 0, str(done)
    after = {"pass": OLD, "user": USER}
    [tx] = [item["id"] for item in done.report["transactions"]]
    assert secrets(ward) == {"db": after, f"stratus-pre-{tx}": {"password": OLD}}
    told = [str(done)]
    for wanted in (before["db"], after, before["db"]):
        made = alice.run(*ward.words("undo", tx, "--accept-loss"))
        assert made.code == 0, str(made)
        assert secrets(ward)["db"] == wanted
        assert len(secrets(ward)) == 2
        told.append(str(made))
        [tx] = [item["id"] for item in made.report["transactions"]]
    assert last_applied(ward) == applied
    check_untold(ward, *told)


@pytest.mark.turn("given")
def test_a_given_value_is_set_and_taken_back(ward: Ward, bed: Bed) -> None:
    """The undo is another adapter's, which has seen no value."""
    before = secrets(ward)
    cluster = live(bed)
    with journal(ward, cluster) as kept:
        ports = ports_of(cluster, kept)
        request = ScopeRequest((ward.namespace,))
        graph = Graph(observe(ports, request))
        made = plan_from_lines([SET], ports, graph, ward.namespace)
        assert made.plan is not None, made.refusal
        done = execute_plan(made.plan, ports, lambda: observe(ports, request))
    assert done.state is TransactionState.COMMITTED, done.why
    assert secrets(ward)["db"] == {"password": NEW, "user": USER}
    other = live(bed)
    with journal(ward, other) as kept:
        ports = ports_of(other, kept)
        report = undo(
            ports,
            Selector(tx=done.id),
            accept_loss=True,
            observe=lambda: observe(ports, request),
        )
    assert [tx.state for tx in report.transactions] == [TransactionState.COMMITTED]
    assert secrets(ward)["db"] == before["db"]
    check_untold(ward, repr(made), repr(done), repr(report))


@pytest.mark.turn("given")
def test_who_may_not_create_secrets_is_refused(ward: Ward, bed: Bed) -> None:
    """The check is named, and what would lift it; nothing is written."""
    before = secrets(ward)
    user = f"patcher-{ward.namespace}"
    group = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "update", "patch"]},
        {"apiGroups": ["", "apps"], "resources": ["pods", "deployments"], "verbs": ["list"]},
    ]
    meta = {"name": "patcher"}
    subject = {"kind": "User", "name": user, "apiGroup": group}
    role = {"kind": "Role", "name": "patcher", "apiGroup": group}
    ward.api("POST", f"{ROLES}/{ward.namespace}/roles", {"metadata": meta, "rules": rules})
    ward.api(
        "POST",
        f"{ROLES}/{ward.namespace}/rolebindings",
        {"metadata": meta, "subjects": [subject], "roleRef": role},
    )
    patcher = Ward(ward.api, bed.kubeconfig_for(user), ward.namespace, ward.folder)
    refused = patcher.engineer().run("plan", RENAME, "-n", ward.namespace)
    assert refused.code == 4, str(refused)
    assert "permission" in refused.err
    assert "the verb create on Secret" in refused.err
    assert secrets(ward) == before


def live(bed: Bed) -> LiveCluster:
    redactor = Redactor(b"of the tests")
    return LiveCluster(
        bed.kubeconfig, bed.context, timeout_s=15, redactor=redactor, read_secrets=True
    )


def journal(ward: Ward, cluster: LiveCluster) -> FileJournal:
    path = ward.folder / "given.jsonl"
    return FileJournal(path, cluster.identity(), redactor=Redactor(b"of the tests"))


def ports_of(cluster: LiveCluster, kept: FileJournal) -> Ports:
    return Ports(
        cluster=cluster,
        clock=SystemClock(),
        operator=Agreeing(),
        progress=Silent(),
        interrupt=Interrupted(),
        who="alice@test",
        journal=kept,
        limits=LIMITS,
    )
