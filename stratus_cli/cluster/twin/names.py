"""Names and uids that look as Kubernetes makes them, the same in every run of one world."""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import Any

# k8s.io/apimachinery/pkg/util/rand: no vowels, no digits that look like letters.
LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Names:
    """A deterministic stand-in for randomness. seed: any text."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0

    def suffix(self, length: int = 5) -> str:
        """Random-looking letters for generateName."""
        digest = self._next()
        return "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:length])

    def uid(self) -> str:
        """A version 4 UUID by its looks."""
        text = self._next().hex()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"

    def _next(self) -> bytes:
        self._count += 1
        return hashlib.sha256(f"{self._seed}:{self._count}".encode()).digest()

    def mark(self) -> int:
        """Where it stands, for rewind."""
        return self._count

    def rewind(self, mark: int) -> None:
        """As if nothing had been named since `mark`: a dry run leaves no trace."""
        self._count = mark


def template_hash(template: dict[str, Any], collisions: int) -> str:
    """pod-template-hash: 32 bits, written in the safe letters (SafeEncodeString)."""
    text = json.dumps(template, sort_keys=True) + (str(collisions) if collisions else "")
    return "".join(LETTERS[ord(digit) % len(LETTERS)] for digit in str(zlib.crc32(text.encode())))


def image_digest(image: str) -> str:
    """The digest an image by this name has in every twin."""
    return hashlib.sha256(image.encode()).hexdigest()
