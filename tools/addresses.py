"""No tracked file names a package registry's host or a folder of somebody's machine, or has a key.

Where packages come from, and where a checkout lies, is up to each machine. A private key, in PEM or
encoded once more for a Secret, is made where it is needed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Written so that this file does not find itself.
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "--index" + "-url", "--find" + "-links")
FOLDERS = ("home", "Users", "root", "work", "opt/wheels")
# /root is a container's or a test machine's home as well: only below it lies somebody's own.
# A key's first line, of PKCS #8 or SEC 1, on a line of its own; and PEM's head in base64.
KEYS = (r"^\s*(?:MI[GIH]\w|MHc|MHQ)[A-Za-z0-9+/]{58,}$", "LS0tLS1CRUd" + "JTi[A-Za-z0-9+/]{40}")
FORBIDDEN = re.compile(
    "|".join(
        [
            *(re.escape(host) for host in HOSTS),
            rf"(?<![\w./~-])/(?:{'|'.join(FOLDERS)})/\w",
            *KEYS,
        ]
    )
)


def main() -> int:
    """Print each place; 1 when there is one."""
    found = [place for path in tracked() for place in places(path)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


def tracked() -> list[Path]:
    """The files of the checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def places(path: Path) -> list[str]:
    """file:line: what, for each hit."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    hits = ((number, FORBIDDEN.search(line)) for number, line in enumerate(lines, 1))
    return [f"{path.relative_to(ROOT)}:{number}: {hit[0]}" for number, hit in hits if hit]


if __name__ == "__main__":
    sys.exit(main())
