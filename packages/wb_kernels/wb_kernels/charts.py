"""Displays Altair charts without the network: as Vega-Lite that JupyterLab and Voila render, and as PNG.

Altair's default renderer loads scripts from a CDN, and its own media type is newer than what
JupyterLab renders. The PNG shows wherever Vega-Lite isn't rendered, as in a saved notebook on a web page.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any, Final

# What a shell registers the display for, without importing Altair.
CHART: Final = ("altair.vegalite.v6.api", "TopLevelMixin")

MEDIA_TYPE: Final = "application/vnd.vegalite.v5+json"
_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
_VERSION: Final = "v5_21"


def bundle(chart: Any, include: Any = None, exclude: Any = None) -> Any:
    """A chart's media types; those of another renderer of Altair if the user has enabled one."""
    import altair

    try:
        spec = chart.to_dict(context={"pre_transform": False})
    except altair.MaxRowsError:
        print(
            f"The chart's data has more than {_max_rows(altair):,} rows, which a notebook would have "
            "to store. Aggregate first, in SQL by GROUP BY, or take a sample.",
            file=sys.stderr,
        )
        return {}
    except Exception:
        altair.utils.display_traceback(in_ipython=True)
        return {}
    text = json.dumps(spec, default=_plain)
    if altair.renderers.active != "default":
        chosen = altair.renderers.get()
        return chosen and chosen(json.loads(text))
    text = json.dumps({**json.loads(text), "$schema": _SCHEMA})
    media = {MEDIA_TYPE: json.loads(text), "text/plain": repr(chart)}
    if (image := _png(text)) is not None:
        media["image/png"] = image
    return media


def _max_rows(altair: Any) -> int:
    return int(altair.data_transformers.options.get("max_rows") or 5000)


def _plain(value: Any) -> Any:
    """A value that JSON lacks: a decimal is a number on an axis, anything else its text."""
    return float(value) if isinstance(value, Decimal) else str(value)


def _png(spec: str) -> bytes | None:
    """The chart as an image; None if it needs data from the network."""
    import vl_convert

    try:
        image: bytes = vl_convert.vegalite_to_png(spec, vl_version=_VERSION, allowed_base_urls=[])
    except ValueError:
        return None
    return image
