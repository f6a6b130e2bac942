/* The runs behind a number: a dialog with their curves and paths, and a table of which any row opens one run. */
"use strict";

O.MOST_CURVES = 60;

O.showRuns = (where, title) => {
  const frame = O.frames.runs;
  const places = O.runsOf(where);
  const dialog = document.getElementById("drawer");
  const detail = O.el("div", { "aria-live": "polite" });
  const close = O.el("button", { type: "button", class: "tool", text: "Close", onclick: () => dialog.close() });
  const body = O.el("div", { class: "drawer-body" });
  dialog.replaceChildren(
    O.el("div", { class: "drawer-head" },
      O.el("div", {}, O.el("h2", { id: "drawer-title", text: title ?? O.titleOf(where) }), O.el("p", { class: "muted", text: counted(places) })),
      close),
    body);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  if (!places.length) return body.append(O.none(O.data.listed.runs < O.data.listed.of ? "None of these runs is among those that this page lists." : "There are no such runs: what is meant was not run."));
  const runs = places.map(frame.row);
  const traced = runs.filter((run) => run.first >= 0).slice(0, O.MOST_CURVES);
  const table = runTable(runs, detail);
  body.append(traced.length ? runCharts(traced, runs.length, table.pick) : O.none("No trace of these runs is on the page: what follows is what their rows say."));
  body.append(O.el("h3", { text: "The runs" }), table, detail);
  O.showRun(runs.find((run) => run.purpose === "result") ?? runs[0], detail);
};

/* How many runs and trials; and that there are more than the page has room for. */
const counted = (places) => {
  const results = places.filter((i) => O.frames.runs.get("purpose", i) === "result").length;
  const words = [O.plural(results, "run")];
  if (places.length > results) words.push(`${O.plural(places.length - results, "trial")} of the search`);
  const { runs, of } = O.data.listed;
  const more = runs < of ? `, of the ${runs.toLocaleString("en-GB")} that this page lists (there are ${of.toLocaleString("en-GB")})` : "";
  return words.join(", ") + more;
};

const runCharts = (runs, of, pick) => {
  const label = (run) => O.safe(`${O.pair(run.optimizer, run.schedule)}, lr ${O.number(Number(run.lr))}, seed ${run.seed}`);
  const many = new Set(runs.map((run) => run.optimizer)).size > 1;
  const pairs = new Set(runs.map((run) => O.pair(run.optimizer, run.schedule))).size;
  const one = new Set(runs.map((run) => run.setting)).size === 1;
  const lines = (x, y) => runs.flatMap((run) => {
    const path = O.path(run);
    if (!path?.[x] || !path?.[y]) return [];
    const look = many || pairs === 1 ? { ...O.line(run.optimizer), ...(many ? {} : { dash: "solid" }) } : O.line(run.optimizer, run.schedule, true);
    const values = y === "lr_t" ? O.ratesOf(run, path) : y === "loss" ? O.gapsOf(run, path, positive) : path[y];
    return [{ x: path[x], y: values, name: label(run), line: { ...look, width: 1.4 }, opacity: 0.85, mode: "lines", customdata: Array.from(path[x], () => run._), hoverinfo: "name+x+y", showlegend: false }];
  });
  const known = runs.some((run) => !Number.isNaN(run.loss_floor));
  const positive = runs.every((run) => { const path = O.path(run); return path.loss.every((loss) => !(O.gapOf(run, loss) < 0)); });
  const click = (point) => pick(runs.find((run) => run._ === point.customdata));
  const charts = [
    O.chart(() => ({
      data: lines("step", "loss"),
      layout: O.layout({ title: known ? "Gap above the least loss known" : "Loss", xaxis: { title: "step" }, yaxis: { type: positive ? "log" : "linear" } }),
    }), { label: "Loss of each run by step", height: 250, click }),
    O.chart(() => ({
      data: lines("step", "lr_t"), layout: O.layout({ title: "Learning rate", xaxis: { title: "step" }, yaxis: { type: "log" } }),
    }), { label: "Rate of each run by step", height: 250, click }),
  ];
  if (one && runs.some((run) => O.path(run).x0 && !Number.isNaN(O.path(run).x0[0]))) {
    charts.push(O.chart(() => ({
      data: lines("x0", "x1"), layout: O.layout({ title: "Path", xaxis: { title: "x0" }, yaxis: { title: "x1" } }),
    }), { label: "Path of each run", height: 250, click }));
  }
  const told = of > runs.length ? [O.el("p", { class: "muted", text: `Curves of ${runs.length} of them.` })] : [];
  return O.el("div", {}, O.el("div", { class: "grid2" }, ...charts), ...told);
};

const runTable = (runs, detail) => {
  const choose = (run, button) => {
    O.showRun(run, detail);
    table.querySelectorAll(".chosen").forEach((row) => row.classList.remove("chosen"));
    button?.closest("tr").classList.add("chosen");
    detail.scrollIntoView({ block: "nearest" });
  };
  const seed = (run) => O.el("button", {
    type: "button", class: "num", text: run.seed, "data-run": run._, "aria-label": `Seed ${run.seed}: all about this run`,
    onclick: (event) => choose(run, event.target),
  });
  const network = runs.some((run) => !Number.isNaN(run.accuracy_final ?? NaN));
  const table = O.table([
    { key: "seed", words: "Seed", n: true, show: seed },
    ...(new Set(runs.map((run) => run.setting)).size > 1 ? [{ key: "setting", words: "Problem", show: (run) => O.data.settings[run.setting]?.name ?? run.problem }] : []),
    { key: "purpose", words: "Purpose", by: (run) => `${run.purpose === "result" ? 0 : 1}`, show: (run) => run.purpose },
    { key: "optimizer", words: "Optimizer", show: (run) => O.who(run.optimizer), by: (run) => O.name(run.optimizer) },
    { key: "schedule", words: "Schedule" },
    { key: "lr", words: "lr", n: true, by: (run) => Number(run.lr), show: (run) => O.number(Number(run.lr)) },
    { key: "status", words: "Status" },
    { key: "loss_final", words: "Final gap or loss", n: true, best: "min", by: (run) => O.gapOf(run, run.loss_final), show: (run) => O.number(O.gapOf(run, run.loss_final)) },
    { key: "loss_best", words: "Best", n: true, by: (run) => O.gapOf(run, run.loss_best), show: (run) => O.number(O.gapOf(run, run.loss_best)) },
    ...(network ? [{ key: "accuracy_final", words: "Accuracy", n: true, best: "max" }] : []),
    { key: "steps_done", words: "Steps", n: true },
    { key: "wall_s", words: "Seconds", n: true, show: (run) => (run.engine === "single" ? O.number(run.wall_s) : "–"), by: (run) => (run.engine === "single" ? run.wall_s : NaN) },
  ], runs, { sort: "purpose", most: 12, label: "Runs behind the number" });
  table.pick = (run) => choose(run, table.querySelector(`[data-run="${run._}"]`));
  return table;
};
