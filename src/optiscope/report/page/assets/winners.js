/* Who won each problem, by which test, and what so many seeds could have shown. */
"use strict";

const TESTS = {
  "signed-rank": () => "Places that are shared (=) are not told apart by Wilcoxon's signed-rank test on pairs of a seed, at 5% with Holm's correction.",
  "rank-sum": (won) => `Places that are shared (=) are not told apart by the rank-sum test, at 5% with Holm's correction: where ${won.competitors} compete on ${O.plural(won.seeds, "seed")}, no outcome of the test on pairs of a seed could be significant.`,
  none: (won) => (won.competitors === 1 ? "Nobody else ran here." : `All share the first place: with ${O.plural(won.seeds, "seed")} no outcome of any test could be significant.`),
};

/* The rule that places in a setting rest on. */
O.testWords = (won) => (won.competitors === 1 ? TESTS.none(won) : TESTS[won.test](won));

/* The smallest difference from the first that so many seeds would have shown, by the middle one of the others. */
O.couldShow = ({ test, competitors, detectable, unit }) => {
  if (competitors === 1) return "–";
  if (test === "none") return "nothing";
  // Nought where most solved it: there is nothing to tell apart.
  return detectable ? `${O.number(detectable, "nothing")}${Number.isFinite(detectable) ? (unit === "decades" ? " decades" : " of the loss") : ""}` : "–";
};

O.ratioWords = ({ unit, detectable }) => (unit === "decades" && Number.isFinite(detectable) && detectable > 0 && detectable < 6 ? ` (${O.number(10 ** detectable)} times)` : "");

O.winners = (place) => {
  const rows = O.frames.winners.rows();
  if (!rows.length) return;
  const all = ({ setting }) => ({ setting, shown: 1 });
  const first = (row) => ({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule, lr: row.lr, purpose: "result" });
  const level = (row) => O.frames.board.rows({ setting: row.setting, rank: 1 }).filter((one) => Number.isFinite(one.final)).map(first);
  const number = (value) => O.number(value, "diverged").replace("−∞", "diverged");
  const won = (row) => row.optimizer !== "";
  place.append(
    O.el("h3", { text: "Who won each problem, and what its seeds could show" }),
    O.table([
      { key: "setting", words: "Problem", show: (row) => O.data.settings[row.setting].name, by: (row) => O.data.settings[row.setting].name },
      { key: "optimizer", words: "Winner", show: (row) => (won(row) ? O.who(row.optimizer) : "nobody"), by: (row) => O.name(row.optimizer) },
      { key: "schedule", words: "Schedule", show: (row) => (row.schedule || "–") },
      { key: "lr", words: "lr", n: true, runs: first },
      { key: "final", words: "Final", n: true, show: (row) => `${number(row.final)} ${{ gap: "gap", accuracy_final: "accuracy" }[row.judged_by] ?? "loss"}`, runs: (row) => (won(row) ? first(row) : all(row)) },
      { key: "tied", words: "Share the place", n: true, show: (row) => `${row.tied} of ${row.competitors}`, runs: (row) => (row.tied ? level(row) : all(row)) },
      { key: "runner_up", words: "Next", show: (row) => row.runner_up ? `${O.nameOfPair(row.runner_up)}: ${number(row.runner_up_final)}` : "–", runs: (row) => (row.runner_up ? { setting: row.setting, competitor: row.runner_up, shown: 1 } : null) },
      { key: "seeds", words: "Seeds", n: true, runs: all },
      { key: "test", words: "Test", show: (row) => (row.competitors === 1 ? "–" : O.el("span", { class: "whole", text: row.test })), title: "Signed-rank: on pairs of a seed. Rank-sum: where so many compete on so few seeds that no outcome of that one could be significant" },
      { key: "detectable", words: "Could show", n: true, show: O.couldShow, runs: all, title: "The smallest difference from the first that so many seeds would have shown with a power of 0.8, by the middle one of the others; a decade is a factor of ten" },
    ], rows, { sort: "setting", most: 12, label: "Winners" }),
    O.el("p", { class: "muted", text: "Share the place: whom no test at the 5% level, with Holm's correction for all who compete, tells from the first. Could show: the smallest difference from the first that so many seeds would have shown with a power of 0.8, by the middle one of the others; a decade is a factor of ten." }));
};
