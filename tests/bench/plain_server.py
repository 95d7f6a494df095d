"""A server as many write it: an interpreter for each test, without a sandbox.

`POST /` takes {"program", "runs": [{"input", "output"}]}; a run passes if it ends with
status 0, having printed the output where one is given. So many runs go on at once as the
first argument says; the second is the port.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

TIME_LIMIT_S = 20


async def _passes(file: Path, run: dict[str, str | None]) -> bool:
    async with places:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(file),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        given = (run["input"] or "").encode()
        printed, _ = await asyncio.wait_for(process.communicate(given), TIME_LIMIT_S)
    expected = run["output"]
    same = expected is None or printed.decode().split() == expected.split()
    return process.returncode == 0 and same


async def grade(request: Request) -> JSONResponse:
    """Run a program until a test fails."""
    asked = json.loads(await request.body())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "program.py"
        file.write_text(asked["program"])
        for run in asked["runs"]:
            if not await _passes(file, run):
                return JSONResponse({"passed": False})
    return JSONResponse({"passed": True})


if __name__ == "__main__":
    places = asyncio.Semaphore(int(sys.argv[1]))
    app = Starlette(routes=[Route("/", grade, methods=["POST"])])
    # uvloop fails where a program ends before it has read its input.
    uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False, loop="asyncio")
