"""Sums of sales, in a module so that several notebooks and a test can use it."""

from __future__ import annotations

import pandas as pd


def by_month(lines: pd.DataFrame) -> pd.DataFrame:
    """Revenue and pieces by month and category, ordered by both.

    Args:
        lines: of invoices, with ``issued_on``, ``category``, ``quantity`` and ``net_amount``. Credit
            notes have negative amounts, so a plain sum is the revenue after returns.
    """
    month = pd.to_datetime(lines["issued_on"]).dt.strftime("%Y-%m").rename("month")
    sums = lines.groupby([month, "category"])[["quantity", "net_amount"]].sum()
    return sums.rename(columns={"quantity": "pieces", "net_amount": "revenue"}).reset_index()


def best(sums: pd.DataFrame) -> str:
    """The category with the most revenue."""
    return str(sums.groupby("category")["revenue"].sum().astype("float64").idxmax())
