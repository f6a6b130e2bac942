"""Workers on other machines: a pool over `dask.distributed`, which is the extra `cluster`.

Dask's own futures, not joblib's backend over them: a worker's death then costs one unit, which the scheduler hands to
another worker; joblib would give up the whole call.
"""

from __future__ import annotations

import random
import re
import sys
import uuid
import warnings
from collections.abc import Iterable
from typing import Any

from ..errors import InputError, WorkerError
from .work import Answer, Refusal
from .workers import Died

CONNECT_SECONDS = 8


def check_cluster(address: str) -> None:
    """Raises InputError or WorkerError, within about ten seconds, for a cluster that cannot be used."""
    Cluster(address).close()


def draw_apart() -> None:
    """Give Dask's modules, in the worker that calls this, a generator of their own in place of Python's global one.

    Their threads go on drawing while a unit runs: an optimizer that draws would not find its run's own numbers, and a
    proof that nothing is drawn would fail of it, so that every sweep fell back to the plain loop.
    """
    own = random.Random()
    shared: Any = random.random
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in ("dask", "distributed", "tornado"):
            continue
        for key, value in list(vars(module).items()):
            if value is random:
                setattr(module, key, own)
            elif getattr(value, "__self__", None) is shared.__self__:
                setattr(module, key, getattr(own, value.__name__))


class Cluster:
    """A pool of the workers that a Dask scheduler at `address` has, as many as there are at the time.

    Raises InputError for an address that is none or where Dask is not installed, WorkerError where nobody answers.
    """

    def __init__(self, address: str):
        if not isinstance(address, str) or not re.fullmatch(r"[a-z]+://[^\s/]+:\d+", address):
            raise InputError(
                f"cluster must be the address of a Dask scheduler, such as tcp://host:8786, got {address!r}"
            )
        try:
            import distributed
        except ImportError as error:
            raise InputError("a cluster needs the extra: pip install optiscope[cluster]") from error
        self._address = address
        try:
            self._client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, ImportError) as error:
            reason = " ".join(str(error).split())
            raise WorkerError(f"no Dask scheduler answers at {address}: {reason}") from error
        self._finished = distributed.as_completed(loop=self._client.loop)
        self._out: dict[Any, int] = {}
        self._name = uuid.uuid4().hex[:12]
        self._handed = 0
        if not self._count():
            warnings.warn(f"the cluster at {address} has no workers yet: waiting for the first", stacklevel=4)

    def _count(self) -> int:
        try:
            workers: Any = self._client.nthreads()
        except OSError as error:
            raise WorkerError(self._lost()) from error
        return len(workers)

    @property
    def workers(self) -> int:
        """How many there are now; two where none has come yet."""
        return self._count() or 2

    @property
    def room(self) -> int:
        """As many units as there are workers: with one each, a death is blamed on the unit that ran."""
        return max(1, self._count())

    def submit(self, number: int, packed: bytes) -> None:
        """Hand out a unit."""

        # Nested, so that it travels by value: the scheduler need not import it, and a worker without optiscope says so.
        def answer_there(packed: bytes) -> Any:
            from optiscope.engine.cluster import draw_apart
            from optiscope.engine.work import answer

            draw_apart()
            return answer(packed)

        self._handed += 1
        key = f"optiscope-{self._name}-{self._handed}"
        future = self._client.submit(answer_there, packed, key=key, pure=False)
        self._out[future] = number
        self._finished.add(future)

    def answers(self) -> Iterable[tuple[int, Answer | Refusal | Died]]:
        """What came back; units whose worker died are run again by the scheduler, up to its `allowed-failures`."""
        from distributed import CancelledError, KilledWorker

        for future in self._finished.next_batch():
            try:
                found = future.result()
            except KilledWorker:
                found = Died(final=True)
            except ModuleNotFoundError as error:
                raise InputError(f"a worker of {self._address} lacks {error.name}: install optiscope there") from error
            except (CancelledError, OSError) as error:
                raise WorkerError(self._lost()) from error
            yield self._out.pop(future), found

    def close(self) -> None:
        """Call back what is still out, and leave the cluster."""
        if self._out and self._client.status == "running":
            self._client.cancel(list(self._out))
        self._out.clear()
        self._client.close()

    def _lost(self) -> str:
        return f"the cluster at {self._address} was lost; the same call goes on when it is there again"
