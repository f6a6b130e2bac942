/* The leaderboard: all settings together or one, filtered by who, schedule, budget and device; and the Pareto front. */
"use strict";

const judgedWords = { gap: "gap", error: "accuracy", loss: "loss" };

O.leaderboard = (place) => {
  const board = O.frames.board;
  if (!board?.n) return place.append(O.none("There are no results to rank."));
  const rows = board.rows().map((row) => ({ ...row, ...O.data.settings[row.setting], rows: undefined }));
  const groups = O.data.groups;
  const chosen = { view: groups.length ? "group0" : "0", schedule: "", steps: "", device: "", text: "" };
  const tools = O.el("div", { class: "tools" });
  const table = O.el("div");
  const pareto = O.el("div");
  const views = [
    ...groups.map((group, i) => [`group${i}`, `All ${group.name} (${group.settings})`]),
    ...O.data.settings.map((setting, i) => [String(i), setting.name]),
  ];
  const unique = (name) => [...new Set(rows.map((row) => row[name]))].sort((a, b) => (a < b ? -1 : 1));
  const any = (name, words) => [["", words], ...unique(name).map((value) => [value, O.number(value) === "–" || typeof value === "string" ? value : O.number(value)])];
  const change = (name) => (value) => { chosen[name] = value; draw(); };
  tools.append(
    O.select("Problem", views, chosen.view, change("view")),
    O.select("Schedule", any("schedule", "all"), "", change("schedule")),
    O.select("Budget in steps", any("steps", "all"), "", change("steps")),
    O.select("Device", any("device", "all"), "", change("device")),
    O.el("label", {}, "Find", O.el("input", { class: "tool", type: "search", placeholder: "Adam, cosine …", oninput: (event) => change("text")(event.target.value) })));

  const fits = (row) =>
    (!chosen.schedule || row.schedule === chosen.schedule) && (!chosen.steps || String(row.steps) === chosen.steps) &&
    (!chosen.device || row.device === chosen.device) &&
    (!chosen.text || `${O.pair(row.optimizer, row.schedule)} ${row.optimizer}`.toLowerCase().includes(chosen.text.toLowerCase()));

  const draw = () => {
    const group = chosen.view.startsWith("group") ? Number(chosen.view.slice(5)) : null;
    const told = group === null ? one(rows.filter((row) => row.setting === Number(chosen.view) && fits(row))) : together(group, fits, rows);
    table.replaceChildren(told.rows.length ? O.table(told.columns, told.rows, { sort: told.sort, label: "Leaderboard" }) : O.none("Nothing fits these filters."));
    table.append(O.el("p", { class: "muted", text: told.caption }));
    pareto.replaceChildren(told.rows.length ? front(told) : "");
  };
  place.append(tools, table, pareto);
  draw();
};

const whoColumns = [
  { key: "optimizer", words: "Optimizer", show: (row) => O.who(row.optimizer), by: (row) => O.name(row.optimizer) },
  { key: "schedule", words: "Schedule" },
];

