/* A chart by keyboard: arrows go from point to point and from line to line, Enter does what a click does. */
"use strict";

const known = (value) => value !== null && value !== undefined && !(typeof value === "number" && !Number.isFinite(value));

/* The points that can be reached, line by line; of a heat map a line is a row, from the top. */
const linesOf = (data) => {
  const heat = data.filter((trace) => trace.type === "heatmap");
  if (heat.length) {
    return heat[0].y.map((_, r) => heat[0].x.flatMap((_, c) => {
      const trace = heat.find((one) => known(one.z[r][c]));
      return trace ? [{ curve: data.indexOf(trace), point: [r, c] }] : [];
    })).reverse().filter((own) => own.length);
  }
  return data.flatMap((trace, curve) => {
    if (trace.hoverinfo === "skip" || trace.visible === false || trace.visible === "legendonly") return [];
    const own = Array.from(trace.x, (x, point) => ({ x, y: trace.y[point], curve, point })).filter(({ x, y }) => known(x) && known(y));
    return own.length ? [own] : [];
  });
};

/* What plotly tells of a point that is clicked, as far as the charts here ask for it. */
const asClicked = (data, { curve, point }) => {
  const trace = data[curve];
  const custom = Array.isArray(point) ? trace.customdata?.[point[0]][point[1]] : trace.customdata?.[point];
  return { data: trace, curveNumber: curve, pointIndex: point, pointNumber: point, customdata: custom };
};

O.byKeys = (chart, click) => {
  let at = null; // {curve, point}
  const hint = O.el("p", { class: "hint", "aria-hidden": "true", text: "arrow keys choose, Enter shows the runs" });
  const said = O.el("p", { class: "unseen", "aria-live": "polite" });
  chart.tabIndex = 0;
  chart.setAttribute("role", "group");
  chart.setAttribute("aria-roledescription", "chart");
  chart.setAttribute("aria-description", "Arrow keys choose a point, Enter shows the runs behind it.");
  chart.append(hint, said);
  const same = (one) => at && one.curve === at.curve && String(one.point) === String(at.point);
  chart.addEventListener("keydown", (event) => {
    if (event.target !== chart || !chart.drawn) return;
    if (event.key === "Enter" && at) {
      event.preventDefault();
      return click(asClicked(chart.data, at));
    }
    const [along, across] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key] ?? [0, 0];
    if (!along && !across) return;
    event.preventDefault();
    const lines = linesOf(chart.data);
    if (!lines.length) return;
    let i = lines.findIndex((own) => own.some(same));
    let k = i < 0 ? -1 : lines[i].findIndex(same);
    if (i < 0) [i, k] = [0, 0];
    else {
      const next = Math.max(0, Math.min(lines.length - 1, i + across));
      k = next === i ? k + along : lines.length && Math.round((k * (lines[next].length - 1)) / Math.max(lines[i].length - 1, 1));
      i = next;
      k = Math.max(0, Math.min(lines[i].length - 1, k));
    }
    at = lines[i][k];
    window.Plotly.Fx.hover(chart, [{ curveNumber: at.curve, pointNumber: at.point }]);
    setTimeout(() => { said.textContent = chart.querySelector(".hoverlayer")?.textContent ?? ""; }, 80);
  });
  chart.addEventListener("blur", () => { if (chart.drawn) window.Plotly.Fx.unhover(chart); });
};
