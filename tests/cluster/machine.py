"""What the machine must have: Linux, root, Go, and Debian packages, installed when missing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.cluster.errors import BedError, Unavailable
from tests.cluster.layout import cache_root

PACKAGES: dict[str, tuple[str, ...]] = {  # package -> a file of each kind that it must give
    "etcd-server": ("etcd",),
    "containerd": ("containerd", "ctr"),
    "runc": ("runc",),
    "containernetworking-plugins": ("/usr/lib/cni/bridge", "/usr/lib/cni/host-local"),
    "docker-registry": ("docker-registry",),
    "busybox-static": ("busybox",),
    "iptables": ("iptables",),
    "conntrack": ("conntrack",),
    "ipset": ("ipset",),
    "socat": ("socat",),
    "ethtool": ("ethtool",),
    "iproute2": ("ip",),
    "procps": ("sysctl",),
    "openssl": ("openssl",),
    "util-linux": ("nsenter", "unshare", "setsid"),
}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POLICY = Path("/usr/sbin/policy-rc.d")


def why_not() -> str:
    """One line why this machine cannot have a bed of its own, or ""."""
    if not sys.platform.startswith("linux"):
        return f"the test bed needs Linux, and this is {sys.platform}"
    if os.geteuid() != 0:
        return "the test bed needs root, for namespaces and cgroups"
    if shutil.which("go") is None:
        return "the test bed needs Go, to build Kubernetes, and there is no `go` in PATH"
    if missing_packages() and shutil.which("apt-get") is None:
        return "programs are missing that the test bed installs by apt-get: " + ", ".join(
            missing_packages()
        )
    return ""


def check() -> None:
    """Unavailable when this machine cannot have a bed."""
    reason = why_not()
    if reason:
        raise Unavailable(reason)


def missing_packages(wanted: Mapping[str, Sequence[str]] = PACKAGES) -> tuple[str, ...]:
    """The Debian packages whose files are not there."""
    return tuple(
        package for package, files in wanted.items() if not all(_present(f) for f in files)
    )


def install_missing(
    say: Callable[[str], None], wanted: Mapping[str, Sequence[str]] = PACKAGES
) -> None:
    """Install the missing packages, after saying which. BedError when apt-get fails."""
    if not missing_packages(wanted):
        return
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / "packages.lock").open("w") as lock:  # apt-get does not wait for another
        fcntl.flock(lock, fcntl.LOCK_EX)
        packages = missing_packages(wanted)
        if packages:
            _install(packages, say)
    still = missing_packages(wanted)
    if still:
        raise BedError(f"still missing after the installation: {' '.join(still)}")


def _install(packages: Sequence[str], say: Callable[[str], None]) -> None:
    say(f"installing Debian packages (apt-get): {' '.join(packages)}")
    if shutil.which("apt-get") is None:
        raise BedError("there is no apt-get in PATH")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_services():
        for words in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        ):
            done = subprocess.run(
                words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
            )
            if done.returncode:
                error = done.stderr.decode(errors="replace").strip()[-1000:]
                raise BedError(f"{' '.join(words[:2])} failed: {error}")


def program(name: str) -> str:
    """The path of a system program, of the system's own folders first."""
    return shutil.which(name, path=SYSTEM_PATH) or shutil.which(name) or name


def _present(file: str) -> bool:
    if file.startswith("/"):
        return Path(file).exists()
    return shutil.which(file, path=SYSTEM_PATH) is not None or shutil.which(file) is not None


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Keep the packages from starting daemons of their own: the bed runs its own."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
