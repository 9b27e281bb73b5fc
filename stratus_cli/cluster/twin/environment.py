"""What a container sees: its environment variables and the files of its volumes.

Raises ConfigProblem with kubelet's own words when something that it refers to is missing.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from stratus_cli.cluster.twin.store import Item, Store

VARIABLE = re.compile(r"\$\(([A-Za-z_][\w.-]*)\)")


class ConfigProblem(Exception):
    """A reference that cannot be resolved."""


def env_of(store: Store, pod: Item, container: Item) -> dict[str, str]:
    """The environment; a name that is there twice has its last value."""
    space = pod["metadata"]["namespace"]
    env: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        for kind, name in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            if source.get(name):
                data = _data(store, kind, space, source[name])
                prefix = source.get("prefix", "")
                env |= {prefix + key: value for key, value in (data or {}).items()}
    for variable in container.get("env") or ():
        value = _value(store, pod, variable, env)
        if value is not None:
            env[variable["name"]] = value
    return env


def expanded(words: list[str], env: dict[str, str]) -> tuple[str, ...]:
    """$(NAME) replaced where the variable is known."""
    return tuple(VARIABLE.sub(lambda m: env.get(m.group(1), m.group(0)), word) for word in words)


def _value(store: Store, pod: Item, variable: Item, env: dict[str, str]) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return expanded([str(variable.get("value", ""))], env)[0]
    space = pod["metadata"]["namespace"]
    for kind, name in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
        if source.get(name):
            reference = source[name]
            data = _data(store, kind, space, reference)
            if data is None:
                return None
            if reference.get("key") not in data:
                if reference.get("optional"):
                    return None
                where = f"{kind} {space}/{reference.get('name')}"
                raise ConfigProblem(f"couldn't find key {reference.get('key')} in {where}")
            return data[reference["key"]]
    if source.get("fieldRef"):
        return _field(pod, str(source["fieldRef"].get("fieldPath", "")))
    return ""


def _data(store: Store, kind: str, space: str, reference: Item) -> dict[str, str] | None:
    """The data of a ConfigMap or Secret; None when it is absent and optional."""
    name = str(reference.get("name", ""))
    item = store.get(kind, space, name)
    if item is None:
        if reference.get("optional"):
            return None
        raise ConfigProblem(f'{kind.lower()} "{name}" not found')
    return _contents(item)


def _contents(item: Item) -> dict[str, str]:
    if item["kind"] == "ConfigMap":
        return {**(item.get("data") or {}), **(item.get("binaryData") or {})}
    found = dict(item.get("stringData") or {})
    for key, value in (item.get("data") or {}).items():
        try:
            found[key] = base64.b64decode(str(value)).decode(errors="replace")
        except (ValueError, binascii.Error):
            found[key] = ""
    return found


def _field(pod: Item, path: str) -> str:
    found = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "status.podIP": pod["status"].get("podIP", ""),
        "status.hostIP": pod["status"].get("hostIP", ""),
    }
    return str(found.get(path, ""))


def mount_problems(store: Store, pod: Item) -> Iterator[str]:
    """Why volumes of the pod cannot be set up, in kubelet's words."""
    space = pod["metadata"]["namespace"]
    for volume in pod["spec"].get("volumes") or ():
        for kind, reference in _references(volume):
            try:
                data = _data(store, kind, space, reference)
            except ConfigProblem as problem:
                yield f'MountVolume.SetUp failed for volume "{volume["name"]}" : {problem}'
                break
            keys = [item.get("key") for item in reference.get("items") or ()]
            missing = [key for key in keys if data is not None and key not in data]
            if missing and not reference.get("optional"):
                yield (
                    f'MountVolume.SetUp failed for volume "{volume["name"]}" :'
                    f" {kind.lower()} references non-existent config key: {missing[0]}"
                )
                break


def files_of(store: Store, pod: Item, container: Item) -> dict[str, str]:
    """Contents of mounted ConfigMaps and Secrets by absolute path."""
    space = pod["metadata"]["namespace"]
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    files: dict[str, str] = {}
    for mount in container.get("volumeMounts") or ():
        volume = volumes.get(mount["name"])
        for kind, reference in _references(volume) if volume else ():
            item = store.get(kind, space, str(reference.get("name", "")))
            if item is None:
                continue
            contents = _chosen(_contents(item), reference)
            base = str(mount["mountPath"]).rstrip("/")
            part = mount.get("subPath")
            if part:
                if part in contents:
                    files[base] = contents[part]
            else:
                files |= {f"{base}/{name}": text for name, text in contents.items()}
    return files


def _chosen(contents: dict[str, str], reference: Item) -> dict[str, str]:
    items = reference.get("items")
    if not items:
        return contents
    return {item["path"]: contents[item["key"]] for item in items if item["key"] in contents}


def _references(volume: Item) -> Iterator[tuple[str, Item]]:
    """(kind, reference with name) of a volume's ConfigMaps and Secrets."""
    if isinstance(volume.get("configMap"), dict):
        yield "ConfigMap", volume["configMap"]
    if isinstance(volume.get("secret"), dict):
        yield "Secret", {**volume["secret"], "name": volume["secret"].get("secretName", "")}
    for source in (volume.get("projected") or {}).get("sources") or ():
        if isinstance(source.get("configMap"), dict):
            yield "ConfigMap", source["configMap"]
        if isinstance(source.get("secret"), dict):
            yield "Secret", source["secret"]
