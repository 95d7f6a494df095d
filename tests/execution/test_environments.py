"""Environments: how they are described, found, prepared, and what programs find in them."""

from __future__ import annotations

import asyncio
import http.server
import importlib.util
import io
import ipaddress
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.cli.main import main
from opencodeeval.core.errors import SandboxError, UsageError
from opencodeeval.core.paths import sandbox_dir
from opencodeeval.core.types import Grade, Program, Style, Task, Verdict
from opencodeeval.execution import environments, guest, images, prepared
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.environments import Environment, environment_of, read_environment
from opencodeeval.execution.interpreter import base_interpreter, is_free, of_environment
from opencodeeval.execution.jails import docker, local
from opencodeeval.execution.jails.base import Wanted, started
from opencodeeval.execution.prepared import Prepared

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def described(
    folder: Path, warm: str = '["json"]', pins: str = "", python: str = VERSION
) -> Environment:
    """An environment of our own, as its folder describes it."""
    folder.mkdir()
    (folder / "environment.toml").write_text(
        f'python = "{python}"\nwarm = {warm}\n[environ]\nTZ = "XYZ-3"\nCOLOUR = "green"\n'
    )
    (folder / "requirements.txt").write_text(pins)
    return environment_of(folder)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with two modules of our own."""
    base = tmp_path_factory.mktemp("environments")
    folder = base / "venv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(base / "data"))
        made = prepared.prepare(described(base / "tiny"), folder, base_interpreter(), print)
    assert made.folder == folder.resolve()
    packages = folder / "lib" / f"python{VERSION}" / "site-packages"
    (packages / "wares.py").write_text("PRICE = 7\n")
    (packages / "restless.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    return folder


@pytest.fixture(autouse=True)
def _own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is prepared here is not remembered for anybody else."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("OPENCODEEVAL_TINY_ENV", raising=False)


# --- described ---


def test_an_environment_is_what_its_folder_says(tmp_path: Path) -> None:
    tiny = described(tmp_path / "tiny", '["json", "csv"]', "A_b.c==1.0 # why\n\n# no\nd\n")
    assert (tiny.name, tiny.python, tiny.warm) == ("tiny", VERSION, ("json", "csv"))
    assert tiny.pins() == {"a-b-c": "1.0", "d": ""}
    assert tiny.config() == {
        "warm": ["json", "csv"],
        "environ": {"TZ": "XYZ-3", "COLOUR": "green"},
    }
    assert [path.name for path in tiny.recipe] == ["environment.toml", "requirements.txt"]


def test_the_plain_environment_has_nothing() -> None:
    plain = read_environment("")
    assert (plain.config(), plain.recipe, plain.name) == ({}, [], "")


def test_an_environment_that_does_not_exist_is_answered_with_those_that_do() -> None:
    assert "bigcodebench" in environments.names()
    with pytest.raises(UsageError, match="'bigcode'; did you mean bigcodebench"):
        read_environment("bigcode")


# --- found ---


def test_without_a_prepared_environment_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    message = (
        "needs a prepared tiny environment, and there is none: run `opencodeeval sandbox build "
        rf"tiny --local DIR` \(Python {VERSION}; DIR may be"
    )
    with pytest.raises(SandboxError, match=message):
        prepared.find(described(tmp_path / "tiny"))


def test_a_variable_names_another_environment(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = described(tmp_path / "tiny")
    monkeypatch.setenv("OPENCODEEVAL_TINY_ENV", str(tiny))
    assert prepared.find(environment).folder == tiny.resolve()
    monkeypatch.setenv("OPENCODEEVAL_TINY_ENV", str(tmp_path))
    with pytest.raises(SandboxError, match=f"OPENCODEEVAL_TINY_ENV names {tmp_path}, which has no"):
        prepared.find(environment)


def test_an_environment_of_another_python_is_refused(tiny: Path, tmp_path: Path) -> None:
    other = described(tmp_path / "tiny", python="3.1")
    with pytest.raises(SandboxError, match=rf"has Python {VERSION}\.\d+, but tiny needs 3.1: prep"):
        prepared.examine(other, tiny)


@pytest.mark.parametrize(
    ("interpreter", "why"),
    [("/bin/sh\necho broken >&2\nexit 1", "broken"), ("/no", "No such file")],
)
def test_an_interpreter_that_does_not_run_is_named_with_its_reason(
    interpreter: str, why: str, tmp_path: Path
) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!{interpreter}\n")
    python.chmod(0o755)
    with pytest.raises(SandboxError, match=rf"{python} does not run \({why}.*\): prepare"):
        prepared.examine(described(tmp_path / "tiny"), tmp_path / "venv")


# --- prepared ---


def test_what_is_prepared_is_remembered(tiny: Path, tmp_path: Path) -> None:
    environment, said = described(tmp_path / "tiny"), list[str]()
    prepared.prepare(environment, tiny, None, said.append)
    assert prepared.find(environment).folder == tiny.resolve()
    prepared.prepare(environment, tiny, None, said.append)
    assert said == []


def test_differences_from_the_pins_are_told(tmp_path: Path) -> None:
    pins = "one==1.0\nTwo_x==2.1\nthree==3\nfour\n"
    environment = described(tmp_path / "tiny", pins=pins)
    there = Prepared(tmp_path, VERSION, "", {"one": "1.0.0", "two-x": "2.2"})
    assert prepared.differences(environment, there) == [
        "two-x 2.2 instead of 2.1",
        "no three 3",
        "no four",
    ]


def test_environments_with_other_packages_have_other_digests(tmp_path: Path) -> None:
    packages = [{"a": "1"}, {"a": "2"}, {}]
    made = [Prepared(tmp_path, VERSION, "", each) for each in packages]
    assert len({each.digest for each in made}) == 3
    assert made[0].digest == Prepared(Path("/other"), VERSION, "/x", {"a": "1"}).digest


def test_without_its_python_an_environment_cannot_be_made(tmp_path: Path) -> None:
    other = described(tmp_path / "tiny", python="3.1")
    with pytest.raises(SandboxError, match=r"there is no python3\.1 on the PATH: install it, or"):
        prepared.prepare(other, tmp_path / "venv", None, print)


def test_packages_that_cannot_be_installed_end_the_preparation(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_NO_INDEX", "PIP_QUIET"):
        monkeypatch.setenv(name, "1")
    environment, said = (
        described(tmp_path / "tiny", pins="no-such-package-at-all==1\n"),
        list[str](),
    )
    with pytest.raises(SandboxError, match="the packages could not be installed: see above what"):
        prepared.prepare(environment, tiny, None, said.append)
    assert said == [f"installing tiny's packages into {tiny}: this takes a while"]


# --- what programs find ---


def graded(environment: Environment, program: str, check: str) -> Grade:
    return graded_in(local.JAIL.open(Wanted(1, lambda _: None, environment)), program, check)


def graded_in(sandbox: Sandbox, program: str, check: str) -> Grade:
    test = (
        "import unittest\nclass TestCases(unittest.TestCase):\n"
        f"    def test_one(self):\n        {check}\n"
    )
    tests = {
        "kind": "unittest",
        "entry_point": "task_func",
        "test": test,
        "reference": program,
        "must_run": ["test_one"],
        "limits": {"total_s": 10.0, "memory_mb": 1024},
    }
    task = Task("environment", Style.UNITTEST, "", "task_func", program, tests)

    async def run() -> Grade:
        try:
            return await sandbox.grade(task, Program("environment", 0, program, "program"))
        finally:
            await sandbox.close()

    return asyncio.run(run())


def test_programs_find_what_is_warm_and_the_variables(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCODEEVAL_TINY_ENV", str(tiny))
    program = (
        "import os, sys, time\nwarm = 'wares' in sys.modules\nimport wares\n"
        "def task_func():\n"
        "    return warm, wares.PRICE, os.environ['COLOUR'], time.timezone, "
        "os.environ['OMP_NUM_THREADS']\n"
    )
    check = "self.assertEqual(task_func(), ({}, 7, 'green', -10800, '1'))"
    warm = described(tmp_path / "tiny", '["wares"]')
    assert graded(warm, program, check.format(True)).suites["base"].verdict is Verdict.PASSED
    (tmp_path / "other").mkdir()
    cold = described(tmp_path / "other" / "tiny")
    assert graded(cold, program, check.format(False)).suites["base"].verdict is Verdict.PASSED


def test_programs_start_the_environment_s_python_by_name(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCODEEVAL_TINY_ENV", str(tiny))
    program = (
        "import subprocess\ndef task_func():\n"
        "    command = ['python', '-c', 'import wares; print(wares.PRICE)']\n"
        "    return subprocess.check_output(command)\n"
    )
    check = "self.assertEqual(task_func(), b'7\\n')"
    environment = described(tmp_path / "tiny")
    assert graded(environment, program, check).suites["base"].verdict is Verdict.PASSED


def test_programs_start_the_environment_s_scripts_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first line of a script is the name under which its environment was made."""
    environment = described(tmp_path / "tiny")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as base:
        folder = Path(base) / "venv"
        prepared.prepare(environment, folder, base_interpreter(), print)
        monkeypatch.setenv("OPENCODEEVAL_TINY_ENV", str(folder))
        program = (
            "import subprocess\ndef task_func():\n"
            "    return subprocess.check_output(['pip', '--version'], text=True)\n"
        )
        check = "self.assertIn('/site-packages/pip (python ', task_func())"
        grade = graded(environment, program, check)
    assert grade.suites["base"].verdict is Verdict.PASSED


