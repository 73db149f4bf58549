"""Forms that only this package makes, so that a parser takes what it has no grammar for."""

from __future__ import annotations

from sqlglot import Token, TokenType, exp

MAX_BRACKETS = 60  # brackets or CASE inside each other
SEAL = "\x00"  # refused in the input, so nothing from outside holds it
FORM = SEAL * 2  # begins a name that stands for a form; the mask of a function is one of them
NOTHING = SEAL  # the word of the tree for an operand that is written as nothing


def like(token: Token, kind: TokenType, text: str) -> Token:
    """A token in the place of another one."""
    return Token(kind, text, token.line, token.col, token.start, token.end)


def nothing(token: Token) -> Token:
    """An operand that is written as nothing."""
    return like(token, TokenType.STRING, SEAL)


def is_nothing(node: exp.Expr) -> bool:
    """True for the operand that is written as nothing."""
    return type(node) is exp.Var and node.this == NOTHING


def operator(token: Token, sign: str, *, prefix: bool = False) -> list[Token]:
    """``OPERATOR(sign)``, where its operands stand on both sides, or on the right only."""
    form = [
        like(token, TokenType.OPERATOR, "OPERATOR"),
        like(token, TokenType.L_PAREN, "("),
        like(token, TokenType.VAR, sign),
        Token(TokenType.R_PAREN, ")", token.line, -1, token.start, token.end),
    ]
    return [nothing(token), *form] if prefix else form
