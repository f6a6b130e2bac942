/* Sensitivity, profiles, budget, schedules, losses, throughput and memory. */
"use strict";

const settingSelect = (settings, chosen, change) =>
  O.select("Problem", settings.map((one) => [one, O.data.settings[one].name]), chosen, (value) => change(Number(value)));

/* A section with a choice of setting and schedule, and something drawn for it. */
const chooser = (place, frame, empty, show) => {
  const settings = [...new Set(frame.values("setting"))].sort((a, b) => a - b);
  if (!settings.length) return place.append(O.none(empty));
  const chosen = { setting: settings[0], schedule: undefined };
  const tools = O.el("div", { class: "tools" });
  const holder = O.el("div");
  const draw = () => {
    const own = frame.rows({ setting: chosen.setting });
    const schedules = O.data.looks.order.filter((name) => own.some((row) => row.schedule === name));
    if (!schedules.includes(chosen.schedule)) chosen.schedule = schedules[0];
    tools.replaceChildren(
      settingSelect(settings, chosen.setting, (value) => { chosen.setting = value; draw(); }),
      O.select("Schedule", schedules.map((one) => [one, one]), chosen.schedule, (value) => { chosen.schedule = value; draw(); }));
    holder.replaceChildren(...show(chosen, own.filter((row) => row.schedule === chosen.schedule)));
  };
  place.append(tools, holder);
  draw();
};

O.sensitivity = (place) => chooser(place, O.frames.rates, "Every pair ran at one rate only: nothing is known of its neighbours.", (chosen, rows) => {
  const lines = O.groups(rows, (row) => row.optimizer);
  const finite = rows.flatMap((row) => [row.cost, row.high]).filter((x) => Number.isFinite(x) && x > 0);
  const top = Math.max(...finite, 1e-12) * 3;
  const log = rows.every((row) => !(row.cost <= 0));
  const chart = O.figure(() => ({
    data: [...lines].flatMap(([optimizer, own], i) => {
      const lost = own.filter((row) => !Number.isFinite(row.cost));
      const name = O.safe(O.name(optimizer));
      return [
        { x: own.map((row) => row.lr), y: own.map((row) => (Number.isFinite(row.cost) ? row.cost : null)), name, legendgroup: name, line: O.line(optimizer), mode: "lines+markers", marker: { size: 6 }, customdata: own.map((row) => rows.indexOf(row)), hovertemplate: `${name}, lr %{x:.3g}: %{y:.3g}<extra></extra>` },
        { x: lost.map((row) => row.lr), y: lost.map(() => top * 1.7 ** i), mode: "markers", marker: { symbol: "x", size: 8, color: O.look(optimizer).color }, customdata: lost.map((row) => rows.indexOf(row)), showlegend: false, legendgroup: name, hovertemplate: `${name}, lr %{x:.3g}: diverged<extra></extra>` },
      ];
    }),
    layout: O.layout({ xaxis: { title: "learning rate", type: "log" }, yaxis: { title: `median final ${rows[0].judged_by.replace("_", " ")}`, type: log ? "log" : "linear" } }),
  }), { label: "Median final cost by learning rate", height: 420, click: (point) => { const row = rows[point.customdata]; O.showRuns({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule, lr: row.lr }); } });
  const bands = O.frames.robustness.rows({ setting: chosen.setting, schedule: chosen.schedule });
  const table = O.table([
    { key: "optimizer", words: "Optimizer", show: (row) => O.who(row.optimizer), by: (row) => O.name(row.optimizer) },
    { key: "decades", words: "Decades within 10×", n: true, best: "max", show: (row) => row.decades.toFixed(1) + (row.open ? " or more" : ""), runs: (row) => ({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule }) },
    { key: "lr_low", words: "From", n: true }, { key: "lr_high", words: "To", n: true },
    { key: "lr", words: "Best lr", n: true, runs: (row) => ({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule, lr: row.lr }) },
    { key: "rates", words: "Rates tried", n: true },
  ], bands, { sort: "decades", up: false, label: "How many decades of rates are good" });
  return [chart, table];
});

