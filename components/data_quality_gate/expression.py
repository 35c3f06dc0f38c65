"""Expressions over a row's columns, evaluated on whole Arrow batches.

    total_votes >= helpful_votes and star_rating in (1, 2, 3, 4, 5)
    vine == "Y" or not is_missing(review_body) and length(review_body) > 10

Python's syntax, of which these are understood: columns by name (`col("odd name")` for others), numbers, text,
True and False; `+ - * /`; `== != < <= > >=`, also chained; `in` and `not in` with a tuple; `and`, `or`, `not`; the
functions `is_missing(column)`, `length(text)`, `lower(text)` and `abs(number)`.

A comparison with a missing value is neither true nor false; `and`, `or` and `not` follow SQL's three values.
"""

import ast
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Value = Any
"""A pyarrow array with a value for each row, or a pyarrow scalar."""


class ExpressionError(ValueError):
    """An expression that cannot be understood, or that does not fit the columns' types."""


@dataclasses.dataclass(frozen=True)
class Expression:
    """One expression; `columns` are the columns that it reads, in the order in which they stand there."""

    text: str
    columns: tuple[str, ...]

    def holds(self, batch: pa.RecordBatch) -> pa.Array:
        """For each row true, false or null.

        Raises:
          ExpressionError: the columns' types do not fit, or the answer is not a truth value.
        """
        answer = self._value(ast.parse(self.text.strip(), mode="eval").body, batch)
        if not pa.types.is_boolean(answer.type) and not pa.types.is_null(answer.type):
            raise ExpressionError(f"{self.text!r} gives {answer.type}, expected a comparison.")
        if isinstance(answer, pa.Scalar):
            answer = pa.array([answer.as_py()] * batch.num_rows, pa.bool_())
        return answer.cast(pa.bool_())

    def _value(self, node: ast.expr, batch: pa.RecordBatch) -> Value:
        try:
            return self._computed(node, batch)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            part = ast.get_source_segment(self.text.strip(), node) or self.text
            raise ExpressionError(f"{part!r} in {self.text!r} does not fit the columns' types: {error}.") from error

    def _computed(self, node: ast.expr, batch: pa.RecordBatch) -> Value:
        match node:
            case ast.Constant(value=value):
                return pa.scalar(value)
            case ast.Name(id=name):
                return column_of(batch, name)
            case ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str(name))]):
                return column_of(batch, name)
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                return _FUNCTIONS[name](self._value(argument, batch))
            case ast.UnaryOp(op=op, operand=operand):
                return _UNARY[type(op)](self._value(operand, batch))
            case ast.BinOp(left=left, op=op, right=right):
                return _BINARY[type(op)](self._value(left, batch), self._value(right, batch))
            case ast.BoolOp(op=op, values=values):
                found = [self._value(value, batch) for value in values]
                return _folded(_BOOLEAN[type(op)], found)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self._compared(left, ops, comparators, batch)
        raise AssertionError(f"parse() lets {type(node).__name__} through")

    def _compared(
        self, left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr], batch: pa.RecordBatch
    ) -> Value:
        answers = []
        before = left
        for op, after in zip(ops, comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                assert isinstance(after, ast.Tuple | ast.List)
                found = is_in(self._value(before, batch), [ast.literal_eval(item) for item in after.elts])
                answers.append(pc.invert(found) if isinstance(op, ast.NotIn) else found)
            else:
                answers.append(_COMPARE[type(op)](self._value(before, batch), self._value(after, batch)))
            before = after
        return _folded(pc.and_kleene, answers)


def parse(text: str) -> Expression:
    """The expression in a text.

    Raises:
      ExpressionError: saying what is not understood, and where.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        where = f"at character {error.offset}" if error.offset else "somewhere"
        raise ExpressionError(f"expression {text!r}: not understood {where}: {error.msg}.") from error
    for problem in _problems(tree.body, text):
        raise ExpressionError(problem)
    return Expression(text, tuple(dict.fromkeys(_columns(tree.body))))


def _problems(node: ast.expr, text: str) -> Iterator[str]:
    match node:
        case ast.Constant(value=bool() | int() | float() | str()) | ast.Name():
            return
        case ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str())], keywords=[]):
            return
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _FUNCTIONS:
            yield from _problems(argument, text)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            yield from _problems(operand, text)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            yield from _problems(left, text)
            yield from _problems(right, text)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _problems(value, text)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            yield from _problems(left, text)
            for comparison, after in zip(ops, comparators, strict=True):
                yield from _operand_problems(comparison, after, text)
        case _:
            yield _not_understood(node, text)


def _operand_problems(op: ast.cmpop, after: ast.expr, text: str) -> Iterator[str]:
    if isinstance(op, ast.In | ast.NotIn):
        constants = isinstance(after, ast.Tuple | ast.List) and all(_is_constant(item) for item in after.elts)
        if not constants:
            yield f"expression {text!r}: `in` needs values in brackets, such as ('US', 'UK'){_at(after)}."
    elif type(op) in _COMPARE:
        yield from _problems(after, text)
    else:
        yield f"expression {text!r}: use == and != in place of `is`{_at(after)}."


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (
        isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)
    )


def _not_understood(node: ast.expr, text: str) -> str:
    part = ast.get_source_segment(text.strip(), node) or type(node).__name__
    known = ", ".join(["col", *_FUNCTIONS])
    return (
        f"expression {text!r}: {part!r} is not understood{_at(node)}. There are columns, numbers, text, comparisons, "
        f"in, and, or, not, + - * / and the functions {known}."
    )


def _at(node: ast.expr) -> str:
    return f" (character {node.col_offset + 1})"


def _columns(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Call):
        first = node.args[0]
        if isinstance(node.func, ast.Name) and node.func.id == "col" and isinstance(first, ast.Constant):
            yield str(first.value)
        else:
            yield from _columns(first)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _columns(child)


def as_text(values: pa.Array) -> pa.Array:
    """Bytes as text, other values as they are; bytes that are no UTF-8 become text with replacement characters."""
    if not (pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)):
        return values
    try:
        return values.cast(pa.large_string())
    except pa.ArrowInvalid:
        decoded = [None if value is None else value.decode("utf-8", "replace") for value in values.to_pylist()]
        return pa.array(decoded, pa.large_string())


def column_of(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The column's values, nulls where the batch has no such column."""
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows)
    return as_text(batch.column(batch.schema.names.index(name)))


