"""Variables of the session (``@n``): allowed as far as a statement sets what it reads.

The server forgets them when a session goes back to the pool, so nobody sees another's. A variable
that isn't set in the statement would be NULL, whatever its author set before: that is refused.
"""

from __future__ import annotations

from sqlglot import exp

from wb_server.kit.errors import InvalidInput


def check_variables(tree: exp.Expr) -> None:
    """Refuses a variable that the statement doesn't set, and ``:=`` after anything else.

    Raises:
        InvalidInput: ``syntax_error``, ``parameter_syntax``.
    """
    known = set()
    for setting in tree.find_all(exp.PropertyEQ):
        if not isinstance(setting.this, exp.Parameter):
            raise InvalidInput(
                "Only a variable can stand before := (@n := @n + 1).", code="syntax_error"
            )
        known.add(setting.this.name.lower())
    for node in tree.find_all(exp.Parameter):
        if node.name.lower() not in known:
            raise InvalidInput(
                f"The variable @{node.name} isn't set in this statement, so it would be NULL. Set it "
                f"there, (SELECT @{node.name} := 0), or write a parameter: :{node.name}.",
                code="parameter_syntax",
            )
