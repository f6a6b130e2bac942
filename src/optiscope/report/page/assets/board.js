/* The leaderboard: all settings together or one, filtered by who, schedule, budget and device. */
"use strict";

const judgedWords = { gap: "gap", error: "accuracy", loss: "loss" };

O.leaderboard = (place) => {
  const board = O.frames.board;
  if (!board?.n) return place.append(O.none("There are no results to rank."));
  const rows = board.rows();
  const groups = O.data.groups;
  const chosen = { view: groups.length ? "group0" : "0", schedule: "", steps: "", device: "", text: "" };
  const [table, pareto] = [O.el("div"), O.el("div")];
  const views = [
    ...groups.map((group, i) => [`group${i}`, `All ${group.name} (${group.settings})`]),
    ...O.data.settings.map((setting, i) => [String(i), setting.name]),
  ];
  const schedules = [["", "all"], ...[...new Set(rows.map((row) => row.schedule))].sort().map((name) => [name, name])];
  const filters = [limited("Budget in steps", "steps", chosen, () => draw()), limited("Device", "device", chosen, () => draw())];
  const why = O.el("p", { class: "muted small" });
  const groupOf = () => (chosen.view.startsWith("group") ? Number(chosen.view.slice(5)) : null);

  /* What may be asked of the settings in view; where they have it in common, it says so and asks nothing. */
  const refill = () => {
    const group = groupOf();
    const settings = (group === null ? [Number(chosen.view)] : groups[group].ids).map((i) => O.data.settings[i]);
    const fixed = filters.map((filter) => filter.refill(settings)).filter(Boolean);
    why.textContent = fixed.length ? `${group === null ? "This problem" : settings.length === 1 ? "The one setting here" : `All ${settings.length} settings here`} ran ${fixed.join(" ")}: there is nothing else to choose.` : "";
    why.hidden = !fixed.length;
  };
  const draw = () => {
    const group = groupOf();
    const who = (row) => (!chosen.schedule || row.schedule === chosen.schedule) &&
      (!chosen.text || `${O.pair(row.optimizer, row.schedule)} ${row.optimizer}`.toLowerCase().includes(chosen.text.toLowerCase()));
    const told = group === null ? one(rows.filter((row) => row.setting === Number(chosen.view) && who(row)), Number(chosen.view)) : together(group, chosen, who);
    table.replaceChildren(told.rows.length ? O.table(told.columns, told.rows, { sort: told.sort, label: "Leaderboard" }) : O.none("Nothing fits these filters."));
    if (told.rows.length) table.append(O.el("p", { class: "muted" }, ...told.caption));
    pareto.replaceChildren(told.rows.length ? O.front(told) : "");
  };
  place.append(
    O.el("div", { class: "tools" },
      O.select("Problem", views, chosen.view, (value) => { chosen.view = value; refill(); draw(); }),
      O.select("Schedule", schedules, "", (value) => { chosen.schedule = value; draw(); }),
      ...filters.map((filter) => filter.label),
      O.el("label", {}, "Find", O.el("input", { class: "tool", type: "search", placeholder: "Adam, cosine …", oninput: (event) => { chosen.text = event.target.value; draw(); } }))),
    why, table, pareto);
  O.winners(place);
  refill();
  draw();
};

/* A choice among the values that the settings in view have; with one value it is fixed, and `refill` says to what. */
const limited = (words, name, chosen, change) => {
  const label = O.select(words, [], "", (value) => { chosen[name] = value; change(); });
  const select = label.querySelector("select");
  const refill = (settings) => {
    const values = [...new Set(settings.map((setting) => setting[name]))].sort((a, b) => (a < b ? -1 : 1));
    const told = (value) => (typeof value === "number" ? O.number(value) : value);
    const options = values.length > 1 ? [["", "all"], ...values.map((value) => [value, told(value)])] : [["", told(values[0])]];
    if (!values.map(String).includes(chosen[name]) || values.length < 2) chosen[name] = "";
    select.replaceChildren(...options.map(([value, text]) => O.el("option", { value, text, selected: String(value) === chosen[name] })));
    select.disabled = values.length < 2;
    return values.length > 1 ? "" : name === "steps" ? O.plural(values[0], "step") : `on ${values[0]}`;
  };
  return { label, refill };
};

const whoColumns = [
  { key: "optimizer", words: "Optimizer", show: (row) => O.who(row.optimizer), by: (row) => O.name(row.optimizer) },
  { key: "schedule", words: "Schedule" },
];

