"""The causes, by id. One root cause per file; causes never import causes."""

from stratus_cli.causes import (
    command_fails,
    config_value_changed,
    configmap_missing,
    dead_address,
    image_not_found,
    memory_limit_too_low,
    node_selector_unsatisfiable,
    pod_security_refuses,
    quota_blocks_pods,
    readiness_probe_wrong,
    scaled_to_zero,
    selector_matches_nothing,
    service_account_missing,
    target_port_unserved,
    webhook_fails,
)

ALL = (
    command_fails,
    config_value_changed,
    configmap_missing,
    dead_address,
    image_not_found,
    memory_limit_too_low,
    node_selector_unsatisfiable,
    pod_security_refuses,
    quota_blocks_pods,
    readiness_probe_wrong,
    scaled_to_zero,
    selector_matches_nothing,
    service_account_missing,
    target_port_unserved,
    webhook_fails,
)
