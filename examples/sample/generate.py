"""Make the sample warehouse: three years of a small trading company, as Parquet files.

    python examples/sample/generate.py OUT_DIR [--seed 7] [--scale 1.0]

The company sells hardware and office goods to other companies from a home country (`HOME`). Tables:
sales_teams, customers, products, orders, order_lines, invoices, invoice_lines, payments. The first
column of each is its primary key, without gaps, and the rows are sorted by it.

What always holds, to the cent (all amounts are in euro):

- line net = quantity x unit price x (100 - discount) / 100, rounded to cents, halves away from
  zero;
- line tax = line net x tax / 100, rounded the same way, line by line;
- invoice net and tax are the sums of its lines' net and tax, and total = net + tax;
- a credit note has negative quantities and amounts, and never exceeds the invoice that it credits;
- payments of an invoice never exceed its total less its credit notes.

Nothing happens after `LAST_DAY`: orders not shipped by then are open, and money that would come
later isn't there, so the last months leave a natural list of open invoices.

The same seed and scale give the same rows, with the same release of numpy on the same kind of
machine: numpy keeps the stream of a seed only within a release, and the last bit of `exp` may
differ elsewhere.
"""

from __future__ import annotations

import argparse
import os
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FIRST_DAY = int(np.datetime64("2023-01-01", "D").astype(np.int64))
LAST_DAY = int(np.datetime64("2025-12-31", "D").astype(np.int64))
HOME = "DE"
ORDERS = 42_000
CUSTOMERS = 1_200
PRODUCTS = 320
INVOICE, CREDIT_NOTE = 0, 1
MONEY = pa.decimal128(12, 2)
PERCENT = pa.decimal128(5, 2)

# Country, share of the customers, sales team (the home country has two teams).
COUNTRIES = (
    ("DE", 0.42, 1), ("AT", 0.10, 3), ("FR", 0.10, 4), ("NL", 0.09, 4), ("IT", 0.06, 5),
    ("BE", 0.05, 4), ("PL", 0.05, 6), ("CH", 0.05, 3), ("ES", 0.04, 5), ("GB", 0.04, 6),
)  # fmt: skip
EXPORT_COUNTRIES = ("CH", "GB")
TEAMS = ("Home North", "Home South", "Alps", "West", "South", "East and Isles")

# Segment, share, usual value of an order line in cents, extra discount in percent, weight.
SEGMENTS = (
    ("retail", 0.44, 9_000, 0, 0.7), ("trade", 0.32, 17_000, 2, 1.2),
    ("industry", 0.14, 36_000, 4, 1.6), ("public", 0.10, 21_000, 0, 0.9),
)  # fmt: skip
TERMS = (14, 30, 45, 60)
TERMS_SHARES = ((0.5, 0.45, 0.05, 0), (0.25, 0.6, 0.1, 0.05), (0, 0.5, 0.2, 0.3), (0, 0.8, 0.2, 0))

# How a customer pays: prompt, slow, poor. Share of customers, and of invoices never paid.
PAYER_SHARES = (0.62, 0.28, 0.10)
NEVER_PAID = np.array([0.001, 0.004, 0.03])

PLACES = (
    "Harbour", "Valley", "Station", "Bridge", "Meadow", "Market", "Mill", "River", "Summit",
    "Canal", "Garden", "Forest", "Lake", "Tower", "Coast", "Quarry", "Field", "Orchard", "Island",
    "Gate",
)  # fmt: skip
TRADES = (
    "Tools", "Supplies", "Works", "Hardware", "Depot", "Stores", "Fittings", "Parts", "Trading",
    "Workshop",
)  # fmt: skip
MATERIALS = ("Steel", "Brass", "Nylon", "Oak", "Copper", "Rubber", "Alloy", "Ceramic")

