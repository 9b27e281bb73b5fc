"""The live adapter over real HTTP: paging, deadlines, refusals, writes, and what is never read."""

from __future__ import annotations

import json
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.cluster.live import LiveCluster
from stratus_cli.model.errors import (
    ClusterAnswer,
    ClusterUnreachable,
    Conflict,
    Forbidden,
    NotFound,
    RequestTimeout,
    UsageError,
)
from stratus_cli.model.ref import Ref
from tests.cluster.apiserver import ApiServer, Fault, kubeconfig, serving
from tests.cluster.world import REDACTOR, Shop, config_map, live, namespace

PODS = "/api/v1/pods"
WEB = Ref("Deployment", "shop", "web", "apps/v1")


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with serving(ApiServer(Shop().items)) as server:
        yield server


def items(pages: Any) -> list[dict[str, Any]]:
    return [item for page in pages for item in json.loads(page)["items"]]


def names(pages: Any) -> list[str]:
    return [item["metadata"]["name"] for item in items(pages)]


def test_identity_is_the_kube_system_uid_and_the_user_the_server_sees(
    api: ApiServer, tmp_path: Path
) -> None:
    """Which cluster, as whom, which version; asked once."""
    cluster = live(api, tmp_path)
    identity = cluster.identity()
    assert (identity.uid, identity.user, identity.version) == (
        "u-ns-kube-system",
        "jane",
        "v1.34.4",
    )
    assert (identity.context, identity.server) == ("bench", api.url)
    before = len(api.requests)
    assert cluster.identity() == identity
    assert len(api.requests) == before


def test_identity_without_permission_is_a_digest_of_the_server(
    api: ApiServer, tmp_path: Path
) -> None:
    """Forbidden everywhere: still an identity, the same each time, and the kubeconfig's user."""
    api.faults["*"] = Fault("status", 403)
    first, second = live(api, tmp_path).identity(), live(api, tmp_path).identity()
    assert first == second
    assert first.uid.startswith("ca:")
    assert (first.user, first.version) == ("u", "")


def test_every_page_is_read(tmp_path: Path) -> None:
    """A collection of several pages comes whole and in order."""
    many = [config_map(f"c{index:03}", {}) for index in range(25)]
    with serving(ApiServer(many, page_size=10)) as api:
        pages = list(live(api, tmp_path).list_pages("ConfigMap", None))
        assert len(pages) == 3
        assert names(pages) == [f"c{index:03}" for index in range(25)]


def test_an_expired_continue_token_starts_again_once_without_repeating(tmp_path: Path) -> None:
    """410 in the middle of a collection: nothing is lost and nothing comes twice."""
    many = [config_map(f"c{index:03}", {}) for index in range(25)]

    class Expiring(ApiServer):
        def fault(self, path: str) -> Fault | None:
            return Fault("status", 410) if len(self.requests) == 3 else None

    with serving(Expiring(many, page_size=10)) as api:
        found = names(live(api, tmp_path).list_pages("ConfigMap", None))
        assert found == [f"c{index:03}" for index in range(25)]


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        (Fault("status", 403), Forbidden, "Forbidden"),
        (Fault("status", 404), NotFound, "NotFound"),
        (Fault("silence"), RequestTimeout, "Timeout"),
        (Fault("trickle"), RequestTimeout, "Timeout"),
        (Fault("cut"), ClusterAnswer, "Truncated"),
        (Fault("half"), ClusterAnswer, "Truncated"),
        (Fault("html"), ClusterAnswer, "Unreadable"),
        (Fault("status", 500), ClusterAnswer, "InternalError"),
        (Fault("status", 401), ClusterUnreachable, ""),
        (Fault("status", 302), ClusterUnreachable, ""),
        (Fault("hang up"), ClusterAnswer, "Disconnected"),
        (Fault("status", 429, headers={"Retry-After": "60"}), ClusterAnswer, "TooManyRequests"),
    ],
    ids=lambda value: f"{value.kind}{value.status or ''}" if isinstance(value, Fault) else "",
)
def test_a_list_that_fails_says_how_in_time(
    api: ApiServer, tmp_path: Path, fault: Fault, error: type[Exception], reason: str
) -> None:
    """No failure looks like an empty list, and none takes much longer than the deadline."""
    api.faults[PODS] = fault
    started = time.monotonic()
    with pytest.raises(error) as caught:
        list(live(api, tmp_path, timeout_s=0.5).list_pages("Pod", None))
    assert time.monotonic() - started < 3
    assert "not-a-real-token" not in str(caught.value)
    if isinstance(caught.value, ClusterAnswer):
        assert caught.value.reason == reason
    assert api.url in str(caught.value)


