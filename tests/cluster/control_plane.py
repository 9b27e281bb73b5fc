"""etcd, the API server, the controller manager and the scheduler, on the first node."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cluster.layout import NODES, PODS, SERVICES, Layout
from tests.cluster.machine import program
from tests.cluster.node import Node

ETCD = "http://127.0.0.1:2379"
PEER = "http://127.0.0.1:2380"
FAST = ("--kube-api-qps=500", "--kube-api-burst=1000")  # 20 a second delay the start by 5 s


def start_api(node: Node, layout: Layout, kube: Path) -> None:
    """Start etcd and the API server, and the Unix socket by which this machine reaches it."""
    shutil.rmtree(layout.etcd, ignore_errors=True)
    layout.etcd.mkdir(mode=0o700)
    node.start(
        "etcd",
        program("etcd"),
        "--unsafe-no-fsync",
        f"--data-dir={layout.etcd}",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls={PEER}",
        f"--initial-advertise-peer-urls={PEER}",
        f"--initial-cluster=default={PEER}",
    )
    pki = layout.pki
    node.start(
        "kube-apiserver",
        str(kube),
        "kube-apiserver",
        f"--etcd-servers={ETCD}",
        "--secure-port=6443",
        "--bind-address=0.0.0.0",
        f"--advertise-address={NODES[0].address}",
        f"--tls-cert-file={pki / 'api.crt'}",
        f"--tls-private-key-file={pki / 'api.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--token-auth-file={pki / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        f"--service-cluster-ip-range={SERVICES}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
        f"--cert-dir={pki / 'api'}",
        *aggregation(pki),
    )
    listen = f"UNIX-LISTEN:{layout.socket('api')},fork"
    node.start("api-socket", program("socat"), listen, "TCP:127.0.0.1:6443")


def aggregation(pki: Path) -> tuple[str, ...]:
    """Options by which the API server stands in front of others, such as metrics-server."""
    return (
        f"--requestheader-client-ca-file={pki / 'ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki / 'front-proxy.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy.key'}",
    )


def start_controllers(node: Node, layout: Layout, kube: Path) -> None:
    """Start the controller manager and the scheduler."""
    node.start(
        "kube-controller-manager",
        str(kube),
        "kube-controller-manager",
        f"--kubeconfig={layout.node_kubeconfig}",
        f"--service-account-private-key-file={layout.pki / 'sa.key'}",
        f"--root-ca-file={layout.pki / 'ca.crt'}",
        f"--cluster-signing-cert-file={layout.pki / 'ca.crt'}",
        f"--cluster-signing-key-file={layout.pki / 'ca.key'}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        *FAST,
        "--node-monitor-grace-period=12s",
        "--node-monitor-period=2s",
        f"--cluster-cidr={PODS}",
        "--allocate-node-cidrs=false",
        f"--cert-dir={layout.pki / 'kcm'}",
    )
    node.start(
        "kube-scheduler",
        str(kube),
        "kube-scheduler",
        f"--kubeconfig={layout.node_kubeconfig}",
        "--leader-elect=false",
        *FAST,
    )
