import pandas as pd
from study_frames import make_runs

from optiscope.metrics import best_rates, shown_rates

INF = float("inf")


def grid(losses, **common):
    """Runs out of {lr: [final loss of each seed]}; None is a run that diverged."""
    return make_runs(
        *[
            {
                "run_id": f"{common}{lr}{seed}",
                "lr": lr,
                "seed": seed,
                "loss_final": 1.0 if loss is None else loss,
                "status": "diverged" if loss is None else "max_steps",
                **common,
            }
            for lr, all_losses in losses.items()
            for seed, loss in enumerate(all_losses)
        ]
    )


def test_the_least_median_wins():
    best = best_rates(grid({0.1: [1.0, 9.0, 9.0], 0.2: [5.0, 5.0, 5.0], 0.4: [7.0, 7.0, 0.0]})).iloc[0]
    assert best[["lr", "score", "edge", "trials", "seeds", "lr_low", "lr_high"]].tolist() == [
        0.2, 5.0, "", 3, 3, 0.1, 0.4,
    ]  # fmt: skip


def test_a_rate_that_diverges_on_half_the_seeds_cannot_win():
    assert best_rates(grid({0.1: [5.0, 5.0], 0.2: [0.0, None]}))["lr"].item() == 0.1


def test_equal_scores_go_to_the_smaller_rate():
    assert best_rates(grid({0.4: [1.0], 0.2: [1.0], 0.1: [2.0]}))["lr"].item() == 0.2


def test_a_winner_at_the_end_of_its_range_is_flagged():
    assert best_rates(grid({0.1: [1.0], 0.2: [2.0]}))["edge"].item() == "low"
    assert best_rates(grid({0.1: [2.0], 0.2: [1.0]}))["edge"].item() == "high"
    assert best_rates(grid({0.1: [2.0]}))["edge"].item() == ""


def test_where_every_rate_diverged_the_smallest_stands():
    best = best_rates(grid({0.2: [None], 0.1: [None]})).iloc[0]
    assert (best["lr"], best["score"], best["edge"]) == (0.1, INF, "low")


def test_tuning_rows_alone_choose_where_there_are_any():
    tuning = grid({0.1: [1.0], 0.2: [2.0]}, purpose="tuning")
    results = grid({0.1: [9.0], 0.2: [0.0]})
    best = best_rates(pd.concat([tuning, results])).iloc[0]
    assert (best["lr"], best["score"], best["chosen_on"]) == (0.1, 1.0, "tuning")


def test_the_shown_rate_is_the_tuned_one():
    tuning = grid({0.1: [3.0], 0.2: [1.0], 0.4: [2.0]}, purpose="tuning")
    results = grid({0.1: [0.0], 0.2: [1.0]})
    shown = shown_rates(pd.concat([tuning, results])).iloc[0]
    assert shown[["lr", "chosen_on", "edge", "trials", "lr_high"]].tolist() == [0.2, "tuning", "", 3, 0.4]


def test_a_refined_rate_is_judged_against_the_range_that_was_searched():
    tuning = grid({0.1: [3.0], 0.4: [2.0]}, purpose="tuning")
    shown = shown_rates(pd.concat([tuning, grid({0.3: [1.0]})])).iloc[0]
    assert shown[["lr", "chosen_on", "edge", "trials"]].tolist() == [0.3, "tuning", "", 2]


def test_a_rate_picked_among_the_results_says_so():
    shown = shown_rates(grid({0.1: [3.0], 0.2: [1.0]})).iloc[0]
    assert shown[["lr", "chosen_on", "edge", "trials"]].tolist() == [0.2, "result", "high", 2]


def test_a_single_rate_was_not_searched_for():
    shown = shown_rates(grid({0.1: [3.0, 4.0]})).iloc[0]
    assert shown[["lr", "chosen_on", "edge", "trials"]].tolist() == [0.1, "fixed", "", 0]


def test_a_search_at_another_horizon_does_not_count():
    tuning = grid({0.1: [3.0], 0.2: [1.0]}, purpose="tuning", steps=50)
    assert shown_rates(pd.concat([tuning, grid({0.2: [1.0]})]))["chosen_on"].item() == "fixed"
