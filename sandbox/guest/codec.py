"""Plain Python values as typed JSON text, and back.

JSON's own values stand for None, bool, int, float, str and list; everything
else is an object with exactly one key, its tag. A subclass of a plain type
crosses as its base value, and so does what the standard library compares by value
(mappings, sets, UserList and the like). A value of any other type is an opaque token
that equals nothing but itself, with its items where it can be iterated over. Nothing is ever
unpickled or evaluated, so hostile text can at worst be refused (`Malformed`).
"""

from __future__ import annotations

from .codec_decoder import (
    Iterable,
    Opaque,
    decode,
    few_alike,
    from_tree,
    hashed_parts,
    holds_sets,
    parse_json,
)
from .codec_encoder import encode, opaque, type_name
from .codec_limits import (
    MAX_ALIKE,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_HASHED,
    MAX_NODES,
    SCALARS,
    Malformed,
    TooBig,
    TooMany,
)

__all__ = [
    "MAX_ALIKE",
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_HASHED",
    "MAX_NODES",
    "SCALARS",
    "Iterable",
    "Malformed",
    "Opaque",
    "TooBig",
    "TooMany",
    "decode",
    "encode",
    "few_alike",
    "from_tree",
    "hashed_parts",
    "holds_sets",
    "opaque",
    "parse_json",
    "type_name",
]
