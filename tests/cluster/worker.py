"""containerd, the kubelet and kube-proxy, on each node."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.errors import BedError
from tests.cluster.layout import DNS_IP, DOMAIN, PODS, REGISTRY, Layout, NodeSpec
from tests.cluster.machine import program
from tests.cluster.node import Node, run

SOCKET = "/run/containerd/containerd.sock"
CRI = "io.containerd.grpc.v1.cri"


def start_containerd(node: Node, layout: Layout) -> None:
    """Start containerd, told to reach the bed's registry by plain http."""
    folder = layout.node(node.spec.name)
    (folder / "cni").mkdir(exist_ok=True)
    (folder / "cni" / "10-bridge.conflist").write_text(json.dumps(_network(node.spec)))
    hosts = folder / "registries" / REGISTRY
    hosts.mkdir(parents=True, exist_ok=True)
    server = f'server = "http://{REGISTRY}"\n[host."http://{REGISTRY}"]\n'
    (hosts / "hosts.toml").write_text(server + '  capabilities = ["pull", "resolve"]\n')
    path = folder / "containerd.toml"
    path.write_text(_containerd(folder))
    node.start("containerd", program("containerd"), "-c", str(path))


def start_kubelet(node: Node, layout: Layout, kube: Path) -> None:
    """Start the kubelet and kube-proxy."""
    folder = layout.node(node.spec.name)
    (folder / "resolv.conf").write_text("")
    (folder / "kubelet.json").write_text(json.dumps(_kubelet(folder)))
    (folder / "proxy.json").write_text(json.dumps(_proxy(layout, node.spec)))
    node.start(
        "kubelet",
        str(kube),
        "kubelet",
        f"--config={folder / 'kubelet.json'}",
        f"--kubeconfig={layout.node_kubeconfig}",
        f"--root-dir={folder / 'kubelet'}",
        f"--cert-dir={folder / 'pki'}",
        f"--hostname-override={node.spec.name}",
        f"--node-ip={node.spec.address}",
    )
    node.start("kube-proxy", str(kube), "kube-proxy", f"--config={folder / 'proxy.json'}")


def _containerd(folder: Path) -> str:
    return f"""version = 2
root = "{folder}/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "{SOCKET}"
[plugins."{CRI}"]
  sandbox_image = "{REGISTRY}/stratus/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."{CRI}".registry]
    config_path = "{folder}/registries"
  [plugins."{CRI}".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."{CRI}".containerd]
    snapshotter = "{_snapshotter(folder)}"
    [plugins."{CRI}".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
"""


def _snapshotter(folder: Path) -> str:
    """overlayfs, or plain copies where the state itself lies on an overlay."""
    try:
        kind = run(["stat", "-f", "-c", "%T", str(folder)]).strip()
    except BedError:
        kind = ""
    return "native" if kind.startswith("overlay") else "overlayfs"


def _network(spec: NodeSpec) -> dict[str, object]:
    ipam = {
        "type": "host-local",
        "dataDir": "/run/cni-ipam",
        "ranges": [[{"subnet": spec.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "promiscMode": False,
        "ipam": ipam,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}


def _kubelet(folder: Path) -> dict[str, object]:
    """The kubelet's configuration; one podLogsDir for two nodes would mix up their logs."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "maxOpenFiles": 20000,
        "clusterDNS": [DNS_IP],
        "clusterDomain": DOMAIN,
        "resolvConf": str(folder / "resolv.conf"),
        "address": "0.0.0.0",
        "podLogsDir": str(folder / "pod-logs"),
        "nodeStatusUpdateFrequency": "2s",
        "syncFrequency": "10s",
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "enforceNodeAllocatable": ["pods"],
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
    }


def _proxy(layout: Layout, spec: NodeSpec) -> dict[str, object]:
    """kube-proxy's configuration; conntrack's limits are not writable in a namespace."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(layout.node_kubeconfig)},
        "mode": "iptables",
        "oomScoreAdj": 0,
        "clusterCIDR": PODS,
        "hostnameOverride": spec.name,
        "bindAddress": "0.0.0.0",
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "iptables": {"minSyncPeriod": "100ms", "syncPeriod": "10s"},
    }
