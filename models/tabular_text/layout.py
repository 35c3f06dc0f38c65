"""The transformed columns of a feature specification, and the order in which the model packs them.

Pure data, no TensorFlow. Preprocessing writes these columns, training and serving pack them into three matrices:
numbers, categories and texts.
"""

import collections
import dataclasses
import hashlib
import itertools
import keyword
import re
from collections.abc import Iterable

from models.tabular_text.errors import BadSettings
from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, LabelKind, transformed_name

#: File of the class names in the transform graph's assets, one a line, in the order of the class index.
LABEL_VOCABULARY = "label_classes"

#: Identifiers that a signature's argument may not have, or that mean something else to who calls it.
_RESERVED = {"self", "cls", "args", "kwargs"}
#: A file name may have 255 bytes, and what writes the file adds to it.
_LONGEST_NAME = 64

#: Month 1 to 12 and ISO weekday 1 to 7 (Monday = 1); 0 = missing.
MONTH_SIZE = 13
WEEKDAY_SIZE = 8


@dataclasses.dataclass(frozen=True)
class IdColumn:
    """A transformed column of ids; id 0 is missing (categories) or padding (texts).

    Attributes:
      name: its name after Transform.
      vocabulary: the name of the vocabulary whose size, with the hash buckets, bounds the ids; None if fixed.
      fixed_size: number of ids where no vocabulary decides.
    """

    name: str
    vocabulary: str | None = None
    fixed_size: int = 0


@dataclasses.dataclass(frozen=True)
class Layout:
    """The model's inputs, in packing order.

    Attributes:
      label: transformed label column, [batch, 1].
      numbers: float32 columns, [batch, 1] each.
      categories: int64 columns, [batch, 1] each.
      texts: int64 columns, [batch, max_tokens] each.
    """

    label: str
    numbers: tuple[str, ...]
    categories: tuple[IdColumn, ...]
    texts: tuple[IdColumn, ...]

    @property
    def names(self) -> list[str]:
        """All transformed columns, label last."""
        ids = [column.name for column in (*self.categories, *self.texts)]
        return [*self.numbers, *ids, self.label]


def layout_of(spec: FeatureSpec) -> Layout:
    """The transformed columns of a specification.

    Raises:
      BadSettings: no feature reaches the model, two columns would get the same name after Transform, or a number is
        to be predicted from a label of strings.
    """
    layout = Layout(
        label=transformed_name(spec.label.name),
        numbers=tuple(name for feature in spec.used for name in _number_names(feature)),
        categories=tuple(column for feature in spec.used for column in _category_columns(feature)),
        texts=tuple(_vocabulary_column(feature) for feature in spec.of_kind(FeatureKind.TEXT)),
    )
    twice = [name for name, count in collections.Counter(layout.names).items() if count > 1]
    problems = [f"Two columns become {name!r} after Transform; rename one or ignore it." for name in twice]
    if not spec.used:
        problems.append("Every column is ignored, so the model has no input; give at least one column another kind.")
    if spec.label.kind is LabelKind.REGRESSION and spec.label.dtype is DType.STRING:
        problems.append(f"Label {spec.label.name!r} holds strings, regression needs numbers; choose another kind.")
    if problems:
        raise BadSettings(problems)
    return layout


def part_name(name: str, part: str) -> str:
    """The name after Transform of one of several columns made from column `name`: `age` → `age__missing_xf`."""
    return transformed_name(f"{name}__{part}")


def file_safe(name: str) -> str:
    """The name itself if it is a plain identifier that Python lets a parameter have, else its escaped form.

    An escaped form is readable and differs for every name; a name that looks like one is escaped itself.
    """
    is_plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) and len(name) <= _LONGEST_NAME
    is_taken = keyword.iskeyword(name) or name in _RESERVED or re.fullmatch(r"(?i)c_.*_[0-9a-f]{8}", name)
    return name if is_plain and not is_taken else _escaped(name)


def argument_names(names: Iterable[str]) -> dict[str, str]:
    """The argument of `serving_raw` for each column: `file_safe`, escaped too where names differ in case only.

    TensorFlow's graphs do not tell such arguments apart.
    """
    names = list(names)
    folded = collections.Counter(name.lower() for name in names)
    return {name: file_safe(name) if folded[name.lower()] == 1 else _escaped(name) for name in names}


def examples_argument(spec: FeatureSpec) -> str:
    """The argument for serialized tf.Examples: `examples`, or another name if a column is called that.

    TFMA feeds a signature the column of its argument's name, if there is one, instead of the serialized tf.Examples.
    """
    columns = {spec.label.name, *(feature.name for feature in spec.features)}
    numbered = (f"serialized_examples_{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain(["examples", "serialized_examples"], numbered) if name not in columns)


def vocabulary_name(name: str) -> str:
    """The vocabulary's file name for a column."""
    return f"vocabulary_{file_safe(name)}"


def _escaped(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name[:_LONGEST_NAME])
    return f"c_{plain}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _number_names(feature: Feature) -> list[str]:
    if feature.kind in (FeatureKind.NUMERIC, FeatureKind.DATE):
        return [transformed_name(feature.name), part_name(feature.name, "missing")]
    return []


def _category_columns(feature: Feature) -> list[IdColumn]:
    if feature.kind is FeatureKind.DATE:
        month = IdColumn(part_name(feature.name, "month"), fixed_size=MONTH_SIZE)
        return [month, IdColumn(part_name(feature.name, "weekday"), fixed_size=WEEKDAY_SIZE)]
    return [_vocabulary_column(feature)] if feature.kind is FeatureKind.CATEGORICAL else []


def _vocabulary_column(feature: Feature) -> IdColumn:
    return IdColumn(transformed_name(feature.name), vocabulary=vocabulary_name(feature.name))
