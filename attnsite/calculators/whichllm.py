"""whichllm: a coefficient for billions of parameters and thousands of tokens."""

from attnsite.calculators._tool import LAYERS, NUMBERS, Given, Tool

TOOL = Tool(
    name="whichllm",
    repository="Andyyyy64/whichllm",
    commit="a89755167b92c5c7d05ec5325b1a2e65eedfa7b5",
    committed="2026-06-29",
    looked_at="2026-12-01",
    path="src/whichllm/engine/vram.py",
    lines="10-20, 23-70",
    formula=(
        "3.5 MiB × billions of parameters (4 × the active ones of a mixture) × thousands of tokens, of which "
        "windowed layers keep their window"
    ),
    covers="which model fits; calibrated on reports of llama.cpp, its comment says",
    leaves_out=(LAYERS,),
    reads=NUMBERS,
)
COEFFICIENT, MIXTURE = 3.5 * 1024 * 1024, 4.0
SHARES = {"gemma3_text": 1 / 6}


def kv_bytes(given: Given, tokens: int) -> float | None:
    billions = given.parameters / 1e9
    if given.active < given.parameters:
        billions = MIXTURE * given.active / 1e9
    kept = float(tokens)
    if given.text["model_type"] in SHARES:  # src/whichllm/models/fetcher.py, lines 192-285
        share, window = SHARES[given.text["model_type"]], given.text["sliding_window"]
        kept = share * tokens + (1 - share) * min(tokens, window)
    return int(billions * kept / 1024 * COEFFICIENT)
