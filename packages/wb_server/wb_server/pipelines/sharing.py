"""Whom pipelines are shared with."""

from __future__ import annotations

from ..governance.sharing.handlers import routes
from ..governance.sharing.service import SharingService
from .models import Pipeline


class PipelineSharing(SharingService[Pipeline]):
    """Shares pipelines."""

    thing = "pipeline"
    uses = "pipeline.see"


ROUTES = routes(PipelineSharing)
