"""Imported first in the process that commands are forked from, as ``wb_hub.quick`` does it."""

from wb_hub.quick import postpone

postpone()
