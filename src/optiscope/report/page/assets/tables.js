/* A sortable table: columns say how a cell is shown, what it sorts by, and which runs stand behind it. */
"use strict";

const collator = new Intl.Collator("en", { numeric: true });
const FEW = 500; // rows that a table may show all at once
const PAGE = 200; // rows by which a longer one grows

/* columns: [{key, words, n (numeric), show(row) → text or element, by(row) → value, best: "min" | "max", runs(row) → where,
   heading(row) → that of its runs}] */
O.table = (columns, rows, { sort, up = true, most = 40, label } = {}) => {
  let by = sort ?? columns[0].key;
  let ascending = up;
  let count = most;
  const head = O.el("tr");
  const body = O.el("tbody");
  const table = O.el("table", { "aria-label": label }, O.el("thead", {}, head), body);
  const more = O.el("button", { type: "button", class: "tool more", onclick: () => {
    if (count >= rows.length) count = most;
    else count = rows.length <= FEW ? rows.length : count + PAGE;
    draw();
  } });
  const cells = Object.fromEntries(columns.map((column) => [column.key, O.el("th", { class: column.n && "n", scope: "col" })]));
  for (const column of columns) {
    const button = O.el("button", {
      type: "button", text: column.words, title: column.title,
      onclick: () => {
        ascending = by === column.key ? !ascending : column.best !== "max";
        by = column.key;
        draw();
      },
    });
    cells[column.key].append(button);
    head.append(cells[column.key]);
  }
  const value = (column, row) => (column.by ? column.by(row) : row[column.key]);

  /* The rows in order, each read once; what is not known stands last either way. */
  const inOrder = (column) => {
    const lost = (x) => x === undefined || x === null || Number.isNaN(x);
    const keyed = rows.map((row) => ({ row, key: value(column, row) }));
    const unknown = keyed.filter(({ key }) => lost(key));
    const sorted = keyed.filter(({ key }) => !lost(key)).sort(({ key: a }, { key: b }) => {
      const order = typeof a === "number" ? (a === b ? 0 : a < b ? -1 : 1) : collator.compare(String(a), String(b));
      return ascending ? order : -order;
    });
    return [...sorted, ...unknown].map(({ row }) => row);
  };

  const draw = () => {
    const column = columns.find((one) => one.key === by);
    for (const one of columns) {
      if (one.key === by) cells[one.key].setAttribute("aria-sort", ascending ? "ascending" : "descending");
      else cells[one.key].removeAttribute("aria-sort");
    }
    const sorted = inOrder(column);
    const best = {};
    for (const one of columns.filter((each) => each.best)) {
      const known = rows.map((row) => value(one, row)).filter(Number.isFinite);
      best[one.key] = known.length > 1 ? known.reduce((a, b) => Math[one.best](a, b)) : NaN;
    }
    body.replaceChildren(...sorted.slice(0, count).map((row) => line(row, best)));
    const whole = rows.length.toLocaleString("en-GB");
    more.textContent = count >= rows.length ? "Show fewer" : rows.length <= FEW ? `Show all ${whole} rows` : `Show ${Math.min(PAGE, rows.length - count)} more (${count} of ${whole})`;
    more.hidden = rows.length <= most;
  };

  const line = (row, best) => {
    const made = O.el("tr");
    for (const column of columns) {
      const shown = column.show ? column.show(row) : column.n ? O.number(row[column.key]) : row[column.key];
      const cell = O.el("td", { class: [column.n && "n", best[column.key] === value(column, row) && "best"].filter(Boolean).join(" ") || null });
      const where = column.runs?.(row);
      if (where && shown !== "–") {
        cell.append(O.el("button", { type: "button", class: "num", "aria-label": `${column.words}: ${shown}, show its runs`, text: shown, onclick: () => O.showRuns(where, column.heading?.(row)) }));
      } else cell.append(shown instanceof Node ? shown : String(shown ?? "–"));
      made.append(cell);
    }
    return made;
  };

  const whole = O.el("div", {}, O.el("div", { class: "scroll" }, table), more);
  whole.refill = (fresh) => { rows = fresh; draw(); };
  draw();
  return whole;
};

/* The name of an optimizer with its line, which takes the theme's colour anew. */
O.who = (optimizer) => O.el("span", { class: "who" }, O.swatch(optimizer), O.el("span", { text: O.name(optimizer) }));

/* A name that may be broken between its words: CosineAnnealingLR after Cosine. */
O.breakable = (name) => name.split(/(?<=[a-z])(?=[A-Z])|(?<= )/).flatMap((part) => [part, document.createElement("wbr")]);

/* A matrix of shares or gains as a table: readable by keyboard and on paper. */
O.matrix = (down, across, cell, { corner = "", label } = {}) => {
  const head = O.el("tr", {}, O.el("td", { text: corner }), ...across.map((name) => O.el("th", { scope: "col" }, ...O.breakable(name))));
  const rows = down.map((one) => O.el("tr", {}, O.el("th", { scope: "row", text: one }), ...across.map((other) => {
    const made = O.el("td");
    const told = cell(one, other);
    if (!told) return made;
    made.append(O.el("button", { type: "button", class: "num", text: told.words, title: told.title, onclick: () => O.showRuns(told.runs) }));
    made.style.background = O.tint(told.weight);
    return made;
  })));
  return O.el("div", { class: "scroll" }, O.el("table", { class: "matrix", "aria-label": label }, O.el("thead", {}, head), O.el("tbody", {}, ...rows)));
};

/* Blue where it is good (towards 1), orange where it is bad (towards −1), paper between. */
O.tint = (weight) => {
  const share = Math.min(Math.abs(weight || 0), 1) * 55;
  return `color-mix(in srgb, ${weight > 0 ? "#0072b2" : "#d55e00"} ${share.toFixed(0)}%, transparent)`;
};
