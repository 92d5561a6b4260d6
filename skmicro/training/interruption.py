"""Ctrl-C ends a training between two iterations, where its state is whole."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def interrupted_afterwards():
    """Let a first Ctrl-C wait for the end of the block, after which it raises KeyboardInterrupt.

    A second one does not wait. This holds in the main thread and if no other handler of Ctrl-C is
    installed; otherwise the block runs unchanged.
    """
    usual = signal.default_int_handler
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not usual:
        yield
        return
    noted = []

    def note(number, frame):
        noted.append(number)
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if noted:
        raise KeyboardInterrupt
