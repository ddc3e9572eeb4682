"""Say why the process ends if DuckDB ends it.

DuckDB cuts what it could not write off the warehouse's log. If the disk refuses that too, it ends the process by
`std::terminate`, with words for programmers and a core dump. No exception reaches Python.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

FAILED = 1
WORDS = (
    "tribolake: the disk of the warehouse is full or fails, and DuckDB ended the process. Nothing is lost, and what is "
    "published stays. Free some space, or look for the error in the system's log. Then run again: the next run does "
    "the work of this one\n"
)


def _end() -> None:
    os.write(2, WORDS.encode())
    os._exit(FAILED)


_HANDLER = ctypes.CFUNCTYPE(None)(_end)  # kept: C++ has its address only


@cache
def explain_aborts() -> None:
    """Have a sentence written, and the process end with 1, in place of an abort. Once is enough for a process."""
    try:
        set_terminate = ctypes.CDLL("libstdc++.so.6")["_ZSt13set_terminatePFvvE"]
    except (OSError, AttributeError):  # another C++ library: its words stay
        return
    set_terminate.restype = ctypes.c_void_p
    set_terminate.argtypes = [ctypes.c_void_p]
    set_terminate(ctypes.cast(_HANDLER, ctypes.c_void_p))
