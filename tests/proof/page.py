"""docs/benchmarks/no-regret.md, from the results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from tests.proof.ablations import Count
from tests.proof.courses import Tally
from tests.proof.entry import Entry

GROUNDS = ("twin", "real cluster")
Tallies = Mapping[str, Mapping[str, Tally]]

HEAD = """# No regret: figures

Written by `make proof`: commit {commit}, {date}, on {machine}.{edited}

## Undo fidelity

Each action on each kind goes through the same course on the simulated cluster and on a real one:
plan, do, undo, do, undo; with somebody else's edit of the same field (the undo must refuse and show
both values) and of another field (ours is taken back, theirs stays); with a write of somebody else
between read and write, which the API server answers with 409; interrupted while it settles. A
harmful change must be rolled back by the gate. After each way back every object of the namespace is
read raw and compared, with the pod templates of the rollout history and the annotation of
`kubectl apply`. "6/6" is six ways back, six times equal.

{totals}

{actions}
{failures}
## What the gate is worth

{runs} random transactions on the simulated cluster, the same for each row: plans of one to four
changes of which many do harm; API calls that time out, are refused, or are made though no answer
came; crashes; somebody else who writes at the worst moment. Harm: a minute after the end a unit
serves with fewer pods than at the beginning, and no other writer touched it. False commit: harm,
and kept as COMMITTED. Not restored: not as before, although it ended UNDONE or BLOCKED. Lost: a
field that somebody else wrote was overwritten.

{arms}

- control: nothing is checked before a write, everything written is kept.
- -undo: nothing is put back. -baseline: compared with how it was just after the write.
- -fail-closed: what is not seen to be worse is kept (time-outs, no answer).
- -lock: no Lease, no precondition on a write, no look at who wrote since.

## The adversary

{adversary}

## Real processes on the real cluster

kill -9 at each journal record of a mitigation, of an undo and of a way back; Ctrl-C at each stage;
two at once; a lost and a dead lock; full, limited and read-only disks; an API server that is killed
or stays away; Secrets; readers of a ConfigMap; objects made anew; a claim deleted for good; a node
drained. `make test` runs one turn of each
file a day, this all of them.

{processes}
"""


def page(
    entries: Sequence[Entry],
    tallies: Tallies,
    counts: Mapping[str, Count],
    head: Mapping[str, str],
) -> str:
    """The whole document. head: commit, date, machine, edited, adversary, processes."""
    runs = next(iter(counts.values())).runs if counts else 0
    return HEAD.format(
        **head,
        totals=_totals(tallies),
        actions=_actions(entries, tallies),
        failures=_failures(tallies),
        runs=f"{runs:,}",
        arms=_arms(counts),
    )


def _totals(tallies: Tallies) -> str:
    lines = [
        "| ground | actions | ways back | equal | later undo, median | roll-back, median |",
        "|---|---|---|---|---|---|",
    ]
    for ground in GROUNDS:
        of = tallies.get(ground, {}).values()
        undos, equal = sum(item.undos for item in of), sum(item.equal for item in of)
        clean = sum(not item.failures for item in of)
        lines.append(
            f"| {ground} | {clean} of {len(of)} | {undos} | {_share(equal, undos)} |"
            f" {_median(s for item in of for s in item.undo_s)} |"
            f" {_median(s for item in of for s in item.roll_back_s)} |"
        )
    return "\n".join(lines) + "\n\nSeconds are virtual on the twin, wall time on the real cluster."


def _actions(entries: Sequence[Entry], tallies: Tallies) -> str:
    kinds: dict[str, dict[str, str]] = {}
    for entry in entries:
        name, _, kind = entry.name.rpartition(" ")
        cells = [_cell(tallies.get(ground, {}).get(entry.name)) for ground in GROUNDS]
        kinds.setdefault(kind, {})[name] = " | ".join(cells)
    lines = []
    for kind, actions in kinds.items():
        lines += [f"| {kind} | twin | real cluster |", "|---|---|---|"]
        lines += [f"| {name} | {cells} |" for name, cells in actions.items()]
        lines.append("")
    return "\n".join(lines)


def _cell(tally: Tally | None) -> str:
    if tally is None:
        return "not run"
    share = f"{tally.equal}/{tally.undos}" if tally.undos else "made good"
    return f"**failed**, {tally.equal}/{tally.undos}" if tally.failures else share


def _failures(tallies: Tallies) -> str:
    lines = [
        f"- {name}, {ground}: {text.splitlines()[0][:300]}"
        for ground in GROUNDS
        for name, tally in tallies.get(ground, {}).items()
        for text in tally.failures
    ]
    return "\n".join(["### What failed", "", *lines, ""]) if lines else ""


def _arms(counts: Mapping[str, Count]) -> str:
    names = ("harm", "false commits", "committed", "undone", "blocked", "needs human")
    more = ("not restored", "lost", "never closed", "roll-back, median")
    lines = [f"| | {' | '.join((*names, *more))} |", "|---" * (len(names) + len(more) + 1) + "|"]
    for name, of in counts.items():
        shares = (
            of.harmed,
            of.false_commits,
            of.committed,
            of.undone,
            of.blocked,
            of.needs_human,
            of.unlike,
            of.lost,
            of.left_open,
        )
        cells = [_rate(number, of.runs) for number in shares]
        lines.append(f"| {name} | {' | '.join(cells)} | {_median(of.roll_back_s)} |")
    return "\n".join(lines)


def _rate(number: int, of: int) -> str:
    return f"{number} ({100 * number / of:.1f} %)" if number and of else "0"


def _share(part: int, of: int) -> str:
    return f"{part} ({100 * part / of:.1f} %)" if of else "-"


def _median(values: Iterable[float]) -> str:
    found = list(values)
    return f"{median(found):.1f} s" if found else "-"
