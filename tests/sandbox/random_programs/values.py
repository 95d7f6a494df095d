"""Fragments that make a value lie: each defines `wrap`, which takes the value to be returned."""

from __future__ import annotations

WRAPPING = r"""
# always-equal
class Equal(type(value)):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return <small>
    def __bool__(self): return True
wrap = Equal
# equal-to-anything
class Anything:
    __eq__ = __le__ = __ge__ = __contains__ = __bool__ = lambda *_: True
    __ne__ = __lt__ = __gt__ = lambda *_: False
    __hash__ = lambda self: <small>
    __len__ = __index__ = __int__ = lambda self: <small>
    __float__ = lambda self: float(<small>)
    __iter__ = lambda self: iter([Anything()] * <small>)
    __getitem__ = lambda self, key: Anything()
    __sub__ = __rsub__ = __add__ = __radd__ = __abs__ = __truediv__ = lambda *_: 0
    __str__ = __repr__ = lambda self: "<word>"
wrap = lambda value: Anything()
# class-property
class Disguised:
    def __init__(self, value): self.value = value
    __class__ = property(lambda self: type(self.value))
    __eq__ = lambda *_: True
    __hash__ = None
wrap = Disguised
# attributes-forwarded
class Proxy:
    def __init__(self, value): object.__setattr__(self, "value", value)
    def __getattribute__(self, name):
        return getattr(object.__getattribute__(self, "value"), name)
    def __eq__(self, other): return True
wrap = Proxy
# array-of-lies
import numpy
class Lying(numpy.ndarray):
    def __eq__(self, other): return numpy.ones(1, bool)
    def __array_ufunc__(self, *_, **__): return numpy.ones(1, bool)
    def __array_function__(self, *_, **__): return True
    def all(self, *_, **__): return True
wrap = lambda value: numpy.asarray(value).view(Lying)
# array-protocol
import numpy
class Array:
    __array_priority__ = 1e9
    def __init__(self, value): self.value = value
    def __array__(self, *_, **__): <leave>
    def __array_ufunc__(self, *_, **__): return True
    def __array_function__(self, *_, **__): return True
    __array_interface__ = property(lambda self: <object>)
    __eq__ = lambda *_: True
wrap = Array
# array-of-objects
import numpy
class Equal:
    __eq__ = lambda *_: True
wrap = lambda value: numpy.array([Equal()] * <small>, dtype=object)
# array-huge
import numpy
wrap = lambda value: numpy.broadcast_to(numpy.float64(<small>), (<large>, 40))
# array-of-void
import numpy
wrap = lambda value: numpy.zeros(<small>, dtype=[("<word>", "V<medium>")])
# array-odd-types
import numpy
wrap = lambda value: numpy.array([<number>], dtype="<dtype>")
# array-masked
import numpy
wrap = lambda value: numpy.ma.masked_all(<small>)
# array-freed
import numpy, ctypes
def wrap(value):
    array = numpy.zeros(4)
    ctypes.c_size_t.from_address(id(array) + 16).value = <small>
    return array
# mock-any
from unittest import mock
wrap = lambda value: mock.<mock>
# container-overridden
class Lying(list):
    __eq__ = lambda *_: True
    __len__ = lambda self: <small>
    __iter__ = lambda self: iter(<object> for _ in range(<small>))
    __reduce__ = __reduce_ex__ = lambda *_: (<callable>, ())
wrap = lambda value: Lying([value])
# iteration-that-leaves
class Leaving(list):
    def __iter__(self): <leave>
    def __len__(self): <leave>
    def __getitem__(self, key): <leave>
wrap = lambda value: Leaving([value])
# hash-that-leaves
class Leaving:
    def __hash__(self): <leave>
    def __eq__(self, other): <leave>
wrap = lambda value: [Leaving(), value]
# finalizer-that-leaves
class Leaving:
    def __init__(self, value): self.value = value
    def __del__(self): <leave>
wrap = Leaving
# metaclass
class Meta(type):
    def __instancecheck__(cls, other): return True
    def __subclasscheck__(cls, other): return True
    def __eq__(cls, other): return True
    def __hash__(cls): return 0
    __name__ = property(lambda cls: <leave>)
    __mro__ = property(lambda cls: (int, object))
class Odd(metaclass=Meta): pass
wrap = lambda value: Odd()
# type-returned
wrap = lambda value: type(value)
# missing-keys
class Missing(dict):
    __missing__ = lambda self, key: True
    __eq__ = lambda *_: True
    __contains__ = lambda *_: True
    items = keys = values = lambda self: iter(())
wrap = lambda value: Missing({"<word>": value})
# colliding-keys
wrap = lambda value: {k * (2**61 - 1): value for k in range(<large>)}
# colliding-set
wrap = lambda value: {float("nan") for _ in range(<large>)} | {value and 1}
# itself
def wrap(value):
    knot = [value]
    knot.append(knot)
    return knot
# shared-blowup
def wrap(value):
    for _ in range(<medium>): value = [value, value]
    return value
# deep
def wrap(value):
    for _ in range(<large>): value = [value]
    return value
# long-text
wrap = lambda value: "<word>" * <huge>
# long-list
wrap = lambda value: [value] * <huge>
# long-integer
wrap = lambda value: <number> or 7 ** <large>
# integer-huge
wrap = lambda value: 1 << <huge>
# surrogates
wrap = lambda value: "\ud800\udfff\x00\x1b[31m" + str(value)
# nan
wrap = lambda value: float("<odd_float>")
# nan-subclass
class Nan(float):
    __eq__ = lambda *_: True
    __sub__ = __rsub__ = __abs__ = lambda *_: Nan("nan")
    __le__ = __lt__ = lambda *_: True
wrap = lambda value: Nan("nan")
# complex
wrap = lambda value: complex(<small>, float("nan"))
# decimal
import decimal
wrap = lambda value: decimal.Decimal("<odd_float>")
# decimal-subclass
import decimal
class Odd(decimal.Decimal):
    __eq__ = __le__ = __lt__ = lambda *_: True
    as_tuple = lambda self: <object>
wrap = lambda value: Odd("1e999999999")
# fraction
import fractions
class Odd(fractions.Fraction):
    numerator = denominator = property(lambda self: <leave>)
wrap = lambda value: Odd(1, 3)
# text-subclass
class Odd(str):
    __eq__ = __contains__ = startswith = lambda *_: True
    strip = split = encode = lambda self, *_: <object>
    __hash__ = str.__hash__
wrap = lambda value: Odd(value)
# integer-subclass
class Odd(int):
    __eq__ = __le__ = __lt__ = __ge__ = lambda *_: True
    __sub__ = __rsub__ = __abs__ = lambda *_: 0
    __hash__ = int.__hash__
    __str__ = __repr__ = __format__ = lambda *_: "<number>"
wrap = lambda value: Odd(<number> or 0)
# truth
wrap = lambda value: <truth>
# bytes
wrap = lambda value: bytearray(str(value).encode() * <small>)
# view
wrap = lambda value: memoryview(bytearray(<medium>))
# generator-endless [rare]
def wrap(value):
    while True: yield value
# generator
def wrap(value): yield value
# coroutine
async def wrap(value): return value
# dates
import datetime
wrap = lambda value: datetime.datetime.max.replace(tzinfo=<zone>)
# date-subclass
import datetime
class Odd(datetime.date):
    __eq__ = lambda *_: True
    toordinal = lambda self: <leave>
wrap = lambda value: Odd(2000, 1, 1)
# zone
import datetime
class Zone(datetime.tzinfo):
    def utcoffset(self, _): <leave>
    def dst(self, _): return <object>
    def __reduce__(self): return (<callable>, ())
wrap = lambda value: datetime.datetime(2000, 1, 1, tzinfo=Zone())
# paths
import pathlib
wrap = lambda value: pathlib.Path("<path>")
# named-tuple
import collections
wrap = lambda value: collections.namedtuple("Odd", "count index")(value, <object>)
# counter
import collections
class Odd(collections.Counter):
    __eq__ = lambda *_: True
wrap = lambda value: Odd({"<word>": <number>})
# ordered
import collections
wrap = lambda value: collections.OrderedDict([(value if <coin> else "<word>", value)])
# user-list
import collections
class Odd(collections.UserList):
    __eq__ = lambda *_: True
wrap = lambda value: Odd([value])
# deque
import collections
wrap = lambda value: collections.deque([value] * <small>, maxlen=<small>)
# enum
import enum
class Odd(enum.IntEnum):
    ONE = <small>
    def __eq__(self, other): return True
    __hash__ = int.__hash__
wrap = lambda value: Odd.ONE
# exception-raised
def wrap(value): raise <exception>
# exception-returned
wrap = lambda value: <exception>("<word>" * <medium>)
# exception-hostile
class Meta(type):
    __name__ = property(lambda cls: 1 / 0)
    __str__ = __repr__ = lambda cls: <leave>
class Hostile(<exception>, metaclass=Meta):
    __str__ = __repr__ = lambda self: <leave>
    __traceback__ = __cause__ = property(lambda self: <leave>)
    args = property(lambda self: <leave>)
def wrap(value): raise Hostile
# exception-group
def wrap(value):
    error = ValueError("<word>")
    for _ in range(<medium>): error = ExceptionGroup("<word>", [error, error])
    raise error
# exception-arguments
def wrap(value): raise ValueError(*[{"<word>": value}] * <large>)
# stop-iteration
def wrap(value): raise StopIteration(value)
# frame
wrap = lambda value: sys._getframe()
# module
wrap = lambda value: sys
# function
wrap = lambda value: wrap
# own-memory
import ctypes
def wrap(value):
    ctypes.memset(id(value) + 16, <small>, 8)
    return value
# type-changed-in-memory
import ctypes
class Equal:
    __eq__ = lambda *_: True
def wrap(value):
    box = [value]
    ctypes.c_size_t.from_address(id(box) + 8).value = id(<type>)
    return box
# length-in-memory
import ctypes
def wrap(value):
    box = [value]
    ctypes.c_ssize_t.from_address(id(box) + 16).value = <huge>
    return box
# changing-while-read
import threading
def wrap(value):
    box = [value]
    def change():
        for _ in range(20000):
            box.append(<object>)
            del box[1:]
    threading.Thread(target=change, daemon=True).start()
    return box
# big-fingerprint
def wrap(value): return [float(k) for k in range(<large>)]
"""