/* One setting: the rows of the comparison. */
const one = (rows) => {
  const judged = rows[0]?.judged_by ?? "loss";
  const where = (row) => ({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule, lr: row.lr, purpose: "result" });
  const target = rows[0] && !Number.isNaN(rows[0].target) ? `${rows[0].metric === "loss_ratio" ? "loss ratio" : rows[0].metric} ${O.number(rows[0].target)}` : "target";
  const best = judged === "error" ? "max" : "min";
  const lost = (value) => O.number(value, "diverged").replace("−∞", "diverged");
  const columns = [
    { key: "rank", words: "Place", n: true, by: (row) => row.rank + (judged === "error" ? -row.final : Math.atan(row.final)) / 1e3, show: (row) => `${row.rank}${row.tied > 1 ? "=" : ""}`, title: "By tests with Holm's correction: who cannot be told apart shares a place" },
    ...whoColumns,
    { key: "lr", words: "lr", n: true, show: (row) => O.number(row.lr) + (row.edge ? " (edge)" : ""), runs: ({ lr, ...row }) => ({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule }) },
    { key: "final", words: `Final ${judgedWords[judged]}`, n: true, best, show: (row) => lost(row.final), runs: where },
    { key: "low", words: "Quartiles", n: true, show: (row) => (row.runs === 1 ? "–" : `${lost(row.low)} … ${lost(row.high)}`), runs: where },
    { key: "steps_to_target", words: `Steps to ${target}`, n: true, best: "min", show: (row) => O.number(row.steps_to_target, "never"), runs: where },
    { key: "success_rate", words: "Success", n: true, best: "max", show: (row) => O.percent(row.success_rate), runs: where },
    { key: "lost", words: "Lost", n: true, show: (row) => `${row.lost}/${row.runs}`, runs: where, title: "Runs that diverged or failed" },
    ...(O.frames.board.has("ended") ? [{ key: "ended", words: "Ended", title: "How so many of the runs ended, at or from the median step", show: (row) => row.ended || "–" }] : []),
    { key: "ms_per_step", words: "ms a step", n: true, best: "min", runs: where },
    { key: "state_bytes", words: "State, bytes", n: true, best: "min", runs: where, title: "What the optimizer keeps beside the parameters, after one step" },
    { key: "trials", words: "Trials", n: true, runs: (row) => ({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule, purpose: "tuning" }) },
  ];
  const seeds = rows[0]?.seeds ?? 0;
  const caption = `Medians over ${seeds} seed${seeds === 1 ? "" : "s"}, at each pair's own rate; places that are shared (=) are not told apart by a paired test at 5%. Quality: final ${judgedWords[judged]}.`;
  return { rows, columns, caption, sort: "rank", y: "final", memory: "state_bytes", memoryWords: "bytes of state", yWords: `final ${judgedWords[judged]}`, log: judged !== "error", best, where };
};

/* The runs of a pair in all settings of a group, at the rate that each shows. */
O.everywhere = (group, { optimizer, schedule }) => O.frames.board.rows({ optimizer, schedule })
  .filter((row) => O.data.groups[group].ids.includes(row.setting))
  .map((row) => ({ setting: row.setting, optimizer, schedule, lr: row.lr, purpose: "result" }));

/* A group of settings: mean ranks and interquartile means. */
const together = (group, fits, rows) => {
  const inside = rows.filter(fits);
  const allowed = new Set(inside.map((row) => O.pair(row.optimizer, row.schedule)));
  const found = O.frames.overall.rows({ group }).filter((row) => allowed.has(O.pair(row.optimizer, row.schedule)));
  const where = (row) => O.everywhere(group, row);
  const columns = [
    ...whoColumns,
    { key: "iqm", words: "Left undone", n: true, best: "min", show: (row) => O.percent(row.iqm), runs: where, title: "Interquartile mean of the shortfall: share of the way from the start to the last target, 0% is best" },
    { key: "low", words: "95% interval", n: true, show: (row) => (Number.isNaN(row.low) ? "–" : `${O.percent(row.low)} … ${O.percent(row.high).replace("Infinity%", "failed")}`), runs: where },
    { key: "rank", words: "Mean rank", n: true, best: "min", show: (row) => row.rank.toFixed(1), runs: where },
    { key: "beats_probability", words: "Beats the leader", n: true, show: (row) => (Number.isNaN(row.beats_probability) ? "–" : `${O.percent(row.beats_probability)} (${O.percent(row.beats_low)} … ${O.percent(row.beats_high)})`), runs: where, title: "Chance that a run of it is better than one of the leader, ties being half" },
    { key: "success", words: "Success", n: true, best: "max", show: (row) => O.percent(row.success), runs: where },
    { key: "failed", words: "Lost", n: true, show: (row) => `${row.failed}/${row.runs}`, runs: where },
    { key: "ms_per_step", words: "ms a step", n: true, best: "min", runs: where },
    { key: "state_share", words: "State", n: true, best: "min", show: (row) => (Number.isNaN(row.state_share) ? "–" : `${row.state_share.toFixed(1)}×`), runs: where, title: "Bytes that the optimizer keeps, as a multiple of the parameters' own: the median over problems" },
  ];
  const cd = found[0]?.cd;
  const caption = Number.isNaN(cd ?? NaN) ? "Too few settings for a critical difference." :
    `Mean ranks that differ by less than ${cd.toFixed(1)} are not told apart (Nemenyi's critical difference, ${found[0].settings} settings). Filters choose rows; ranks are among all pairs.`;
  return { rows: found, columns, caption, sort: "iqm", y: "iqm", memory: "state_share", memoryWords: "times the parameters as state", yWords: "share of the way left undone", log: false, best: "min", where };
};

