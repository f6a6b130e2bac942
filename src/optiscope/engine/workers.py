"""Units of work in, finished batches out, as they finish: through processes of this machine, or any other pool.

A worker that dies costs the units that were out with it; they are run again. A unit over which workers go on dying is
given up at the end, by name, when everything else is finished. Workers use one thread of torch each.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import InputError, WorkerError
from ..spec import Run
from .chooser import Verdicts, verdict_key
from .shares import cost
from .work import Answer, Refusal, Settings, answer, pack

DEATHS = 3  # of workers over one unit, the last with nothing else running, before it is given up
DEATHS_IN_A_ROW = 9  # with nothing finished between them: then no worker can live here, whatever the unit
_ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Died:
    """What comes back from a unit whose worker died; `final` where the pool has tried it again itself."""

    final: bool = False


class Pool(Protocol):
    """Workers somewhere; whoever opens it closes it."""

    @property
    def workers(self) -> int:
        """How many there are, now."""
        ...

    @property
    def room(self) -> int:
        """Units that may be out at a time."""
        ...

    def submit(self, number: int, packed: bytes) -> None:
        """Hand out a unit."""
        ...

    def answers(self) -> Iterable[tuple[int, Answer | Refusal | Died]]:
        """Wait for one unit or more, and give their numbers and what came of them."""
        ...

    def close(self) -> None:
        """Call back what is still out."""
        ...


def stream(
    units: Sequence[list[Run]], settings: Settings, verdicts: Verdicts, pool: Pool
) -> Iterator[tuple[list[Run], Answer]]:
    """Units and what came of them, as they finish, each once; verdicts are learned on the way.

    Raises WorkerError at the end for units that had to be given up, InputError for what a worker refuses.
    """
    waiting = deque(sorted(range(len(units)), key=lambda number: -cost(units[number])))
    suspects: deque[int] = deque()
    out: dict[int, str | None] = {}  # with the key of the verdict that each may be about to bring
    deaths: Counter[int] = Counter()
    in_a_row = 0
    given_up: list[int] = []

    @functools.cache
    def key_of(number: int) -> str | None:
        return verdict_key(units[number], settings.engine, settings.device)

    def hand_out(number: int) -> None:
        key = key_of(number)
        known = {} if key is None or key not in verdicts.by_key else {key: verdicts.by_key[key]}
        out[number] = None if known else key
        pool.submit(number, pack(units[number], settings, known))

    while waiting or suspects or out:
        while waiting and len(out) < pool.room:
            # Rather a unit that needs none of the verdicts being proved: proving each once is enough.
            proving = set(out.values()) - {None}
            place = next((i for i, number in enumerate(waiting) if key_of(number) not in proving), 0)
            number = waiting[place]
            del waiting[place]
            hand_out(number)
        if suspects and not out:
            hand_out(suspects.popleft())
        dead = False
        for number, found in pool.answers():
            del out[number]
            if isinstance(found, Refusal):
                raise InputError(found.text)
            if isinstance(found, Answer):
                in_a_row = 0
                for key, verdict in found.verdicts.items():
                    verdicts.add(key, verdict)
                yield units[number], found
                continue
            deaths[number] += 1
            dead = True
            if found.final or deaths[number] >= DEATHS:
                given_up.append(number)
            elif deaths[number] == DEATHS - 1:
                # Which of several units killed the worker is not known: alone, it can only be this one.
                suspects.append(number)
            else:
                waiting.append(number)
        in_a_row += dead
        if in_a_row >= DEATHS_IN_A_ROW:
            unfinished = len(waiting) + len(suspects) + len(out) + len(given_up)
            raise WorkerError(
                f"workers died {in_a_row} times without finishing anything: {unfinished} of {len(units)} pieces "
                "of work are unfinished; is there too little memory?"
            )
    if given_up:
        raise WorkerError(_farewell([units[number] for number in given_up]))


def _farewell(units: Sequence[list[Run]]) -> str:
    runs = [one for unit in units for one in unit]
    named = ", ".join(one.run_id for one in runs[:3]) + (f" and {len(runs) - 3} more" if len(runs) > 3 else "")
    cells = dict.fromkeys(f"{one.optimizer.name} on {one.problem.name}" for one in runs)
    kinds = ", ".join(list(cells)[:3]) + (", …" if len(cells) > 3 else "")
    return (
        f"workers died over {kinds} again and again (too little memory?): given up {len(runs)} "
        f"run{'s' * (len(runs) != 1)}, {named}; everything else is finished"
    )


class Processes:
    """A pool of `jobs` processes on this machine, by joblib's loky. They ignore Ctrl-C, which is for their parent."""

    def __init__(self, jobs: int):
        self.workers = self._jobs = jobs
        self._out: dict[Future[Any], int] = {}

    @property
    def room(self) -> int:
        """One more than there are processes: none waits while this one writes."""
        return self._jobs + 1

    def submit(self, number: int, packed: bytes) -> None:
        """Hand out a unit, to new processes if the old ones are gone."""
        with _interrupts_wait():
            try:
                future = _executor(self._jobs).submit(answer, packed)
            except BrokenProcessPool:  # one died while idle; nobody has noticed until now
                _dismiss()
                future = _executor(self._jobs).submit(answer, packed)
            self._out[future] = number  # `close` waits for what is known here only

    def answers(self) -> Iterable[tuple[int, Answer | Refusal | Died]]:
        """What came back. When one process dies, the others are ended with it, and all that was out comes back."""
        done, _ = wait(self._out, return_when="FIRST_COMPLETED")
        broken = any(isinstance(future.exception(), BrokenProcessPool) for future in done)
        if broken:
            done, _ = wait(self._out)
            _dismiss()
        for future in done:
            number = self._out.pop(future)
            died = isinstance(future.exception(), BrokenProcessPool)
            yield number, Died() if died else future.result()

    def close(self) -> None:
        """End the processes if they are at work, or if nobody keeps them."""
        if self._out or not _kept.depth:
            # loky's own thread dies of a KeyError, on the user's screen, if it is shut down with a unit not yet taken.
            deadline = time.monotonic() + 5.0
            while not all(f.running() or f.done() for f in list(self._out)) and time.monotonic() < deadline:
                time.sleep(0.001)
            _dismiss()
            self._out.clear()