# Category, items, usual price in cents, tax in percent, month in which it sells best.
CATEGORIES = (
    ("Fasteners", ("Hinge", "Bolt Set", "Bracket", "Anchor"), 450, 19, 5),
    ("Tools", ("Clamp", "File", "Mallet", "Wrench"), 2_600, 19, 11),
    ("Electrical", ("Socket", "Cable Reel", "Lamp", "Switch"), 1_900, 19, 11),
    ("Heating", ("Valve", "Radiator Key", "Fan", "Thermostat"), 5_200, 19, 10),
    ("Garden", ("Hose", "Sprinkler", "Planter", "Rake"), 3_100, 19, 4),
    ("Safety", ("Helmet", "Glove Pack", "Visor", "Harness"), 2_200, 19, 3),
    ("Storage", ("Shelf", "Crate", "Cabinet", "Rack"), 8_400, 19, 1),
    ("Manuals", ("Handbook", "Wiring Guide", "Catalogue", "Chart"), 2_400, 7, 9),
)
ORDERS_BY_MONTH = (0.86, 0.90, 1.06, 1.02, 1.0, 0.98, 0.90, 0.80, 1.08, 1.12, 1.20, 1.08)
ORDERS_BY_WEEKDAY = (1.08, 1.10, 1.05, 1.0, 0.86, 0.12, 0.03)
HOLIDAYS = ("01-01", "05-01", "12-25", "12-26")
PRICE_INDEX = np.array([100, 104, 107])  # percent of the base price in 2023, 2024, 2025


# Named tuples, since dataclasses fail in a module that is loaded from its path alone.


class Column(NamedTuple):
    """A column of a table to be written."""

    name: str
    values: pa.Array
    comment: str
    nullable: bool = False


class Customers(NamedTuple):
    """The fields of customers that later tables need, one element per customer."""

    segment: Ints
    since: Ints
    closed: Ints
    home: Bools
    terms: Ints
    payer: Ints
    direct_debit: Bools


class Products(NamedTuple):
    """The fields of products that later tables need, one element per product. Prices are in cents."""

    category: Ints
    base_price: Ints
    tax: Ints
    launched: Ints
    discontinued: Ints


class Lines(NamedTuple):
    """Order lines, sorted by order; `order` and `product` are positions, money is in cents."""

    order: Ints
    number: Ints
    product: Ints
    quantity: Ints
    price: Ints
    discount: Ints


class Invoices(NamedTuple):
    """The fields of invoices and credit notes that payments need, by position; money is in cents."""

    kind: Ints
    customer: Ints
    issued: Ints
    due: Ints
    parent: Ints
    total: Ints


def generate(seed: int = 7, scale: float = 1.0) -> dict[str, pa.Table]:
    """Create all tables in memory.

    Args:
        seed: Any whole number from 0; the same one gives the same rows.
        scale: Size relative to the usual one of about 400,000 rows, in (0, 100].

    Returns:
        pyarrow tables by name, parents before children.

    Raises:
        ValueError: `seed` or `scale` is out of range.
    """
    if seed < 0:
        raise ValueError("seed must be 0 or more")
    if not 0 < scale <= 100:
        raise ValueError("scale must be above 0 and at most 100")
    count = max(60, round(CUSTOMERS * scale))
    customers, customer_table = _customers(_rng(seed, "customers"), count)
    products, product_table = _products(_rng(seed, "products"))
    rng = _rng(seed, "orders")
    ordered = _order_times(rng, ORDERS * scale)
    order_day = ordered // 86_400
    order_customer = _draw_by_month(
        rng, order_day, _customer_weights(rng, customers), customers.since, customers.closed
    )
    shipped, cancelled = _shipping(rng, order_day)
    lines, line_table = _order_lines(
        _rng(seed, "order_lines"), order_day, order_customer, customers, products
    )
    order_table = _orders(rng, ordered, order_customer, shipped, cancelled)
    invoices, invoice_table, invoice_line_table = _invoices(
        _rng(seed, "invoices"), lines, shipped, order_customer, customers, products
    )
    return {
        "sales_teams": _sales_teams(),
        "customers": customer_table,
        "products": product_table,
        "orders": order_table,
        "order_lines": line_table,
        "invoices": invoice_table,
        "invoice_lines": invoice_line_table,
        "payments": _payments(_rng(seed, "payments"), invoices, customers),
    }