@pytest.mark.parametrize(
    "fault", [Fault("hang up", times=1), Fault("status", 429, 1, {"Retry-After": "0"})]
)
def test_a_read_is_repeated_where_that_is_safe(
    api: ApiServer, tmp_path: Path, fault: Fault
) -> None:
    """A closed connection or "too many requests" does not fail a read at once."""
    api.faults[PODS] = fault
    assert names(live(api, tmp_path).list_pages("Pod", None))


@pytest.mark.parametrize(
    "fault", [Fault("hang up", times=1), Fault("status", 429, 1, {"Retry-After": "0"})]
)
def test_a_write_is_never_repeated(api: ApiServer, tmp_path: Path, fault: Fault) -> None:
    """Whatever happens to a write, it is sent once."""
    path = "/api/v1/namespaces/shop/configmaps"
    api.faults[path] = fault
    with pytest.raises(ClusterAnswer):
        live(api, tmp_path).create(config_map("new", {}))
    assert [method for method, where, _ in api.requests if where == path] == ["POST"]


def test_a_write_without_answer_may_have_been_applied(api: ApiServer, tmp_path: Path) -> None:
    """Silence and a broken connection are RequestTimeout, which says that it is not known."""
    path = "/api/v1/namespaces/shop/configmaps"
    for kind in ("silence", "hang up"):
        api.faults[path] = Fault(kind)
        with pytest.raises(RequestTimeout):
            live(api, tmp_path, timeout_s=0.3).create(config_map("new", {}))


def test_values_of_secrets_are_never_given_out(tmp_path: Path) -> None:
    """The server is asked for metadata only; what it sends beyond that is dropped."""
    secret = {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": "db", "namespace": "shop", "uid": "u-db",
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": '{"data":{"p":"aHVudGVyMg=="}}',
                "team": "shop",
            },
        },
        "data": {"p": "aHVudGVyMg=="},
    }  # fmt: skip
    with serving(ApiServer([secret])) as api:
        cluster = live(api, tmp_path)
        found = [
            *items(cluster.list_pages("Secret", None)),
            cluster.get(Ref("Secret", "shop", "db")),
        ]
        for item in found:
            assert item is not None
            assert "aHVudGVyMg" not in json.dumps(item)
            assert item["metadata"]["annotations"] == {"team": "shop"}
        wanted = [accept for path, accept in api.accepts if "secrets" in path]
        assert len(wanted) == 2
        assert all("as=PartialObjectMetadata" in accept for accept in wanted)


def test_lists_are_masked_and_get_is_not(tmp_path: Path) -> None:
    """A list shows digests; get gives what a write is computed from."""
    with serving(ApiServer([config_map("c", {"password": "hunter2"})])) as api:
        cluster = live(api, tmp_path)
        [listed] = items(cluster.list_pages("ConfigMap", None))
        assert listed["data"]["password"].startswith("«secret:")
        whole = cluster.get(Ref("ConfigMap", "shop", "c"))
        assert whole is not None
        assert whole["data"]["password"] == "hunter2"


def test_get_of_what_is_absent_is_none(api: ApiServer, tmp_path: Path) -> None:
    """404 on one object is an answer, no error; 403 is an error."""
    cluster = live(api, tmp_path)
    assert cluster.get(Ref("ConfigMap", "shop", "none")) is None
    assert cluster.get(WEB)
    api.faults["*"] = Fault("status", 403)
    with pytest.raises(Forbidden):
        cluster.get(WEB)


def test_an_unknown_kind_is_found_by_discovery(api: ApiServer, tmp_path: Path) -> None:
    """Custom resources can be read one by one; a kind that is not served is NotFound."""
    served = {"name": "applications", "kind": "Application", "namespaced": True}
    served["verbs"] = ["get", "update"]
    api.texts["/apis/argoproj.io/v1alpha1"] = json.dumps({"resources": [served]}).encode()
    api.texts["/apis/argoproj.io/v1alpha1/namespaces/argo/applications/a"] = b'{"spec": {}}'
    cluster = live(api, tmp_path)
    assert cluster.get(Ref("Application", "argo", "a", "argoproj.io/v1alpha1")) == {"spec": {}}
    assert cluster.get(Ref("Thing", "argo", "a", "example.com/v1")) is None


