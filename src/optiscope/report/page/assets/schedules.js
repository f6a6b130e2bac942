/* What schedules gain, how they run, what explains the differences; and the losses of the catalogue. */
"use strict";

O.schedules = (place) => {
  const gains = O.frames.gains;
  const curves = O.frames.schedules;
  const order = O.data.looks.order;
  const panel = (frame, column, title, axis) => O.figure(() => ({
    data: [...O.groups(frame.rows(), (row) => row.schedule)].map(([schedule, own]) => ({ x: own.map((row) => row.step), y: own.map((row) => row[column]), name: O.safe(schedule), mode: "lines", customdata: own.map(() => schedule), line: { color: hue(order.indexOf(schedule)), width: 2 } })),
    layout: O.layout({ title, xaxis: { title: "step" }, yaxis: axis }),
  }), { label: `${title} by step for each schedule`, height: 380, click: (point) => O.showRuns({ schedule: point.customdata, shown: 1 }) });
  const momenta = O.frames.momenta;
  if (curves?.n) {
    const rate = panel(curves, "lr_t", "Rate, relative to its peak", { rangemode: "tozero" });
    place.append(momenta?.n ? O.el("div", { class: "grid2" }, rate, panel(momenta, "momentum", "Momentum, or the first of betas", {})) : rate);
    const moving = momenta?.n ? [...new Set(momenta.values("schedule"))].join(", ") : "";
    place.append(O.el("p", { class: "muted", text: moving ? `${moving} ${moving.includes(",") ? "move" : "moves"} the momentum too, of an optimizer that has some (here 0.9); the others leave it alone.` : "No schedule here moves the momentum." }));
  } else place.append(O.none("No trace was kept: the curves of the rates are not known."));
  const holder = O.el("div");
  const draw = (setting) => {
    const rows = setting === "" ? O.frames.median_gains.rows() : gains.rows({ setting: Number(setting) });
    const by = new Map(rows.map((row) => [`${row.optimizer}\n${row.schedule}`, row]));
    const names = [...new Set(rows.map((row) => row.optimizer))];
    const label = Object.fromEntries(names.map((name) => [O.name(name), name]));
    holder.replaceChildren(rows.length ? O.matrix(Object.keys(label), order.filter((one) => rows.some((row) => row.schedule === one)), (down, across) => {
      const row = by.get(`${label[down]}\n${across}`);
      if (!row) return null;
      const words = Number.isFinite(row.gain) ? Math.abs(row.gain) < 0.005 ? "0" : `${row.gain > 0 ? "+" : "−"}${Math.abs(row.gain).toFixed(2)}` : row.gain > 0 ? "rescued" : "lost";
      const where = { setting: setting === "" ? undefined : Number(setting), optimizer: label[down], shown: 1 };
      return { words, weight: Math.max(-1, Math.min(1, row.gain / 2)), title: `${across} against the constant rate for ${down}: ${words} decades`, runs: [{ ...where, schedule: across }, { ...where, schedule: "constant" }] };
    }, { corner: "", label: "Gain over the constant rate in decades" }) : O.none("No schedule here ran beside a constant rate."));
  };
  place.append(O.el("h3", { text: "Gain over a constant rate, in decades" }), O.el("p", { class: "muted", text: "+1 is a tenth of the cost, −1 ten times as much. Over several problems it is the median." }));
  if (gains?.n) {
    const settings = [...new Set(gains.values("setting"))].sort((a, b) => a - b);
    place.append(O.el("div", { class: "tools" }, O.select("Problem", [["", "all, the median"], ...settings.map((one) => [one, O.data.settings[one].name])], "", draw)), holder);
    draw("");
  } else place.append(O.none("No schedule ran beside a constant rate: there is nothing to gain over."));
  explained(place);
};

const hue = (i) => {
  const kept = Object.values(O.data.looks[O.theme()]).map((look) => look.color);
  const basis = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f", "#44aa99", "#aa4466", "#999933", "#6b4c2a", "#5566cc", "#c0a080", "#b4d455", "#ff9da7"];
  return kept.length && i >= 0 ? basis[i % basis.length] : basis[0];
};

