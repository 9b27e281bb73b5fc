"""Search over runbooks: the right one first, nothing for words that nobody wrote."""

from __future__ import annotations

import pytest

from stratus_cli.knowledge.runbook import default_directory, load
from stratus_cli.knowledge.search import search, words

SHIPPED = load(default_directory())


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("ImagePullBackOff manifest unknown", "image-not-found"),
        ("OOMKilled exit code 137", "memory-limit-too-low"),
        ("Service has no endpoints selector labels", "selector-matches-nothing"),
        ("exceeded quota pods refused", "quota-blocks-pods"),
        ("readiness probe statuscode 404", "readiness-probe-wrong"),
        ("replicas 0", "scaled-to-zero"),
        ("targetPort refused", "target-port-unserved"),
    ],
)
def test_right_runbook_comes_first(query: str, slug: str) -> None:
    """Words of a symptom find their runbook."""
    assert search(query, SHIPPED)[0].slug == slug


def test_nothing_for_unknown_words() -> None:
    """No runbook is better than a wrong one."""
    assert search("xyzzy plugh", SHIPPED) == ()
    assert search("image", ()) == ()


def test_reasons_are_taken_apart() -> None:
    """CamelCase is found by its parts and as a whole."""
    assert words("ImagePullBackOff") == ["imagepullbackoff", "image", "pull", "back", "off"]
