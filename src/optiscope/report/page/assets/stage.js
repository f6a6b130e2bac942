/* Three panels that move together: the ground with the paths, the loss, the rate. Plotly draws what stands still, a
   canvas above it what moves. */
"use strict";

/* The last place whose step is not after `time`. */
O.before = (steps, time) => {
  let [low, high] = [0, steps.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (steps[middle] <= time) low = middle;
    else high = middle - 1;
  }
  return low;
};

O.stage = () => {
  let ground, entries = [], last = 1, time = 0;
  const panels = [
    panel("ground", () => map(ground, entries), (entry) => [entry.path.x0, entry.path.x1], "Paths over the loss"),
    panel("strip", () => strip(entries, last, "Gap", gaps), (entry) => [entry.path.step, gaps(entry)], "Gap by step", (point) => runOf(entries[point.curveNumber])),
    panel("strip", () => strip(entries, last, "Learning rate", rates), (entry) => [entry.path.step, rates(entry)], "Learning rate by step", (point) => runOf(entries[point.curveNumber])),
  ];
  return {
    element: O.el("div", { class: "stage" }, ...panels.map((one) => one.element)),
    show: (where, runners, steps) => {
      [ground, entries, last] = [where, runners, steps];
      for (const one of panels) one.chart.again();
    },
    at: (now) => {
      time = now;
      for (const one of panels) one.paint(entries, time);
    },
  };
};

/* The run of one that races. */
const runOf = ({ run }) => O.showRuns({ run_id: run.run_id }, `${O.pair(run.optimizer, run.schedule)} on ${O.data.settings[run.setting].name}, lr ${O.number(Number(run.lr))}, seed ${run.seed}`);

const gaps = (entry) => {
  if (entry.gapsOf !== entry.run) [entry.gapsOf, entry.gaps] = [entry.run, O.gapsOf(entry.run, entry.path, true)];
  return entry.gaps;
};

const rates = (entry) => O.ratesOf(entry.run, entry.path);

const panel = (kind, make, series, label, click) => {
  const canvas = O.el("canvas", { "aria-hidden": "true" });
  canvas.style.cssText = "position:absolute;inset:0;pointer-events:none;width:100%;height:100%;z-index:1";
  let latest = [[], 0];
  const chart = O.chart(make, { label, click });
  const draw = chart.draw;
  chart.draw = async (force) => {
    await draw(force);
    if (!chart.drawn) return;
    if (!canvas.isConnected) chart.append(canvas);
    if (!chart.paints) {
      chart.paints = true;
      chart.on("plotly_relayout", () => paint(...latest));
      chart.on("plotly_afterplot", () => paint(...latest));
    }
    paint(...latest);
  };
  const paint = (entries, time) => {
    latest = [entries, time];
    const layout = chart._fullLayout;
    if (!layout?.xaxis || !canvas.isConnected) return;
    const scale = devicePixelRatio || 1;
    const [width, height] = [chart.clientWidth, chart.clientHeight];
    if (canvas.width !== width * scale) canvas.width = width * scale;
    if (canvas.height !== height * scale) canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const { xaxis, yaxis } = layout;
    pen.save();
    pen.beginPath();
    pen.rect(xaxis._offset, yaxis._offset, xaxis._length, yaxis._length);
    pen.clip();
    const place = (x, y) => [xaxis._offset + xaxis.d2p(x), yaxis._offset + yaxis.d2p(y)];
    for (const entry of entries) runner(pen, entry, series(entry), time, place, kind === "ground");
    pen.restore();
  };
  return { chart, paint, element: O.el("div", { class: kind }, chart) };
};

