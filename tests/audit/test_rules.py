"""Each rule by a record that breaks it and one that does not."""

import itertools
import json

import pandas as pd
import pytest
from study_frames import make_runs

from optiscope.audit import RULES, findings, told

HERE = {"here": {"cpu": "a", "cores": 2, "threads": 1, "torch": "2", "commit": "c", "dirty": False}}
NAN = float("nan")


def study(
    optimizers=("SGD", "AdamW"), schedules=("constant",), rates=(0.01, 0.1, 1.0), seeds=8, default=True, **common
):
    """Rows of a study that breaks no rule: the middle rate wins, each optimizer is ten times better than the next."""
    rows = []
    for place, optimizer in enumerate(optimizers):
        for schedule in schedules:
            cell = {"optimizer": optimizer, "schedule": schedule, **common}
            level = 10.0 ** (place - 4)
            for i, lr in enumerate(rates):
                loss = level * (1 if i == 1 else 5)
                rows += [
                    {**cell, "purpose": "tuning", "lr": lr, "seed": 1_000_000 + s, "loss_final": loss} for s in (0, 1)
                ]
            for seed in range(seeds):
                rows.append({**cell, "lr": rates[1], "seed": seed, "loss_final": level * (1 + seed / 10)})
            if default:
                rate = {"SGD": 1e-3, "AdamW": 1e-3, "Adam": 1e-3}[optimizer]
                rows.append({**cell, "lr": rate, "seed": 0, "loss_final": 5.0})
    return rows


def audited(rows, **beside):
    return findings(make_runs(*rows), **{"provenance": HERE, "verdicts": {}, **beside})


def alone(rows, name, **beside):
    """The first finding of one rule."""
    [rule] = [rule for rule in RULES if rule.name == name]
    return findings(make_runs(*rows), rules=[rule], **{"provenance": HERE, "verdicts": {}, **beside}).iloc[0]


def of(found, rule):
    return found[found["rule"] == rule].iloc[0]


def changed(rows, test, **change):
    return [{**row, **change} if test(row) else row for row in rows]


def result(row):
    return row.get("purpose") != "tuning"


def tuned(row):
    return row.get("purpose") == "tuning"


LANE_KEY = json.dumps({"problem": json.dumps({"problem": "bowl"}), "dtype": "float64", "optimizer": "torch.optim.SGD"})
PROVED = {LANE_KEY: {"tier": "stacked", "evidence": {}, "steps": 30}}


def whole():
    """A study with a subject for every rule: a search, two optimizers, a schedule, lanes that were proved."""
    rows = study(schedules=("constant", "StepLR"))
    return changed(rows, lambda row: tuned(row) and row["optimizer"] == "SGD", engine="stacked")


def test_a_record_that_breaks_nothing_passes_every_rule():
    found = audited(whole(), verdicts=PROVED)
    assert found[["rule", "verdict", "finding"]].values.tolist() == [[rule.name, "pass", rule.good] for rule in RULES]
    assert told(found) == "All 13 rules pass."
    assert not found["idle"].any()
    assert found["do"].tolist() == [""] * len(RULES)


FEWER = [row for row in study() if not (tuned(row) and row["optimizer"] == "SGD" and row["lr"] == 1.0)]
ONE_SEED = [row for row in study() if not (tuned(row) and row["optimizer"] == "SGD" and row["seed"] == 1_000_001)]
SHIFTED = study(("SGD",)) + study(("AdamW",), rates=(0.001, 0.1, 10.0))
MISSED = [row for row in study() if not (result(row) and row["optimizer"] == "SGD" and row["seed"] == 3)]
LOW = study(("SGD",)) + changed(study(("AdamW",), rates=(0.0001, 0.01, 1.0))[2:], lambda row: True, loss_final=7.0)
HIGH = changed(study(), lambda row: tuned(row) and row["optimizer"] == "SGD" and row["lr"] == 1.0, loss_final=1e-9)
CLIP = json.dumps([{"step": 0, "kind": "training", "text": "gradients are clipped to norm 1.0"}])
IDLE = json.dumps([{"step": 0, "kind": "note", "text": "StepLR(step_size=500) never acts within 100 steps"}])
ENDS = json.dumps({"optimizer": {}, "schedule": {"T_max": 500}})


def sgd(row):
    return result(row) and row["optimizer"] == "SGD"


