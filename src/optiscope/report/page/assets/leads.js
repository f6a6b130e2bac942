/* Numbers lead to runs: what stands in words, on the page itself or made by a script, by mouse and by keyboard. */
"use strict";

/* Words in a text that open the runs behind them. */
O.lead = (words, where, title) =>
  O.el("span", { class: "leads", role: "button", tabindex: 0, "data-runs": JSON.stringify(where), "data-title": title, text: words });

document.addEventListener("click", (event) => {
  const lead = event.target.closest?.("[data-runs]");
  if (lead && O.frames) O.showRuns(JSON.parse(lead.dataset.runs), lead.dataset.title);
});
/* A button does so by itself. */
document.addEventListener("keydown", (event) => {
  if (!["Enter", " "].includes(event.key) || !event.target.matches?.("span[data-runs]")) return;
  event.preventDefault();
  event.target.click();
});

const list = (value) => (Array.isArray(value) ? value : [value]);

/* What a part of the leaderboard stands for, as columns of the runs frame: `part` its pairs as they are shown, in its
   settings; `settings` these settings alone. */
O.columnsOf = ({ part, settings, ...rest }) => ({
  ...(part === undefined ? {} : { setting: O.data.parts[part].ids, competitor: O.data.parts[part].competitors, shown: 1 }),
  ...(settings === undefined ? {} : { setting: O.data.parts[settings].ids }),
  ...rest,
});

/* The places of the runs that `where` means: columns with a value or a list of them, or several such.
   A rate is a number, known to six digits; `noted` is a text within the notes of a run. */
O.runsOf = (where) => {
  const { runs } = O.frames;
  const tests = list(where).map((one) => {
    const { lr, noted, ...rest } = O.columnsOf(one);
    const more = [];
    if (lr !== undefined) more.push(runs.test("lr", (text) => Math.abs(Number(text) - lr) <= 1e-5 * lr));
    if (noted !== undefined) more.push(runs.test("notes", (text) => text.includes(noted)));
    return runs.agrees(rest, more);
  });
  const found = [];
  for (let i = 0; i < runs.n; i++) if (tests.some((test) => test(i))) found.push(i);
  return found;
};

/* The heading of the drawer, where nobody gave one. */
O.titleOf = (where) => {
  const parts = list(where);
  const one = (key) => {
    const values = [...new Set(parts.map((each) => JSON.stringify(each[key] ?? null)))];
    const value = values.length === 1 ? JSON.parse(values[0]) : null;
    return Array.isArray(value) ? (value.length === 1 ? value[0] : null) : value;
  };
  const setting = one("setting");
  const part = one("part") ?? one("settings");
  const place = setting !== null ? O.data.settings[setting]?.name : part !== null ? O.data.parts[part].name : one("problem") ?? "";
  const who = parts.flatMap((each) => {
    const names = list(each.competitor ?? []);
    if (names.length) return names.length > 3 ? [`${names.length} pairs`] : names.map(O.nameOfPair);
    return [[each.optimizer && O.name(each.optimizer), each.schedule].filter(Boolean).join(" + ")];
  });
  const untuned = parts.every((each) => each.untuned) ? "at its default rate" : "";
  const lr = one("lr");
  const names = [...new Set(who)].filter(Boolean);
  const everybody = one("part") === null ? "All" : O.plural(O.data.parts[one("part")].competitors.length, "pair");
  const told = [names.length > 3 ? `${names.length} pairs` : names.join(" against "), untuned].filter(Boolean).join(" ");
  return [told || everybody, place && `on ${place}`].filter(Boolean).join(" ") + (lr === null ? "" : `, lr ${O.number(lr)}`);
};

/* A pair by its stored name, with the optimizer called as on the rest of the page. */
O.nameOfPair = (competitor) => {
  const { runs } = O.frames;
  O.pairNames ??= new Map();
  if (!O.pairNames.has(competitor)) {
    const i = runs.first({ competitor });
    O.pairNames.set(competitor, i < 0 ? competitor : O.pair(runs.get("optimizer", i), runs.get("schedule", i)));
  }
  return O.pairNames.get(competitor);
};
