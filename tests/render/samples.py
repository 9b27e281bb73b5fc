"""Hand-made reports for the renderers: small, complete, and with hostile cluster text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stratus_cli.model.change import Change
from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.finding import Confidence, Evidence, Finding, Severity
from stratus_cli.model.health import Health, PodStage, TransactionState, UnitHealth
from stratus_cli.model.plan import Candidate, Plan, Refusal, Risk, Step
from stratus_cli.model.ref import ClusterIdentity, Ref
from stratus_cli.model.report import Report, TimelineEntry, Timing, TransactionReport
from stratus_cli.model.snapshot import Gap, GapReason, Scope

AT = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
CLUSTER = ClusterIdentity("uid-1", "prod", "https://10.0.0.1:6443", "alice", "v1.34.1")
CART = Ref("Deployment", "shop", "cart", "apps/v1", "u-cart")
POD = Ref("Pod", "shop", "cart-7d9-x1", "v1", "u-pod")
SERVICE = Ref("Service", "shop", "cart", "v1", "u-svc")
IMAGE = "spec.template.spec.containers[name=cart].image"
HOSTILE = "[bold]x[/bold]\x1b[2J\x1b]0;owned\x07\r\nFAKE: all well \u202etxt.exe <script>`|@here"


def finding(
    rule: str = "POD104",
    ref: Ref = POD,
    message: str = "image cannot be pulled",
    severity: Severity = Severity.OUTAGE,
) -> Finding:
    return Finding(rule, severity, Confidence.HIGH, ref, message)


def diagnosis(
    observed: str = "registry/app:9.9", expected: str | None = "registry/app:1.0"
) -> Diagnosis:
    return Diagnosis(
        cause="image-not-found",
        title="image tag does not exist",
        root=CART,
        field=IMAGE,
        observed=observed,
        expected=expected,
        confidence=0.95,
        facts={"source": "ReplicaSet cart-5d8 revision 1"},
        evidence=(
            Evidence("object", CART, IMAGE, observed, AT),
            Evidence("event", POD, "Failed", "manifest unknown", AT),
            Evidence("log", POD, "cart previous", "exit 1", AT),
        ),
        explains=(("POD104", POD),),
    )


def incident(severity: Severity = Severity.OUTAGE, identifier: str = "0123456789") -> Incident:
    return Incident(
        id=identifier,
        severity=severity,
        title="image tag does not exist",
        roots=(diagnosis(),),
        rivals=(
            Diagnosis(
                "registry-down",
                "the registry is down",
                CART,
                IMAGE,
                "?",
                None,
                0.2,
                check="pull another image of the same registry",
            ),
        ),
        symptoms=(finding(), finding("SVC301", SERVICE, "no ready endpoints")),
    )


def manifest(image: str) -> dict[str, object]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "cart", "image": image}]}}},
    }


def plan(identifier: str = "p-1") -> Plan:
    change = Change(CART, manifest("registry/app:9.9"), manifest("registry/app:1.0"))
    step = Step(
        "kubectl -n shop set image deployment/cart cart=registry/app:1.0",
        change,
        (IMAGE,),
        "d1",
        "u-cart",
        confirmed=True,
    )
    return Plan(
        id=identifier,
        incident="0123456789",
        title="put back the image that ran last",
        runbook="image-not-found",
        candidate="put back the last image",
        cluster=CLUSTER,
        steps=(step,),
        targets=(CART, SERVICE),
        roots=(("POD104", POD),),
        blast_radius=(CART, SERVICE),
        risk=Risk.LOW,
        success="POD104 is gone and shop/Service/cart has ready endpoints",
        created_at=AT,
        expires_at=AT + timedelta(hours=1),
        notes=("Helm owns it: the next upgrade may overwrite this",),
    )


def candidate() -> Candidate:
    made = plan()
    return Candidate(made.runbook, made.title, tuple(step.kubectl for step in made.steps), made)


def refused_candidate() -> Candidate:
    refusal = Refusal("variable", "nothing recorded says {{image}}", "give --known-good")
    return Candidate(
        "image-not-found", "use the recorded image", ("kubectl set image",), None, refusal
    )


def transaction(
    state: TransactionState = TransactionState.COMMITTED,
    *,
    incident_id: str = "0123456789",
    left_open: bool = False,
) -> TransactionReport:
    left = ("shop/Deployment/cart spec.replicas: 3, wanted 1",)
    return TransactionReport(
        "tx-1",
        incident_id,
        state,
        1,
        "the root findings are gone",
        plan(),
        12.5,
        left if state is TransactionState.NEEDS_HUMAN else (),
        left_open,
    )


def report(command: str = "detect", **changes: object) -> Report:
    values: dict[str, object] = {
        "command": command,
        "cluster": CLUSTER,
        "taken_at": AT,
        "scope": Scope(("shop",), ("shop",), 3),
        "health": Health(
            AT,
            {CART: UnitHealth(CART, PodStage.SCHEDULED, 0, 1, problems=("POD104",), score=0.0)},
            0.0,
            CART,
        ),
        "findings": incident().symptoms,
        "incidents": (incident(),),
        "timing": Timing(0.4, 0.01),
        "timeline": (TimelineEntry(AT, "reading the cluster"),),
    }
    return Report(**(values | changes))  # type: ignore[arg-type]  # a sample with some fields changed


def finished_run() -> Report:
    return report(
        "run",
        findings=(),
        candidates={"0123456789": (candidate(), refused_candidate())},
        transactions=(transaction(),),
        timing=Timing(0.4, 0.01, 12.5),
    )


def hostile_report() -> Report:
    """Every free text is an attack."""
    root = diagnosis(HOSTILE, HOSTILE)
    ref = Ref("Pod", "shop", HOSTILE)
    bad = Incident(
        "0123456789",
        Severity.OUTAGE,
        HOSTILE,
        (root,),
        symptoms=(finding(ref=ref, message=HOSTILE),),
    )
    return report(
        "diagnose",
        incidents=(bad,),
        findings=(*bad.symptoms, finding("POD101", ref, HOSTILE)),
        gaps=(Gap("Pod", GapReason.FORBIDDEN, HOSTILE, HOSTILE),),
        notes=(HOSTILE,),
    )
