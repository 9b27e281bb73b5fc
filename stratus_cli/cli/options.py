"""The options every command takes: one table, and their values from file < STRATUS_* < flags.

A command reads `Options`; where a value came from is kept, since a protected context must be
spelled out. Must not build adapters.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stratus_cli.model.errors import UsageError

if TYPE_CHECKING:
    from stratus_cli.model.finding import Severity

Json = Any
FORMATS = ("text", "json", "yaml", "junit", "sarif", "markdown")
SEVERITIES = ("outage", "degraded", "risk", "hygiene")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Setting:
    """One option. kind: text, list, flag, count, seconds, choice. flags: () = file and env only."""

    name: str
    help: str
    flags: tuple[str, ...] = ()
    kind: str = "text"
    default: Any = ""
    choices: tuple[str, ...] = ()
    metavar: str = ""

    @property
    def key(self) -> str:
        """Name in the configuration file."""
        return self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """Name in the environment."""
        return f"STRATUS_{self.name.upper()}"


SETTINGS = (
    Setting("context", "Context of the kubeconfig.", ("--context",), metavar="NAME"),
    Setting("kubeconfig", "Kubeconfig file.", ("--kubeconfig",), metavar="FILE"),
    Setting(
        "namespace",
        "Only this namespace (may be given several times).",
        ("-n", "--namespace"),
        "list",
        (),
        metavar="NAME",
    ),
    Setting(
        "all_namespaces",
        "Every namespace you may list (the default; overrides a configured one).",
        ("-A", "--all-namespaces"),
        "flag",
        False,
    ),
    Setting("output", "Format of the report.", ("-o", "--output"), "choice", "text", FORMATS),
    Setting("out", "Write the result to this file.", ("--out",), metavar="FILE"),
    Setting(
        "recording", "Read a recording instead of a cluster.", ("--from",), metavar="RECORDING"
    ),
    Setting(
        "known_good",
        "A recording taken when all was well.",
        ("--known-good",),
        metavar="RECORDING",
    ),
    Setting(
        "manifests",
        "Folder of manifests as they should be (plain YAML or JSON).",
        ("--manifests",),
        metavar="DIR",
    ),
    Setting("journal", "Journal file to use.", ("--journal",), metavar="PATH"),
    Setting(
        "timeout", "Deadline of one read.", ("--timeout",), "seconds", 15.0, metavar="DURATION"
    ),
    Setting(
        "prometheus_url",
        "Prometheus, if not found by itself.",
        ("--prometheus-url",),
        metavar="URL",
    ),
    Setting(
        "alertmanager_url",
        "Alertmanager, if not found by itself.",
        ("--alertmanager-url",),
        metavar="URL",
    ),
    Setting(
        "fail_on",
        "Exit 1 from this severity on.",
        ("--fail-on",),
        "choice",
        "risk",
        SEVERITIES,
    ),
    Setting("runbooks", "Folder of your own runbooks.", ("--runbooks",), metavar="DIR"),
    Setting("verbose", "Say more; with a traceback on a defect.", ("-v", "--verbose"), "count", 0),
    Setting("protected", "Contexts that want their name typed (patterns).", (), "list", ()),
    Setting(
        "protected_namespaces",
        "Namespaces never written to.",
        (),
        "list",
        ("kube-system", "kube-public", "kube-node-lease"),
    ),
    Setting("protected_names", "Objects never written to (patterns).", (), "list", ()),
    Setting(
        "read_secrets", "Read the values of a Secret whose keys are changed.", (), "flag", True
    ),
    Setting(
        "helm_releases", "Read Helm's release records for known-good values.", (), "flag", True
    ),
    Setting("tls_dates", "Read until when TLS certificates are valid.", (), "flag", True),
    Setting("model", "Model of the agents, as litellm names it."),
    Setting("model_url", "Base URL of the model's API."),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Options:
    """The values of all settings. flags: names of those given on the command line."""

    context: str = ""
    kubeconfig: str = ""
    namespace: tuple[str, ...] = ()
    all_namespaces: bool = False
    output: str = "text"
    out: str = ""
    recording: str = ""
    known_good: str = ""
    manifests: str = ""
    journal: str = ""
    timeout: float = 15.0
    prometheus_url: str = ""
    alertmanager_url: str = ""
    fail_on: str = "risk"
    runbooks: str = ""
    verbose: int = 0
    protected: tuple[str, ...] = ()
    protected_namespaces: tuple[str, ...] = ("kube-system", "kube-public", "kube-node-lease")
    protected_names: tuple[str, ...] = ()
    read_secrets: bool = True
    helm_releases: bool = True
    tls_dates: bool = True
    model: str = ""
    model_url: str = ""
    flags: frozenset[str] = frozenset()
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> tuple[str, ...]:
        """Namespaces asked for; () means all."""
        return () if self.all_namespaces else self.namespace

    @property
    def fail_severity(self) -> Severity:
        """Findings below this do not fail the command."""
        from stratus_cli.model.finding import Severity

        return Severity[self.fail_on.upper()]


def resolve(flags: Mapping[str, Any], env: Mapping[str, str], config_file: Path) -> Options:
    """Settings from the file, then the environment, then the flags. None = not given."""
    values: dict[str, Any] = {setting.name: setting.default for setting in SETTINGS}
    values.update(read_config(config_file))
    for setting in SETTINGS:
        text = env.get(setting.variable, "")
        if text:
            values[setting.name] = _from_text(setting, text, f"environment {setting.variable}")
    given = {name: value for name, value in flags.items() if value not in (None, (), False, 0)}
    if "namespace" in given and "all_namespaces" not in given:
        values["all_namespaces"] = False
    for name, value in given.items():
        setting = BY_NAME[name]
        if setting.kind == "seconds":
            values[name] = duration(str(value), setting.flags[0])
        else:
            values[name] = tuple(value) if setting.kind == "list" else value
    if "all_namespaces" in given and "namespace" in given:
        raise UsageError("-n and -A contradict each other", "", "Give one of them.")
    return Options(**values, flags=frozenset(given), env=env)


def read_config(path: Path) -> dict[str, Any]:
    """The values of a configuration file (TOML); {} when there is none."""
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"the configuration file cannot be read ({error})", str(path), "Correct it or move it."
        ) from error
    by_key = {setting.key: setting for setting in SETTINGS}
    values: dict[str, Any] = {}
    for key, item in document.items():
        setting = by_key.get(key)
        if setting is None:
            near = difflib.get_close_matches(key, by_key, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(by_key))}."
            raise UsageError(f"unknown setting {key!r}", str(path), hint)
        values[setting.name] = _from_toml(setting, item, f"{path}, {key}")
    return values


def duration(text: str, where: str, *, bare: str = "s") -> float:
    """Seconds from "15", "500ms", "15s", "2m" or "1h". bare: the unit of a number without one."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a length of time", where, "Write 30s, 2m or 1h.")
    return float(match[1]) * _UNIT_S[match[2] or bare]