O.budget = (place) => chooser(place, O.frames.budget, "No search was run: there are no trials to count.", (chosen, rows) => [O.figure(() => ({
  data: [...O.groups(rows, (row) => row.optimizer)].flatMap(([optimizer, own]) => {
    const whole = own.filter((row) => Number.isFinite(row.median_low) && Number.isFinite(row.median_high));
    const line = O.line(optimizer);
    const name = O.safe(O.name(optimizer));
    return [
      { x: [...whole.map((row) => row.k), ...whole.map((row) => row.k).reverse()], y: [...whole.map((row) => row.median_high), ...whole.map((row) => row.median_low).reverse()], fill: "toself", fillcolor: line.color, opacity: 0.12, line: { width: 0 }, hoverinfo: "skip", showlegend: false, legendgroup: name, mode: "lines" },
      { x: own.map((row) => row.k), y: own.map((row) => (Number.isFinite(row.median) ? row.median : null)), name, legendgroup: name, line: { ...line, shape: "hv" }, mode: "lines", customdata: own.map(() => optimizer), hovertemplate: `${name}, best of %{x}: %{y:.3g}<extra></extra>` },
    ];
  }),
  layout: O.layout({ xaxis: { title: "trials", type: "log" }, yaxis: { title: "score of the best", type: rows.every((row) => !(row.median <= 0)) ? "log" : "linear" } }),
}), { label: "Best of k trials by k", height: 420, click: (point) => O.showRuns({ setting: chosen.setting, schedule: chosen.schedule, optimizer: point.customdata, purpose: "tuning" }) })]);

O.profiles = (place) => {
  if (!O.frames.profile?.n && !O.frames.wins?.n) return place.append(O.none(O.data.missing.profile ?? "There are no targets that anybody could meet, and nobody to set against another."));
  const tools = O.el("div", { class: "tools" });
  const holder = O.el("div");
  const draw = (group) => {
    const step = (frame, x, words, title) => O.figure(() => {
      const lines = [...O.groups(frame.rows({ group }), (row) => O.pair(row.optimizer, row.schedule)).values()].sort((a, b) => b[0].area - a[0].area);
      return {
        data: lines.map((own, i) => ({ x: own.map((row) => row[x]), y: own.map((row) => row.share), name: O.safe(`${O.pair(own[0].optimizer, own[0].schedule)} (${own[0].area.toFixed(2)})`), line: { ...O.line(own[0].optimizer, own[0].schedule, true), shape: "hv" }, mode: "lines", visible: i < O.MOST_LINES ? true : "legendonly", customdata: own.map((row) => [row.optimizer, row.schedule]) })),
        layout: O.layout({ title, xaxis: { title: words, type: "log" }, yaxis: { title: "share of run and target pairs", range: [0, 1.02], tickformat: ".0%" }}),
      };
    }, { label: title, height: 360, click: (point) => O.showRuns(O.everywhere(group, { optimizer: point.customdata[0], schedule: point.customdata[1] })) });
    const wins = O.frames.wins.rows({ group });
    const order = O.frames.overall.rows({ group });
    const names = order.map((row) => row.competitor);
    const by = new Map(wins.map((row) => [`${row.competitor}\n${row.other}`, row]));
    const of = Object.fromEntries(order.map((row) => [row.competitor, row]));
    const label = Object.fromEntries(order.map((row) => [O.pair(row.optimizer, row.schedule), row.competitor]));
    const shown = Object.keys(label).slice(0, 24);
    const matrix = O.matrix(shown, shown, (down, across) => {
      const row = by.get(`${label[down]}\n${label[across]}`);
      if (!row) return null;
      const side = (name) => O.everywhere(group, of[name]);
      return { words: O.percent(row.win_rate), weight: 2 * row.win_rate - 1, title: `${down} beats ${across} on ${O.percent(row.win_rate)} of ${row.pairs} pairs of runs`, runs: [...side(label[down]), ...side(label[across])] };
    }, { label: "Share of seeds on which the row beats the column" });
    holder.replaceChildren(
      O.el("div", { class: "grid2" },
        step(O.frames.profile, "tau", "times the evaluations of the best", "Performance profile (area)"),
        step(O.frames.ecdf, "evaluations", "gradient evaluations", "Targets met by then (area)")),
      O.el("h3", { text: "Who beats whom" }),
      O.el("p", { class: "muted", text: `Share of seeds on which the row is better than the column, a tie being half.${names.length > shown.length ? ` The first ${shown.length} of ${names.length}.` : ""}` }), matrix);
  };
  if (O.data.groups.length > 1) tools.append(O.select("Problems", O.data.groups.map((group, i) => [i, group.name]), 0, (value) => draw(Number(value))));
  place.append(tools, holder);
  draw(0);
};

