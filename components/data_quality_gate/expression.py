"""Expressions over a row's columns, evaluated on whole Arrow batches.

    total_votes >= helpful_votes and star_rating in (1, 2, 3, 4, 5)
    vine == "Y" or not is_missing(review_body) and length(review_body) > 10

Python's syntax, of which these are understood: columns by name (`col("odd name")` for others), numbers, text,
True and False; `+ - * /` (a division by zero has no answer); `== != < <= > >=`, also chained; `in` and `not in` with a
tuple; `and`, `or`, `not`; the functions `is_missing(column)`, `length(text)`, `lower(text)` and `abs(number)`.

A comparison with a missing value is neither true nor false; `and`, `or` and `not` follow SQL's three values.
"""

import ast
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.columns import DoesNotFit, column_of, is_in

Value = Any
"""A pyarrow array with a value for each row, or a pyarrow scalar; type null: no row has a value."""


class ExpressionError(ValueError):
    """A text that is no expression; the message says what is not understood, and where."""


@dataclasses.dataclass(frozen=True)
class Expression:
    """One expression; `columns` are the columns that it reads, in the order in which they stand there."""

    text: str
    columns: tuple[str, ...]

    def holds(self, batch: pa.RecordBatch) -> pa.Array:
        """For each row of a readable batch true, false or null.

        Raises:
          DoesNotFit: the columns' types do not fit, or the answer is not a truth value.
        """
        answer = self._value(ast.parse(self.text.strip(), mode="eval").body, batch)
        if pa.types.is_null(answer.type):
            return pa.nulls(batch.num_rows, pa.bool_())
        if not pa.types.is_boolean(answer.type):
            raise DoesNotFit(f"{self.text!r} gives {answer.type}, expected a comparison.")
        return answer

    def _value(self, node: ast.expr, batch: pa.RecordBatch) -> Value:
        try:
            return self._computed(node, batch)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            part = ast.get_source_segment(self.text.strip(), node) or self.text
            raise DoesNotFit(f"{part!r} in {self.text!r} does not fit the columns' types: {error}.") from error

    def _computed(self, node: ast.expr, batch: pa.RecordBatch) -> Value:
        match node:
            case ast.Constant(value=value):
                return pa.scalar(value)
            case ast.Name(id=name):
                return column_of(batch, name)
            case ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str(name))]):
                return column_of(batch, name)
            case ast.Call(func=ast.Name(id="is_missing"), args=[argument]):
                return pc.is_null(self._value(argument, batch))
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                return _of_values(_FUNCTIONS[name], self._value(argument, batch))
            case ast.UnaryOp(op=op, operand=operand):
                return _of_values(_UNARY[type(op)], self._value(operand, batch))
            case ast.BinOp(left=left, op=op, right=right):
                return _of_values(_BINARY[type(op)], self._value(left, batch), self._value(right, batch))
            case ast.BoolOp(op=op, values=values):
                return functools.reduce(_BOOLEAN[type(op)], (_truth(self._value(item, batch)) for item in values))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self._compared(left, ops, comparators, batch)
        raise AssertionError(f"parse() lets {type(node).__name__} through")

    def _compared(
        self, left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr], batch: pa.RecordBatch
    ) -> Value:
        answers = []
        for before, op, after in zip([left, *comparators], ops, comparators, strict=False):
            value = self._value(before, batch)
            if isinstance(op, ast.In | ast.NotIn):
                found = is_in(value, [ast.literal_eval(item) for item in _items(after)])
                answers.append(pc.invert(found) if isinstance(op, ast.NotIn) else found)
            else:
                pair = _same_width(value, self._value(after, batch))
                answers.append(_truth(_of_values(_COMPARE[type(op)], *pair)))
        return functools.reduce(pc.and_kleene, answers)


def _of_values(function: Callable[..., Value], *operands: Value) -> Value:
    """What the function makes of the operands; of one that no row has a value of, nothing."""
    nothing = next((item for item in operands if pa.types.is_null(item.type)), None)
    return function(*operands) if nothing is None else nothing


def _truth(value: Value) -> Value:
    return value.cast(pa.bool_()) if pa.types.is_null(value.type) else value


def _same_width(left: Value, right: Value) -> tuple[Value, Value]:
    """The operands, a constant beside a float32 column as float32: there 0.1 is not float64's 0.1."""
    if pa.types.is_float32(left.type) and isinstance(right, pa.DoubleScalar):
        return left, pa.scalar(right.as_py(), pa.float32())
    if pa.types.is_float32(right.type) and isinstance(left, pa.DoubleScalar):
        return pa.scalar(left.as_py(), pa.float32()), right
    return left, right


def _items(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple | ast.List) else []


def parse(text: str) -> Expression:
    """The expression in a text.

    Raises:
      ExpressionError: saying what is not understood, and where.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        where = f" at character {error.offset}" if error.offset else ""
        raise ExpressionError(
            f"expression {text!r}: not understood{where}: {error.msg}. A column whose name is no plain word is written "
            'col("its name").'
        ) from error
    for problem in _problems(tree.body, text):
        raise ExpressionError(problem)
    columns = tuple(dict.fromkeys(_columns(tree.body)))
    if not columns:
        raise ExpressionError(f"expression {text!r}: reads no column, so it says nothing about a row.")
    return Expression(text, columns)


def _problems(node: ast.expr, text: str) -> Iterator[str]:
    match node:
        case ast.Name():
            return
        case ast.Constant() if _is_constant(node):
            return
        case ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str())], keywords=[]):
            return
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if (
            name in _FUNCTIONS or name == "is_missing"
        ):
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
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    if not isinstance(node, ast.Constant) or not isinstance(node.value, bool | int | float | str):
        return False
    return not isinstance(node.value, int) or abs(node.value) < 2**63


def _not_understood(node: ast.expr, text: str) -> str:
    part = ast.get_source_segment(text.strip(), node) or type(node).__name__
    known = ", ".join(["col", "is_missing", *_FUNCTIONS])
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


def _divide(left: Value, right: Value) -> Value:
    """Division as floats; by zero there is no answer."""
    right = pc.cast(right, pa.float64(), safe=False)
    divisor = pc.if_else(pc.equal(right, 0.0), pa.scalar(None, pa.float64()), right)
    return pc.divide(pc.cast(left, pa.float64(), safe=False), divisor)


_FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "length": pc.utf8_length,
    "lower": pc.utf8_lower,
    "abs": pc.abs_checked,
}
_UNARY: dict[type[ast.unaryop], Callable[[Value], Value]] = {ast.Not: pc.invert, ast.USub: pc.negate_checked}
_BINARY: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: pc.add_checked,
    ast.Sub: pc.subtract_checked,
    ast.Mult: pc.multiply_checked,
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
