"""Programs of the kind "run", one after the other in one slot: what each did, as JSON.

`python -m tests.sandbox.run_cases JAIL`; a process of its own, for it may run as another user.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
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
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "python": ("print(input() + open('in/given').read())", {"input": "x\n", "files": GIVEN}),
    "command": ("read x; cat in/given; echo $x; exit 4", {"command": ["bash", "main"]}),
    "compiled": ("echo made > out", {"compile": ["bash", "main"], "command": ["cat", "out"]}),
    "not compiled": ("echo no >&2; exit 1", {"compile": ["bash", "main"], "command": ["true"]}),
    "no such command": ("x", {"command": ["no-such-command"]}),
    "links": (LINKS, {"fetch": ["kept", "link", "pipe", "zero", "folder", "absent"]}),
    "leaves": (LEAVES, {"fetch": ["late"]}),
    "after": ("import os\nprint(os.listdir('.'))", {}),
}


def task(name: str, fields: dict[str, Any]) -> Task:
    """The case's task."""
    empty: dict[str, Any] = {"compile": [], "command": [], "input": "x\n", "fetch": []}
    tests = {"kind": "run", "file": "main", "files": GIVEN, "limits": LIMITS, **empty, **fields}
    if name == "after":
        tests["files"] = {}
    return Task(name, Style.PROGRAM, "", "", "", tests)


async def main(jail: str) -> dict[str, Any]:
    sandbox, found = open_sandbox(jail, 1), {}
    try:
        for name, (code, fields) in CASES.items():
            grade = await sandbox.grade(task(name, fields), Program(name, 0, code, "program"))
            suite = grade.suites["base"]
            found[name] = {"verdict": suite.verdict.value, "extra": suite.extra}
    finally:
        await sandbox.close()
    return found


if __name__ == "__main__":
    json.dump(asyncio.run(main(sys.argv[1])), sys.stdout)
