"""Who reconciles an object is read from the cluster: refused, asked about or noted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.kube.graph import Graph
from stratus_cli.model.errors import Forbidden
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan, Refusal
from stratus_cli.model.ports import Policy
from stratus_cli.model.ref import Ref, ServedKind
from tests.fakes.faulty import FaultyCluster
from tests.flow.custom import Item, custom, definition
from tests.flow.small import WEB, edit, get, plain, small
from tests.flow.stand import Stand

ARGO, FLUX, HELM = "argoproj.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"
SCALE = "kubectl -n shop scale deployment/web --replicas=3"
TRACKED = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}
BY_FLUX = {f"{FLUX}/name": "apps", f"{FLUX}/namespace": "flux"}
BY_HELM = {f"{HELM}/name": "web", f"{HELM}/namespace": "flux"}
HEALS = {"syncPolicy": {"automated": {"prune": True, "selfHeal": True}}}
PATCH = '"spec": {"replicas": 3}'


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """A small world that serves what the owners are kept in."""
    made = small(tmp_path)
    for space in ("argocd", "flux"):
        made.twin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    made.twin.apply(definition("Application", ARGO, "v1alpha1"))
    made.twin.apply(definition("Kustomization", FLUX, "v1beta2", "v1"))
    made.twin.apply(definition("HelmRelease", HELM, "v2"))
    made.twin.apply(definition("ScaledObject", "keda.sh", "v1alpha1"))
    return made


def planned(stand: Stand, *lines: str) -> Plan | Refusal:
    graph = Graph(stand.observe())
    made = plan_from_lines(list(lines or (SCALE,)), stand.reading(), graph, "shop")
    answer = made.plan or made.refusal
    assert answer is not None
    return answer


def application(stand: Stand, spec: Item, namespace: str = "argocd") -> None:
    stand.twin.apply(custom(f"{ARGO}/v1alpha1", "Application", "shop", spec, namespace))


def kustomization(stand: Stand, spec: Item) -> None:
    stand.twin.apply(custom(f"{FLUX}/v1", "Kustomization", "apps", spec, "flux"))


def refused(stand: Stand, words: str, *lines: str) -> Refusal:
    refusal = planned(stand, *lines)
    assert isinstance(refusal, Refusal), "it was planned"
    assert refusal.check == "owner"
    assert words in refusal.reason
    return refusal


def noted(stand: Stand, words: str, *lines: str) -> Plan:
    plan = planned(stand, *lines)
    assert isinstance(plan, Plan), plan
    assert any(words in note for note in plan.notes), plan.notes
    return plan


def test_an_application_that_heals_refuses_with_the_patch_for_its_source(stand: Stand) -> None:
    """By its tracking-id; the patch is YAML that a kustomization takes."""
    application(stand, HEALS)
    edit(stand.twin, WEB, annotations=TRACKED)
    refusal = refused(stand, "Argo CD Application shop heals")
    assert PATCH in refusal.lift
    assert "--pause-owner" in refusal.lift
    patch = json.loads(refusal.lift.partition(": ")[2].partition("; or")[0])
    assert patch["metadata"] == {"name": "web", "namespace": "shop"}
    assert patch["kind"] == "Deployment"


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"syncPolicy": {"automated": {"prune": True}}},
        {"syncPolicy": {"automated": {"selfHeal": True, "enabled": False}}},
        {"syncPolicy": {"automated": None}},
    ],
)
def test_an_application_that_does_not_heal_is_a_note(stand: Stand, spec: Item) -> None:
    """Its next sync overwrites, and nothing before."""
    application(stand, spec)
    edit(stand.twin, WEB, labels={"argocd.argoproj.io/instance": "shop"})
    assert PATCH in " ".join(noted(stand, "without healing it").notes)


def test_a_copied_tracking_id_is_nobodys(stand: Stand) -> None:
    """It names another object; Argo CD takes no notice of it either."""
    application(stand, HEALS)
    edit(
        stand.twin, WEB, annotations={"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:a/b"}
    )
    assert isinstance(planned(stand), Plan)


def test_a_kustomization_refuses_unless_it_is_suspended(stand: Stand) -> None:
    """Flux reconciles all the time; suspended it does not, which is said."""
    edit(stand.twin, WEB, labels=BY_FLUX)
    kustomization(stand, {"interval": "10m"})
    assert PATCH in refused(stand, "Flux Kustomization flux/apps applies").lift
    kustomization(stand, {"suspend": True})
    noted(stand, "is suspended")


def test_a_helm_release_refuses_only_with_drift_detection(stand: Stand) -> None:
    """mode: warn only warns."""
    edit(stand.twin, WEB, labels=BY_HELM, annotations={"meta.helm.sh/release-name": "web"})
    for mode in ("warn", "enabled"):
        spec = {"driftDetection": {"mode": mode}}
        stand.twin.apply(custom(f"{HELM}/v2", "HelmRelease", "web", spec, "flux"))
        if mode == "enabled":
            refused(stand, "Flux HelmRelease flux/web corrects")
        else:
            plan = noted(stand, "without correcting it")
            assert not any("belongs to Helm release" in note for note in plan.notes)


def test_helm_alone_is_a_note_with_the_values(stand: Stand) -> None:
    """It reverts nothing before its next upgrade."""
    edit(stand.twin, WEB, annotations={"meta.helm.sh/release-name": "web"})
    assert PATCH in " ".join(noted(stand, "whose next upgrade overwrites this").notes)


def test_an_operators_object_is_refused(stand: Stand) -> None:
    """A controller ownerReference to a custom resource."""
    item = get(stand, WEB)
    owner = {"apiVersion": "example.com/v1", "kind": "Shop", "name": "s", "uid": "u"}
    item["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    stand.twin.replace(item)
    assert "change Shop s instead" in refused(stand, "whose operator would put it back").lift


def test_keda_sets_the_replicas(stand: Stand) -> None:
    """A ScaledObject's target is a Deployment by default; paused it is not in the way."""
    scaled = custom("keda.sh/v1alpha1", "ScaledObject", "s", {"scaleTargetRef": {"name": "web"}})
    stand.twin.apply(scaled)
    refused(stand, "ScaledObject s sets the replicas")
    assert isinstance(planned(stand, "kubectl -n shop label deploy/web a=b"), Plan)
    scaled["metadata"]["annotations"] = {"autoscaling.keda.sh/paused": "true"}
    stand.twin.apply(scaled)
    assert isinstance(planned(stand), Plan)