HELLO = "import os, sys, wares\nprint('hello', wares.PRICE, sys.prefix, *sys.argv[1:])\n"
LONG = "#!/bin/sh\n'''exec' {0}{1}/bin/python{0} \"$0\" \"$@\"\n' '''\n"


def test_scripts_start_wherever_their_environment_lies(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The jail has nothing at the path in their first line: it has a /tmp of its own."""
    assert not is_free(str(tiny), ())
    (tmp_path / "another name").symlink_to(tiny)
    (tmp_path / "link").symlink_to(tiny)
    first_lines = {
        "plain": f"#!{tiny}/bin/python\n",
        "version": f"#!{tiny}/bin/python{VERSION}\n",
        "option": f"#! {tiny}/bin/python3 -I\n",
        "long": LONG.format("", tiny),
        "spaces": LONG.format('"', tmp_path / "another name"),
        "quoted": LONG.format("'", tiny),
        "linked": f"#!{tmp_path}/link/bin/python\n",
        "moved": "#!/where/it/was/bin/python3\n",
        "usual": "#!/usr/bin/env python3\n",
    }
    for name, first_line in first_lines.items():
        script = tiny / "bin" / f"hello-{name}"
        script.write_text(first_line + HELLO)
        script.chmod(0o755)
    (tiny / "bin" / "hello-nobody").symlink_to("nothing")
    program = (
        "import os, shutil, subprocess\ndef task_func(name):\n"
        "    said = subprocess.check_output(['hello-' + name, 'all'], text=True)\n"
        "    path = shutil.which('hello-' + name)\n"
        "    return said.split(), path, is_open(path)\n"
        "def is_open(path):\n"
        "    for change in (os.remove, os.utime, lambda path: open(path, 'a')):\n"
        "        try:\n            change(path)\n            return True\n"
        "        except OSError:\n            pass\n"
        f"    return os.path.exists({str(tiny)!r})\n"
    )
    check = (
        f"place = '{local.GUEST}/environment'\n"
        f"        for name in {list(first_lines)}:\n"
        "            said, path, is_open = task_func(name)\n"
        "            self.assertEqual(said, ['hello', '7', place, 'all'], name)\n"
        "            self.assertEqual(path, place + '/bin/hello-' + name)\n"
        "            self.assertFalse(is_open, name)\n"
    )
    monkeypatch.setenv("OPENCODEEVAL_TINY_ENV", str(tiny))
    suite = graded(described(tmp_path / "tiny"), program, check).suites["base"]
    assert suite.verdict is Verdict.PASSED, suite
    for name, first_line in first_lines.items():
        assert (tiny / "bin" / f"hello-{name}").read_text() == first_line + HELLO


def test_an_environment_has_its_own_name_where_the_jail_has_nothing_of_that_name() -> None:
    """Scripts like pip begin with it."""
    assert is_free("/srv/wares", ("/usr", "/opt/python"))
    assert is_free("/tmpfiles/wares", ("/usr", "/opt/python"))
    for name in ("/tmp/wares", "/usr/lib/wares", "/opt/python/wares"):
        assert not is_free(name, ("/usr", "/opt/python"))


def test_an_environment_may_lie_where_the_jail_shows_it() -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as base:
        folder = Path(base) / "venv"
        subprocess.check_call([base_interpreter(), "-m", "venv", "--without-pip", folder])
        python = of_environment(folder, sys.base_prefix, str(folder))
        slot = started(lambda: local.LocalSlot(python))
        slot.kill()
        slot.release()
    assert python.links == ()


def test_a_python_that_no_jail_can_show_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In /tmp programs have files of their own: it could not be told from theirs."""
    for name in ("lib/python3", "bin"):
        (tmp_path / "venv" / name).mkdir(parents=True)
    facts = {"python": f"{VERSION}.0", "base_prefix": "/tmp/python", "packages": {}}
    python = tmp_path / "venv" / "bin" / "python"
    python.write_text(f"#!/bin/sh\necho '{json.dumps(facts)}'\n")
    python.chmod(0o755)
    monkeypatch.setenv("OPENCODEEVAL_TINY_ENV", str(tmp_path / "venv"))
    with pytest.raises(SandboxError, match=r"no local sandbox: Python lies in /tmp/python, and"):
        local.JAIL.open(Wanted(1, print, described(tmp_path / "tiny")))
    monkeypatch.setattr(sys, "base_prefix", "/tmp/python")
    main(["sandbox", "status"])
    assert "Python lies in /tmp/python" in " ".join(capsys.readouterr().out.split())


def test_a_module_that_starts_threads_keeps_the_jail_from_starting(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCODEEVAL_TINY_ENV", str(tiny))
    restless = described(tmp_path / "tiny", '["wares", "restless"]')
    message = "importing starts threads, so it cannot be done ahead: restless"
    with pytest.raises(SandboxError, match=message):
        local.JAIL.open(Wanted(1, lambda _: None, restless))


def test_a_warm_module_that_is_not_there_is_told(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENCODEEVAL_TINY_ENV", str(tiny))
    lacking, said = described(tmp_path / "tiny", '["wares", "absent"]', "x==1\n"), list[str]()
    sandbox = local.JAIL.open(Wanted(1, said.append, lacking))
    about = sandbox.describe()
    asyncio.run(sandbox.close())
    assert "not in the environment: absent" in about["weaker"]
    assert about["not_as_pinned"] == ["no x 1"]
    assert about["environment"] == "tiny"
    assert about["packages_sha256"] == prepared.find(lacking).digest
    assert "not in the environment: absent" in said[-1]


# --- the image ---


@pytest.mark.docker
def test_a_small_image_of_bigcodebench_s_recipe_grades_and_tells_what_it_lacks(
    guest_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its Dockerfile, with no packages: all of them are 3 GB and take a quarter of an hour."""
    context = tmp_path / "sandbox"
    shutil.copytree(sandbox_dir(), context, ignore=shutil.ignore_patterns("__pycache__"))
    engine = docker.client()
    say_version = "import sys; print('%d.%d' % sys.version_info[:2])"
    python = engine.containers.run(guest_image, ["python3", "-c", say_version], remove=True)
    folder = context / "bigcodebench"
    for name in ("requirements.txt", "packages.txt"):
        (folder / name).write_text("# nothing\n")
    (folder / "nltk_data.txt").write_text("# one\npunkt\n")
    recipe = '\nwarm = ["json"]\n[environ]\nCOLOUR = "blue"\n'
    for module in (images, guest):
        monkeypatch.setattr(module, "sandbox_dir", lambda: context)

    (folder / "environment.toml").write_text(f'python = "2.7"{recipe}')
    with pytest.raises(SandboxError, match=r'another Python than.*python = "2\.7"'):
        images.build_image(guest_image, print, environment_of(folder))

    (folder / "environment.toml").write_text(f'python = "{python.decode().strip()}"{recipe}')
    environment, said = environment_of(folder), list[str]()
    name = images.build_image(guest_image, said.append, environment)
    try:
        assert name.startswith("opencodeeval-sandbox-bigcodebench:")
        assert said[-1:] == [
            f"{name} lacks downloads that could not be reached: NLTK's data: punkt"
        ]
        program = (
            "import os, sys\nwarm = 'json' in sys.modules\n"
            "def task_func():\n    return warm, os.environ['COLOUR']\n"
        )
        check = "self.assertEqual(task_func(), (True, 'blue'))"
        sandbox = docker.JAIL.open(Wanted(1, print, environment))
        assert sandbox.describe()["image"] == name
        grade = graded_in(sandbox, program, check)
        assert grade.suites["base"].verdict is Verdict.PASSED
    finally:
        engine.images.remove(name, force=True)


@pytest.fixture
def wares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of toolchains, without one yet, in a copy of the sandbox's folder."""
    context = tmp_path / "sandbox"
    shutil.copytree(sandbox_dir(), context, ignore=shutil.ignore_patterns("__pycache__"))
    for module in (images, guest):
        monkeypatch.setattr(module, "sandbox_dir", lambda: context)
    folder = context / "wares"
    folder.mkdir()
    (folder / "packages.txt").write_text("# none\n")
    return folder


@pytest.mark.docker
def test_an_environment_of_toolchains_is_a_folder_of_data(guest_image: str, wares: Path) -> None:
    (wares / "prepare.sh").write_text(
        "printf '#!/bin/sh\\necho 7.2\\n' >/usr/local/bin/ware\nchmod +x /usr/local/bin/ware\n"
    )
    toolchain = 'commands = ["{0}"]\nask = ["{0}"]\npackages = "{0}"\n'
    (wares / "environment.toml").write_text(
        "[environ]\n"
        + "".join(f"[toolchains.{name}]\n{toolchain.format(name)}" for name in ("ware", "absent"))
    )
    environment, said = environment_of(wares), list[str]()
    assert {"packages.txt", "Dockerfile", "npm.py"} <= {path.name for path in environment.recipe}
    name = images.build_image(guest_image, said.append, environment)
    try:
        assert name.startswith("opencodeeval-sandbox-wares:")
        assert len(said) == 1
        sandbox = docker.JAIL.open(Wanted(1, print, environment))
        assert sandbox.describe()["toolchains"] == {"ware": "7.2"}
        asyncio.run(sandbox.close())
    finally:
        docker.client().images.remove(name, force=True)


@pytest.mark.docker
def test_what_a_build_could_not_reach_is_looked_for_again(
    guest_image: str, wares: Path, tmp_path: Path
) -> None:
    """Docker keeps what a step has made, also of one that went on without its download."""
    (wares / "environment.toml").write_text(
        '[environ]\n[toolchains.sh]\ncommands = ["sh"]\nask = ["sh", "-c", "echo 1"]\n'
        'packages = "none"\n'
    )
    (net, *_) = docker.client().networks.get("bridge").attrs["IPAM"]["Config"]
    # The host, as a build sees it.
    bridge = net.get("Gateway") or ipaddress.ip_network(net["Subnet"])[1]
    server = http.server.ThreadingHTTPServer(
        ("0.0.0.0", 0), partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    )
    (wares / "prepare.sh").write_text(
        "python3 -c 'import urllib.request; "
        f'urllib.request.urlopen("http://{bridge}:{server.server_port}/ware", timeout=20)\' '
        "|| echo a ware >>not-installed\n"
    )
    environment = environment_of(wares)
    # There is no such file yet.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        said = list[str]()
        name = images.build_image(guest_image, said.append, environment)
        assert said[-1].endswith("lacks downloads that could not be reached: a ware")
        (tmp_path / "ware").write_text("here")
        images.build_image(guest_image, said.append, environment)
        assert said[-1] == "an earlier build lacked downloads: building all of it again"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        docker.client().images.remove(name, force=True)


def npm_packages() -> Any:
    """The module that installs npm packages in an image."""
    path = sandbox_dir() / "toolchains" / "npm.py"
    spec = importlib.util.spec_from_file_location("npm_packages", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_package_of_npm_has_its_commands_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm, content = npm_packages(), io.BytesIO()
    described = {"name": "@some/ware", "bin": "./cli.js"}
    files = {"package/package.json": json.dumps(described), "package/cli.js": "#!/bin/sh\necho 7\n"}
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in {**files, "package/../../out": "no"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    monkeypatch.setattr(npm, "COMMANDS", tmp_path)
    npm.unpack(content.getvalue(), tmp_path / "modules" / "@some" / "ware")
    npm.link_commands(tmp_path / "modules" / "@some" / "ware")
    assert subprocess.check_output([tmp_path / "ware"]) == b"7\n"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "cli.js",
        "package.json",
        "ware",
    ]


def test_a_package_of_npm_is_the_one_that_is_named_or_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Served from a folder: an archive of another content, and none."""
    npm = npm_packages()
    (tmp_path / "ware" / "-").mkdir(parents=True)
    (tmp_path / "ware" / "-" / "ware-1.0.tgz").write_bytes(b"another")
    monkeypatch.setattr(npm, "REGISTRY", tmp_path.as_uri())
    monkeypatch.setattr(npm, "HOME", tmp_path / "modules")
    monkeypatch.chdir(tmp_path)
    Path("npm.txt").write_text(f"# why\nware 1.0 {'0' * 64}\n")
    with pytest.raises(SystemExit, match=r"ware 1\.0 is another file than the one named"):
        npm.main()
    Path("npm.txt").write_text(f"ware 2.0 {'0' * 64}\n")
    npm.main()
    (said,) = Path("not-installed").read_text().splitlines()
    assert said.startswith("ware 2.0: the npm registry was not reached (")


# --- the command ---


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("nosuch --local DIR", 2, "there is no environment 'nosuch'; available: bigcodebench"),
        ("nosuch", 2, "there is no environment 'nosuch'; available: bigcodebench"),
        ("--local DIR", 2, "--local DIR needs an environment to build: name one"),
        ("bigcodebench --python x", 2, "--python needs --local: add --local DIR"),
        ("bigcodebench --local DIR --base-image x", 2, "--base-image is for Docker images only"),
        ("bigcodebench --local DIR --python /no/python", 5, "/no/python cannot be run"),
    ],
)
def test_what_cannot_be_built_is_said_plainly(
    arguments: str, status: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tmp_path / "venv") if word == "DIR" else word for word in arguments.split()]
    assert main(["sandbox", "build", *words]) == status
    assert message in capsys.readouterr().err
    assert not (tmp_path / "venv").exists()


def test_a_prepared_folder_of_another_python_is_refused_by_the_command(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if read_environment("bigcodebench").python == VERSION:
        pytest.skip("this Python is the one that BigCodeBench needs")
    assert main(["sandbox", "build", "bigcodebench", "--local", str(tiny)]) == 5
    assert "but bigcodebench needs 3.10: prepare a folder of that version" in (
        capsys.readouterr().err
    )
