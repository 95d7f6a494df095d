"""Variants found by looking: ours in a folder, other people's by entry point, and what is refused.

The seam is one of backends that hold nothing but a word; the distributions are real ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from opencodeeval.core.errors import ExtensionError, UsageError
from opencodeeval.core.extensions import Seam
from tests.support.distributions import install

GROUP = "opencodeeval.words"


@pytest.fixture
def seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Seam[str]:
    """Ours are `loud` and `very-quiet`; `helper` is a module that they share."""
    package = install(tmp_path / "ours", "word_modules", {}, monkeypatch)
    (package / "loud.py").write_text('WORD = "LOUD"\n')
    (package / "very_quiet.py").write_text("from word_modules.helper import word\nWORD: str = word")
    (package / "helper.py").write_text('word = "quiet"  # no WORD is defined here\n')
    return Seam("word", "word_modules", "WORD", str)


def theirs(site: Path, patch: pytest.MonkeyPatch, code: str, name: str = "soft") -> None:
    package = install(site, "theirs", {GROUP: {name: "theirs.soft:WORD"}}, patch)
    (package / "soft.py").write_text(code)


def test_ours_are_the_modules_that_define_the_constant(seam: Seam[str]) -> None:
    assert seam.names() == ["loud", "very-quiet"]
    assert seam.load("very-quiet") == "quiet"


def test_listing_names_imports_nothing(
    seam: Seam[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs(tmp_path / "site", monkeypatch, "raise SystemExit\n")
    assert seam.names() == ["loud", "very-quiet", "soft"]
    assert not {"word_modules.loud", "theirs.soft", "theirs"} & set(sys.modules)


def test_another_distribution_s_is_loaded_by_its_name(
    seam: Seam[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs(tmp_path / "site", monkeypatch, 'WORD = "soft"\n')
    assert seam.load("soft") == "soft"
    assert seam.load_all() == {"loud": "LOUD", "very-quiet": "quiet", "soft": "soft"}


def test_a_name_that_is_none_is_refused_with_those_that_are(seam: Seam[str]) -> None:
    with pytest.raises(UsageError, match=r"^there is no word 'x'; available: loud, very-quiet$"):
        seam.load("x")
    with pytest.raises(UsageError, match=r"did you mean loud\? Available: loud, very-quiet"):
        seam.load("laud")


def test_two_of_one_name_are_refused_with_both_places(
    seam: Seam[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs(tmp_path / "site", monkeypatch, 'WORD = "soft"\n', name="loud")
    ours = tmp_path / "ours" / "word_modules" / "loud.py"
    with pytest.raises(ExtensionError) as refused:
        seam.load("very-quiet")
    assert str(refused.value) == (
        f"two words are named loud: {ours} and theirs.soft:WORD of theirs; uninstall or rename one"
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nowhere_at_all\n", "(ModuleNotFoundError: No module named 'nowhere_at_all')"),
        ("raise ValueError('first\\nsecond')\n", "(ValueError: first): fix or uninstall it"),
        ("word = 1\n", "theirs.soft:WORD of theirs defines no WORD that is a str"),
        ("WORD = 3\n", "theirs.soft:WORD of theirs defines no WORD that is a str"),
    ],
)
def test_one_that_cannot_be_used_is_named_with_the_cause(
    seam: Seam[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    theirs(tmp_path / "site", monkeypatch, code)
    with pytest.raises(ExtensionError) as refused:
        seam.load("soft")
    assert words in str(refused.value)
    assert "second" not in str(refused.value)
    assert seam.load("loud") == "LOUD"  # the others are not harmed
