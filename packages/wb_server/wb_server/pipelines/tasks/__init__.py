"""The task types that the Workbench ships with, in the order of the docs."""

from __future__ import annotations

from .base import TaskType
from .copy import CopyTask
from .http import HttpTask
from .notebook import NotebookTask
from .sql import SqlTask

TYPES: tuple[type[TaskType], ...] = (SqlTask, CopyTask, NotebookTask, HttpTask)
