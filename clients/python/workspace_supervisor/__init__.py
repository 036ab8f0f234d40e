"""The client of the workspace supervisor: see docs/agents.md in its repository."""

from importlib import metadata as _metadata

from ._attachment import Attachment
from ._errors import SupervisorError, SupervisorUnavailable
from .heartbeat import HeartbeatLoop
from .supervisor import Event, Supervisor

__all__ = ["Attachment", "Event", "HeartbeatLoop", "Supervisor", "SupervisorError", "SupervisorUnavailable"]
try:
    __version__ = _metadata.version("workspace-supervisor")
except _metadata.PackageNotFoundError:  # not installed: run from its sources
    __version__ = "0+source"
