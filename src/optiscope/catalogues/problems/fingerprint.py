"""What code and data are, as a few digits: so that two problems of one's own are never taken for one.

A function counts by its compiled code, its defaults, what it closes over, and the plain values, functions and classes
of its module that it names; a class by its methods and bases; an object by its class and attributes; a tensor by its
numbers. What an installed package holds counts by its name. Nothing counts by an address, a line number or the
process, so that the same code gives the same digits on another day; another version of Python compiles otherwise, and
is another problem. Imports the standard library, NumPy and torch.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import random
import re
import sys
import sysconfig
import types
from typing import Any

import numpy as np
import torch

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))
# Their state moves on whenever somebody draws.
_GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
_DEPTH = 40
_OURS = __name__.partition(".")[0]


def fingerprint(*things: Any) -> str:
    """Sixteen hexadecimal digits, equal for equal code and data, in whatever process.

    >>> fingerprint([1, (2.0, "a")]) == fingerprint([1, (2.0, "a")]) != fingerprint([1, (2.0, "b")])
    True
    """
    walk = _Walk()
    walk.add(things, 0)
    return walk.digest.hexdigest()


def without_addresses(text: str) -> str:
    """A text such as a `repr` without the addresses of objects."""
    return _ADDRESS.sub("", text)


class _Walk:
    """Everything reachable, once each, into one hash."""

    def __init__(self) -> None:
        self.digest = hashlib.blake2b(digest_size=8)
        self._seen: dict[int, tuple[int, Any]] = {}  # the object is held: else another may get its id

    def say(self, *words: Any) -> None:
        for word in words:
            part = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogatepass")
            self.digest.update(len(part).to_bytes(8, "little") + part)

    def add(self, value: Any, depth: int) -> None:
        if isinstance(value, _PLAIN):
            return self.say(type(value).__name__, repr(value))
        # Of what cannot change, two that are equal may be one object here and two there.
        if not isinstance(value, (tuple, frozenset, types.CodeType)):
            if id(value) in self._seen:
                return self.say("again", self._seen[id(value)][0])
            self._seen[id(value)] = (len(self._seen), value)
        if depth > _DEPTH or isinstance(value, _GENERATORS):
            return self.say(_path(type(value)))
        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        if isinstance(value, np.ndarray):
            return self.say("array", value.dtype, value.shape, np.ascontiguousarray(value).tobytes())
        if isinstance(value, (set, frozenset)):
            return self.say("set", *sorted(fingerprint(one) for one in value))
        if isinstance(value, dict):
            return self._all("dict", [part for item in value.items() for part in item], depth)
        if isinstance(value, (list, tuple)):
            return self._all("list", value, depth)
        if isinstance(value, functools.partial):
            return self._all("partial", (value.func, value.args, sorted(value.keywords.items())), depth)
        if isinstance(value, types.MethodType):
            return self._all("method", (value.__func__, value.__self__), depth)
        if isinstance(value, types.CodeType):
            return self._code(value, depth)
        if isinstance(value, types.ModuleType):
            return self.say("module", value.__name__)
        if isinstance(value, (type, types.FunctionType)):
            if _installed(value.__module__):
                return self.say("name", _path(value))
            return self._class(value, depth) if isinstance(value, type) else self._function(value, depth)
        held = getattr(value, "__dict__", None)
        if isinstance(held, dict) and not hasattr(value, "__qualname__"):
            return self._all("object", (type(value), held), depth)
        return self.say("other", _path(type(value)), without_addresses(repr(value)))

    def _all(self, what: str, parts: Any, depth: int) -> None:
        self.say(what, len(parts))
        for part in parts:
            self.add(part, depth + 1)

    def _tensor(self, value: torch.Tensor) -> None:
        self.say("tensor", value.dtype, tuple(value.shape))
        if value.layout is torch.strided and value.device.type != "meta":
            plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
            self.say(plain.reshape(-1).view(torch.uint8).numpy().tobytes())

    def _function(self, value: types.FunctionType, depth: int) -> None:
        held = [_content(cell) for cell in value.__closure__ or ()]
        self._all("function", (value.__code__, value.__defaults__, value.__kwdefaults__, held), depth)
        for name in sorted(_names(value.__code__)):
            found = value.__globals__.get(name)
            # Other data of a module may be a log or a cache, which changes from call to call.
            if found is not None and _lasting(found):
                self._all("global", (name, found), depth)

    def _code(self, value: types.CodeType, depth: int) -> None:
        counts = (value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount)
        self._all("code", (value.co_code, value.co_names, value.co_consts, *counts), depth)

    def _class(self, value: type, depth: int) -> None:
        self._all("class", (value.__name__, value.__bases__), depth)
        for name, held in sorted(vars(value).items()):
            inner = held.__func__ if isinstance(held, (staticmethod, classmethod)) else held
            inner = (inner.fget, inner.fset) if isinstance(inner, property) else inner
            if not _hidden(name) and (_lasting(inner) or isinstance(inner, tuple)):
                self._all("attribute", (name, inner), depth)


def _path(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _hidden(name: str) -> bool:
    """What Python itself puts into a class, and methods do not."""
    return name in ("__doc__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__")


def _lasting(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_lasting(one) for one in value)
    return isinstance(value, (*_PLAIN, type, types.FunctionType, functools.partial))


def _names(code: types.CodeType) -> set[str]:
    """The global names of a function and of those within it."""
    inner = [one for one in code.co_consts if isinstance(one, types.CodeType)]
    own = {one.argval for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return own.union(*(_names(one) for one in inner))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is bound later
        return "unbound"


@functools.lru_cache(maxsize=1024)
def _installed(module: str | None) -> bool:
    """Whether a module is Python's, ours or an installed package's, whose code does not change under one name."""
    if not module or module == "__main__":
        return False
    root = module.partition(".")[0]
    if root == _OURS or root in sys.stdlib_module_names:
        return True
    place = getattr(sys.modules.get(root), "__file__", None) or ""
    homes = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return any(place.startswith(home) for home in homes) or "-packages" in place
