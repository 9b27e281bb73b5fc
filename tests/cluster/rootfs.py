"""Root folders of images, from Debian packages: no debootstrap, no chroot, no scripts run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.errors import BedError
from tests.cluster.machine import program
from tests.cluster.node import run

LIBRARIES: tuple[tuple[str, ...], ...] = (  # each by its names in Debian 12 and later
    ("libc6",),
    ("libexpat1",),
    ("zlib1g",),
    ("libssl3", "libssl3t64"),
    ("libffi8",),
    ("libbz2-1.0",),
    ("liblzma5",),
    ("libuuid1",),
    ("libcrypt1",),
    ("base-files",),
    ("netbase",),
    ("busybox-static",),
)
APPLETS = [
    "sh",
    "ls",
    "cat",
    "ps",
    "kill",
    "wget",
    "nc",
    "ping",
    "nslookup",
    "sleep",
    "env",
    "id",
    "grep",
    "top",
    "vi",
    "mount",
    "df",
    "free",
    "ip",
]
UNUSED = [
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bash-completion",
    "usr/share/doc-base",
    "usr/share/apport",
    "usr/share/python3/runtime.d",
]
UNUSED_MODULES = [
    "test",
    "lib2to3",
    "idlelib",
    "turtledemo",
    "ensurepip",
    "distutils",
    "pydoc_data",
    "unittest",
]
USERS = (
    "root:x:0:0:root:/root:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/:/bin/false\n"
    "app:x:1000:1000:app:/:/bin/sh\n"
)


def build(out: Path) -> None:
    """Fill `out` with a small root that has Python and busybox. BedError when apt-get fails."""
    version = _python_version()
    python = [f"python{version}-minimal", f"libpython{version}-minimal"]
    python.append(f"libpython{version}-stdlib")
    _unpack([*python, *(_known(names) for names in LIBRARIES)], out)
    (out / "usr/bin/python3").symlink_to(f"python{version}")
    _applets(out, APPLETS)
    modules = out / f"usr/lib/python{version}"
    for folder in (*(out / name for name in UNUSED), *(modules / name for name in UNUSED_MODULES)):
        shutil.rmtree(folder, ignore_errors=True)
    for pattern in (f"usr/lib/python{version}/config-*", "usr/lib/*/gconv"):
        for folder in out.glob(pattern):
            shutil.rmtree(folder)
    _accounts(out)


def busybox(out: Path) -> None:
    """Fill `out` with busybox, every applet of it, and nothing else."""
    (out / "bin").mkdir(parents=True)
    source = program("busybox")
    shutil.copy(source, out / "bin/busybox")
    _applets(out, run([source, "--list"]).split())
    _accounts(out)


def _applets(out: Path, names: Sequence[str]) -> None:
    (out / "bin").mkdir(exist_ok=True)
    for name in names:
        link = out / "bin" / name
        if not link.exists() and not link.is_symlink():
            link.symlink_to("busybox")


def _accounts(out: Path) -> None:
    for name in ("tmp", "proc", "sys", "dev", "etc", "root"):
        (out / name).mkdir(exist_ok=True)
    (out / "tmp").chmod(0o1777)
    (out / "etc/passwd").write_text(USERS)
    (out / "etc/group").write_text("root:x:0:\napp:x:1000:\n")
    (out / "etc/nsswitch.conf").write_text("hosts: files dns\npasswd: files\n")


def _unpack(packages: Sequence[str], out: Path) -> None:
    work = out.parent / "packages"
    work.mkdir()
    work.chmod(0o755)
    run(["apt-get", "download", "-qq", *packages], timeout_s=300, folder=work)
    for archive in sorted(work.glob("*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(out)])


def _python_version() -> str:
    """The release's own Python, such as 3.11."""
    if not _show("python3"):
        run(["apt-get", "update", "-qq"], timeout_s=300)  # a machine without package lists
    found = re.search(r"^Version: (\d+\.\d+)", _show("python3"), re.MULTILINE)
    if found is None:
        raise BedError("apt-cache does not know python3")
    return found[1]


def _known(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    for name in names:
        if "Package:" in _show(name):
            return name
    raise BedError(f"no Debian package of {' or '.join(names)}")


def _show(name: str) -> str:
    try:
        return run(["apt-cache", "show", name])
    except BedError:
        return ""
