"""The client of the workspace supervisor: see docs/agents.md in its repository."""

from ._attachment import Attachment
from ._errors import SupervisorError, SupervisorUnavailable
from .heartbeat import HeartbeatLoop
from .supervisor import Event, Supervisor

__all__ = ["Attachment", "Event", "HeartbeatLoop", "Supervisor", "SupervisorError", "SupervisorUnavailable"]
__version__ = "0.1.0"
