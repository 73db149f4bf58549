"""Sealed tokens that only this package makes, for syntax that the parser has no grammar for."""

from __future__ import annotations

from sqlglot import Token, TokenType, exp

MAX_BRACKETS = 60  # nesting depth of brackets and CASE
SEAL = "\x00"  # refused in the input, so no user's text contains it
FORM = SEAL * 2  # prefix of a name that stands for a sealed form, such as a masked function
NOTHING = SEAL  # the tree's word for an operand that renders as nothing


def like(token: Token, kind: TokenType, text: str) -> Token:
    """A token at the position of another one."""
    return Token(kind, text, token.line, token.col, token.start, token.end)


def nothing(token: Token) -> Token:
    """An operand that renders as nothing."""
    return like(token, TokenType.STRING, SEAL)


def is_nothing(node: exp.Expr) -> bool:
    """True for the operand that is written as nothing."""
    return type(node) is exp.Var and node.this == NOTHING


def operator(token: Token, sign: str, *, prefix: bool = False) -> list[Token]:
    """``OPERATOR(sign)``, binary, or unary with its operand on the right."""
    form = [
        like(token, TokenType.OPERATOR, "OPERATOR"),
        like(token, TokenType.L_PAREN, "("),
        like(token, TokenType.VAR, sign),
        Token(TokenType.R_PAREN, ")", token.line, -1, token.start, token.end),
    ]
    return [nothing(token), *form] if prefix else form
