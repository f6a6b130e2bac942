"""What makes two specs the same: a string of their names, arguments and version. Imports the standard library only."""

from __future__ import annotations

import functools
import json
from typing import Any


def _plain(value: Any) -> Any:
    """JSON's fallback: a callable by its import path, anything else by its repr."""
    if callable(value):
        return f"{getattr(value, '__module__', '?')}.{getattr(value, '__qualname__', repr(value))}"
    return repr(value)


def identity_json(**parts: Any) -> str:
    """A canonical JSON string: what a spec is, for hashing and comparing."""
    return json.dumps(parts, sort_keys=True, default=_plain, separators=(",", ":"))


class ByIdentity:
    """Equality and hash by the identity string."""

    @property
    def identity(self) -> str:
        """Everything that tells this from another, as one string."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.identity == other.identity  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return self._hash

    @functools.cached_property
    def _hash(self) -> int:
        return hash(self.identity)

    def __getstate__(self) -> dict[str, Any]:
        # Another process hashes strings otherwise.
        return {name: value for name, value in vars(self).items() if name != "_hash"}
