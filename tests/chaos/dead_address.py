"""An address at which the platform's port leads nowhere: connections are neither taken nor refused."""

import socket
import time


class DeadAddress:
    """A listener whose queue is full: the kernel drops what comes. On ::1, or where there is no IPv6 on 127.0.0.2."""

    def __init__(self, port):
        self.port = port
        self.sockets = []
        self.address = "::1"
        try:
            self.open()
        except OSError:
            self.address = "127.0.0.2"
            self.open()

    def open(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sockets.append(listener)
        listener.bind((self.address, self.port))
        listener.listen(0)
        # The queue takes one or two more than it was asked for.
        for _ in range(4):
            filler = socket.socket(family)
            filler.setblocking(False)
            filler.connect_ex((self.address, self.port))
            self.sockets.append(filler)
            time.sleep(0.05)

    def close(self):
        """From now on it refuses."""
        for opened in self.sockets:
            opened.close()
        self.sockets = []