def is_in(values: pa.Array, allowed: list[Any] | tuple[Any, ...]) -> Value:
    """For each value whether it is one of these, null for missing ones; text is compared with text."""
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), pa.bool_())
    is_text = pa.types.is_large_string(values.type) or pa.types.is_string(values.type)
    wanted = [str(item) if is_text else item for item in allowed]
    value_set = pa.array(wanted, values.type if is_text else None)
    if not is_text and value_set.type != values.type:
        values, value_set = values.cast(pa.float64()), value_set.cast(pa.float64())
    found = pc.is_in(values, value_set=value_set)
    return pc.if_else(pc.is_valid(values), found, pa.scalar(None, pa.bool_()))


def _folded(join: Callable[[Value, Value], Value], values: list[Value]) -> Value:
    answer = values[0]
    for value in values[1:]:
        answer = join(answer, value)
    return answer


def _divide(left: Value, right: Value) -> Value:
    """Division as floats; by zero there is no answer."""
    right = pc.cast(right, pa.float64())
    return pc.divide(
        pc.cast(left, pa.float64()), pc.if_else(pc.equal(right, 0.0), pa.scalar(None, pa.float64()), right)
    )


_FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "is_missing": pc.is_null,
    "length": pc.utf8_length,
    "lower": pc.utf8_lower,
    "abs": pc.abs,
}
_UNARY: dict[type[ast.unaryop], Callable[[Value], Value]] = {ast.Not: pc.invert, ast.USub: pc.negate}
_BINARY: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: pc.add,
    ast.Sub: pc.subtract,
    ast.Mult: pc.multiply,
    ast.Div: _divide,
}
_BOOLEAN: dict[type[ast.boolop], Callable[[Value, Value], Value]] = {ast.And: pc.and_kleene, ast.Or: pc.or_kleene}
_COMPARE: dict[type[ast.cmpop], Callable[[Value, Value], Value]] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}
