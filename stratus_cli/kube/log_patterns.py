# ruff: noqa: E501  # a pattern reads best in one piece
"""What programs write when something is wrong, as patterns: a fact's kind, and what it is about.

The words are those of common runtimes, drivers and servers (Go, Java, Node, Python, .NET, libc's
strerror, curl, busybox, nginx, PostgreSQL, MySQL, MongoDB, Redis, gRPC, Kubernetes). Lines are
hostile: no pattern repeats what itself repeats.
"""

from __future__ import annotations

import re
from functools import cache

REFUSED = "refused"
UNRESOLVED = "unresolved"
TIMED_OUT = "timed-out"
UNREACHABLE = "unreachable"
RESET = "reset"
ANSWERED_ERROR = "answered-error"
AUTH_FAILED = "auth-failed"
FORBIDDEN = "forbidden"
EXPIRED = "expired"
TLS = "tls"
MISSING_VARIABLE = "missing-variable"
MISSING_FILE = "missing-file"
MISSING_KEY = "missing-key"
MISSING_PROGRAM = "missing-program"
BAD_CONFIG = "bad-config"
OUT_OF_MEMORY = "out-of-memory"
NO_SPACE = "no-space"
TOO_MANY_FILES = "too-many-files"
NO_LOCAL_PORTS = "no-local-ports"
ADDRESS_IN_USE = "address-in-use"
PERMISSION_DENIED = "permission-denied"
READ_ONLY = "read-only"
UNDECODABLE = "undecodable"
LOCKED = "locked"
BAD_QUERY = "bad-query"
OVERLOADED = "overloaded"

CONNECTION = frozenset({REFUSED, UNRESOLVED, TIMED_OUT, UNREACHABLE, RESET, ANSWERED_ERROR})
"""Facts whose target is an address that was called: host, or host:port."""

HOST = r"[A-Za-z0-9_](?:[\w.-]{0,252}\w)?"
_NAME = rf"[\"'`]?({HOST})[\"'`]?"
_FILE = r"[\"'`]?((?:\.{0,2}/)[^\s\"'`:,;)]{1,300})"
_VARIABLE = r"[\"'`]?\$?([A-Z][A-Z0-9]{0,60}(?:_[A-Z0-9]{1,60}){0,8})[\"'`]?"
_KEY = r"[\"'`]([^\"'`\n]{1,100})[\"'`]"


Pattern = tuple[str, str, re.RegexFlag]
"""A kind, and a pattern that is compiled when a line first needs it: all of them take 30 ms."""

compiled = cache(re.compile)


def _all(kind: str, *texts: str) -> list[Pattern]:
    return [(kind, text, re.IGNORECASE) for text in texts]


def _cased(kind: str, *texts: str) -> list[Pattern]:
    return [(kind, text, re.NOFLAG) for text in texts]


