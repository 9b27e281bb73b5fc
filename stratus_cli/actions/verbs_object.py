"""Verbs for an object of any kind: patch, label, annotate, delete, create, apply and expose."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stratus_cli.actions.apply_object import ApplyObject
from stratus_cli.actions.base import Action
from stratus_cli.actions.create_object import CreateObject
from stratus_cli.actions.delete_object import DeleteObject
from stratus_cli.actions.document_field import DocumentField, fields_named
from stratus_cli.actions.documents import DEEPEST, document_of, is_deep, manifest_ref, manifests_of
from stratus_cli.actions.expose import TYPES as SERVICE_TYPES
from stratus_cli.actions.expose import Expose
from stratus_cli.actions.mark import Mark
from stratus_cli.actions.patch_object import TYPES, PatchObject
from stratus_cli.actions.secret_patch import PatchSecret
from stratus_cli.actions.targets import NAME, labels_of, objects_named, one_object_alone, pairs_of
from stratus_cli.actions.verbs import Made, Verb, each, number, only_objects, text
from stratus_cli.actions.words import Parsed
from stratus_cli.kube.ports import PROTOCOLS
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


def _marks(where: str) -> Callable[[Parsed, str], Made]:
    def make(parsed: Parsed, namespace: str) -> Made:
        found = objects_named(parsed.positional, namespace)
        if isinstance(found, Refusal):
            return found
        refs, rest = found
        pairs = pairs_of(rest)
        if isinstance(pairs, Refusal):
            return pairs
        values, remove = pairs
        if not values and not remove:
            return Refusal("grammar", "nothing to set or remove", "write KEY=VALUE or KEY-")
        overwrite = bool(parsed.flags.get("overwrite"))
        return tuple(Mark(ref, where, values, remove, overwrite) for ref in refs)

    return make


def _patch(parsed: Parsed, namespace: str) -> Made:
    ref = one_object_alone(parsed, namespace)
    if isinstance(ref, Refusal):
        return ref
    form = text(parsed, "type") or "strategic"
    if form not in TYPES:
        return Refusal("grammar", f"--type is one of {', '.join(TYPES)}")
    document = document_of(parsed.flags.get("patch"))
    if isinstance(document, Refusal):
        return document
    if ref.kind == "Secret" and not is_deep(document):
        return (PatchSecret(ref, document, form),)
    if is_deep(document):
        return Refusal("patch", f"a document of more than {DEEPEST} levels")
    fields = fields_named(ref, document) if form == "json" else None
    if isinstance(fields, Refusal):
        return fields
    return (DocumentField(ref, fields),) if fields else (PatchObject(ref, document, form),)


def _expose(parsed: Parsed, namespace: str) -> Made:
    refs = only_objects(parsed, namespace)
    if isinstance(refs, Refusal):
        return refs
    port, selector = number(parsed, "port", LAST_PORT), labels_of(text(parsed, "selector"))
    if isinstance(port, Refusal):
        return port
    if isinstance(selector, Refusal) and "selector" in parsed.flags:
        return selector
    kind, protocol = text(parsed, "type"), text(parsed, "protocol").upper()
    if kind not in ("", *SERVICE_TYPES):
        return Refusal("grammar", f"--type is one of {', '.join(SERVICE_TYPES)}")
    if protocol not in ("", *PROTOCOLS):
        return Refusal("grammar", f"--protocol is one of {', '.join(PROTOCOLS)}")
    name, aim = text(parsed, "name"), text(parsed, "target-port")
    for word in (name, aim):
        if word and not NAME.fullmatch(word):
            return Refusal("name", f"{word!r} is not a name")
    chosen = () if isinstance(selector, Refusal) else selector
    return tuple(Expose(ref, port or 0, aim, name, kind, protocol, chosen) for ref in refs)


def _from_manifest(
    make: Callable[[Ref, dict[str, object]], Action],
) -> Callable[[Parsed, str], Made]:
    def made(parsed: Parsed, namespace: str) -> Made:
        if parsed.positional:
            return Refusal("grammar", "it takes a manifest only", "give it as -f MANIFEST")
        manifests = manifests_of(parsed.flags.get("filename"))
        if isinstance(manifests, Refusal):
            return manifests
        found: list[Action] = []
        for manifest in manifests:
            ref = manifest_ref(manifest, namespace, explicit="namespace" in parsed.flags)
            if isinstance(ref, Refusal):
                return ref
            found.append(make(ref, manifest))
        return tuple(found)

    return made


LAST_PORT = 65535
_EXPOSE = ("port", "target-port", "name", "type", "protocol", "selector")
_OVERWRITE = {"--overwrite": "overwrite"}
_FILE = {"-f": "filename", "--filename": "filename"}
VERBS: Mapping[str, Verb] = {
    "patch": Verb(_patch, {"--type": "type", "-p": "patch", "--patch": "patch"}),
    "label": Verb(_marks("labels"), {}, _OVERWRITE),
    "annotate": Verb(_marks("annotations"), {}, _OVERWRITE),
    "delete": Verb(each(DeleteObject)),
    "create": Verb(_from_manifest(CreateObject), _FILE),
    "expose": Verb(_expose, {f"--{name}": name for name in _EXPOSE}),
    "apply": Verb(_from_manifest(ApplyObject), _FILE),
}
