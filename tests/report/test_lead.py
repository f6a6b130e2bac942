"""What report.md says first, and what it folds and cuts where a study is large."""

from study_frames import make_runs

from optiscope.report import Picture, markdown_report


def report(problems, optimizers=("Adam", "SGD"), **more):
    runs = make_runs(
        *[
            {"problem": f"p{i}", "optimizer": name, "seed": s, "loss_final": 10.0 ** (k - 3) * (1 + s / 9)}
            for i in range(problems) for k, name in enumerate(optimizers) for s in range(7)
        ]
    )  # fmt: skip
    return markdown_report(title="t", runs=runs, trace=None, **more)


def test_the_first_screen_says_what_to_take_how_sure_that_is_and_where_it_fails():
    first = report(4)[:800]
    for words in ("**On test functions: Adam + constant.**", "- How sure: ", "- Where it fails: nowhere"):
        assert words in first
    assert "| Adam + constant |" in first


def test_many_problems_are_folded_and_few_are_not():
    assert "<details>\n<summary>Who won each" not in report(8)
    text = report(9)
    assert "<details>\n<summary>Who won each of 9 problems</summary>\n\n| Problem" in text
    assert "<details>\n<summary>p8</summary>\n\n| Optimizer" in text
    assert text.count("<details>") == text.count("</details>")


def test_a_large_study_names_the_file_that_holds_the_rest():
    names = [f"Adam{i}" for i in range(50)]
    text = report(9, names, rest="tables/comparison.csv")
    assert "The best 12 of each problem; all 450 rows are in [tables/comparison.csv](tables/comparison.csv)." in text
    assert "further row" not in text
    assert "38 further rows" in report(9, names)


def test_pictures_beyond_eight_are_folded():
    pictures = [Picture(f"{i}.png", f"picture {i}", "words") for i in range(11)]
    assert "<summary>3 further pictures</summary>\n\n### picture 8" in report(1, pictures=pictures)
