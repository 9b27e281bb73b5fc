"""A Corefile is read as CoreDNS reads it, and what keeps Services from resolving is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.corefile import parse, problems, reloads, without

GOOD = """.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30
    loop
    reload
}
"""
TWO = """cluster.local:53 in-addr.arpa:53 {
    kubernetes cluster.local in-addr.arpa
}
.:53 {
    template ANY ANY {
        rcode NXDOMAIN
    }
}
"""
SERVICES = [("web", "shop", "10.96.1.1"), ("geo", "shop", "10.96.1.2"), ("dns", "kube-system", "")]


def with_lines(*lines: str) -> str:
    """The good one with lines of a plugin more."""
    return GOOD.replace("    ready\n", "    ready\n" + "".join(f"    {line}\n" for line in lines))


@pytest.mark.parametrize("text", [GOOD, TWO])
def test_good(text: str) -> None:
    """A usual Corefile, and one whose root zone refuses what is outside the cluster, are well."""
    assert problems(text, SERVICES) == ()


def test_reloads() -> None:
    """The plugin reload is seen."""
    assert reloads(GOOD)
    assert not reloads(TWO)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("template ANY ANY web.shop.svc.cluster.local {", "rcode NXDOMAIN", "}"), "web.shop"),
        (("template IN A shop.svc.cluster.local {", "rcode SERVFAIL", "}"), "geo.shop"),
        (("template ANY ANY cluster.local {", "rcode NXDOMAIN", "}"), "every Service"),
        (
            (
                "template ANY ANY {",
                r'match "^web\.shop\.svc\.cluster\.local\.$"',
                "rcode NXDOMAIN",
                "}",
            ),
            "web.shop",
        ),
        (
            ("template ANY ANY {", r"match .*[.]shop[.]svc[.].*", "rcode NXDOMAIN", "}"),
            "geo.shop",
        ),
        (("rewrite name web.shop.svc.cluster.local x.shop.svc.cluster.local",), "web.shop"),
        (("rewrite name exact geo.shop.svc.cluster.local. x.test.",), "geo.shop"),
        (("hosts {", "10.1.1.1 web.shop.svc.cluster.local", "fallthrough", "}"), "10.1.1.1"),
    ],
)
def test_what_was_added_is_taken_out(lines: tuple[str, ...], said: str) -> None:
    """A plugin that takes Services' names away is found, and without it the text is as before."""
    text = with_lines(*lines)
    found = problems(text, SERVICES)
    assert [item for item in found if said in item.what]
    cured = without(text, found)
    assert cured is not None
    assert problems(cured, SERVICES) == ()


@pytest.mark.parametrize(
    "lines",
    [
        ("template IN AAAA . {", "rcode NXDOMAIN", "}"),
        ("template IN ANY consul {", "rcode NXDOMAIN", "}"),
        ("template ANY A {", "match ^nowhere[.]", "rcode NXDOMAIN", "}"),
        ("rewrite name shop.example.com web.shop.svc.cluster.local",),
        ("hosts {", "10.96.1.1 web.shop.svc.cluster.local", "192.0.2.1 db.example.com", "}"),
    ],
)
def test_what_is_not_about_services(lines: tuple[str, ...]) -> None:
    """Names of the world outside, and IPv6, may be answered as somebody likes."""
    assert problems(with_lines(*lines), SERVICES) == ()


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("cluster.local", "cluster.locl"),
        GOOD.replace("kubernetes", "# kubernetes").replace("#", "whoami #"),
        GOOD.rstrip().rstrip("}"),
        "",
    ],
)
def test_what_has_no_line_to_take_out(text: str) -> None:
    """What is missing is told and not cured by taking lines out."""
    found = problems(text, SERVICES)
    assert found
    assert without(text, found) is None


def test_another_domain_is_somebodys_choice() -> None:
    """A cluster may have another domain."""
    assert problems(GOOD.replace("cluster.local", "k8s.example"), SERVICES) == ()


@given(st.text(alphabet='{} \n#.:abctemplaterewritehosts"\\*', max_size=300))
def test_any_text_is_read(text: str) -> None:
    """No text raises or hangs, and what is cured has no more problems than before."""
    parse(text)
    found = problems(text, SERVICES)
    cured = without(text, found)
    assert cured is None or len(cured) <= len(text)