BROKEN = {
    "budget parity": [
        (FEWER, "fail", "2 to 3 trials a cell", ("SGD + constant",)),
        (ONE_SEED, "fail", "1 to 2 tuning seeds", ("SGD + constant",)),
        ([row for row in study() if not (tuned(row) and row["optimizer"] == "SGD")
          and not (result(row) and row["lr"] == 1e-3)], "warn", "not searched for", ("SGD + constant",)),
    ],
    "same range": [(SHIFTED, "fail", "0.01 … 1", ("SGD + constant",))],
    "winner on the edge": [
        (changed(HIGH, lambda row: sgd(row) and row["lr"] == 0.1, lr=1.0), "fail", "the highest lr searched (1) won, for the winner", ("SGD + constant",)),
        (LOW, "warn", "the lowest lr searched (0.01) won", ("AdamW + constant",)),
    ],
    "tuning seeds reused": [
        (changed(study(), tuned, seed=3), "fail", "1 seed(s) served both", ("AdamW + constant", "SGD + constant")),
        ([row for row in study() if result(row)] + [{"optimizer": "SGD", "lr": 9.0, "seed": 1}], "fail", "picked among", None),
    ],
    "too few seeds": [
        (study(seeds=3), "fail", "no test on 3 seeds can tell any of 2 apart: all share the first place", ("SGD + constant", "AdamW + constant")),
        (changed(study(seeds=3), lambda row: result(row) and row["lr"] == 0.1, loss_final=1e-9), "warn", "copies", None),
        (study(seeds=1), "warn", "one seed", ("AdamW + constant", "SGD + constant")),
        (changed(study(), result, loss_final=1.0), "warn", "copies of one run", None),
    ],
    "horizon against schedule": [
        (changed(study(), tuned, steps=50), "fail", "searched at 50 steps and drawn at 100", None),
        (changed(study(), sgd, hyperparameters=ENDS), "warn", "ends at step 500, the run at 100", ("SGD + constant",)),
        (changed(study(), sgd, events=IDLE), "warn", "never acts", ("SGD + constant",)),
    ],
    "misses dropped": [
        (MISSED, "fail", "1 run(s) are missing", ("SGD + constant",)),
        (changed(study(), sgd, loss_final=NAN), "fail", "without a loss", ("SGD + constant",)),
        (changed(study(), sgd, steps_done=7), "fail", "before their last step", ("SGD + constant",)),
        (study(schedules=("constant", "StepLR"))[:-9], "warn", "1 of 4 pairs", ("AdamW + StepLR",)),
    ],
    "no untuned column": [(study(default=False), "warn", "default rate", ("AdamW", "SGD"))],
    "no baseline": [
        (study(("SGD", "Adam")), "warn", "no AdamW", ("AdamW",)),
        (changed(study(("Adam", "AdamW")), lambda row: row["optimizer"] == "AdamW", optimizer="mine"), "fail", "no SGD and no AdamW", None),
    ],
    "clipping": [
        (changed(study(), sgd, events=CLIP), "fail", "others not", ("SGD + constant",)),
        (changed(study(), lambda row: True, events=CLIP), "warn", "with its clipping", None),
        (changed(study(), sgd, hyperparameters='{"optimizer": {"clip_norm": 1.0}, "schedule": {}}'), "fail", "others not", None),
    ],
    "mixed hardware": [
        (study() + changed(study(), lambda row: True), "fail", "there twice", None),
        (changed(study(), sgd, provenance_id="gone"), "warn", "not recorded", ("SGD + constant",)),
    ],
    "unverified lanes": [
        (changed(study(), tuned, engine="stacked"), "warn", "trials of a search were stepped in lanes", None),
        (changed(study(), sgd, engine="grouped"), "fail", "results were stepped in lanes", ("SGD + constant",)),
    ],
    "timing without guards": [
        (changed(study(), sgd, loss_start=3.0, loss_final=3.0, loss_best=3.0), "fail", "changed nothing", ("SGD + constant",)),
        (changed(study(), sgd, grad_evals=0), "fail", "changed nothing", ("SGD + constant",)),
        (changed(study(), sgd, wall_s=0.0), "fail", "no time at all", ("SGD + constant",)),
        (changed(study(), sgd, engine="stacked"), "warn", "others ran in lanes", ("SGD + constant",)),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "case"), [(rule, case) for rule, cases in BROKEN.items() for case in cases], ids=lambda one: str(one)[:24]
)
def test_a_broken_rule_is_named_with_its_rows_and_what_to_do(rule, case):
    rows, level, words, who = case
    row = alone(rows, rule)
    assert row["verdict"] == level
    assert words in row["finding"]
    assert who is None or row["rows"] == who
    assert row["where"] == ("bowl",)
    assert row["do"]


