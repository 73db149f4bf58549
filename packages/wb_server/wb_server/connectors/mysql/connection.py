"""Connections to MySQL and MariaDB: dialling, commands, statements, and the pool.

PyMySQL encrypts, signs in and reads packets. Statements are prepared and executed here, since PyMySQL
supports only the text protocol; ``rows`` explains why that isn't enough. A connection returns to the
pool only after the server has reset it: variables, temporary tables, locks and prepared statements of
one user must not reach the next.
"""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import pymysql
from pymysql.constants import CLIENT, COMMAND, CR
from pymysql.protocol import FieldDescriptorPacket, MysqlPacket

from ...kit.dial import dial
from ...kit.errors import SourceFailed
from ...kit.network import Peer
from ..dialled.idle import IdlePool
from . import settings as mysql_settings
from .block import broken_answer
from .result import ResultRows
from .rows import Columns
from .types import Described

# Commands that PyMySQL has no usable name for.
_PREPARE, _EXECUTE, _CLOSE, _RESET = 0x16, 0x17, 0x19, 0x1F


@dataclass(frozen=True)
class Login:
    """Where and how to connect.

    Attributes:
        peer: the checked address to dial, and the host name for the certificate.
        tls: the TLS context; ``None`` for an unencrypted connection.
        must_encrypt: True if a server without TLS is refused.
        verified: True if the server's certificate is verified.
    """

    peer: Peer
    user: str
    password: bytes
    database: str
    tls: ssl.SSLContext | None
    must_encrypt: bool
    verified: bool
    name: str
    connect_timeout: float


class NotAQuery(Exception):
    """A statement that returns no rows, where a query was expected."""


class _Refused:
    """An authentication plugin that is refused: it would reveal the password to any server."""

    def __init__(self, connection: object) -> None:
        pass

    def authenticate(self, packet: object) -> MysqlPacket:
        raise pymysql.OperationalError(CR.CR_AUTH_PLUGIN_CANNOT_LOAD, "not allowed")


