/* The one namespace of the page, and what every other script needs: elements, numbers, the theme. */
"use strict";
const O = {};

/* An element: O.el("td", {class: "n", text: "3"}, child, …). Text is text: nothing here is ever read as HTML. */
O.el = (tag, given = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

/* A number as short as it stays true to three digits. */
O.number = (value, infinite = "∞") => {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? infinite : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  if (Number.isInteger(value)) return value.toLocaleString("en-GB");
  return String(Number(value.toPrecision(3)));
};

/* A share; infinite where so many runs failed that nothing can be averaged. */
O.percent = (share) => (Number.isNaN(share) ? "–" : Number.isFinite(share) ? `${Math.round(100 * share)}%` : "failed");

O.plural = (count, noun) => `${count.toLocaleString("en-GB")} ${noun}${count === 1 ? "" : "s"}`;

O.select = (name, options, chosen, change) => {
  const select = O.el("select", { class: "tool", onchange: () => change(select.value) });
  for (const [value, words] of options) {
    select.append(O.el("option", { value, text: words, selected: String(value) === String(chosen) }));
  }
  return O.el("label", {}, name, select);
};

O.none = (words) => O.el("p", { class: "none", text: words });

O.theme = () => document.documentElement.dataset.theme;
O.css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
O.themed = []; // called when the theme changes

O.setTheme = (name, keep = true) => {
  document.documentElement.dataset.theme = name;
  if (keep) {
    try { localStorage.setItem("optiscope-theme", name); } catch { /* a page from disk may have no storage */ }
  }
  O.themed.forEach((call) => call());
};

O.look = (optimizer) => {
  const looks = O.data.looks[O.theme()];
  return looks[optimizer] || { color: O.css("--muted"), ink: O.css("--ink"), dash: [] };
};

O.name = (optimizer) => O.data.looks.names[optimizer] || optimizer;
O.pair = (optimizer, schedule) => `${O.name(optimizer)} + ${schedule}`;

/* The line of an optimizer; where schedules meet in one chart the dash is the schedule's. */
O.line = (optimizer, schedule, several) => {
  const look = O.look(optimizer);
  const dash = several ? O.data.looks.schedules[schedule] || [] : look.dash;
  return { color: look.color, width: 2, dash: dash.length ? dash.map((part) => `${part}px`).join(",") : "solid" };
};

/* A piece of line as the charts draw it: the dashes of a method or a schedule are told apart in a legend, too. */
O.stroke = (color, dash) => {
  const made = O.el("span", { class: "swatch", "aria-hidden": "true" });
  made.style.borderTopColor = color;
  if (!dash.length) return made;
  const scale = Math.min(1, 24 / dash.reduce((a, b) => a + b, 0)); // one whole pattern, at least
  let at = 0;
  const stops = dash.map((part, i) => `${i % 2 ? "transparent" : color} ${at.toFixed(1)}px ${(at += part * scale).toFixed(1)}px`);
  Object.assign(made.style, { borderTopWidth: "0", height: "3px", background: `repeating-linear-gradient(to right, ${stops.join(", ")})` });
  return made;
};

O.swatch = (optimizer) => O.stroke(O.look(optimizer).color, O.look(optimizer).dash);
