"""Programs of the kinds "run" and "output", one after the other in one slot: their ends, as JSON.

`python -m tests.sandbox.run_cases JAIL`; a process of its own, for it may run as another user.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from dataclasses import replace
from typing import Any

from opencodeeval.core.types import Program, Style, Task
from opencodeeval.execution import open_sandbox

LIMITS = {"compile_s": 5.0, "run_s": 3.0, "total_s": 8.0, "memory_mb": 512}
GIVEN = {"in/given": base64.b64encode(b"here").decode()}
LINKS = (
    "import os\nos.symlink('/etc/passwd', 'link')\nos.mkfifo('pipe')\n"
    "os.symlink('/dev/zero', 'zero')\nos.mkdir('folder')\nopen('kept', 'w').write('x')\n"
)
# Starts a process that would write a file after it, then ends.
LEAVES = (
    "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(0.5)\n"
    "    open('late', 'w').write('x')\n    os._exit(0)\n"
)
# Each takes the folder away that the player after it, who reads its files, would be in.
TAKES_ITS_FOLDER = {
    "removed": "shutil.rmtree('/tmp/work')",
    "closed": "os.chmod('.', 0)",
    "closed above": "os.chmod('/tmp', 0)",
    "a link": "os.rename('/tmp/work', '/tmp/other'); os.symlink('/etc', '/tmp/work')",
    "a pipe": "os.rename('/tmp/work', '/tmp/other'); os.mkfifo('/tmp/work')",
    "no room": """
os.rename('/tmp/work', '/tmp/other')
try:
    for number in range(20_000): open(f'/tmp/other/{number}', 'w').close()
except OSError: pass
""",
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "python": ("print(input() + open('in/given').read())", {"input": "x\n", "files": GIVEN}),
    "command": ("read x; cat in/given; echo $x; exit 4", {"command": ["bash", "main"]}),
    "compiled": ("echo made > out", {"compile": ["bash", "main"], "command": ["cat", "out"]}),
    "not compiled": ("echo no >&2; exit 1", {"compile": ["bash", "main"], "command": ["true"]}),
    "no such command": ("x", {"command": ["no-such-command"]}),
    "links": (LINKS, {"fetch": ["kept", "link", "pipe", "zero", "folder", "absent"]}),
    "leaves": (LEAVES, {"fetch": ["late"]}),
    **{
        name: (f"import os, shutil\n{code}", {"fetch": ["kept", "passwd"]})
        for name, code in TAKES_ITS_FOLDER.items()
    },
    "closed by a compiler": ("chmod 0 .", {"compile": ["bash", "main"], "command": ["true"]}),
    "after": ("import os\nprint(os.listdir('.'))", {}),
}

# Of the kind "output": the reference, and programs beside it.
REFERENCE = "cat in/given; echo; ls; echo left > left; echo left > /tmp/left"
PRINTED = {
    "prints the same": f"{REFERENCE}; echo more >&2; exit 3",
    "prints it again": REFERENCE,
    "prints less": "cat in/given",
    "looks for the reference": "cat /tmp/left /tmp/*/left ../*/main /proc/[0-9]*/environ; ls",
    "prints too late": f"(sleep 0.5; {REFERENCE}) &",
    "prints without end": "yes",
}


def task(name: str, fields: dict[str, Any]) -> Task:
    """The case's task."""
    empty: dict[str, Any] = {"compile": [], "command": [], "input": "x\n", "fetch": []}
    tests = {"kind": "run", "file": "main", "files": GIVEN, "limits": LIMITS, **empty, **fields}
    if name == "after":
        tests["files"] = {}
    return Task(name, Style.PROGRAM, "", "", "", tests)


def compared() -> Task:
    """The task of those whose output is compared."""
    limits = {"run_s": 3.0, "total_s": 3.0, "memory_mb": 512}
    tests: dict[str, Any] = {"kind": "output", "language": "sh", "file": "main"}
    tests |= {"command": ["sh", "main"], "reference": REFERENCE, "files": GIVEN, "limits": limits}
    return Task("output", Style.PROGRAM, "", "", "", tests)


async def main(jail: str) -> dict[str, Any]:
    sandbox, found = open_sandbox(jail, 1), {}
    try:
        cases = [(task(name, fields), code) for name, (code, fields) in CASES.items()]
        cases += [(replace(compared(), task_id=name), code) for name, code in PRINTED.items()]
        for of, code in cases:
            name = of.task_id
            grade = await sandbox.grade(of, Program(name, 0, code, "program"))
            suite = grade.suites["base"]
            found[name] = {"verdict": suite.verdict.value, "extra": suite.extra}
    finally:
        await sandbox.close()
    return found


if __name__ == "__main__":
    json.dump(asyncio.run(main(sys.argv[1])), sys.stdout)