PATTERNS: tuple[Pattern, ...] = (
    # Kubernetes' own words for RBAC come first: they hold "forbidden" and names of all sorts.
    *_all(
        FORBIDDEN,
        r"user [\"'`]{0,2}(system:serviceaccount:[\w.:-]{1,300})[\"'`]{0,2} cannot",
    ),
    *_all(
        UNRESOLVED,
        rf"\blookup ({HOST})(?: on [\w.:\[\]]{{1,60}})?: (?:no such host|server misbehaving|i/o t)",
        rf"(?:ENOTFOUND|EAI_AGAIN) {_NAME}",
        rf"UnknownHostException: {_NAME}",
        rf"could not resolve host(?:name)?:? {_NAME}",
        rf"could not translate host name {_NAME}",
        rf"host not found in upstream {_NAME}",
        rf"({HOST}) could not be resolved",
        rf"unknown (?:mysql server )?host {_NAME}",
        rf"bad address {_NAME}",
        rf"(?:Failed to resolve|cannot resolve|unable to resolve(?: host)?|DNS resolution "
        rf"failed for|Name resolution failure for) {_NAME}",
        r"(?:NXDOMAIN|name or service not known|temporary failure in name resolution|no such host|"
        r"nodename nor servname|no address associated with hostname|getaddrinfo failed|"
        r"Name does not resolve)",
    ),
    *_all(ADDRESS_IN_USE, r"address (?:is )?already in use|EADDRINUSE|only one usage of each socket"),
    *_all(NO_LOCAL_PORTS, r"cannot assign requested address|EADDRNOTAVAIL"),
    *_all(
        AUTH_FAILED,
        r"password authentication failed for user [\"'`]?([\w.@%-]{1,100})",
        r"access denied for user [\"'`]?([\w.-]{0,100})",
        r"login failed for user [\"'`]?([\w.\\-]{1,100})",
        r"not authorized on ([\w.-]{1,100})",
        r"could not find user [\"'`]?([\w.@-]{1,100})",
        r"(?:role|user) [\"'`]([\w.-]{1,100})[\"'`] does not exist",
        r"\bNOAUTH\b|\bWRONGPASS\b|\bNOPERM\b|invalid (?:username|user|password|credentials)|"
        r"authentication (?:failed|required|error|failure)|auth(?:entication)? ?failed|"
        r"AuthenticationFailed|requires authentication|sasl authentication|bad credentials|"
        r"\b401 unauthorized|unauthenticated|invalid (?:api key|access token)|"
        r"permission denied for (?:table|database|schema|relation|sequence)",
    ),
    *_all(
        EXPIRED,
        r"certificate (?:has expired|is not yet valid|expired)|cert(?:ificate)?[ _]has[ _]expired|"
        r"CertificateExpiredException",
    ),
    *_all(
        TLS,
        r"x509:|certificate (?:verify failed|is not valid|signed by unknown)|"
        r"\btls: |\bssl routines|sslerror|sslhandshakeexception|handshake fail|pkix path|"
        r"unknown (?:certificate )?authority|(?:requires?|required|must use) (?:tls|ssl)\b|"
        r"(?:tls|ssl) (?:is )?required|http response to https client|wrong version number|"
        r"no encryption\b",
    ),
    *_all(
        MISSING_FILE,
        rf"(?:open|stat|read|exec|lstat) {_FILE}: no such file",
        rf"no such file or directory(?:,| \(os error 2\))?[:,]? {{0,2}}(?:\w+ )?{_FILE}",
        rf"(?:cannot|can't|could not|unable to|failed to) (?:open|read|find|load|access|stat) "
        rf"(?:the )?(?:file |config(?:uration)?(?: file)? )?{_FILE}",
        rf"FileNotFoundException: {_FILE}",
        rf"Could not find file {_FILE}",
        rf"{_FILE}[\"'`]?(?: \(\w+\))?:? (?:no such file|does not exist|not found)",
    ),
    *_cased(
        MISSING_VARIABLE,
        rf"KeyError: {_VARIABLE}(?![\w])",
        rf"(?i:env(?:ironment)?(?: var(?:iable)?s?)?):? {_VARIABLE} "
        r"(?i:is |was |are )?(?i:not set|required|missing|must be|undefined|not defined|empty|unset)",
        r"(?i:missing|undefined|unset|required|expected|no such)(?i: required)? "
        rf"(?i:env(?:ironment)?(?: var(?:iable)?s?)?)(?i: named| called| is missing)?:? ?{_VARIABLE}",
        r"\$?([A-Z][A-Z0-9]*_[A-Z0-9_]{1,80})[\"'`]? (?i:is |was )?"
        r"(?i:not set|must be set|is required|required but|is missing|missing|undefined|"
        r"not defined|is empty|unset|must not be empty|cannot be empty|not configured)",
        r"([A-Z][A-Z0-9_]{2,80}): (?:unbound variable|parameter (?:null or )?not set)",
    ),
    *_all(
        MISSING_PROGRAM,
        r"exec:? [\"'`]?([^\s\"'`:]{1,200})[\"'`]?: (?:executable file not found|no such file)",
        r"([\w./-]{1,200}): (?:command )?not found\s*$",
        r"No module named [\"'`]?([\w.]{1,200})",
        r"Cannot find module [\"'`]([^\"'`]{1,200})",
        r"(?:ClassNotFoundException|NoClassDefFoundError|find or load main class):? ([\w.$/]{1,200})",
        r"can't open file [\"'`]([^\"'`]{1,200})",
    ),
    *_all(
        OUT_OF_MEMORY,
        r"OutOfMemory|out of memory|cannot allocate memory|\bENOMEM\b|\bMemoryError\b|oom[- ]kill|"
        r"OOM command not allowed|memory limit exceeded|std::bad_alloc",
    ),
    *_all(
        NO_SPACE,
        r"no space left on device[^/]{0,40}((?:/[\w.-]{1,100}){1,10})?",
        r"\bENOSPC\b|disk quota exceeded|\bEDQUOT\b|insufficient shared memory",
    ),
    *_all(TOO_MANY_FILES, r"too many open files|\bEMFILE\b|\bENFILE\b"),
    *_all(READ_ONLY, r"read-only file system|\bEROFS\b"),
    *_all(
        PERMISSION_DENIED,
        rf"(?:open|mkdir|stat|unlink|exec|create|bind) {_FILE}: (?:permission denied|operation not)",
        rf"(?:permission denied|operation not permitted|EACCES|EPERM)[^/\n]{{0,60}}{_FILE}",
        r"permission denied|operation not permitted|\bEACCES\b|\bEPERM\b|AccessDeniedException",
    ),
    *_all(
        LOCKED,
        r"deadlock (?:found|detected)|lock wait timeout|could not obtain lock|lock timeout|"
        r"lock not available|database is locked|waiting for (?:\w+ )?lock|blocked by (?:a )?lock",
    ),
    *_all(
        BAD_QUERY,
        r"column [\"'`]?([\w.]{1,100})[\"'`]? does not exist",
        r"unknown column [\"'`]([\w.]{1,100})",
        r"relation [\"'`]([\w.]{1,100})[\"'`] does not exist",
        r"no such (?:table|column): ([\w.]{1,100})",
        r"table [\"'`]([\w.]{1,100})[\"'`] doesn't exist",
        r"syntax error at or near|error in your SQL syntax",
    ),
    *_all(
        UNDECODABLE,
        r"offset[ =:]{1,3}\"?(\d{1,19})[^\n]{0,120}(?:decod|deseriali|malformed|corrupt|pars|schema)",
        r"(?:decod|deseriali|malformed|corrupt|poison|schema)[^\n]{0,120}offset[ =:]{1,3}\"?(\d{1,19})",
        r"(?:cannot|could not|can't|failed to|unable to|error) (?:decod|deseriali[sz])\w{0,4}|"
        r"undecodable|poison (?:pill|message|record)|SerializationException|malformed "
        r"(?:record|message|payload)|corrupt (?:record|message)",
    ),
    *_all(
        OVERLOADED,
        r"too many (?:connections|clients|requests)|max(?:imum)? (?:number of )?clients reached|"
        r"connection pool (?:is )?(?:exhausted|full|timed? ?out)|remaining connection slots|"
        r"rate limit(?:ed| exceeded)|resource_?exhausted|queue (?:is )?full|circuit breaker (?:is )?open",
    ),
    *_all(REFUSED, r"connection (?:was |is )?refused|ECONNREFUSED|connect call failed|actively refused"),
    *_all(
        UNREACHABLE,
        r"no route to host|EHOSTUNREACH|ENETUNREACH|(?:network|host) is unreachable",
    ),
    *_all(
        TIMED_OUT,
        r"timed[ -]out|ETIMEDOUT|i/o timeout|deadline.?exceeded|"
        r"(?:connect|connection|read|request|socket|gateway|upstream)[ -]?time-?out"
        r"(?! ?(?:=|is set|set to|of \d|:\s*\d))|timeout (?:expired|exceeded|error)|TimeoutError|"
        r"TimeoutException|serverselectiontimeout",
    ),
    *_all(
        RESET,
        r"connection reset|ECONNRESET|broken pipe|\bEPIPE\b|unexpected eof|socket hang up|"
        r"server closed the connection|connection (?:was )?(?:closed|aborted)|"
        r"remote end closed|upstream prematurely closed",
    ),
    *_all(
        ANSWERED_ERROR,
        rf"https?://({HOST}(?::\d{{1,5}})?)[^\s]{{0,300}} (?:failed|returned|responded|answered|error)"
        r"[^\n]{0,60}?\b5\d\d\b",
        r"(?:upstream|backend|downstream|dependency|service) ([\w.:-]{1,200}) "
        r"(?:failed|returned|responded|answered)[^\n]{0,60}?\b5\d\d\b",
        r"\b5\d\d\b[^\n]{0,60}(?:from|for url:?|for|calling) https?://"
        rf"({HOST}(?::\d{{1,5}})?)",
    ),
    *_all(
        BAD_CONFIG,
        r"(?:unknown|unrecogni[sz]ed|invalid|undefined) (?:flag|option|argument|command)s?:? {1,2}"
        r"[\"'`]?(-{0,2}[\w.-]{1,100})",
        r"flag provided but not defined: (-{1,2}[\w.-]{1,100})",
        r"(?:config|configuration|settings|properties|setting)\b[^\n]{0,150}"
        r"(?:is not (?:valid|json|yaml)|invalid|cannot be parsed|malformed|parse error|not a valid)",
        r"(?:invalid|malformed|bad|failed to (?:parse|load|read)|cannot (?:parse|load)|error "
        r"(?:parsing|loading|reading)) (?:the )?(?:config|configuration|settings|properties)\b",
        r"yaml: line \d|JSONDecodeError|Expecting (?:value|property name)|unexpected token|"
        r"toml: line|invalid literal for int",
        r"([A-Z][A-Z0-9_]{2,80}) (?:must be|is not) (?:an?|the) (?:valid )?"
        r"(?:number|integer|boolean|url|duration|port|path)",
    ),
    *_all(
        MISSING_KEY,
        rf"KeyError: {_KEY}",
        rf"(?:missing|required|no such|unknown) (?:required )?(?:config(?:uration)? )?"
        rf"(?:key|setting|property|field|option):? {_KEY}",
        rf"(?:key|setting|property|field|option) {_KEY} (?:is |was )?(?:missing|not found|required|absent)",
        r"(?:missing|required) (?:required )?(?:config(?:uration)? )?(?:key|setting|property|field)"
        r":? ([\w.-]{1,100})",
        r"(?:key|setting|property|field) ([\w.-]{1,100}) (?:is |was )?(?:missing|not found|required|absent)",
        r"no configuration setting found for key [\"'`]?([\w.-]{1,100})",
    ),
)  # fmt: skip

