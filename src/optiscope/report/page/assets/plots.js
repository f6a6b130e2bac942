/* Plotly, unpacked when the first chart comes into view; charts that follow the theme. */
"use strict";

O.plotly = () => {
  O.plotlyReady ??= O.unpack("plotly-packed").then((bytes) => {
    document.head.append(O.el("script", { text: new TextDecoder().decode(bytes) }));
    return window.Plotly;
  });
  return O.plotlyReady;
};

O.layout = (more = {}) => {
  const [ink, muted, grid] = ["--ink", "--muted", "--grid"].map(O.css);
  const axis = {
    gridcolor: grid, linecolor: grid, zerolinecolor: grid, tickcolor: grid, automargin: true,
    tickfont: { size: 12, color: muted }, exponentformat: "power", title: { standoff: 8 },
  };
  // Full numbers at every tick of a logarithmic axis, of one size, in the page's own way of writing them.
  const log = { exponentformat: "e" };
  const dress = (own) => ({ ...axis, ...(own?.type === "log" ? log : {}), ...own, title: { text: O.safe(own?.title ?? ""), standoff: 8, font: { size: 13, color: muted } } });
  const narrow = innerWidth < 760;
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 13, family: O.css("--sans") },
    margin: { l: 56, r: 12, t: more.title ? 36 : 12, b: 44 }, hovermode: "closest", dragmode: narrow ? false : "zoom",
    showlegend: false,
    hoverlabel: { bgcolor: O.css("--paper"), bordercolor: grid, font: { color: ink } },
    ...more,
    xaxis: dress(more.xaxis), yaxis: dress(more.yaxis),
  };
  if (more.title) layout.title = { text: more.title, font: { size: 14 }, x: 0, xanchor: "left", xref: "paper", y: 0.98, yanchor: "top" };
  return layout;
};

