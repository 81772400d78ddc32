"""Which kernels, not parts of them, a process compiles instead of loading them."""

import contextlib

from numba.core import event

from cfr_shm.kernels.jit import _Kernel


class _Compiled(event.Listener):
    def __init__(self):
        self.names = []

    def on_start(self, event):
        dispatcher = event.data["dispatcher"]
        if isinstance(dispatcher, _Kernel):
            self.names.append(dispatcher.py_func.__qualname__)

    def on_end(self, event):
        pass


@contextlib.contextmanager
def counting_compiled():
    """Yield the list of the kernels that are compiled within, by name, as they come."""
    listener = _Compiled()
    event.register("numba:compile", listener)
    try:
        yield listener.names
    finally:
        event.unregister("numba:compile", listener)
