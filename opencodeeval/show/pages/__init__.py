"""Self-contained HTML pages: styles and scripts are inside, nothing is loaded from elsewhere.

Model output reaches a page in two ways only: as text that Jinja escapes, and as
JSON in inert script elements, plain or packed, that the page's script turns into text
nodes. The page also forbids every script but its own, by digest.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

# The length of a block in bytes of JSON, from which a new one is begun.
BLOCK = 1 << 20
FOLDER = Path(__file__).resolve().parent

# A JSON text inside <script> must not be able to end it (`</script>`), to open
# a comment (`<!--`), or to break lines where old parsers see them.
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def render(template: str, scripts: Sequence[str] = (), **values: Any) -> str:
    """A whole page from `template`; `scripts` names the files of JavaScript that it may run."""
    return "".join(render_pieces(template, scripts, **values))


def render_pieces(template: str, scripts: Sequence[str] = (), **values: Any) -> Iterator[str]:
    """A page as `render` makes it, in pieces; a `values` iterator is read as far as they are."""
    text = "\n".join(map(_file, ("page.js", *scripts)))
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    page = environment(autoescape=True).get_template(template)
    return page.generate(
        style=Markup(_file("page.css")), script=Markup(text), script_digest=digest, **values
    )


def environment(autoescape: bool) -> jinja2.Environment:
    """Templates of this folder; only Markdown is made without `autoescape`."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        percent=percent,
        place=place,
        bars=bars,
        breakable=breakable,
        embedded=embedded,
        md=markdown_text,
        web=web_address,
    )
    made.tests["has"] = lambda mapping, key: key in mapping
    return made


def percent(share: float) -> str:
    """A share of 1 as a score: 0.439 is "43.9"."""
    return f"{100 * share:.1f}"


def place(share: float) -> str:
    """A share of 1 as a length in CSS."""
    return f"{100 * share:.2f}%"


def bars(difference: float) -> str:
    """A difference in units of the error bar, with its sign; zero has none."""
    text = f"{difference:+.1f}"
    return f"{text if float(text) else '0.0'} bars"


def breakable(name: str) -> Markup:
    """A name that may be broken after its slashes."""
    return Markup("/<wbr>").join(escape(part) for part in name.split("/"))


def markdown_text(text: object) -> str:
    """Text escaped so that Markdown shows it unchanged, also in a table cell."""
    escaped = re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", str(text).replace("&", "&amp;"))
    return " ".join(escaped.split())


def web_address(link: str) -> str:
    """A web address with what would end a link of Markdown, or a table's cell, escaped."""
    return quote(link, safe="%/:?&=#+,;@~!$*'")


def embedded(value: Any) -> Markup:
    """JSON that is safe inside a script element, whatever its texts are."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Lone surrogates are legal in JSON and Python, but not in UTF-8.
    safe = text.translate(_ESCAPES).encode("utf-8", "backslashreplace").decode("utf-8")
    return Markup(safe)


class Block(NamedTuple):
    """Values packed together: JSON Lines, compressed with gzip, as base64."""

    first: int
    length: int
    text: str


def packed(values: Iterable[Any]) -> Iterator[Block]:
    """The values in blocks of about a mebibyte of JSON, for pages that show few of many at a time.

    A browser holds such a block as one short text, and unpacks it when it is shown.
    """
    first, lines, size = 0, list[bytes](), 0
    for value in values:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        # Lone surrogates are legal in JSON and Python, but not in UTF-8.
        lines.append(text.encode("utf-8", "backslashreplace"))
        size += len(lines[-1])
        if size >= BLOCK:
            yield _block(first, lines)
            first, lines, size = first + len(lines), [], 0
    if lines:
        yield _block(first, lines)


def _block(first: int, lines: Sequence[bytes]) -> Block:
    # Without a time stamp: the same run makes the same page.
    data = gzip.compress(b"\n".join(lines), mtime=0)
    return Block(first, len(lines), base64.b64encode(data).decode())


def _file(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")
