"""Admission webhooks and aggregated APIs, as far as they are read (Kubernetes API v1.34)."""

from __future__ import annotations

from stratus_cli.model.objects import Condition, KubeObject, LabelSelector, ObjectPart, TrackedMeta


class ServiceReference(ObjectPart, frozen=True):
    """Where a webhook or an aggregated API is served."""

    namespace: str = ""
    name: str = ""
    path: str = ""
    port: int = 443


class WebhookClientConfig(ObjectPart, frozen=True):
    service: ServiceReference | None = None
    url: str = ""
    ca_bundle: str = ""


class RuleWithOperations(ObjectPart, frozen=True):
    operations: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    api_versions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    scope: str = "*"


class Webhook(ObjectPart, frozen=True):
    """One webhook of a configuration. A missing selector decodes as one that matches all."""

    name: str
    client_config: WebhookClientConfig = WebhookClientConfig()
    rules: tuple[RuleWithOperations, ...] = ()
    failure_policy: str = "Fail"
    timeout_seconds: int = 10
    namespace_selector: LabelSelector = LabelSelector()
    object_selector: LabelSelector = LabelSelector()


class WebhookConfiguration(KubeObject, frozen=True):
    """Validating or mutating."""

    API_VERSION = "admissionregistration.k8s.io/v1"
    metadata: TrackedMeta = TrackedMeta()
    webhooks: tuple[Webhook, ...] = ()


class ValidatingWebhookConfiguration(WebhookConfiguration, frozen=True):
    KIND = "ValidatingWebhookConfiguration"


class MutatingWebhookConfiguration(WebhookConfiguration, frozen=True):
    KIND = "MutatingWebhookConfiguration"


class APIServiceSpec(ObjectPart, frozen=True):
    """service: None for an API that the API server serves itself."""

    group: str = ""
    version: str = ""
    service: ServiceReference | None = None
    ca_bundle: str = ""
    insecure_skip_tls_verify: bool = False


class APIServiceStatus(ObjectPart, frozen=True):
    conditions: tuple[Condition, ...] = ()


class APIService(KubeObject, frozen=True):
    KIND = "APIService"
    API_VERSION = "apiregistration.k8s.io/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: APIServiceSpec = APIServiceSpec()
    status: APIServiceStatus = APIServiceStatus()


class AdmissionPolicyBindingSpec(ObjectPart, frozen=True):
    policy_name: str = ""
    validation_actions: tuple[str, ...] = ()


class ValidatingAdmissionPolicyBinding(KubeObject, frozen=True):
    """What makes a ValidatingAdmissionPolicy count, and how: Deny, Warn, Audit."""

    KIND = "ValidatingAdmissionPolicyBinding"
    API_VERSION = "admissionregistration.k8s.io/v1"
    metadata: TrackedMeta = TrackedMeta()
    spec: AdmissionPolicyBindingSpec = AdmissionPolicyBindingSpec()
