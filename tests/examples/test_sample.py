"""The sample data: same seed, same rows, and books that balance to the cent."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# Rows at scale 1, as bounds with room for another random stream.
BOUNDS = {
    "sales_teams": (6, 6),
    "customers": (1_200, 1_200),
    "products": (320, 320),
    "orders": (40_000, 44_000),
    "order_lines": (115_000, 140_000),
    "invoices": (39_000, 45_000),
    "invoice_lines": (114_000, 142_000),
    "payments": (36_000, 44_000),
}

FOREIGN_KEYS = [
    ("customers", "sales_team_id", "sales_teams"),
    ("orders", "customer_id", "customers"),
    ("order_lines", "order_id", "orders"),
    ("order_lines", "product_id", "products"),
    ("invoices", "customer_id", "customers"),
    ("invoices", "order_id", "orders"),
    ("invoices", "credited_invoice_id", "invoices"),
    ("invoice_lines", "invoice_id", "invoices"),
    ("invoice_lines", "order_line_id", "order_lines"),
    ("invoice_lines", "product_id", "products"),
    ("payments", "invoice_id", "invoices"),
    ("payments", "customer_id", "customers"),
]

MONEY = {
    "customers": ["credit_limit"],
    "products": ["list_price", "unit_cost"],
    "order_lines": ["unit_price", "net_amount"],
    "invoices": ["net_amount", "tax_amount", "total_amount"],
    "invoice_lines": ["unit_price", "net_amount", "tax_amount"],
    "payments": ["amount"],
}

# Each query finds rows that break its rule. DuckDB's round() of a decimal rounds halves away from zero.
RULES = {
    "an order line's net follows from its parts": """
        SELECT * FROM order_lines WHERE net_amount
        <> round(quantity * unit_price * (100 - discount_percent) * 0.01, 2)""",
    "an invoice line's net follows from its parts": """
        SELECT * FROM invoice_lines WHERE net_amount
        <> round(quantity * unit_price * (100 - discount_percent) * 0.01, 2)""",
    "an invoice line's tax follows from its rounded net": """
        SELECT * FROM invoice_lines
        WHERE tax_amount <> round(net_amount * tax_percent * 0.01, 2)""",
    "an invoice is the sum of its lines": """
        SELECT * FROM invoices LEFT JOIN (
            SELECT invoice_id, sum(net_amount) AS net, sum(tax_amount) AS tax
            FROM invoice_lines GROUP BY invoice_id) USING (invoice_id)
        WHERE net_amount IS DISTINCT FROM net OR tax_amount IS DISTINCT FROM tax
        OR total_amount <> net_amount + tax_amount""",
    "an invoice bills all lines of its order as ordered": """
        SELECT * FROM order_lines AS o
        JOIN invoices AS i ON i.order_id = o.order_id AND i.kind = 'invoice'
        LEFT JOIN invoice_lines AS l
        ON l.invoice_id = i.invoice_id AND l.order_line_id = o.order_line_id
        WHERE (o.product_id, o.quantity, o.unit_price, o.discount_percent, o.net_amount)
        IS DISTINCT FROM
        (l.product_id, l.quantity, l.unit_price, l.discount_percent, l.net_amount)""",
    "each shipped order, and no other, has one invoice of its day and customer": """
        SELECT * FROM orders AS o
        FULL JOIN (SELECT * FROM invoices WHERE kind = 'invoice') AS i USING (order_id)
        WHERE o.shipped_on IS DISTINCT FROM i.issued_on
        OR (i.invoice_id IS NOT NULL AND i.customer_id <> o.customer_id)""",
    "an order is shipped exactly when it has a shipping day": """
        SELECT * FROM orders WHERE (status = 'shipped') <> (shipped_on IS NOT NULL)
        OR shipped_on < CAST(ordered_at AT TIME ZONE 'UTC' AS DATE)""",
    "customers and products are active when ordered": """
        SELECT * FROM orders JOIN customers USING (customer_id)
        JOIN order_lines USING (order_id) JOIN products USING (product_id)
        WHERE CAST(ordered_at AT TIME ZONE 'UTC' AS DATE)
        NOT BETWEEN greatest(customer_since, launched_on)
        AND least(coalesce(closed_on, DATE '9999-12-31'),
                  coalesce(discontinued_on, DATE '9999-12-31'))""",
    "an invoice has positive amounts, a credit note negative ones": """
        SELECT * FROM invoices WHERE (kind = 'invoice') <> (net_amount > 0) OR net_amount = 0
        OR (kind = 'invoice') <> (credited_invoice_id IS NULL)""",
    "a credit note belongs to an earlier invoice of the same customer and order": """
        SELECT * FROM invoices AS n JOIN invoices AS i ON i.invoice_id = n.credited_invoice_id
        WHERE i.kind <> 'invoice' OR i.issued_on >= n.issued_on
        OR i.customer_id <> n.customer_id OR i.order_id <> n.order_id""",
    "no more is returned than was sold": """
        SELECT order_line_id FROM invoice_lines GROUP BY order_line_id
        HAVING sum(quantity) < 0 OR sum(net_amount) < 0 OR sum(tax_amount) < 0""",
    "payments never exceed an invoice less its credit notes": """
        SELECT * FROM invoices AS i
        LEFT JOIN (SELECT invoice_id, sum(amount) AS paid FROM payments GROUP BY 1) AS p
        ON p.invoice_id = i.invoice_id
        LEFT JOIN (SELECT credited_invoice_id, sum(total_amount) AS credited FROM invoices
                   GROUP BY 1) AS n ON n.credited_invoice_id = i.invoice_id
        WHERE i.kind = 'invoice'
        AND coalesce(paid, 0) > i.total_amount + coalesce(credited, 0)""",
    "a payment is positive, for an invoice of its customer, after it was issued": """
        SELECT * FROM payments AS p JOIN invoices AS i USING (invoice_id)
        WHERE p.amount <= 0 OR i.kind <> 'invoice' OR p.customer_id <> i.customer_id
        OR p.paid_on <= i.issued_on""",
    "an invoice is due according to the customer's terms": """
        SELECT * FROM invoices JOIN customers USING (customer_id) WHERE due_on
        <> issued_on + CASE kind WHEN 'invoice' THEN payment_terms_days ELSE 0 END""",
    "tax is charged on domestic sales only, at the product's rate": """
        SELECT * FROM invoice_lines AS l JOIN invoices USING (invoice_id)
        JOIN customers AS c USING (customer_id) JOIN products AS p ON p.product_id = l.product_id
        WHERE l.tax_percent
        <> CASE WHEN c.tax_treatment = 'domestic' THEN p.tax_percent ELSE 0 END
        OR (c.tax_treatment = 'domestic') <> (c.country = 'DE')""",
    "nothing is booked on a weekend": """
        SELECT issued_on FROM invoices WHERE isodow(issued_on) > 5
        UNION ALL SELECT paid_on FROM payments WHERE isodow(paid_on) > 5""",
    "documents are numbered without gaps by year": """
        SELECT kind, year(issued_on) AS y FROM invoices GROUP BY kind, y
        HAVING max(CAST(invoice_number[-6:] AS INT)) <> count(*)
        OR count(DISTINCT invoice_number) <> count(*)""",
    "an order's number is unique": """
        SELECT order_number FROM orders GROUP BY 1 HAVING count(*) > 1""",
}


def content_hash(tables: dict[str, pa.Table]) -> str:
    """A hash of names, schemas with comments, and all rows."""
    digest = hashlib.sha256()
    for name, table in tables.items():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        digest.update(name.encode())
        digest.update(sink.getvalue())
    return digest.hexdigest()


def read(folder: Path) -> dict[str, pa.Table]:
    """All files of a folder, by name."""
    return {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}


def count(warehouse: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The number of rows that a query returns."""
    row = warehouse.execute(f"SELECT count(*) FROM ({sql}) AS found").fetchone()
    assert row is not None
    return int(row[0])


