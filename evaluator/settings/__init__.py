"""Every setting, its default and its help. Environment variables are `EVALUATOR_<NAME>`."""

from evaluator.settings.general import DEFAULT_CONCURRENCY
from evaluator.settings.kinds import Device, LogFormat, LogLevel, QueueName
from evaluator.settings.settings import Settings

__all__ = ["DEFAULT_CONCURRENCY", "Device", "LogFormat", "LogLevel", "QueueName", "Settings"]
