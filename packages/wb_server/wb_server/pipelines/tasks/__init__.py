"""The types of task that come with the Workbench, in the order in which docs name them."""

from __future__ import annotations

from .base import TaskType
from .copy import CopyTask
from .http import HttpTask
from .notebook import NotebookTask
from .sql import SqlTask

TYPES: tuple[type[TaskType], ...] = (SqlTask, CopyTask, NotebookTask, HttpTask)
