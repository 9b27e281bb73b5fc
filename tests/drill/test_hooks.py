"""Hooks change what they say, and nothing beside it."""

from __future__ import annotations

import pytest

from stratus_cli.drill.errors import DrillError
from stratus_cli.drill.hooks.coredns import with_denial, without_denial

COREFILE = """.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
    }
    forward . /etc/resolv.conf
}
"""


def test_denial_stands_in_the_cluster_s_block() -> None:
    """The template comes before the plugin that would answer, and the rest stays as it is."""
    made = with_denial(COREFILE, "geo.shop.svc")
    denial = "    template ANY ANY geo.shop.svc.cluster.local {\n        rcode NXDOMAIN\n    }\n"
    assert denial in made
    assert without_denial(made) == COREFILE
    assert made.index("template") < made.index("kubernetes")


def test_denial_needs_a_cluster_s_block() -> None:
    """A Corefile that does not serve the cluster is refused."""
    with pytest.raises(DrillError):
        with_denial(".:53 {\n    forward . 10.0.0.1\n}\n", "geo.shop.svc")
