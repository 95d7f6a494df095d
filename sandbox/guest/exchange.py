"""Values between a program and tests that run in another process, typed and by value.

Unlike codec.py, which carries what a judge compares, this carries what tests use: what
arrives has the type that was sent, for tests look at types. Exact types only, of the
standard library, NumPy and pandas; a value of any other type does not cross (`Uncrossable`).
An instance of a program's own subclass of such a type arrives as its base value, an iterator
as one over what comes out of it. Nothing is unpickled or evaluated, and no class is made that
this module does not name.
"""

from __future__ import annotations

import json
from typing import Any, Optional

from .exchange_arguments import Given
from .exchange_decoder import Decoder
from .exchange_encoder import Encoder
from .exchange_zones import Malformed as Malformed
from .exchange_zones import Uncrossable as Uncrossable

_text = json.JSONEncoder(separators=(",", ":")).encode
_parse = json.JSONDecoder(parse_constant=float).decode  # each nan an object of its own


def encode(value: Any) -> str:
    """ASCII text without a newline.

    Raises:
        Uncrossable: the value, or a part of it, is of a type that does not cross.
    """
    return encoded_by(Encoder(), value)


def encoded_by(encoder: Encoder, value: Any) -> str:
    """The text that an encoder makes of a value; raises as `encode` does."""
    try:
        return _text(encoder.tree(value, 0))
    except (ValueError, RecursionError) as error:
        raise Uncrossable(type(error).__name__) from None


def decode(text: Any, given: Optional[Given] = None) -> Any:
    """The value of an encoding; `given` has, or gets, what a call's arguments are made of.

    Raises:
        Malformed: it is none.
    """
    try:
        return Decoder(given).value(_parse(text if isinstance(text, str) else text.decode("ascii")))
    except Malformed:
        raise
    except Exception as error:  # of whatever was to be made out of it
        raise Malformed(f"{type(error).__name__}: {error}"[:200]) from None