/* Names beside bars: in lines of at most 18 letters, on a phone with a margin that plotly need not look for. */
O.beside = () => (innerWidth < 760 ? { yaxis: { automargin: false, tickfont: { size: 10 } }, margin: { l: 118, r: 8, t: 12, b: 44 } } : { yaxis: {} });
O.wrapped = (text) => {
  const lines = [""];
  for (const word of text.split(/(?<=[ ,(])/)) {
    if (lines.at(-1) && (lines.at(-1) + word).length > 18) lines.push("");
    lines[lines.length - 1] += word;
  }
  return lines.map(O.safe).join("<br>");
};

/* Ticks of a logarithmic axis: powers of ten where there are many, 1, 2 and 5 where there are few. */
O.ticks = (data, layout) => {
  for (const [axis, column] of [["xaxis", "x"], ["yaxis", "y"]]) {
    if (layout[axis].type !== "log" || layout[axis].dtick) continue;
    let [low, high] = [Infinity, 0];
    for (const trace of data) {
      for (const value of trace[column] ?? []) {
        if (!(value > 0) || !Number.isFinite(value)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    const decades = Math.log10(high / low);
    if (!(decades >= 0.7)) Object.assign(layout[axis], { tickformat: "~g", nticks: 5 });
    else Object.assign(layout[axis], decades > 2.5 ? { dtick: Math.ceil(decades / 9) } : { dtick: "D2", tickformat: "~g" });
  }
};

/* User names go into Plotly as text, which it reads for tags: none may be seen as one. */
O.safe = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

O.unsafe = (text) => String(text).replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/* On paper ink is dark, and every chart is there: `before` is the theme to go back to. */
let before = null;
O.charts = new Set();
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) entry.target.draw?.();
}, { rootMargin: "300px" });

/* A chart that draws itself when seen: `make()` gives {data, layout}; `click(point)` is told what was clicked. */
O.chart = (make, { click, label, height } = {}) => {
  const waits = O.el("p", { class: "waits", text: "drawing …" });
  const chart = O.el("div", { class: "chart", role: "img", "aria-label": label }, waits);
  if (height) chart.style.height = `${height}px`;
  let wanted = true;
  chart.draw = async (force = false) => {
    if (!wanted && !force) return;
    wanted = false;
    const Plotly = await O.plotly();
    if (!chart.isConnected && !force) return;
    const { data, layout } = make();
    chart.dress?.(data);
    O.ticks(data, layout);
    if (before) layout.width = chart.clientWidth; // a sheet is narrower than most windows, and fires no resize
    waits.remove();
    await Plotly.react(chart, data, layout, { displaylogo: false, responsive: true, displayModeBar: false });
    if (click && !chart.listens) {
      chart.listens = true;
      chart.on("plotly_click", (event) => click(event.points[0]));
    }
    chart.drawn = true;
  };
  chart.again = () => { wanted = true; if (O.near(chart)) chart.draw(); };
  if (click) O.byKeys(chart, click);
  O.charts.add(chart);
  seen.observe(chart);
  return chart;
};

O.MOST_NAMES = 18;

/* A chart with a legend of buttons: each shows or hides the lines of one name, by keyboard as by mouse. */
O.figure = (make, options) => {
  const chart = O.chart(make, options);
  const legend = O.el("div", { class: "legend", role: "group", "aria-label": "Lines" });
  const hidden = new Map();
  chart.dress = (data) => {
    let all = legend.all ?? false;
    const named = data.filter((trace) => trace.name && trace.showlegend !== false);
    const group = (trace) => trace.legendgroup ?? trace.name;
    for (const trace of named) if (!hidden.has(group(trace))) hidden.set(group(trace), trace.visible === "legendonly");
    for (const trace of data) if (hidden.has(group(trace))) trace.visible = !hidden.get(group(trace));
    const chips = named.map((trace, i) => {
      const dash = trace.line?.dash ?? "solid";
      const swatch = O.stroke(trace.line?.color ?? trace.marker?.color, dash === "solid" ? [] : dash.split(",").map(parseFloat));
      if (trace.type === "bar") swatch.classList.add("block");
      if (trace.marker?.opacity) swatch.style.opacity = trace.marker.opacity;
      return O.el("button", {
        type: "button", hidden: i >= O.MOST_NAMES && !all, "aria-pressed": String(!hidden.get(group(trace))),
        onclick: (event) => {
          hidden.set(group(trace), !hidden.get(group(trace)));
          event.currentTarget.setAttribute("aria-pressed", String(!hidden.get(group(trace))));
          const places = data.flatMap((other, i) => (group(other) === group(trace) ? [i] : []));
          window.Plotly.restyle(chart, { visible: !hidden.get(group(trace)) }, places);
        },
      }, swatch, O.unsafe(trace.name));
    });
    const more = O.el("button", {
      type: "button", class: "muted", hidden: named.length <= O.MOST_NAMES || all, text: `${Math.max(0, named.length - O.MOST_NAMES)} more …`,
      onclick: () => { legend.all = all = true; chips.forEach((chip) => { chip.hidden = false; }); more.hidden = true; },
    });
    legend.replaceChildren(...chips, more);
    legend.hidden = named.length < 2;
  };
  return O.el("div", { class: "figure" }, chart, legend);
};

O.near = (chart) => {
  const box = chart.getBoundingClientRect();
  return chart.isConnected && box.bottom > -300 && box.top < innerHeight + 300;
};

O.themed.push(() => {
  for (const chart of O.charts) {
    if (chart.isConnected) chart.again();
    else if (chart.drawn) O.charts.delete(chart);
  }
});

addEventListener("beforeprint", () => {
  before = O.theme();
  document.documentElement.classList.add("printing");
  // What is chosen above a chart says what the chart shows: on paper, where nobody chooses, as a line of text.
  for (const tools of document.querySelectorAll(".tools")) {
    const said = [...tools.querySelectorAll("label")].filter((label) => label.querySelector("select"))
      .map((label) => `${label.firstChild.textContent.trim()}: ${label.querySelector("select").selectedOptions[0]?.text ?? ""}`);
    if (said.length) tools.before(O.el("p", { class: "printed", text: said.join(" · ") }));
  }
  document.querySelectorAll(".audit").forEach((one) => { one.open = true; });
  O.setTheme("light", false);
  for (const chart of O.charts) if (chart.isConnected) chart.draw(true);
});
addEventListener("afterprint", () => {
  const back = before;
  before = null;
  document.documentElement.classList.remove("printing");
  document.querySelectorAll(".printed").forEach((one) => one.remove());
  if (back) O.setTheme(back, false);
});