class Unreadable(FaultyCluster):
    """Applications, Kustomizations and ScaledObjects are none of this user's business."""

    def list_pages(self, kind: str, namespace: str | None) -> Iterable[bytes]:
        if "." in kind or kind == "HorizontalPodAutoscaler":
            raise Forbidden(403, "Forbidden", f"cannot list {kind}", kind)
        return super().list_pages(kind, namespace)

    def get(self, ref: Ref) -> Item | None:
        if ref.kind == "Kustomization":
            raise Forbidden(403, "Forbidden", "cannot get kustomizations", str(ref))
        return super().get(ref)


class NotServed(FaultyCluster):
    """The owners live in another cluster."""

    def kind_of(self, word: str) -> ServedKind | None:
        return None


@pytest.mark.parametrize("cluster", [Unreadable, NotServed])
@pytest.mark.parametrize("marks", [TRACKED, BY_FLUX])
def test_an_owner_that_cannot_be_read_is_asked_about(
    stand: Stand, marks: dict[str, str], cluster: type[FaultyCluster]
) -> None:
    """A person sees it in the plan; --auto refuses and says what would lift it."""
    edit(stand.twin, WEB, labels={}, annotations=marks)
    stand.cluster = cluster(stand.twin)
    line = "kubectl -n shop set image deployment/web app=stratus/app:2"
    plan = noted(stand, "is not known", line)
    stand.policy = Policy(auto=True)
    refusal = refused(stand, "is not known", line)
    assert "read access" in refusal.lift
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.checks == ("owner",)
    stand.policy = Policy()
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is TransactionState.COMMITTED, done.why


