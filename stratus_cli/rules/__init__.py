"""The rules, in the order of their codes. One fault seen per file; rules never import rules."""

from stratus_cli.rules.admission import pods_rewritten
from stratus_cli.rules.batch import held_open, job_failing, not_run, rewriting
from stratus_cli.rules.config import stale_environment
from stratus_cli.rules.control import api_unavailable, deletion_stuck, rbac_denied
from stratus_cli.rules.network import (
    certificate_expired,
    cluster_dns,
    ingress_misroute,
    policy_blocks,
)
from stratus_cli.rules.node import (
    node_absent,
    under_pressure,
)
from stratus_cli.rules.node import (
    not_ready as node_not_ready,
)
from stratus_cli.rules.pod import (
    config_error,
    crash_looping,
    image_pull_failing,
    init_stuck,
    init_waiting,
    liveness_killing,
    not_ready,
    unschedulable,
    volume_failing,
)
from stratus_cli.rules.policy import quota_demands, quota_exhausted
from stratus_cli.rules.scaling import (
    autoscaler_blind,
    autoscaler_target_missing,
    budget_blocks,
)
from stratus_cli.rules.service import (
    called_service_missing,
    external_name,
    foreign_endpoints,
    local_traffic,
    no_endpoints,
    target_port_unserved,
)
from stratus_cli.rules.storage import (
    claim_lost,
    claim_pending,
)
from stratus_cli.rules.traffic import (
    alert_firing,
    cpu_throttled,
    errors_high,
    logs_errors,
    logs_slow,
    memory_near_limit,
    slow,
)
from stratus_cli.rules.workload import (
    dead_address,
    env_shadowed,
    full_outage_strategy,
    outside_dns,
    pods_refused,
    rollout_stuck,
    scaled_to_zero,
    unavailable,
)

ALL = (
    crash_looping,
    image_pull_failing,
    config_error,
    volume_failing,
    unschedulable,
    not_ready,
    init_stuck,
    liveness_killing,
    init_waiting,
    unavailable,
    pods_refused,
    rollout_stuck,
    scaled_to_zero,
    dead_address,
    outside_dns,
    env_shadowed,
    full_outage_strategy,
    no_endpoints,
    target_port_unserved,
    called_service_missing,
    foreign_endpoints,
    local_traffic,
    external_name,
    node_not_ready,
    under_pressure,
    node_absent,
    quota_exhausted,
    quota_demands,
    claim_pending,
    claim_lost,
    budget_blocks,
    autoscaler_blind,
    autoscaler_target_missing,
    policy_blocks,
    ingress_misroute,
    cluster_dns,
    certificate_expired,
    rbac_denied,
    deletion_stuck,
    pods_rewritten,
    api_unavailable,
    held_open,
    job_failing,
    not_run,
    rewriting,
    stale_environment,
    errors_high,
    slow,
    alert_firing,
    cpu_throttled,
    memory_near_limit,
    logs_errors,
    logs_slow,
)
