"""Balances of customers, in a module so that several notebooks and a test can use it."""

from __future__ import annotations

from datetime import date

import polars as pl

# Column -> days that an amount is overdue: from and to, both included.
AGES = {
    "not_due": (None, 0),
    "days_1_30": (1, 30),
    "days_31_90": (31, 90),
    "over_90_days": (91, None),
}


def balances(
    invoices: pl.DataFrame, payments: pl.DataFrame, customers: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """The amount that each customer owes on a day, in total and by how long it is overdue.

    Amounts stay decimals from the files to the table: no cent is lost.

    Args:
        invoices: with ``invoice_id``, ``customer_id``, ``kind``, ``due_on`` and ``total_amount``;
            a credit note has the id of the invoice that it reduces, and a negative amount.
        payments: ``invoice_id`` and ``paid``.
        customers: ``customer_id``, ``name`` and ``country``.

    Returns:
        One row for each customer who was billed, including those who owe nothing: an upsert sets their
        balance to 0.
    """
    billed = invoices.group_by("invoice_id", "customer_id").agg(
        pl.col("total_amount").sum(), pl.col("due_on").filter(pl.col("kind") == "invoice").first()
    )
    zero = pl.lit(0).cast(pl.Decimal(38, 2))
    overdue = (pl.lit(as_of) - pl.col("due_on")).dt.total_days()
    documents = billed.join(payments, on="invoice_id", how="left").with_columns(
        open_amount=pl.col("total_amount").cast(pl.Decimal(38, 2))
        - pl.col("paid").cast(pl.Decimal(38, 2)).fill_null(zero),
        overdue=overdue,
    )
    sums = [pl.col("open_amount").sum()]
    for name, (least, most) in AGES.items():
        within = pl.lit(True)
        if least is not None:
            within &= pl.col("overdue") >= least
        if most is not None:
            within &= pl.col("overdue") <= most
        sums.append(pl.when(within).then(pl.col("open_amount")).otherwise(zero).sum().alias(name))
    found = documents.group_by("customer_id").agg(sums)
    return (
        customers.join(found, on="customer_id")
        .with_columns(as_of=pl.lit(as_of))
        .sort("customer_id")
    )