def _from_toml(setting: Setting, item: Json, where: str) -> Json:
    right_type = {
        "list": isinstance(item, list) and all(isinstance(part, str) for part in item),
        "flag": isinstance(item, bool),
        "count": isinstance(item, int) and not isinstance(item, bool),
        "seconds": isinstance(item, int | float) and not isinstance(item, bool),
    }
    if right_type.get(setting.kind):
        return tuple(item) if setting.kind == "list" else item
    if isinstance(item, str):
        return _from_text(setting, item, where)
    raise UsageError(f"a value of the wrong type for {setting.key!r}", where, _wanted(setting))


def _from_text(setting: Setting, text: str, where: str) -> Json:
    match setting.kind:
        case "list":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        case "flag" if text.lower() in ("1", "true", "yes", "0", "false", "no"):
            return text.lower() in ("1", "true", "yes")
        case "count" if text.isdigit():
            return int(text)
        case "seconds":
            return duration(text, where)
        case "choice" if text in setting.choices:
            return text
        case "text":
            return text
    raise UsageError(f"{text!r} is not a value of {setting.key!r}", where, _wanted(setting))


def _wanted(setting: Setting) -> str:
    kinds = {
        "list": "a list of words",
        "flag": "true or false",
        "count": "a number",
        "seconds": "a length of time such as 30s",
        "text": "a text",
    }
    return f"Wanted: {' | '.join(setting.choices) if setting.choices else kinds[setting.kind]}."