def test_writes_carry_preconditions_and_the_field_manager(api: ApiServer, tmp_path: Path) -> None:
    """Create, replace and delete; stale, foreign and existing objects are conflicts."""
    cluster = live(api, tmp_path)
    ref = Ref("ConfigMap", "shop", "new")
    created = cluster.create(config_map("new", {"a": "1"}))
    assert api.requests[-1][2] == {"fieldManager": "stratus"}
    with pytest.raises(Conflict) as caught:
        cluster.create(config_map("new", {}))
    assert caught.value.reason == "AlreadyExists"
    changed = cluster.replace({**created, "data": {"a": "2"}})
    with pytest.raises(Conflict):
        cluster.replace({**created, "data": {"a": "3"}})
    with pytest.raises(Conflict):
        cluster.delete(ref, uid="other")
    uid, version = changed["metadata"]["uid"], changed["metadata"]["resourceVersion"]
    cluster.delete(ref, uid=uid, resource_version=version, dry_run=True)
    assert cluster.get(ref)
    cluster.delete(ref, uid=uid, resource_version=version)
    assert cluster.get(ref) is None
    with pytest.raises(NotFound):
        cluster.delete(ref, uid=uid)


def test_a_dry_run_changes_nothing(api: ApiServer, tmp_path: Path) -> None:
    """dryRun=All is sent, and the answer is the object as it would be."""
    cluster = live(api, tmp_path)
    before = json.dumps(api.items)
    assert cluster.create(config_map("new", {}), dry_run=True)["metadata"]["uid"]
    assert api.requests[-1][2]["dryRun"] == "All"
    assert json.dumps(api.items) == before


def test_allowed(api: ApiServer, tmp_path: Path) -> None:
    """Yes, no, and None when the question itself is refused."""
    cluster = live(api, tmp_path)
    assert cluster.allowed("update", WEB) is True
    assert cluster.allowed("delete", WEB) is False
    api.faults["*"] = Fault("status", 403)
    assert cluster.allowed("update", WEB) is None


def test_logs_are_redacted_and_bounded(api: ApiServer, tmp_path: Path) -> None:
    """The last lines, without credentials, whatever bytes a container wrote."""
    path = "/api/v1/namespaces/shop/pods/web-1/log"
    api.texts[path] = b"one\n\xff\xfe\nlogin password=hunter2\n" + b"x" * 5000 + b"\n"
    cluster = live(api, tmp_path)
    lines = cluster.logs(Ref("Pod", "shop", "web-1"), "web", previous=True, lines=3)
    assert len(lines) == 3
    assert "hunter2" not in "".join(lines)
    assert max(map(len, lines)) <= 2000
    assert api.requests[-1][2]["previous"] == "true"
    api.faults[path] = Fault("status", 400)
    with pytest.raises(NotFound):
        cluster.logs(Ref("Pod", "shop", "web-1"), "web", previous=True, lines=3)


def test_recent_logs_have_times_and_no_credentials(api: ApiServer, tmp_path: Path) -> None:
    """Asked for by age and number; kubelet's times are taken off the lines."""
    path = "/api/v1/namespaces/shop/pods/web-1/log"
    stamp = b"2026-11-24T12:00:00.123456789Z "
    api.texts[path] = stamp + b"one\n" + stamp + b"login password=hunter2\n"
    cluster = live(api, tmp_path)
    pod = Ref("Pod", "shop", "web-1")
    lines, times = cluster.recent_logs(pod, "web", lines=200, since_s=300)
    assert lines[0] == "one"
    assert "hunter2" not in lines[1]
    assert [moment.second for moment in times] == [0, 0]
    asked = api.requests[-1][2]
    assert (asked["sinceSeconds"], asked["tailLines"]) == ("300", "200")
    lines, _ = cluster.recent_logs(pod, "web", lines=200, since_s=1800, oldest=True)
    assert lines == ("one",)  # the last one may be cut
    assert "tailLines" not in api.requests[-1][2]
    api.faults[path] = Fault("status", 400)
    with pytest.raises(NotFound):
        cluster.recent_logs(pod, "web", lines=200, since_s=300)


def test_fetch_goes_below_the_api_server_only(api: ApiServer, tmp_path: Path) -> None:
    """A path of a Service's name cannot reach another host."""
    api.texts["/api/v1/namespaces/m/services/p:9090/proxy/api/v1/query"] = b"{}"
    cluster = live(api, tmp_path)
    path = "/api/v1/namespaces/m/services/p:9090/proxy/api/v1/query"
    assert cluster.fetch(path, {"query": 'up{a="b"}'}) == b"{}"
    assert api.requests[-1][2] == {"query": 'up{a="b"}'}
    with pytest.raises(ClusterAnswer):
        cluster.fetch("@127.0.0.2/", {})


