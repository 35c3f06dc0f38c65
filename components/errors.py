"""What our components raise; one class per thing a caller would do differently.

ComponentError              a node cannot go on; the message says what, where, what was seen, what to do
├── BadData                 the input data is at fault: fix the data, or loosen how it is read
├── GateRefused             a gate looked at the evidence and said no (or had no evidence): fix, waive or
│                           change the threshold
└── WaitsForApproval        a person must decide before the node can go on; nothing is wrong
"""


class ComponentError(Exception):
    """A node cannot go on, and the user can do something about it."""


class BadData(ComponentError):
    """The input data cannot be used as it stands."""


class GateRefused(ComponentError):
    """A gate refused: its message lists every reason and what would change the answer."""


class WaitsForApproval(ComponentError):
    """A person must decide first; started again after the decision, the node goes on."""
