"""What the published reference agent of the STRATUS paper gets wrong, and where TNR's assumptions
fail on real Kubernetes: one test for each, by name.

The letter and number in a test's docstring name the item: A the gate, B undo, C durability,
concurrency and security, E2 the assumptions. Some items are about parts that do not exist here.
For those stands the nearest true statement: B9 (parallel tool calls) and B10 (commands that failed
half-way) are about a transaction of several writes; C2 (a tool server inside the failing cluster)
and C6 (a server without authentication) about a command that listens nowhere; C8 (`kubectl exec`
through a proxy) about text that is refused. The same claims are proved at more length in
tests/flow, tests/e2e and tests/proof.
"""
