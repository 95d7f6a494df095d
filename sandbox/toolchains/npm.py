"""Installs the packages of npm.txt without npm, which would bring four hundred of Debian's.

A line has a package's name, its version, and the SHA-256 of its archive. Nothing that a
package depends on is installed unless it has a line of its own. Packages come where Node's
global ones are (NODE_PATH), and their commands on the path.
"""

import hashlib
import http.client
import io
import json
import shutil
import tarfile
import urllib.request
from pathlib import Path

REGISTRY = "https://registry.npmjs.org"
HOME = Path("/usr/local/lib/node_modules")
COMMANDS = Path("/usr/local/bin")


def main() -> None:
    """Install all; note in not-installed what cannot be fetched and is not there either."""
    for line in Path("npm.txt").read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, version, sha256 = line.split()
        try:
            data = fetched(name, version)
        except (OSError, http.client.HTTPException) as error:
            if not (HOME / name / "package.json").is_file():
                why = " ".join(str(error).split())
                with open("not-installed", "a", encoding="utf-8") as notes:
                    notes.write(f"{name} {version}: the npm registry was not reached ({why})\n")
            continue
        if hashlib.sha256(data).hexdigest() != sha256:
            raise SystemExit(f"{name} {version} is another file than the one named in npm.txt")
        unpack(data, HOME / name)
        link_commands(HOME / name)


def fetched(name: str, version: str) -> bytes:
    """A package's archive. A scoped name ("@scope/name") has the scope in the address only.

    Raises:
        OSError: it cannot be fetched.
    """
    address = f"{REGISTRY}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
    with urllib.request.urlopen(address, timeout=120) as answer:
        data: bytes = answer.read()
    return data


def unpack(data: bytes, home: Path) -> None:
    """Put the archive's files into an empty folder, without its own first one."""
    shutil.rmtree(home, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            parts = member.name.split("/")[1:]
            if content is None or ".." in parts:
                continue
            path = home.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())


def link_commands(home: Path) -> None:
    """Put the commands that package.json names on the path."""
    described = json.loads((home / "package.json").read_text("utf-8"))
    commands = described.get("bin", {})
    if isinstance(commands, str):
        commands = {described["name"].rpartition("/")[2]: commands}
    for name, place in commands.items():
        (home / place).chmod(0o755)
        link = COMMANDS / name
        if link.is_symlink():
            link.unlink()
        if not link.exists():
            link.symlink_to(home / place)


if __name__ == "__main__":
    main()