def test_same_seed_gives_same_rows(generate: ModuleType) -> None:
    first, second = (content_hash(generate.generate(11, 0.1)) for _ in range(2))
    assert first == second


def test_another_seed_gives_other_rows(generate: ModuleType) -> None:
    assert content_hash(generate.generate(11, 0.05)) != content_hash(generate.generate(12, 0.05))


def test_another_process_writes_the_same_files(generate: ModuleType, tmp_path: Path) -> None:
    # Python's hashes differ between processes: nothing may depend on them.
    here, there = tmp_path / "here", tmp_path / "there"
    generate.write(generate.generate(11, 0.05), here)
    subprocess.run(
        [sys.executable, str(generate.__file__), str(there), "--seed", "11", "--scale", "0.05"],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": "5"},
    )
    assert content_hash(read(here)) == content_hash(read(there))
    assert [path.name for path in sorted(there.iterdir())] == sorted(
        f"{name}.parquet" for name in BOUNDS
    )


def test_files_keep_rows_and_comments(tables: dict[str, pa.Table], folder: Path) -> None:
    written = read(folder)
    assert set(written) == set(tables)
    for name, table in tables.items():
        assert written[name].equals(table), name
        assert written[name].schema.metadata[b"comment"], name
        for field in written[name].schema:
            assert field.metadata[b"comment"], f"{name}.{field.name}"


def test_tables_have_the_expected_size(tables: dict[str, pa.Table]) -> None:
    assert list(tables) == list(BOUNDS)
    for name, (low, high) in BOUNDS.items():
        assert low <= tables[name].num_rows <= high, name


def test_files_are_small(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.iterdir()) < 15_000_000


@pytest.mark.parametrize("name", BOUNDS)
def test_tables_are_sorted_by_their_key_in_the_first_column(
    tables: dict[str, pa.Table], name: str
) -> None:
    table = tables[name]
    assert table.schema.metadata[b"primary_key"].decode() == table.schema.names[0]
    assert table.column(0).to_pylist() == list(range(1, table.num_rows + 1))


