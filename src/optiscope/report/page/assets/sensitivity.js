/* What a missed rate costs: curves, a map of all rates, and how many decades are good. */
"use strict";

O.sensitivity = (place) => O.chooser(place, O.frames.rates, "Every pair ran at one rate only: nothing is known of its neighbours.", (chosen, rows) => {
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
  const at = (row, lr) => ({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule, lr });
  const table = O.table([
    { key: "optimizer", words: "Optimizer", show: (row) => O.who(row.optimizer), by: (row) => O.name(row.optimizer) },
    { key: "decades", words: "Decades within 10×", n: true, best: "max", show: (row) => row.decades.toFixed(1) + (row.open ? " or more" : ""), runs: (row) => at(row) },
    ...[["lr_low", "From"], ["lr_high", "To"], ["lr", "Best lr"]].map(([key, words]) => ({ key, words, n: true, runs: (row) => at(row, row[key]) })),
    { key: "rates", words: "Rates tried", n: true, runs: (row) => at(row) },
  ], bands, { sort: "decades", up: false, label: "How many decades of rates are good" });
  return [chart, heat(chosen), table];
});

/* The final figure over rate and optimizer, or over rate and schedule; lost cells have a colour of their own. */
const heat = (chosen) => {
  const all = O.frames.rates.rows({ setting: chosen.setting });
  const optimizers = [...new Set(all.map((row) => row.optimizer))];
  const holder = O.el("div");
  const draw = () => {
    const by = chosen.heat ? "schedule" : "optimizer";
    const own = all.filter((row) => (chosen.heat ? row.optimizer === chosen.heat : row.schedule === chosen.schedule));
    const label = (row) => (by === "optimizer" ? O.name(row.optimizer) : row.schedule);
    const best = new Map([...O.groups(own, label)].map(([name, rows]) => [name, Math.min(...rows.map((row) => row.cost))]));
    const names = [...best.keys()].sort((a, b) => best.get(b) - best.get(a)); // the best on top
    const rates = [...new Set(all.map((row) => row.lr))].sort((a, b) => a - b);
    const at = new Map(own.map((row) => [`${label(row)}\n${row.lr}`, row]));
    const grid = (read) => names.map((name) => rates.map((lr) => { const row = at.get(`${name}\n${lr}`); return row ? read(row) : null; }));
    const finite = own.map((row) => row.cost).filter(Number.isFinite);
    const log = own.every((row) => row.cost > 0) && Math.max(...finite) > 30 * Math.min(...finite);
    const judged = own[0].judged_by.replace("_", " ");
    const shared = { type: "heatmap", x: rates.map((lr) => O.number(lr)), y: names.map(O.wrapped), xgap: 1, ygap: 1, text: grid((row) => O.safe(`${label(row)}, lr ${O.number(row.lr)}: ${O.number(row.cost, "diverged")}${row.lost ? `, ${O.percent(row.lost)} of runs lost` : ""}`)), hovertemplate: "%{text}<extra></extra>", customdata: names.map((name) => rates.map((lr) => [name, lr])) };
    const ramp = () => [0, 1, 2, 3, 4].map((i) => [i / 4, O.css(`--heat${i}`)]);
    const chart = O.chart(() => {
      const low = Math.min(...finite), high = Math.max(...finite);
      const at10 = log ? Array.from({ length: Math.floor(Math.log10(high)) - Math.ceil(Math.log10(low)) + 1 }, (_, i) => Math.ceil(Math.log10(low)) + i).filter((_, i, every) => i % Math.ceil(every.length / 6) === 0) : [];
      const ticks = at10.length > 1 ? { tickvals: at10, ticktext: at10.map((power) => O.number(10 ** power)) } : {};
      const data = [{ ...shared, z: grid((row) => (Number.isFinite(row.cost) ? (log ? Math.log10(row.cost) : row.cost) : null)), colorscale: ramp(), colorbar: { title: { text: judged, side: "right", font: { size: 12, color: O.css("--muted") } }, thickness: 10, outlinewidth: 0, tickfont: { size: 11, color: O.css("--muted") }, ...ticks } },
        { ...shared, z: grid((row) => (Number.isFinite(row.cost) ? null : 1)), colorscale: [[0, O.css("--lost")], [1, O.css("--lost")]], showscale: false }];
      const beside = O.beside();
      return { data, layout: O.layout({ ...beside, xaxis: { title: "learning rate", type: "category", showgrid: false }, yaxis: { ...beside.yaxis, type: "category", showgrid: false } }) };
    }, { label: `Median final ${judged} by learning rate and ${by}`, height: 110 + 30 * names.length, click: (point) => {
      const row = at.get(`${point.customdata[0]}\n${point.customdata[1]}`);
      if (row) O.showRuns({ setting: row.setting, optimizer: row.optimizer, schedule: row.schedule, lr: row.lr });
    } });
    const options = [["", "optimizers, under this schedule"], ...optimizers.map((name) => [name, `schedules, of ${O.name(name)}`])];
    holder.replaceChildren(
      O.el("h3", { text: "Rates against each other" }),
      O.el("div", { class: "tools" }, O.select("Rows", options, chosen.heat ?? "", (value) => { chosen.heat = value; draw(); })),
      O.el("p", { class: "muted" }, `Median final ${judged} of each cell, the best row on top. `, O.el("span", { class: "swatch block lost", "aria-hidden": "true" }), "half the runs or more diverged"),
      chart);
  };
  draw();
  return holder;
};
