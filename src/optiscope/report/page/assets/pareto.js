/* The Pareto front of quality and what it costs. */
"use strict";

/* Quality, time and memory: whoever nobody beats in all that are known is on the front. */
O.front = (told) => {
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
  const words = costs.map(([, one]) => one).join(" and ");
  const names = on.slice(0, 8).flatMap((row, i) => [i ? "; " : "", O.lead(O.pair(row.optimizer, row.schedule), told.where(row))]);
  if (on.length > 8) names.push("; and ", O.lead(`${on.length - 8} more`, on.slice(8).map(told.where)));
  const how = [];
  if (size) how.push("The size of a point is its optimizer's state.");
  if (!has("ms_per_step")) how.push("Time is not known: these runs were stepped together.");
  if (known.length < good.length) how.push(`${good.length - known.length} pairs are not drawn: their time or memory is not known.`);
  return O.el("div", {}, O.el("h3", { text: `Quality, ${words}` }), O.el("p", { class: "muted" }, `With an outline: nobody is better in ${["quality", ...costs.map(([, one]) => one)].join(" and ")} at once than `, ...names, `. ${how.join(" ")}`), chart);
};
