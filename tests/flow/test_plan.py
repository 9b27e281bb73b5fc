"""Planning: what is offered, what is refused and by which check, and what a reviewer is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.cluster.recorded import RecordedCluster
from stratus_cli.flow.plan import candidates, plan_from_lines
from stratus_cli.flow.record import record
from stratus_cli.model.errors import (
    ClusterAnswer,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RequestTimeout,
)
from stratus_cli.model.plan import Candidate, Plan, Refusal
from stratus_cli.model.ports import Limits, Policy
from stratus_cli.model.ref import Ref
from tests.fakes.faulty import FaultyCluster
from tests.flow.stand import CART, RUNBOOKS, SHOP, Stand
from tests.flow.worlds import NEVER_PUSHED, app, broken_image, set_box, world

SET_IMAGE = "kubectl -n shop set image deployment/cart app=stratus/app:2"

Item = dict[str, Any]


def stand_of(folder: Path, text: str, **fields: Any) -> Stand:
    return replace(Stand.make(folder, text), **fields)


def offered(stand: Stand) -> tuple[Candidate, ...]:
    seen = stand.look()
    return candidates(seen.incidents[0], seen.detection.graph, stand.reading(), RUNBOOKS)


def typed(stand: Stand, *lines: str) -> Candidate:
    graph = stand.look().detection.graph
    return plan_from_lines(lines, stand.reading(), graph, "shop")


def refused(made: Candidate) -> Refusal:
    assert made.plan is None
    assert made.refusal is not None
    return made.refusal


def planned(made: Candidate) -> Plan:
    assert made.plan is not None, made.refusal
    return made.plan


class Grudging(FaultyCluster):
    """Answers dry runs as told. answer: by kind of the object; says: verbs that are not allowed."""

    answers: Mapping[str, Exception] = {}
    denied: tuple[tuple[str, str], ...] = ()
    once: bool = False

    def replace(self, item: Mapping[str, Any], *, dry_run: bool = False) -> Item:
        self._answer(item, dry_run)
        return super().replace(item, dry_run=dry_run)

    def create(self, item: Mapping[str, Any], *, dry_run: bool = False) -> Item:
        self._answer(item, dry_run)
        return super().create(item, dry_run=dry_run)

    def allowed(self, verb: str, ref: Ref) -> bool | None:
        return (verb, ref.kind) not in self.denied

    def _answer(self, item: Mapping[str, Any], dry_run: bool) -> None:
        error = self.answers.get(item["kind"])
        if error is not None and dry_run:
            if self.once:
                self.answers = {}
            raise error


def grudging(stand: Stand, **fields: Any) -> Stand:
    cluster = Grudging(stand.twin)
    for name, value in fields.items():
        setattr(cluster, name, value)
    stand.cluster = cluster
    return stand


# What is offered


def test_two_ways_to_the_same_end_are_one_candidate(tmp_path: Path) -> None:
    """What failed once is not tried again in other words."""
    made = offered(stand_of(tmp_path, broken_image()))
    plans = [item for item in made if item.plan is not None]
    assert len(plans) == 1
    assert plans[0].kubectl == ("kubectl -n shop set image deployment/cart app=stratus/app:1",)


def test_roots_of_one_incident_are_repaired_by_one_plan(tmp_path: Path) -> None:
    """Two workloads got the same bad tag in one push: both are put back, or none."""
    text = world(
        [*app("cart"), *app("catalog")],
        [set_box("cart", 30, image=NEVER_PUSHED), set_box("catalog", 31, image=NEVER_PUSHED)],
        settle=90,
    )
    plan = planned(offered(stand_of(tmp_path, text))[0])
    assert {step.change.ref.name for step in plan.steps} == {"cart", "catalog"}
    assert {ref.name for ref in plan.targets} == {"cart", "catalog"}


def test_a_later_step_builds_on_the_earlier_one(tmp_path: Path) -> None:
    """Two lines on one object: the second is planned on what the first leaves, and that is said."""
    made = typed(
        stand_of(tmp_path, world(app("cart"))),
        SET_IMAGE,
        "kubectl -n shop set env deployment/cart STATUS=200",
    )
    first, second = planned(made).steps
    assert second.change.before == first.change.after
    assert first.confirmed
    assert not second.confirmed
    assert second.unconfirmed == "an earlier step changes the same object"


def test_a_line_that_an_earlier_one_has_done_is_left_out(tmp_path: Path) -> None:
    """Several roots may ask for the same change in two ways."""
    made = typed(stand_of(tmp_path, world(app("cart"))), SET_IMAGE, SET_IMAGE)
    assert len(planned(made).steps) == 1


@pytest.mark.parametrize(
    "lines", [(), ("kubectl -n shop set image deployment/cart app=stratus/app:1",)]
)
def test_a_plan_that_changes_nothing_is_none(tmp_path: Path, lines: tuple[str, ...]) -> None:
    made = typed(stand_of(tmp_path, world(app("cart"))), *lines)
    assert refused(made).check == "no change"


def test_a_list_read_for_planning_holds_what_earlier_steps_changed(tmp_path: Path) -> None:
    from stratus_cli.flow.reader import PlanReader
    from stratus_cli.model.change import Change

    stand = stand_of(tmp_path, world(app("cart")))
    reader = PlanReader(stand.twin, stand.reading().clock)
    before = reader.get(CART)
    assert before is not None
    after = {**before, "spec": {**before["spec"], "replicas": 7}}
    reader.take(Change(CART, before, after))
    for namespace in ("shop", ""):
        (found,) = reader.list("Deployment", namespace)
        assert found["spec"]["replicas"] == 7


# The blast radius


def test_the_blast_radius_names_what_the_change_reaches(tmp_path: Path) -> None:
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "front", "namespace": "shop"},
        "spec": {"defaultBackend": {"service": {"name": "cart", "port": {"number": 80}}}},
    }
    stand = stand_of(tmp_path, world([*app("cart"), *app("catalog"), ingress]))
    radius = {str(ref) for ref in planned(typed(stand, SET_IMAGE)).blast_radius}
    assert radius == {"shop/Service/cart", "shop/Ingress/front"}


@pytest.mark.parametrize(
    ("line", "reached"),
    [
        ("kubectl cordon node1", set()),
        (
            "kubectl -n shop label deployment/cart team=a",
            {"shop/Service/cart"},
        ),
        (
            "kubectl -n shop patch service cart --type=merge -p"
            ' \'{"spec":{"selector":{"app":"catalog"}}}\'',
            {"shop/Deployment/cart", "shop/Deployment/catalog"},
        ),
        (
            "kubectl -n shop patch networkpolicy wall --type=merge -p"
            ' \'{"spec":{"ingress":[{}]}}\'',
            {"shop/Deployment/cart", "shop/Service/cart"},
        ),
        (
            'kubectl -n shop patch configmap settings --type=merge -p \'{"data":{"a":"2"}}\'',
            {"shop/Deployment/catalog", "shop/Service/catalog"},
        ),
        (
            'kubectl -n shop patch hpa cart --type=merge -p \'{"spec":{"maxReplicas":5}}\'',
            {"shop/Deployment/cart", "shop/Service/cart"},
        ),
    ],
)
def test_each_kind_reaches_what_depends_on_it(tmp_path: Path, line: str, reached: set[str]) -> None:
    wall = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "wall", "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": {"app": "cart"}}, "policyTypes": ["Ingress"]},
    }
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
    text = world(
        [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "settings", "namespace": "shop"},
                "data": {"a": "1"},
            },
            *app("cart"),
            *app("catalog", pod={"volumes": volumes}),
            wall,
            autoscaler("cart"),
        ]
    )
    plan = planned(typed(stand_of(tmp_path, text), line))
    assert {str(ref) for ref in plan.blast_radius} == reached


def autoscaler(name: str) -> Item:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "minReplicas": 1,
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        },
    }


# Refusals by name


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        (Policy(protected_namespaces=("shop",)), SET_IMAGE),
        (Policy(protected_namespaces=("shop",)), "kubectl label namespace shop team=a"),
        (Policy(protected_names=("car*",)), SET_IMAGE),
        (Policy(protected_names=("shop/Deployment/*",)), SET_IMAGE),
    ],
)
def test_what_is_protected_is_refused(tmp_path: Path, policy: Policy, line: str) -> None:
    refusal = refused(typed(stand_of(tmp_path, world(app("cart")), policy=policy), line))
    assert refusal.check == "protected"
    assert "configuration" in refusal.lift


@pytest.mark.parametrize(
    ("metadata", "word"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:x"}}, "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "cart"}}, "Flux"),
    ],
)
def test_an_owner_that_is_not_in_this_cluster_is_asked_about(
    tmp_path: Path, metadata: Item, word: str
) -> None:
    """What it does can only be read where it is (tests/flow/test_owners.py)."""
    text = world(app("cart", metadata=metadata))
    [note] = planned(typed(stand_of(tmp_path, text), SET_IMAGE)).notes
    assert word in note
    assert "is not known" in note
    refusal = refused(typed(stand_of(tmp_path, text, policy=Policy(auto=True)), SET_IMAGE))
    assert refusal.check == "owner"
    assert word in refusal.reason


def test_what_an_operator_reconciles_is_refused(tmp_path: Path) -> None:
    owner = {"apiVersion": "shops.example/v1", "kind": "Shop", "name": "main", "uid": "u"}
    metadata = {"ownerReferences": [{**owner, "controller": True}]}
    refusal = refused(typed(stand_of(tmp_path, world(app("cart", metadata=metadata))), SET_IMAGE))
    assert refusal.check == "owner"
    assert "Shop main" in refusal.reason


def test_helm_alone_reverts_nothing_and_is_a_note(tmp_path: Path) -> None:
    metadata = {"annotations": {"meta.helm.sh/release-name": "shop"}}
    plan = planned(typed(stand_of(tmp_path, world(app("cart", metadata=metadata))), SET_IMAGE))
    assert any("Helm release shop" in note for note in plan.notes)


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop scale deployment/cart --replicas=3",
        'kubectl -n shop patch deployment cart --type=merge -p \'{"spec":{"replicas":3}}\'',
    ],
)
def test_replicas_that_an_autoscaler_sets_are_refused(tmp_path: Path, line: str) -> None:
    text = world([*app("cart"), autoscaler("cart")])
    refusal = refused(typed(stand_of(tmp_path, text), line))
    assert refusal.check == "owner"
    assert "HorizontalPodAutoscaler cart" in refusal.reason


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop set env deployment/cart DB_PASSWORD=hunter2hunter2",
        "kubectl -n shop set env deployment/cart OLD_PASSWORD-",
    ],
)
def test_a_credential_in_a_changed_field_is_refused(tmp_path: Path, line: str) -> None:
    """It would be journaled."""
    text = world(app("cart", env={"OLD_PASSWORD": "hunter1hunter1"}))
    refusal = refused(typed(stand_of(tmp_path, text), line))
    assert refusal.check == "credential"
    assert "hunter" not in refusal.reason


def test_a_credential_in_another_field_does_not_matter(tmp_path: Path) -> None:
    text = world(app("cart", env={"OLD_PASSWORD": "hunter1hunter1"}))
    assert typed(stand_of(tmp_path, text), SET_IMAGE).plan is not None


@pytest.mark.parametrize("env", [{}, {"OLD": "«secret:0123456789ab»"}])
def test_a_masked_value_is_never_written(tmp_path: Path, env: dict[str, str]) -> None:
    """A known-good value from a recording may be a mask; another value may be one already."""
    line = "kubectl -n shop set env deployment/cart URL='«secret:0123456789ab»'"
    refusal = refused(typed(stand_of(tmp_path, world(app("cart", env=env))), line))
    assert refusal.check == "credential"
    assert "masked" in refusal.reason


def test_more_writes_than_allowed_are_refused(tmp_path: Path) -> None:
    stand = stand_of(tmp_path, world([*app("cart"), *app("catalog")]))
    stand.limits = Limits(max_writes=1)
    made = typed(stand, SET_IMAGE, SET_IMAGE.replace("cart", "catalog"))
    assert refused(made).check == "bounds"


def test_what_is_not_permitted_is_refused_with_what_to_ask_for(tmp_path: Path) -> None:
    stand = grudging(stand_of(tmp_path, world(app("cart"))), denied=(("update", "Deployment"),))
    refusal = refused(typed(stand, SET_IMAGE))
    assert refusal.check == "permission"
    assert refusal.lift == "ask for the verb update on Deployment in shop"


@pytest.mark.parametrize(
    "error",
    [
        Forbidden(403, "Forbidden", 'admission webhook "guard" denied the request: no'),
        Invalid(422, "Invalid", "spec.template: no"),
        ClusterAnswer(400, "BadRequest", "admission webhook denied: no"),
    ],
)
def test_what_the_server_would_refuse_is_refused_in_its_words(
    tmp_path: Path, error: ClusterAnswer
) -> None:
    stand = grudging(stand_of(tmp_path, world(app("cart"))), answers={"Deployment": error})
    refusal = refused(typed(stand, SET_IMAGE))
    assert refusal.check == "dry run"
    assert error.what in refusal.reason


def test_a_namespace_that_is_not_there_refuses_a_create(tmp_path: Path) -> None:
    error = NotFound(404, "NotFound", 'namespaces "shop" not found')
    stand = grudging(stand_of(tmp_path, world(app("cart"))), answers={"ConfigMap": error})
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "new", "namespace": "shop"},
    }
    from stratus_cli.actions.base import Prepared
    from stratus_cli.flow.confirm import confirm
    from stratus_cli.model.change import Change

    ref = Ref("ConfigMap", "shop", "new", "v1")
    word = confirm(
        Prepared(Change(ref, None, body), "kubectl create", ()),
        stand.cluster,
        depends_on_earlier=False,
    )
    assert isinstance(word, Refusal)


@pytest.mark.parametrize(
    "error",
    [
        RequestTimeout(504, "Timeout", "no answer in time"),
        ClusterAnswer(500, "InternalError", 'failed calling webhook "guard"'),
        ClusterAnswer(400, "BadRequest", 'webhook "guard" does not support dry run'),
    ],
)
def test_a_dry_run_that_says_nothing_is_said_and_refuses_nothing(
    tmp_path: Path, error: ClusterAnswer
) -> None:
    stand = grudging(stand_of(tmp_path, world(app("cart"))), answers={"Deployment": error})
    (step,) = planned(typed(stand, SET_IMAGE)).steps
    assert not step.confirmed
    assert error.what in step.unconfirmed


def test_a_status_update_between_read_and_dry_run_is_no_refusal(tmp_path: Path) -> None:
    """Each status update moves the resourceVersion; the plan does not rest on it."""
    error = Conflict(409, "Conflict", "the object has been modified")
    stand = grudging(
        stand_of(tmp_path, world(app("cart"))), answers={"Deployment": error}, once=True
    )
    (step,) = planned(typed(stand, SET_IMAGE)).steps
    assert step.confirmed


def test_pods_that_would_be_refused_refuse_the_plan(tmp_path: Path) -> None:
    """The server takes the Deployment; PodSecurity would refuse its pods."""
    error = Forbidden(403, "Forbidden", 'violates PodSecurity "restricted:latest"')
    stand = grudging(stand_of(tmp_path, world(app("cart"))), answers={"Pod": error})
    refusal = refused(typed(stand, SET_IMAGE))
    assert refusal.check == "dry run"
    assert "PodSecurity" in refusal.reason


def test_without_a_known_good_value_the_remedy_says_what_would_give_one(tmp_path: Path) -> None:
    made = offered(stand_of(tmp_path, world(app("cart", image=NEVER_PUSHED))))
    assert all(item.plan is None for item in made)
    assert any("--known-good" in refused(item).lift for item in made)


def test_a_root_without_remedy_is_named(tmp_path: Path) -> None:
    """One of two roots cannot be repaired: no plan for half of it, and it is said why."""
    bad = app("cart")
    text = world(
        [*bad, *app("catalog", image=NEVER_PUSHED)],
        [set_box("cart", 1, image=NEVER_PUSHED)],
        settle=60,
    )
    stand = stand_of(tmp_path, text)
    seen = stand.look()
    (incident,) = (item for item in seen.incidents if len(item.roots) == 2)
    made = candidates(incident, seen.detection.graph, stand.reading(), RUNBOOKS)
    assert all(item.plan is None for item in made)
    assert any(
        item.refusal is not None and "which is part of it" in item.refusal.reason for item in made
    )


# On a recording


def test_a_plan_can_be_made_on_a_recording(tmp_path: Path) -> None:
    """It says that no server was asked, and its file can be executed on the live cluster."""
    from stratus_cli.flow.mitigate import execute_plan
    from stratus_cli.flow.planfile import dump, load
    from stratus_cli.model.health import TransactionState

    stand = stand_of(tmp_path, broken_image())
    path = tmp_path / "recording.json"
    path.write_bytes(record(stand.reading(), SHOP, compressed=False))
    past = replace(stand.reading(), cluster=RecordedCluster(str(path)))
    from stratus_cli.flow.assemble import look

    seen = look(past, SHOP, runbooks=RUNBOOKS)
    made = candidates(seen.incidents[0], seen.detection.graph, past, RUNBOOKS)
    plan = planned(made[0])
    assert [step.confirmed for step in plan.steps] == [False]
    assert "recording" in plan.steps[0].unconfirmed
    with stand.ports() as ports:
        done = execute_plan(load(dump(plan)), ports, stand.observe)
    assert done.state is TransactionState.COMMITTED, done.why


def test_a_plan_holds_no_secret_that_it_does_not_change(tmp_path: Path) -> None:
    from stratus_cli.flow.planfile import dump

    text = world(app("cart", env={"OLD_PASSWORD": "hunter1hunter1"}))
    plan = planned(typed(stand_of(tmp_path, text), SET_IMAGE))
    assert "hunter1" not in dump(plan)
