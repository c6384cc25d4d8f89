"""Where tiles and folds are computed: in this process, or on a Dask cluster.

Dask's own messages are pickled: anyone with access to a scheduler can run code on it, on its
workers and here. Scheduler and workers import this file, and nothing else before they work.
"""

from __future__ import annotations

import asyncio
import hashlib
import pickle  # nosec B403  # a cluster runs what it is given anyway, see above
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError, shown

_AHEAD = 2  # items under way for each thread of the cluster
_TOO_LATE = (TimeoutError, asyncio.TimeoutError)  # two until Python 3.11
_COMPUTE = ("numpy", "scipy", "scikit-learn")  # give the same bits in the same versions only


class Engine:
    """Computes one item after the other, in this process."""

    def map(self, function: Callable, items: Iterable, *shared) -> Iterator:
        """``function(item, *shared)`` of each item, in their order and lazily.

        Parameters
        ----------
        function : callable
            Of a module, and without side effects: on a cluster it may run twice.
        shared : objects
            What all items need; sent to each of a cluster's workers beforehand.
        """
        return (function(item, *shared) for item in items)


class Cluster(Engine):
    """Computes on the workers of a Dask scheduler; what a worker that dies had, others compute.

    Parameters
    ----------
    address : str
        As ``tcp://host:8786``.
    answer, patience : float
        Seconds for the scheduler to answer, and for a worker to be there.

    Raises
    ------
    InputError
        If there is no dask, no scheduler or no worker in time, or the workers run other versions
        of the code or of what computes.
    """

    def __init__(self, address: str, answer: float = 10, patience: float = 30):
        try:
            import distributed
        except ImportError:
            raise InputError(
                f"ENGINE is {address}, and the worker environment has no Dask. Install it there as "
                "the guide says under 'Beyond one machine', or use ENGINE=local."
            ) from None
        self._address, self._patience = address, patience
        try:
            found = asyncio.run(asyncio.wait_for(_greet(address), answer))
            if found.get("type") != "Scheduler":
                raise ValueError(f"there is a {found.get('type')}")
            self._client = distributed.Client(address, timeout=answer)
        except Exception as problem:  # what is no scheduler may say anything
            raise InputError(
                f"No Dask scheduler answers at {shown(address)} ({_reason(problem, answer)}). "
                "Start one with 'dask scheduler', give its address as tcp://host:8786, or use "
                "ENGINE=local."
            ) from problem
        try:
            self._client.wait_for_workers(1, timeout=patience)
        except _TOO_LATE:
            raise self._no_workers() from None
        self._check_versions()

    def map(self, function, items, *shared):
        with self._explained():
            # As bytes, because the scheduler would unpickle all else, and so import TensorFlow.
            given = [self._submit(pickle.loads, pickle.dumps(each)) for each in shared]
            ahead = _AHEAD * sum(self._client.nthreads().values())
            waiting: deque = deque()
            for item in items:
                waiting.append(self._submit(_run, pickle.dumps((function, item)), *given))
                if len(waiting) > ahead:
                    yield self._result(waiting.popleft())
            while waiting:
                yield self._result(waiting.popleft())

    def _submit(self, function, *arguments):
        return self._client.submit(function, *arguments, pure=False)

    def _result(self, future):
        from distributed import wait

        while not future.done():
            try:
                wait(future, timeout=self._patience)
            except _TOO_LATE:
                if not self._client.nthreads():
                    raise self._no_workers() from None
        return future.result()

    @contextmanager
    def _explained(self):
        from distributed import CancelledError, KilledWorker
        from distributed.comm import CommClosedError

        try:
            yield
        except KilledWorker as problem:
            raise InputError(
                "Dask workers died repeatedly on the same piece of work, most likely for lack of "
                "memory. Give them more memory, or fewer threads."
            ) from problem
        except FileNotFoundError as problem:
            raise InputError(
                f"A Dask worker does not find {problem.filename}. The job's folder must lie where "
                "all workers see it: set TMPDIR to a shared folder before QGIS starts."
            ) from problem
        except (CancelledError, CommClosedError) as problem:
            raise InputError(
                f"The Dask scheduler at {self._address} is gone. Start it again, or use "
                "ENGINE=local."
            ) from problem

    def _check_versions(self) -> None:
        own = versions()
        try:
            self._client.run_on_scheduler(versions)
            found = self._client.run(versions)
        except Exception as problem:
            raise InputError(
                f"The scheduler or a worker at {self._address} cannot run the plugin's code "
                f"({problem}). Start both with the worker environment's Python, and with the "
                "folder that holds the plugin's folder in PYTHONPATH."
            ) from problem
        for worker, theirs in found.items():
            differ = [f"{name} {theirs[name]}" for name in own if theirs[name] != own[name]]
            if differ:
                here = ", ".join(f"{name} {own[name]}" for name in own)
                raise InputError(
                    f"The Dask worker {worker} has {', '.join(differ)}, and here is {here}: "
                    "results would differ. Use the same environment and plugin everywhere."
                )

    def _no_workers(self) -> InputError:
        return InputError(
            f"The Dask scheduler at {self._address} has had no worker for {self._patience} "
            f"seconds. Start some with 'dask worker {self._address}'."
        )


LOCAL = Engine()


def make_engine(name: str) -> Engine:
    """The engine that ENGINE names: "local", or a scheduler's address."""
    return LOCAL if name == "local" else Cluster(name)


def versions() -> dict[str, str]:
    """What must be equal wherever one job runs."""
    from importlib import metadata

    code = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        code.update(path.read_bytes())
    found = {"plugin": code.hexdigest()[:8], "Python": platform.python_version()}
    for name in _COMPUTE:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "none"
    return found


async def _greet(address: str) -> dict:
    """What there is at an address; a client would wait for ever for what is no scheduler."""
    from distributed import rpc
    from distributed.security import Security

    scheme = address.partition("://")[0] if "://" in address else "tcp"
    if scheme not in ("tcp", "tls"):
        raise ValueError(f"{scheme}:// is not known here")
    certificates = Security().get_connection_args("client")  # of Dask's own configuration
    if scheme == "tls" and not certificates.get("ssl_context"):
        raise ValueError("tls:// needs certificates, and Dask's configuration names none")
    async with rpc(address, connection_args=certificates) as server:
        return await server.identity()


def _reason(problem: Exception, answer: float) -> str:
    if isinstance(problem, _TOO_LATE):
        return f"no answer for {answer} seconds"
    if isinstance(problem, (OSError, ValueError)):
        return shown(" ".join(str(problem).split()), 200)
    return "what is there is no scheduler"


def _run(work: bytes, *shared):
    function, item = pickle.loads(work)  # nosec B301  # from whoever runs this worker's code
    return function(item, *shared)
