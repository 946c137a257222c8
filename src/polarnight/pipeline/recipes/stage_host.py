"""The process that runs stages of other packages, one after the other; see `apart`.

It reads calls from its standard input and answers on its standard output. What a stage prints
goes to standard error, of which the worker keeps the last lines.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import signal
import sys
import threading
import time
from typing import IO, Any

__all__ = ["main"]


def main() -> None:
    """Answer until the worker is gone."""
    calls = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker decides what Ctrl-C means
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with contextlib.suppress(EOFError, BrokenPipeError):
        _answer(calls, answers)
    # Threads that a stage left behind shall not keep the process.
    os._exit(0)


def _end_with(worker: int) -> None:
    """End this process when its worker is gone: nobody would ever take its answer."""
    while os.getppid() == worker:
        time.sleep(1.0)
    os._exit(1)


def _answer(calls: IO[bytes], answers: IO[bytes]) -> None:
    import cloudpickle

    from polarnight.pipeline.recipes.messages import Answer, receive, send

    hello = receive(calls)
    sys.path[:] = hello.path
    send(answers, pickle.dumps(Answer()))
    while True:
        answer = _run(calls)
        try:
            told = cloudpickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001 - whatever pickling raises
            failure = f"returned what cannot be sent on: {type(error).__name__}: {error}"
            told = pickle.dumps(Answer(failure=failure))
        del answer
        send(answers, told)


def _run(calls: IO[bytes]) -> Any:
    from polarnight.instruments.observatories import OBSERVATORIES
    from polarnight.pipeline.recipes.messages import Answer, receive
    from polarnight.pipeline.recipes.stage import Product

    try:
        call = receive(calls)
    except EOFError:
        raise
    except Exception as error:  # noqa: BLE001 - the package may not be there, or not import
        return Answer(failure=f"cannot be loaded: {type(error).__name__}: {error}")
    OBSERVATORIES.adopt(call.declared)
    product: Product = call.product
    given = dict(product.values)
    _limit_memory(call.memory_fraction)
    # A thread in C: it ends also what never gives Python a chance, and says where it was.
    faulthandler.dump_traceback_later(call.seconds, exit=True)
    try:
        made = call.stage.run(product)
    except BaseException as error:  # noqa: BLE001 - sys.exit too is told as the stage's fault
        return _failure(error)
    finally:
        faulthandler.cancel_dump_traceback_later()
    if not isinstance(made, Product):
        return Answer(other=made)
    # What the stage says that it writes may have been changed where it is.
    kept = tuple(
        name
        for name, value in given.items()
        if made.values.get(name) is value and name not in call.stage.writes
    )
    values = {name: value for name, value in made.values.items() if name not in kept}
    return Answer(kept=kept, values=values, notes=dict(made.notes))


def _failure(error: BaseException) -> Any:
    """Return what is told of an exception of a stage."""
    from polarnight.errors import PolarnightError
    from polarnight.pipeline.recipes.messages import Answer

    if isinstance(error, PolarnightError | OSError):
        return Answer(error=error)
    if isinstance(error, SystemExit):
        return Answer(failure=f"called sys.exit({error.code!r}), which ends programs")
    if isinstance(error, MemoryError):
        remedy = "the setting stages.memory_fraction allows more"
        return Answer(failure=f"ran out of memory; {remedy}")
    return Answer(failure=f"failed: {type(error).__name__}: {error}")


def _limit_memory(fraction: float) -> None:
    """Let allocations beyond a share of the memory fail, where the system can do that."""
    try:
        import resource

        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = int(fraction * total)
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    except (ImportError, AttributeError, ValueError, OSError):
        return


if __name__ == "__main__":
    main()
