"""The parts that are built once: Kubernetes, CoreDNS, pause, and the images.

Each part is a folder of the cache, named after a digest of what it was made from; it appears in
one piece (built beside, then renamed), so an interrupted build leaves nothing that looks finished.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.cluster import machine, oci, rootfs
from tests.cluster.layout import cache_root
from tests.cluster.node import run

KUBERNETES = "1.34.4"
COREDNS = "1.12.4"
STATE_METRICS = "2.15.0"
JAEGER = "1.57.0"
METRICS_SERVER = "0.7.2"
DEBIAN = "1"  # Prometheus and Alertmanager as the machine has them
MONITORS = {
    "prometheus": ("prometheus",),
    "prometheus-alertmanager": ("prometheus-alertmanager",),
}
"""Debian packages of telemetry servers, and a program of each."""
TEMPLATES = Path("/usr/share/prometheus/alertmanager")
"""What Debian's Alertmanager reads before it starts (upstream's has it built in)."""
TOOLS = {"kube-state-metrics": STATE_METRICS, "jaeger": JAEGER}
"""Telemetry servers that are built from a module with a `tool` line, beside this file."""
HERE = Path(__file__).parent
BUILD_TIMEOUT_S = 1800.0
LONG = "about 5 minutes on 2 cores when Go's build cache is cold"
LESS_LONG = "about 2 minutes on 2 cores when Go's build cache is cold"


@dataclass(frozen=True, slots=True)
class Parts:
    """The built parts: two programs and a store of images."""

    kube: Path
    pause: Path
    images: oci.Store


def built(say: Callable[[str], None]) -> Parts:
    """All parts, building those that are missing. BedError when a build fails."""
    with _building():
        kube = _part("kube", _key("kube", KUBERNETES), _kube, say, LONG)
        stored, pause = _built_images(say)
    return Parts(kube / "kube", pause / "pause", stored)


def images(say: Callable[[str], None]) -> oci.Store:
    """The images alone."""
    with _building():
        return _built_images(say)[0]


@contextlib.contextmanager
def _building(name: str = "build.lock") -> Iterator[None]:
    """One build of a name at a time on this machine."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _built_images(say: Callable[[str], None]) -> tuple[oci.Store, Path]:
    pause = _part("pause", _key("pause"), _pause, say)
    coredns = _part("coredns", _digest(COREDNS), _coredns, say, LESS_LONG)
    python = _part("python", _digest(_source(HERE / "rootfs.py")), rootfs.build, say)
    tools = _digest(_source(HERE / "oci.py"), _source(HERE / "parts.py"))
    key = _digest(_key("app"), python.name, coredns.name, pause.name, tools)

    def make(folder: Path) -> None:
        _images(folder, python, coredns / "coredns", pause / "pause")

    return oci.Store(_part("images", key, make, say)), pause


def monitors(say: Callable[[str], None], *, full: bool) -> list[oci.Store]:
    """Images of Prometheus and Alertmanager; full: of kube-state-metrics and Jaeger, too."""
    machine.install_missing(say, MONITORS)
    with _building():
        python = _part("python", _digest(_source(HERE / "rootfs.py")), rootfs.build, say)
        tools = _digest(_source(HERE / "oci.py"), _source(HERE / "parts.py"))
        found = [
            oci.Store(
                _part("monitoring", _digest(python.name, tools), partial(_monitors, python), say)
            )
        ]
    with _building("tools.lock"):  # a bed need not wait for what takes so long
        for name, version in TOOLS.items() if full else ():
            made = _part(f"{name}-program", _key(name), partial(_tool, name), say, LONG)
            image = partial(_tool_image, made, name, version)
            found.append(oci.Store(_part(name, _digest(made.name, tools), image, say)))
        if full:
            key = _digest(METRICS_SERVER)
            made = _part("metrics-server-program", key, _metrics_server, say, LESS_LONG)
            image = partial(_tool_image, made, "metrics-server", METRICS_SERVER)
            key = _digest(made.name, tools)
            found.append(oci.Store(_part("metrics-server", key, image, say)))
    return found


def _monitors(python: Path, out: Path) -> None:
    """On the root of the Python image, whose libc they use."""
    store = oci.Store(out)
    files = {f"usr/bin/{name}": Path(machine.program(name)) for (name,) in MONITORS.values()}
    files |= {str(path.relative_to("/")): path for path in TEMPLATES.glob("*.tmpl")}
    layers = (store.layer(python), _layer(store, out.parent / "layer", files))
    store.image(oci.Image("stratus/monitoring", DEBIAN, layers))


def _tool(name: str, out: Path) -> None:
    source = out.parent / "source"
    shutil.copytree(HERE / name, source)
    env = _go_env("-mod=mod", CGO_ENABLED="0")
    nice = ["nice", "-n", "19", "go"]  # minutes of work beside what the machine is for
    run([*nice, "mod", "tidy"], timeout_s=BUILD_TIMEOUT_S, folder=source, env=env)
    words = [*nice, "build", "-ldflags", "-s -w", "-o", f"{out}/", "tool"]
    run(words, timeout_s=BUILD_TIMEOUT_S, folder=source, env=env)
    (built,) = out.iterdir()
    built.rename(out / "server")