class MySQLConnection:
    """One connection to a server.

    Attributes:
        reused: True if it comes from the pool; then only its first command shows if it is broken.
        mariadb: True for MariaDB, False for MySQL.
        version: the server's product and version, such as ``MariaDB 10.11.6``.
        number: the connection's id on the server, used to stop its statement.

    Raises:
        pymysql.Error, OSError: connecting failed.
    """

    def __init__(self, login: Login) -> None:
        self.reused = False
        self.idle_since = 0.0
        self._statement = 0
        self._waiting = login.connect_timeout
        sock = dial(login.peer, timeout=login.connect_timeout)
        try:
            self._my = self._connection(login)
            self._my.connect(sock)
        except BaseException:
            sock.close()
            raise
        try:
            version, comment, self._where = (str(value) for value in self.query(_WHO)[0])
            self.mariadb = "mariadb" in version.lower() or "mariadb" in comment.lower()
            product = "MariaDB" if self.mariadb else "MySQL"
            self.version = f"{product} {version.split('-')[0]}"
            self.number = int(self._my.thread_id())
        except BaseException:
            self.drop()
            raise

    def _connection(self, login: Login) -> Any:
        plugins = {"mysql_old_password": _Refused, "dialog": _Refused}
        if not login.verified:
            plugins["mysql_clear_password"] = _Refused
        connection: Any = pymysql.Connection(
            host=login.peer.host,
            port=login.peer.port,
            user=login.user,
            password=login.password,
            database=login.database,
            charset="utf8mb4",
            defer_connect=True,
            autocommit=None,
            client_flag=CLIENT.FOUND_ROWS,  # an UPDATE counts matched rows, as in other databases
            local_infile=False,
            connect_timeout=login.connect_timeout,
            read_timeout=login.connect_timeout,
            write_timeout=login.connect_timeout,
            auth_plugin_map=plugins,
            program_name=login.name,
            ssl=login.tls if login.must_encrypt else None,
            ssl_disabled=login.tls is None,
        )
        if login.tls is not None:
            connection.ctx = login.tls  # also if encryption is only preferred
        return connection

    def wait_at_most(self, seconds: float) -> None:
        """Sets how long the server may be silent before the connection counts as broken."""
        self._my._read_timeout = self._my._write_timeout = seconds

    def settings(self, timeout: float, *, read_only: bool) -> str:
        """The command that sets every session setting that a statement's meaning depends on."""
        return mysql_settings.settings(timeout, read_only=read_only, mariadb=self.mariadb)

    def set_up(self, timeout: float, *, read_only: bool) -> None:
        """Sets the session's settings, and verifies them.

        Raises:
            SourceFailed: the server or a proxy didn't keep them (``settings_refused``).
        """
        self.command(self.settings(timeout, read_only=read_only))
        self.verify()

    def verify(self) -> None:
        """Verifies the session's settings.

        Raises:
            SourceFailed: they aren't those of ``set_up`` (``settings_refused``).
        """
        if not mysql_settings.hold(self.query(mysql_settings.VERIFY)[0], mariadb=self.mariadb):
            raise SourceFailed(
                "The server, or a proxy in front of it, doesn't keep a session's settings "
                "(sql_mode, character set, time zone), so nothing is run there.",
                code="settings_refused",
            )

    def command(self, sql: str | bytes) -> None:
        """Runs one of the connector's own statements that returns no rows."""
        self._my._execute_command(COMMAND.COM_QUERY, sql)
        self._my._read_packet()

    def query(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """The rows of one of the connector's own small queries; ``%s`` stands for a value.

        Values are sent as hexadecimal literals, whose meaning no setting of the server changes.
        """
        if values:
            sql = sql % tuple(literal(value) for value in values)
        self._my.query(sql)
        return list(self._my._result.rows or ())

    def execute(self, sql: str, *, read: bool) -> tuple[int, ResultRows | None]:
        """Runs the permitted statement.

        Args:
            read: True if it has to be a query. The server tells before anything runs: some
                statements end a read-only transaction and continue without it.

        Returns:
            The number of changed rows and None, or 0 and the result's rows.

        Raises:
            NotAQuery: it has to be a query and isn't one.
        """
        my = self._my
        my._execute_command(_PREPARE, sql)
        head = my._read_packet().get_all_data()
        if len(head) < 9 or head[0] != 0:
            raise broken_answer()
        self._statement, columns, parameters = struct.unpack_from("<IHH", head, 1)
        for count in (parameters, columns):
            if count:
                self._skip(count)
        if parameters:
            raise pymysql.ProgrammingError(1064, "A statement can't hold a question mark here")
        if read and not columns:
            self.end_statement()
            raise NotAQuery
        my._execute_command(_EXECUTE, struct.pack("<IBI", self._statement, 0, 1))
        first = my._read_packet()
        if first.is_ok_packet():
            first.advance(1)
            changed = first.read_length_encoded_integer()
            self.end_statement()
            return int(changed or 0), None
        count = first.read_length_encoded_integer()
        if not count or first.is_load_local_packet():
            raise broken_answer()
        described = []
        for _ in range(count):
            packet: Any = my._read_packet(FieldDescriptorPacket)
            described.append(
                Described(
                    packet.name,
                    packet.type_code,
                    packet.flags,
                    packet.length,
                    packet.scale,
                    packet.charsetnr,
                )
            )
        if not my._read_packet().is_eof_packet():
            raise broken_answer()
        return 0, ResultRows(self, Columns(described))

    def _skip(self, count: int) -> None:
        for _ in range(count):
            self._my._read_packet()
        if not self._my._read_packet().is_eof_packet():
            raise broken_answer()

    def end_statement(self) -> None:
        """Closes the prepared statement; the server sends no reply."""
        if self._statement:
            self._my._execute_command(_CLOSE, struct.pack("<I", self._statement))
            self._statement = 0

    def more(self, size: int) -> bytes:
        """The next bytes: at least one, at most ``size``."""
        my = self._my
        if my._current_timeout != my._read_timeout:
            my._sock.settimeout(my._read_timeout)
            my._current_timeout = my._read_timeout
        piece: bytes = my._rfile.read1(size)
        if not piece:
            raise pymysql.OperationalError(CR.CR_SERVER_LOST, "lost")
        return piece

    def is_same_server(self, other: MySQLConnection) -> bool:
        """True if both lead to the same server; behind a load balancer they may not."""
        return self._where == other._where

    def reset(self) -> None:
        """Clears the session's state and ends its transaction."""
        self.wait_at_most(self._waiting)
        self._my._execute_command(_RESET, b"")
        if not self._my._read_packet().is_ok_packet():
            raise broken_answer()
        self._statement = 0

    def cut(self) -> None:
        """Shuts down the socket: a thread waiting for the server gets an error. Never raises."""
        with suppress(Exception):
            self._my._sock.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Closes the connection at once; the server rolls back what is open. Never raises."""
        with suppress(Exception):
            self._my._force_close()


def literal(value: str) -> str:
    """A string as an SQL literal whose meaning no setting of the server changes."""
    return f"_utf8mb4 x'{value.encode().hex()}'"


_WHO: Final = (
    "SELECT @@version, @@version_comment, "
    "concat(@@hostname, ' ', @@port, ' ', @@datadir, ' ', @@server_id)"
)


class MySQLPool(IdlePool[MySQLConnection]):
    """Idle connections to MySQL or MariaDB."""
