"""CoreDNS' Corefile: read into blocks, and what in it keeps Services' names from resolving.

Pure. The text is hostile: patterns in it are compared, never run.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

DOMAIN = "cluster.local"
"""The cluster's domain unless somebody chose another one (kubelet, clusterDomain)."""
REFUSING = frozenset({"NXDOMAIN", "SERVFAIL", "REFUSED", "NOTIMP", "YXDOMAIN"})
ADDRESS_TYPES = frozenset({"ANY", "A"})
DOT = "\x00"  # stands for a dot that is meant literally
CLOSE = 0.75  # difflib's ratio: a letter or two of the domain are wrong
LONGEST = 200_000  # characters that are looked at; the API allows a ConfigMap 1 MiB


@dataclass(frozen=True, slots=True)
class Directive:
    """One plugin. first, last: its lines, from 0. body: the words of each line inside."""

    words: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    first: int
    last: int

    @property
    def name(self) -> str:
        """The plugin."""
        return self.words[0]

    @property
    def args(self) -> tuple[str, ...]:
        """What follows it on its line."""
        return self.words[1:]


@dataclass(frozen=True, slots=True)
class Block:
    """One server block. zones: without port and scheme, lower case, without the last dot."""

    zones: tuple[str, ...]
    directives: tuple[Directive, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps names from resolving. lines: what to take out; () when that is no cure.

    whole: it is about every Service, not only the named ones.
    """

    what: str
    lines: tuple[int, ...]
    whole: bool


def problems(text: str, services: Iterable[tuple[str, str, str]]) -> tuple[Problem, ...]:
    """What is wrong for these Services: (name, namespace, cluster address)."""
    blocks = parse(text)
    if blocks is None:
        return (Problem("its braces do not match, so it cannot be read", (), whole=True),)
    if not any(block.directives for block in blocks):
        return (Problem("it has no server", (), whole=True),)
    names = {f"{name}.{space}.svc.{DOMAIN}": address for name, space, address in services}
    found: list[Problem] = []
    for block in blocks:
        mine = {name: names[name] for name in names if _block_of(blocks, name) is block}
        for directive in block.directives:
            found.extend(_of(directive, block, mine, len(names)))
    served = [zone for block in blocks for zone in _kubernetes_zones(block)]
    # A `file`, `import` or `forward` for the domain may serve it in another way.
    other = any(d.name in ("import", "file", "etcd") for block in blocks for d in block.directives)
    own = [zone for zone in served if not zone.endswith(".arpa")]
    misspelt = bool(difflib.get_close_matches(DOMAIN, own, 1, CLOSE))
    if not other and not any(_covers(zone, DOMAIN) for zone in own) and (misspelt or not own):
        zones = ", ".join(own)
        what = f"plugin kubernetes serves {zones}" if zones else "no plugin kubernetes is there"
        found.append(Problem(f"{what}, so nothing answers for {DOMAIN}", (), whole=True))
    return tuple(found)


def without(text: str, found: Sequence[Problem]) -> str | None:
    """The text without the lines that are to blame; None when one of them is not cured so."""
    if not found or not all(item.lines for item in found):
        return None
    gone = {line for item in found for line in item.lines}
    kept = [line for index, line in enumerate(text.splitlines(keepends=True)) if index not in gone]
    return "".join(kept)


def reloads(text: str) -> bool:
    """Whether CoreDNS reads a changed Corefile by itself."""
    return any(item.name == "reload" for block in parse(text) or () for item in block.directives)


def parse(text: str) -> tuple[Block, ...] | None:
    """Its server blocks; None when its braces do not match."""
    blocks: list[Block] = []
    zones: list[str] = []
    directives: list[Directive] = []
    head: tuple[str, ...] = ()
    body: list[tuple[str, ...]] = []
    first, depth = 0, 0
    for number, line in enumerate(text[:LONGEST].splitlines()):
        words = tuple(_words(line))
        if not words:
            continue
        opens = words[-1] == "{"
        if words[0] == "}":
            depth -= 1
            if depth < 0:
                return None
            if depth == 0:
                blocks.append(Block(tuple(zones), tuple(directives)))
                zones, directives = [], []
            elif depth == 1:
                directives.append(Directive(head, tuple(body), first, number))
            continue
        if depth == 0:
            zones.extend(_zone(word) for word in words if word != "{")
        elif depth == 1 and opens:
            head, body, first = words[:-1] or ("",), [], number
        elif depth == 1:
            directives.append(Directive(words, (), number, number))
        else:
            body.append(words)
        depth += opens
    return tuple(blocks) if depth == 0 else None


def _words(line: str) -> Iterator[str]:
    for word in line.split():
        if word.startswith("#"):
            return
        yield word


def _zone(word: str) -> str:
    """`dns://Example.org.:53,` as `example.org`; the root as ""."""
    plain = word.lower().rstrip(",").rpartition("://")[2]
    return re.sub(r":\d{1,5}$", "", plain).rstrip(".")


def _covers(zone: str, name: str) -> bool:
    return zone in ("", name) or name.endswith(f".{zone}")


def _block_of(blocks: Sequence[Block], name: str) -> Block | None:
    """The block that answers for a name: the one with the longest zone that covers it."""
    found = [(len(zone), block) for block in blocks for zone in block.zones if _covers(zone, name)]
    return max(found, key=lambda item: item[0])[1] if found else None


def _kubernetes_zones(block: Block) -> Iterator[str]:
    for item in block.directives:
        if item.name == "kubernetes":
            yield from ([_zone(word) for word in item.args] or block.zones)


def _of(item: Directive, block: Block, names: dict[str, str], total: int) -> Iterator[Problem]:
    lines = tuple(range(item.first, item.last + 1))
    if item.name == "template":
        hit = _template(item, block, names, total)
        if hit is not None:
            said, whole = hit
            yield Problem(f"plugin template answers {said}", lines, whole)
    elif item.name == "rewrite":
        for words in (item.args, *item.body):
            target = _rewritten(words, names)
            if target:
                yield Problem(f"plugin rewrite sends {target} elsewhere", lines, whole=False)
                return
    elif item.name == "hosts":
        for number, words in enumerate(item.body, item.first + 1):
            for word in words[1:]:
                name = word.lower().rstrip(".")
                if name in names and words[0] != names[name]:
                    what = f"plugin hosts gives {name} the address {words[0]}"
                    yield Problem(what, (number,), whole=False)
    elif item.name == "erratic":
        yield Problem("plugin erratic drops and delays answers", lines, whole=True)


def _template(
    item: Directive, block: Block, names: dict[str, str], total: int
) -> tuple[str, bool] | None:
    """(what it answers for whom, whether for all) when it refuses a Service's name."""
    kind = item.args[1].upper() if len(item.args) > 1 else "ANY"
    zones = [_zone(word) for word in item.args[2:]] or list(block.zones)
    code = next((words[1] for words in item.body if words[0] == "rcode" and words[1:]), "NOERROR")
    if kind not in ADDRESS_TYPES or code.upper() not in REFUSING:
        return None
    inside = [name for name in names if any(_covers(zone, name) for zone in zones)]
    patterns = [word for words in item.body if words[0] == "match" for word in words[1:]]
    hit = [name for name in inside if not patterns or any(_hits(p, name) for p in patterns)]
    if not hit:
        return None
    whole = len(hit) == total and total > 1
    said = "every Service" if whole else ", ".join(sorted(hit)[:3])
    return f"{code.upper()} for {said}", whole


def _hits(pattern: str, name: str) -> bool:
    """Whether the pattern is about this name, as far as its plain parts say."""
    plain = re.sub(r"\[\.\]|\\\.", DOT, pattern.strip('"'))
    plain = re.sub(r"\(\?[a-z]+\)|\(\^\|\.\)|[\^$()]", "", plain)
    if re.fullmatch(r"(?:\.[*+]?)*", plain):
        return True
    # What is between the wildcards must stand in the name, in this order.
    place = 0
    for part in re.split(r"\.[*+]\??|\[[^\]]*\][*+]?|\\[a-z][*+]?", plain):
        literal = part.replace(DOT, ".").strip(".").lower()
        found = name.find(literal, place)
        if found < 0:
            return False
        place = found + len(literal)
    return True


def _rewritten(words: Sequence[str], names: dict[str, str]) -> str:
    """The Service's name that a rewrite rule takes away, or ""."""
    rest = [word for word in words if word not in ("stop", "continue", "{")]
    if len(rest) < 3 or rest[0] != "name":
        return ""
    how = rest[1] if rest[1] in ("exact", "prefix", "suffix", "substring", "regex") else "exact"
    source = rest[2] if rest[1] == how else rest[1]
    plain = source.lower().rstrip(".")
    for name in sorted(names):
        if (
            (how == "exact" and name == plain)
            or (how == "prefix" and name.startswith(plain))
            or (how == "suffix" and name.endswith(plain))
            or (how == "substring" and plain in name)
            or (how == "regex" and _hits(source, name))
        ):
            return name
    return ""
