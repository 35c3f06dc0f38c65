"""Text towers: token ids, int32 [batch, tokens] with 0 = padding → one vector per text, trained from scratch."""

from typing import Any

from keras import layers, ops

from models.tabular_text.settings import ModelSettings


def text_tower(ids: Any, vocabulary_size: int, settings: ModelSettings, name: str) -> Any:
    """The text's vector, float [batch, embedding_dim], by the tower that the settings name; zeros for no text."""
    mask = TokenMask(name=f"{name}_mask")(ids)
    embedded = layers.Embedding(vocabulary_size, settings.embedding_dim, name=f"{name}_tokens")(ids)
    if settings.text_tower == "cnn":
        return _cnn(embedded, mask, settings, name)
    if settings.text_tower == "transformer":
        return _transformer(embedded, mask, settings, name)
    return MaskedSum(name=f"{name}_sum")([embedded, mask])


class TokenMask(layers.Layer):
    """1 where there is a token, 0 where there is padding: float [batch, tokens, 1]."""

    def call(self, ids: Any) -> Any:
        """See the class."""
        return ops.expand_dims(ops.cast(ops.not_equal(ids, 0), self.compute_dtype), -1)


class MaskedSum(layers.Layer):
    """Sum of the token vectors over the square root of their number: [batch, tokens, width] → [batch, width].

    Between sum and mean: longer texts carry more evidence, but not in proportion to their length.
    """

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """See the class."""
        vectors, mask = inputs
        count = ops.sum(mask, axis=1)
        return ops.sum(vectors * mask, axis=1) / ops.sqrt(ops.maximum(count, 1.0))


class MaskedMax(layers.Layer):
    """Maximum of non-negative token vectors, 0 for no token: [batch, tokens, width] → [batch, width]."""

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """See the class."""
        vectors, mask = inputs
        return ops.max(vectors * mask, axis=1)


class MaskedMean(layers.Layer):
    """Mean of the token vectors, 0 for no token: [batch, tokens, width] → [batch, width]."""

    def call(self, inputs: tuple[Any, Any]) -> Any:
        """See the class."""
        vectors, mask = inputs
        return ops.sum(vectors * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)


class Positions(layers.Layer):
    """Adds a trained vector per position: [batch, tokens, width]."""

    def build(self, shape: tuple[int, ...]) -> None:
        """One vector per position of the fixed-length text."""
        self.positions = self.add_weight(shape=shape[1:], initializer="uniform", name="positions")

    def call(self, vectors: Any) -> Any:
        """See the class."""
        return vectors + ops.cast(self.positions, vectors.dtype)


def _cnn(embedded: Any, mask: Any, settings: ModelSettings, name: str) -> Any:
    """One convolution over neighbouring tokens, then the maximum over the text."""
    visible = layers.Multiply(name=f"{name}_visible")([embedded, mask])
    found = layers.Conv1D(
        settings.embedding_dim, settings.kernel_size, padding="same", activation="relu", name=f"{name}_convolution"
    )(visible)
    return MaskedMax(name=f"{name}_max")([found, mask])


def _transformer(embedded: Any, mask: Any, settings: ModelSettings, name: str) -> Any:
    """Pre-norm self-attention blocks (Xiong et al. 2020, arXiv:2002.04745), then the mean over the text."""
    vectors = Positions(name=f"{name}_positions")(embedded)
    attended = layers.Permute((2, 1), name=f"{name}_attended")(mask)
    for index in range(settings.text_layers):
        vectors = _block(vectors, attended, settings, f"{name}_block{index}")
    return MaskedMean(name=f"{name}_mean")([layers.LayerNormalization(name=f"{name}_norm")(vectors), mask])


def _block(vectors: Any, attended: Any, settings: ModelSettings, name: str) -> Any:
    """Self-attention, then a two-layer network, each added to its input."""
    width = settings.embedding_dim
    normed = layers.LayerNormalization(name=f"{name}_norm1")(vectors)
    attention = layers.MultiHeadAttention(
        settings.attention_heads,
        width // settings.attention_heads,
        dropout=settings.dropout,
        # Flash attention accepts no such mask; naming it keeps CPU and GPU on the same computation.
        flash_attention=False,
        name=f"{name}_attention",
    )(normed, normed, attention_mask=attended)
    vectors = layers.Add(name=f"{name}_add1")([vectors, attention])
    hidden = layers.LayerNormalization(name=f"{name}_norm2")(vectors)
    hidden = layers.Dense(2 * width, activation="gelu", name=f"{name}_dense1")(hidden)
    hidden = layers.Dropout(settings.dropout, name=f"{name}_dropout")(
        layers.Dense(width, name=f"{name}_dense2")(hidden)
    )
    return layers.Add(name=f"{name}_add2")([vectors, hidden])