/* Quality, time and memory: whoever nobody beats in all that are known is on the front. */
const front = (told) => {
  const sign = told.best === "max" ? -1 : 1;
  const good = told.rows.filter((row) => Number.isFinite(row[told.y]));
  const has = (key) => good.filter((row) => Number.isFinite(row[key])).length > 1;
  const costs = [["ms_per_step", "time", "ms a step"], [told.memory, "memory", told.memoryWords]].filter(([key]) => has(key));
  if (!costs.length) return O.none("No Pareto of quality and what it costs: fewer than two pairs have a clock or a memory of their own.");
  const [[x, , xWords], size] = [costs[0], costs[1]];
  const known = good.filter((row) => costs.every(([key]) => Number.isFinite(row[key])));
  if (known.length < 2) return O.none("No Pareto of quality and what it costs: fewer than two pairs have all figures.");
  const values = (row) => [sign * row[told.y], ...costs.map(([key]) => row[key])];
  const beats = (one, other) => one.every((value, i) => value <= other[i]) && one.some((value, i) => value < other[i]);
  const all = known.map(values);
  const on = known.filter((_, i) => !all.some((other) => beats(other, all[i]))).sort((a, b) => sign * (a[told.y] - b[told.y]));
  const largest = size ? Math.max(...known.map((row) => row[size[0]])) : 0;
  const area = (row) => (largest > 0 ? 7 + 17 * Math.sqrt(row[size[0]] / largest) : 10);
  const chart = O.chart(() => ({
    data: [...O.groups(known, (row) => row.optimizer)].map(([optimizer, own]) => ({
      x: own.map((row) => row[x]), y: own.map((row) => row[told.y]), mode: "markers", name: O.safe(O.name(optimizer)), customdata: own.map((row) => known.indexOf(row)),
      text: own.map((row) => O.safe(`${O.pair(row.optimizer, row.schedule)}: ${costs.map(([key, , words]) => `${O.number(row[key])} ${words}`).join(", ")}`)), hovertemplate: "%{text}<br>%{y:.3g}<extra></extra>",
      marker: { size: own.map(area), color: O.look(optimizer).color, opacity: own.map((row) => (on.includes(row) ? 1 : 0.3)), line: { width: own.map((row) => (on.includes(row) ? 1.5 : 0)), color: O.css("--ink") } },
    })),
    layout: O.layout({ xaxis: { title: xWords, type: known.every((row) => row[x] > 0) ? "log" : "linear" }, yaxis: { title: told.yWords, type: told.log && known.every((row) => row[told.y] > 0) ? "log" : "linear" } }),
  }), { label: `Quality against ${costs.map(([, words]) => words).join(" and ")}; those with an outline nobody beats in all`, height: 380, click: (point) => O.showRuns(told.where(known[point.customdata])) });
  const names = on.map((row) => O.pair(row.optimizer, row.schedule));
  const words = costs.map(([, one]) => one).join(" and ");
  const list = names.slice(0, 8).join("; ") + (names.length > 8 ? `; and ${names.length - 8} more` : "");
  const how = [`With an outline: nobody is better in quality, ${words} at once than ${list}.`];
  if (size) how.push("The size of a point is its optimizer's state.");
  if (!has("ms_per_step")) how.push("Time is not known: these runs were stepped together.");
  if (known.length < good.length) how.push(`${good.length - known.length} pairs are not drawn: their time or memory is not known.`);
  return O.el("div", {}, O.el("h3", { text: `Quality, ${words}` }), O.el("p", { class: "muted", text: how.join(" ") }), chart);
};
