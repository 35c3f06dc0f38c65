"""The artifact type of the rows that a person should look at."""

from tfx.types.artifact import Artifact, Property, PropertyType


class ReviewQueue(Artifact):
    """Rows with the model's unsure answers, in `queue.json` (components/human_review/queue.py).

    `rows` is the number of rows in it, `below` that of all rows whose confidence is below `threshold`.
    """

    TYPE_NAME = "PenstockReviewQueue"
    PROPERTIES = {  # noqa: RUF012 - read by TFX as it stands
        "rows": Property(type=PropertyType.INT),
        "below": Property(type=PropertyType.INT),
        "threshold": Property(type=PropertyType.FLOAT),
    }
