"""A process that a signal ends."""

import ctypes
import faulthandler
import threading

faulthandler.enable()
threading.Thread(target=threading.Event().wait, daemon=True).start()


def read(address):
    return ctypes.string_at(address)


read(0)
