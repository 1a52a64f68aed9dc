"""WarnWatch: early warning for dated plans; the head of each unit is told, and then the head's superior."""

__version__ = "0.1.0"
