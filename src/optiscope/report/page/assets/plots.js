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
  const dress = (own) => ({ ...axis, ...own, title: { text: own?.title ?? "", standoff: 8, font: { size: 13, color: muted } } });
  const narrow = innerWidth < 760;
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 13, family: O.css("--sans") },
    margin: { l: 56, r: 12, t: more.title ? 36 : 12, b: 44 }, hovermode: "closest", dragmode: narrow ? false : "zoom",
    legend: { orientation: "h", y: -0.18, x: 0, font: { size: 12 }, itemwidth: 30 },
    hoverlabel: { bgcolor: O.css("--paper"), bordercolor: grid, font: { color: ink } },
    ...more,
    xaxis: dress(more.xaxis), yaxis: dress(more.yaxis),
  };
  if (more.title) layout.title = { text: more.title, font: { size: 14 }, x: 0, xanchor: "left", xref: "paper", y: 0.98, yanchor: "top" };
  return layout;
};

/* User names go into Plotly as text, which it reads for tags: none may be seen as one. */
O.safe = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

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
    waits.remove();
    await Plotly.react(chart, data, layout, { displaylogo: false, responsive: true, displayModeBar: false });
    if (click && !chart.listens) {
      chart.listens = true;
      chart.on("plotly_click", (event) => click(event.points[0]));
    }
    chart.drawn = true;
  };
  chart.again = () => { wanted = true; if (O.near(chart)) chart.draw(); };
  O.charts.add(chart);
  seen.observe(chart);
  return chart;
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

/* On paper ink is dark, and every chart is there. */
let before = null;
addEventListener("beforeprint", () => {
  before = O.theme();
  O.setTheme("light", false);
  for (const chart of O.charts) if (chart.isConnected) chart.draw();
});
addEventListener("afterprint", () => { if (before) O.setTheme(before, false); });