O.throughput = (place) => {
  const rows = O.frames.board?.rows().filter((row) => Number.isFinite(row.ms_per_step)) ?? [];
  if (!rows.length) return place.append(O.none("No run was made alone: runs that are stepped together have no time of their own. The benchmarks (pytest --benchmark) time the step itself."));
  const settings = [...new Set(rows.map((row) => row.setting))];
  const tools = O.el("div", { class: "tools" });
  const holder = O.el("div");
  const draw = (setting) => {
    const own = [...O.groups(rows.filter((row) => row.setting === setting), (row) => row.optimizer)].map(([optimizer, part]) => ({ optimizer, setting, times: part.map((row) => row.ms_per_step).sort((a, b) => a - b) }));
    for (const row of own) row.middle = row.times[Math.floor((row.times.length - 1) / 2)];
    own.sort((a, b) => b.middle - a.middle);
    holder.replaceChildren(O.chart(() => ({
      data: [{ type: "bar", orientation: "h", x: own.map((row) => row.middle), y: own.map((row) => O.wrapped(O.name(row.optimizer))), marker: { color: own.map((row) => O.look(row.optimizer).color) }, text: own.map((row) => `${O.number(row.middle)} ms`), textposition: "inside", insidetextanchor: "start", error_x: { type: "data", symmetric: false, array: own.map((row) => row.times.at(-1) - row.middle), arrayminus: own.map((row) => row.middle - row.times[0]), color: O.css("--muted"), thickness: 1 }, hovertemplate: "%{y}: %{x:.3g} ms a step<extra></extra>" }],
      layout: O.layout({ xaxis: { title: "ms a step", rangemode: "tozero" }, ...O.beside() }),
    }), { label: "Milliseconds a step by optimizer", height: Math.max(240, 90 + 34 * own.length), click: (point) => O.showRuns({ setting, optimizer: own[point.pointIndex].optimizer, purpose: "result" }) }));
  };
  tools.append(settingSelect(settings, settings[0], draw));
  place.append(tools, holder);
  draw(settings[0]);
};

O.memory = (place) => {
  const board = O.frames.board;
  const columns = [["state_bytes", "State, bytes"], ["peak_memory_mb", "Peak, MB"]].filter(([name]) => board?.has(name));
  const rows = board?.rows().filter((row) => columns.some(([name]) => Number.isFinite(row[name]))) ?? [];
  if (!rows.length) return place.append(O.none("Memory was not measured in these runs. The benchmarks (pytest --benchmark) measure it, one process a figure."));
  place.append(O.table([
    { key: "setting", words: "Problem", show: (row) => O.data.settings[row.setting].name }, ...whoColumns,
    ...columns.map(([key, words]) => ({ key, words, n: true, best: "min", runs: (row) => ({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule, purpose: "result" }) })),
  ], rows, { label: "Memory" }));
};
