"""Predictions of inputs and outputs: found in answers, and made into programs of one expression.

The publisher executes `assert <output> == <prediction>` behind the function.
So a prediction is what such an assertion takes for its right side; here it is
parsed as that, and nothing of it is evaluated.
"""

from __future__ import annotations

import ast

from opencodeeval.core.syntax import parse

FUNCTION = "f"
# What the judge calls to have a prediction evaluated: no name that a prediction would use.
ENTRY_POINT = "_predicted"
_ARGUMENTS = "_arguments"
_NOTED = f"{_ARGUMENTS} = lambda *given, **named: [[*given], named]\n"


def predicted(text: str, scenario: str, thought: bool, last_line: bool = False) -> str:
    """The prediction in an answer, by the publisher's rules.

    With `thought` it comes after the first [ANSWER]; where there is none it is looked for in
    the whole text, or with `last_line` it is the last line.
    """
    if thought and "[ANSWER]" in text:
        text = text.split("[ANSWER]")[1]
    elif last_line:
        return text.split("\n")[-1].strip()
    sides = text.split("==")
    if scenario == "output":
        return sides[min(1, len(sides) - 1)].strip()
    asserted = sides[0].split("assert")
    return asserted[min(1, len(asserted) - 1)].strip()


def input_program(code: str, prediction: str, noted: bool = True) -> str:
    """The program of a predicted call; "" where the prediction is no call of the function alone.

    With `noted` calling its entry point gives the arguments, [positional, named], and
    otherwise what the function returns.
    """
    call = _call(prediction)
    if call is None:
        return ""
    if not noted:
        return _program(f"{code}\n\n", call)
    call.func = ast.Name(_ARGUMENTS)
    return _program(f"{code}\n\n{_NOTED}", call)


def output_program(code: str, prediction: str) -> str:
    """The program of a predicted output; "" where the prediction is no expression.

    It has all of the code that the prediction might name, but for the function itself.
    """
    expression, tree = _expression(prediction), parse(code)
    if expression is None or tree is None:
        return ""
    others = (each for each in tree.body if getattr(each, "name", "") != FUNCTION)
    return _program("".join(f"{ast.unparse(each)}\n" for each in others), expression)


def needs_functions(prediction: str) -> bool:
    """Whether a predicted call has functions for arguments."""
    call = _call(prediction)
    return call is not None and any(isinstance(node, ast.Lambda) for node in ast.walk(call))


def _program(head: str, expression: ast.expr) -> str:
    try:
        return f"{head}{ENTRY_POINT} = lambda: {ast.unparse(expression)}\n"
    except RecursionError:  # too deep to be printed, let alone predicted
        return ""


def _call(prediction: str) -> ast.Call | None:
    match _expression(prediction):
        case ast.Call(func=ast.Name(id="f")) as call:
            return call
        case _:
            return None


def _expression(prediction: str) -> ast.expr | None:
    """The right side of `assert _ == <prediction>`; None where that is no plain equality.

    What follows it, a message or more statements, does not take part.
    """
    match getattr(parse(f"assert _ == {prediction}"), "body", []):
        case [
            ast.Assert(
                test=ast.Compare(
                    left=ast.Name(id="_"), ops=[ast.Eq()], comparators=[ast.expr() as right]
                )
            ),
            *_,
        ]:
            return right
        case _:
            return None
