"""Runbooks of a test's own: several remedies for one cause, tried in this order."""

from __future__ import annotations

import textwrap
from pathlib import Path

from stratus_cli.knowledge.runbook import Runbook, load


def runbooks(folder: Path, *remedies: str, cause: str = "image-not-found") -> tuple[Runbook, ...]:
    """A runbook whose remedies set these images, in this order."""
    place = folder / "runbooks"
    place.mkdir()
    blocks = "\n".join(
        f"### Set {image}\n\n```kubectl\nkubectl -n {{{{namespace}}}} set image"
        f" {{{{kind}}}}/{{{{workload}}}} {{{{container}}}}={image}\n```\n"
        for image in remedies
    )
    head = textwrap.dedent(
        f"""\
        ---
        causes: [{cause}]
        alerts: []
        risk: low
        variables:
          namespace: namespace of the workload
          kind: deployment or statefulset
          workload: its name
          container: name of the container
        ---
        # Remedies of a test

        ## Meaning

        A test.

        ## Impact

        None.

        ## Diagnosis

        None.

        ## Mitigation

        """
    )
    (place / f"{cause}.md").write_text(f"{head}{blocks}\n## Verify\n\nLook.\n")
    return tuple(load(place))
