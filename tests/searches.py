"""What practitioners type into a search box, and the pages that answer it: the first of a line is to come first.

`TUNED` was looked at while the index was made. `HELD` was written before the aliases were, by the same hand, so that
they share some words. `BLIND` was written when all was done, and nothing was changed for it: it says how search
answers what nobody thought of. A phrase without a page of its own has the nearest that helps.
"""

COST, KERNELS, LEARNING, MEMORY = ("questions/cost/", "questions/kernels/", "questions/learning/", "questions/memory/")
CAUSAL = COST + "does_a_causal_mask_halve_the_time/"
COUNT = COST + "heads_and_parameters/"
SPARSE = COST + "sparse_attention/"
TRADE = COST + "what_more_heads_cost/"
FLOPS = COST + "which_flop_formula/"
TILED = KERNELS + "from_which_length_tiling_pays/"
SPEED = KERNELS + "how_fast_are_these_kernels/"
BOUND = KERNELS + "memory_or_compute/"
REMOVED = LEARNING + "can_heads_be_removed/"
ROLES = LEARNING + "do_heads_specialise/"
MANY = LEARNING + "how_many_heads_for_a_width/"
DEPTH = LEARNING + "why_depth_with_one_head_trains_badly/"
BYTES = MEMORY + "bytes_per_token/"
GQA = MEMORY + "gqa_only_in_decode/"
WINDOW = MEMORY + "sliding_window/"
TOKEN = MEMORY + "time_per_token/"
NEEDED = MEMORY + "memory_for_a_model/"
RATE = MEMORY + "tokens_per_second/"
EXACT = "questions/numerics/online_softmax_error/"
SINGLE = "questions/practice/multi_head_or_single_head/"
CALCULATOR, BY_HAND, GLOSSARY, MODEL = "calculator/", "by_hand/", "glossary/", "models/"

TUNED = {
    "kv cache llama 3": (BYTES, MODEL + "llama-3"),
    "gqa": (GQA,),
    "mqa": (GQA, BYTES),
    "mla": (BYTES,),
    "roofline": (BOUND,),
    "training flops per token": (FLOPS,),
    "simd_decode": ("kernels/cpu_simd_decode/",),
    "cpu_simd_decode": ("kernels/cpu_simd_decode/",),
    "GPT3": (CALCULATOR, BYTES),
    "prune heads": (REMOVED,),
    "induction head": (ROLES,),
    "number of heads parameters": (COUNT,),
    "calculator": (CALCULATOR,),
    "speed vs pytorch": (SPEED,),
    "bf16 error": (EXACT,),
    "why sqrt d": (BY_HAND,),
    "sqrt(d)": (BY_HAND,),
    "kvcache": (BYTES, TOKEN),
    "rope": (GLOSSARY, BYTES),
    "flash attention cpu": (TILED, SPEED),
    "sliding window memory": (WINDOW,),
    "head dimension 64 or 128": (MANY,),
    "h=1": (SINGLE, DEPTH),
    "flops formula": (FLOPS,),
    "online softmax": (EXACT,),
    "causal mask": (CAUSAL,),
    "memory bound decode": (BOUND, GQA, TOKEN),
    "grouped query attention": (GQA,),
    "depth vs heads": (DEPTH,),
    "llama 3 8b": (MODEL + "llama-3-8b", CALCULATOR),
    "context length 128k memory": (BYTES,),
    "head rank collapse": (DEPTH,),
    "attention score matrix memory quadratic": (TRADE,),
    "kernel tile size": (TILED,),
    "flash attention speedup": (TILED, SPEED),
}

HELD = {
    "kv cache size calculator": (CALCULATOR, BYTES),
    "how much vram for 70b": (CALCULATOR, NEEDED, BYTES, MODEL),
    "mha vs gqa vs mqa": (GQA, BYTES),
    "repeat_kv": (GQA,),
    "no available memory for the cache blocks": (BYTES,),
    "must be divisible by num_heads": (MANY, COUNT),
    "head_dim": (MANY, COUNT),
    "headdim": (MANY, COUNT),
    "casual mask": (CAUSAL,),
    "why causal model flops divide 2": (CAUSAL, FLOPS),
    "mfu": (FLOPS, GLOSSARY),
    "6ND": (FLOPS,),
    "intuition behind multi-head attention": (SINGLE, BY_HAND, ROLES),
    "do attention heads do different things": (ROLES,),
    "how many attention heads": (MANY,),
    "single head vs multi head": (SINGLE,),
    "flashattention": (TILED, SPEED),
    "sdpa": (SPEED,),
    "scaled_dot_product_attention": (SPEED,),
    "fp16 vs bf16": (EXACT,),
    "rolling buffer": (WINDOW,),
    "mistral sliding window": (WINDOW,),
    "deepseek kv cache": (BYTES, MODEL + "deepseek"),
    "qwen": (MODEL + "qwen", CALCULATOR),
    "decode tokens per second": (RATE, TOKEN),
    "why is decoding slow at long context": (TOKEN,),
    "arithmetic intensity": (BOUND, GLOSSARY),
    "onnxruntime": (SPEED, "peers/onnxruntime"),
    "sparse attention speedup": (SPARSE,),
    "does more heads mean more parameters": (COUNT,),
    "are sixteen heads better than one": (REMOVED,),
    "attention sink": (ROLES,),
    "cuda kernel": ("kernels/",),
    "epyc": ("machines/",),
    "cite": ("reuse/",),
    "numba": (SPEED, "kernels/", "method/"),
    "num_attention_heads": (MANY, COUNT, TRADE),
    "softmax overflow": (EXACT,),
    "int8 kv cache": (BYTES, EXACT),
    "tensor parallel heads": (TRADE, MANY, BYTES),
}

BLIND = {
    "does gqa make prefill faster": (GQA,),
    "number of kv heads": (GQA, BYTES),
    "context length out of memory": (NEEDED, BYTES, TOKEN),
    "gpu idle while decoding": (BOUND, RATE, TOKEN, GQA),
    "chinchilla 6N": (FLOPS,),
    "window size 4096": (WINDOW,),
    "deep transformer does not train": (DEPTH,),
    "float16 nan": (EXACT,),
    "tile size": (TILED, GLOSSARY),
    "low rank bottleneck": (MANY, SINGLE),
    "torch attention slow on cpu": (SPEED,),
    "Gemma 3 27B": (MODEL + "gemma-3-27b", CALCULATOR),
    "llama 2 70b kv cache": (MODEL + "llama-2-70b", BYTES),
    "mamba hybrid": (GLOSSARY, BYTES),
    "local attention": (WINDOW, SPARSE),
    "Michel 2019": ("sources/", REMOVED),
    "voita": ("sources/", REMOVED),
    "jax": (SPEED, "peers/jax"),
    "attention in numpy from scratch": (BY_HAND, "notebooks/heads_by_hand/"),
    "decode kernel avx512": ("kernels/", SPEED),
    "exponentials": (TRADE, SINGLE, COUNT),
    "batch size decode": (TOKEN,),
    "h100 flops per byte": (BOUND,),
    "what is a kv head": (GLOSSARY, GQA),
    "token generation speed": (TOKEN,),
}