/* One runner: the way so far, and a head; a cross where its run came to no end. */
const runner = (pen, entry, [xs, ys], time, place, halo) => {
  const steps = entry.path.step;
  const i = O.before(steps, time);
  const points = [];
  for (let k = 0; k <= i; k++) if (Number.isFinite(xs[k]) && Number.isFinite(ys[k])) points.push(place(xs[k], ys[k]));
  if (i + 1 < steps.length && time > steps[i] && Number.isFinite(xs[i + 1]) && Number.isFinite(ys[i + 1])) {
    const share = (time - steps[i]) / (steps[i + 1] - steps[i]);
    const [from, to] = [place(xs[i], ys[i]), place(xs[i + 1], ys[i + 1])];
    points.push([from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]);
  }
  if (!points.length) return;
  const look = O.look(entry.optimizer);
  const stroke = (color, width, dash) => {
    pen.beginPath();
    points.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    Object.assign(pen, { strokeStyle: color, lineWidth: width, lineJoin: "round", lineCap: dash.length ? "butt" : "round" });
    pen.setLineDash(dash);
    pen.stroke();
    pen.setLineDash([]);
  };
  if (halo) stroke(O.css("--paper"), 4.5, []);
  stroke(look.color, halo ? 2.2 : 2, look.dash);
  const [x, y] = points.at(-1);
  const lost = time > steps[steps.length - 1] && ["diverged", "error"].includes(entry.run.status);
  pen.beginPath();
  if (lost) {
    for (const [dx, dy] of [[5, 5], [5, -5]]) { pen.moveTo(x - dx, y - dy); pen.lineTo(x + dx, y + dy); }
    Object.assign(pen, { strokeStyle: look.color, lineWidth: 3 });
    return pen.stroke();
  }
  pen.arc(x, y, halo ? 6 : 4, 0, 2 * Math.PI);
  Object.assign(pen, { fillStyle: look.color, strokeStyle: O.css("--paper"), lineWidth: 2 });
  pen.fill();
  pen.stroke();
};

/* The contours of the gap in its logarithm, the minima as stars, and the start. */
const map = (ground, entries) => {
  const ramp = [0, 1, 2, 3, 4, 5].map((i) => [i / 5, O.css(`--ramp${i}`)]);
  const data = [];
  const axes = { xaxis: { title: "x0", zeroline: false, showgrid: false }, yaxis: { title: "x1", zeroline: false, showgrid: false } };
  if (ground.depth) {
    const [nx, ny] = ground.grid;
    const depth = O.column(ground.depth);
    const along = ([low, high], n) => Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1));
    const z = Array.from({ length: ny }, (_, i) => Array.from(depth.subarray(i * nx, (i + 1) * nx)));
    const [low, high, count] = ground.levels.length ? ground.levels : [0, 1, 2];
    data.push({ type: "contour", x: along(ground.x, nx), y: along(ground.y, ny), z, colorscale: ramp, showscale: false, contours: { start: low, end: high, size: (high - low) / Math.max(count - 1, 1), coloring: "fill" }, line: { width: 0.6, color: O.css("--contour") }, opacity: 1, hovertemplate: "(%{x:.3g}, %{y:.3g}): gap 10^%{z:.2f}<extra></extra>" });
    Object.assign(axes.xaxis, { range: ground.x });
    Object.assign(axes.yaxis, { range: ground.y });
    data.push({ x: ground.minima.map((at) => at[0]), y: ground.minima.map((at) => at[1]), mode: "markers", marker: { symbol: "star", size: 15, color: O.css("--star"), line: { width: 1, color: "#1b2026" } }, hovertemplate: "minimum (%{x:.4g}, %{y:.4g})<extra></extra>" });
  } else {
    for (const entry of entries) data.push({ x: entry.path.x0, y: entry.path.x1, mode: "lines", opacity: 0.15, line: { color: O.look(entry.optimizer).color }, hoverinfo: "skip" });
  }
  const first = entries[0];
  if (first) data.push({ x: [first.path.x0[0]], y: [first.path.x1[0]], mode: "markers", marker: { symbol: "circle-open", size: 11, color: O.css("--ink"), line: { width: 2 } }, hovertemplate: "start<extra></extra>" });
  const annotations = ground.reason ? [{ text: `No map: ${O.safe(ground.reason)}`, showarrow: false, xref: "paper", yref: "paper", x: 0, y: 1, xanchor: "left", yanchor: "bottom", font: { size: 11, color: O.css("--muted") } }] : [];
  return { data, layout: O.layout({ ...axes, showlegend: false, annotations, margin: { l: 48, r: 8, t: ground.reason ? 30 : 18, b: 40 }, uirevision: `${ground.setting}` }) };
};

const strip = (entries, last, title, series) => ({
  data: entries.map((entry) => ({ x: entry.path.step, y: series(entry), mode: "lines", opacity: 0.22, name: O.safe(O.pair(entry.optimizer, entry.schedule)), line: { color: O.look(entry.optimizer).color, width: 1.5 }, hoverinfo: "name+x+y" })),
  layout: O.layout({ title, showlegend: false, xaxis: { title: "step", range: [0, last] }, yaxis: { type: "log" }, margin: { l: 56, r: 8, t: 30, b: 38 } }),
});
