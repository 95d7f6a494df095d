"""LeetCode's published tests, read as data: what to call a solution with, and what it must return.

They come as source in one of two forms,

    my_solution = Solution()                            def check(candidate):
    test_input = { "s": "ab" }                              assert candidate(s = "ab") == 2
    assert my_solution.method(**test_input) == 2            assert candidate(s = "b") == 1

and are taken apart here, so that a sample is called by value and sees none of
it. In the first form a value may go through a helper that the test defines by
a lambda (linked lists: `_f1([1, 2])` makes nodes of the sample's own class, and
`_f2(...)` a list again). Such helpers must run where the sample does.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opencodeeval.core.errors import DataError
from opencodeeval.core.syntax import parse

INSTANCE, INPUT = "my_solution", "test_input"
# What the judge calls: no name that a solution would use.
ENTRY_POINT = "_called_by_name"


@dataclass(frozen=True)
class Calls:
    """The calls of one task: arguments by name, and as many expected values.

    `helpers` has the source of helpers by name; `made` says which of them an
    argument goes through, `read` which of them the result ("" for none).
    """

    method: str
    arguments: tuple[Mapping[str, Any], ...]
    expected: tuple[Any, ...]
    helpers: Mapping[str, str]
    made: Mapping[str, str]
    read: str

    @property
    def setup(self) -> str:
        """Source that makes ENTRY_POINT, which takes arguments by name, of a program's Solution.

        One object serves all calls, as in the published tests.
        """
        given = ["**named", *(f"{name!r}: {by}(named[{name!r}])" for name, by in self.made.items())]
        call = f"{INSTANCE}.{self.method}(**{{{', '.join(given)}}})"
        helpers = (f"{name} = {source}\n" for name, source in self.helpers.items())
        return (
            f"\n{''.join(helpers)}{INSTANCE} = Solution()\n"
            f"{ENTRY_POINT} = lambda named: {self.read}({call})\n"
        )


@dataclass(frozen=True)
class _Call:
    """One assertion, or one part of it: values with the helpers that they go through."""

    method: str
    arguments: Mapping[str, Any]
    made: Mapping[str, str]
    read: str
    expected: Any


def contest_calls(test: str) -> Calls:
    """The calls of a test of the contest problems.

    Raises:
        DataError: it has another form, or asserts nothing.
    """
    helpers: dict[str, str] = {}
    calls: list[_Call] = []
    given: ast.expr | None = None
    for statement in _parsed(test).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() as function):
                helpers[name] = ast.unparse(function)
            case ast.Assign(targets=[ast.Name(id="test_input")], value=ast.Dict() as values):
                given = values
            case ast.Assign(targets=[ast.Name(id="my_solution")]) if _is_new_solution(statement):
                pass
            case ast.Assert(test=ast.Compare() as claim) if isinstance(given, ast.Dict):
                calls.append(_contest_call(claim, given, helpers))
            case _:
                raise _odd(statement)
    return _of(calls, helpers)


def check_calls(test: str, entry_point: str) -> Calls:
    """The calls of a `check(candidate)`, where the candidate is `Solution().method`.

    Raises:
        DataError: it has another form, or asserts nothing.
    """
    solution, _, method = entry_point.partition(".")
    if solution != "Solution()" or not method.isidentifier():
        raise DataError(f"its entry_point is {entry_point!r}, which is no method of Solution()")
    match _parsed(test).body:
        case [ast.FunctionDef(name="check", body=body)]:
            return _of([_check_call(statement, method) for statement in body], {})
        case body:
            raise _odd(body[0] if body else ast.Pass())


def _parsed(test: str) -> ast.Module:
    tree = parse(test)
    if tree is None:
        raise DataError("its test is not Python: fetch the data again")
    return tree


def _is_new_solution(statement: ast.Assign) -> bool:
    return ast.unparse(statement) == f"{INSTANCE} = Solution()"


def _contest_call(claim: ast.Compare, given: ast.Dict, helpers: Mapping[str, str]) -> _Call:
    result, read = claim.left, ""
    match result:
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in helpers:
            result, read = inner, name
    match result:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="my_solution"), attr=method),
            args=[],
            keywords=[ast.keyword(arg=None, value=ast.Name(id="test_input"))],
        ):
            pass
        case _:
            raise _odd(claim)
    arguments: dict[str, Any] = {}
    made: dict[str, str] = {}
    for key, value in zip(given.keys, given.values, strict=True):
        match key:
            case ast.Constant(value=str(name)) if name.isidentifier():
                pass
            case _:
                raise _odd(given)
        match value:
            case ast.Call(func=ast.Name(id=by), args=[inner], keywords=[]) if by in helpers:
                arguments[name], made[name] = _value(inner), by
            case _:
                arguments[name] = _value(value)
    return _Call(method, arguments, made, read, _expected(claim))


def _check_call(statement: ast.stmt, method: str) -> _Call:
    match statement:
        case ast.Assert(
            test=ast.Compare(
                left=ast.Call(func=ast.Name(id="candidate"), args=[], keywords=keywords)
            ) as claim
        ) if all(each.arg for each in keywords):
            arguments = {str(each.arg): _value(each.value) for each in keywords}
            return _Call(method, arguments, {}, "", _expected(claim))
        case _:
            raise _odd(statement)


def _expected(claim: ast.Compare) -> Any:
    match claim:
        case ast.Compare(ops=[ast.Eq()], comparators=[expected]):
            return _value(expected)
        case _:
            raise _odd(claim)


def _value(node: ast.expr) -> Any:
    """The value of a literal; nothing is evaluated."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise _odd(node) from error


def _of(calls: list[_Call], helpers: Mapping[str, str]) -> Calls:
    if not calls:
        raise DataError("its test asserts nothing: fetch the data again")
    ways = {(each.method, tuple(each.made.items()), each.read) for each in calls}
    if len(ways) > 1:
        raise DataError(f"its test calls in {len(ways)} ways, of which one is known: report it")
    first = calls[0]
    return Calls(
        method=first.method,
        arguments=tuple(each.arguments for each in calls),
        expected=tuple(each.expected for each in calls),
        helpers=helpers,
        made=first.made,
        read=first.read,
    )


def _odd(node: ast.AST) -> DataError:
    try:
        text = " ".join(ast.unparse(node).split())
    except RecursionError:
        text = type(node).__name__
    return DataError(f"its test has a part of no known form: {text[:100]}")
