"""Displays Altair charts without the network: as Vega-Lite that JupyterLab and Voila render, and as PNG.

Altair's default renderer loads scripts from a CDN, and its own media type is newer than what
JupyterLab renders. The PNG shows wherever Vega-Lite isn't rendered, as in a saved notebook on a web page.
Decimals, which JSON lacks and Altair leaves in place, become numbers, in ``chart.save()`` too.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

# What a shell registers the display for, without importing Altair.
CHART: Final = ("altair.vegalite.v6.api", "TopLevelMixin")

MEDIA_TYPE: Final = "application/vnd.vegalite.v5+json"
_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
_VERSION: Final = "v5_21"


def prepare() -> None:
    """Makes charts of decimals work in all that Altair does, once it is imported: that takes a second."""
    module = sys.modules.get(CHART[0])
    if module is None:
        sys.meta_path.insert(0, _AfterImport())
    else:
        _accept_decimals(module)


class _AfterImport(MetaPathFinder):
    """Prepares Altair when it is imported, and goes."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != CHART[0]:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_prepare(module: ModuleType) -> None:
                run(module)
                _accept_decimals(module)

            spec.loader.exec_module = run_and_prepare  # type: ignore[method-assign]
        return spec


def _accept_decimals(module: ModuleType) -> None:
    mixin = getattr(module, CHART[1])
    to_dict = mixin.to_dict
    if to_dict.__module__ == __name__:
        return

    def with_numbers(self: Any, *args: Any, **options: Any) -> Any:
        return _numbers(to_dict(self, *args, **options))

    with_numbers.__doc__ = to_dict.__doc__
    mixin.to_dict = with_numbers


def _numbers(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    return value


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
    text = json.dumps(spec, default=str)
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


def _png(spec: str) -> bytes | None:
    """The chart as an image; None if it needs data from the network."""
    import vl_convert

    try:
        image: bytes = vl_convert.vegalite_to_png(spec, vl_version=_VERSION, allowed_base_urls=[])
    except ValueError:
        return None
    return image
