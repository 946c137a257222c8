"""The local commands: what the terminal does itself."""

from polarnight.ophidia.terminal.commands import monitoring, own
from polarnight.ophidia.terminal.commands.declaration import LOCAL, Leave, LocalCommand

__all__ = ["LOCAL", "Leave", "LocalCommand", "monitoring", "own"]