/* The shares of variance, as bars one above another. */
const explained = (place) => {
  const rows = O.frames.variance?.rows() ?? [];
  place.append(O.el("h3", { text: "What explains the differences" }), O.el("p", { class: "muted", text: "Share of the variance of ranks within a problem, of a complete factorial. “:” is an interaction: the one matters differently from level to level of the other." }));
  if (!rows.length) return place.append(O.none(O.data.missing.variance ?? "There is no complete factorial to divide."));
  const bars = O.groups(rows, (row) => `${O.data.groups[row.group].name}: ${row.of}`);
  /* The runs whose ranks a bar divides. */
  const behind = (name) => {
    const { group, of } = bars.get(name)[0];
    if (of.startsWith("results")) return { part: group };
    const problems = O.data.parts[group].ids.map((i) => O.data.settings[i].problem);
    return { problem: [...new Set(problems)], purpose: "tuning" };
  };
  const shares = (name) => Object.fromEntries(bars.get(name).map((row) => [row.effect, row]));
  place.append(O.figure(() => {
    const names = [...bars.keys()].reverse();
    const effects = [...new Set(rows.filter((row) => row.share >= 0.005).map((row) => row.effect))];
    const told = (effect) => (effect === "higher" ? "higher interactions" : effect);
    return {
      data: effects.map((effect, i) => ({ type: "bar", orientation: "h", name: O.safe(told(effect)), y: names.map(O.wrapped), x: names.map((name) => bars.get(name).find((row) => row.effect === effect)?.share ?? 0), marker: { color: hue(i), opacity: effect.includes(":") || effect === "higher" ? 0.55 : 1 }, text: names.map((name) => { const share = bars.get(name).find((row) => row.effect === effect)?.share ?? 0; const words = `${told(effect)} ${O.percent(share)}`; return share >= (innerWidth < 760 ? 0.03 : 0.011) * words.length ? O.safe(words) : ""; }), customdata: names, textposition: "inside", insidetextanchor: "middle", textangle: 0, hovertemplate: `${O.safe(told(effect))}: %{x:.1%}<extra></extra>` })),
      layout: O.layout({ barmode: "stack", xaxis: { tickformat: ".0%", range: [0, 1] }, ...O.beside()}),
    };
  }, { label: "Shares of variance by factor", height: 160 + 74 * bars.size, click: (point) => O.showRuns(behind(point.customdata), point.customdata) }));
  const told = (effect) => (effect === "higher" ? "higher interactions" : effect);
  const effects = [...new Set(rows.map((row) => row.effect))];
  place.append(O.el("details", {}, O.el("summary", { text: "The same as a table" }), O.table([
    { key: "name", words: "Of" },
    ...effects.map((effect) => ({ key: effect, words: told(effect), n: true, by: ({ own }) => own[effect]?.share ?? NaN, show: ({ own }) => (own[effect] ? `${(100 * own[effect].share).toFixed(1)}%` : "–"), runs: ({ name }) => behind(name), heading: ({ name }) => name })),
  ], [...bars.keys()].map((name) => ({ name, own: shares(name) })), { label: "Shares of variance" })));
};

O.losses = (place) => {
  const frame = O.frames.losses;
  const names = frame.values("loss");
  const holder = O.el("div");
  const draw = (name) => {
    const lines = [...O.groups(frame.rows({ loss: name }), (row) => row.target)];
    const chart = (column, title) => O.figure(() => ({
      data: lines.map(([target, own], i) => ({ x: own.map((row) => row.prediction), y: own.map((row) => (Number.isFinite(row[column]) ? row[column] : null)), name: O.safe(target), mode: "lines", line: { color: hue(i), width: 2 } })),
      layout: O.layout({ title, xaxis: { title: lines[0][1][0].quantity }, yaxis: {} }),
    }), { label: `${title} of ${name}`, height: 320 });
    holder.replaceChildren(O.el("div", { class: "grid2" }, chart("value", "Value"), chart("gradient", "Gradient")));
  };
  place.append(O.el("div", { class: "tools" }, O.select("Loss", names.map((name) => [name, name]), names[0], draw)), holder);
  draw(names[0]);
};
