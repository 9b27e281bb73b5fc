"""World files: which nodes there are, what each image and program does, and what happens when.

A world is one YAML document. Every field has a default; unknown fields are refused.

    clock: 2026-11-24T09:00:00Z     # virtual time at the start
    seed: demo                      # names and uids follow from it
    cluster: {context: demo, server: "https://demo.invalid", user: demo, version: v1.34.4}
    nodes:
    - name: node1
      labels: {disk: fast}          # kubernetes.io/hostname, os and arch are added
      taints: [{key: dedicated, value: db, effect: NoSchedule}]
      unschedulable: false
      allocatable: {cpu: "2", memory: 8Gi, pods: "110"}
    images:
    - name: stratus/app             # without tag
      tags: ["1", "2"]              # any other tag: "not found"
      entrypoint: []                # as in the image; a container's command replaces it
      command: [python3, /app/app.py]   # a container's args replace it
      executables: [python3, sh]    # first words that can be started; others: StartError
      pull_s: 0.4                   # how long a pull takes
      size: 32000000                # bytes
      programs:                     # the first whose argv is a prefix of what is run counts
      - argv: [python3, /app/app.py]
        checks:                     # in order, at the start; the first that fails ends it
        - {env: PORT, number: [1, 65535], code: 1, log: "PORT is {value}"}
        - {env: CONFIG, json_file: true, code: 1, log: "cannot read {value}"}
        memory_mib: [12, {env: MEMORY_MIB}]     # their sum; over the limit: OOMKilled
        start_s: [0.3, {env: START_DELAY_S}]    # until it listens
        listens: [{env: PORT, default: 8080}]
        paths: {/: {env: STATUS, default: 200}, /healthz: 200}   # answer codes
        otherwise: 404              # of any other path
        upstreams: {env: UPSTREAMS, path: /, code: 502}  # URLs that `path` calls first
        log: ["listening on port {port}"]       # once it listens
        stop: {code: 0, ignores: false}         # on SIGTERM
      - argv: [python3]             # anything else that python3 is told to run
        exit: {code: 2, after_s: 0.1, log: ["python3: can't open file '{argv1}'"]}
    unknown_images: not-found       # or "run": pull and start whatever it is
    unknown_programs: run           # of an image without a program that fits: "run" for ever, or
                                    # "exit": end with 0
    manifests: [...]                # objects applied at the start, any kind of kube/kinds.py
    script:                         # what happens later, by seconds after the start
    - {at: 600, as: kubectl-client-side-apply, apply: {...object...}}
    - {at: 700, as: ci, patch: {kind: Deployment, namespace: shop, name: web, merge: {...}}}
    - {at: 800, as: kubectl, delete: {kind: ConfigMap, namespace: shop, name: web}}
    settle: 660                     # seconds run before the story begins

A setting is a number, or {env: NAME, default: VALUE}. Texts may hold {value} (of the check's
variable), {argv0}, {argv1} ..., {port}, {at} (time now); anything else stays. patch takes one of
merge (RFC 7386), strategic or json (RFC 6902); apply with `server_side: true` owns fields as
`kubectl apply --server-side` does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from stratus_cli.kube.custom import kinds_of
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.errors import UsageError

NODE_SIZE = {"cpu": "2", "memory": "8Gi", "pods": "110"}


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a world file."""


class Setting(_Part, frozen=True):
    """A value that a program takes from its environment."""

    env: str
    default: int | float | str = 0


Value = int | float | Setting


class Check(_Part, frozen=True):
    """Something that must hold at the start, about the value of one variable.

    number: its bounds. json_file: a path that must be there and hold JSON. An unset or empty
    variable holds.
    """

    env: str
    number: tuple[float, float] | None = None
    json_file: bool = False
    code: int = 1
    log: str = ""
    log_bad: str = ""


class Upstreams(_Part, frozen=True):
    """URLs, separated by commas, that are called before `path` is answered."""

    env: str
    path: str = "/"
    code: int = 502


class Exit(_Part, frozen=True):
    """How a program ends by itself."""

    code: int = 0
    after_s: float = 0.1
    log: tuple[str, ...] = ()


class Stop(_Part, frozen=True):
    """What SIGTERM does. ignores: it runs on until it is killed."""

    code: int = 0
    ignores: bool = False


class Program(_Part, frozen=True):
    """What one command line does."""

    argv: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    memory_mib: tuple[Value, ...] = ()
    start_s: tuple[Value, ...] = (0.3,)
    listens: tuple[Value, ...] = ()
    any_port: bool = False
    paths: dict[str, Value] = {}
    otherwise: int = 404
    upstreams: Upstreams | None = None
    log: tuple[str, ...] = ()
    exit: Exit | None = None
    stop: Stop = Stop()


class Image(_Part, frozen=True):
    """One repository of images."""

    name: str
    tags: tuple[str, ...] = ("latest",)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    executables: tuple[str, ...] = ()
    pull_s: float = 0.4
    size: int = 32_000_000
    programs: tuple[Program, ...] = ()


