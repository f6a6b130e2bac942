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
    { key: "trials", words: "Trials", n: true, runs: (row) => ({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule, purpose: "tuning" }) },
  ];
  const seeds = rows[0]?.seeds ?? 0;
  const caption = `Medians over ${seeds} seed${seeds === 1 ? "" : "s"}, at each pair's own rate; places that are shared (=) are not told apart by a paired test at 5%. Quality: final ${judgedWords[judged]}.`;
  return { rows, columns, caption, sort: "rank", x: "ms_per_step", y: "final", yWords: `final ${judgedWords[judged]}`, log: judged !== "error", best, where };
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
  ];
  const cd = found[0]?.cd;
  const caption = Number.isNaN(cd ?? NaN) ? "Too few settings for a critical difference." :
    `Mean ranks that differ by less than ${cd.toFixed(1)} are not told apart (Nemenyi's critical difference, ${found[0].settings} settings). Filters choose rows; ranks are among all pairs.`;
  return { rows: found, columns, caption, sort: "iqm", x: "ms_per_step", y: "iqm", yWords: "share of the way left undone", log: false, best: "min", where };
};

/* Quality against time; whoever nobody beats in both is on the front. */
const front = (told) => {
  const known = told.rows.filter((row) => Number.isFinite(row[told.x]) && Number.isFinite(row[told.y]));
  if (known.length < 2) return O.none("No Pareto of quality and time: fewer than two pairs were timed alone.");
  const sign = told.best === "max" ? -1 : 1;
  const on = known.filter((row) => !known.some((other) => other[told.x] <= row[told.x] && sign * other[told.y] <= sign * row[told.y] && (other[told.x] < row[told.x] || sign * other[told.y] < sign * row[told.y])));
  on.sort((a, b) => a[told.x] - b[told.x]);
  const bytes = O.frames.board.has("peak_memory_mb") || O.frames.board.has("state_bytes");
  const memory = (row) => row.peak_memory_mb ?? row.state_bytes;
  const largest = bytes ? Math.max(...known.map(memory).filter(Number.isFinite), 0) : 0;
  const chart = O.chart(() => {
    const points = [...O.groups(known, (row) => row.optimizer)].map(([optimizer, own]) => ({
      x: own.map((row) => row[told.x]), y: own.map((row) => row[told.y]), mode: "markers", name: O.safe(O.name(optimizer)), customdata: own.map((row) => known.indexOf(row)),
      text: own.map((row) => O.safe(O.pair(row.optimizer, row.schedule))), hovertemplate: "%{text}<br>%{x:.3g} ms a step<br>%{y:.3g}<extra></extra>",
      marker: { size: own.map((row) => (largest && Number.isFinite(memory(row)) ? 8 + 18 * Math.sqrt(memory(row) / largest) : 10)), color: O.look(optimizer).color, opacity: own.map((row) => (on.includes(row) ? 1 : 0.4)) },
    }));
    const line = { x: on.map((row) => row[told.x]), y: on.map((row) => row[told.y]), mode: "lines", line: { color: O.css("--muted"), width: 1, shape: told.best === "min" ? "hv" : "hv", dash: "dot" }, hoverinfo: "skip", name: "front" };
    return { data: [line, ...points], layout: O.layout({ title: "Quality and time", xaxis: { title: "ms a step", type: "log" }, yaxis: { title: told.yWords, type: told.log && known.every((row) => row[told.y] > 0) ? "log" : "linear" } }) };
  }, { label: "Quality against time of a step; the front is what nobody beats in both", height: 380, click: (point) => point.customdata !== undefined && O.showRuns(told.where(known[point.customdata])) });
  const best = on.map((row) => O.pair(row.optimizer, row.schedule)).join("; ");
  return O.el("div", {}, O.el("h3", { text: "Pareto front" }), O.el("p", { class: "muted", text: `Nobody is both better and faster than: ${best}. ${largest ? "The size of a point is its memory." : "Memory was not measured in these runs."}` }), chart);
};
