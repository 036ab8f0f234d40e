"""An address at which the platform's port leads nowhere: connections are neither taken nor refused."""

import socket
import time


class DeadAddress:
    """A listener whose queue is full: the kernel drops what comes. On ::1, or where there is no IPv6 on 127.0.0.2."""

    def __init__(self, port):
        self.sockets = []
        try:
            self.address = "::1"
            self._listen(socket.AF_INET6, port)
        except OSError:
            self.address = "127.0.0.2"
            self._listen(socket.AF_INET, port)

    def _listen(self, family, port):
        listener = socket.socket(family)
        listener.bind((self.address, port))
        listener.listen(0)
        self.sockets.append(listener)
        # The queue takes one or two more than it was asked for.
        for _ in range(4):
            filler = socket.socket(family)
            filler.setblocking(False)
            filler.connect_ex((self.address, port))
            self.sockets.append(filler)
            time.sleep(0.05)

    def close(self):
        for opened in self.sockets:
            opened.close()