def test_every_rule_is_broken_by_one_of_these():
    assert list(BROKEN) == [rule.name for rule in RULES]


def only(*optimizers, **more):
    """The results alone, without a search."""
    return [row for row in study(optimizers, default=False, **more) if result(row)]


ABSENT = {
    "budget parity": [
        (only("SGD", "AdamW"), "nothing to check: no rate was searched for"),
        (study(("SGD",)), "nothing to compare: one cell a setting was searched for"),
    ],
    "same range": [
        (only("SGD", "AdamW"), "nothing to check: no rate was searched for"),
        (study(("SGD",)), "nothing to compare: one cell a setting was searched for"),
    ],
    "winner on the edge": [
        (only("SGD", "AdamW"), "nothing to check: no search had two rates to choose from"),
        ([row for row in study() if result(row) or row["lr"] == 0.1],
         "nothing to check: no search had two rates to choose from"),
    ],
    "tuning seeds reused": [(only("SGD", "AdamW"), "nothing to check: no rate was searched for")],
    "too few seeds": [(study(("SGD",)), "nothing to tell apart: one cell a setting")],
    "horizon against schedule": [
        (only("SGD", "AdamW"), "nothing to check: no rate was searched for, and no schedule moves it"),
        (study(), "rates belong to the horizon that is shown; no schedule moves them"),
        (only("SGD", schedules=("constant", "StepLR")),
         "schedules belong to the horizon that is shown; no rate was searched for"),
    ],
    "misses dropped": [
        (study(("SGD",)), "every failure is there; with one cell a setting, no other's seeds show a gap")
    ],
    "no untuned column": [(only("SGD", "AdamW"), "nothing to check: no rate was searched for")],
    "no baseline": [
        (study(("SGD",)), "nothing to compare: one optimizer"),
        (study(("SGD",), problem="a") + study(("AdamW",), problem="b"), "nothing to compare: one optimizer a setting"),
    ],
    "clipping": [([{"purpose": "tuning"}], "nothing to check: there is no result")],
    "mixed hardware": [
        (changed(study(), lambda row: True, provenance_id=None), "nothing to check: no run says where it was made")
    ],
    "unverified lanes": [(study(), "nothing to prove: no run was stepped in lanes")],
    "timing without guards": [
        (changed(study(), lambda row: True, wall_s=None), "nothing to check: no result has a time of its own"),
        (changed(study(), lambda row: True, engine="compiled"), "nothing to check: no result has a time of its own"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "rows", "words"),
    [(rule, *case) for rule, cases in ABSENT.items() for case in cases],
    ids=[f"{rule} {i}" for rule, cases in ABSENT.items() for i in range(len(cases))],
)
def test_a_rule_without_a_subject_claims_nothing(rule, rows, words):
    row = alone(rows, rule)
    assert row[["verdict", "finding", "idle"]].tolist() == ["pass", words, words.startswith("nothing")]


def test_every_rule_has_a_record_without_its_subject():
    assert list(ABSENT) == [rule.name for rule in RULES]


@pytest.mark.parametrize("rows", [[], [{"purpose": "tuning"}]], ids=["nothing", "trials"])
def test_without_a_result_no_rule_claims_what_it_says_of_results(rows):
    found = findings(make_runs(*rows) if rows else pd.DataFrame(), provenance=HERE, verdicts={})
    assert not set(found["finding"]) & {rule.good for rule in RULES}
    assert found["idle"].all()
    assert told(found) == "All 13 rules pass; 13 of those that passed had nothing to check."


def test_machines_and_versions_are_compared_within_a_setting():
    rows = changed(study(), sgd, provenance_id="there")
    faster = {**HERE, "there": {**HERE["here"], "cpu": "b"}}
    assert alone(rows, "mixed hardware", provenance=faster)[["verdict", "finding"]].tolist() == [
        "fail", "runs of several machines are compared (cpu: a, b)",
    ]  # fmt: skip
    newer = {**HERE, "there": {**HERE["here"], "torch": "3", "dirty": True}}
    found = audited(rows, provenance=newer)
    told_of = found[found["rule"] == "mixed hardware"]
    assert told_of["verdict"].tolist() == ["warn", "warn"]
    assert told_of["runs"].tolist() == [16, 8]
    other = changed(study(), sgd, provenance_id="there", problem="other")
    assert alone(other, "mixed hardware", provenance=faster)["verdict"] == "pass"


def test_lanes_with_a_kept_proof_pass():
    key = json.dumps({"optimizer": "torch.optim.SGD", "dtype": "float64", "problem": json.dumps({"problem": "bowl"})})
    rows = changed(study(), sgd, engine="stacked")
    proof = {"tier": "stacked", "evidence": {}, "steps": 30}
    assert alone(rows, "unverified lanes", verdicts={key: proof})["verdict"] == "pass"
    assert alone(rows, "unverified lanes", verdicts={key: {**proof, "tier": "grouped"}})["verdict"] == "fail"
    single = key.replace("float64", "float32")
    assert alone(rows, "unverified lanes", verdicts={single: proof})["verdict"] == "fail"


def search(optimizer, low=0.01, **more):
    cell = {"problem": "bowl", "optimizer": optimizer, "schedule": "constant", "start": "random", "steps": 100}
    return {**cell, "space": {"lr": {"low": low, "high": 1.0, "scale": "log"}}, "edges": {}, **more}


def test_a_random_search_is_judged_by_the_space_it_declared():
    rows = study(rates=(0.013, 0.1, 0.9))
    assert alone(rows, "same range", searches=[search("SGD"), search("AdamW")])["verdict"] == "pass"
    row = alone(rows, "same range", searches=[search("SGD"), search("AdamW", low=1e-5)])
    assert row["verdict"] == "fail"
    edge = [search("SGD"), search("AdamW", edges={"weight_decay": "high"})]
    assert alone(rows, "winner on the edge", searches=edge)["finding"] == "the highest weight_decay searched won"


def test_a_time_counts_wherever_it_was_taken():
    """Also at the default rate, which is no cell's shown one: these are the untuned column's times."""
    default = [row for row in study() if result(row) and row["lr"] == 1e-3]
    assert len(default) == 2
    rows = changed(study(), lambda row: row not in default, engine="stacked")
    assert alone(rows, "timing without guards")["finding"] == "every timed run moved its parameters"
    idle = changed(rows, lambda row: row in default and sgd(row), grad_evals=0)
    row = alone(idle, "timing without guards")
    assert (row["verdict"], row["rows"], row["runs"]) == ("fail", ("SGD + constant",), 1)
    assert make_runs(*idle).set_index("run_id").loc[list(row["run_ids"]), "lr"].tolist() == [1e-3]


def test_a_finding_lists_all_its_runs_or_none():
    frame = make_runs(*changed(study(), sgd, wall_s=0.0))
    row = of(findings(frame), "timing without guards")
    meant = frame[(frame["purpose"] == "result") & (frame["optimizer"] == "SGD")]
    assert row["runs"] == len(row["run_ids"]) == 9
    assert set(row["run_ids"]) == set(meant["run_id"])
    many = [changed(study(problem=f"p{i}"), sgd, wall_s=0.0) for i in range(60)]
    row = of(findings(make_runs(*itertools.chain(*many))), "timing without guards")
    assert (row["runs"], row["run_ids"]) == (540, ())
    missing = of(findings(make_runs(*study(optimizers=("SGD",)))), "no baseline")
    assert (missing["verdict"], missing["rows"], missing["run_ids"]) == ("pass", (), ())


def test_what_is_wrong_everywhere_is_said_once():
    rows = study(default=False, problem="a") + study(default=False, problem="b")
    row = alone(rows, "no untuned column")
    assert (row["where"], row["rows"]) == (("a", "b"), ("AdamW", "SGD"))
    assert len(audited(rows)) == len(RULES)


def test_a_tie_claims_nothing():
    for seeds, level in ((3, "warn"), (4, "pass")):
        rows = changed(study(seeds=seeds), result, loss_final=1.0)
        spread = [{**row, "loss_final": 1.0 + row["seed"] / 10} if result(row) else row for row in rows]
        assert alone(spread, "too few seeds")["verdict"] == level


@pytest.mark.parametrize(
    "rows", [[], [{"purpose": "tuning"}], [{"status": "diverged"}], [{"optimizer": "<b>", "events": None}]]
)
def test_a_poor_record_is_audited_all_the_same(rows):
    runs = make_runs(*rows) if rows else pd.DataFrame()
    found = findings(runs, provenance={}, verdicts={})
    assert found["rule"].nunique() == len(RULES)
    assert found["finding"].str.len().gt(0).all()
    assert told(found)


def test_what_is_not_at_hand_is_not_judged():
    found = findings(make_runs(*study()))
    assert set(found["rule"]) == {rule.name for rule in RULES} - {"mixed hardware", "unverified lanes"}
