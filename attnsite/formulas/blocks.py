"""Parameters of a layer's parts, counted from the shapes of their matrices.

`matrix` is `torch.nn.Linear`: inputs × outputs, and a bias of outputs. Norms are vectors. Where a part is a model's
own, its function names the class in transformers 5.24.0 that has these shapes.
"""


def matrix(inputs: int, outputs: int, bias: bool = False) -> int:
    return inputs * outputs + (outputs if bias else 0)


def gated_mlp(hidden: int, inner: int, bias: bool = False) -> int:
    """Gate, up and down: three matrices."""
    return 2 * matrix(hidden, inner, bias) + matrix(inner, hidden, bias)


def plain_mlp(hidden: int, inner: int, bias: bool = False) -> int:
    """Up and down: two matrices."""
    return matrix(hidden, inner, bias) + matrix(inner, hidden, bias)


def grouped_attention(
    hidden: int, heads: int, kv_heads: int, key_dim: int, value_dim: int, bias: bool = False, out_bias: bool = False
) -> int:
    """Queries, keys, values and output: hidden → heads × key_dim, kv_heads × (key_dim + value_dim), and back."""
    q = matrix(hidden, heads * key_dim, bias)
    kv = matrix(hidden, kv_heads * key_dim, bias) + matrix(hidden, kv_heads * value_dim, bias)
    return q + kv + matrix(heads * value_dim, hidden, out_bias)


def latent_attention(
    hidden: int, heads: int, nope: int, rope: int, value: int, latent: int, query_latent: int, bias: bool, gate: int = 1
) -> int:
    """MLA: down to the latents, their norms, up to the heads, and out (`DeepseekV3Attention`). `gate` is 2 where the
    queries' second matrix makes a gate too."""
    if query_latent:
        queries = matrix(hidden, query_latent, bias) + query_latent + matrix(query_latent, heads * (nope + rope))
    else:
        queries = matrix(hidden, heads * (nope + rope))
    keys = matrix(hidden, latent + rope, bias) + latent + matrix(latent, heads * (nope + value))
    return queries + keys + matrix(heads * value, hidden, bias)


def indexer(hidden: int, query_latent: int, heads: int, dim: int) -> int:
    """Queries from the latent, one key a token with its LayerNorm, a weight for each head (`DeepseekV32Indexer`)."""
    return matrix(query_latent, heads * dim) + matrix(hidden, dim) + 2 * dim + matrix(hidden, heads)


def mamba_1(hidden: int, inner: int, state: int, kernel: int, rank: int, bias: bool, conv_bias: bool) -> int:
    """`MambaMixer`: in, convolution, x (rank, B and C), Δ with its bias, A, D, out."""
    convolution = inner * kernel + (inner if conv_bias else 0)
    scan = matrix(inner, rank + 2 * state) + matrix(rank, inner, True) + inner * state + inner
    return matrix(hidden, 2 * inner, bias) + convolution + scan + matrix(inner, hidden, bias)


def mamba_2(
    hidden: int, inner: int, heads: int, groups: int, state: int, kernel: int, bias: bool, conv_bias: bool, norm: bool
) -> int:
    """`Mamba2Mixer`: in (gate, x, B, C, Δ), convolution over x, B and C, A, D and Δ's bias by head, a norm, out."""
    channels = inner + 2 * groups * state
    convolution = channels * kernel + (channels if conv_bias else 0)
    ends = matrix(hidden, inner + channels + heads, bias) + matrix(inner, hidden, bias)
    return ends + convolution + 3 * heads + (inner if norm else 0)


def delta_net(hidden: int, key_heads: int, value_heads: int, key_dim: int, value_dim: int, kernel: int) -> int:
    """`Qwen3NextGatedDeltaNet`: q, k, v and gate z, b and a by value head, convolution over q, k and v, A and Δ's bias,
    a norm over a head, out."""
    keys, values = key_heads * key_dim, value_heads * value_dim
    ins = matrix(hidden, 2 * keys + 2 * values) + matrix(hidden, 2 * value_heads)
    return ins + (2 * keys + values) * kernel + 2 * value_heads + value_dim + matrix(values, hidden)