class NodeSpec(_Part, frozen=True):
    """One node."""

    name: str
    labels: dict[str, str] = {}
    taints: tuple[dict[str, str], ...] = ()
    unschedulable: bool = False
    allocatable: dict[str, str] = msgspec.field(default_factory=lambda: dict(NODE_SIZE))


class Target(_Part, frozen=True):
    """One object, and for a patch what is to change. Exactly one of the three is used."""

    kind: str
    name: str
    namespace: str = ""
    merge: dict[str, Any] | None = None
    strategic: dict[str, Any] | None = None
    json: list[dict[str, Any]] | None = None


class Scene(_Part, frozen=True):
    """Something that somebody does later. manager: the field manager ("as" in the file)."""

    at: float
    manager: str = msgspec.field(default="kubectl-client-side-apply", name="as")
    apply: dict[str, Any] | None = None
    patch: Target | None = None
    delete: Target | None = None
    server_side: bool = False


class ClusterNames(_Part, frozen=True):
    """What the twin calls itself."""

    context: str = "twin"
    server: str = "https://twin.invalid"
    user: str = "twin"
    version: str = "v1.34.4"


class World(_Part, frozen=True):
    """A whole world file."""

    clock: str = "2026-11-24T09:00:00Z"
    seed: str = "twin"
    cluster: ClusterNames = ClusterNames()
    nodes: tuple[NodeSpec, ...] = (NodeSpec(name="node1"), NodeSpec(name="node2"))
    images: tuple[Image, ...] = ()
    unknown_images: str = "not-found"
    unknown_programs: str = "run"
    manifests: tuple[dict[str, Any], ...] = ()
    script: tuple[Scene, ...] = ()
    settle: float = 0.0

    @property
    def start(self) -> datetime:
        """Virtual time at the start, UTC."""
        return datetime.fromisoformat(self.clock).astimezone(UTC)


def load_world(text: str, where: str = "world file") -> World:
    """Read and check a world file. UsageError says what is wrong and where."""
    document = _parse(text, where)
    try:
        world = msgspec.convert(document, World, strict=True)
    except msgspec.ValidationError as error:
        raise UsageError(f"not a world file: {error}", where, "See `World` for its form.") from None
    _check(world, where)
    return world


def _parse(text: str, where: str) -> Any:  # noqa: ANN401  # any YAML
    import yaml

    class Loader(yaml.SafeLoader):
        """Times stay text, as in JSON."""

    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader=Loader) or {}  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"not YAML: {' '.join(str(error).split())}", where) from None


def _check(world: World, where: str) -> None:
    problem = next(iter(_problems(world)), "")
    if problem:
        raise UsageError(f"a world file with a mistake: {problem}", where)


def _problems(world: World) -> list[str]:
    found = []
    try:
        if datetime.fromisoformat(world.clock).tzinfo is None:
            found.append(f"clock: {world.clock} has no time zone")
    except ValueError:
        found.append(f"clock: {world.clock} is no time")
    if world.unknown_images not in ("not-found", "run"):
        found.append("unknown_images: must be not-found or run")
    if world.unknown_programs not in ("run", "exit"):
        found.append("unknown_programs: must be run or exit")
    names = [node.name for node in world.nodes]
    found += [f"nodes: {name} is there twice" for name in names if names.count(name) > 1]
    kinds = {*BY_KIND, *_defined(world.manifests)}
    for index, item in enumerate(world.manifests):
        found += _object_problems(item, f"manifests[{index}]", kinds)
    for index, scene in enumerate(world.script):
        found += _scene_problems(scene, f"script[{index}]", kinds)
    if world.settle < 0:
        found.append("settle: must not be negative")
    return found


def _defined(manifests: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Kinds of the CustomResourceDefinitions among the manifests."""
    for item in manifests:
        if item.get("kind") == "CustomResourceDefinition":
            yield from (info.kind for info, _ in kinds_of(item))


def _scene_problems(scene: Scene, where: str, kinds: Collection[str]) -> list[str]:
    acts = [act for act in (scene.apply, scene.patch, scene.delete) if act is not None]
    if len(acts) != 1:
        return [f"{where}: must have exactly one of apply, patch, delete"]
    if scene.at < 0:
        return [f"{where}.at: must not be negative"]
    if scene.apply is not None:
        return _object_problems(scene.apply, f"{where}.apply", kinds)
    target = scene.patch or scene.delete
    if target is None or target.kind not in kinds:
        kind = target.kind if target else ""
        return [f"{where}: the kind {kind} is not known"]
    patches = [item for item in (target.merge, target.strategic, target.json) if item is not None]
    if scene.patch is not None and len(patches) != 1:
        return [f"{where}.patch: must have exactly one of merge, strategic, json"]
    return []


def _object_problems(item: dict[str, Any], where: str, kinds: Collection[str]) -> list[str]:
    kind = item.get("kind")
    if kind not in kinds:
        return [f"{where}: the kind {kind} is not known"]
    meta = item.get("metadata")
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
        return [f"{where}: metadata.name is missing"]
    return []
