"""An object that a controller no longer finalizes goes with the fault, not by itself."""

from __future__ import annotations

from stratus_cli.drill.hook import World

REPORT = "ConfigMap/report-2024"


class Report:
    """The steps make the fault; a report that is still on its way out is let go."""

    def inject(self, world: World) -> None:
        """Nothing besides the steps."""

    def heal(self, world: World) -> None:
        """Take the finalizer off what the drill itself made, so that its namespace can go."""
        live = world.get(world.ref(REPORT))
        if live is not None and live["metadata"].get("finalizers"):
            world.step({"change": REPORT, "remove": ["metadata.finalizers"]})
