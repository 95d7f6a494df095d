"""Score two checkpoints on two benchmarks, compare them, and ask the gate."""

import opencodeeval as oce

CHECKPOINTS = "tests/checkpoints/starter-tiny-chat"
BENCHMARKS = ["starter", "file:mine.jsonl"]


def score(checkpoint: str) -> oce.Evaluation:
    """One load of the model scores both benchmarks; records go to results/."""
    engine = oce.BackendOptions(dtype="float32", max_model_len=1024)
    return oce.evaluate(f"{CHECKPOINTS}/{checkpoint}", BENCHMARKS, backend_options=engine)


if __name__ == "__main__":
    before, after = score("step-0116"), score("step-0300")
    print(after)
    for each in oce.compare(before, after):
        print(f"{each.title}: {each.baseline:.1%} to {each.candidate:.1%}")
    decision = oce.gate(before, after, oce.Policy(margin=0.2))
    print(f"{decision.answer}: {decision.why}")
