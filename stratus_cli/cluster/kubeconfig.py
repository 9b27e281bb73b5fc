"""Who we are and where the API server is: kubeconfig files, or the Pod's own service account.

The official client reads and authenticates (contexts, tokens, certificates, exec plugins). Only
its parts for that are loaded: the package itself would import 700 model classes (0.4 s, 60 MB).
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from stratus_cli.model.errors import ClusterUnreachable, UsageError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Access:
    """How to reach the API server.

    configuration: the official client's Configuration. user: the name that the kubeconfig gives,
    not the one that the server knows us by. can_refresh: a plugin made the credentials.
    """

    configuration: Any
    context: str
    server: str
    user: str
    can_refresh: bool = False


def access(kubeconfig: str | None, context: str | None) -> Access:
    """Read the kubeconfig (given, $KUBECONFIG, ~/.kube/config), else the service account's files.

    UsageError: no file, not a kubeconfig, no such context. ClusterUnreachable: a plugin failed.
    """
    named = kubeconfig or os.environ.get("KUBECONFIG", "")
    paths = [path for path in named.split(os.pathsep) if path] or ["~/.kube/config"]
    present = [path for path in paths if os.path.exists(os.path.expanduser(path))]
    if present:
        return _from_files(os.pathsep.join(present), context)
    if not named and os.environ.get("KUBERNETES_SERVICE_HOST") and SERVICE_ACCOUNT.is_dir():
        return _in_cluster()
    raise UsageError(
        "there is no kubeconfig", ", ".join(paths), "Name one with --kubeconfig or $KUBECONFIG."
    )


def pool(configuration: Any, connections: int) -> Any:  # noqa: ANN401  # untyped package
    """A urllib3 pool manager with the certificates and proxy of this configuration."""
    if not configuration.verify_ssl:
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    try:
        return _official().rest.RESTClientObject(configuration, maxsize=connections).pool_manager
    except OSError as error:
        raise UsageError(
            f"a certificate or key file cannot be used ({error.strerror or error})",
            str(error.filename or ""),
            "Correct the kubeconfig.",
        ) from error


@dataclass(frozen=True)
class _Official:
    """The modules of the official client that are used."""

    configuration: ModuleType
    kube_config: ModuleType
    incluster: ModuleType
    rest: ModuleType
    errors: ModuleType


@cache
def _official() -> _Official:
    with _light_packages():
        return _Official(
            importlib.import_module("kubernetes.client.configuration"),
            importlib.import_module("kubernetes.config.kube_config"),
            importlib.import_module("kubernetes.config.incluster_config"),
            importlib.import_module("kubernetes.client.rest"),
            importlib.import_module("kubernetes.config.config_exception"),
        )


@contextmanager
def _light_packages() -> Iterator[None]:
    """Stand-ins for the two packages whose __init__ imports everything; taken away again."""
    if "kubernetes" in sys.modules:
        yield
        return
    try:
        for name in ("kubernetes", "kubernetes.client"):
            spec = importlib.util.find_spec(name)
            if spec is None:
                raise ImportError(name)
            sys.modules[name] = importlib.util.module_from_spec(spec)
        client: Any = sys.modules["kubernetes.client"]
        client.ApiClient = None
        client.Configuration = importlib.import_module(
            "kubernetes.client.configuration"
        ).Configuration
        yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "kubernetes"]:
            del sys.modules[name]


def _from_files(paths: str, context: str | None) -> Access:
    import yaml

    official = _official()
    failed = official.errors.ConfigException
    try:
        config = official.kube_config.KubeConfigMerger(paths).config
        if config is None or not isinstance(config.value, dict):
            raise _unusable(paths, "it is empty")
        wanted = context or config.value.get("current-context") or ""
        _check_context(config, wanted, paths)
        loader = official.kube_config.KubeConfigLoader(
            config_dict=config, active_context=wanted, config_base_path=None
        )
    except yaml.YAMLError as error:
        raise _unusable(paths, "it is not YAML") from error
    except OSError as error:
        raise _unusable(paths, error.strerror or "it cannot be read") from error
    except (failed, AttributeError, KeyError, TypeError, ValueError) as error:
        raise _unusable(paths, _shown(error)) from error
    return _authenticated(loader, wanted, paths)


def _check_context(config: Any, wanted: str, paths: str) -> None:  # noqa: ANN401  # untyped
    names = [str(node.value.get("name", "")) for node in config.value.get("contexts") or ()]
    if not wanted:
        raise UsageError(
            "the kubeconfig has no current context",
            paths,
            f"Name one with --context: {', '.join(names) or 'it has none'}.",
        )
    if wanted in names:
        return
    near = difflib.get_close_matches(wanted, names, 1)
    known = f"It has: {', '.join(names[:10])}." if names else "It has none."
    hint = f"Did you mean {near[0]!r}?" if near else known
    raise UsageError(f"no context {wanted!r} in the kubeconfig", paths, hint)


def _authenticated(loader: Any, context: str, paths: str) -> Access:  # noqa: ANN401  # untyped
    official = _official()
    configuration = official.configuration.Configuration()
    try:
        with _said() as said:
            loader.load_and_set(configuration)
    except official.errors.ConfigException as error:
        raise _unusable(paths, _shown(error)) from error
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise _unusable(paths, _shown(error)) from error
    has_credentials = bool(configuration.api_key.get("authorization") or configuration.cert_file)
    user = loader.current_context.get("context", {}).get("user") or ""
    plugin = bool(loader._user) and "exec" in loader._user  # noqa: SLF001  # not offered otherwise
    if plugin and not has_credentials:
        raise ClusterUnreachable(
            f"the credentials plugin of user {user!r} failed ({'; '.join(said)[:160]})",
            paths,
            "Log in again with the tool that it runs, or choose another context.",
        )
    proxy = loader._cluster.safe_get("proxy-url")  # noqa: SLF001  # the official client ignores it
    if proxy:
        configuration.proxy = proxy
    if not configuration.host.startswith(("http://", "https://")):
        raise _unusable(paths, f"the server {configuration.host!r} is no URL")
    return Access(configuration, context, configuration.host, str(user), can_refresh=plugin)


def _in_cluster() -> Access:
    official = _official()
    configuration = official.configuration.Configuration()
    try:
        official.incluster.load_incluster_config(configuration)
    except (official.errors.ConfigException, OSError) as error:
        raise _unusable(str(SERVICE_ACCOUNT), _shown(error)) from error
    return Access(configuration, "in-cluster", configuration.host, "", can_refresh=False)


def _unusable(where: str, why: str) -> UsageError:
    return UsageError(
        f"the kubeconfig cannot be used ({why})", where, "Correct it, or name another."
    )


def _shown(error: Exception) -> str:
    """The first clause: what follows " in " quotes entries of the file, tokens included."""
    text = " ".join(str(error).split()).partition(" in ")[0]
    return text.removeprefix("Invalid kube-config file. ")[:120] or type(error).__name__


@contextmanager
def _said() -> Iterator[list[str]]:
    """What the official client logs instead of raising."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(" ".join(record.getMessage().split()))

    root, listener = logging.getLogger(), Listener(logging.ERROR)
    root.addHandler(listener)
    try:
        yield lines
    finally:
        root.removeHandler(listener)
