"""What makes two specs the same: a string of their names, arguments and version. Imports the standard library only."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
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


def run_ids(runs: Sequence[Any]) -> list[str]:
    """The `run_id` of each run. What runs have in common is hashed once: a million of them take a second or two."""
    shared: dict[tuple[Any, ...], Any] = {}
    ids = []
    for one in runs:
        own = one.__dict__
        found = own.get("run_id")
        if found is None:
            family = (id(one.problem), id(one.optimizer), id(one.schedule), one.steps, one.dtype)
            common = shared.get(family)
            if common is None:
                parts = (one.problem.identity, one.optimizer.identity, one.schedule.identity, str(one.steps), one.dtype)
                common = shared[family] = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8)
            digest = common.copy()
            start = one.start if one.start.__class__ is str else one.start_label
            end = "" if one.target is None else f"\x1ftarget={float(one.target)!r}"
            digest.update(f"\x1f{float(one.lr)!r}\x1f{one.seed}\x1f{start}{end}".encode())
            found = own["run_id"] = digest.hexdigest()
        ids.append(found)
    return ids
