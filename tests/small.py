"""Cases of the studies that train models, small enough for a test: seconds, where a sweep takes minutes."""

from attnsite.experiments.depth_with_one_head import NORMS

CASES = {
    "depth_by_budget": tuple(
        {"width": 16, "layers": layers, "heads": heads, "head_width": width, "mlp": mlp, "norm": norm, "rate": rate,
         "warmup": warmup, "steps": steps, "held_out": 8}
        for layers, heads, width, mlp in ((1, 4, 4, 4), (4, 1, 4, 1), (1, 1, 16, 4)) for norm in NORMS
        for warmup in (1, 3) for steps in (4, 8) for rate in (1e-3, 3e-3)
    ),
    "depth_with_one_head": tuple(
        {"width": 16, "layers": layers, "heads": heads, "head_width": width, "mlp": mlp, "norm": norm, "rate": 3e-3,
         "steps": 6, "held_out": 8}
        for layers, heads, width, mlp in ((1, 4, 4, 4), (4, 1, 4, 1), (1, 1, 16, 4), (4, 2, 2, 1), (4, 4, 4, 1))
        for norm in NORMS
    ),
    "head_roles": ({"width": 16, "layers": 2, "heads": 2, "steps": 20, "sequences": 8},),
    "heads_removed": ({"width": 32, "layers": 2, "heads": 4, "steps": 30, "sequences": 4, "draws": 2},),
    "loss_by_head_width": tuple(
        {"width": 32, "layers": 1, "heads": 2, "head_width": head_width, "mlp": mlp, "steps": 10}
        for head_width, mlp in ((4, 4), (16, 4), (24, 3))
    ),
    "loss_by_heads": tuple({"width": 32, "layers": 1, "heads": heads, "steps": 10} for heads in (1, 4)),
    "loss_by_kv_heads": tuple({"width": 32, "layers": 1, "heads": heads, "kv_heads": kv_heads, "steps": 10}
                              for heads, kv_heads in ((4, 4), (4, 1), (7, 1))),
    "training_speed": (
        {"width": 32, "layers": 1, "heads": 2, "length": 32, "batch": 4, "rounds": 3, "compile": False},
    ),
}  # fmt: skip
