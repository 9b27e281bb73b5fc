"""What looks like a credential: names, and places in text. Patterns only; nothing is masked here.

Every pattern starts with a literal or an alternation of literals and has bounded repeats, so that
no text, however long or hostile, takes more than linear time. ASCII only: what does not match in
the bytes of a page (kube.scan) must not match in its text either.
"""

from __future__ import annotations

import re
from functools import lru_cache

FLAGS = re.IGNORECASE | re.ASCII

_KEYS = tuple(
    f"{use}{joint}key"
    for use in ("api", "access", "account", "private", "signing", "encryption")
    for joint in ("", "_", "-")
)
KEYWORDS = (
    "pass(?:w|phrase|(?<=[_-]pass)(?![a-z]))",
    "pwd",
    "secret",
    "token",
    "credential",
    "authorization",
    f"key(?:{'|'.join(f'(?<={key})' for key in _KEYS)})",
)
"""Parts of names whose value is taken for a credential. Each begins with a literal."""

TAIL = r"[\w.-]{0,64}"
"""What may follow a keyword in one name."""

# NOTE: a mask («secret:...») must not look like a pair of its own.
_KEYWORD = f"(?<!«)(?:{'|'.join(KEYWORDS)})"
MASK = "«secret:[0-9a-f]{12}»"

# Names that speak about a credential without being one: where it is, how long it lives.
_ABOUT = re.compile(
    r"""(?: names? | files? | path | paths | dir | url | uri | endpoint | refs? | ttl | seconds
      | minutes | expir\w* | enabled | disabled | required | type | policy | length | size
      | limits? | count | version | audiences? | issuer | provider | namespace | class | mode
      | algorithm | format | header | prefix | mount | rotation | interval | timeout | manager
      | store | tokens | tokeni[sz]\w* | requests
      | \. (?: json | ya?ml | properties | conf | cfg | ini | toml | xml | sh | sql | html | js
             | py | tmpl | tpl | crt | pub | txt | md ) )$""",
    FLAGS | re.VERBOSE,
)
_NAME = re.compile(rf"(?:{_KEYWORD}){TAIL}$", FLAGS)

# Values that are nobody's secret: switches, and references that something else fills in.
_PLAIN = re.compile(
    r"""(?: true | false | null | none | nil | yes | no | <\w*> | \[?redacted\]? | [*x]+
      | \$ [({] [^\s]* | \{\{ .* )$""",
    FLAGS | re.VERBOSE,
)

_QUOTED = r"""(?P<quote>\\*["'])(?P<quoted>(?:(?!(?P=quote)).){0,10000}+)"""
_BARE = r"""(?:[^\s"',;&\\]|\\(?![nrt"'\\]))+"""

PAIR = re.compile(
    rf"""(?P<name>(?:{_KEYWORD}){TAIL})
         (?P<sep>(?:\\*["'])?[ \t]*(?::=|=>|[:=])[ \t]*)
         (?: {_QUOTED} | (?P<bare>{_BARE}) )""",
    FLAGS | re.VERBOSE | re.DOTALL,
)
"""password=..., "token": "...", secret: ..."""

LINE = re.compile(
    rf"""^(?P<before>[ \t]*(?:-[ ]+)?[\w./-]{{0,64}}?(?:{_KEYWORD})){TAIL}[ \t]*:[ \t]+
         (?P<value>[^\s"'{{\[|>&*].*)$""",
    FLAGS | re.VERBOSE | re.MULTILINE,
)
"""A line of YAML: the value is the rest of the line, spaces and all."""

FLAG = re.compile(
    rf"--[\w.-]{{0,64}}?(?P<name>(?:{_KEYWORD}){TAIL})[ \t]+(?P<value>[^\s-]\S*)", FLAGS
)
"""--password hunter2"""

FLAG_WORD = re.compile(rf"--[\w.-]{{0,64}}?(?P<name>(?:{_KEYWORD}){TAIL})$", FLAGS)
"""A word of an argument list whose next word is the value."""

SCHEME = re.compile(r"\b(?:bearer|basic)[ \t]+(?P<value>[\w.~+/=-]{8,})", FLAGS)
"""Bearer and Basic credentials of HTTP."""

USERINFO = re.compile(
    r"""://(?P<user>«secret:[0-9a-f]{12}»|[^\s/@:"'<>]{0,512})(?P<password>:[^\s/"'<>]{0,512})?@""",
    FLAGS,
)
"""scheme://user:password@host"""

DSN = re.compile(
    r"""(?P<user>[\w.-]{1,64}):(?P<value>[^\s/@:"'»]{1,256})@(?=(?:tcp|unix)\()""", FLAGS
)
"""user:password@tcp(host), as Go's MySQL driver has it."""

PEM = re.compile(
    r"-----BEGIN (?P<label>[A-Z0-9 ]{0,40}?PRIVATE KEY(?: BLOCK)?)-----"
    r".*?(?:-----END (?P=label)-----|\Z)",
    FLAGS | re.DOTALL,
)
"""A private key; one whose end is missing reaches to the end of the text."""

# Credentials that say so themselves, with what finds each in lower-cased bytes (see kube.scan).
SHAPES = (
    r"(?<![\w-])eyJ[\w-]{5,2000}\.eyJ[\w-]{5,4000}\.[\w-]*",  # JSON Web Token
    r"(?<!\w)A[KS]IA[0-9A-Z]{16}(?!\w)",  # AWS
    r"gh[ops]_\w{20,}",  # GitHub
    r"github_pat_\w{20,}",
    r"glpat-[\w-]{16,}",  # GitLab
    r"xox[bp]-[\w-]{10,}",  # Slack
    r"AIza[\w-]{35}",  # Google
    r"sk_live_\w{16,}",  # Stripe
)
"""Credentials that say so themselves. kube.scan knows what each begins with."""

SHAPE = re.compile("|".join(SHAPES), re.ASCII)


TRIGGER = re.compile(
    rf"{_KEYWORD}|bearer|basic|@|-----BEGIN|eyJ|A[KS]IA|gh[ops]_|github_pat_|glpat-|xox[bp]-|AIza"
    "|sk_live_",
    FLAGS,
)
"""Text in which this is not found holds none of the above."""


@lru_cache(maxsize=8192)
def is_credential_name(name: str) -> bool:
    """Whether what has this name is taken for a credential."""
    return _NAME.search(name) is not None and not is_about(name)


def is_about(name: str) -> bool:
    """Whether a name that holds a keyword only speaks about a credential."""
    return _ABOUT.search(name) is not None


def is_plain(value: str) -> bool:
    """Whether a value is no secret even under a credential's name."""
    return not value.strip() or _PLAIN.match(value) is not None


def looks_random(value: str) -> bool:
    """Not a plain word, which prose may have after "basic" or "bearer"."""
    return not (value.isalpha() and (value.islower() or value.istitle()))