def test_nothing_listens(tmp_path: Path) -> None:
    """Connection refused names the server and says what to check."""
    config = kubeconfig(tmp_path, "http://127.0.0.1:1")
    cluster = LiveCluster(config, None, timeout_s=2, redactor=REDACTOR)
    with pytest.raises(ClusterUnreachable) as caught:
        cluster.identity()
    assert "127.0.0.1:1" in str(caught.value)
    assert "refused" in str(caught.value)


def test_no_tls_where_it_is_expected(api: ApiServer, tmp_path: Path) -> None:
    """https to a plain server: unreachable, with a hint about TLS."""
    config = kubeconfig(tmp_path, api.url.replace("http:", "https:"))
    cluster = LiveCluster(config, None, timeout_s=2, redactor=REDACTOR)
    with pytest.raises(ClusterUnreachable, match="TLS"):
        list(cluster.list_pages("Pod", None))


def test_silence_at_the_first_question(api: ApiServer, tmp_path: Path) -> None:
    """A server that accepts and never answers is unreachable, within the deadline."""
    api.faults["*"] = Fault("silence")
    started = time.monotonic()
    with pytest.raises(ClusterUnreachable):
        live(api, tmp_path, timeout_s=0.3).identity()
    assert time.monotonic() - started < 3


def plugin(folder: Path, script: str) -> dict[str, Any]:
    """A credentials plugin (client.authentication.k8s.io) as the user of a kubeconfig."""
    path = folder / "plugin"
    path.write_text(f"#!{sys.executable}\n{script}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    version = "client.authentication.k8s.io/v1"
    run = {"command": str(path), "apiVersion": version, "interactiveMode": "Never"}
    return {"exec": run}


def test_a_credentials_plugin_is_asked_again_after_401(api: ApiServer, tmp_path: Path) -> None:
    """Expired in between: one new token, and the read goes on."""
    script = (
        "import json, pathlib; pathlib.Path(__file__).with_name('runs').open('a').write('x')\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1',"
        " 'kind': 'ExecCredential', 'status': {'token': 'made-up-token'}}))"
    )
    config = kubeconfig(tmp_path, api.url, **plugin(tmp_path, script))
    cluster = LiveCluster(config, None, timeout_s=5, redactor=REDACTOR)
    api.faults[PODS] = Fault("status", 401, times=1)
    assert names(cluster.list_pages("Pod", None))
    assert (tmp_path / "runs").read_text() == "xx"


def test_a_credentials_plugin_that_fails_is_named(api: ApiServer, tmp_path: Path) -> None:
    """Its own words are in the message, and nothing is printed beside it."""
    script = "import sys; sys.exit('please log in')"
    config = kubeconfig(tmp_path, api.url, **plugin(tmp_path, script))
    with pytest.raises(ClusterUnreachable, match="please log in"):
        LiveCluster(config, None, timeout_s=5, redactor=REDACTOR)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "a: [", "text", "kind: Config", "{contexts: {}}", "{contexts: [1]}",
     "{current-context: c, contexts: [{name: c, context: {cluster: none}}]}",
     "{current-context: c, contexts: [{name: c}]}",
     "{current-context: c, contexts: [{name: c, context: {cluster: k}}],"
     " clusters: [{name: k, cluster: {server: nonsense}}]}",
     "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}],"
     " clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1',"
     " certificate-authority: /nowhere/ca}}], users: [{name: u, user: {token: not-a-real-token}}]}",
     "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}],"
     " clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1',"
     " certificate-authority-data: not-base64}}], users: [{name: u, user: {token: x}}]}"],
)  # fmt: skip
def test_a_kubeconfig_that_cannot_be_used(tmp_path: Path, content: str) -> None:
    """One message that names the file, and never its content."""
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        LiveCluster(str(path), None, timeout_s=1, redactor=REDACTOR)
    assert str(path) in str(caught.value)
    assert "not-a-real-token" not in str(caught.value)


def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    """Did you mean."""
    config = kubeconfig(tmp_path, "http://127.0.0.1:1")
    with pytest.raises(UsageError, match="'bench'"):
        LiveCluster(config, "bnch", timeout_s=1, redactor=REDACTOR)


def test_the_official_client_is_still_importable_by_others(tmp_path: Path) -> None:
    """Loading only its light parts leaves no half package behind."""
    LiveCluster(kubeconfig(tmp_path, "http://127.0.0.1:1"), None, timeout_s=1, redactor=REDACTOR)
    from kubernetes import client

    assert client.V1Pod().kind is None


def test_namespaces_are_seen(api: ApiServer, tmp_path: Path) -> None:
    """One kind in one namespace."""
    api.items.append(config_map("elsewhere", {}, "other"))
    api.items.append(namespace("third"))
    assert names(live(api, tmp_path).list_pages("ConfigMap", "other")) == ["elsewhere"]