def write(tables: dict[str, pa.Table], out_dir: Path) -> list[Path]:
    """Write each table to `<out_dir>/<name>.parquet` (zstd) and return the paths.

    A file appears under its name only when it is whole, so that nobody reads half of one.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, table in tables.items():
        path = out_dir / f"{name}.parquet"
        part = out_dir / f".{name}.parquet.part"
        # Small row groups let DuckDB scan one file with several threads.
        pq.write_table(table, part, compression="zstd", row_group_size=65_536)
        os.replace(part, path)
        paths.append(path)
    return paths


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Write the sample warehouse as Parquet files.")
    parser.add_argument("out_dir", type=Path, help="folder to write to; made if missing")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same rows (default 7)")
    parser.add_argument("--scale", type=float, default=1.0, help="relative size (default 1.0)")
    args = parser.parse_args(argv)
    try:
        tables = generate(args.seed, args.scale)
    except ValueError as error:
        parser.error(str(error))
    for path, table in zip(write(tables, args.out_dir), tables.values(), strict=True):
        print(f"{path}  {table.num_rows:>9,} rows  {path.stat().st_size / 1e6:6.2f} MB")
    return 0


# --- the tables ---------------------------------------------------------------------------------


def _sales_teams() -> pa.Table:
    return _table(
        "The teams that look after customers.",
        Column("sales_team_id", _keys(len(TEAMS)), "Primary key"),
        Column("name", pa.array(TEAMS), "Name of the team"),
    )


def _customers(rng: np.random.Generator, count: int) -> tuple[Customers, pa.Table]:
    codes, shares, teams = zip(*COUNTRIES, strict=True)
    country = rng.choice(len(codes), count, p=shares)
    home = np.array([code == HOME for code in codes])[country]
    exported = np.array([code in EXPORT_COUNTRIES for code in codes])[country]
    team = np.array(teams)[country] + (home & (rng.random(count) < 0.45))
    segment = rng.choice(len(SEGMENTS), count, p=[row[1] for row in SEGMENTS])
    terms = np.empty(count, np.int64)
    for index, term_shares in enumerate(TERMS_SHARES):
        mine = segment == index
        terms[mine] = rng.choice(TERMS, int(mine.sum()), p=term_shares)
    payer = rng.choice(3, count, p=PAYER_SHARES)
    debit = (payer == 0) & (rng.random(count) < 0.25)

    # Two in three were there before the first day; the others join over the three years.
    early = FIRST_DAY - rng.integers(1, 5 * 365, count)
    late = FIRST_DAY + rng.integers(0, LAST_DAY - FIRST_DAY, count)
    since = np.sort(np.where(rng.random(count) < 0.66, early, late))
    closed = np.maximum(since, FIRST_DAY) + rng.integers(180, 1500, count)
    closed = np.where((rng.random(count) < 0.2) & (closed <= LAST_DAY), closed, LAST_DAY + 1)
    usual = np.array([row[2] for row in SEGMENTS])[segment]
    limit = np.maximum(np.round(usual * rng.lognormal(3.2, 0.5, count) / 50_000), 2) * 50_000

    place, trade = rng.integers(len(PLACES), size=count), rng.integers(len(TRADES), size=count)
    number = _padded(np.arange(1, count + 1), 4)
    treatment = np.where(home, 0, np.where(exported, 2, 1))
    table = _table(
        "Companies that buy.",
        Column("customer_id", _keys(count), "Primary key"),
        Column("name", _join(" ", _pick(PLACES, place), _pick(TRADES, trade), number), "Made up"),
        Column("email", _join("", "accounts-", number, "@example.com"), "Accounts department"),
        Column("country", _pick(codes, country), "ISO 3166 code of two letters"),
        Column("segment", _pick([row[0] for row in SEGMENTS], segment), "Kind of customer"),
        Column("sales_team_id", pa.array(team), "Team that looks after it (sales_teams)"),
        Column("customer_since", _dates(since), "Day of the first contract"),
        Column("closed_on", _dates(closed, closed > LAST_DAY), "Day it left, else null", True),
        Column("payment_terms_days", _int32(terms), "Days from invoice to due date"),
        Column("payment_method", _methods(debit, segment), "How it pays"),
        Column("tax_treatment", _pick(["domestic", "reverse_charge", "export"], treatment),
               "Who owes the tax; only domestic invoices carry it"),
        Column("credit_limit", _decimals(limit.astype(np.int64)), "In euro"),
    )  # fmt: skip
    return Customers(segment, since, closed, home, terms, payer, debit), table


def _methods(debit: Bools, segment: Ints) -> pa.Array:
    names = ["bank_transfer", "direct_debit", "card"]
    # Some small shops pay by card: every fifth, by position, so no random draw is needed.
    card = ~debit & (segment == 0) & (np.arange(len(segment)) % 5 == 0)
    return _pick(names, np.where(debit, 1, np.where(card, 2, 0)))


def _products(rng: np.random.Generator) -> tuple[Products, pa.Table]:
    category = np.sort(rng.integers(len(CATEGORIES), size=PRODUCTS))
    usual = np.array([row[2] for row in CATEGORIES])[category]
    # Prices end in 5 or 0 cents, and none is so low that a discount could round it to nothing.
    base = np.maximum(np.round(usual * rng.lognormal(0, 0.7, PRODUCTS) / 5) * 5, 40)
    base = base.astype(np.int64)
    now = _half_up(base * PRICE_INDEX[-1], 100)
    cost = _half_up(base * rng.integers(52, 78, PRODUCTS), 100)
    tax = np.array([row[3] for row in CATEGORIES])[category]
    launched = FIRST_DAY - rng.integers(30, 4 * 365, PRODUCTS)
    new = rng.random(PRODUCTS) < 0.15
    launched = np.where(new, FIRST_DAY + rng.integers(0, 900, PRODUCTS), launched)
    gone = np.maximum(launched, FIRST_DAY) + rng.integers(150, 1500, PRODUCTS)
    gone = np.where((rng.random(PRODUCTS) < 0.12) & (gone <= LAST_DAY), gone, LAST_DAY + 1)

    items = [item for row in CATEGORIES for item in row[1]]
    item = category * 4 + rng.integers(4, size=PRODUCTS)
    number = _padded(np.arange(1, PRODUCTS + 1), 4)
    material = _pick(MATERIALS, rng.integers(len(MATERIALS), size=PRODUCTS))
    # A handbook isn't made of steel.
    material = pc.if_else(pa.array(category == 7), "Illustrated", material)
    table = _table(
        "Goods that are sold.",
        Column("product_id", _keys(PRODUCTS), "Primary key"),
        Column("sku", _join("", "P-", number), "Stock number"),
        Column("name", _join(" ", material, _pick(items, item), number), "Made up"),
        Column("category", _pick([row[0] for row in CATEGORIES], category), "Group of goods"),
        Column("list_price", _decimals(now), "Net, in euro, as of the last day"),
        Column("unit_cost", _decimals(cost), "What the company pays, in euro"),
        Column("tax_percent", _decimals(tax * 100, PERCENT), "Rate of a domestic sale"),
        Column("launched_on", _dates(launched), "First day it could be ordered"),
        Column("discontinued_on", _dates(gone, gone > LAST_DAY), "Day it was withdrawn", True),
    )
    return Products(category, base, tax, launched, gone), table


def _customer_weights(rng: np.random.Generator, customers: Customers) -> Floats:
    """Few customers order most: a long tail, one row for all 36 months."""
    weight = np.array([row[4] for row in SEGMENTS])[customers.segment]
    weight = weight * rng.lognormal(0, 0.9, len(weight))
    return np.broadcast_to(weight, (36, len(weight)))


def _order_times(rng: np.random.Generator, expected: float) -> Ints:
    """Seconds since 1970 UTC of each order, sorted."""
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    growth = 1.12 ** ((days - FIRST_DAY) / 365.25)
    weight = growth * np.array(ORDERS_BY_MONTH)[_month(days) % 12]
    weight = weight * np.array(ORDERS_BY_WEEKDAY)[_weekday(days)]
    weight = np.where(_is_holiday(days), weight * 0.04, weight)
    day = np.repeat(days, rng.poisson(weight / weight.sum() * expected))
    second = np.clip(rng.normal(10.0, 2.6, len(day)) * 3_600, 0, 86_399).astype(np.int64)
    return np.sort(day * 86_400 + second)


def _shipping(rng: np.random.Generator, order_day: Ints) -> tuple[Ints, Bools]:
    """Shipping day (beyond LAST_DAY when it didn't ship) and whether it was cancelled."""
    count = len(order_day)
    wait = rng.integers(0, 4, count)
    wait = np.where(rng.random(count) < 0.08, wait + rng.integers(5, 30, count), wait)
    cancelled = rng.random(count) < 0.018
    return np.where(cancelled, LAST_DAY + 1, _next_working_day(order_day + wait)), cancelled


def _orders(
    rng: np.random.Generator, ordered: Ints, customer: Ints, shipped: Ints, cancelled: Bools
) -> pa.Table:
    count = len(ordered)
    channel = rng.choice(4, count, p=(0.46, 0.22, 0.14, 0.18))
    status = np.where(cancelled, 2, np.where(shipped > LAST_DAY, 0, 1))
    moment = pa.array(ordered * 1_000_000).view(pa.timestamp("us", tz="UTC"))
    return _table(
        "Orders of customers.",
        Column("order_id", _keys(count), "Primary key"),
        Column("order_number", _numbers("SO", ordered // 86_400), "Counts up within a year"),
        Column("customer_id", pa.array(customer + 1), "Who ordered (customers)"),
        Column("ordered_at", moment, "When it came in, UTC"),
        Column("channel", _pick(["web", "phone", "visit", "edi"], channel), "How it came in"),
        Column("status", _pick(["open", "shipped", "cancelled"], status), "As of the last day"),
        Column("shipped_on", _dates(shipped, shipped > LAST_DAY), "Null if it wasn't", True),
    )


def _order_lines(
    rng: np.random.Generator,
    order_day: Ints,
    order_customer: Ints,
    customers: Customers,
    products: Products,
) -> tuple[Lines, pa.Table]:
    wanted = 1 + np.minimum(rng.poisson(2.1, len(order_day)), 11)
    order = np.repeat(np.arange(len(order_day)), wanted)
    taste = rng.lognormal(0, 0.8, PRODUCTS)
    best = np.array([row[4] for row in CATEGORIES])[products.category]
    months = np.arange(36)[:, None] % 12 + 1
    weights = taste * (1 + 0.45 * np.cos((months - best) * (2 * np.pi / 12)))
    product = _draw_by_month(
        rng, order_day[order], weights, products.launched, products.discontinued
    )
    # A product appears only once in an order; this also sorts the lines by order.
    order, product = np.divmod(np.unique(order * PRODUCTS + product), PRODUCTS)
    number = _position_in_group(order)

    segment = customers.segment[order_customer[order]]
    year = (_month(order_day[order]) // 12).astype(np.int64)
    price = _half_up(products.base_price[product] * PRICE_INDEX[year], 100)
    usual = np.array([row[2] for row in SEGMENTS])[segment]
    wish = np.round(usual / price * rng.lognormal(0, 0.75, len(order)))
    wish = np.where(wish >= 20, np.round(wish / 5) * 5, wish)
    quantity = np.clip(wish, 1, 2_000).astype(np.int64)
    discount = np.array([row[3] for row in SEGMENTS])[segment]
    discount = discount + np.select([quantity >= 100, quantity >= 50], [8, 5], 0)

    lines = Lines(order, number, product, quantity, price, discount)
    table = _table(
        "What was ordered.",
        Column("order_line_id", _keys(len(order)), "Primary key"),
        Column("order_id", pa.array(order + 1), "Its order (orders)"),
        Column("line_number", _int32(number), "Position in the order, from 1"),
        Column("product_id", pa.array(product + 1), "What (products)"),
        Column("quantity", _int32(quantity), "How many"),
        Column("unit_price", _decimals(price), "Net price of one on the day of the order"),
        Column("discount_percent", _decimals(discount * 100, PERCENT), "Off the unit price"),
        Column("net_amount", _decimals(_net(lines, quantity)), "Quantity x price - discount"),
    )
    return lines, table


def _invoices(
    rng: np.random.Generator,
    lines: Lines,
    shipped: Ints,
    order_customer: Ints,
    customers: Customers,
    products: Products,
) -> tuple[Invoices, pa.Table, pa.Table]:
    """One invoice for each shipped order, on the day it ships; a few get a credit note later."""
    invoiced = np.flatnonzero(shipped <= LAST_DAY)
    invoice_of_order = np.full(len(shipped), -1)
    invoice_of_order[invoiced] = np.arange(len(invoiced))
    source = np.flatnonzero(invoice_of_order[lines.order] >= 0)
    owner = invoice_of_order[lines.order[source]]

    back = _next_working_day(shipped[invoiced] + rng.integers(4, 26, len(invoiced)))
    credited = np.flatnonzero((rng.random(len(invoiced)) < 0.026) & (back <= LAST_DAY))
    note_of_invoice = np.full(len(invoiced), -1)
    note_of_invoice[credited] = len(invoiced) + np.arange(len(credited))
    # The first line is always returned, so that no credit note is empty.
    returned = note_of_invoice[owner] >= 0
    returned &= (lines.number[source] == 1) | (rng.random(len(source)) < 0.4)
    note_source, note_owner = source[returned], note_of_invoice[owner[returned]]
    share = np.where(rng.random(len(note_source)) < 0.5, 1, rng.random(len(note_source)))
    note_quantity = np.maximum(np.ceil(lines.quantity[note_source] * share), 1).astype(np.int64)

    # Invoices first, credit notes after them; then all are ordered by date.
    order = np.concatenate([invoiced, invoiced[credited]])
    issued = np.concatenate([shipped[invoiced], back[credited]])
    kind = np.repeat([INVOICE, CREDIT_NOTE], [len(invoiced), len(credited)])
    parent = np.concatenate([np.full(len(invoiced), -1), credited])
    rank = np.lexsort((order, kind, issued))
    place = np.empty_like(rank)
    place[rank] = np.arange(len(rank))
    order, issued, kind = order[rank], issued[rank], kind[rank]
    parent = np.where(kind == CREDIT_NOTE, place[parent[rank]], -1)

    line_owner = place[np.concatenate([owner, note_owner])]
    line_source = np.concatenate([source, note_source])
    sign = np.repeat([1, -1], [len(source), len(note_source)])
    quantity = np.concatenate([lines.quantity[source], note_quantity])
    by_owner = np.lexsort((line_source, line_owner))
    line_owner, line_source = line_owner[by_owner], line_source[by_owner]
    sign, quantity = sign[by_owner], quantity[by_owner]

    customer = order_customer[order]
    product = lines.product[line_source]
    tax_percent = np.where(customers.home[customer[line_owner]], products.tax[product], 0)
    # Rounding the size first and the sign after it rounds halves away from zero on both sides.
    net = _net(lines, quantity, line_source)
    tax = _half_up(net * tax_percent, 100) * sign
    net = net * sign
    net_total, tax_total = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    np.add.at(net_total, line_owner, net)
    np.add.at(tax_total, line_owner, tax)
    total = net_total + tax_total
    due = np.where(kind == INVOICE, issued + customers.terms[customer], issued)

    numbers = pc.if_else(
        pa.array(kind == INVOICE), _numbers("INV", issued, kind), _numbers("CN", issued, kind)
    )
    table = _table(
        "Invoices and credit notes.",
        Column("invoice_id", _keys(len(order)), "Primary key"),
        Column("invoice_number", numbers, "Counts up without gaps within a year and kind"),
        Column("kind", _pick(["invoice", "credit_note"], kind), "invoice or credit_note"),
        Column("customer_id", pa.array(customer + 1), "Who owes (customers)"),
        Column("order_id", pa.array(order + 1), "The order behind it (orders)"),
        Column("credited_invoice_id", pa.array(parent + 1, mask=kind == INVOICE),
               "For a credit note, the invoice that it lowers (invoices)", True),
        Column("issued_on", _dates(issued), "Date of the document"),
        Column("due_on", _dates(due), "To be paid by"),
        Column("net_amount", _decimals(net_total), "Sum of the lines' net"),
        Column("tax_amount", _decimals(tax_total), "Sum of the lines' tax"),
        Column("total_amount", _decimals(total), "Net + tax"),
    )  # fmt: skip
    discount = lines.discount[line_source] * 100
    line_table = _table(
        "Lines of invoices and credit notes.",
        Column("invoice_line_id", _keys(len(line_owner)), "Primary key"),
        Column("invoice_id", pa.array(line_owner + 1), "Its document (invoices)"),
        Column("line_number", _int32(_position_in_group(line_owner)), "Position, from 1"),
        Column("order_line_id", pa.array(line_source + 1), "What was ordered (order_lines)"),
        Column("product_id", pa.array(product + 1), "What (products)"),
        Column("quantity", _int32(quantity * sign), "Negative when it came back"),
        Column("unit_price", _decimals(lines.price[line_source]), "Net price of one"),
        Column("discount_percent", _decimals(discount, PERCENT), "Off the unit price"),
        Column("tax_percent", _decimals(tax_percent * 100, PERCENT), "0 unless domestic"),
        Column("net_amount", _decimals(net), "Rounded to cents, halves away from zero"),
        Column("tax_amount", _decimals(tax), "Tax on the rounded net, rounded alike"),
    )
    return Invoices(kind, customer, issued, due, parent, total), table, line_table


def _payments(rng: np.random.Generator, invoices: Invoices, customers: Customers) -> pa.Table:
    """Money received: mostly once and in full, sometimes late, in two parts, or not at all."""
    payable = invoices.total.copy()
    earliest = invoices.issued + 1
    notes = np.flatnonzero(invoices.kind == CREDIT_NOTE)
    # An invoice has at most one credit note, so plain indexing adds it once. The customer waits.
    payable[invoices.parent[notes]] += invoices.total[notes]
    earliest[invoices.parent[notes]] = invoices.issued[notes] + 1
    invoice = np.flatnonzero((invoices.kind == INVOICE) & (payable > 0))
    count = len(invoice)
    customer = invoices.customer[invoice]
    payer = customers.payer[customer]
    late = np.choose(
        payer,
        [rng.normal(-3, 4, count), rng.gamma(2, 8, count), rng.gamma(2, 26, count)],
    )
    late = np.where(customers.direct_debit[customer], 0, np.round(late)).astype(np.int64)
    first_day = np.maximum(invoices.due[invoice] + late, earliest[invoice])
    second_day = first_day + rng.integers(18, 75, count)

    never = rng.random(count) < NEVER_PAID[payer]
    split = (rng.random(count) < 0.06) & (payable[invoice] >= 20_000) & (payer > 0)
    first = payable[invoice] * rng.integers(30, 71, count) // 100
    first = np.where(split, first, payable[invoice])
    second = payable[invoice] - first
    broken = rng.random(count) < 0.08  # the second part never comes

    invoice = np.concatenate([invoice, invoice])
    day = _next_working_day(np.concatenate([first_day, second_day]))
    amount = np.concatenate([first, second])
    comes = np.concatenate([~never, ~never & split & ~broken]) & (day <= LAST_DAY)
    invoice, day, amount = invoice[comes], day[comes], amount[comes]
    rank = np.lexsort((invoice, day))
    invoice, day, amount = invoice[rank], day[rank], amount[rank]
    customer = invoices.customer[invoice]
    method = _methods(customers.direct_debit, customers.segment).take(pa.array(customer))
    return _table(
        "Money received for invoices.",
        Column("payment_id", _keys(len(invoice)), "Primary key"),
        Column("invoice_id", pa.array(invoice + 1), "What it pays (invoices)"),
        Column("customer_id", pa.array(customer + 1), "Who paid (customers)"),
        Column("paid_on", _dates(day), "Day it reached the account"),
        Column("method", method, "How it was paid"),
        Column("amount", _decimals(amount), "In euro"),
    )


# --- numbers, days, draws -----------------------------------------------------------------------


def _rng(seed: int, table: str) -> np.random.Generator:
    # One stream per table: a change to one table doesn't change the draws of the others.
    return np.random.default_rng([seed, zlib.crc32(table.encode())])


def _half_up(amount: Ints, divisor: int) -> Ints:
    """Divide amounts of 0 or more and round halves up, in integers: money is never a float."""
    return (2 * amount + divisor) // (2 * divisor)


def _net(lines: Lines, quantity: Ints, source: Ints | None = None) -> Ints:
    pick: Any = slice(None) if source is None else source
    return _half_up(quantity * lines.price[pick] * (100 - lines.discount[pick]), 100)


def _draw_by_month(
    rng: np.random.Generator, day: Ints, weights: Floats, since: Ints, until: Ints
) -> Ints:
    """Draw a position for each day, by weight, among the rows valid for that whole month.

    Args:
        rng: Source of chance.
        day: Days to draw for.
        weights: Shape (36, n): a weight for each month and position.
        since: Shape (n,): first day of life.
        until: Shape (n,): last day of life.
    """
    month = _month(day)
    drawn = np.empty(len(day), np.int64)
    starts = np.arange("2023-01", "2026-02", dtype="datetime64[M]").astype("datetime64[D]")
    first_days = starts.astype(np.int64)
    for index in range(36):
        alive = (since <= first_days[index]) & (until >= first_days[index + 1] - 1)
        edges = np.cumsum(np.where(alive, weights[index], 0))
        mine = np.flatnonzero(month == index)
        # Below the last edge by construction; the clip guards against rounding in the product.
        point = np.minimum(rng.random(len(mine)) * edges[-1], np.nextafter(edges[-1], 0))
        drawn[mine] = np.searchsorted(edges, point, side="right")
    return drawn


def _month(day: Ints) -> Ints:
    """Months since January 2023."""
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return np.asarray(month - 53 * 12, np.int64)


def _weekday(day: Ints) -> Ints:
    return (day + 3) % 7  # Monday is 0; day 0, 1970-01-01, was a Thursday


def _is_holiday(day: Ints) -> Bools:
    dates = day.astype("datetime64[D]")
    years = dates.astype("datetime64[Y]")
    found = np.zeros(len(day), np.bool_)
    for holiday in HOLIDAYS:
        offset = np.datetime64(f"1970-{holiday}", "D") - np.datetime64("1970-01-01", "D")
        # Counted in a common year; leap years shift the days after February by one.
        start = years.astype("datetime64[D]")
        leap = (years + 1).astype("datetime64[D]") - start == np.timedelta64(366, "D")
        found |= dates == start + offset + (leap & (holiday > "02-29"))
    return found


def _next_working_day(day: Ints) -> Ints:
    """Move days on a weekend or a holiday to the next working day."""
    while True:
        off = (_weekday(day) >= 5) | _is_holiday(day)
        if not off.any():
            return day
        day = day + off


def _position_in_group(group: Ints) -> Ints:
    """Count from 1 within each run of equal values of a sorted array."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    lengths = np.diff(np.append(starts, len(group)))
    return np.arange(len(group)) - np.repeat(starts, lengths) + 1


# --- arrays of Arrow ----------------------------------------------------------------------------


def _table(comment: str, *columns: Column) -> pa.Table:
    schema = pa.schema(
        [pa.field(c.name, c.values.type, c.nullable, {"comment": c.comment}) for c in columns],
        {"comment": comment, "primary_key": columns[0].name},
    )
    return pa.table([c.values for c in columns], schema=schema)


def _keys(count: int) -> pa.Array:
    return pa.array(np.arange(1, count + 1))


def _int32(values: Ints) -> pa.Array:
    return pa.array(values.astype(np.int32))


def _dates(day: Ints, missing: Bools | None = None) -> pa.Array:
    return pa.array(day.astype("datetime64[D]"), mask=missing)


def _decimals(hundredths: Ints, kind: pa.DataType = MONEY) -> pa.Array:
    """Whole hundredths as decimals: 128 bits little-endian, the upper half repeats the sign."""
    words = np.empty((len(hundredths), 2), "<i8")
    words[:, 0] = hundredths
    words[:, 1] = hundredths >> 63
    return pa.Array.from_buffers(kind, len(hundredths), [None, pa.py_buffer(words.tobytes())])


def _pick(words: Sequence[str], index: Ints) -> pa.Array:
    return pa.array(words).take(pa.array(index))


def _join(separator: str, *parts: str | pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(*parts, separator)


def _padded(number: Ints, width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(number).cast(pa.string()), width, "0")


def _numbers(prefix: str, day: Ints, kind: Ints | None = None) -> pa.Array:
    """Document numbers such as SO-2024-000017, by year (and kind) in the order of the rows."""
    year = _month(day) // 12 + 2023
    group = year * 2 if kind is None else year * 2 + kind
    by_group = np.argsort(group, kind="stable")
    number = np.empty(len(day), np.int64)
    number[by_group] = _position_in_group(group[by_group])
    return _join("-", prefix, _padded(year, 4), _padded(number, 6))


if __name__ == "__main__":
    sys.exit(main())
