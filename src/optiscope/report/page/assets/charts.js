/* Profiles, budget, throughput and memory. */
"use strict";

const settingSelect = (settings, chosen, change) =>
  O.select("Problem", settings.map((one) => [one, O.data.settings[one].name]), chosen, (value) => change(Number(value)));

/* A section with a choice of setting and schedule, and something drawn for it. */
O.chooser = (place, frame, empty, show) => {
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

O.budget = (place) => {
  untuned(place);
  O.chooser(place, O.frames.budget, "No search was run: there are no trials to count.", (chosen, rows) => [O.figure(() => ({
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
};

/* Every optimizer at its default, constant rate, beside what tuning made of it. */
const untuned = (place) => {
  const frame = O.frames.untuned;
  if (!frame?.n) return;
  for (const [i, group] of O.data.groups.entries()) {
    const rows = frame.rows({ group: i });
    if (!rows.length) continue;
    const at = (row, schedule) => O.everywhere(i, { optimizer: row.optimizer, schedule });
    const untried = (row) => ({ settings: i, optimizer: row.optimizer, untuned: 1 });
    place.append(O.el("h3", { text: `With no tuning at all, on ${group.name}` }), O.table([
      whoColumns[0],
      { key: "iqm", words: "Left undone at its default rate", n: true, best: "min", show: (row) => O.percent(row.iqm), runs: untried, title: "Interquartile mean of the shortfall, 0% is best" },
      { key: "low", words: "95% interval", n: true, show: (row) => `${O.percent(row.low)} … ${O.percent(row.high)}`, runs: untried },
      { key: "failed", words: "Lost", n: true, show: (row) => `${row.failed}/${row.runs}`, runs: untried },
      { key: "tuned", words: "Tuned, constant", n: true, best: "min", show: (row) => O.percent(row.tuned), runs: (row) => at(row, "constant") },
      { key: "best", words: "Tuned, best schedule", n: true, best: "min", show: (row) => O.percent(row.best), runs: (row) => at(row, row.schedule) },
      { key: "schedule", words: "Which" },
    ], rows, { sort: "iqm", label: `No tuning, ${group.name}` }));
  }
  place.append(O.el("h3", { text: "The best of k trials" }));
};

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
    const order = O.frames.overall.rows({ part: group });
    const names = order.map((row) => row.competitor);
    const by = new Map(wins.map((row) => [`${row.competitor}\n${row.other}`, row]));
    const of = Object.fromEntries(order.map((row) => [row.competitor, row]));
    const label = Object.fromEntries(order.map((row) => [O.pair(row.optimizer, row.schedule), row.competitor]));
    const shown = Object.keys(label).slice(0, 24);
    const matrix = O.matrix(shown, shown, (down, across) => {
      const row = by.get(`${label[down]}\n${label[across]}`);
      if (!row) return null;
      const side = (name) => O.everywhere(group, of[name]);
      return { words: O.percent(row.win_rate), weight: 2 * row.win_rate - 1, title: `${down} beats ${across} on ${O.percent(row.win_rate)} of ${row.pairs} pairs of runs`, runs: [side(label[down]), side(label[across])] };
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
    }), { label: "Milliseconds a step by optimizer", height: Math.max(240, 90 + 34 * own.length), click: (point) => O.showRuns({ setting, optimizer: own[point.pointIndex].optimizer, engine: "single", shown: 1 }) }));
  };
  tools.append(settingSelect(settings, settings[0], draw));
  place.append(tools, holder);
  draw(settings[0]);
};

O.memory = (place) => {
  const rows = [...O.groups(O.frames.board?.rows().filter((row) => Number.isFinite(row.state_bytes)) ?? [], (row) => `${row.setting}\n${row.optimizer}`).values()].map((own) => own[0]);
  if (!rows.length) return place.append(O.none("Nothing is known of the memory of these optimizers: their names alone do not say what they are. The benchmarks (pytest --benchmark) measure it, one process a figure."));
  const runs = (row) => ({ setting: row.setting, optimizer: row.optimizer, purpose: "result" });
  place.append(O.table([
    { key: "setting", words: "Problem", show: (row) => O.data.settings[row.setting].name, by: (row) => row.setting }, whoColumns[0],
    { key: "state_bytes", words: "State, bytes", n: true, best: "min", runs },
    { key: "state_share", words: "Times the parameters", n: true, best: "min", show: (row) => `${row.state_share.toFixed(2)}×`, runs },
  ], rows.sort((a, b) => b.state_bytes - a.state_bytes), { sort: "state_bytes", up: false, most: 15, label: "Memory" }));
};