def _metrics_server(out: Path) -> None:
    module = f"sigs.k8s.io/metrics-server/cmd/metrics-server@v{METRICS_SERVER}"
    words = ["nice", "-n", "19", "go", "install", "-ldflags", "-s -w", module]
    env = _go_env("", GOBIN=str(out), CGO_ENABLED="0")
    run(words, timeout_s=BUILD_TIMEOUT_S, folder=out.parent, env=env)
    (out / "metrics-server").rename(out / "server")


def _tool_image(program: Path, name: str, version: str, out: Path) -> None:
    store = oci.Store(out)
    alone = _layer(store, out.parent / "layer", {"server": program / "server"})
    store.image(oci.Image(f"stratus/{name}", version, (alone,), entrypoint=("/server",)))


def kube_if_built() -> Path | None:
    """The Kubernetes program (`kube kubectl ...`), or None when it has not been built."""
    path = cache_root() / f"kube-{_key('kube', KUBERNETES)}" / "kube"
    return path if path.exists() else None


def jaeger_if_built() -> Path | None:
    """The Jaeger program, or None when it has not been built."""
    path = cache_root() / f"jaeger-program-{_key('jaeger')}" / "server"
    return path if path.exists() else None


def _part(
    name: str, key: str, build: Callable[[Path], None], say: Callable[[str], None], long: str = ""
) -> Path:
    final = cache_root() / f"{name}-{key}"
    if final.is_dir():
        return final
    say(f"building {name}" + (f" ({long})" if long else ""))
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=cache_root()) as work:
        folder = Path(work) / "out"
        folder.mkdir()
        build(folder)
        folder.rename(final)
    return final


def _kube(out: Path) -> None:
    stamp = "-X k8s.io/component-base/version"
    minor = KUBERNETES.split(".")[1]
    flags = f"-s -w {stamp}.gitVersion=v{KUBERNETES} {stamp}.gitMajor=1 {stamp}.gitMinor={minor}"
    _go_build(out, "kube", ["-ldflags", flags])


def _pause(out: Path) -> None:
    _go_build(out, "pause", ["-ldflags", "-s -w"], CGO_ENABLED="0")


def _go_build(out: Path, name: str, flags: list[str], **more: str) -> None:
    """Build a copy of the module, since Go completes its go.mod and go.sum."""
    source = out.parent / "source"
    shutil.copytree(HERE / name, source)
    words = ["go", "build", *flags, "-o", str(out / name), "."]
    run(words, timeout_s=BUILD_TIMEOUT_S, folder=source, env=_go_env("-mod=mod", **more))


def _coredns(out: Path) -> None:
    words = ["go", "install", "-ldflags", "-s -w", f"github.com/coredns/coredns@v{COREDNS}"]
    env = _go_env("", GOBIN=str(out))
    run(words, timeout_s=BUILD_TIMEOUT_S, folder=out.parent, env=env)


def _go_env(flags: str, **more: str) -> dict[str, str]:
    return {**os.environ, "GOFLAGS": f"{flags} -buildvcs=false".strip(), "GOWORK": "off", **more}


def _images(out: Path, python: Path, coredns: Path, pause: Path) -> None:
    store = oci.Store(out)
    base = store.layer(python)
    work = out.parent / "layers"
    app = _layer(store, work / "app", {"app/app.py": HERE / "app" / "app.py"})
    for tag in ("1", "2"):
        store.image(
            oci.Image(
                "stratus/app",
                tag,
                (base, app),
                command=("python3", "/app/app.py"),
                environment={"VERSION": tag, "PYTHONUNBUFFERED": "1"},
            )
        )
    dns = _layer(store, work / "coredns", {"coredns": coredns})
    store.image(oci.Image("stratus/coredns", COREDNS, (base, dns), entrypoint=("/coredns",)))
    alone = _layer(store, work / "pause", {"pause": pause})
    store.image(oci.Image("stratus/pause", "1", (alone,), entrypoint=("/pause",)))
    rootfs.busybox(work / "busybox")
    box = store.layer(work / "busybox")
    store.image(oci.Image("stratus/busybox", "1", (box,), command=("sh",)))


def _layer(store: oci.Store, folder: Path, files: dict[str, Path]) -> str:
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        target.chmod(0o755)
    return store.layer(folder)


def _key(name: str, *more: str) -> str:
    files = sorted(p for p in (HERE / name).iterdir() if p.is_file())
    return _digest(*more, *(f"{p.name}\0{_source(p)}" for p in files))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join((platform.machine(), *texts)).encode()).hexdigest()[:12]


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")
