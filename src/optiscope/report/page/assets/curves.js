/* Convergence, and the history of networks: median and quartiles by step, competitors to choose. */
"use strict";

O.MOST_LINES = 8;

/* Best first in a setting, by place and then by the final figure. */
O.bestFirst = (setting) => {
  const sign = O.data.settings[setting].judged === "error" ? -1 : 1;
  return O.frames.board.rows({ setting }).sort((a, b) => a.rank - b.rank || sign * (a.final - b.final));
};

O.curves = (place, wanted, empty) => {
  const bands = O.frames.bands;
  const settings = [...new Set(bands.values("setting"))].filter(wanted).sort((a, b) => a - b);
  if (!settings.length) return place.append(O.none(empty));
  const chosen = { setting: settings[0], metric: "loss", schedules: "best" };
  const tools = O.el("div", { class: "tools" });
  const holder = O.el("div");
  const metrics = () => [...new Set(bands.rows({ setting: chosen.setting }).map((row) => row.metric))];
  const draw = () => {
    if (!metrics().includes(chosen.metric)) chosen.metric = "loss";
    const { name, judged } = O.data.settings[chosen.setting];
    const words = (metric) => (metric === "loss" ? (judged === "gap" ? "gap" : "loss") : metric.replace("_", " "));
    tools.replaceChildren(
      O.select("Problem", settings.map((one) => [one, O.data.settings[one].name]), chosen.setting, (value) => { chosen.setting = Number(value); draw(); }),
      O.select("Measure", metrics().map((one) => [one, words(one)]), chosen.metric, (value) => { chosen.metric = value; draw(); }),
      O.select("Lines", [["best", "each optimizer's best schedule"], ["constant", "the constant rate"], ["all", "every pair"]], chosen.schedules, (value) => { chosen.schedules = value; draw(); }));
    const ranked = O.bestFirst(chosen.setting);
    let pairs = ranked;
    if (chosen.schedules === "best") pairs = [...O.groups(ranked, (row) => row.optimizer).values()].map((own) => own[0]);
    if (chosen.schedules === "constant") pairs = ranked.filter((row) => row.schedule === "constant");
    const rows = bands.rows({ setting: chosen.setting, metric: chosen.metric });
    const lines = O.groups(rows, (row) => O.pair(row.optimizer, row.schedule));
    pairs = pairs.filter((row) => lines.has(O.pair(row.optimizer, row.schedule)));
    const several = new Set(pairs.map((row) => row.schedule)).size > 1 && chosen.schedules === "all";
    const positive = rows.every((row) => !(row.low < 0));
    // A loss of nought has no place on a logarithmic axis: it is drawn just below the least that has.
    const least = Math.min(...rows.flatMap((row) => [row.low, row.mid]).filter((value) => value > 0)) / 3;
    const log = positive && (chosen.metric.includes("loss") || judged === "gap") && !["accuracy", "r2"].includes(chosen.metric);
    const chart = O.figure(() => ({
      data: pairs.flatMap((pair, i) => band(pair, lines.get(O.pair(pair.optimizer, pair.schedule)), several, i, log ? least : null)),
      layout: O.layout({ xaxis: { title: "step" }, yaxis: { title: words(chosen.metric), type: log ? "log" : "linear" } }),
    }), {
      label: `${words(chosen.metric)} by step on ${name}`, height: 460,
      click: (point) => { const pair = pairs[Math.floor(point.data.legendrank - 1000)]; O.showRuns({ setting: pair.setting, optimizer: pair.optimizer, schedule: pair.schedule, lr: pair.lr, purpose: "result" }); },
    });
    holder.replaceChildren(pairs.length ? chart : O.none("None of these was run here."));
  };
  place.append(tools, holder);
  draw();
};

const band = (pair, rows, several, i, least) => {
  const name = O.safe(O.pair(pair.optimizer, pair.schedule));
  const line = O.line(pair.optimizer, pair.schedule, several);
  const x = rows.map((row) => row.step);
  const clip = (value) => (Number.isFinite(value) ? (least === null ? value : Math.max(value, least)) : null);
  const shared = { legendgroup: name, legendrank: 1000 + i, visible: i < O.MOST_LINES ? true : "legendonly" };
  // A band ends where its upper edge is no number any more.
  const whole = rows.filter((row) => clip(row.low) !== null && clip(row.high) !== null);
  return [
    { x: [...whole.map((row) => row.step), ...whole.map((row) => row.step).reverse()], y: [...whole.map((row) => clip(row.high)), ...whole.map((row) => clip(row.low)).reverse()], fill: "toself", fillcolor: line.color, opacity: 0.13, line: { width: 0 }, mode: "lines", hoverinfo: "skip", showlegend: false, ...shared },
    { x, y: rows.map((row) => clip(row.mid)), name, line, mode: "lines", hovertemplate: `${name}<br>step %{x}: %{y:.3g}<extra></extra>`, ...shared },
  ];
};
