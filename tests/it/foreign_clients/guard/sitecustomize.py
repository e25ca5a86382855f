"""Keeps a client under test on loopback. Python imports this at start; the client itself is as its makers published it."""

import socket

_resolve = socket.getaddrinfo


def _resolve_loopback(host, *rest, **more):
    name = host.decode() if isinstance(host, bytes) else host
    if name not in ("localhost", "127.0.0.1", "::1"):
        raise OSError("the test lets no client reach %s" % name)
    return _resolve(host, *rest, **more)


socket.getaddrinfo = _resolve_loopback
