"""Container images from folders: layers, configuration and manifest, by the standard library.

An image is a folder in the OCI layout's spirit: `manifest.json` and `blobs/sha256/<hex>`. The same
input gives the same digests.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Image:
    """An image to be: its name `repository:tag`, its layers (digests), and how it starts."""

    repository: str
    tag: str
    layers: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Store:
    """A folder of blobs and manifests."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"
        self.blobs.mkdir(parents=True, exist_ok=True)

    def put(self, blob: bytes) -> str:
        """Store a blob; its digest."""
        name = hashlib.sha256(blob).hexdigest()
        (self.blobs / name).write_bytes(blob)
        return f"sha256:{name}"

    def get(self, digest: str) -> bytes:
        """The blob of a digest."""
        return (self.blobs / digest.removeprefix("sha256:")).read_bytes()

    def layer(self, folder: Path) -> str:
        """Store a folder as an uncompressed layer; its digest."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for entry in sorted(folder.iterdir()):
                tar.add(entry, arcname=entry.name, filter=_plain)
        return self.put(buffer.getvalue())

    def image(self, image: Image) -> None:
        """Store an image's configuration and manifest."""
        config = {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {
                "Env": [PATH, *(f"{k}={v}" for k, v in image.environment.items())],
                "Entrypoint": list(image.entrypoint) or None,
                "Cmd": list(image.command) or None,
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": list(image.layers)},
            "history": [{"created_by": "stratus test bed"} for _ in image.layers],
        }
        raw = json.dumps(config, sort_keys=True).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "digest": self.put(raw), "size": len(raw)},
            "layers": [
                {"mediaType": LAYER_TYPE, "digest": d, "size": len(self.get(d))}
                for d in image.layers
            ],
        }
        folder = self.root / "manifests" / image.repository / image.tag
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_text(json.dumps(manifest, sort_keys=True))

    def manifests(self) -> Iterable[tuple[str, str, bytes]]:
        """Every stored image: repository, tag, manifest."""
        base = self.root / "manifests"
        for path in sorted(base.glob("**/manifest.json")):
            repository, tag = path.parent.parent.relative_to(base), path.parent.name
            yield str(repository), tag, path.read_bytes()


def archive(store: Store, repository: str, tag: str, name: str, path: Path) -> None:
    """Write one image as an OCI archive, as `ctr images import` and kind load it, called `name`."""
    manifest = (store.root / "manifests" / repository / tag / "manifest.json").read_bytes()
    own = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    notes = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag}
    entry = {"mediaType": MANIFEST_TYPE, "digest": own, "size": len(manifest), "annotations": notes}
    files = {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(),
        **{_blob(digest): store.get(digest) for digest in digests(manifest)},
        _blob(own): manifest,
    }
    with tarfile.open(path, "w") as tar:
        for file, content in files.items():
            about = tarfile.TarInfo(file)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))


def digests(manifest: bytes) -> Sequence[str]:
    """The blobs that a manifest names: layers, then configuration."""
    parsed = json.loads(manifest)
    return [*(layer["digest"] for layer in parsed["layers"]), parsed["config"]["digest"]]


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    return entry
