"""The way of a command to whoever carries it out, and of the answer back.

`Transport` is the interface; `Local` computes in this process and `Remote` speaks to a server
over HTTPS. Clients, cubes and the terminal know the interface only.
"""

from __future__ import annotations

from polarnight.ophidia.transport.address import HERE, is_here
from polarnight.ophidia.transport.interface import Transport
from polarnight.ophidia.transport.local import Local, in_this_process
from polarnight.ophidia.transport.remote import Remote

__all__ = ["HERE", "Local", "Remote", "Transport", "in_this_process", "is_here"]
