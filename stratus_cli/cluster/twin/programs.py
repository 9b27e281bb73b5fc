"""What a started command does: fails to start, ends, is killed for memory, or serves. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stratus_cli.cluster.twin.world import Check, Exit, Image, Program, Setting, Value, World

Env = Mapping[str, str]
Files = Mapping[str, str]
MIB = 1024.0 * 1024.0
OOM_CODE, KILL_CODE = 137, 137
OOM_AFTER_S = 0.4
INIT_MIB = 3.0  # runc itself needs this much to start anything
NOT_FOUND = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc"
    " create failed: unable to start container process: exec: {program}: {why}: unknown"
)
INIT_OOM = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc"
    " create failed: unable to start container process: container init was OOM-killed (memory"
    " limit too low?): unknown"
)


@dataclass(frozen=True)
class Run:
    """One start of one command, decided when it starts.

    refused: why the runtime could not start it. ends_after_s: None when it runs on; code and
    reason belong to that end. listening_after_s: from when on `ports` answer.
    """

    program: Program
    env: Env = field(default_factory=dict)
    refused: str = ""
    ends_after_s: float | None = None
    code: int = 0
    reason: str = ""
    listening_after_s: float = 0.0
    ports: tuple[int, ...] = ()
    lines: tuple[str, ...] = ()

    def listens(self, port: int) -> bool:
        """Whether it serves this port once it listens."""
        return self.program.any_port or port in self.ports

    def answer(self, path: str) -> int:
        """HTTP code of a path, upstreams aside."""
        plain = path.partition("?")[0]
        value = self.program.paths.get(plain)
        if value is None:
            return self.program.otherwise
        return int(number(value, self.env))


@dataclass(frozen=True)
class Start:
    """What a container is started with. limit_bytes: memory limit, 0 for none."""

    image: Image
    command: tuple[str, ...]
    args: tuple[str, ...]
    env: Env
    files: Files
    limit_bytes: float
    at: str


def run(start: Start, world: World) -> Run:
    """Decide what this start comes to."""
    argv = argv_of(start)
    if 0 < start.limit_bytes < INIT_MIB * MIB:
        return Run(Program(), refused=INIT_OOM)
    if not argv:
        return Run(Program(), refused="no command specified")
    refused = _refused(start.image, argv[0])
    if refused:
        return Run(Program(), refused=refused)
    program = _program(start.image, argv, world)
    words = {f"argv{index}": word for index, word in enumerate(argv)} | {"at": start.at}
    for check in program.checks:
        line = _failure(check, start)
        if line is not None:
            said = _say(line, {**words, "value": start.env.get(check.env, "")})
            lines = (said,) if said else ()
            return Run(program, start.env, "", 0.2, check.code, _reason(check.code), lines=lines)
    if _is_too_big(program, start):
        return Run(program, start.env, "", OOM_AFTER_S, OOM_CODE, "OOMKilled")
    return _running(program, start, words)


def argv_of(start: Start) -> tuple[str, ...]:
    """command replaces the image's entrypoint and command, args its command."""
    if start.command:
        return (*start.command, *start.args)
    return (*start.image.entrypoint, *(start.args or start.image.command))


def number(value: Value, env: Env) -> float:
    """A setting as a number; its default where the variable is unset, empty or none."""
    if not isinstance(value, Setting):
        return float(value)
    for text in (env.get(value.env), value.default):
        try:
            return float(text) if text not in (None, "") else float(value.default)
        except ValueError:
            continue
    return 0.0


def _running(program: Program, start: Start, words: Mapping[str, str]) -> Run:
    ports = tuple(int(number(value, start.env)) for value in program.listens)
    named = {**words, "port": str(ports[0]) if ports else ""}
    end = program.exit
    lines = (*program.log, *(end.log if end else ()))
    return Run(
        program,
        start.env,
        ends_after_s=end.after_s if end else None,
        code=end.code if end else 0,
        reason=_reason(end.code) if end else "",
        listening_after_s=sum(number(value, start.env) for value in program.start_s),
        ports=ports,
        lines=tuple(_say(line, named) for line in lines),
    )


def _program(image: Image, argv: Sequence[str], world: World) -> Program:
    for program in image.programs:
        if tuple(argv[: len(program.argv)]) == program.argv:
            return program
    end = Exit() if world.unknown_programs == "exit" else None
    return Program(any_port=True, otherwise=200, exit=end)


def _refused(image: Image, program: str) -> str:
    if not image.executables:
        return ""
    plain = program.rpartition("/")[2]
    if program in image.executables or ("/" in program and plain in image.executables):
        return ""
    if "/" in program:
        why = f"stat {program}: no such file or directory"
    else:
        why = "executable file not found in $PATH"
    return NOT_FOUND.format(program=json.dumps(program), why=why)


def _failure(check: Check, start: Start) -> str | None:
    """The log line of a check that fails ("" when it has none), or None."""
    value = start.env.get(check.env, "")
    if not value:
        return None
    if check.number is not None:
        low, high = check.number
        try:
            good = low <= float(value) <= high
        except ValueError:
            good = False
        return None if good else check.log
    if check.json_file:
        if value not in start.files:
            return check.log
        try:
            json.loads(start.files[value])
        except ValueError:
            return check.log_bad or check.log
    return None


def _is_too_big(program: Program, start: Start) -> bool:
    need = sum(number(value, start.env) for value in program.memory_mib) * MIB
    return 0 < start.limit_bytes < need


def _reason(code: int) -> str:
    return "Completed" if code == 0 else "Error"


def _say(line: str, words: Mapping[str, str]) -> str:
    for name, word in words.items():
        line = line.replace("{" + name + "}", word)
    return line
