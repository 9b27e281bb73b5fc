"""A cheap look at the bytes of a List document: can any string in it be a credential?

Must find at least all that kube.redact masks (a property test holds it to that); finding more
only costs time. Works on lower-cased bytes with patterns that begin with a literal, which Python's
matcher skips through several times faster than an alternation.
"""

from __future__ import annotations

import re

from stratus_cli.kube import credentials

# White space as JSON may carry it: between tokens, or escaped within a string.
_GAP = r"(?:\s|\\+[tnr])*"
_QUOTE = r"""(?:\\*["'])?"""
# A field of Kubernetes itself that only names or describes, and a value that is no text.
_NOT_ABOUT = r"(?<!name)(?<!path)(?<!file)(?<!seconds)"
_NO_TEXT = r"""(?!["']:\s*(?:[{\[]|(?:true|false|null|\d+)\s*[,}\]]))"""


_STRING = r"""\\*\""""  # a quotation mark, of this document or of one within a string
_VALUE = rf"{_STRING}{_GAP},{_GAP}{_STRING}value{_STRING}{_GAP}:{_GAP}{_STRING}(?!\\*\")"
"""{"name": ..., "value": ...}, in the API server's own order."""

_NAME_TAIL = credentials.TAIL + _NOT_ABOUT
_ANY_NAME = rf"(?:{'|'.join(credentials.KEYWORDS)}){credentials.TAIL}"

_LITERALS = (
    *(
        rf"{word}{_NAME_TAIL}(?:{_NO_TEXT}{_QUOTE}{_GAP}[:=]|{_VALUE})"
        for word in credentials.KEYWORDS
    ),
    rf"""--(?:---begin\ |[\w.-]{{0,64}}?{_ANY_NAME}(?:\s|\\+[tnr]|{_STRING}{_GAP},))""",
    r"bearer(?:\s|\\+[tnr])",
    r"basic(?:\s|\\+[tnr])",
    r"""://[^\s/"'<>]{0,1025}@""",
    r"@(?:tcp|unix)\(",
    r"eyj",
    r"ia(?:(?<=akia)|(?<=asia))",
    r"_(?:(?<=gh[ops]_)|(?<=github_pat_)|(?<=sk_live_))",
    r"glpat-",
    r"xox[bp]-",
    r"aiza",
    r"u00(?<=\\u00)(?!26|3c|3e)[2-7]",  # ASCII as an escape; the API server does so for & < >
)
_PATTERNS = tuple(re.compile(text.encode()) for text in _LITERALS)


def suspicious(data: bytes) -> tuple[re.Pattern[bytes], ...]:
    """The patterns that are found in these bytes (to be searched again in lower-cased parts)."""
    lowered = data.lower()
    return tuple(pattern for pattern in _PATTERNS if pattern.search(lowered))
