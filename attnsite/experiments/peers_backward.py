"""How fast is attention's backward pass here, beside the libraries that people train with?

The gradients of q, k and v for a whole prompt, after a forward pass that is not timed, in float32. Kernels and
libraries take turns on the same arrays and the same number of threads, all that the machine has; libraries that only
run models are left out by themselves.
"""

from attnsite.experiments.peers_prefill import prompt
from attnsite.records.workload import Timing

experiment = Timing(
    kernels=("cpu_simd_backward", "peer_*"),
    gradients=True,
    quick=tuple(prompt(heads, 256, 64, causal) for heads in (1, 8) for causal in (False, True)),
    full=tuple(
        prompt(heads, tokens, dim, causal)
        for tokens in (256, 1024, 4096)
        for dim in (32, 64, 128)
        for heads in ((1, 8, 32) if tokens < 4096 else (1, 8))
        for causal in (False, True)
    ),
    ceilings=("fma",),
    longest_call_s=2.0,
)
