"""Sources of telemetry: one file each, over what a cluster offers to fetch and its pods' logs."""