/* One setting: the rows of the comparison. */
const one = (rows, setting) => {
  const judged = rows[0]?.judged_by ?? "loss";
  const where = (row) => ({ setting, optimizer: row.optimizer, schedule: row.schedule, lr: row.lr, purpose: "result" });
  const target = O.targetName(rows[0] ?? {});
  const best = judged === "error" ? "max" : "min";
  const lost = (value) => O.number(value, "diverged").replace("−∞", "diverged");
  const columns = [
    { key: "rank", words: "Place", n: true, by: (row) => row.rank + (judged === "error" ? -row.final : Math.atan(row.final)) / 1e3, show: (row) => `${row.rank}${row.tied > 1 ? "=" : ""}`, runs: where, title: "By tests with Holm's correction: who cannot be told apart shares a place" },
    ...whoColumns,
    { key: "lr", words: "lr", n: true, show: (row) => O.number(row.lr) + (row.edge ? " (edge)" : ""), runs: (row) => ({ setting, optimizer: row.optimizer, schedule: row.schedule }) },
    { key: "final", words: `Final ${judgedWords[judged]}`, n: true, best, show: (row) => lost(row.final), runs: where },
    { key: "low", words: "Quartiles", n: true, show: (row) => (row.runs === 1 ? "–" : `${lost(row.low)} … ${lost(row.high)}`), runs: where },
    { key: "steps_to_target", words: `Steps to ${target}`, n: true, best: "min", show: (row) => O.number(row.steps_to_target, "never"), runs: where },
    { key: "success_rate", words: "Success", n: true, best: "max", show: (row) => O.percent(row.success_rate), runs: where },
    { key: "lost", words: "Lost", n: true, show: (row) => `${row.lost}/${row.runs}`, runs: where, title: "Runs that diverged or failed" },
    ...(O.frames.board.has("ended") ? [{ key: "ended", words: "Ended", title: "How so many of the runs ended, at or from the median step", show: (row) => row.ended || "–", runs: where }] : []),
    { key: "ms_per_step", words: "ms a step", n: true, best: "min", runs: where },
    { key: "state_bytes", words: "State, bytes", n: true, best: "min", runs: where, title: "What the optimizer keeps beside the parameters, after one step" },
    { key: "trials", words: "Trials", n: true, runs: (row) => ({ setting, optimizer: row.optimizer, schedule: row.schedule, purpose: "tuning" }) },
  ];
  const won = O.frames.winners.rows({ setting })[0];
  const everybody = { setting, shown: 1 };
  const shown = O.couldShow(won);
  const caption = [
    "Medians over ", O.lead(O.plural(won.seeds, "seed"), everybody), ", at each pair's own rate. ", O.testWords(won),
    ...(shown === "–" ? [" "] : [" So many seeds could show ", O.lead(shown, everybody), `${O.ratioWords(won)} from the first, by the middle one of the others. `]),
    `Quality: final ${judgedWords[judged]}.`,
  ];
  return { rows, columns, caption, sort: "rank", y: "final", memory: "state_bytes", memoryWords: "bytes of state", yWords: `final ${judgedWords[judged]}`, log: judged !== "error", best, where };
};

O.targetName = ({ metric, target }) => (Number.isNaN(target ?? NaN) ? "target" : `${metric === "loss_ratio" ? "loss ratio" : metric} ${O.number(target)}`);

/* The runs of a pair in all settings of a part, at the rate that each shows. */
O.everywhere = (part, { optimizer, schedule }) => ({ part, optimizer, schedule });

/* A group of settings, or those of one budget or device: mean ranks and interquartile means of these alone. */
const together = (group, chosen, who) => {
  const asked = O.data.choices.find((one) => one.group === group && String(one.steps ?? "") === chosen.steps && (one.device ?? "") === chosen.device);
  const part = asked?.part;
  const whole = part === undefined ? [] : O.frames.overall.rows({ part });
  const found = whole.filter(who);
  const where = (row) => O.everywhere(part, row);
  const columns = [
    ...whoColumns,
    { key: "iqm", words: "Left undone", n: true, best: "min", show: (row) => O.percent(row.iqm), runs: where, title: "Interquartile mean of the shortfall: share of the way from the start to the last target, 0% is best" },
    { key: "low", words: "95% interval", n: true, show: (row) => (Number.isNaN(row.low) ? "–" : `${O.percent(row.low)} … ${O.percent(row.high)}`), runs: where },
    { key: "rank", words: "Mean rank", n: true, best: "min", show: (row) => row.rank.toFixed(1), runs: where },
    { key: "beats_probability", words: "Beats the leader", n: true, show: (row) => (Number.isNaN(row.beats_probability) ? "–" : `${O.percent(row.beats_probability)} (${O.percent(row.beats_low)} … ${O.percent(row.beats_high)})`), runs: (row) => [where(row), where(whole[0])], title: "Chance that a run of it is better than one of the leader, ties being half" },
    { key: "success", words: "Success", n: true, best: "max", show: (row) => O.percent(row.success), runs: where },
    { key: "failed", words: "Lost", n: true, show: (row) => `${row.failed}/${row.runs}`, runs: where },
    { key: "ms_per_step", words: "ms a step", n: true, best: "min", runs: where },
    { key: "state_share", words: "State", n: true, best: "min", show: (row) => (Number.isNaN(row.state_share) ? "–" : `${row.state_share.toFixed(1)}×`), runs: where, title: "Bytes that the optimizer keeps, as a multiple of the parameters' own: the median over problems" },
  ];
  const { cd, settings } = whole[0] ?? {};
  const difference = Number.isNaN(cd ?? NaN) ? ["Too few settings for a critical difference."] :
    ["Mean ranks that differ by less than ", O.lead(cd.toFixed(1), { part }), " are not told apart (Nemenyi's critical difference, ", O.lead(O.plural(settings, "setting"), { part }), ")."];
  const caption = [...difference, ...(chosen.steps || chosen.device ? [` Every figure is of ${O.data.parts[part]?.name} alone.`] : []), " A schedule, or a name, chooses rows; ranks are among all pairs."];
  return { rows: found, columns, caption, sort: "iqm", y: "iqm", memory: "state_share", memoryWords: "times the parameters as state", yWords: "share of the way left undone", log: false, best: "min", where };
};
