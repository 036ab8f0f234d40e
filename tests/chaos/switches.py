"""The page of memory by which the preloaded clock_and_names.cpp is told what to do."""

import mmap
import struct


class Switches:
    """Assign to an attribute and the daemon sees it; read those that it counts."""

    _PLACES = {
        "clock_step": ("q", 0),
        "names_hang": ("i", 8),
        "names_fail": ("i", 12),
        "dead_first": ("i", 16),
        "look_ups": ("i", 20),
        "most_look_ups": ("i", 24),
        "look_ups_begun": ("i", 28),
        "dead": ("64s", 32),
    }
    SIZE = 96

    def __init__(self, path):
        self.__dict__["path"] = path
        with open(path, "wb") as file:
            file.write(bytes(self.SIZE))
        with open(path, "r+b") as file:
            self.__dict__["_page"] = mmap.mmap(file.fileno(), self.SIZE)

    def __setattr__(self, name, value):
        form, place = self._PLACES[name]
        struct.pack_into("=" + form, self._page, place, value)

    def __getattr__(self, name):
        form, place = self._PLACES[name]
        return struct.unpack_from("=" + form, self._page, place)[0]