class _Kept(threading.local):
    """The processes of this thread, and how many calls of `kept` they must outlive."""

    depth = 0
    executor: Any = None


_kept = _Kept()


@contextmanager
def kept() -> Iterator[None]:
    """Processes started inside serve all calls inside: the rounds of a search need not each start their own.

    Not longer: a module that is edited and imported again here must not meet processes that still hold the old one.
    """
    _kept.depth += 1
    try:
        yield
    finally:
        _kept.depth -= 1
        if not _kept.depth:
            _dismiss()


def _executor(jobs: int) -> Any:
    from joblib.externals.loky.process_executor import ProcessPoolExecutor

    if _kept.executor is None:
        _kept.executor = ProcessPoolExecutor(jobs, initializer=_begin, initargs=(os.getpid(),), env=_ENVIRONMENT)
    return _kept.executor


def _begin(parent: int) -> None:
    """What each process does first: it ignores Ctrl-C, which is for its parent, and sees to it that it ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A parent that is killed tells nobody, and its processes would wait for work for ever."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _dismiss() -> None:
    executor, _kept.executor = _kept.executor, None
    if executor is not None:
        executor.shutdown(wait=True, kill_workers=True)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Hold Ctrl-C back until what is inside is done, here and in the processes that are started inside.

    Blocked in this thread, a process started here is born deaf to it, before it could ignore it itself. Another thread
    may take the signal all the same, and Python then interrupts the main thread: so its handler waits, too.
    """
    held: list[Any] = []
    handler = signal.getsignal(signal.SIGINT)
    mine = callable(handler) and threading.current_thread() is threading.main_thread()
    if mine:
        signal.signal(signal.SIGINT, lambda *given: held.append(given))
    masks = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else set()
    try:
        yield
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if mine:
            signal.signal(signal.SIGINT, handler)
            if held and callable(handler):
                handler(*held[0])