def test_autoscalers_that_cannot_be_read_are_asked_about(stand: Stand) -> None:
    """Never taken for none."""
    stand.cluster = Unreadable(stand.twin)
    refusal = planned(stand, 'kubectl -n shop patch deploy/web -p \'{"spec":{"replicas":3}}\'')
    assert isinstance(refusal, Refusal)


def test_an_owner_since_the_plan_was_made(stand: Stand) -> None:
    """Read again before the first write."""
    plan = planned(stand)
    assert isinstance(plan, Plan)
    application(stand, HEALS)
    edit(stand.twin, WEB, annotations=TRACKED)
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.checks == ("owner",)
    assert stand.cluster.writes == 0


@pytest.mark.parametrize("owner", ["argo", "flux", "both"])
def test_the_owner_is_paused_first_and_resumed_by_the_undo(stand: Stand, owner: str) -> None:
    """Its own suspend is a step of the plan like any other."""
    if owner != "flux":
        application(stand, HEALS)
        edit(stand.twin, WEB, annotations=TRACKED)
    if owner != "argo":
        kustomization(stand, {"interval": "10m"})
        edit(stand.twin, WEB, labels=BY_FLUX)
    refs = [
        Ref("Application", "argocd", "shop", f"{ARGO}/v1alpha1"),
        Ref("Kustomization", "flux", "apps", f"{FLUX}/v1"),
    ]
    before = [plain(item) for item in map(stand.twin.get, [*refs, WEB]) if item is not None]
    stand.policy = Policy(pause_owner=True)
    plan = planned(stand)
    assert isinstance(plan, Plan), plan
    assert plan.steps[-1].change.ref == WEB
    assert len(plan.steps) == (3 if owner == "both" else 2)
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is TransactionState.COMMITTED, done.why
    for item in filter(None, map(stand.twin.get, refs)):
        spec = item["spec"]
        assert spec.get("suspend") is True or "automated" not in spec["syncPolicy"]
    with stand.ports() as ports:
        [tx] = undo(
            ports, Selector(last=True), accept_loss=True, observe=stand.observe
        ).transactions
    assert tx.state is TransactionState.COMMITTED, tx.why
    assert [plain(i) for i in map(stand.twin.get, [*refs, WEB]) if i is not None] == before


def test_an_owner_of_the_owner_puts_the_pause_back(stand: Stand) -> None:
    """App of apps: the Application is itself applied by one that heals, so nothing is paused."""
    application(stand, HEALS)
    edit(stand.twin, WEB, annotations=TRACKED)
    stand.twin.apply(custom(f"{ARGO}/v1alpha1", "Application", "root", HEALS, "argocd"))
    tracked = "root:argoproj.io/Application:argocd/shop"
    shop = Ref("Application", "argocd", "shop", f"{ARGO}/v1alpha1")
    edit(stand.twin, shop, annotations={"argocd.argoproj.io/tracking-id": tracked})
    stand.policy = Policy(pause_owner=True)
    refused(stand, "Argo CD Application root heals argocd/Application/shop")


def test_who_applied_the_field_is_named(stand: Stand) -> None:
    """Only of the fields that change."""
    item = get(stand, WEB)
    meta = {"name": "web", "namespace": "shop"}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta}
    stand.twin.apply({**manifest, "spec": {**item["spec"]}}, "ci", server_side=True)
    plan = noted(stand, "ci applied spec.replicas of shop/Deployment/web")
    assert not any("ci" in note for note in _label(stand).notes)
    assert sum("next server-side apply" in note for note in plan.notes) == 1


def _label(stand: Stand) -> Plan:
    plan = planned(stand, "kubectl -n shop label deploy/web a=b")
    assert isinstance(plan, Plan)
    return plan
