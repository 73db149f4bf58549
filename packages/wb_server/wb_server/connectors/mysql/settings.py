"""Session settings that the meaning of a statement, and of the rows returned, depends on.

A server may have other defaults (``SET GLOBAL``, ``init_connect``), and a proxy in between may lose
the settings of a session. So each use sets them, and reads back those that affect how text is read:
with ``NO_BACKSLASH_ESCAPES`` or ``ANSI_QUOTES``, or another character set, a string would end
elsewhere than the gate assumed.

Settings that a server's owner may have chosen deliberately stay: collations, the digits of a
division, the language of months, the isolation level.
"""

from __future__ import annotations

from typing import Final

# The default modes of each server. None of them changes how text is read.
_MODES: Final = {
    True: "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,"
    "NO_ENGINE_SUBSTITUTION",
    False: "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
}
_CHARACTER_SETS: Final = (
    "character_set_client",
    "character_set_connection",
    "character_set_results",
)
_PLAIN: Final = {
    "lc_messages": "'en_US'",  # the names in errors are found by their English words
    "autocommit": "1",
    "completion_type": "0",
    "sql_auto_is_null": "0",
    "sql_safe_updates": "0",
    "sql_big_selects": "1",
    # These truncate rows or values without an error. DEFAULT would be the server owner's value.
    "sql_select_limit": "18446744073709551615",
    "group_concat_max_len": str(1 << 20),
    # Constraints of tables.
    "foreign_key_checks": "1",
    "unique_checks": "1",
    "timestamp": "DEFAULT",  # the clock
}
_MARIADB: Final = {
    "old_mode": "'UTF8_IS_UTF8MB3'",
    "default_regex_flags": "''",
    "sql_if_exists": "0",
    "system_versioning_asof": "DEFAULT",  # now
    # This would end a recursive query without an error, with the rows so far.
    "max_recursive_iterations": "4294967295",
}
_MYSQL: Final = {"cte_max_recursion_depth": "4294967295"}

VERIFY: Final = f"SELECT @@sql_mode, @@time_zone, {', '.join(f'@@{it}' for it in _CHARACTER_SETS)}"


def settings(timeout: float, *, read_only: bool, mariadb: bool) -> str:
    """The command that sets every session setting that a statement's meaning depends on.

    Args:
        timeout: seconds that a query may take.
        read_only: True to make the whole session read-only, so that a statement that ends the
            transaction implicitly, as DROP does, can't write either. A write keeps the login's
            default, which may be read-only.
        mariadb: True if the server is MariaDB.
    """
    limit = (
        {"max_statement_time": f"{timeout:.3f}"}
        if mariadb
        else {"max_execution_time": str(max(1, round(timeout * 1000)))}
    )
    # Otherwise the server disconnects a reader that pauses between two batches.
    patience = max(60, min(round(timeout), 31_000_000))
    wanted = {
        "sql_mode": f"'{_MODES[mariadb]}'",
        **dict.fromkeys(_CHARACTER_SETS, "utf8mb4"),
        "time_zone": "'+00:00'",
        **_PLAIN,
        **(_MARIADB if mariadb else _MYSQL),
        "net_write_timeout": str(patience),
        **limit,
    }
    if read_only:
        wanted["tx_read_only" if mariadb else "transaction_read_only"] = "1"
    return "SET SESSION " + ", ".join(f"{name} = {value}" for name, value in wanted.items())


def hold(found: tuple[object, ...], *, mariadb: bool) -> bool:
    """True if the result of ``VERIFY`` is what was set."""
    mode, zone, *sets = (str(value) for value in found)
    return (
        set(mode.split(",")) == set(_MODES[mariadb].split(","))
        and zone == "+00:00"
        and set(sets) == {"utf8mb4"}
    )