@pytest.mark.parametrize(("table", "column", "parent"), FOREIGN_KEYS)
def test_foreign_keys_hold(
    warehouse: duckdb.DuckDBPyConnection,
    tables: dict[str, pa.Table],
    table: str,
    column: str,
    parent: str,
) -> None:
    key = tables[parent].schema.names[0]
    orphans = f"""SELECT * FROM {table} AS child WHERE child.{column} IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE p.{key} = child.{column})"""
    assert count(warehouse, orphans) == 0


@pytest.mark.parametrize("rule", RULES)
def test_rules_hold(warehouse: duckdb.DuckDBPyConnection, rule: str) -> None:
    assert count(warehouse, RULES[rule]) == 0


def test_types_are_exact(tables: dict[str, pa.Table]) -> None:
    for name, table in tables.items():
        for field in table.schema:
            assert not pa.types.is_floating(field.type), f"{name}.{field.name}"
            if field.name.endswith("_on") or field.name == "customer_since":
                assert field.type == pa.date32(), f"{name}.{field.name}"
    for name, columns in MONEY.items():
        for column in columns:
            assert tables[name].schema.field(column).type == pa.decimal128(12, 2)
    assert tables["orders"].schema.field("ordered_at").type == pa.timestamp("us", tz="UTC")


def test_only_nullable_columns_have_nulls(tables: dict[str, pa.Table]) -> None:
    for name, table in tables.items():
        for field in table.schema:
            assert field.nullable or table[field.name].null_count == 0, f"{name}.{field.name}"


def test_the_data_covers_three_full_years(warehouse: duckdb.DuckDBPyConnection) -> None:
    for sql in (
        "SELECT DISTINCT date_trunc('month', ordered_at AT TIME ZONE 'UTC') FROM orders",
        "SELECT DISTINCT date_trunc('month', issued_on) FROM invoices",
        "SELECT DISTINCT date_trunc('month', paid_on) FROM payments",
    ):
        assert count(warehouse, sql) == 36
    for sql in (
        "SELECT min(issued_on), max(issued_on) FROM invoices",
        "SELECT min(paid_on), max(paid_on) FROM payments",
        "SELECT CAST(min(o.at) AS DATE), CAST(max(o.at) AS DATE) "
        "FROM (SELECT ordered_at AT TIME ZONE 'UTC' AS at FROM orders) AS o",
    ):
        row = warehouse.execute(sql).fetchone()
        assert row is not None
        assert dt.date(2023, 1, 1) <= row[0]
        assert row[1] <= dt.date(2025, 12, 31)


def test_the_company_grows(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "SELECT sum(net_amount) FROM invoices GROUP BY year(issued_on) ORDER BY year(issued_on)"
    ).fetchall()
    revenue = [row[0] for row in rows]
    assert revenue == sorted(revenue)


def test_there_are_open_invoices(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Each bucket of an aging report has invoices, some of them partly paid."""
    rows = warehouse.execute("""
        WITH paid AS (SELECT invoice_id, sum(amount) AS amount FROM payments GROUP BY 1),
        noted AS (SELECT credited_invoice_id AS invoice_id, sum(total_amount) AS amount
                  FROM invoices GROUP BY 1)
        SELECT least(greatest(ceil((DATE '2025-12-31' - due_on) / 30), 0), 4) AS bucket,
               count(*), count(paid.amount)
        FROM invoices LEFT JOIN paid USING (invoice_id) LEFT JOIN noted USING (invoice_id)
        WHERE kind = 'invoice'
        AND total_amount + coalesce(noted.amount, 0) > coalesce(paid.amount, 0)
        GROUP BY bucket ORDER BY bucket
    """).fetchall()
    assert [row[0] for row in rows] == [0, 1, 2, 3, 4]
    assert all(row[1] >= 20 for row in rows)
    assert sum(row[2] for row in rows) >= 20


def test_names_are_made_up(tables: dict[str, pa.Table]) -> None:
    names = tables["customers"]["name"].to_pylist()
    assert all(re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+ \d{4}", name) for name in names)
    assert len(set(names)) == len(names)
    emails = tables["customers"]["email"].to_pylist()
    assert all(email.endswith("@example.com") for email in emails)


@pytest.mark.parametrize("scale", [0.01, 0.3])
def test_smaller_scales_have_all_tables(generate: ModuleType, scale: float) -> None:
    tables = generate.generate(3, scale)
    assert list(tables) == list(BOUNDS)
    assert all(table.num_rows for table in tables.values())
    low, high = BOUNDS["orders"]
    assert low * scale * 0.8 <= tables["orders"].num_rows <= high * scale * 1.2


@pytest.mark.parametrize("arguments", [["--scale", "0"], ["--seed", "-1"], ["--scale", "nan"]])
def test_bad_arguments_are_refused(
    generate: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        generate.main([str(tmp_path / "out"), *arguments])
    assert stopped.value.code == 2
    assert "must be" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