TRIGGERS = {
    FORBIDDEN: ("system:serviceaccount",),
    UNRESOLVED: (
        "lookup ", "enotfound", "eai_again", "unknownhost", "resol", "translate host",
        "host not found", "unknown host", "mysql server host", "bad address", "nxdomain",
        "not known", "no such host", "nodename", "no address", "getaddrinfo",
    ),
    ADDRESS_IN_USE: ("in use", "eaddrinuse", "only one usage"),
    NO_LOCAL_PORTS: ("cannot assign", "eaddrnotavail"),
    AUTH_FAILED: (
        "auth", "denied", "login failed", "not find user", "does not exist", "wrongpass",
        "noperm", "invalid", "credential",
    ),
    EXPIRED: ("expired", "not yet valid"),
    TLS: (
        "x509", "certificate", "tls", "ssl", "handshake", "pkix", "authority", "https client",
        "wrong version", "no encryption",
    ),
    MISSING_FILE: (
        "no such file", "not find", "filenotfound", "can't", "cannot", "could not", "unable to",
        "failed to", "does not exist", "not found",
    ),
    MISSING_VARIABLE: (
        "keyerror", "not set", "set", "required", "missing", "must be", "undefined",
        "not defined", "empty", "expected", "no such", "unbound", "not configured",
    ),
    MISSING_PROGRAM: (
        "not found", "exec", "no module", "cannot find", "classnotfound", "noclassdef",
        "main class", "can't open",
    ),
    OUT_OF_MEMORY: ("memory", "oom", "bad_alloc", "enomem"),
    NO_SPACE: ("no space", "enospc", "disk quota", "edquot", "shared memory"),
    TOO_MANY_FILES: ("too many open", "emfile", "enfile"),
    READ_ONLY: ("read-only file", "erofs"),
    PERMISSION_DENIED: ("permission denied", "operation not", "eacces", "eperm", "accessdenied"),
    LOCKED: ("lock",),
    BAD_QUERY: ("column", "relation", "table", "syntax"),
    UNDECODABLE: ("offset", "decod", "seriali", "poison", "malformed", "corrupt"),
    OVERLOADED: (
        "too many", "clients reached", "connection pool", "connection slots", "rate limit",
        "exhausted", "queue", "circuit",
    ),
    REFUSED: ("refused", "connect call failed"),
    UNREACHABLE: ("no route", "unreach"),
    TIMED_OUT: ("timed", "timeout", "time-out", "time out", "deadline"),
    RESET: ("reset", "pipe", "eof", "hang up", "closed", "aborted"),
    ANSWERED_ERROR: (
        "failed", "returned", "responded", "answered", "error", "from", "for ", "for:", "calling",
        "for url",
    ),
    BAD_CONFIG: (
        "unknown", "unrecogni", "invalid", "undefined", "not defined", "config", "setting",
        "propert", "yaml", "json", "expecting", "unexpected token", "toml", "must be", "is not",
    ),
    MISSING_KEY: (
        "keyerror", "missing", "required", "no such", "unknown", "not found", "absent",
        "no configuration",
    ),
}  # fmt: skip
"""Lower-case words, one of which is in every text that a pattern of the kind matches.

Most lines have none of them, and looking for words is a hundred times cheaper than the patterns.
"""
